//! Fuzzes versions and pseudo-versions; the entry is the one that the tests replay the corpus through.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code)]
#[path = "../../crates/gomod/tests/entries/mod.rs"]
mod entries;

fuzz_target!(|bytes: &[u8]| entries::version(bytes));
