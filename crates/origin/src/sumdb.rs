//! The client of a checksum database: looks versions up and proves what it was told.
//!
//! What is believed and why is said in [`tlog::database`]; here is who fetches what, at the same time as what else, and
//! what is remembered: the newest head (kept for ever, so that the log cannot go back behind our back) and tiles (in
//! memory and on disk, proven again whenever they are used). How bytes come from the database is
//! [`transport::DatabaseTransport`]'s; what an unprovable version means for its module is the pipeline's.
//!
//! No lock is held while anything is fetched: lookups run beside each other, and one whose head lost the race to be the
//! newest is checked again against the one that won. With warm tiles a lookup is one round trip, and never more than
//! two except where heads race.

pub mod error;
pub mod keeper;
pub mod transport;

mod heads;
mod tiles;

use std::sync::Arc;

use bytes::Bytes;
use gomod::hash::H1;
use gomod::path::ModulePath;
use gomod::version::{ModuleVersion, Version};
use tlog::database::{
    self, DatabaseKey, LookupAnswer, ProofError, SignedHead, check_consistency, check_record,
    check_tile, describe_fork, tiles_for_consistency, tiles_for_record, tiles_for_tile,
};
use tlog::memory_log::lookup_key;
use tlog::note::NOTE_BYTES_MAX;
use tlog::record::{LOOKUP_BYTES_MAX, Record};
use tlog::tile::{Tile, TileSet, parse_data};
use tlog::tree::TreeHead;

use self::error::DatabaseError;
use self::heads::Heads;
use self::keeper::{HeadKeeper, TileKeeper};
use self::tiles::Tiles;
use self::transport::{DatabaseTransport, TransportError};

/// Longest data tile that is passed on: 256 records of 4 KiB, where real ones have a few hundred bytes.
const DATA_TILE_BYTES_MAX: usize = 1 << 20;

/// What the database says of a version, proven to be in its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRecord {
    /// Number of the record in the log.
    pub record_id: u64,
    /// Size of the tree that it was proven in; at least that of the head that came with the answer.
    pub tree_size: u64,
    /// Hash of the version's zip.
    pub zip_h1: H1,
    /// Hash of its `go.mod`.
    pub mod_h1: H1,
    /// The answer as the database gave it, to hand on to clients.
    pub body: Bytes,
}

/// One checksum database: its key, the way to it and what is known of its log.
pub struct ChecksumDatabase {
    key: DatabaseKey,
    transport: Arc<dyn DatabaseTransport>,
    heads: Heads,
    tiles: Tiles,
}

impl ChecksumDatabase {
    /// A client that trusts `key`. Nothing is fetched or loaded yet.
    pub fn new(
        key: DatabaseKey,
        transport: Arc<dyn DatabaseTransport>,
        head_keeper: Arc<dyn HeadKeeper>,
        tile_keeper: Arc<dyn TileKeeper>,
    ) -> Self {
        let tiles = Tiles::new(Arc::clone(&transport), tile_keeper);
        Self {
            key,
            transport,
            heads: Heads::new(head_keeper),
            tiles,
        }
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        self.key.name()
    }

    /// The newest head that is known, once something was looked up.
    pub fn find_head(&self) -> Option<TreeHead> {
        self.heads.find_current().map(|signed| signed.head)
    }

    /// The proof that the database signed two trees that do not agree, if it was ever seen to. From then on nothing is
    /// looked up any more, until the process is started again by someone who has read it.
    pub fn find_fork(&self) -> Option<Arc<str>> {
        self.heads.find_fork()
    }

