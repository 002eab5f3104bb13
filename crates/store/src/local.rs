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
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use gomod::hash::ContentDigest;
use sha2::{Digest as _, Sha256};

use crate::error::StoreError;

/// Where blobs lie under the root; also the prefix that listings use.
pub(crate) const BLOBS: &str = "blob/sha256";

/// Names of staged files begin with this. The sweep at start removes those and nothing else.
const STAGED_PREFIX: &str = "staged-";

/// Names of the short-lived files that make a directory dirty again after a failed sync.
const NUDGE_PREFIX: &str = ".nudge-";

/// One directory for each first byte of the digest: a million blobs are four thousand entries in each.
const SHARDS: usize = 256;

/// Bytes read at once where a whole blob is hashed.
const READ_BUFFER_BYTES: usize = 1024 * 1024;

/// The folders of a local store.
#[derive(Debug)]
pub(crate) struct Local {
    root: PathBuf,
    staging: PathBuf,
    /// Shards whose last directory sync failed. The kernel tells such a failure once and then forgets that the entries
    /// never reached the disk, so "sync again" proves nothing until the directory was changed again.
    suspects: Box<[AtomicBool]>,
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
        for shard in 0..SHARDS {
            match fs::create_dir(blobs.join(format!("{shard:02x}"))) {
                Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(failed(&blobs)(cause));
                }
                _ => {}
            }
        }
        // Synced even if they were there: the process that made them may have died before its own sync.
        let root = root.canonicalize().map_err(failed(root))?;
        let staging = staging.canonicalize().map_err(failed(staging))?;
        for folder in [root.join(BLOBS), root.join("blob"), root.clone()]
            .iter()
            .map(PathBuf::as_path)
            .chain(root.parent())
        {
            match sync_folder(folder) {
                // The folder above may belong to someone else; that it cannot be opened says nothing about ours.
                Err(cause)
                    if Some(folder) == root.parent()
                        && cause.kind() == io::ErrorKind::PermissionDenied => {}
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
        sweep(&staging)?;
        let suspects = (0..SHARDS).map(|_| AtomicBool::new(false)).collect();
        Ok(Self {
            root,
            staging,
            suspects,
        })
    }

    /// The root, with symbolic links resolved.
    pub(crate) fn root(&self) -> &Path {
        &self.root
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
    /// A blob that is there already and has the same length is the same blob; its directory is synced nevertheless,
    /// because whoever linked it may not have come to that yet.
    pub(crate) fn publish(
        &self,
        file: &File,
        staged: &Path,
        digest: &ContentDigest,
        size_bytes: u64,
    ) -> Result<(), StoreError> {
        // A failed sync ends this file's way: the staged file is dropped, since a second sync would answer "done" about
        // pages that the kernel has already given up.
        file.sync_all()
            .map_err(|cause| StoreError::from_io(format!("syncing blob {digest}"), cause))?;
        let path = self.blob_path(digest);
        match fs::hard_link(staged, &path) {
            Ok(()) => {}
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
                self.check_existing(digest, size_bytes)?
            }
            Err(cause) => return Err(StoreError::from_io(format!("linking blob {digest}"), cause)),
        }
        self.sync_shard(digest)
    }

    /// Whether the blob is there, durably and with this length; then nothing needs to be staged.
    pub(crate) fn is_published(
        &self,
        digest: &ContentDigest,
        size_bytes: u64,
    ) -> Result<bool, StoreError> {
        match self.check_existing(digest, size_bytes) {
            Ok(()) => self.sync_shard(digest).map(|()| true),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Re-hashes the blob. Gives its size in bytes.
    pub(crate) fn verify(&self, digest: &ContentDigest) -> Result<u64, StoreError> {
        let failed = |cause| StoreError::from_read(digest, cause);
        let mut file = File::open(self.blob_path(digest)).map_err(failed)?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; READ_BUFFER_BYTES];
        let mut size_bytes = 0;
        loop {
            let count = match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
                Err(cause) => return Err(failed(cause)),
            };
            hasher.update(&buffer[..count]);
            size_bytes += count as u64;
        }
        let found = ContentDigest::from_bytes(hasher.finalize().into());
        if found != *digest {
            return Err(StoreError::Corrupt {
                digest: *digest,
                found,
            });
        }
        Ok(size_bytes)
    }

    /// Writes, syncs and removes a page in the staging folder: can anything be stored now?
    pub(crate) fn probe(&self) -> Result<(), StoreError> {
        let (file, _removed_on_drop) = self.create_staged()?;
        io::Write::write_all(&mut &file, &[0; 4096])
            .and_then(|()| file.sync_all())
            .map_err(|cause| StoreError::from_io("writing a probe", cause))
    }

    fn check_existing(&self, digest: &ContentDigest, size_bytes: u64) -> Result<(), StoreError> {
        let metadata = fs::metadata(self.blob_path(digest))
            .map_err(|cause| StoreError::from_read(digest, cause))?;
        if metadata.len() == size_bytes {
            return Ok(());
        }
        // Another length is other bytes for certain: the hash says which, for the report.
        self.verify(digest).map(|_| ())
    }

    fn sync_shard(&self, digest: &ContentDigest) -> Result<(), StoreError> {
        let first = digest.as_bytes()[0];
        let suspect = &self.suspects[usize::from(first)];
        let folder = self.root.join(BLOBS).join(format!("{first:02x}"));
        let was_suspect = suspect.load(Ordering::Acquire);
        let synced = if was_suspect {
            nudge(&folder).and_then(|()| sync_folder(&folder))
        } else {
            sync_folder(&folder)
        };
        if let Err(cause) = synced {
            suspect.store(true, Ordering::Release);
            return Err(StoreError::from_io(
                format!("syncing the folder of blob {digest}"),
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

/// Removes what a crash left in the staging folder: only files with our own names.
fn sweep(staging: &Path) -> Result<(), StoreError> {
    let failed = |cause| StoreError::from_io(format!("sweeping {}", staging.display()), cause);
    let mut swept = 0_u64;
    for entry in fs::read_dir(staging).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let is_ours = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(STAGED_PREFIX));
        if is_ours && entry.file_type().map_err(failed)?.is_file() {
            fs::remove_file(entry.path()).map_err(failed)?;
            swept += 1;
        }
    }
    if swept > 0 {
        tracing::info!(swept, "removed staged files that an earlier run left");
    }
    Ok(())
}

/// Changes a directory so that its next sync has something to write.
fn nudge(folder: &Path) -> io::Result<()> {
    let path = folder.join(format!("{NUDGE_PREFIX}{}", uuid::Uuid::now_v7().simple()));
    File::create_new(&path)?;
    fs::remove_file(&path)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
