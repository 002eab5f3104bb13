//! The table of a pack's entries while it is taken: 50 bytes an entry with SHA-1, 62 with SHA-256.

use crate::id::{HashKind, ObjectId};

/// No entry.
pub(super) const NONE: u32 = u32::MAX;

/// The depth of an entry whose object is not known yet.
pub(super) const UNRESOLVED: u16 = u16::MAX;

/// What the first reading of a pack finds out about an entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Where it begins in the pack.
    pub offset: u64,
    /// CRC-32 of its stored bytes, for the index.
    pub crc32: u32,
    /// The first of the offset deltas made from it, or [`NONE`].
    pub first_child: u32,
    /// The next delta made from the same base, or [`NONE`].
    pub next_sibling: u32,
    /// Whether it is a delta.
    pub is_delta: bool,
}

/// All entries in the order of the pack.
pub(super) struct Entries {
    pub hash: HashKind,
    pub list: Vec<Entry>,
    /// Deltas that name their base by id, with that id; sorted by it once all are known.
    pub by_base_id: Vec<(ObjectId, u32)>,
    /// Where the last entry ends.
    pub end: u64,
}

impl Entries {
    /// Where the entry's stored bytes end.
    pub(super) fn end_of(&self, entry: u32) -> u64 {
        let next = self.list.get(entry as usize + 1);
        next.map_or(self.end, |next| next.offset)
    }

    /// The entry that begins at `offset`.
    pub(super) fn find_at(&self, offset: u64) -> Option<u32> {
        let at = self
            .list
            .binary_search_by_key(&offset, |entry| entry.offset);
        at.ok().map(|at| at as u32)
    }

    /// The deltas that name `base`, once the list is sorted.
    pub(super) fn list_naming(&self, base: &ObjectId) -> std::ops::Range<usize> {
        let start = self.by_base_id.partition_point(|(id, _)| id < base);
        let len = self.by_base_id[start..].partition_point(|(id, _)| id == base);
        start..start + len
    }
}

/// The ids found so far, and how many deltas lie between each object and one that is stored whole.
pub(super) struct Names {
    hash: HashKind,
    ids: Vec<u8>,
    pub depths: Vec<u16>,
}

impl Names {
    pub(super) fn new(hash: HashKind) -> Self {
        Self {
            hash,
            ids: Vec::new(),
            depths: Vec::new(),
        }
    }

    /// Appends the next entry, named or not.
    pub(super) fn push(&mut self, id: Option<&ObjectId>) {
        let room = [0; 32];
        let bytes = id.map_or(&room[..self.hash.len_bytes()], ObjectId::as_bytes);
        self.ids.extend_from_slice(bytes);
        self.depths.push(if id.is_some() { 0 } else { UNRESOLVED });
    }

    /// Names an entry.
    pub(super) fn set(&mut self, entry: u32, id: &ObjectId, depth: u16) {
        let len = self.hash.len_bytes();
        self.ids[entry as usize * len..][..len].copy_from_slice(id.as_bytes());
        self.depths[entry as usize] = depth;
    }

    /// The bytes of an entry's id.
    pub(super) fn bytes_of(&self, entry: u32) -> &[u8] {
        let len = self.hash.len_bytes();
        &self.ids[entry as usize * len..][..len]
    }

    /// Entries without a name.
    pub(super) fn count_unresolved(&self) -> u64 {
        let unresolved = self.depths.iter().filter(|depth| **depth == UNRESOLVED);
        unresolved.count() as u64
    }
}
