//! What a client of a checksum database believes, as pure steps: say which tiles are needed, let the caller fetch them,
//! check.
//!
//! Nothing in an answer counts before it was checked here: the head by its signature and against the head known before,
//! the record by its hash under the head, each tile by its parent up to the root. The two hashes of a version are read
//! from the record's text only, never from elsewhere in the answer (CVE-2026-56864).
//!
//! Source: golang.org/x/mod, `sumdb`, `Client`; golang.org/design/25530-sumdb.

use std::fmt::Write;

use gomod::version::ModuleVersion;

use crate::authentic::{Authentic, AuthenticError};
use crate::note::{Note, NoteError, Verifier};
use crate::proof::{check_tree, prove_tree};
use crate::record::{Record, RecordError, RecordHashes};
use crate::tile::{HASH_BYTES, Tile, TileLevel, TileSet, list_needed, parse_data};
use crate::tree::{Hash, Place, TreeError, TreeHead, list_subtrees, record_hash, tree_hash};

pub use crate::database_key::{DatabaseKey, DatabaseKeyError, PUBLIC_KEY, PUBLIC_NAME};

/// A head with the note that proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHead {
    /// What was signed.
    pub head: TreeHead,
    /// The note, as it came.
    pub note: Vec<u8>,
}

impl SignedHead {
    /// Opens a signed tree head.
    ///
    /// # Errors
    /// [`AnswerError::Note`] if the note is not signed by `verifier`; [`AnswerError::Head`] if it is not a tree head.
    pub fn open(note: &[u8], verifier: &Verifier) -> Result<Self, AnswerError> {
        let opened = Note::open(note, std::slice::from_ref(verifier)).map_err(AnswerError::Note)?;
        let head = TreeHead::parse(&opened.text).map_err(AnswerError::Head)?;
        Ok(Self {
            head,
            note: note.to_vec(),
        })
    }
}

/// The answer to a look-up whose form and signature are right. The record still has to be proven by [`check_record`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupAnswer {
    /// The record, not yet proven.
    pub record: Record,
    /// What it says of the version asked for.
    pub hashes: RecordHashes,
    /// The head that came with it; its tree is large enough to have the record.
    pub signed: SignedHead,
}

impl LookupAnswer {
    /// Reads the answer to a look-up of `wanted`.
    ///
    /// # Errors
    /// [`AnswerError::Record`] if it is no record or one of another version; [`AnswerError::Note`],
    /// [`AnswerError::Head`]; [`AnswerError::TooOld`] if the head's tree ends before the record.
    pub fn parse(
        body: &[u8],
        verifier: &Verifier,
        wanted: &ModuleVersion,
    ) -> Result<Self, AnswerError> {
        let (record, note) = Record::parse_lookup(body).map_err(AnswerError::Record)?;
        let hashes = record.hashes_of(wanted).map_err(AnswerError::Record)?;
        let signed = SignedHead::open(note, verifier)?;
        if record.id() >= signed.head.size {
            return Err(AnswerError::TooOld {
                id: record.id(),
                size: signed.head.size,
            });
        }
        Ok(Self {
            record,
            hashes,
            signed,
        })
    }
}

/// Why an answer was not taken, before any proof.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The record's part.
    #[error("bad record")]
    Record(#[source] RecordError),
    /// The note around the head.
    #[error("bad note")]
    Note(#[source] NoteError),
    /// The head in it.
    #[error("bad tree head")]
    Head(#[source] TreeError),
    /// The tree does not have the record yet.
    #[error("record {id} in a tree of {size} records")]
    TooOld {
        /// Number of the record.
        id: u64,
        /// Size of the tree.
        size: u64,
    },
}

/// The tiles [`check_record`] needs; empty if the tree has no such record. Bounded: eight of the edge, seven above the
/// record.
pub fn tiles_for_record(size: u64, id: u64) -> Vec<Tile> {
    list_needed(size, &[Place::of_record(id)]).unwrap_or_default()
}

/// The tiles [`check_consistency`] needs; empty if there is nothing to read: the old tree is empty or not the smaller
/// one. Bounded as in [`tiles_for_record`].
pub fn tiles_for_consistency(old: u64, new: u64) -> Vec<Tile> {
    if old == 0 || old >= new {
        return Vec::new();
    }
    list_needed(new, &list_subtrees(0, old)).unwrap_or_default()
}

/// The tiles [`check_tile`] needs for `tile`; `None` if the tree does not have all of it.
pub fn tiles_for_tile(size: u64, tile: &Tile) -> Option<Vec<Tile>> {
    let there = tile.as_in(size)?;
    let TileLevel::Hashes(level) = there.level() else {
        return None;
    };
    list_needed(
        size,
        &[Place {
            level: level * 8,
            n: there.n() << 8,
        }],
    )
    .ok()
}

/// Checks that the log has the record under `head`.
///
/// # Errors
/// [`ProofError::Tiles`] if a tile is missing or wrong; [`ProofError::RecordDiffers`] if the log has another text at this
/// number.
pub fn check_record(head: &TreeHead, record: &Record, tiles: &TileSet) -> Result<(), ProofError> {
    let found = Authentic::new(head, tiles)?.hash(Place::of_record(record.id()))?;
    if found != record.hash() {
        return Err(ProofError::RecordDiffers { id: record.id() });
    }
    Ok(())
}

/// Checks that the tree of `old` is the beginning of the tree of `new`. The order of the two does not matter.
///
/// # Errors
/// [`ProofError::Tiles`] if a tile is missing or wrong; [`ProofError::Fork`] if both heads are signed by one log and do
/// not agree: see [`describe_fork`].
pub fn check_consistency(
    old: &TreeHead,
    new: &TreeHead,
    tiles: &TileSet,
) -> Result<(), ProofError> {
    if old.size > new.size {
        return check_consistency(new, old, tiles);
    }
    if old.size == new.size || old.size == 0 {
        // An empty tree's head has but one hash, by `TreeHead::parse`.
        let agrees = old.size == 0 || old.hash == new.hash;
        return if agrees {
            Ok(())
        } else {
            Err(ProofError::Fork)
        };
    }
    let mut authentic = Authentic::new(new, tiles)?;
    let within = tree_hash(old.size, &mut |place| authentic.hash(place))?;
    if within == old.hash {
        Ok(())
    } else {
        Err(ProofError::Fork)
    }
}

/// Checks a tile under `head` and gives its bytes; for a data tile those of its records' hashes. `tile` may be narrower
/// than the tree has it: the wide one must be in the set, see [`tiles_for_tile`].
///
/// # Errors
/// [`ProofError::Tiles`].
pub fn check_tile<'a>(
    head: &TreeHead,
    tile: &Tile,
    tiles: &'a TileSet,
) -> Result<&'a [u8], ProofError> {
    let there = tile.as_in(head.size).ok_or(AuthenticError::NotInTree)?;
    Authentic::new(head, tiles)?.believe(there)?;
    let bytes = tiles
        .get(&there)
        .ok_or(AuthenticError::Missing { tile: there })?;
    let size_bytes = usize::from(tile.width()) * HASH_BYTES;
    Ok(bytes
        .get(..size_bytes)
        .ok_or(AuthenticError::Wrong { tile: there })?)
}

