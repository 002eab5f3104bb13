//! The `!` encoding of capitals that the proxy protocol and the module cache use: `A` becomes `!a`.
//!
//! Only the letters: what is a valid path or version is checked in `path` and `escape`, which build on this.
//!
//! Source: golang.org/x/mod, `module`, escaped paths.

/// Gives the escaped form; `None` when `plain` cannot be escaped, as it holds a `!` or is not ASCII.
pub fn encode(plain: &str) -> Option<String> {
    if !plain.is_ascii() || plain.contains('!') {
        return None;
    }
    let mut escaped = String::with_capacity(plain.len() + 8);
    for c in plain.chars() {
        if c.is_ascii_uppercase() {
            escaped.push('!');
        }
        escaped.push(c.to_ascii_lowercase());
    }
    Some(escaped)
}

/// Gives the plain form; `None` for a capital, a non-ASCII character or a `!` not followed by `a-z`.
///
/// Every text has at most one escaped form, so two different addresses never name the same thing.
pub fn decode(escaped: &str) -> Option<String> {
    let mut plain = String::with_capacity(escaped.len());
    let mut chars = escaped.chars();
    while let Some(c) = chars.next() {
        match c {
            '!' => plain.push(
                chars
                    .next()
                    .filter(char::is_ascii_lowercase)?
                    .to_ascii_uppercase(),
            ),
            'A'..='Z' => return None,
            _ if c.is_ascii() => plain.push(c),
            _ => return None,
        }
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_pair(plain: &str, escaped: &str) {
        assert_eq!(encode(plain).as_deref(), Some(escaped));
        assert_eq!(decode(escaped).as_deref(), Some(plain));
    }

    #[test]
    fn only_capitals_are_marked() {
        check_pair("", "");
        check_pair("azAZ09-._~", "az!a!z09-._~");
        check_pair("ABC", "!a!b!c");
        check_pair("a/B", "a/!b");
    }

    #[test]
    fn what_has_no_escaped_form() {
        for plain in ["!", "a!b", "é", "aé", "ſ"] {
            assert_eq!(encode(plain), None, "{plain:?}");
        }
    }

    #[test]
    fn what_is_no_escaped_form() {
        for escaped in [
            "A", "aB", "!", "a!", "!!a", "!A", "!1", "!/", "!é", "é", "!",
        ] {
            assert_eq!(decode(escaped), None, "{escaped:?}");
        }
    }
}
