//! Fuzzes the reading of go-import pages with what `cases::go_import` does; the corpus is replayed by `origin`'s tests.
//!
//! The files are taken as they are instead of their crate: it would bring a whole HTTP client along.
#![no_main]
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

#[path = "../../crates/origin/src/vcs/locate/names.rs"]
mod names;

#[path = "../../crates/origin/src/vcs/locate/entity.rs"]
mod entity;

#[path = "../../crates/origin/src/vcs/locate/markup.rs"]
mod markup;

#[path = "../../crates/origin/src/vcs/locate/tag.rs"]
mod tag;

#[path = "../../crates/origin/src/vcs/locate/tag/cases.rs"]
mod cases;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cases::go_import(bytes));