/// Checks the records of a data tile by a believed tile of their hashes, at least as wide.
///
/// # Errors
/// [`ProofError::RecordDiffers`] with the first that is not the log's; [`ProofError::Tiles`] if the tile cannot be read.
pub fn check_data(tile: &Tile, data: &[u8], hashes: &[u8]) -> Result<(), ProofError> {
    let wrong = AuthenticError::Wrong { tile: *tile };
    let texts = parse_data(data, tile.width()).map_err(|_| wrong)?;
    for (offset, (text, hash)) in texts
        .iter()
        .zip(hashes.chunks_exact(HASH_BYTES))
        .enumerate()
    {
        if record_hash(text.as_bytes()).as_bytes() != hash {
            let id = (tile.n() << 8) + offset as u64;
            return Err(ProofError::RecordDiffers { id });
        }
    }
    if hashes.len() / HASH_BYTES < texts.len() {
        Err(wrong.into())
    } else {
        Ok(())
    }
}

/// Writes the proof that a log signed two heads that do not agree, for people and for the database's operator.
///
/// It holds both notes and, where the sizes differ, the hash that the newer tree has for the older size with its
/// consistency proof, so that nobody has to ask the misbehaving server again.
pub fn describe_fork(one: &SignedHead, other: &SignedHead, tiles: &TileSet) -> String {
    let (old, new) = if one.head.size <= other.head.size {
        (one, other)
    } else {
        (other, one)
    };
    let mut text = String::from("the checksum database signed two trees that do not agree\n");
    for (which, signed) in [("older", old), ("newer", new)] {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{which} head, {} records:\n", signed.head.size);
        for line in String::from_utf8_lossy(&signed.note).lines() {
            let _ = writeln!(text, "\t{line}");
        }
    }
    if let Some((within, proof)) = prove_fork(&old.head, &new.head, tiles) {
        let size = old.head.size;
        let _ = write!(
            text,
            "\nhash of the first {size} records in the newer tree:\n\t{within}\n"
        );
        let _ = write!(text, "\nits consistency proof in the newer tree:\n");
        for hash in proof {
            let _ = writeln!(text, "\t{hash}");
        }
    }
    text
}

/// The hash that the newer tree has for the older size, with its proof.
fn prove_fork(old: &TreeHead, new: &TreeHead, tiles: &TileSet) -> Option<(Hash, Vec<Hash>)> {
    if old.size == new.size {
        return None;
    }
    let mut authentic = Authentic::new(new, tiles).ok()?;
    let mut read = |place| authentic.hash(place).map_err(ProofError::from);
    let within = tree_hash(old.size, &mut read).ok()?;
    let proof = prove_tree(new.size, old.size, &mut read).ok()?;
    check_tree(
        &proof,
        new,
        &TreeHead {
            size: old.size,
            hash: within,
        },
    )
    .ok()?;
    Some((within, proof))
}

/// Why a proof was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// A tile is missing or was not vouched for: who sent it lied, or it was torn.
    #[error("bad tiles")]
    Tiles(#[from] AuthenticError),
    /// The log has another record at this number.
    #[error("the log has another record {id}")]
    RecordDiffers {
        /// Its number.
        id: u64,
    },
    /// Two signed heads do not agree.
    #[error("the checksum database signed two trees that do not agree")]
    Fork,
    /// The question made no sense for the tree.
    #[error("no such proof")]
    NoProof(#[from] TreeError),
}

#[cfg(test)]
mod tests;
