//! Fuzzes `tlog` with what `cases::note` does; the corpus is replayed by `tlog`'s tests.
#![no_main]
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

#[path = "../../crates/tlog/tests/cases/mod.rs"]
mod cases;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cases::note(bytes));
