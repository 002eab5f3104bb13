//! A file on its way through the hash, piece by piece: so that a whole blob can be hashed at once or at an easy pace.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use gomod::hash::ContentDigest;
use sha2::{Digest as _, Sha256};

/// Bytes read at once.
pub(crate) const PIECE_BYTES: usize = 1024 * 1024;

/// What tells a file that was hashed from one that took its place or was written to. The time of the last change of the
/// inode is left out: an export's hard link changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
    modified_seconds: i64,
    modified_nanoseconds: i64,
    size_bytes: u64,
}

impl Identity {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            modified_seconds: metadata.mtime(),
            modified_nanoseconds: metadata.mtime_nsec(),
            size_bytes: metadata.len(),
        }
    }
}

/// A file that is being hashed. It is read, not mapped: a sector that cannot be read is an error then and not a signal.
#[derive(Debug)]
pub(crate) struct Hashing {
    file: File,
    identity: Identity,
    hasher: Sha256,
    buffer: Vec<u8>,
    size_bytes: u64,
}

impl Hashing {
    pub(crate) fn begin(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let identity = Identity::of(&file.metadata()?);
        Ok(Self {
            file,
            identity,
            hasher: Sha256::new(),
            buffer: vec![0; PIECE_BYTES],
            size_bytes: 0,
        })
    }

    /// Hashes the next piece and gives its length; 0 at the end.
    pub(crate) fn step(&mut self) -> io::Result<usize> {
        loop {
            match self.file.read(&mut self.buffer) {
                Ok(count) => {
                    self.hasher.update(&self.buffer[..count]);
                    self.size_bytes += count as u64;
                    return Ok(count);
                }
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(cause),
            }
        }
    }

    /// The hash of what was read, its length, and which file it was.
    pub(crate) fn end(self) -> (ContentDigest, u64, Identity) {
        let found = ContentDigest::from_bytes(self.hasher.finalize().into());
        (found, self.size_bytes, self.identity)
    }
}
