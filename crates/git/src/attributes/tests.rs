//! Tests of this room by tables; the real git judges in `tests/archive`.

use super::*;
use crate::conversion::LineEndings;

/// Whether the file `path` is meant by `pattern` in the root's `.gitattributes`.
#[track_caller]
fn check_pattern(pattern: &str, path: &str, want: bool) {
    let conversion = conversion_of(&[("", &format!("{pattern} ident\n"))], path);
    assert_eq!(conversion.has_ident, want, "{pattern} for {path}");
}

/// What is done to the line ends of the file `a` when `text` is the root's `.gitattributes`.
#[track_caller]
fn check_line_endings(text: &str, want: LineEndings) {
    let conversion = conversion_of(&[("", text)], "a");
    assert_eq!(conversion.line_endings, want, "{text}");
}

/// `files` are directories, each with a slash behind it, and their `.gitattributes`.
fn conversion_of(files: &[(&str, &str)], path: &str) -> Conversion {
    let find = |directory: &str| {
        let file = files.iter().find(|(name, _)| *name == directory)?;
        Some(file.1.as_bytes())
    };
    let mut attributes = Attributes::at_root(find("")).unwrap();
    let mut names: Vec<&str> = path.split('/').collect();
    let name = names.pop().unwrap();
    let mut directory = String::new();
    for name in names {
        directory += name;
        directory += "/";
        attributes.enter(name.as_bytes(), find(&directory)).unwrap();
    }
    attributes.conversion_of(name.as_bytes()).unwrap()
}

#[test]
fn patterns_without_a_slash_are_about_names() {
    check_pattern("a", "a", true);
    check_pattern("a", "x/y/a", true);
    check_pattern("a", "a/b", false);
    check_pattern("a", "ba", false);
    check_pattern("*.go", "x/a.go", true);
    check_pattern("*.go", "x/.go", true);
    check_pattern("*.go", "x.go/a", false);
    check_pattern("*", "x/a", true);
    check_pattern("a**b", "x/acdb", true);
    check_pattern("?", "x/a", true);
    check_pattern("?", "é", false);
    check_pattern("a*b*c", "abxbxc", true);
    check_pattern("a*b*c", "abxbx", false);
}

#[test]
fn patterns_with_a_slash_are_about_paths() {
    check_pattern("/a", "a", true);
    check_pattern("/a", "x/a", false);
    check_pattern("x/a", "x/a", true);
    check_pattern("x/a", "y/x/a", false);
    check_pattern("x/*", "x/a", true);
    check_pattern("x/*", "x/y/a", false);
    check_pattern("x/**", "x/y/a", true);
    check_pattern("**/a", "a", true);
    check_pattern("**/a", "x/y/a", true);
    check_pattern("**/a", "xa", false);
    check_pattern("x/**/a", "x/a", true);
    check_pattern("x/**/a", "x/y/z/a", true);
    check_pattern("x/**/a", "x/ya", false);
    check_pattern("*/a", "x/a", true);
    check_pattern("*/a", "x/y/a", false);
    check_pattern("x?a", "x/a", false);
    check_pattern("x/", "x/a", false);
    check_pattern("/", "a", false);
    // Stars count as a whole element right behind the letters before the first wildcard too.
    check_pattern("x**/a", "xy/z/a", true);
    check_pattern("?x**/a", "xxy/z/a", false);
}

#[test]
fn classes_are_those_of_posix() {
    check_pattern("[a-c]", "b", true);
    check_pattern("[a-c]", "d", false);
    check_pattern("[c-a]", "b", false);
    check_pattern("[!a-c]", "d", true);
    check_pattern("[^a-c]", "b", false);
    check_pattern("[]a]", "]", true);
    check_pattern("[!]a]", "]", false);
    check_pattern("[a-]", "-", true);
    check_pattern("[[:alpha:]1]", "x", true);
    check_pattern("[[:alpha:]1]", "1", true);
    check_pattern("[[:alpha:]]", "1", false);
    check_pattern("[[:nope:]x]", "x", false);
    check_pattern("[[:a]", ":", true);
    check_pattern("[\\]]", "]", true);
    check_pattern("[a", "a", false);
    check_pattern("x[/]a", "x/a", false);
    check_pattern("x[!b]a", "x/a", false);
}