    /// Looks a version up and proves that its record is in the log, and that the log only grew since it was last seen.
    ///
    /// Toolchains are looked up like any other module.
    ///
    /// # Errors
    /// [`DatabaseError::NoRecord`] if the database does not know the version; [`DatabaseError::Unreachable`] if it or a
    /// tile could not be had; [`DatabaseError::Lying`] if what came is not what the log holds;
    /// [`DatabaseError::Fork`] if the log was rewritten, now or earlier; [`DatabaseError::Keeper`] if the newest head
    /// could not be loaded or kept.
    pub async fn lookup(&self, wanted: &ModuleVersion) -> Result<VerifiedRecord, DatabaseError> {
        self.heads.load(self.key.verifier()).await?;
        let path = format!("lookup/{}", lookup_key(wanted));
        let body = self.get(&path, LOOKUP_BYTES_MAX).await?;
        let answer = LookupAnswer::parse(&body, self.key.verifier(), wanted)
            .map_err(|cause| DatabaseError::lying(&path, cause))?;
        let proven_by = self
            .prove(&path, &answer.signed, Some(&answer.record))
            .await?;
        self.heads.save().await?;
        // What was under way when another lookup found the log forked is not to be believed either.
        self.heads.check_fork()?;
        Ok(VerifiedRecord {
            record_id: answer.record.id(),
            tree_size: proven_by.size,
            zip_h1: answer.hashes.zip,
            mod_h1: answer.hashes.go_mod,
            body,
        })
    }

    /// Answers a path below the database's address for a client that does its own proofs: `latest`,
    /// `lookup/<module>@<version>`, `tile/8/<L>/<N>[.p/<W>]`, `tile/8/data/<N>[.p/<W>]`.
    ///
    /// Everything is proven first, but for tiles of a tree larger than any seen here: those are passed on if their
    /// length is right.
    ///
    /// # Errors
    /// As [`ChecksumDatabase::lookup`], and [`DatabaseError::BadPath`] for anything that is not one of these in its one
    /// canonical form: nothing is asked of the database then.
    pub async fn raw(&self, path: &str) -> Result<Bytes, DatabaseError> {
        if let Some(key) = path.strip_prefix("lookup/") {
            let module = parse_lookup_key(key).ok_or(DatabaseError::BadPath)?;
            return Ok(self.lookup(&module).await?.body);
        }
        if path == "latest" {
            return self.get_latest().await;
        }
        let tile: Tile = path.parse().map_err(|_| DatabaseError::BadPath)?;
        self.get_tile(tile).await
    }

    async fn get_latest(&self) -> Result<Bytes, DatabaseError> {
        self.heads.load(self.key.verifier()).await?;
        let note = self.get("latest", NOTE_BYTES_MAX).await?;
        let signed = SignedHead::open(&note, self.key.verifier())
            .map_err(|cause| DatabaseError::lying("latest", cause))?;
        self.prove("latest", &signed, None).await?;
        self.heads.save().await?;
        Ok(note)
    }

    /// Gives a tile, proven if the known tree has it.
    async fn get_tile(&self, tile: Tile) -> Result<Bytes, DatabaseError> {
        self.heads.load(self.key.verifier()).await?;
        let path = tile.to_string();
        let head = self
            .find_head()
            .filter(|head| tile.as_in(head.size).is_some());
        let Some(size_bytes) = tile.size_bytes() else {
            return self.get_data_tile(&tile, &path, head).await;
        };
        let Some(head) = head else {
            let bytes = self.get(&path, size_bytes).await?;
            tile.check_length(&bytes)
                .map_err(|cause| DatabaseError::lying(&path, cause))?;
            return Ok(bytes);
        };
        self.prove_tile(&head, &tile).await
    }

    async fn get_data_tile(
        &self,
        tile: &Tile,
        path: &str,
        head: Option<TreeHead>,
    ) -> Result<Bytes, DatabaseError> {
        let data = self.get(path, DATA_TILE_BYTES_MAX).await?;
        parse_data(&data, tile.width()).map_err(|cause| DatabaseError::lying(path, cause))?;
        if let Some(head) = head {
            let hashes = self.prove_tile(&head, tile).await?;
            database::check_data(tile, &data, &hashes)
                .map_err(|cause| DatabaseError::lying(path, cause))?;
        }
        Ok(data)
    }

