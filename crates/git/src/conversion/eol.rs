//! Line ends: LF to CRLF, and which content looks like text.

/// Whether content looks like text to git and holds no CR at all.
pub(super) fn is_plain_text(content: &[u8]) -> bool {
    let mut printable = 0_usize;
    let mut other = 0_usize;
    for &byte in content {
        match byte {
            b'\r' | 0 => return false,
            b'\n' => {}
            // Backspace, tab, escape and form feed count as text, and so does every byte above ASCII.
            0x08 | b'\t' | 0x1b | 0x0c => printable += 1,
            0x01..=0x1f | 0x7f => other += 1,
            _ => printable += 1,
        }
    }
    // The mark that DOS put at the end of texts.
    if content.last() == Some(&0x1a) {
        other -= 1;
    }
    other <= printable / 128
}

/// Puts a CR in front of each LF that has none; `None` if nothing changes.
pub(super) fn to_crlf(content: &[u8]) -> Option<Vec<u8>> {
    let mut bare = 0;
    let mut before = 0;
    for &byte in content {
        bare += usize::from(byte == b'\n' && before != b'\r');
        before = byte;
    }
    if bare == 0 {
        return None;
    }
    let mut converted = Vec::with_capacity(content.len() + bare);
    for line in content.split_inclusive(|&byte| byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(text) if !text.ends_with(b"\r") => {
                converted.extend_from_slice(text);
                converted.extend_from_slice(b"\r\n");
            }
            _ => converted.extend_from_slice(line),
        }
    }
    Some(converted)
}
