//! Signed notes, against those of the reference implementation.

use proptest::prelude::*;

use super::*;
use crate::samples;

const VKEY: &str = "example.com/db+54b928f9+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
/// Signed by the reference program.
const NOTE: &str = "go.sum database tree\n699\nbEjWuGPD/1dWtPDOTvblEofUAgDiROKnEPZwFOG0pnk=\n\n\
    \u{2014} example.com/db VLko+UtYFK4/nx7t+UmtVmsJeBXoMuqrFDhosyviRWO+eRnxnb+/+GUE3pzqi5eONttOXsA3yIiG58mC2AhMGe9XWQQ=\n";
/// A real head of the public database, as it was served.
const PUBLIC_NOTE: &str = "go.sum database tree\n71848828\nKknkYm4hx0y71VQ4E6FoF3fdumxzXU5QwTwo+kVX+2I=\n\n\
    \u{2014} sum.golang.org Az3grmKW8+LoW5bY5ihjzgt5Sd07aM7qJWz+4sVUNugEROoYXrHoTxqWhSAEUaEh/w1GoBxXuq1GTToTtgsitxYzMgE=\n";

fn verifier() -> Verifier {
    Verifier::from_vkey(VKEY).unwrap()
}

#[track_caller]
fn check_malformed(bytes: impl AsRef<[u8]>) {
    let found = Note::open(bytes.as_ref(), &[verifier()]);
    assert!(matches!(found, Err(NoteError::Malformed(_))), "{found:?}");
}

#[test]
fn signatures_are_those_of_the_reference() {
    let text = NOTE.split_once("\n\n").unwrap().0.to_owned() + "\n";
    assert_eq!(sign(&text, &[&samples::signer()]).unwrap(), NOTE.as_bytes());
    let note = Note::open(NOTE.as_bytes(), &[verifier()]).unwrap();
    assert_eq!(note.text, text);
    assert_eq!((note.verified.len(), note.unverified.len()), (1, 0));
}

#[test]
fn a_real_head_of_the_public_database_opens() {
    let key = Verifier::from_vkey(crate::database::PUBLIC_KEY).unwrap();
    let note = Note::open(PUBLIC_NOTE.as_bytes(), &[key]).unwrap();
    assert!(note.text.starts_with("go.sum database tree\n71848828\n"));
}

#[test]
fn malformed_notes_are_refused() {
    check_malformed("");
    check_malformed("\n\n");
    check_malformed("text\n");
    check_malformed("text\n\n");
    check_malformed(NOTE.strip_suffix('\n').unwrap());
    check_malformed(NOTE.replace("\n\n", "\n"));
    check_malformed(NOTE.replace('\u{2014}', "-"));
    check_malformed(NOTE.replace("\u{2014} ", "\u{2014}"));
    check_malformed(NOTE.replace("db VLko", "db"));
    check_malformed(NOTE.replace("VLko", "VL!o"));
    check_malformed(NOTE.replace("699", "699\r"));
    check_malformed(NOTE.replace("699", "699\t"));
    check_malformed(NOTE.replace("699", "699\0"));
    check_malformed([NOTE.as_bytes(), b"\xff"].concat());
    check_malformed(format!("{NOTE}\u{2014} other AAAAAA==\n")); // a key hash and nothing after it
    check_malformed(format!("{NOTE}\u{2014} other+name AAAAAAA=\n"));
    check_malformed(format!("{NOTE}\u{2014} other\n"));
    check_malformed(format!("{NOTE}not a signature\n"));
}

#[test]
fn em_dash_is_the_only_dash() {
    for dash in ["\u{2013}", "\u{2012}", "\u{2015}", "--"] {
        check_malformed(NOTE.replace('\u{2014}', dash));
    }
}

#[test]
fn unknown_signers_are_skipped_and_kept() {
    let other = Signer::generate("other.example").unwrap();
    let note = sign("hello\n", &[&other, &samples::signer(), &other]).unwrap();
    let opened = Note::open(&note, &[verifier()]).unwrap();
    assert_eq!((opened.verified.len(), opened.unverified.len()), (1, 1));
    assert_eq!(opened.unverified[0].name, "other.example");
    assert_eq!(Note::open(&note, &[]).unwrap_err(), NoteError::NotSigned);
}

#[test]
fn another_key_of_the_same_name_is_an_unknown_signer() {
    let namesake = Signer::generate("example.com/db").unwrap();
    let note = sign("hello\n", &[&namesake]).unwrap();
    assert_eq!(
        Note::open(&note, &[verifier()]).unwrap_err(),
        NoteError::NotSigned
    );
}

