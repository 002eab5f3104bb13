//! Proofs, against those of the reference implementation.

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;
use crate::samples;
use crate::tree::{list_subtrees, record_hash};

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

/// The sizes whose every proof the reference program made.
fn proof_sizes() -> impl Iterator<Item = u64> {
    (1..700).filter(|size| *size <= 70 || size % 37 == 0 || [256, 257, 512].contains(size))
}

#[test]
fn proofs_are_those_of_the_reference() {
    let log = samples::log(700);
    let read = &mut |place| log.read(place);
    let (mut records, mut trees, mut count) = (Vec::new(), Vec::new(), 0);
    for size in proof_sizes() {
        for id in 0..size {
            records.extend(prove_record(size, id, read).unwrap());
            trees.extend(prove_tree(size, id + 1, read).unwrap());
            count += 1;
        }
    }
    assert_eq!(count, 9800);
    let want = "c496bde03876daa4feb27ca3dec4a943905bbd0d33eca869b9c585d6a13ea6f4";
    assert_eq!(digest(&records), want);
    let want = "d67034e97d9342ca303b3a00b9eff187714e4f3b40a38980758c2cf3ff3666cc";
    assert_eq!(digest(&trees), want);
    let proof = prove_tree(7, 5, read).unwrap();
    let first = "ya6rqaP0GizPeKwW0884b7dpTgQBoYmT8F1cakxv+uE=";
    assert_eq!((proof.len(), proof[0].to_string().as_str()), (4, first));
}

#[test]
fn proofs_hold_and_no_other_question_accepts_them() {
    let log = samples::log(70);
    let read = &mut |place| log.read(place);
    let record = |id: u64| record_hash(format!("record {id}\n").as_bytes());
    for size in 1..70 {
        let head = log.head_at(size).unwrap();
        for id in 0..size {
            let proof = prove_record(size, id, read).unwrap();
            assert_eq!(check_record(&proof, &head, id, &record(id)), Ok(()));
            assert!(check_record(&proof, &head, id, &record(id + 1)).is_err());
            for other in (0..size).filter(|other| *other != id) {
                assert!(check_record(&proof, &head, other, &record(id)).is_err());
            }
            let old = log.head_at(id + 1).unwrap();
            let proof = prove_tree(size, id + 1, read).unwrap();
            assert_eq!(check_tree(&proof, &head, &old), Ok(()));
            let wrong = TreeHead {
                hash: head.hash,
                ..old
            };
            assert!(size == old.size || check_tree(&proof, &head, &wrong).is_err());
        }
    }
}

#[test]
fn shortened_lengthened_and_changed_proofs_fail() {
    let log = samples::log(13);
    let read = &mut |place| log.read(place);
    let (head, old) = (log.head(), log.head_at(6).unwrap());
    let leaf = record_hash(b"record 4\n");
    let record = prove_record(13, 4, read).unwrap();
    let tree = prove_tree(13, 6, read).unwrap();
    let variants = |proof: &[Hash], check: &dyn Fn(&[Hash]) -> Result<(), TreeError>| {
        check(proof).unwrap();
        assert_eq!(check(&proof[1..]), Err(TreeError::ProofFailed));
        assert_eq!(
            check(&proof[..proof.len() - 1]),
            Err(TreeError::ProofFailed)
        );
        assert_eq!(check(&[]), Err(TreeError::ProofFailed));
        assert_eq!(
            check(&[proof, &[leaf]].concat()),
            Err(TreeError::ProofFailed)
        );
        for at in 0..proof.len() {
            let mut changed = proof.to_vec();
            changed[at].0[31] ^= 1;
            assert_eq!(check(&changed), Err(TreeError::ProofFailed));
        }
    };
    variants(&record, &|proof| check_record(proof, &head, 4, &leaf));
    variants(&tree, &|proof| check_tree(proof, &head, &old));
}

#[test]
fn questions_out_of_range_are_refused() {
    let log = samples::log(5);
    let read = &mut |place| log.read(place);
    let head = log.head();
    assert_eq!(prove_record(5, 5, read), Err(TreeError::OutOfRange));
    assert_eq!(prove_record(0, 0, read), Err(TreeError::OutOfRange));
    assert_eq!(prove_tree(5, 6, read), Err(TreeError::OutOfRange));
    assert_eq!(prove_tree(5, 0, read), Err(TreeError::OutOfRange));
    assert_eq!(
        check_record(&[], &head, 5, &head.hash),
        Err(TreeError::OutOfRange)
    );
    let empty = TreeHead {
        size: 0,
        hash: Hash::of_empty_tree(),
    };
    assert_eq!(check_tree(&[], &head, &empty), Err(TreeError::OutOfRange));
    let huge = TreeHead {
        size: TREE_SIZE_END,
        hash: head.hash,
    };
    assert_eq!(check_tree(&[], &huge, &head), Err(TreeError::OutOfRange));
    assert_eq!(
        check_record(&[], &huge, 0, &head.hash),
        Err(TreeError::OutOfRange)
    );
}

#[test]
fn proofs_of_the_largest_tree_do_not_overflow() {
    let head = TreeHead {
        size: TREE_SIZE_END - 1,
        hash: Hash([7; 32]),
    };
    for id in [0, 1, 1 << 62, TREE_SIZE_END - 2] {
        assert_eq!(
            check_record(&[], &head, id, &Hash([1; 32])),
            Err(TreeError::ProofFailed)
        );
        let old = TreeHead {
            size: id + 1,
            hash: Hash([2; 32]),
        };
        assert_eq!(check_tree(&[], &head, &old), Err(TreeError::ProofFailed));
    }
    let read = &mut |_: Place| Ok::<_, TreeError>(Hash([3; 32]));
    assert_eq!(prove_record(head.size, 0, read).unwrap().len(), 63);
    assert_eq!(list_subtrees(0, head.size).len(), 63);
}

proptest! {
    #![proptest_config(samples::config())]

    #[test]
    fn proofs_of_random_trees_hold(size in 1..700_u64, id in 0..700_u64) {
        let log = samples::log(size);
        let id = id % size;
        let read = &mut |place| log.read(place);
        let leaf = record_hash(format!("record {id}\n").as_bytes());
        let proof = prove_record(size, id, read).unwrap();
        prop_assert_eq!(check_record(&proof, &log.head(), id, &leaf), Ok(()));
        let proof = prove_tree(size, id + 1, read).unwrap();
        prop_assert_eq!(check_tree(&proof, &log.head(), &log.head_at(id + 1).unwrap()), Ok(()));
    }
}
