//! What the log in memory answers.

use gomod::hash::hash_go_mod;

use super::*;
use crate::note::Note;
use crate::samples;

fn hashes(text: &str) -> RecordHashes {
    RecordHashes {
        zip: hash_go_mod(text.as_bytes()),
        go_mod: hash_go_mod(b"mod"),
    }
}

#[test]
fn versions_are_appended_once_and_found_under_their_escaped_name() {
    let mut log = MemoryLog::new(samples::signer());
    let module: ModuleVersion = "github.com/Azure/sdk@v1.0.0-RC1".parse().unwrap();
    assert_eq!(log.append("other\n"), Ok(0));
    assert_eq!(log.append_module(&module, &hashes("a")), Ok(1));
    assert_eq!(log.append_module(&module, &hashes("b")), Ok(1));
    assert_eq!(log.size(), 2);
    let body = log
        .answer("lookup/github.com/!azure/sdk@v1.0.0-!r!c1")
        .unwrap();
    assert!(body.starts_with(b"1\ngithub.com/Azure/sdk v1.0.0-RC1 h1:"));
    assert_eq!(
        log.find_module(&module).unwrap().hashes_of(&module),
        Ok(hashes("a"))
    );
    assert_eq!(log.answer("lookup/github.com/Azure/sdk@v1.0.0-RC1"), None);
    assert_eq!(log.append("bad"), Err(RecordError::MalformedText));
    let other = "example.com/a@v1.0.0".parse().unwrap();
    assert_eq!(log.find_module(&other), None);
    log.name(&other, 0);
    assert_eq!(log.find_module(&other).unwrap().text(), "other\n");
}

#[test]
fn the_head_is_signed() {
    let log = samples::log(5);
    let note = Note::open(
        &log.answer("latest").unwrap(),
        &[log.signer().verifier().clone()],
    );
    assert_eq!(TreeHead::parse(&note.unwrap().text), Ok(log.head()));
}

#[test]
fn tiles_are_served_at_the_widths_there_are() {
    let log = samples::log(600);
    let length = |path: &str| log.answer(path).map(|bytes| bytes.len());
    assert_eq!(length("tile/8/0/000"), Some(8192));
    assert_eq!(length("tile/8/0/002.p/88"), Some(88 * 32));
    assert_eq!(length("tile/8/0/000.p/5"), Some(5 * 32));
    assert_eq!(length("tile/8/0/002.p/89"), None);
    assert_eq!(length("tile/8/0/002"), None);
    assert_eq!(length("tile/8/1/000.p/2"), Some(64));
    assert_eq!(length("tile/8/2/000.p/1"), None);
    assert_eq!(length("tile/4/0/000"), None);
    assert_eq!(length(""), None);
}

#[test]
fn t30_data_tiles_hold_the_records() {
    let log = samples::log(300);
    let bytes = log.answer("tile/8/data/001.p/2").unwrap();
    assert_eq!(bytes, b"record 256\n\nrecord 257\n\n");
}
