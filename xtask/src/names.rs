//! No drawers: a folder or module called `utils` has no door, so everyone goes in.

use crate::finding::Finding;
use crate::source::is_name_byte;
use crate::tree::Tree;

const DRAWERS: &[&str] = &[
    "util",
    "utils",
    "common",
    "shared",
    "misc",
    "core",
    "helper",
    "helpers",
    "utilities",
    "stuff",
];

/// Checks names of folders and of Rust files.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        let stem = |part: &str| part.strip_suffix(".rs").unwrap_or(part).to_lowercase();
        if let Some(part) = file
            .path
            .split('/')
            .find(|part| DRAWERS.contains(&stem(part).as_str()))
        {
            findings.push(Finding::new(
                &file.path,
                1,
                format!("`{part}` names no noun"),
                "a drawer has no door: everyone goes in",
                "move each piece to the lowest room whose noun it is about",
            ));
        }
        if let Some(source) = &file.source {
            for at in source.find_word("mod") {
                let rest = source.code[at + 3..].trim_start();
                let name: String = rest
                    .bytes()
                    .take_while(|b| is_name_byte(*b))
                    .map(char::from)
                    .collect();
                if source.code[at + 3..].starts_with(' ') && DRAWERS.contains(&name.as_str()) {
                    let advice = "move each piece to the lowest room whose noun it is about";
                    let what = format!("module `{name}` names no noun");
                    let why = "a drawer has no door: everyone goes in";
                    findings.push(Finding::new(&file.path, source.line(at), what, why, advice));
                }
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawers_are_found_by_folder_file_and_line() {
        let found = |path: &str, text: &str| check(&Tree::of(&[(path, text)])).len();
        assert_eq!(found("crates/a/src/utils.rs", ""), 1);
        assert_eq!(found("crates/common/src/lib.rs", ""), 1);
        assert_eq!(found("crates/a/src/lib.rs", "mod helpers { }"), 1);
        assert_eq!(
            found("crates/a/src/lib.rs", "mod helper_of_none; // mod misc"),
            0
        );
        assert_eq!(found("crates/a/src/score.rs", ""), 0);
    }
}
