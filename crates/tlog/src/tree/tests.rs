//! Roots, places and heads, against the reference implementation.

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;
use crate::samples;

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// SHA-256 over hashes, to compare very many with the reference's at once.
fn digest<'a>(hashes: impl IntoIterator<Item = &'a Hash>) -> String {
    let mut all = Sha256::new();
    for hash in hashes {
        all.update(hash.as_bytes());
    }
    hex(all.finalize())
}

#[test]
fn roots_are_those_of_the_reference() {
    let log = samples::log(699);
    let check = |size, want: &str| assert_eq!(log.head_at(size).unwrap().hash.to_string(), want);
    check(0, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    check(1, "hH2/O6WqM8SXbRrP04wkRcdxBnXjSED3frqPG1Slmqo=");
    check(2, "iDYylbHW0Tfc8TPv9Zsm3tnGSeG45mXMQ+Eqym5W/aw=");
    check(3, "NN1lugKBoC5d4485FURI7Stm1fqIQOgKwtCU4SF6ADo=");
    check(255, "DYtrqFTOKivRQRFhRCS13foIOKxFJUEPmRcpB9pPDO0=");
    check(256, "YM4q9B2yxJjQzI3wjS28QSe5lhVenLORq/0HtRJm3q4=");
    check(257, "QdJ5V+Qnf4iWgvEVR9xxpPDgVMkVzgEbYXI1DVJk2Kg=");
    check(699, "bEjWuGPD/1dWtPDOTvblEofUAgDiROKnEPZwFOG0pnk=");
    let all: Vec<Hash> = (0..700)
        .map(|size| log.head_at(size).unwrap().hash)
        .collect();
    let want = "c9b773f4b2c8879bfeff00d5ee23cea3435af835bbae751efbb55f1eb07c8fd0";
    assert_eq!(digest(&all), want);
    assert_eq!(Hash::of_empty_tree(), all[0]);
    assert!(log.head_at(700).is_err());
}

#[test]
fn stored_hashes_stand_in_the_order_of_the_reference() {
    let log = samples::log(700);
    let count = stored_count(700).unwrap();
    assert_eq!(count, 1394);
    let stored: Vec<Hash> = (0..count)
        .map(|index| log.read(Place::from_stored_index(index).unwrap()).unwrap())
        .collect();
    let want = "f4531846376d922023fa18d2ec907b96fa802896b66a5a54e1ab127a00803f16";
    assert_eq!(digest(&stored), want);
}

#[test]
fn stored_indexes_are_those_of_the_reference() {
    let check = |level, n, want| {
        let place = Place { level, n };
        assert_eq!(place.stored_index(), Some(want));
        assert_eq!(Place::from_stored_index(want), Some(place));
    };
    check(0, 0, 0);
    check(0, 1, 1);
    check(1, 0, 2);
    check(0, 2, 3);
    check(3, 5, 92);
    check(8, 1000, 512_504);
    check(20, 12345, 25_891_438_584);
    check(0, 1 << 40, 2_199_023_255_551);
    check(40, 1 << 20, 2_305_845_208_236_949_501);
    check(61, 0, 4_611_686_018_427_387_902);
    check(62, 0, 9_223_372_036_854_775_806);
}

#[test]
fn places_beyond_every_tree_have_no_index() {
    assert!(Place { level: 63, n: 0 }.stored_index().is_some());
    assert_eq!(Place { level: 63, n: 1 }.stored_index(), None);
    assert_eq!(Place { level: 64, n: 0 }.stored_index(), None);
    assert_eq!(
        Place {
            level: 255,
            n: u64::MAX
        }
        .stored_index(),
        None
    );
    assert_eq!(
        Place {
            level: 0,
            n: u64::MAX
        }
        .stored_index(),
        None
    );
    assert_eq!(
        Place {
            level: 0,
            n: TREE_SIZE_END
        }
        .stored_index(),
        None
    );
    assert!(
        Place {
            level: 0,
            n: TREE_SIZE_END - 1
        }
        .stored_index()
        .is_some()
    );
    let _ = Place::from_stored_index(u64::MAX);
    assert_eq!(stored_count(TREE_SIZE_END), None);
}

const HEAD: &str = "go.sum database tree\n5\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";

#[track_caller]
fn check_no_head(text: &str) {
    assert_eq!(
        TreeHead::parse(text),
        Err(TreeError::MalformedHead),
        "{text}"
    );
}

#[test]
fn heads_are_three_lines_and_may_have_more() {
    let head = TreeHead::parse(HEAD).unwrap();
    assert_eq!((head.size, head.to_string().as_str()), (5, HEAD));
    assert_eq!(
        TreeHead::parse(&format!("{HEAD}more\n\nlines")).unwrap(),
        head
    );
    check_no_head("");
    check_no_head(HEAD.strip_suffix('\n').unwrap());
    check_no_head(&HEAD.replace("go.sum", "example.com"));
    check_no_head(&HEAD.replace("tree\n", "tree\r\n"));
    check_no_head(&HEAD.replace("47DE", "47D"));
    check_no_head(&HEAD.replace("47DE", "47DEAAAA"));
    check_no_head(&format!("{HEAD}{}", "x".repeat(HEAD_TEXT_BYTES_MAX)));
}

#[test]
fn sizes_have_one_form_and_an_end() {
    let with = |size: &str| HEAD.replace("\n5\n", &format!("\n{size}\n"));
    for bad in [
        "", "05", "00", "+5", "-5", "5 ", " 5", "0x5", "\u{665}", "5.0",
    ] {
        check_no_head(&with(bad));
    }
    assert!(TreeHead::parse(&with("9223372036854775807")).is_ok());
    check_no_head(&with("9223372036854775808")); // 2^63
    check_no_head(&with("18446744073709551616"));
    check_no_head(&with(&"9".repeat(1000)));
}

#[test]
fn the_empty_tree_has_one_hash() {
    assert!(TreeHead::parse(&HEAD.replace("\n5\n", "\n0\n")).is_ok());
    check_no_head(&HEAD.replace("\n5\n47", "\n0\n57"));
}

proptest! {
    #![proptest_config(samples::config())]

    #[test]
    fn reading_heads_never_panics(text in "\\PC{0,60}", size in "[0-9+-]{0,22}") {
        let _ = TreeHead::parse(&text);
        let _ = TreeHead::parse(&HEAD.replace('5', &size));
    }

    #[test]
    fn heads_round_trip(size in 1..TREE_SIZE_END, hash in any::<[u8; 32]>()) {
        let head = TreeHead { size, hash: Hash(hash) };
        prop_assert_eq!(TreeHead::parse(&head.to_string()), Ok(head));
        prop_assert_eq!(head.hash.to_string().parse(), Ok(head.hash));
    }

    #[test]
    fn indexes_round_trip(index in 0..u64::MAX - 64, level in 0..63_u8, n in any::<u64>()) {
        if let Some(place) = Place::from_stored_index(index) {
            prop_assert_eq!(place.stored_index(), Some(index));
        }
        let place = Place { level, n: n >> level >> 1 };
        prop_assert_eq!(place.stored_index().and_then(Place::from_stored_index), Some(place));
    }

}
