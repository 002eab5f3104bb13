//! Fuzzes `git` with what `cases::conversation` does; the corpus is replayed by `git`'s tests.
#![no_main]
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

#[path = "../../crates/git/tests/cases/mod.rs"]
mod cases;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cases::conversation::advertisement(bytes));
