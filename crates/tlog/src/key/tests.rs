//! Keys, against those of the reference implementation.

use proptest::prelude::*;

use super::*;
use crate::note::{Note, sign};
use crate::samples;

const SKEY: &str =
    "PRIVATE+KEY+example.com/db+54b928f9+AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
const VKEY: &str = "example.com/db+54b928f9+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";

fn verifier() -> Verifier {
    Verifier::from_vkey(VKEY).unwrap()
}

#[test]
fn keys_are_those_of_the_reference() {
    let signer = Signer::from_skey(SKEY).unwrap();
    assert_eq!(signer.vkey(), VKEY);
    assert_eq!(signer.skey(), SKEY);
    assert_eq!(verifier().vkey(), VKEY);
    assert_eq!(verifier().to_string(), VKEY);
    assert_eq!(signer.verifier(), &verifier());
    assert_eq!(verifier().key_hash(), 0x54b9_28f9);
}

#[test]
fn generated_keys_round_trip() {
    let signer = Signer::generate("granary.test/db").unwrap();
    let again = Signer::from_skey(&signer.skey()).unwrap();
    let note = sign("hello\n", &[&again]).unwrap();
    assert!(Note::open(&note, &[Verifier::from_vkey(&signer.vkey()).unwrap()]).is_ok());
}

#[test]
fn debug_output_of_a_signer_has_no_secret() {
    let shown = format!("{:?}", samples::signer());
    assert!(
        !shown.contains("seed") && !shown.contains("pair"),
        "{shown}"
    );
}

#[test]
fn bad_keys_are_refused() {
    let check = |vkey: &str, want| assert_eq!(Verifier::from_vkey(vkey).unwrap_err(), want);
    check("", KeyError::Malformed);
    check("example.com/db", KeyError::Malformed);
    check("example.com/db+54b928f9", KeyError::Malformed);
    check(&VKEY.replace("54b928f9", "54b928f"), KeyError::Malformed);
    check(&VKEY.replace("54b928f9", "+4b928f9"), KeyError::Malformed);
    check(&VKEY.replace("54b928f9", "54b928f8"), KeyError::HashDiffers);
    check(
        &VKEY.replace("example.com/db", "example.com/dc"),
        KeyError::HashDiffers,
    );
    check(
        &VKEY.replace("example.com/db", "example.com db"),
        KeyError::Malformed,
    );
    check(&VKEY.replace("example.com/db", ""), KeyError::Malformed);
    check(&VKEY[..VKEY.len() - 4], KeyError::Malformed);
    check(&VKEY.replace("+AQOh", "+AgOh"), KeyError::UnknownAlgorithm);
    check("a+00000000+", KeyError::Malformed);
    let check = |skey: &str, want| assert_eq!(Signer::from_skey(skey).unwrap_err(), want);
    check(&SKEY.replace("PRIVATE", "PUBLIC"), KeyError::Malformed);
    check(&SKEY.replace("54b928f9", "54b928f8"), KeyError::HashDiffers);
    check(VKEY, KeyError::Malformed);
    assert!(Signer::from_seed("with space", [0; 32]).is_err());
    assert!(Signer::from_seed("with+plus", [0; 32]).is_err());
    assert!(Signer::from_seed("no\u{00a0}break", [0; 32]).is_err());
}

proptest! {
    #![proptest_config(samples::config())]

    #[test]
    fn parsing_keys_never_panics(text in "\\PC{0,80}", key in "[a-z]{1,4}\\+[0-9a-f]{8}\\+[A-Za-z0-9+/=]{0,60}") {
        let _ = (Verifier::from_vkey(&text), Signer::from_skey(&text));
        let _ = (Verifier::from_vkey(&key), Signer::from_skey(&format!("PRIVATE+KEY+{key}")));
    }
}
