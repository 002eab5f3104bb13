//! Chores of the repository: `cargo xtask tidy`, `cargo xtask diff-go`.
//!
//! What a compiler cannot know is held here: which room may use which, what is absent from a room on purpose, how large
//! a file may grow. The same checks are a test of this crate. Building, releasing and measuring do not live here.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod finding;
mod source;

mod tree;

mod cycles;
mod docs;
mod edges;
mod lock;
mod names;
mod places;
mod rooms;
mod sizes;

mod tidy;

mod diff_go;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

const USAGE: &str = "usage: cargo xtask tidy [--shrink]
       cargo xtask diff-go [OPTIONS]

tidy      checks edges, cycles, sizes, names and absences; exit code 1 where something was found
--shrink  first lowers xtask/ratchet.txt to what the tree needs now; never raises it and never adds to it
diff-go   compares Granary's direct mode with that of go, case by case; --help says more";

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["tidy"] => run_tidy(false),
        ["tidy", "--shrink"] => run_tidy(true),
        ["diff-go", rest @ ..] => run_diff_go(rest),
        _ => {
            say(USAGE);
            Ok(ExitCode::from(2))
        }
    }
}

fn run_tidy(shrink: bool) -> anyhow::Result<ExitCode> {
    let root = root_folder()?;
    let tree = tree::Tree::read(&root)?;
    if shrink {
        let lowered = sizes::shrink(&tree);
        std::fs::write(root.join(sizes::RATCHET), lowered).context("writing the ratchet")?;
    }
    let tree = if shrink {
        tree::Tree::read(&root)?
    } else {
        tree
    };
    let findings = tidy::check(&tree, &places::here(&root));
    for finding in &findings {
        say(&finding.to_string());
    }
    if findings.is_empty() {
        say(&format!("tidy: {} files, nothing found", tree.files.len()));
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("tidy: {} findings", findings.len()));
    Ok(ExitCode::FAILURE)
}

fn run_diff_go(words: &[&str]) -> anyhow::Result<ExitCode> {
    if words.iter().any(|word| ["--help", "-h"].contains(word)) {
        say(diff_go::HELP);
        return Ok(ExitCode::SUCCESS);
    }
    let same = diff_go::run(words, &root_folder()?)?;
    Ok(if same {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The folder of the workspace: the parent of this crate's own.
fn root_folder() -> anyhow::Result<PathBuf> {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let root = own.parent().context("this crate lies in no workspace")?;
    Ok(root.to_path_buf())
}

/// Findings are this program's output, so standard output is the right place.
#[allow(clippy::print_stdout)]
fn say(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let root = root_folder().unwrap();
        let tree = tree::Tree::read(&root).unwrap();
        let findings = tidy::check(&tree, &places::here(&root));
        let text: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(findings.is_empty(), "{}", text.join("\n"));
    }
}
