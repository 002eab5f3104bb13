//! Tests, see the parent module.

use super::*;

#[track_caller]
fn check_match(globs: &str, target: &str, want: bool) {
    assert_eq!(
        match_prefix_patterns(globs, target),
        want,
        "{globs} {target}"
    );
    if let Ok(patterns) = globs.parse::<PrivatePatterns>() {
        assert_eq!(patterns.is_match(target), want, "{globs} {target}");
    }
}

#[track_caller]
fn check_malformed(glob: &str) {
    assert_eq!(
        glob.parse::<PrivatePatterns>(),
        Err(PatternError::Malformed {
            pattern: glob.to_owned()
        })
    );
    for target in ["a", "a.b/c", glob] {
        assert!(!match_prefix_patterns(glob, target), "{glob} {target}");
    }
}

#[test]
fn prefixes_end_between_elements() {
    check_match("example.com", "example.com", true);
    check_match("example.com", "example.com/a/b", true);
    check_match("example.com", "example.community/a", false);
    check_match("example.com/a", "example.com/a/b", true);
    check_match("example.com/a", "example.com/ab", false);
    check_match("example.com/a", "example.com", false);
    check_match("example.com/a/", "example.com/a/b", true);
    check_match("example.com/a//", "example.com/a/b", false);
}

#[test]
fn lists() {
    check_match("", "example.com", false);
    check_match(",,", "example.com", false);
    check_match("/", "example.com", false);
    check_match("a.b,example.com", "example.com/x", true);
    check_match("example.com,", "example.com/x", true);
    check_match("a.b, example.com", "example.com/x", false); // blanks count
    let patterns: PrivatePatterns = "a.b/,*.corp".parse().unwrap();
    assert_eq!(patterns.find_match("a.b/x"), Some("a.b"));
    assert_eq!(patterns.find_match("git.corp/x"), Some("*.corp"));
    assert_eq!(patterns.find_match("x.y"), None);
    assert!(!patterns.is_empty());
    assert!("".parse::<PrivatePatterns>().unwrap().is_empty());
}

#[test]
fn stars_and_marks_stay_in_their_element() {
    check_match("*.corp.example", "git.corp.example/team/lib", true);
    check_match("*.corp.example", "corp.example/team", false);
    check_match("*", "anything.at/all", true);
    check_match("*/*", "anything.at/all/of/it", true);
    check_match("*/*", "anything", false);
    check_match("a.b/*/c", "a.b/x/c/d", true);
    check_match("a.b/*/c", "a.b/x/y/c", false);
    check_match("a?c.d", "abc.d", true);
    check_match("a?c.d", "aéc.d", true);
    check_match("a?c.d", "ac.d", false);
    check_match("a?b", "a/b", false);
    check_match("a*b*c*d", "axbxbxcxd", true);
    check_match("a*b*c*d", "axbxbxcxdx", false);
    check_match("*a", "aaab", false);
    check_match("**a", "xa", true);
}

#[test]
fn classes() {
    check_match("[a-c]x.y", "bx.y", true);
    check_match("[a-c]x.y", "dx.y", false);
    check_match("[^a-c]x.y", "dx.y", true);
    check_match("[^a-c]x.y", "bx.y", false);
    check_match("[abc-]", "a", false); // malformed
    check_match("[\\-a]x", "-x", true);
    check_match("[\\]]x", "]x", true);
    check_match("[c-a]x", "bx", false);
    check_match("[*]x", "*x", true);
    check_match("[*]x", "ax", false);
    check_match("\\*x", "*x", true);
    check_match("\\*x", "ax", false);
    check_match("a]", "a]", true);
    check_match("[é-ü]x", "öx", true);
}

#[test]
fn malformed_patterns_match_nothing_and_are_told_of() {
    for glob in [
        "[", "[]", "[a", "[a-", "[a-]", "[-a]", "[^", "[^]", "[^]a]", "\\", "a\\", "[\\", "[a\\]",
    ] {
        check_malformed(glob);
    }
    assert!(
        match_prefix_patterns("[,a.b", "a.b/c"),
        "the others still count"
    );
    assert!("[,a.b".parse::<PrivatePatterns>().is_err());
}

#[test]
fn length_of_a_list() {
    let longest = "a".repeat(LIST_BYTES_MAX);
    assert!(longest.parse::<PrivatePatterns>().is_ok());
    assert!(matches!(
        format!("{longest}a").parse::<PrivatePatterns>(),
        Err(PatternError::TooLong { .. })
    ));
}

#[test]
fn many_stars_cost_no_more_than_pattern_times_path() {
    let glob = "a*".repeat(2000) + "b";
    assert!(!match_prefix_patterns(&glob, &"a".repeat(20_000)));
}
