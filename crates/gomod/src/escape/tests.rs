//! Tests, see the parent module.

use super::*;

#[track_caller]
fn check_path_pair(plain: &str, escaped: &str) {
    assert_eq!(escape_path(plain).as_deref(), Ok(escaped));
    assert_eq!(unescape_path(escaped).as_deref(), Ok(plain));
}

#[track_caller]
fn check_version_pair(plain: &str, escaped: &str) {
    assert_eq!(escape_version(plain).as_deref(), Ok(escaped));
    assert_eq!(unescape_version(escaped).as_deref(), Ok(plain));
}

#[test]
fn paths() {
    check_path_pair("github.com/Azure/sdk", "github.com/!azure/sdk");
    check_path_pair("rsc.io/quote/v3", "rsc.io/quote/v3");
    check_path_pair("x.y/ABC-_~", "x.y/!a!b!c-_~");
}

#[test]
fn paths_without_an_escaped_form() {
    for plain in ["", "x", "x.y/a!b", "x.y/é", "X.y/a", "x.y/v1"] {
        assert!(
            matches!(escape_path(plain), Err(EscapeError::Path(_))),
            "{plain}"
        );
    }
}

#[test]
fn what_is_no_escaped_path() {
    for escaped in [
        "x.y/A", "x.y/!", "x.y/!A", "x.y/!!a", "x.y/!1", "x.y/é", "x.y/a!/b",
    ] {
        assert!(
            matches!(
                unescape_path(escaped),
                Err(EscapeError::EscapedPath { cause: None, .. })
            ),
            "{escaped}"
        );
    }
    for escaped in ["", "x", "!x.y/a", "x.y/v1", "x.y//a", "x.y/a b"] {
        assert!(
            matches!(
                unescape_path(escaped),
                Err(EscapeError::EscapedPath { cause: Some(_), .. })
            ),
            "{escaped}"
        );
    }
    assert_eq!(
        unescape_path("x.y/A").unwrap_err().to_string(),
        "invalid escaped module path \"x.y/A\""
    );
}

#[test]
fn versions_branches_and_commits() {
    check_version_pair("v1.0.0", "v1.0.0");
    check_version_pair("v1.0.0-RC1+incompatible", "v1.0.0-!r!c1+incompatible");
    check_version_pair("master", "master");
    check_version_pair("Main", "!main");
    check_version_pair("0123456789abcdef", "0123456789abcdef");
    check_version_pair("release@2", "release@2");
    check_version_pair("a b", "a b");
    check_version_pair("-x", "-x");
    check_version_pair(".x", ".x");
}

#[test]
fn trap_t04_a_version_with_a_slash_or_bang_cannot_be_asked_for() {
    for version in ["feature/x", "a/b", "/", "a!b", "!", "v1!"] {
        assert!(
            matches!(escape_version(version), Err(EscapeError::Version { .. })),
            "{version}"
        );
    }
    for escaped in ["feature/x", "a/!b", "/"] {
        assert!(
            matches!(
                unescape_version(escaped),
                Err(EscapeError::EscapedVersion { .. })
            ),
            "{escaped}"
        );
    }
}

#[test]
fn versions_without_an_escaped_form() {
    for version in [
        "", ".", "..", "a.", "con", "nul.x", "é", "a:b", "a\nb", "a\\b", "a\"b",
    ] {
        assert!(
            matches!(escape_version(version), Err(EscapeError::Version { .. })),
            "{version}"
        );
    }
    assert_eq!(
        escape_version("a/b").unwrap_err().to_string(),
        "version \"a/b\" invalid: disallowed version string"
    );
}

#[test]
fn what_is_no_escaped_version() {
    for escaped in [
        "", ".", "..", "V1", "v1!", "v1!!a", "!1", "é", "!con", "!c!o!n", "a.",
    ] {
        assert!(
            matches!(
                unescape_version(escaped),
                Err(EscapeError::EscapedVersion { .. })
            ),
            "{escaped}"
        );
    }
}