#[test]
fn names_can_be_quoted() {
    check_pattern("\"a b\"", "a b", true);
    check_pattern("\"\\303\\251\"", "é", true);
    check_pattern("\"a\"", "a", true);
    check_pattern("\"\\\\*\"", "*", true);
    check_pattern("\"\\\\*\"", "a", false);
    check_pattern("\"\\400\"", "a", false);
    check_pattern("\"a", "\"a", true);
    check_pattern("\\!a", "!a", true);
    check_pattern("!a", "!a", false);
    check_pattern("\\#a", "#a", true);
    check_pattern("#a", "#a", false);
}

#[test]
fn the_last_line_and_the_deepest_file_win() {
    check_line_endings("a eol=crlf\na eol=lf", LineEndings::Kept);
    check_line_endings("a eol=lf\na eol=crlf", LineEndings::Crlf);
    check_line_endings("a eol=lf eol=crlf", LineEndings::Crlf);
    let files = [
        ("", "* eol=lf ident"),
        ("x/", "* eol=crlf -ident"),
        ("x/y/", "*.b ident"),
    ];
    let of = |path| conversion_of(&files, path);
    assert_eq!(
        of("a"),
        Conversion {
            has_ident: true,
            ..Conversion::default()
        }
    );
    assert_eq!(
        of("x/a"),
        Conversion {
            line_endings: LineEndings::Crlf,
            ..Conversion::default()
        }
    );
    assert_eq!(of("x/y/a"), of("x/a"));
    assert_eq!(
        of("x/y/a.b"),
        Conversion {
            has_ident: true,
            ..of("x/a")
        }
    );
}

#[test]
fn line_ends_change_only_with_crlf() {
    for text in [
        "",
        "a text",
        "a text=auto",
        "a eol=lf",
        "a -text eol=crlf",
        "a binary eol=crlf",
        "a !eol",
        "a eol=cr",
        "a -eol",
    ] {
        check_line_endings(text, LineEndings::Kept);
    }
    for text in [
        "a eol=crlf",
        "a text eol=crlf",
        "a text=input eol=crlf",
        "a text=x eol=crlf",
        "a text crlf=auto eol=crlf",
        "a crlf eol=crlf",
        "a !text eol=crlf",
    ] {
        check_line_endings(text, LineEndings::Crlf);
    }
    for text in [
        "a text=auto eol=crlf",
        "a crlf=auto eol=crlf",
        "a !text crlf=auto eol=crlf",
        "a text=auto -crlf eol=crlf",
    ] {
        check_line_endings(text, LineEndings::CrlfInText);
    }
}

#[test]
fn macros_stand_in_the_root_only() {
    check_line_endings("[attr]m eol=crlf\na m", LineEndings::Crlf);
    check_line_endings("a m\n[attr]m eol=crlf", LineEndings::Crlf);
    check_line_endings("[attr]m eol=crlf\na m=x", LineEndings::Kept);
    check_line_endings("[attr]m eol=crlf\na -m", LineEndings::Kept);
    check_line_endings("[attr]m n\n[attr]n m eol=crlf\na m", LineEndings::Crlf);
    check_line_endings("[attr]m eol=lf\n[attr]m eol=crlf\na m", LineEndings::Crlf);
    check_line_endings("[attr]m eol=crlf\na m eol=lf", LineEndings::Kept);
    check_line_endings("[attr]m eol=crlf\na eol=lf m", LineEndings::Crlf);
    check_line_endings("[attr]binary eol=crlf\na binary", LineEndings::Crlf);
    check_line_endings("[attr]text eol=crlf\na text", LineEndings::Crlf);
    // Taken from all files by the repository itself.
    check_line_endings(
        "[attr]export-ignore eol=crlf\na export-ignore",
        LineEndings::Kept,
    );
    check_line_endings("[attr] m eol=crlf\na m", LineEndings::Crlf); // a class: a, t and r
    let files = [("x/", "[attr]m eol=crlf\na m")];
    assert!(conversion_of(&files, "x/a").is_identity());
}

