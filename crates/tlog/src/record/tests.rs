//! Records and the answers around them.

use gomod::hash::hash_go_mod;
use proptest::prelude::*;

use super::*;
use crate::samples;

fn module() -> ModuleVersion {
    "example.com/a@v1.0.0".parse().unwrap()
}

fn hashes() -> RecordHashes {
    RecordHashes {
        zip: hash_go_mod(b"zip"),
        go_mod: hash_go_mod(b"mod"),
    }
}

fn text() -> String {
    Record::of_module(42, &module(), &hashes())
        .unwrap()
        .text()
        .to_owned()
}

#[track_caller]
fn check_other(text: &str) {
    let record = Record::new(42, text).unwrap();
    assert_eq!(
        record.hashes_of(&module()),
        Err(RecordError::OtherModule),
        "{text}"
    );
}

#[test]
fn answers_have_the_form_of_the_reference() {
    let text = "example.com/a v1.0.0 h1:x\nexample.com/a v1.0.0/go.mod h1:y\n";
    let record = Record::new(42, text).unwrap();
    let body = record.format_lookup(b"note");
    let want = "42\nexample.com/a v1.0.0 h1:x\nexample.com/a v1.0.0/go.mod h1:y\n\nnote";
    assert_eq!(body, want.as_bytes());
    assert_eq!(Record::parse_lookup(&body), Ok((record, &b"note"[..])));
}

#[test]
fn a_version_has_two_lines() {
    let record = Record::of_module(42, &module(), &hashes()).unwrap();
    assert_eq!(record.go_sum_lines().count(), 2);
    assert_eq!(record.hashes_of(&module()), Ok(hashes()));
    assert_eq!(record.hash(), record_hash(record.text().as_bytes()));
}

#[test]
fn records_of_something_else_are_refused() {
    let text = text();
    let (zip, go_mod) = text.split_once('\n').unwrap();
    check_other(&text.replace("example.com/a ", "example.com/b "));
    check_other(&text.replace("v1.0.0", "v1.0.1"));
    check_other(&text.replace("/go.mod", "/go.sum"));
    check_other(&format!("{go_mod}{zip}\n"));
    check_other(&format!("{zip}\n"));
    check_other(go_mod);
    check_other(&format!("{zip}\n{zip}\n"));
    check_other(&format!("{text}{zip}\n"));
    check_other(&format!("{text}example.com/b v1.0.0 h1:x\n"));
    check_other(&format!("example.com/b v1.0.0 h1:x\n{text}"));
    check_other(&text.replace("h1:", "h2:"));
    check_other(&text.replace(" h1:", "  h1:"));
    check_other(&text.replace(" h1:", ""));
    check_other(&text.replace('\n', " \n"));
}

#[test]
fn texts_are_lines_without_blank_ones_or_control_characters() {
    let check = |text: &str| assert_eq!(Record::new(0, text), Err(RecordError::MalformedText));
    check("");
    check("\n");
    check("\nx\n");
    check("x");
    check("x\n\n");
    check("x\n\ny\n");
    check("x\r\n");
    check("x\ty\n");
    check("x\0\n");
    assert!(Record::new(0, "x\n").is_ok());
    assert!(Record::new(0, "\u{e4} \u{1f600}\n").is_ok());
}

#[test]
fn ids_have_one_form_and_an_end() {
    let with = |id: &str| format!("{id}\nx\n\nnote").into_bytes();
    for bad in ["", "-1", "+1", "01", "1 ", "9223372036854775808", "x"] {
        assert_eq!(
            Record::parse_lookup(&with(bad)),
            Err(RecordError::Malformed),
            "{bad}"
        );
    }
    assert!(Record::parse_lookup(&with("9223372036854775807")).is_ok());
    assert!(Record::new(TREE_SIZE_END, "x\n").is_err());
}

#[test]
fn malformed_answers_are_refused() {
    let check = |body: &[u8]| assert!(Record::parse_lookup(body).is_err());
    check(b"");
    check(b"1");
    check(b"1\n");
    check(b"1\nx\n");
    check(b"1\n\n\nnote");
    check(b"1\nx\xff\n\nnote");
    check(b"1\nx\r\n\r\nnote");
    check(&[b"1\nx\n\n".to_vec(), vec![b'n'; LOOKUP_BYTES_MAX]].concat());
}

proptest! {
    #![proptest_config(samples::config())]

    #[test]
    fn reading_answers_never_panics(
        bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[0-9]{0,20}\n\\PC{0,40}\n\n\\PC{0,9}",
    ) {
        for body in [&bytes, text.as_bytes()] {
            if let Ok((record, _)) = Record::parse_lookup(body) {
                let _ = record.hashes_of(&module());
            }
        }
    }

    #[test]
    fn answers_round_trip(id in 0..TREE_SIZE_END, text in "([ -~]{1,30}\n){1,4}", note in "\\PC{0,9}") {
        let record = Record::new(id, &text).unwrap();
        let body = record.format_lookup(note.as_bytes());
        prop_assert_eq!(Record::parse_lookup(&body), Ok((record, note.as_bytes())));
    }
}
