//! An opened blob: small ones read into memory and checked, big ones mapped once they were hashed.
//!
//! Files are never streamed through the async file API: a mapped file handed to the network as `Bytes` was measured at
//! the speed of nginx's sendfile, a streamed one at six tenths of it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use gomod::hash::ContentDigest;

use crate::error::StoreError;
use crate::hashing::Identity;

/// Up to this size a blob is read whole: below it a read is cheaper than setting up and tearing down a mapping, and
/// hashing it once more costs some 40 µs, so rot in `.info` and `.mod` files is found on the way.
pub const READ_WHOLE_BYTES_MAX: u64 = 64 * 1024;

/// The bytes of one blob. Cheap to clone; slices of [`Blob::bytes`] share the mapping and keep it alive.
#[derive(Clone, Debug)]
pub struct Blob {
    bytes: Bytes,
    mapped: bool,
}

impl Blob {
    /// Opens the file at `path` as the blob `digest`; nothing if it is a big one of which `is_checked` does not know that
    /// it was hashed. Blocks.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] without such a file; [`StoreError::Corrupt`] if a small blob's bytes are not those of
    /// its name; [`StoreError::Unreadable`] if the disk has lost them.
    pub(crate) fn open(
        path: &Path,
        digest: &ContentDigest,
        is_checked: impl Fn(Identity) -> bool,
    ) -> Result<Option<Self>, StoreError> {
        let mut file = File::open(path).map_err(|cause| StoreError::from_read(digest, cause))?;
        let metadata = file
            .metadata()
            .map_err(|cause| StoreError::from_read(digest, cause))?;
        if metadata.len() > READ_WHOLE_BYTES_MAX {
            if !is_checked(Identity::of(&metadata)) {
                return Ok(None);
            }
            let bytes = map(&file).map_err(|cause| StoreError::from_read(digest, cause))?;
            return Ok(Some(Self {
                bytes,
                mapped: true,
            }));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
        file.read_to_end(&mut bytes)
            .map_err(|cause| StoreError::from_bytes(digest, cause))?;
        let found = ContentDigest::of(&bytes);
        if found != *digest {
            return Err(StoreError::Corrupt {
                digest: *digest,
                found,
            });
        }
        Ok(Some(Self {
            bytes: bytes.into(),
            mapped: false,
        }))
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Whether the blob has no bytes at all.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether the bytes are a mapped file: they cost address space and page cache, not memory of this process.
    pub fn is_mapped(&self) -> bool {
        self.mapped
    }

    /// The bytes; no copy is made.
    pub fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }
}

/// Maps a whole file, shared and read-only. The file may be closed afterwards.
fn map(file: &File) -> std::io::Result<Bytes> {
    // SAFETY: a mapping is sound while nobody truncates or writes the file under it. Blobs are written in the staging
    // folder, get their name by a hard link after the last write, carry read-only permissions from their creation on,
    // and nothing in this crate opens a published blob for writing, truncates or overwrites it; unlinking leaves the
    // mapping intact. A foreign hand that truncates files in the data folder gets SIGBUS here, which ends the process:
    // wrong bytes are never served.
    #[allow(unsafe_code)]
    let mapping = unsafe { memmap2::Mmap::map(file)? };
    Ok(Bytes::from_owner(mapping))
}
