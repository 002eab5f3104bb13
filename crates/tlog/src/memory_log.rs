//! A log in memory: appends records, signs heads, and answers as a checksum database does.
//!
//! It is honest: lies are for tests to tell. Nothing is kept when the process ends.

use std::collections::HashMap;

use gomod::version::ModuleVersion;

use crate::note::{NoteError, Signer, sign};
use crate::record::{Record, RecordError, RecordHashes};
use crate::tile::{Tile, TileLevel, format_data};
use crate::tree::{Hash, Place, TreeError, TreeHead, node_hash, tree_hash};

/// A log whose records and hashes are all in memory: about 64 bytes a record beside its text.
#[derive(Debug)]
pub struct MemoryLog {
    signer: Signer,
    texts: Vec<String>,
    /// By level: the hashes of all full subtrees.
    levels: Vec<Vec<Hash>>,
    /// Record numbers by what is looked up, `path@version` in escaped form.
    ids: HashMap<String, u64>,
}

impl MemoryLog {
    /// An empty log that signs with `signer`.
    pub fn new(signer: Signer) -> Self {
        Self {
            signer,
            texts: Vec::new(),
            levels: Vec::new(),
            ids: HashMap::new(),
        }
    }

    /// Who signs.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// Number of records.
    pub fn size(&self) -> u64 {
        self.texts.len() as u64
    }

    /// Appends a version's two hashes and gives the record's number; the number it had if it was there already.
    ///
    /// # Errors
    /// As [`Record::of_module`].
    pub fn append_module(
        &mut self,
        module: &ModuleVersion,
        hashes: &RecordHashes,
    ) -> Result<u64, RecordError> {
        let key = lookup_key(module);
        if let Some(&id) = self.ids.get(&key) {
            return Ok(id);
        }
        let record = Record::of_module(self.size(), module, hashes)?;
        let id = self.append(record.text())?;
        self.ids.insert(key, id);
        Ok(id)
    }

    /// Appends a record's text and gives its number. No look-up finds it.
    ///
    /// # Errors
    /// As [`Record::new`].
    pub fn append(&mut self, text: &str) -> Result<u64, RecordError> {
        let record = Record::new(self.size(), text)?;
        let mut hash = record.hash();
        self.texts.push(text.to_owned());
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let row = &mut self.levels[level];
            row.push(hash);
            match row.as_chunks::<2>() {
                // A second one completes the subtree above the two.
                (pairs, []) => {
                    let Some([left, right]) = pairs.last() else {
                        break;
                    };
                    hash = node_hash(left, right);
                }
                _ => break,
            }
        }
        Ok(record.id())
    }

    /// Lets a look-up of `module` find the record `id`.
    pub fn name(&mut self, module: &ModuleVersion, id: u64) {
        self.ids.insert(lookup_key(module), id);
    }

    /// The record `id`.
    pub fn find_record(&self, id: u64) -> Option<Record> {
        let text = self.texts.get(usize::try_from(id).ok()?)?;
        Record::new(id, text).ok()
    }

    /// The record of a version.
    pub fn find_module(&self, module: &ModuleVersion) -> Option<Record> {
        self.find_record(*self.ids.get(&lookup_key(module))?)
    }

    /// The head of all records.
    pub fn head(&self) -> TreeHead {
        let hash = self
            .hash_at(self.size())
            .unwrap_or_else(|_| Hash::of_empty_tree());
        TreeHead {
            size: self.size(),
            hash,
        }
    }

    /// The head when there were `size` records.
    ///
    /// # Errors
    /// [`TreeError::OutOfRange`] if there never were so many.
    pub fn head_at(&self, size: u64) -> Result<TreeHead, TreeError> {
        Ok(TreeHead {
            size,
            hash: self.hash_at(size)?,
        })
    }

    /// The hash of a full subtree, for making proofs.
    ///
    /// # Errors
    /// [`TreeError::OutOfRange`] if it is not full yet.
    pub fn read(&self, place: Place) -> Result<Hash, TreeError> {
        let row = self
            .levels
            .get(usize::from(place.level))
            .ok_or(TreeError::OutOfRange)?;
        let n = usize::try_from(place.n).map_err(|_| TreeError::OutOfRange)?;
        row.get(n).copied().ok_or(TreeError::OutOfRange)
    }

    /// The signed head of all records.
    ///
    /// # Errors
    /// Those of signing; none, for the head's own text.
    pub fn latest(&self) -> Result<Vec<u8>, NoteError> {
        sign(&self.head().to_string(), &[&self.signer])
    }

    /// The bytes of a tile, at any width that the log has filled; `None` if it has not.
    pub fn find_tile(&self, tile: &Tile) -> Option<Vec<u8>> {
        tile.as_in(self.size())?;
        let entries = (tile.n() << 8)..(tile.n() << 8) + u64::from(tile.width());
        let mut bytes = Vec::new();
        match tile.level() {
            TileLevel::Hashes(level) => {
                for n in entries {
                    let hash = self
                        .read(Place {
                            level: level * 8,
                            n,
                        })
                        .ok()?;
                    bytes.extend_from_slice(hash.as_bytes());
                }
            }
            TileLevel::Data => {
                let (start, end) = (entries.start as usize, entries.end as usize);
                let texts = self.texts.get(start..end)?;
                bytes = format_data(texts.iter().map(String::as_str)).into_bytes();
            }
        }
        Some(bytes)
    }

    /// Answers a path below a database's address: `latest`, `lookup/<module>@<version>` (escaped), `tile/...`. `None` is
    /// a 404.
    pub fn answer(&self, path: &str) -> Option<Vec<u8>> {
        if path == "latest" {
            return self.latest().ok();
        }
        if let Some(key) = path.strip_prefix("lookup/") {
            let record = self.find_record(*self.ids.get(key)?)?;
            return Some(record.format_lookup(&self.latest().ok()?));
        }
        self.find_tile(&path.parse().ok()?)
    }

    fn hash_at(&self, size: u64) -> Result<Hash, TreeError> {
        if size > self.size() {
            return Err(TreeError::OutOfRange);
        }
        tree_hash(size, &mut |place| self.read(place))
    }
}

/// What stands behind `lookup/` for a version.
pub fn lookup_key(module: &ModuleVersion) -> String {
    format!("{}@{}", module.path().escaped(), module.version().escaped())
}

#[cfg(test)]
mod tests;
