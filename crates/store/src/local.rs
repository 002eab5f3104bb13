//! Blobs on a local file system: where they lie, and how one becomes visible and durable.
//!
//! `object_store`'s own local put was read before this was written. With its fsync option it does sync the file, the
//! directory and every directory it had to create, and its create mode is a hard link too. What it does not do is what
//! this file is for: it stages beside the destination and leaves `name#1` files there after a crash (hidden from its
//! listings, never swept), it wants the name before the first byte while ours is the hash of all bytes, and it calls a
//! directory durable after a failed sync as soon as a second sync says so.
//!
//! Everything here blocks; callers run it on the blocking pool.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use gomod::hash::ContentDigest;

use crate::blob::Blob;
use crate::error::StoreError;
use crate::folder::{has_names, nudge, nudge_if, sweep, sync_folder};
use crate::hashing::{Hashing, Identity};
use crate::rot::{Rot, SetAside};

/// Where blobs lie under the root; also the prefix that listings use.
pub(crate) const BLOBS: &str = "blob/sha256";

/// Names of staged files begin with this. The sweep at start removes those and nothing else.
const STAGED_PREFIX: &str = "staged-";

/// One directory for each first byte of the digest: a million blobs are four thousand entries in each.
const SHARDS: usize = 256;

/// The folders of a local store.
#[derive(Debug)]
pub(crate) struct Local {
    root: PathBuf,
    staging: PathBuf,
    /// Shards whose last directory sync failed. The kernel tells such a failure once and then forgets that the entries
    /// never reached the disk, so "sync again" proves nothing until the directory was changed again. At start all of them
    /// are suspect: the failure may have been told to an earlier process.
    suspects: Box<[AtomicBool]>,
    /// Nudges are made one at a time, so that none takes another's file for its own. They are rare.
    nudging: Mutex<()>,
    rot: Rot,
}

