//! How large a file and a function may be, as a ratchet: what was too large when the rule came may stay, but only shrink.

use std::collections::BTreeMap;

use crate::finding::Finding;
use crate::source::{Source, body_or_end, closing_brace, is_name_byte};
use crate::tree::Tree;

/// Where the known offenders stand, each with the size it may have: `file <path> <lines>`, `function <path>::<name> <lines>`.
pub const RATCHET: &str = "xtask/ratchet.txt";

/// Lines of a file without its tests. What fits a few screens can be proofread in one go.
const FILE_LINES_MAX: usize = 400;
/// Lines of a function. What fits a screen can be proofread.
const FUNCTION_LINES_MAX: usize = 70;

const WHY: &str = "what fits a screen can be proofread";

/// What is over its limit: key as in the ratchet → path, line, size.
type Offenders = BTreeMap<String, (String, usize, usize)>;

/// Checks the tree against the limits and the ratchet.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let ratchet = read_ratchet(tree);
    let offenders = list_offenders(tree);
    let mut findings = Vec::new();
    for (key, (path, line, size)) in &offenders {
        let what = match ratchet.get(key) {
            Some((_, allowed)) if size <= allowed => continue,
            Some((_, allowed)) => format!("{key} grew from {allowed} to {size} lines"),
            None => format!("{key} has {size} lines"),
        };
        let advice = "look for the second noun in it and give that a file or a function of its own";
        findings.push(Finding::new(path, *line, what, WHY, advice));
    }
    for (key, (line, allowed)) in &ratchet {
        let size = offenders.get(key).map_or(0, |(_, _, size)| *size);
        if size < *allowed {
            let what = format!("{key} may have {allowed} lines and has fewer now");
            let advice = "run `cargo xtask tidy --shrink` and commit the ratchet";
            findings.push(Finding::new(
                RATCHET,
                *line,
                what,
                "a ratchet only shrinks",
                advice,
            ));
        }
    }
    findings
}

/// The ratchet lowered to what the tree needs. Never higher, never longer.
pub fn shrink(tree: &Tree) -> String {
    let offenders = list_offenders(tree);
    let text = tree.find(RATCHET).map_or("", |f| f.text.as_str());
    let mut kept = String::new();
    for line in text.lines() {
        let Some((key, allowed)) = read_line(line) else {
            kept.push_str(line);
            kept.push('\n');
            continue;
        };
        if let Some((_, _, size)) = offenders.get(key) {
            kept.push_str(&format!("{key} {}\n", allowed.min(*size)));
        }
    }
    kept
}

fn read_ratchet(tree: &Tree) -> BTreeMap<String, (usize, usize)> {
    let text = tree.find(RATCHET).map_or("", |f| f.text.as_str());
    let lines = text.lines().enumerate();
    lines
        .filter_map(|(i, l)| read_line(l).map(|(key, size)| (key.to_owned(), (i + 1, size))))
        .collect()
}

fn read_line(line: &str) -> Option<(&str, usize)> {
    if line.starts_with('#') {
        return None;
    }
    let (key, size) = line.trim().rsplit_once(' ')?;
    Some((key, size.parse().ok()?))
}

fn list_offenders(tree: &Tree) -> Offenders {
    let mut offenders = Offenders::new();
    for (file, source) in tree.list_rust("") {
        if tree.is_test_file(&file.path) {
            continue;
        }
        let lines = source.lines_without_tests(&file.text);
        if lines > FILE_LINES_MAX {
            offenders.insert(format!("file {}", file.path), (file.path.clone(), 1, lines));
        }
        for (name, line, size) in list_functions(source) {
            if size > FUNCTION_LINES_MAX {
                let key = format!("function {}::{name}", file.path);
                let known = offenders.get(&key).map_or(0, |(_, _, known)| *known);
                if size > known {
                    offenders.insert(key, (file.path.clone(), line, size));
                }
            }
        }
    }
    offenders
}

/// Name, first line and number of lines of every function that is no test.
fn list_functions(source: &Source) -> Vec<(String, usize, usize)> {
    let code = &source.code;
    let mut found = Vec::new();
    for at in source
        .find_word("fn")
        .into_iter()
        .filter(|at| !source.is_test(*at))
    {
        let name: String = code[at + 2..]
            .trim_start()
            .bytes()
            .take_while(|b| is_name_byte(*b))
            .map(char::from)
            .collect();
        if name.is_empty() {
            continue; // a function pointer's type
        }
        if let Some((open, b'{')) = body_or_end(code, at) {
            let last = closing_brace(code, open).saturating_sub(1);
            found.push((
                name,
                source.line(at),
                source.line(last) - source.line(at) + 1,
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long_function(lines: usize) -> String {
        format!("fn long() {{\n{}}}\n", "    x();\n".repeat(lines - 2))
    }

    #[track_caller]
    fn check_what(files: &[(&str, &str)], want: &[&str]) {
        let got: Vec<String> = check(&Tree::of(files))
            .into_iter()
            .map(|f| f.what)
            .collect();
        assert_eq!(got, want);
    }

    #[test]
    fn functions_at_the_limit_and_one_over() {
        check_what(&[("crates/a/src/b.rs", &long_function(70))], &[]);
        check_what(
            &[("crates/a/src/b.rs", &long_function(71))],
            &["function crates/a/src/b.rs::long has 71 lines"],
        );
    }

    #[test]
    fn files_at_the_limit_and_one_over_tests_not_counted() {
        let tests = "#[cfg(test)]\nmod tests {\n\n\n\n}\n";
        let at = format!("{}{tests}", "// x\n".repeat(400));
        let over = format!("{}{tests}", "// x\n".repeat(401));
        check_what(&[("crates/a/src/b.rs", &at)], &[]);
        check_what(
            &[("crates/a/src/b.rs", &over)],
            &["file crates/a/src/b.rs has 401 lines"],
        );
        check_what(&[("crates/a/src/b/tests.rs", &over)], &[]);
    }

    #[test]
    fn the_ratchet_holds_and_shrinks() {
        let file = ("crates/a/src/b.rs", &*long_function(80));
        let key = "function crates/a/src/b.rs::long";
        check_what(&[file, (RATCHET, &format!("# why\n{key} 80\n"))], &[]);
        check_what(
            &[file, (RATCHET, &format!("{key} 79\n"))],
            &[&format!("{key} grew from 79 to 80 lines")],
        );
        check_what(
            &[file, (RATCHET, &format!("{key} 90\n"))],
            &[&format!("{key} may have 90 lines and has fewer now")],
        );
        let tree = Tree::of(&[
            file,
            (RATCHET, &format!("# why\n{key} 90\nfile gone.rs 500\n")),
        ]);
        assert_eq!(shrink(&tree), format!("# why\n{key} 80\n"));
        let tree = Tree::of(&[file, (RATCHET, &format!("{key} 75\n"))]);
        assert_eq!(shrink(&tree), format!("{key} 75\n"));
    }
}
