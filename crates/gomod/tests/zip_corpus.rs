//! Replays the inputs of the fuzz target `zip_check` without a fuzzer.
//!
//! The files below `fuzz/corpus/zip_check/` are made by hand or are what a fuzzer once tripped over. Those that begin
//! with `ok-` are honest and must pass, all others must be refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use gomod::zip::{Limits, check_bytes};

mod zip_cases;

#[test]
fn corpus_is_answered() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/zip_check");
    let mut replayed = 0;
    for file in std::fs::read_dir(&folder).unwrap() {
        let file = file.unwrap();
        let bytes = std::fs::read(file.path()).unwrap();
        let name = file.file_name().into_string().unwrap();
        let outcome = std::panic::catch_unwind(|| zip_cases::zip_check(&bytes));
        assert!(outcome.is_ok(), "{name}");
        let of = "example.com/m@v1.0.0".parse().unwrap();
        let found = check_bytes(&bytes, &of, &Limits::default());
        assert_eq!(found.is_ok(), name.starts_with("ok-"), "{name}: {found:?}");
        replayed += 1;
    }
    assert!(replayed > 20, "{replayed} inputs in {}", folder.display());
}
