//! `$Id$`: expanded to the id of the blob.

use crate::id::ObjectId;

/// How much longer a content becomes by one keyword.
pub(super) fn growth_bytes(id: &ObjectId) -> u64 {
    ": ".len() as u64 + id.kind().len_hex() as u64 + " ".len() as u64
}

/// Expands `$Id$`, and `$Id: … $` of git's own kind; `None` if there is none.
///
/// Between colon and dollar there may be one word only: with blanks inside it is another program's, and stays. Both
/// dollars must stand on one line.
pub(super) fn expand(id: &ObjectId, content: &[u8]) -> Option<Vec<u8>> {
    let mut expanded = Vec::new();
    let mut done = 0; // bytes of `content` that are in `expanded`
    let mut at = 0;
    while let Some(dollar) = find(content, b'$', at) {
        at = dollar + 1;
        let Some(keyword_len) = keyword_len(&content[at..]) else {
            continue;
        };
        expanded.extend_from_slice(&content[done..at]);
        expanded.extend_from_slice(format!("Id: {id} $").as_bytes());
        at += keyword_len;
        done = at;
    }
    if done == 0 {
        return None;
    }
    expanded.extend_from_slice(&content[done..]);
    Some(expanded)
}

/// Length of what stands behind the first dollar, with the second.
fn keyword_len(text: &[u8]) -> Option<usize> {
    let rest = text.strip_prefix(b"Id")?;
    match rest.first()? {
        b'$' => Some(3),
        b':' => {
            let value = &rest[1..];
            let end = value
                .iter()
                .position(|&byte| byte == b'$' || byte == b'\n')?;
            if value[end] == b'\n' {
                return None;
            }
            // A blank may come first, and one may come last.
            let inner = value[..end].get(1..).unwrap_or_default();
            let blank = inner.iter().position(|&byte| byte == b' ');
            if blank.is_some_and(|blank| blank + 1 < inner.len()) {
                return None;
            }
            Some(3 + end + 1)
        }
        _ => None,
    }
}

fn find(content: &[u8], wanted: u8, from: usize) -> Option<usize> {
    let found = content[from..].iter().position(|&byte| byte == wanted)?;
    Some(from + found)
}
