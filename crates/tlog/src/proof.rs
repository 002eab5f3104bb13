//! Proofs over a tree: that it has a record, and that one tree is the beginning of another.
//!
//! A proof is a list of hashes, from the bottom up. Clients of a checksum database make their own from tiles; these are
//! for those who hand proofs on or are handed them.
//!
//! Source: RFC 6962 sections 2.1.1 and 2.1.2; golang.org/x/mod, `sumdb/tlog`.

use crate::tree::{Hash, Place, TREE_SIZE_END, TreeError, TreeHead, node_hash, range_hash};

/// Makes the proof that the record `id` is in the tree of `size` records: the hashes beside its way to the root, from
/// the record upwards; at most 63.
///
/// # Errors
/// [`TreeError::OutOfRange`] if the tree has no such record; those of `read`.
pub fn prove_record<E: From<TreeError>>(
    size: u64,
    id: u64,
    read: &mut dyn FnMut(Place) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    check_range(size, id < size)?;
    let (mut lo, mut hi) = (0, size);
    let mut beside = Vec::new();
    while hi - lo > 1 {
        let middle = lo + split(hi - lo);
        if id < middle {
            beside.push((middle, hi));
            hi = middle;
        } else {
            beside.push((lo, middle));
            lo = middle;
        }
    }
    beside
        .into_iter()
        .rev()
        .map(|(lo, hi)| range_hash(lo, hi, read))
        .collect()
}

/// Checks a proof made by [`prove_record`] for a record's hash.
///
/// # Errors
/// [`TreeError::OutOfRange`] if the tree has no such record; [`TreeError::ProofFailed`] if the hashes do not lead to the
/// head's.
pub fn check_record(
    proof: &[Hash],
    head: &TreeHead,
    id: u64,
    record: &Hash,
) -> Result<(), TreeError> {
    check_range(head.size, id < head.size)?;
    // The way down first: it says on which side each of the hashes stands.
    let (mut lo, mut hi) = (0, head.size);
    let mut is_left = Vec::new();
    while hi - lo > 1 {
        let middle = lo + split(hi - lo);
        is_left.push(id < middle);
        if id < middle {
            hi = middle
        } else {
            lo = middle
        }
    }
    if proof.len() != is_left.len() {
        return Err(TreeError::ProofFailed);
    }
    let root = proof
        .iter()
        .zip(is_left.iter().rev())
        .fold(*record, |hash, (beside, is_left)| {
            if *is_left {
                node_hash(&hash, beside)
            } else {
                node_hash(beside, &hash)
            }
        });
    if root == head.hash {
        Ok(())
    } else {
        Err(TreeError::ProofFailed)
    }
}

/// Makes the proof that the tree of `old` records is the beginning of the tree of `new` records; at most 64 hashes.
///
/// # Errors
/// [`TreeError::OutOfRange`] unless `1 <= old <= new`; those of `read`.
pub fn prove_tree<E: From<TreeError>>(
    new: u64,
    old: u64,
    read: &mut dyn FnMut(Place) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    check_range(new, 1 <= old && old <= new)?;
    let (mut lo, mut hi) = (0, new);
    let mut ranges = Vec::new();
    while old != hi {
        let middle = lo + split(hi - lo);
        if old <= middle {
            ranges.push((middle, hi));
            hi = middle;
        } else {
            ranges.push((lo, middle));
            lo = middle;
        }
    }
    // Where the old tree ends within the new one; a left edge needs no hash, the old head's own is it.
    if lo != 0 {
        ranges.push((lo, hi));
    }
    ranges
        .into_iter()
        .rev()
        .map(|(lo, hi)| range_hash(lo, hi, read))
        .collect()
}

/// Checks a proof made by [`prove_tree`].
///
/// # Errors
/// [`TreeError::OutOfRange`] unless `1 <= old.size <= new.size`; [`TreeError::ProofFailed`].
pub fn check_tree(proof: &[Hash], new: &TreeHead, old: &TreeHead) -> Result<(), TreeError> {
    check_range(new.size, 1 <= old.size && old.size <= new.size)?;
    let (mut lo, mut hi) = (0, new.size);
    let mut is_left = Vec::new();
    while old.size != hi {
        let middle = lo + split(hi - lo);
        is_left.push(old.size <= middle);
        if old.size <= middle {
            hi = middle
        } else {
            lo = middle
        }
    }
    let (start, proof) = match proof.split_first() {
        _ if lo == 0 => (&old.hash, proof),
        Some((first, rest)) => (first, rest),
        None => return Err(TreeError::ProofFailed),
    };
    if proof.len() != is_left.len() {
        return Err(TreeError::ProofFailed);
    }
    let (mut old_root, mut new_root) = (*start, *start);
    for (beside, is_left) in proof.iter().zip(is_left.iter().rev()) {
        if *is_left {
            // What stands to the right of the old tree's end belongs to the new one alone.
            new_root = node_hash(&new_root, beside);
        } else {
            old_root = node_hash(beside, &old_root);
            new_root = node_hash(beside, &new_root);
        }
    }
    if old_root == old.hash && new_root == new.hash {
        Ok(())
    } else {
        Err(TreeError::ProofFailed)
    }
}

fn check_range(size: u64, fits: bool) -> Result<(), TreeError> {
    if fits && size < TREE_SIZE_END {
        Ok(())
    } else {
        Err(TreeError::OutOfRange)
    }
}

/// Size of the left half of a tree of `size >= 2` records: the largest power of two below it.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

#[cfg(test)]
mod tests;
