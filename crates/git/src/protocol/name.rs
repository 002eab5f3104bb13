//! Which texts are names of refs.

/// Whether `name` is `HEAD` or a full name that git takes for a ref: `refs/…` by the rules of git-check-ref-format.
///
/// A server can send any bytes; names that no git would make never reach a file, a command or a page.
pub fn is_ref_name(name: &str) -> bool {
    if name == "HEAD" {
        return true;
    }
    let Some(rest) = name.strip_prefix("refs/") else {
        return false;
    };
    let is_part =
        |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    let is_usual = |byte: u8| {
        byte > b' '
            && byte != 0x7f
            && !matches!(byte, b'~' | b'^' | b':' | b'?' | b'*' | b'[' | b'\\')
    };
    rest.split('/').all(is_part)
        && rest.bytes().all(is_usual)
        && !rest.contains("..")
        && !rest.contains("@{")
        && !rest.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::is_ref_name;

    #[test]
    fn names_follow_the_rules_of_git() {
        for name in [
            "HEAD",
            "refs/heads/main",
            "refs/tags/sub/v1.2.3+meta",
            "refs/heads/-x",
            "refs/heads/é",
            "refs/heads/@",
            "refs/heads/a.b",
        ] {
            assert!(is_ref_name(name), "{name}");
        }
        for name in [
            "",
            "head",
            "main",
            "refs/",
            "refs//x",
            "refs/heads/",
            "refs/heads/.x",
            "refs/heads/x.lock",
            "refs/heads/x.lock/y",
            "refs/heads/x.",
            "refs/heads/a..b",
            "refs/heads/a b",
            "refs/heads/a\u{7f}",
            "refs/heads/a\nb",
            "refs/heads/a\\b",
            "refs/heads/a:b",
            "refs/heads/a@{b",
            "refs/heads/a^{}",
            "refs/../x",
            "/refs/heads/x",
        ] {
            assert!(!is_ref_name(name), "{name}");
        }
    }
}