    /// Gives the bytes of a tile of hashes (for a data tile: of its records' hashes) that the tree of `head` has.
    async fn prove_tile(&self, head: &TreeHead, tile: &Tile) -> Result<Bytes, DatabaseError> {
        let path = tile.to_string();
        let needed = tiles_for_tile(head.size, tile).ok_or(DatabaseError::BadPath)?;
        let check = |tiles: &TileSet| check_tile(head, tile, tiles).map(Bytes::copy_from_slice);
        let (_, found) = self
            .tiles
            .prove(&needed, check)
            .await
            .map_err(tile_trouble)?;
        found.map_err(|cause| DatabaseError::lying(&path, cause))
    }

    /// Proves that a head agrees with the newest one known, and that the larger of the two has the record. Makes the
    /// head the newest if it is. Gives the head that the record was proven by.
    async fn prove(
        &self,
        path: &str,
        signed: &SignedHead,
        record: Option<&Record>,
    ) -> Result<TreeHead, DatabaseError> {
        loop {
            let current = self.heads.find_current();
            let Some(known) = current
                .as_ref()
                .filter(|known| signed.head.size <= known.head.size)
            else {
                let known = current.as_deref();
                self.prove_against(path, signed, known, record).await?;
                // Another lookup may have moved the newest head meanwhile: then this one is proven against that, too.
                if self.heads.advance(known, signed) {
                    return Ok(signed.head);
                }
                continue;
            };
            let other = Some(signed).filter(|signed| !self.heads.is_agreed(&signed.head));
            self.prove_against(path, known, other, record).await?;
            self.heads.remember_agreed(&signed.head);
            return Ok(known.head);
        }
    }

    /// Proves that the tree of `other` is the beginning of that of `newest`, and that `newest` has the record. The tiles
    /// for both are fetched at once.
    async fn prove_against(
        &self,
        path: &str,
        newest: &SignedHead,
        other: Option<&SignedHead>,
        record: Option<&Record>,
    ) -> Result<(), DatabaseError> {
        let mut needed = Vec::new();
        if let Some(other) = other {
            needed = tiles_for_consistency(other.head.size, newest.head.size);
        }
        if let Some(record) = record {
            needed.extend(tiles_for_record(newest.head.size, record.id()));
        }
        let check = |tiles: &TileSet| {
            if let Some(other) = other {
                check_consistency(&other.head, &newest.head, tiles)?;
            }
            record.map_or(Ok(()), |record| check_record(&newest.head, record, tiles))
        };
        let (tiles, found) = self
            .tiles
            .prove(&needed, check)
            .await
            .map_err(tile_trouble)?;
        match (found, other) {
            (Ok(()), _) => Ok(()),
            (Err(ProofError::Fork), Some(other)) => {
                let proof = self
                    .heads
                    .remember_fork(describe_fork(other, newest, &tiles));
                Err(DatabaseError::Fork { proof })
            }
            (Err(cause), _) => Err(DatabaseError::lying(path, cause)),
        }
    }

    /// Fetches what is not a tile of hashes.
    async fn get(&self, path: &str, limit_bytes: usize) -> Result<Bytes, DatabaseError> {
        let answer = self.transport.get(path, limit_bytes as u64).await;
        answer.map_err(|trouble| match trouble {
            TransportError::NotFound { text } => DatabaseError::NoRecord { text },
            TransportError::TooLarge => DatabaseError::lying(path, trouble),
            TransportError::Unreachable { text } => DatabaseError::Unreachable { text },
        })
    }
}

/// A tile that is not there is trouble, not an answer: the signed tree has it.
fn tile_trouble((tile, trouble): (Tile, TransportError)) -> DatabaseError {
    match trouble {
        TransportError::TooLarge => DatabaseError::lying(&tile.to_string(), trouble),
        TransportError::NotFound { text } | TransportError::Unreachable { text } => {
            DatabaseError::Unreachable {
                text: format!("{tile}: {text}"),
            }
        }
    }
}

/// Reads `<escaped module>@<escaped version>`; only a canonical version names a record.
fn parse_lookup_key(key: &str) -> Option<ModuleVersion> {
    let (path, version) = key.split_once('@')?;
    let path = ModulePath::from_escaped(path).ok()?;
    let version = Version::from_escaped(version).ok()?;
    ModuleVersion::new(path, version).ok()
}

#[cfg(test)]
mod tests;
