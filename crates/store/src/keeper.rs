//! The store's door: everything others do with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use gomod::hash::ContentDigest;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore as _, ObjectStoreExt as _};

use crate::blob::Blob;
use crate::error::{StoreError, run_blocking};
use crate::local::{BLOBS, Local};
use crate::staged::Staged;
use crate::tiles::{TILES_BYTES_MAX, Tiles};

/// Handle to a store; cheap to clone, all clones are the same store.
#[derive(Clone, Debug)]
pub struct Store {
    local: Arc<Local>,
    objects: Arc<LocalFileSystem>,
    tiles: Arc<Tiles>,
}

impl Store {
    /// Opens the store under `root`, which is made where it is missing, and sweeps the staging folder. Blocks: call it
    /// at start.
    ///
    /// `staging` must be on the file system of `root` and belong to this process alone: what an earlier run left there
    /// is removed.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], [`StoreError::Full`] or [`StoreError::Unavailable`], naming the folder.
    pub fn open_local(root: &Path, staging: &Path) -> Result<Self, StoreError> {
        Self::open_bounded(root, staging, TILES_BYTES_MAX)
    }

    /// As [`Store::open_local`], with another bound on the bytes of cached tiles.
    ///
    /// # Errors
    /// As [`Store::open_local`].
    pub fn open_bounded(
        root: &Path,
        staging: &Path,
        tiles_bytes_max: u64,
    ) -> Result<Self, StoreError> {
        let local = Local::prepare(root, staging)?;
        let objects = LocalFileSystem::new_with_prefix(local.root()).map_err(|cause| {
            StoreError::from_objects(format!("opening {}", root.display()), cause)
        })?;
        let objects = Arc::new(objects);
        let tiles = Arc::new(Tiles::new(Arc::clone(&objects), tiles_bytes_max));
        Ok(Self {
            local: Arc::new(local),
            objects,
            tiles,
        })
    }

    /// Stores bytes that are in memory already. Durable when it returns; bytes that are there already are fine.
    ///
    /// # Errors
    /// [`StoreError::Full`] and its kin, with nothing visible; [`StoreError::Corrupt`] if the name is taken by a blob
    /// of another length.
    pub async fn put_small(&self, bytes: Bytes) -> Result<ContentDigest, StoreError> {
        let local = Arc::clone(&self.local);
        run_blocking("storing a blob", move || {
            let digest = ContentDigest::of(&bytes);
            let size_bytes = bytes.len() as u64;
            if local.is_published(&digest, size_bytes)? {
                return Ok(digest);
            }
            let (mut file, path) = local.create_staged()?;
            std::io::Write::write_all(&mut file, &bytes)
                .map_err(|cause| StoreError::from_io(format!("writing blob {digest}"), cause))?;
            local.publish(&file, path.as_path(), &digest, size_bytes)?;
            Ok(digest)
        })
        .await
    }

    /// Begins a blob whose bytes come in chunks.
    ///
    /// # Errors
    /// [`StoreError::Full`] and its kin.
    pub async fn stage(&self) -> Result<Staged, StoreError> {
        let local = Arc::clone(&self.local);
        run_blocking("creating a staged file", move || Staged::create(local)).await
    }

    /// Makes a staged file a blob: created once, durable when this returns. A blob that is there already is fine.
    ///
    /// # Errors
    /// As [`Store::put_small`]. The staged file is gone in every case: after a failed sync nothing is known about its
    /// bytes, so it is not offered for another try.
    pub async fn publish(&self, staged: Staged) -> Result<ContentDigest, StoreError> {
        run_blocking("publishing a blob", move || staged.publish()).await
    }

    /// Opens a blob: read and checked up to 64 KiB, mapped above.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Corrupt`] for a small blob with other bytes.
    pub async fn open(&self, digest: &ContentDigest) -> Result<Blob, StoreError> {
        let (local, digest) = (Arc::clone(&self.local), *digest);
        run_blocking("opening a blob", move || {
            Blob::open(&local.blob_path(&digest), &digest)
        })
        .await
    }

    /// Hashes a stored blob again and gives its size in bytes.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] with what was found; [`StoreError::NotFound`].
    pub async fn verify(&self, digest: &ContentDigest) -> Result<u64, StoreError> {
        let (local, digest) = (Arc::clone(&self.local), *digest);
        run_blocking("verifying a blob", move || local.verify(&digest)).await
    }

    /// All blobs with their sizes in bytes, in no order. Files with foreign names are left out with a warning.
    pub fn list(
        &self,
    ) -> impl Stream<Item = Result<(ContentDigest, u64), StoreError>> + Send + use<> {
        let prefix = ObjectPath::from(BLOBS);
        self.objects
            .list(Some(&prefix))
            .filter_map(|found| async move {
                let found = match found {
                    Ok(found) => found,
                    Err(cause) => {
                        return Some(Err(StoreError::from_objects("listing blobs", cause)));
                    }
                };
                let hex: String = found
                    .location
                    .parts()
                    .skip(2)
                    .map(|part| part.as_ref().to_owned())
                    .collect();
                match hex.parse() {
                    Ok(digest) => Some(Ok((digest, found.size))),
                    Err(_) => {
                        tracing::warn!(path = %found.location, "a file in the store is no blob");
                        None
                    }
                }
            })
    }

    /// The size in bytes of a blob, if it is there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if that cannot be known.
    pub async fn exists(&self, digest: &ContentDigest) -> Result<Option<u64>, StoreError> {
        let hex = digest.to_string();
        let (shard, rest) = hex.split_at(2);
        match self
            .objects
            .head(&ObjectPath::from(format!("{BLOBS}/{shard}/{rest}")))
            .await
        {
            Ok(found) => Ok(Some(found.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(cause) => Err(StoreError::from_objects(
                format!("looking for blob {digest}"),
                cause,
            )),
        }
    }

    /// Where a blob lies on this machine (for hard links by the export), whether or not it is there; nothing once a
    /// store is not local.
    pub fn local_path(&self, digest: &ContentDigest) -> Option<PathBuf> {
        Some(self.local.blob_path(digest))
    }

    /// The cached tile `path` (such as `tile/8/0/x001/234`) of the log named `log`. **Unverified**: it may be torn.
    ///
    /// # Errors
    /// [`StoreError::BadName`] for what cannot be a tile's path; [`StoreError::Unavailable`].
    pub async fn get_tile(&self, log: &str, path: &str) -> Result<Option<Bytes>, StoreError> {
        self.tiles.get(log, path).await
    }

    /// Caches a tile, replacing what is cached under that path. Not durable; the oldest tiles go when the cache is full.
    ///
    /// # Errors
    /// [`StoreError::BadName`] for what cannot be a tile's path or is too large; [`StoreError::Full`] and its kin.
    pub async fn put_tile(&self, log: &str, path: &str, bytes: Bytes) -> Result<(), StoreError> {
        self.tiles.put(log, path, bytes).await
    }

    /// Checks that something can be stored now, by writing, syncing and removing one page. For readiness.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::ReadOnly`] or [`StoreError::Unavailable`].
    pub async fn probe(&self) -> Result<(), StoreError> {
        let local = Arc::clone(&self.local);
        run_blocking("probing the store", move || local.probe()).await
    }
}
