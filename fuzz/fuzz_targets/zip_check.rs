//! Fuzzes module zips; the entry is the one that the tests replay the corpus through.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/gomod/tests/zip_cases/mod.rs"]
mod zip_cases;

fuzz_target!(|bytes: &[u8]| zip_cases::zip_check(bytes));
