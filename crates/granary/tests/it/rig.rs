//! What product tests stand on: a made-up upstream and checksum database, the built binary, the real go client.

pub mod module;

pub mod address;
pub mod database;
pub mod forge;
pub mod pack;
pub mod raw;
pub mod repository;
pub mod upstream;
pub mod watch;
pub mod web;
pub mod zip;

pub mod granary;

pub mod go;

use std::io::Write;
use std::time::{Duration, Instant};

/// Whether a test that cannot run must fail instead of being skipped.
pub fn is_strict() -> bool {
    std::env::var("GRANARY_STRICT").is_ok_and(|v| v == "1")
}

/// Says that a test, or a part of one, is left out, and why; a failure in strict mode.
#[track_caller]
pub fn skip(what: &str, why: &str) {
    assert!(
        !is_strict(),
        "{what} cannot be left out in strict mode: {why}"
    );
    // Not by a macro: those are caught by the test harness when the test passes.
    let line = format!("skipped: {what}: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Waits until `done` holds; fails after `limit`.
#[track_caller]
pub fn wait_until(limit: Duration, what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