impl Local {
    /// Makes the folders where they are missing, durably, and removes what a crash left in the staging folder.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the two folders are not on one file system: nothing could be published.
    pub(crate) fn prepare(root: &Path, staging: &Path) -> Result<Self, StoreError> {
        let blobs = root.join(BLOBS);
        let failed = |path: &Path| {
            let what = format!("preparing {}", path.display());
            move |cause| StoreError::from_io(what, cause)
        };
        for folder in [&blobs, staging] {
            let mut make = DirBuilder::new();
            make.recursive(true)
                .mode(0o755)
                .create(folder)
                .map_err(failed(folder))?;
        }
        let shards = (0..SHARDS).map(|shard| blobs.join(format!("{shard:02x}")));
        for shard in shards.filter(|shard| !shard.is_dir()) {
            match fs::create_dir(shard) {
                Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(failed(&blobs)(cause));
                }
                _ => {}
            }
        }
        // Synced even if they were there: the process that made them may have died before its own sync. Nudged, because
        // it may also have been told that the sync failed, and then another one alone proves nothing.
        let root = root.canonicalize().map_err(failed(root))?;
        let staging = staging.canonicalize().map_err(failed(staging))?;
        for folder in [root.join(BLOBS), root.join("blob"), root.clone()]
            .iter()
            .map(PathBuf::as_path)
            .chain(root.parent())
        {
            let is_ours = Some(folder) != root.parent();
            match nudge_if(is_ours, folder).and_then(|()| sync_folder(folder)) {
                // The folder above may belong to someone else; that it cannot be opened says nothing about ours.
                Err(cause) if !is_ours && cause.kind() == io::ErrorKind::PermissionDenied => {}
                outcome => outcome.map_err(failed(folder))?,
            }
        }
        let device = |path: &Path| {
            fs::metadata(path)
                .map(|found| found.dev())
                .map_err(failed(path))
        };
        if device(&root)? != device(&staging)? {
            return Err(StoreError::Unavailable {
                what: format!("preparing {}", staging.display()),
                cause: io::Error::new(
                    io::ErrorKind::CrossesDevices,
                    format!(
                        "the staging folder must be on the file system of {}",
                        root.display()
                    ),
                ),
            });
        }
        let swept = sweep(&staging, STAGED_PREFIX).map_err(failed(&staging))?;
        if swept > 0 {
            tracing::info!(swept, "removed staged files that an earlier run left");
        }
        let suspects = (0..SHARDS).map(|_| AtomicBool::new(true)).collect();
        Ok(Self {
            rot: Rot::new(&root),
            root,
            staging,
            suspects,
            nudging: Mutex::new(()),
        })
    }

    /// The root, with symbolic links resolved.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// What is known about rot.
    pub(crate) fn rot(&self) -> &Rot {
        &self.rot
    }

    /// Where the blob `digest` lies or would lie.
    pub(crate) fn blob_path(&self, digest: &ContentDigest) -> PathBuf {
        let hex = digest.to_string();
        let (shard, rest) = hex.split_at(2);
        self.root.join(BLOBS).join(shard).join(rest)
    }

    /// A new, empty, readable and writable file in the staging folder. Its permissions forbid writing by anyone who
    /// opens it later: they stay on the published blob.
    pub(crate) fn create_staged(&self) -> Result<(File, StagedPath), StoreError> {
        let path = self
            .staging
            .join(format!("{STAGED_PREFIX}{}", uuid::Uuid::now_v7().simple()));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o444)
            .open(&path)
            .map_err(|cause| StoreError::from_io("creating a staged file", cause))?;
        Ok((file, StagedPath(Some(path))))
    }

    /// Makes a staged file the blob `digest`: synced, linked under its name, its directory synced.
    ///
    /// A blob that is there already and holds the right bytes is the same blob; its directory is synced nevertheless,
    /// because whoever linked it may not have come to that yet. A rotten one makes room.
    pub(crate) fn publish(
        &self,
        file: &File,
        staged: &Path,
        digest: &ContentDigest,
    ) -> Result<(), StoreError> {
        // A failed sync ends this file's way: the staged file is dropped, since a second sync would answer "done" about
        // pages that the kernel has already given up.
        file.sync_all()
            .map_err(|cause| StoreError::from_io(format!("syncing blob {digest}"), cause))?;
        let path = self.blob_path(digest);
        let linked = |outcome: io::Result<()>| {
            outcome.map_err(|cause| StoreError::from_io(format!("linking blob {digest}"), cause))
        };
        match fs::hard_link(staged, &path) {
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
                if !self.is_sound(digest)? {
                    linked(fs::hard_link(staged, &path))?;
                }
            }
            outcome => {
                linked(outcome)?;
                // These bytes were hashed while they were written.
                if let Ok(metadata) = file.metadata() {
                    self.rot.note_checked(digest, Identity::of(&metadata));
                }
            }
        }
        self.sync_shard(usize::from(digest.as_bytes()[0]))
    }

    /// Whether the blob is there, durably and with the right bytes; then nothing needs to be staged.
    pub(crate) fn is_published(&self, digest: &ContentDigest) -> Result<bool, StoreError> {
        if !self.is_sound(digest)? {
            return Ok(false);
        }
        self.sync_shard(usize::from(digest.as_bytes()[0]))
            .map(|()| true)
    }

    /// Opens a blob that needs no more hashing; nothing if a big one was not hashed since the start. A rotten one is set
    /// aside.
    pub(crate) fn open(&self, digest: &ContentDigest) -> Result<Option<Blob>, StoreError> {
        let path = self.blob_path(digest);
        let open = || {
            Blob::open(&path, digest, |identity| {
                self.rot.is_checked(digest, identity)
            })
        };
        match open() {
            Err(rotten) if rotten.is_rot() => {
                if self.set_aside(digest)?.is_some() {
                    return Err(rotten);
                }
                // Whoever was quicker may have put the right bytes there.
                open()
            }
            outcome => outcome,
        }
    }

    /// Hashes a big blob, after which it can be opened. A rotten one is set aside.
    pub(crate) fn check(&self, digest: &ContentDigest) -> Result<(), StoreError> {
        match self.verify(digest) {
            Err(error) if error.is_rot() => {
                self.set_aside(digest)?;
                Err(error)
            }
            outcome => outcome.map(drop),
        }
    }

    /// Re-hashes the blob. Gives its size in bytes.
    pub(crate) fn verify(&self, digest: &ContentDigest) -> Result<u64, StoreError> {
        let mut hashing = self.begin_hashing(digest)?;
        while self.step(&mut hashing, digest)? > 0 {}
        self.end_hashing(hashing, digest)
    }

    /// Opens a blob to be hashed piece by piece.
    pub(crate) fn begin_hashing(&self, digest: &ContentDigest) -> Result<Hashing, StoreError> {
        Hashing::begin(&self.blob_path(digest))
            .map_err(|cause| StoreError::from_read(digest, cause))
    }

    /// Hashes the next piece; 0 at the end.
    pub(crate) fn step(
        &self,
        hashing: &mut Hashing,
        digest: &ContentDigest,
    ) -> Result<usize, StoreError> {
        hashing
            .step()
            .map_err(|cause| StoreError::from_bytes(digest, cause))
    }

    /// Compares what was hashed with the name. Gives the size in bytes.
    pub(crate) fn end_hashing(
        &self,
        hashing: Hashing,
        digest: &ContentDigest,
    ) -> Result<u64, StoreError> {
        let (found, size_bytes, identity) = hashing.end();
        if found != *digest {
            return Err(StoreError::Corrupt {
                digest: *digest,
                found,
            });
        }
        self.rot.note_checked(digest, identity);
        Ok(size_bytes)
    }

    /// Hashes the blob once more and moves it out of the way if it is rotten. To move it, none of its bytes is read.
    pub(crate) fn set_aside(&self, digest: &ContentDigest) -> Result<Option<SetAside>, StoreError> {
        let moving = self.rot.moving();
        // Nothing but the order of moves is kept by it.
        let _held = moving.lock().unwrap_or_else(PoisonError::into_inner);
        let found = match self.verify(digest) {
            Ok(_) | Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(StoreError::Corrupt { found, .. }) => Some(found),
            Err(StoreError::Unreadable { .. }) => None,
            Err(error) => return Err(error),
        };
        let moved = self.rot.set_aside(&self.blob_path(digest), digest, found);
        moved.map(Some).map_err(|cause| {
            StoreError::from_io(format!("setting the rotten blob {digest} aside"), cause)
        })
    }

    /// Writes, syncs and removes a page in the staging folder: can anything be stored now?
    pub(crate) fn probe(&self) -> Result<(), StoreError> {
        let (file, _removed_on_drop) = self.create_staged()?;
        io::Write::write_all(&mut &file, &[0; 4096])
            .and_then(|()| file.sync_all())
            .map_err(|cause| StoreError::from_io("writing a probe", cause))
    }

    /// Whether the blob is there with the right bytes. A rotten one is set aside: its name is free then.
    fn is_sound(&self, digest: &ContentDigest) -> Result<bool, StoreError> {
        let is_known = fs::metadata(self.blob_path(digest))
            .map(|metadata| self.rot.is_checked(digest, Identity::of(&metadata)));
        match is_known {
            Ok(true) => return Ok(true),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(false),
            // Why it cannot be looked at is said by the attempt to read it.
            Ok(false) | Err(_) => {}
        }
        match self.verify(digest) {
            Ok(_) => Ok(true),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) if error.is_rot() => {
                self.set_aside(digest)?;
                // Whoever was quicker may have put the right bytes there.
                Ok(fs::exists(self.blob_path(digest)).unwrap_or(false))
            }
            Err(error) => Err(error),
        }
    }

    /// Makes the names in every shard durable that was not synced since the start: an earlier process may have died
    /// between a blob's link and the sync of its folder.
    pub(crate) fn sync_names(&self) -> Result<(), StoreError> {
        for (shard, suspect) in self.suspects.iter().enumerate() {
            let folder = self.shard_folder(shard);
            let has_names = || {
                let what = format!("reading {}", folder.display());
                has_names(&folder).map_err(|cause| StoreError::from_io(what, cause))
            };
            if suspect.load(Ordering::Acquire) && has_names()? {
                self.sync_shard(shard)?;
            }
        }
        Ok(())
    }

    fn shard_folder(&self, shard: usize) -> PathBuf {
        self.root.join(BLOBS).join(format!("{shard:02x}"))
    }

    fn sync_shard(&self, shard: usize) -> Result<(), StoreError> {
        let suspect = &self.suspects[shard];
        let folder = self.shard_folder(shard);
        let was_suspect = suspect.load(Ordering::Acquire);
        let synced = if was_suspect {
            let held = self.nudging.lock().unwrap_or_else(PoisonError::into_inner);
            let nudged = nudge(&folder);
            drop(held);
            nudged.and_then(|()| sync_folder(&folder))
        } else {
            sync_folder(&folder)
        };
        if let Err(cause) = synced {
            suspect.store(true, Ordering::Release);
            return Err(StoreError::from_io(
                format!("syncing the folder of blobs {}", folder.display()),
                cause,
            ));
        }
        if was_suspect {
            suspect.store(false, Ordering::Release);
        }
        Ok(())
    }
}

/// A file in the staging folder that is removed when its owner drops it.
#[derive(Debug)]
pub(crate) struct StagedPath(Option<PathBuf>);

impl StagedPath {
    pub(crate) fn as_path(&self) -> &Path {
        self.0.as_deref().unwrap_or(Path::new(""))
    }
}

impl Drop for StagedPath {
    fn drop(&mut self) {
        let Some(path) = self.0.take() else { return };
        let remove = move || {
            // What cannot be removed now is removed by the sweep at the next start.
            if let Err(error) = fs::remove_file(&path) {
                tracing::debug!(path = %path.display(), %error, "a staged file stays until the next start");
            }
        };
        // Freeing the blocks of a big file takes milliseconds, which an async thread does not have.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}
