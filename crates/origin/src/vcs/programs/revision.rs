//! What the kinds of repositories have in common in naming revisions.

/// Digits of a short hash in pseudo-versions.
const SHORT_DIGITS: usize = 12;

/// A SHA-1 in the short form of pseudo-versions; anything else as it is.
pub fn shorten_sha1(hash: &str) -> &str {
    let is_sha1 = hash.len() == 40
        && hash
            .bytes()
            .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
    if is_sha1 { &hash[..SHORT_DIGITS] } else { hash }
}

/// A revision number in the form of pseudo-versions.
pub fn pad_number(number: u64) -> String {
    format!("{number:012}")
}

/// What was asked for, or the whole hash where that was the beginning of one.
pub fn full_version<'a>(rev: &'a str, hash: &'a str) -> &'a str {
    if hash.starts_with(rev) { hash } else { rev }
}

/// What was asked for, where that can come to mean another revision one day.
pub fn reference(rev: &str, name: &str) -> Option<String> {
    let is_name = rev.len() >= SHORT_DIGITS && name.starts_with(rev);
    (!is_name).then(|| rev.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sha1_is_shortened() {
        let sha1 = "0123456789abcdef0123456789abcdef01234567";
        for (hash, want) in [
            (sha1, "0123456789ab"),
            (&sha1[1..], &sha1[1..]),
            (
                "0123456789ABCDEF0123456789abcdef01234567",
                "0123456789ABCDEF0123456789abcdef01234567",
            ),
            ("", ""),
        ] {
            assert_eq!(shorten_sha1(hash), want);
        }
        assert_eq!(pad_number(7), "000000000007");
        assert_eq!(pad_number(1_234_567_890_123), "1234567890123");
    }
}
