//! The store's door: everything others do with it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use gomod::hash::ContentDigest;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore as _, ObjectStoreExt as _};
use tokio::sync::{Mutex, Semaphore, broadcast};

use crate::blob::Blob;
use crate::error::{StoreError, run_blocking};
use crate::folder::NUDGE;
use crate::local::{BLOBS, Local};
use crate::rot::SetAside;
use crate::staged::Staged;
use crate::tiles::{TILES_BYTES_MAX, Tiles};

/// Turns for hashing big blobs at their first opening. Blobs that share one wait for each other, which costs a wait and
/// nothing else.
const TURNS: usize = 64;

/// Handle to a store; cheap to clone, all clones are the same store.
#[derive(Clone, Debug)]
pub struct Store {
    local: Arc<Local>,
    objects: Arc<LocalFileSystem>,
    tiles: Arc<Tiles>,
    turns: Arc<[Arc<Mutex<()>>; TURNS]>,
    /// One permit a blob that is hashed at its first opening: as many as there are cores, so that a restart under load
    /// leaves the kernel room for everyone else.
    hashing: Arc<Semaphore>,
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
            turns: Arc::new(std::array::from_fn(|_| Arc::default())),
            hashing: Arc::new(Semaphore::new(
                std::thread::available_parallelism().map_or(1, usize::from),
            )),
        })
    }

    /// Stores bytes that are in memory already. Durable when it returns; bytes that are there already are fine.
    ///
    /// # Errors
    /// [`StoreError::Full`] and its kin, with nothing visible.
    pub async fn put_small(&self, bytes: Bytes) -> Result<ContentDigest, StoreError> {
        let local = Arc::clone(&self.local);
        run_blocking("storing a blob", move || {
            let digest = ContentDigest::of(&bytes);
            if local.is_published(&digest)? {
                return Ok(digest);
            }
            let (mut file, path) = local.create_staged()?;
            std::io::Write::write_all(&mut file, &bytes)
                .map_err(|cause| StoreError::from_io(format!("writing blob {digest}"), cause))?;
            local.publish(&file, path.as_path(), &digest)?;
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

    /// Makes durable the names of all blobs that are there. What [`Store::put_small`] and [`Store::publish`] return is
    /// durable anyway; this is for whoever relies on blobs that it finds, because a process that was killed may have named
    /// them and not come to the sync.
    ///
    /// # Errors
    /// [`StoreError::Full`] and its kin.
    pub async fn sync_names(&self) -> Result<(), StoreError> {
        let local = Arc::clone(&self.local);
        run_blocking("making the names of blobs durable", move || {
            local.sync_names()
        })
        .await
    }

    /// Opens a blob: read and checked up to 64 KiB, mapped above. A big one is hashed when it is opened for the first time
    /// after the start (1 to 2 GB a second and core); until then nobody gets a byte of it. A rotten one is set aside.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Corrupt`] for a blob with other bytes, [`StoreError::Unreadable`] for one
    /// whose bytes the disk has lost.
    pub async fn open(&self, digest: &ContentDigest) -> Result<Blob, StoreError> {
        if let Some(blob) = self.open_checked(digest).await? {
            return Ok(blob);
        }
        // One hashes, whoever else wants the same blob waits for it.
        let turn = &self.turns[usize::from(digest.as_bytes()[0]) % TURNS];
        let turn = Arc::clone(turn).lock_owned().await;
        if let Some(blob) = self.open_checked(digest).await? {
            return Ok(blob);
        }
        let permit = Arc::clone(&self.hashing).acquire_owned().await;
        let (local, name) = (Arc::clone(&self.local), *digest);
        run_blocking("hashing a blob", move || {
            // Held until the work is done, also when whoever asked has gone: the next one waits for it and begins no other.
            let _held = (turn, permit);
            local.check(&name)
        })
        .await?;
        self.open_checked(digest)
            .await?
            .ok_or_else(|| StoreError::Unavailable {
                what: format!("opening blob {digest}"),
                cause: io::Error::other("its file was changed while it was hashed"),
            })
    }

    async fn open_checked(&self, digest: &ContentDigest) -> Result<Option<Blob>, StoreError> {
        let (local, digest) = (Arc::clone(&self.local), *digest);
        run_blocking("opening a blob", move || local.open(&digest)).await
    }

    /// Hashes a stored blob again and gives its size in bytes. Changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] with what was found; [`StoreError::Unreadable`]; [`StoreError::NotFound`].
    pub async fn verify(&self, digest: &ContentDigest) -> Result<u64, StoreError> {
        let (local, digest) = (Arc::clone(&self.local), *digest);
        run_blocking("verifying a blob", move || local.verify(&digest)).await
    }

    /// As [`Store::verify`], reading at most `bytes_per_second`, so that nobody else notices.
    ///
    /// # Errors
    /// As [`Store::verify`].
    pub async fn verify_slowly(
        &self,
        digest: &ContentDigest,
        bytes_per_second: u64,
    ) -> Result<u64, StoreError> {
        let (local, digest) = (Arc::clone(&self.local), *digest);
        let mut hashing =
            run_blocking("verifying a blob", move || local.begin_hashing(&digest)).await?;
        loop {
            let local = Arc::clone(&self.local);
            let (next, count) = run_blocking("verifying a blob", move || {
                let count = local.step(&mut hashing, &digest)?;
                Ok((hashing, count))
            })
            .await?;
            if count == 0 {
                return self.local.end_hashing(next, &digest);
            }
            hashing = next;
            // After a small blob too: a million of them are no less work for the disk than a large one.
            let pause = count as f64 / bytes_per_second.max(1) as f64;
            tokio::time::sleep(Duration::from_secs_f64(pause)).await;
        }
    }

    /// Hashes a blob once more and, if it holds other bytes than its name promises or the disk has lost them, moves it
    /// out of the way; it is kept below `rotten/` as evidence. Nothing if it is well or not there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] and its kin if it can be neither read nor moved.
    pub async fn set_aside(&self, digest: &ContentDigest) -> Result<Option<SetAside>, StoreError> {
        let (local, digest) = (Arc::clone(&self.local), *digest);
        run_blocking("setting a blob aside", move || local.set_aside(&digest)).await
    }

    /// Where a rotten file of this blob is kept, if one was set aside, in this run or an earlier one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if that cannot be looked up.
    pub async fn find_evidence(
        &self,
        digest: &ContentDigest,
    ) -> Result<Option<PathBuf>, StoreError> {
        let (local, digest) = (Arc::clone(&self.local), *digest);
        run_blocking("looking for a rotten blob", move || {
            Ok(local.rot().find_evidence(&digest))
        })
        .await
    }

    /// What is set aside from now on, whoever finds it. A listener that is far behind misses some and is told so.
    pub fn follow_set_aside(&self) -> broadcast::Receiver<SetAside> {
        self.local.rot().told()
    }

    /// How many blobs this process has set aside.
    pub fn set_aside_count(&self) -> Arc<AtomicU64> {
        self.local.rot().count()
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
                    // What a crash left of a nudge; the next nudge removes it.
                    Err(_) if found.location.filename() == Some(NUDGE) => None,
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

    /// The cached tile `path` (such as `tile/8/0/x001/234`) of the log named `log`, as it was put. A torn or rotten
    /// one counts as absent.
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

    /// Drops cached tiles, those kept longest ago first, until so many bytes are free; gives how many that were.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] and its kin.
    pub async fn shrink_tiles(&self, by_bytes: u64) -> Result<u64, StoreError> {
        self.tiles.shrink(by_bytes).await
    }

    /// Checks that what is stored can be reached, without writing anything.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] and its kin.
    pub async fn check_readable(&self) -> Result<(), StoreError> {
        let local = Arc::clone(&self.local);
        run_blocking("looking at the store", move || {
            let folder = local.root().join(BLOBS);
            std::fs::read_dir(&folder)
                .and_then(|mut names| names.next().transpose())
                .map(drop)
                .map_err(|cause| {
                    StoreError::from_io(format!("reading {}", folder.display()), cause)
                })
        })
        .await
    }

    /// How many cached tiles were found torn or rotten.
    pub fn rotten_tiles(&self) -> Arc<AtomicU64> {
        self.tiles.rotten()
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

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_client_that_goes_does_not_free_the_place_of_its_hash() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_local(&folder.path().join("store"), &folder.path().join("staging"))
            .unwrap();
        let digest = ContentDigest::of(b"something else");
        // Long enough to be looked at while it is hashed.
        let blob = File::create(store.local_path(&digest).unwrap()).unwrap();
        blob.set_len(128 << 20).unwrap();
        let places = store.hashing.available_permits();
        let turn = &store.turns[usize::from(digest.as_bytes()[0]) % TURNS];
        let opening = tokio::spawn({
            let store = store.clone();
            async move { store.open(&digest).await.map(drop) }
        });
        wait_until(|| store.hashing.available_permits() < places).await;
        opening.abort();
        assert!(opening.await.unwrap_err().is_cancelled());
        assert_eq!(store.hashing.available_permits(), places - 1);
        assert!(turn.try_lock().is_err());
        // The next one waits for that work, and finds what it found.
        let next = store.open(&digest).await.map(drop);
        assert!(matches!(next, Err(StoreError::NotFound { .. })), "{next:?}");
        // Each gives its place back behind its answer.
        wait_until(|| store.hashing.available_permits() == places).await;
    }

    async fn wait_until(holds: impl Fn() -> bool) {
        tokio::time::timeout(Duration::from_secs(30), async {
            while !holds() {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
    }
}
