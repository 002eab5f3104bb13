//! The Merkle tree of RFC 6962: hashes, where they stand, and heads. Proofs are in [`crate::proof`].
//!
//! A node is named by its [`Place`]: level (0 are the records) and number within the level. A log stores only the hashes
//! of full subtrees, in the order in which they become known; [`Place::stored_index`] gives their numbers in that order.
//! Who reads hashes here gets them through a function: a slice, tiles and a database all fit.
//!
//! Source: RFC 6962 section 2.1; golang.org/x/mod, `sumdb/tlog`.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// Trees are smaller than this: sizes are signed 64-bit numbers on the other side.
pub const TREE_SIZE_END: u64 = 1 << 63;

/// Longest text a tree head is looked for in. The three lines are under 100 bytes.
pub const HEAD_TEXT_BYTES_MAX: usize = 1_000_000;

/// First line of every Go checksum database's tree head.
const HEAD_FIRST_LINE: &str = "go.sum database tree";

/// A node's hash (SHA-256); printed in base64.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// Hash of the tree without records: SHA-256 of nothing.
    pub fn of_empty_tree() -> Self {
        Self(Sha256::digest([]).0)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = TreeError;

    fn from_str(text: &str) -> Result<Self, TreeError> {
        let bytes = STANDARD
            .decode(text)
            .map_err(|_| TreeError::MalformedHash)?;
        Ok(Self(
            bytes.try_into().map_err(|_| TreeError::MalformedHash)?,
        ))
    }
}

/// Hash of a record's text (for a checksum database: without the id line and the blank line).
pub fn record_hash(text: &[u8]) -> Hash {
    let mut hash = Sha256::new();
    hash.update([0]);
    hash.update(text);
    Hash(hash.finalize().0)
}

/// Hash of an inner node.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut block = [1; 65];
    block[1..33].copy_from_slice(&left.0);
    block[33..].copy_from_slice(&right.0);
    Hash(Sha256::digest(block).0)
}

/// Where a full subtree stands: it covers the records `n << level .. (n + 1) << level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// 0 for records, one more for each doubling.
    pub level: u8,
    /// Number within the level, from 0.
    pub n: u64,
}

impl Place {
    /// The place of a record.
    pub fn of_record(id: u64) -> Self {
        Self { level: 0, n: id }
    }

    /// One past the last record covered; `None` if that is not below [`TREE_SIZE_END`] or equal to it.
    pub fn end(self) -> Option<u64> {
        let end = u128::from(self.n) + 1;
        if self.level > 63 || end << self.level > u128::from(TREE_SIZE_END) {
            return None;
        }
        Some((self.n + 1) << self.level)
    }

    /// Number of this hash in the order in which a log stores them: a record's hash, then the hashes of all subtrees
    /// that it completes. `None` if the place is beyond every tree.
    pub fn stored_index(self) -> Option<u64> {
        // The subtree is stored `level` hashes after its last record.
        let last = self.end()? - 1;
        Some(stored_before(last) + u64::from(self.level))
    }

    /// Inverse of [`Place::stored_index`]; `None` if no tree has so many hashes.
    pub fn from_stored_index(index: u64) -> Option<Self> {
        // A record is stored no later than at twice its number, and less than 64 before that.
        let mut n = index / 2;
        let mut at = stored_before(n);
        loop {
            let step = 1 + u64::from((n + 1).trailing_zeros());
            if step > index - at {
                break;
            }
            n += 1;
            at += step;
        }
        let level = u8::try_from(index - at).ok()?;
        let place = Self {
            level,
            n: n >> level,
        };
        place.end().map(|_| place)
    }
}

/// How many hashes a log of `size` records stores: twice the size less the number of its one bits. `None` beyond
/// [`TREE_SIZE_END`].
pub fn stored_count(size: u64) -> Option<u64> {
    (size < TREE_SIZE_END).then(|| stored_before(size))
}

