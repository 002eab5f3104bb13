//! Replays the inputs that the fuzzers start from, through the same entries, without a fuzzer.
//!
//! The files below `fuzz/corpus/<target>/` are made by hand or are what a fuzzer once tripped over.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

mod entries;

/// Runs one entry on every file of its corpus; an empty corpus is an error, since then nothing was tested.
#[track_caller]
fn check_corpus(target: &str, entry: fn(&[u8])) {
    let folder: PathBuf = [
        env!("CARGO_MANIFEST_DIR"),
        "..",
        "..",
        "fuzz",
        "corpus",
        target,
    ]
    .iter()
    .collect();
    let mut replayed = 0;
    for file in
        std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
    {
        let file = file.unwrap().path();
        let bytes = std::fs::read(&file).unwrap();
        let outcome = std::panic::catch_unwind(|| entry(&bytes));
        assert!(outcome.is_ok(), "{} fails on {}", target, file.display());
        replayed += 1;
    }
    assert!(replayed > 0, "no inputs in {}", folder.display());
}

#[test]
fn path_escape() {
    check_corpus("path_escape", entries::path_escape);
}

#[test]
fn version() {
    check_corpus("version", entries::version);
}

#[test]
fn modfile() {
    check_corpus("modfile", entries::modfile);
}

#[test]
fn info() {
    check_corpus("info", entries::info);
}

#[test]
fn gosum() {
    check_corpus("gosum", entries::gosum);
}
