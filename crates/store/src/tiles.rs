//! A bounded cache of the tiles of external logs. Not durable: a torn or rotten tile is told from a whole one by the
//! SHA-256 behind its bytes, counts as absent, and is fetched and put again. That the log has such a tile is for the reader
//! to verify.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use gomod::hash::ContentDigest;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectMeta, ObjectStore as _, ObjectStoreExt as _, PutPayload};
use tokio::sync::Mutex;

use crate::error::StoreError;

/// Where tiles lie under the root.
const TILES: &str = "tile";

/// The realm that log names are hashed with, so that two tenants never share a cached tile.
const REALM: &str = "main";

/// Room for the tiles of some sixty thousand scattered records of the public checksum database (8 KiB each); a tile
/// that was dropped costs one request.
pub(crate) const TILES_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// A tile of height 8 has 256 hashes of 32 bytes; a data tile's 256 records are at most a few hundred KiB.
const TILE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A SHA-256 stands behind the bytes of each tile.
const SUM_BYTES: usize = 32;

/// The cache; the counter is nothing until the first put has counted what earlier runs left.
#[derive(Debug)]
pub(crate) struct Tiles {
    objects: Arc<LocalFileSystem>,
    held_bytes: Mutex<Option<u64>>,
    bytes_max: u64,
    rotten: Arc<AtomicU64>,
}

impl Tiles {
    pub(crate) fn new(objects: Arc<LocalFileSystem>, bytes_max: u64) -> Self {
        Self {
            objects,
            held_bytes: Mutex::new(None),
            bytes_max,
            rotten: Arc::default(),
        }
    }

    /// How many cached tiles were torn or rotten.
    pub(crate) fn rotten(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.rotten)
    }

    /// The bytes of a tile as they were put; nothing if they are not those any more.
    pub(crate) async fn get(&self, log: &str, path: &str) -> Result<Option<Bytes>, StoreError> {
        let failed = |cause| StoreError::from_objects("reading a tile", cause);
        match self.objects.get(&object_path(log, path)?).await {
            Ok(found) => {
                let bytes = unseal(found.bytes().await.map_err(failed)?);
                if bytes.is_none() {
                    self.rotten.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(
                        log,
                        path,
                        "a cached tile is torn or has rotted: it is fetched again"
                    );
                }
                Ok(bytes)
            }
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(cause) => Err(failed(cause)),
        }
    }

    /// Keeps a tile, in place of one that was there. Drops the oldest tiles when there are too many.
    pub(crate) async fn put(&self, log: &str, path: &str, bytes: Bytes) -> Result<(), StoreError> {
        let object = object_path(log, path)?;
        if bytes.len() > TILE_BYTES_MAX {
            return Err(StoreError::BadName {
                name: format!("{path} of {} bytes", bytes.len()),
            });
        }
        let sum = ContentDigest::of(&bytes);
        let parts = PutPayload::from_iter([bytes, Bytes::copy_from_slice(sum.as_bytes())]);
        let size_bytes = parts.content_length() as u64;
        self.objects
            .put(&object, parts)
            .await
            .map_err(|cause| StoreError::from_objects("keeping a tile", cause))?;
        let mut held = self.held_bytes.lock().await;
        let total = match *held {
            Some(total) => total + size_bytes,
            None => self.list().await?.iter().map(|tile| tile.size).sum(),
        };
        *held = Some(if total > self.bytes_max {
            self.prune(self.bytes_max / 4 * 3).await?
        } else {
            total
        });
        Ok(())
    }

    /// Drops the oldest tiles, so many bytes of them; gives how many that were. Without an answer the next put counts anew.
    pub(crate) async fn shrink(&self, by_bytes: u64) -> Result<u64, StoreError> {
        let mut held = self.held_bytes.lock().await;
        let before: u64 = self.list().await?.iter().map(|tile| tile.size).sum();
        *held = None;
        let after = self.prune(before.saturating_sub(by_bytes)).await?;
        *held = Some(after);
        Ok(before - after)
    }

    /// Drops the oldest tiles until no more than `keep_bytes` are held; gives the bytes still held.
    async fn prune(&self, keep_bytes: u64) -> Result<u64, StoreError> {
        let mut tiles = self.list().await?;
        let mut total: u64 = tiles.iter().map(|tile| tile.size).sum();
        tiles.sort_by_key(|tile| tile.last_modified);
        for tile in tiles {
            if total <= keep_bytes {
                break;
            }
            match self.objects.delete(&tile.location).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => total -= tile.size,
                Err(cause) => return Err(StoreError::from_objects("dropping a tile", cause)),
            }
        }
        Ok(total)
    }

    async fn list(&self) -> Result<Vec<ObjectMeta>, StoreError> {
        self.objects
            .list(Some(&ObjectPath::from(TILES)))
            .try_collect()
            .await
            .map_err(|cause| StoreError::from_objects("listing tiles", cause))
    }
}

/// Takes the sum from behind the bytes; nothing if it is not theirs.
fn unseal(mut sealed: Bytes) -> Option<Bytes> {
    let sum = sealed.split_off(sealed.len().checked_sub(SUM_BYTES)?);
    (*ContentDigest::of(&sealed).as_bytes() == *sum).then_some(sealed)
}

/// `tile/<hex SHA-256 of realm and log>/<path>`, for paths such as `tile/8/0/x001/234.p/17`.
fn object_path(log: &str, path: &str) -> Result<ObjectPath, StoreError> {
    let bad = || StoreError::BadName {
        name: path.to_owned(),
    };
    let is_plain = |element: &str| {
        !element.is_empty()
            && element.len() <= 64
            && element
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
            && element.bytes().any(|byte| byte != b'.')
    };
    if path.len() > 256 || !path.split('/').all(is_plain) {
        return Err(bad());
    }
    let log = ContentDigest::of(format!("{REALM}\0{log}").as_bytes());
    ObjectPath::parse(format!("{TILES}/{log}/{path}")).map_err(|_| bad())
}