/// How many hashes are stored before the record `n`. `n` is below [`TREE_SIZE_END`], so twice it fits.
fn stored_before(n: u64) -> u64 {
    2 * n - u64::from(n.count_ones())
}

/// Size and root hash of a log at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TreeHead {
    /// Number of records; below [`TREE_SIZE_END`].
    pub size: u64,
    /// Root hash.
    pub hash: Hash,
}

impl TreeHead {
    /// Reads `go.sum database tree\nN\nHASH\n`. Lines after these are allowed and ignored.
    ///
    /// # Errors
    /// [`TreeError::MalformedHead`]: another first line, a size with a sign, leading zeros or 2^63 and more, a hash that
    /// is not 32 bytes, an empty tree with another hash than that of nothing, or more than a million bytes.
    pub fn parse(text: &str) -> Result<Self, TreeError> {
        if text.len() > HEAD_TEXT_BYTES_MAX {
            return Err(TreeError::MalformedHead);
        }
        let mut lines = text.split('\n');
        let (Some(HEAD_FIRST_LINE), Some(size), Some(hash), Some(_after_third)) =
            (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(TreeError::MalformedHead);
        };
        let size = parse_number(size).ok_or(TreeError::MalformedHead)?;
        let hash: Hash = hash.parse().map_err(|_| TreeError::MalformedHead)?;
        if size == 0 && hash != Hash::of_empty_tree() {
            return Err(TreeError::MalformedHead);
        }
        Ok(Self { size, hash })
    }
}

/// The form [`TreeHead::parse`] reads, three lines with their ends.
impl fmt::Display for TreeHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HEAD_FIRST_LINE}\n{}\n{}\n", self.size, self.hash)
    }
}

/// Reads a size or record number: digits without leading zeros, below [`TREE_SIZE_END`].
pub(crate) fn parse_number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || (text.len() > 1 && text.starts_with('0')) {
        return None;
    }
    text.parse().ok().filter(|&number| number < TREE_SIZE_END)
}

/// The full subtrees that make up the records `lo..hi`, from left to right.
///
/// `lo` must be a multiple of the largest power of two in `hi - lo`, as it is for every right half of a tree.
pub fn list_subtrees(mut lo: u64, hi: u64) -> Vec<Place> {
    let mut places = Vec::new();
    while lo < hi {
        let level = (hi - lo).ilog2() as u8;
        places.push(Place {
            level,
            n: lo >> level,
        });
        lo += 1 << level;
    }
    places
}

/// Root hash of the tree of `size` records.
///
/// # Errors
/// Those of `read`.
pub fn tree_hash<E>(size: u64, read: &mut dyn FnMut(Place) -> Result<Hash, E>) -> Result<Hash, E> {
    range_hash(0, size, read)
}

/// Hash over the records `lo..hi`, joined from the right: each full subtree is the left side of what follows. `lo` as in
/// [`list_subtrees`].
///
/// # Errors
/// Those of `read`.
pub fn range_hash<E>(
    lo: u64,
    hi: u64,
    read: &mut dyn FnMut(Place) -> Result<Hash, E>,
) -> Result<Hash, E> {
    let mut joined = None;
    for place in list_subtrees(lo, hi).into_iter().rev() {
        let left = read(place)?;
        joined = Some(match joined {
            None => left,
            Some(right) => node_hash(&left, &right),
        });
    }
    Ok(joined.unwrap_or_else(Hash::of_empty_tree))
}

/// Why a head, a hash or a proof was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Not 32 bytes in base64.
    #[error("malformed hash")]
    MalformedHash,
    /// Not a tree head.
    #[error("malformed tree head")]
    MalformedHead,
    /// The question makes no sense for a tree of this size.
    #[error("no such record or tree within the tree")]
    OutOfRange,
    /// The hashes do not lead to the head's.
    #[error("the proof does not hold")]
    ProofFailed,
}

#[cfg(test)]
mod tests;
