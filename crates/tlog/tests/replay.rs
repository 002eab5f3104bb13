//! Replays the corpora of the fuzz targets `note`, `tile` and `lookup`, and some damage done to each file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cases;

use std::path::Path;

/// Runs a target on every file of its corpus, on every beginning of it, and with each byte changed.
fn replay(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(name);
    let mut count = 0;
    for file in std::fs::read_dir(&folder).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        target(&bytes);
        for at in 0..bytes.len() {
            target(&bytes[..at]);
            let mut damaged = bytes.clone();
            for flip in [0x01, 0x20, 0x80] {
                damaged[at] ^= flip;
                target(&damaged);
            }
        }
        count += 1;
    }
    assert!(count > 3, "{} has {count} files", folder.display());
}

#[test]
fn notes() {
    replay("note", cases::note);
}

#[test]
fn tiles() {
    replay("tile", cases::tile);
}

#[test]
fn lookups() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/lookup/honest");
    assert_eq!(
        std::fs::read(corpus).unwrap(),
        cases::honest_answer(),
        "the corpus has the log's answer"
    );
    replay("lookup", cases::lookup);
}
