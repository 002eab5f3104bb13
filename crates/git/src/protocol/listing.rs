//! The list of refs as the program `git ls-remote` prints it.

use super::error::ProtocolError;
use super::packet::ProtocolLimits;
use super::refs::{RefGatherer, RefList, parse_id};
use crate::id::{HashKind, ObjectId};

/// Reads what `git ls-remote` printed: the object format of the ids in it, and the refs. An empty list is taken for one
/// of a `sha1` repository.
///
/// # Errors
/// [`ProtocolError::Garbled`] for lines of another form, [`ProtocolError::TooMuch`].
pub fn read_listing(
    printed: &[u8],
    limits: &ProtocolLimits,
) -> Result<(HashKind, RefList), ProtocolError> {
    let mut kind = None;
    let mut gatherer = RefGatherer::new(limits);
    for line in printed
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        gatherer.count(line)?;
        let tab = line.iter().position(|&byte| byte == b'\t');
        let (id, name) = tab
            .map(|tab| (&line[..tab], &line[tab + 1..]))
            .ok_or_else(|| ProtocolError::garbled("a line of git ls-remote without a ref"))?;
        let kind = *kind.get_or_insert_with(|| kind_of(id));
        let id: ObjectId = parse_id(id, kind)?;
        match name.strip_suffix(b"^{}") {
            Some(tag) => gatherer.peel_last(tag, id),
            None => gatherer.add(name, id, None, None)?,
        }
    }
    Ok((kind.unwrap_or(HashKind::Sha1), gatherer.finish()))
}

fn kind_of(id: &[u8]) -> HashKind {
    if id.len() == HashKind::Sha256.len_hex() {
        HashKind::Sha256
    } else {
        HashKind::Sha1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_prints_is_read() {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let printed = format!(
            "{a}\tHEAD\n{a}\trefs/heads/main\n{b}\trefs/tags/v1.0.0\n{a}\trefs/tags/v1.0.0^{{}}\n"
        );
        let (kind, list) = read_listing(printed.as_bytes(), &ProtocolLimits::default()).unwrap();
        assert_eq!((kind, list.refs().len()), (HashKind::Sha1, 3));
        let tag = list.find("refs/tags/v1.0.0").unwrap();
        assert_eq!(
            (tag.id.to_string(), tag.peeled.unwrap().to_string()),
            (b, a)
        );
        for garbled in ["x", "x\ty", &format!("{}\tHEAD", "a".repeat(39))] {
            assert!(
                read_listing(garbled.as_bytes(), &ProtocolLimits::default()).is_err(),
                "{garbled}"
            );
        }
    }
}