#[test]
fn a_bad_signature_of_a_known_key_is_fatal_whatever_else_is_there() {
    let other = Signer::generate("other.example").unwrap();
    let bad = String::from_utf8(sign("hello\n", &[&samples::signer()]).unwrap()).unwrap();
    let line = bad.split_once("\n\n").unwrap().1.to_owned();
    let mut note = sign("hallo\n", &[&other]).unwrap();
    note.extend_from_slice(line.as_bytes());
    let found = Note::open(&note, &[verifier(), other.verifier().clone()]);
    assert!(matches!(
        found,
        Err(NoteError::BadSignature {
            key_hash: 0x54b9_28f9,
            ..
        })
    ));
}

#[test]
fn changed_text_or_signature_does_not_open() {
    for at in 0..NOTE.len() {
        let mut bytes = NOTE.as_bytes().to_vec();
        bytes[at] ^= 1;
        assert!(Note::open(&bytes, &[verifier()]).is_err(), "byte {at}");
    }
}

#[test]
fn two_known_keys_of_one_name_and_hash_are_ambiguous() {
    let found = Note::open(NOTE.as_bytes(), &[verifier(), verifier()]);
    assert!(matches!(found, Err(NoteError::AmbiguousKey { .. })));
}

#[test]
fn a_hundred_signatures_are_read_and_one_more_is_not() {
    let filler = "\u{2014} other.example AAAAAAA=\n";
    assert!(
        Note::open(
            format!("{NOTE}{}", filler.repeat(99)).as_bytes(),
            &[verifier()]
        )
        .is_ok()
    );
    check_malformed(format!("{NOTE}{}", filler.repeat(100)));
}

#[test]
fn a_note_has_at_most_a_mebibyte() {
    let signer = samples::signer();
    let overhead = sign("\n", &[&signer]).unwrap().len() - 1;
    let text = "x".repeat(NOTE_BYTES_MAX - overhead - 1) + "\n";
    let note = sign(&text, &[&signer]).unwrap();
    assert_eq!(note.len(), NOTE_BYTES_MAX);
    assert!(Note::open(&note, &[verifier()]).is_ok());
    assert!(sign(&("x".to_owned() + &text), &[&signer]).is_err());
    check_malformed("x".repeat(NOTE_BYTES_MAX + 1));
}

#[test]
fn the_text_may_hold_blank_lines() {
    let note = sign("one\n\ntwo\n", &[&samples::signer()]).unwrap();
    assert_eq!(
        Note::open(&note, &[verifier()]).unwrap().text,
        "one\n\ntwo\n"
    );
}

#[test]
fn left_over_bits_in_an_unknown_signature_do_not_matter() {
    let note = format!("{NOTE}\u{2014} other.example AAAAAAB=\n");
    assert!(Note::open(note.as_bytes(), &[verifier()]).is_ok());
}

#[test]
fn signing_again_keeps_others_and_replaces_its_own() {
    let other = Signer::generate("other.example").unwrap();
    let note = Note::open(NOTE.as_bytes(), &[verifier()]).unwrap();
    let both = note.sign_again(&[&other]).unwrap();
    let known = [verifier(), other.verifier().clone()];
    assert_eq!(Note::open(&both, &known).unwrap().verified.len(), 2);
    let same = note.sign_again(&[&samples::signer()]).unwrap();
    assert_eq!(same, NOTE.as_bytes());
}

#[test]
fn texts_that_no_reader_takes_are_not_signed() {
    let signer = samples::signer();
    assert!(sign("no end", &[&signer]).is_err());
    assert!(sign("tab\t\n", &[&signer]).is_err());
}

proptest! {
    #![proptest_config(samples::config())]

    #[test]
    fn opening_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Note::open(&bytes, &[verifier()]);
    }

    #[test]
    fn opening_damaged_notes_never_panics_or_believes(at in 0..NOTE.len(), junk in "\\PC{0,20}") {
        let mut bytes = NOTE.as_bytes().to_vec();
        bytes.splice(at..at, junk.bytes());
        if let Ok(note) = Note::open(&bytes, &[verifier()]) {
            prop_assert_eq!(note.text.as_bytes(), &NOTE.as_bytes()[..note.text.len()]);
        }
    }

    #[test]
    fn what_is_signed_opens(text in "([ -~\u{e4}]{0,30}\n){1,5}") {
        let note = sign(&text, &[&samples::signer()]).unwrap();
        prop_assert_eq!(Note::open(&note, &[verifier()]).unwrap().text, text);
    }

}
