//! Fuzzes the reading of an upstream's `@v/list` with what `cases::upstream_list` does; the corpus is replayed by
//! `origin`'s tests.
//!
//! The file is taken as it is instead of its crate: it would bring a whole HTTP client along.
#![no_main]
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

#[path = "../../crates/origin/src/upstream/versions.rs"]
mod versions;

#[path = "../../crates/origin/src/upstream/versions/tests/cases.rs"]
mod cases;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cases::upstream_list(bytes));
