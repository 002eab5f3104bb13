//! Every module says what lives in it and what deliberately does not; every setting stands in the operator's table.

use crate::finding::Finding;
use crate::source::body_or_end;
use crate::tree::{File, Tree};

const WHY: &str = "a reader must know what lives here before reading it";
const ADVICE: &str = "begin it with `//!`: what lives here, what deliberately does not";

/// Checks every Rust file and every module written inside one.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, source) in tree.list_rust("") {
        let first = file
            .text
            .lines()
            .map(str::trim)
            .find(|l| !l.is_empty() && !l.starts_with("#!["));
        if !first.is_some_and(|l| l.starts_with("//!")) {
            findings.push(Finding::new(
                &file.path,
                1,
                "the file has no `//!` on top",
                WHY,
                ADVICE,
            ));
        }
        for at in source
            .find_word("mod")
            .into_iter()
            .filter(|at| !source.is_test(*at))
        {
            let Some((open, b'{')) = body_or_end(&source.code, at) else {
                continue;
            };
            let name = source.code[at + 3..open].trim();
            let is_name = !name.is_empty() && name.bytes().all(crate::source::is_name_byte);
            if is_name
                && !tree.is_test_file(&file.path)
                && !is_documented(file, source.line(at), open)
            {
                let what = format!("module `{name}` has no documentation");
                findings.push(Finding::new(&file.path, source.line(at), what, WHY, ADVICE));
            }
        }
    }
    check_settings(tree, &mut findings);
    findings
}

/// Where settings are declared, as `key(\"name\", …)` or `secret(\"name\", …)`.
const SETTINGS: &str = "crates/granary/src/config/keys.rs";
/// Where operators read about them.
const OPERATING: &str = "docs/operating.md";

fn check_settings(tree: &Tree, findings: &mut Vec<Finding>) {
    let (Some(keys), Some(page)) = (tree.find(SETTINGS), tree.find(OPERATING)) else {
        return;
    };
    let Some(source) = &keys.source else { return };
    let calls = ["key", "secret"]
        .into_iter()
        .flat_map(|c| source.find_word(c).into_iter().map(move |at| at + c.len()));
    for at in calls {
        let Some(name) = source.literals.iter().find(|l| l.at > at) else {
            continue;
        };
        // Only the opening parenthesis and the quote stand between a call and its first argument.
        if source.code[at..name.at]
            .split_whitespace()
            .collect::<String>()
            != "(\""
        {
            continue;
        }
        if !source.is_test(at) && !page.text.contains(&format!("| `{}` |", name.text)) {
            let what = format!("setting `{}` is not in {OPERATING}", name.text);
            let why = "an operator must find every setting";
            findings.push(Finding::new(
                SETTINGS,
                source.line(at),
                what,
                why,
                "add its row to the table",
            ));
        }
    }
}

/// Documented inside (`//!` right after the brace) or on the lines above.
fn is_documented(file: &File, line: usize, open: usize) -> bool {
    let inside = file
        .text
        .get(open + 1..)
        .is_some_and(|t| t.trim_start().starts_with("//!"));
    let lines: Vec<&str> = file.text.lines().take(line - 1).collect();
    let above = lines
        .iter()
        .rev()
        .map(|l| l.trim())
        .find(|l| !l.starts_with("#["));
    inside || above.is_some_and(|l| l.starts_with("///"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_lines(text: &str, want: &[usize]) {
        let got: Vec<usize> = check(&Tree::of(&[("crates/a/src/b.rs", text)]))
            .iter()
            .map(|f| f.line)
            .collect();
        assert_eq!(got, want);
    }

    #[test]
    fn files_begin_with_what_they_are() {
        check_lines("//! B.\n", &[]);
        check_lines("#![allow(x)]\n\n//! B.\n", &[]);
        check_lines("use x;\n//! B.\n", &[1]);
        check_lines("", &[1]);
    }

    #[test]
    fn every_setting_has_its_row() {
        let keys = "//! K.\npub const KEYS: &[Key] = &[key(\"a.b\", \"1\", \"x\"), secret(\n  \"c\",\n  \"\", \"y\")];\n";
        let found = |page: &str| check(&Tree::of(&[(SETTINGS, keys), (OPERATING, page)])).len();
        assert_eq!(found("| `a.b` | 1 |\n| `c` | |\n"), 0);
        assert_eq!(found("| `a.b` | 1 |\n"), 1);
    }

    #[test]
    fn modules_inside_a_file_too() {
        check_lines("//! B.\nmod c {\n}\n", &[2]);
        check_lines("//! B.\n/// C.\n#[x]\npub mod c {\n}\n", &[]);
        check_lines("//! B.\nmod c {\n//! C.\n}\n", &[]);
        check_lines("//! B.\nmod c;\n#[cfg(test)]\nmod tests {\n}\n", &[]);
    }
}