#[test]
fn lines_with_a_mistake_say_nothing() {
    for text in [
        "a eol=crlf --text",
        "a eol=crlf =",
        "a eol=crlf é",
        "a eol=crlf a/b",
        "#a eol=crlf",
        "!a eol=crlf",
        "\0a eol=crlf",
        "\u{feff}a eol=crlf",
    ] {
        check_line_endings(text, LineEndings::Kept);
    }
    for text in [
        "\ta eol=crlf \r\n",
        "\r a\teol=crlf",
        "a eol=crlf\0",
        "a x=é/! eol=crlf",
    ] {
        check_line_endings(text, LineEndings::Crlf);
    }
    let line = |len: usize| format!("{:<len$}", "a eol=crlf");
    check_line_endings(&line(2047), LineEndings::Crlf);
    check_line_endings(&line(2048), LineEndings::Kept);
}

#[test]
fn a_file_of_a_hundred_megabytes_is_passed_over() {
    let mut text = b"a eol=crlf\n".to_vec();
    text.resize(FILE_BYTES_MAX - 1, b'#');
    let is_kept = |text: &[u8]| {
        let attributes = Attributes::at_root(Some(text)).unwrap();
        attributes.conversion_of(b"a").unwrap().is_identity()
    };
    assert!(!is_kept(&text));
    text.push(b'#');
    assert!(is_kept(&text));
}

#[test]
fn rules_and_work_are_bounded() {
    let line = "a ident\n";
    let text = line.repeat(RULES_BYTES_MAX / line.len() + 1_000_000);
    assert_eq!(
        Attributes::at_root(Some(text.as_bytes())).err(),
        Some(AttributesError::TooManyRules)
    );
    let text = "[attr]m ident\n".repeat(RULES_BYTES_MAX / 5);
    assert_eq!(
        Attributes::at_root(Some(text.as_bytes())).err(),
        Some(AttributesError::TooManyRules)
    );
    let attributes = Attributes::at_root(Some(line.as_bytes())).unwrap();
    attributes.steps.store(STEPS_MAX + 1, Ordering::Relaxed);
    assert_eq!(
        attributes.conversion_of(b"a"),
        Err(AttributesError::TooMuchWork)
    );
}

#[test]
fn wildcards_cost_no_more_than_both_lengths() {
    let pattern = "**/a*".repeat(400);
    let attributes = Attributes::at_root(Some(format!("{pattern}b ident").as_bytes())).unwrap();
    let mut attributes = attributes;
    for _ in 0..500 {
        attributes.enter(b"aaaa", None).unwrap();
    }
    assert!(attributes.conversion_of(b"a").unwrap().is_identity());
    assert!(attributes.steps.load(Ordering::Relaxed) < 6_000_000);
}

#[test]
fn what_changes_nothing_is_not_kept() {
    let text = "* linguist-generated filter=lfs export-ignore\n*.x diff=y\n";
    let attributes = Attributes::at_root(Some(text.as_bytes())).unwrap();
    assert!(attributes.files.is_empty());
}

#[test]
fn leaving_goes_back() {
    let mut attributes = Attributes::at_root(None).unwrap();
    attributes.enter(b"x", Some(b"* ident")).unwrap();
    attributes.enter(b"y", None).unwrap();
    assert!(!attributes.conversion_of(b"a").unwrap().is_identity());
    attributes.leave();
    assert!(!attributes.conversion_of(b"a").unwrap().is_identity());
    attributes.leave();
    assert!(attributes.conversion_of(b"a").unwrap().is_identity());
    attributes.leave();
    assert!(attributes.path.is_empty());
}
