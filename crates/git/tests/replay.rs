//! Replays the corpora of the fuzz targets, and some damage done to each file.
#![allow(clippy::unwrap_used, clippy::panic)]

mod cases;

use std::path::Path;

#[test]
fn packs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/pack");
    let mut count = 0;
    for file in std::fs::read_dir(&folder).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        cases::pack(&bytes);
        // Every third place: packs that are accepted are written durably, which takes its time.
        for at in (0..bytes.len()).step_by(3) {
            cases::pack(&bytes[..at]);
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x81;
            cases::pack(&damaged);
        }
        count += 1;
    }
    assert!(count > 3, "{} has {count} files", folder.display());
}

#[test]
fn advertisements() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/advertisement");
    let mut count = 0;
    for file in std::fs::read_dir(&folder).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        cases::conversation::advertisement(&bytes);
        for at in 0..bytes.len() {
            cases::conversation::advertisement(&bytes[..at]);
            for flip in [0x01, 0x10, 0x81] {
                let mut damaged = bytes.clone();
                damaged[at] ^= flip;
                cases::conversation::advertisement(&damaged);
            }
        }
        count += 1;
    }
    assert!(count > 3, "{} has {count} files", folder.display());
}
