//! What is already known about contents: their hash and their compressed form, kept for the next version that has them.

use git::conversion::Conversion;
use git::id::ObjectId;
use gomod::zip::Prepared;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// Bytes that an entry takes besides its compressed form.
const ENTRY_BYTES: u64 = 200;

/// Average weight that the cache makes room for at first.
const EXPECTED_BYTES: u64 = 2048;

/// A content as it leaves: which blob, and what is done to it.
type Key = (ObjectId, Conversion);

/// Everything about a content but, where the pack has it, its compressed form.
#[derive(Clone, Debug)]
pub enum Form {
    /// As a zip takes it.
    Held(Prepared),
    /// The pack holds the compressed form; only what had to be computed is kept.
    InPack {
        /// SHA-256 of the content.
        sha256: [u8; 32],
        /// CRC-32 of the content.
        crc32: u32,
        /// Its length.
        size_bytes: u64,
    },
    /// Too large to be kept.
    Sized {
        /// Its length.
        size_bytes: u64,
    },
}

/// Forms of contents, bounded in bytes, for all repositories together: their ids are hashes, so they cannot be mixed up.
#[derive(Debug)]
pub struct Forms {
    cache: Cache<Key, Form, ByBytes>,
}

impl Forms {
    /// Holds at most `bytes_max`, those used least going first.
    pub fn new(bytes_max: u64) -> Self {
        let entries = usize::try_from(bytes_max / EXPECTED_BYTES).unwrap_or(usize::MAX);
        Self {
            cache: Cache::with_weighter(entries, bytes_max, ByBytes),
        }
    }

    /// What is known about a content.
    pub fn find(&self, id: &ObjectId, conversion: &Conversion) -> Option<Form> {
        self.cache.get(&(*id, conversion.clone()))
    }

    /// Remembers a content.
    pub fn put(&self, id: ObjectId, conversion: Conversion, form: Form) {
        self.cache.insert((id, conversion), form);
    }
}

#[derive(Clone, Debug)]
struct ByBytes;

impl Weighter<Key, Form> for ByBytes {
    fn weight(&self, _key: &Key, form: &Form) -> u64 {
        match form {
            Form::Held(prepared) => ENTRY_BYTES + prepared.deflated.bytes().len() as u64,
            Form::InPack { .. } | Form::Sized { .. } => ENTRY_BYTES,
        }
    }
}
