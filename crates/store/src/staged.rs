//! A file on its way into the store: hashed while it is written, invisible until it is published.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::Arc;

use bytes::Bytes;
use gomod::hash::ContentDigest;
use sha2::{Digest as _, Sha256};

use crate::error::{StoreError, run_blocking};
use crate::local::{Local, StagedPath};

/// Chunks are gathered up to this size before one trip to the blocking pool writes and hashes them: network chunks are
/// often 16 KiB, and a trip for each would cost as much as their hashing.
const GATHER_BYTES: usize = 256 * 1024;

/// A staged file. Dropped without [`Store::publish`](crate::Store::publish) it leaves nothing behind.
///
/// Memory held: at most [`GATHER_BYTES`] and one chunk.
#[derive(Debug)]
pub struct Staged {
    local: Arc<Local>,
    /// Nothing after a failed or cancelled write: what reached the file is unknown then, so it can only be dropped.
    writing: Option<Writing>,
    path: StagedPath,
    gathered: Vec<Bytes>,
    gathered_bytes: usize,
    size_bytes: u64,
}

#[derive(Debug)]
struct Writing {
    file: File,
    hasher: Sha256,
}

impl Staged {
    /// A new, empty one. Blocks.
    pub(crate) fn create(local: Arc<Local>) -> Result<Self, StoreError> {
        let (file, path) = local.create_staged()?;
        Ok(Self {
            local,
            writing: Some(Writing {
                file,
                hasher: Sha256::new(),
            }),
            path,
            gathered: Vec::new(),
            gathered_bytes: 0,
            size_bytes: 0,
        })
    }

    /// Appends a chunk. It may reach the file only with a later call; see [`Staged::reader`].
    ///
    /// # Errors
    /// [`StoreError::Full`] and its kin. After an error this staged file cannot be used any more.
    pub async fn write_chunk(&mut self, chunk: Bytes) -> Result<(), StoreError> {
        if chunk.is_empty() {
            return Ok(());
        }
        self.size_bytes += chunk.len() as u64;
        self.gathered_bytes += chunk.len();
        self.gathered.push(chunk);
        if self.gathered_bytes >= GATHER_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    /// Bytes written so far.
    pub fn len(&self) -> u64 {
        self.size_bytes
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.size_bytes == 0
    }

    /// Everything written so far, as a file opened for reading at its start. It stays readable after the staged file
    /// was published or dropped.
    ///
    /// # Errors
    /// As [`Staged::write_chunk`].
    pub async fn reader(&mut self) -> Result<File, StoreError> {
        self.flush().await?;
        let path = self.path.as_path().to_owned();
        run_blocking("opening a staged file", move || {
            File::open(path).map_err(|cause| StoreError::from_io("opening a staged file", cause))
        })
        .await
    }

    /// SHA-256 of everything written so far: the name that the blob will have.
    ///
    /// # Errors
    /// As [`Staged::write_chunk`].
    pub async fn digest(&mut self) -> Result<ContentDigest, StoreError> {
        self.flush().await?;
        let writing = self.writing.as_ref().ok_or_else(unusable)?;
        Ok(ContentDigest::from_bytes(
            writing.hasher.clone().finalize().into(),
        ))
    }

    /// Writes what is left, syncs, links and syncs again. Blocks.
    pub(crate) fn publish(mut self) -> Result<ContentDigest, StoreError> {
        let mut writing = self.writing.take().ok_or_else(unusable)?;
        writing.append(&self.gathered)?;
        let digest = ContentDigest::from_bytes(writing.hasher.finalize().into());
        self.local
            .publish(&writing.file, self.path.as_path(), &digest)?;
        Ok(digest)
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        let mut writing = self.writing.take().ok_or_else(unusable)?;
        let gathered = std::mem::take(&mut self.gathered);
        self.gathered_bytes = 0;
        if gathered.is_empty() {
            self.writing = Some(writing);
            return Ok(());
        }
        let writing = run_blocking("writing a staged file", move || {
            writing.append(&gathered)?;
            Ok(writing)
        })
        .await?;
        self.writing = Some(writing);
        Ok(())
    }
}

impl Writing {
    fn append(&mut self, chunks: &[Bytes]) -> Result<(), StoreError> {
        for chunk in chunks {
            self.hasher.update(chunk);
            self.file
                .write_all(chunk)
                .map_err(|cause| StoreError::from_io("writing a staged file", cause))?;
        }
        Ok(())
    }
}

fn unusable() -> StoreError {
    StoreError::Unavailable {
        what: "using a staged file".to_owned(),
        cause: io::Error::other("an earlier write to it failed or was cut off"),
    }
}
