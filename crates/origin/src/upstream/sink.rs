//! Where the bytes of a zip go while they arrive.

use async_trait::async_trait;
use bytes::Bytes;
use gomod::hash::H1;

/// Largest module zip, in bytes. Source: golang.org/x/mod, `zip.MaxZipFile`.
pub const ZIP_BYTES_MAX: u64 = 500 << 20;

/// The receiver could not take the bytes, with the reason in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SinkError(pub String);

/// What is known about a zip that was made here from version control, file by file, under the rules of module zips.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Hash of its contents, computed while it was written.
    pub h1: H1,
    /// Number of files in it.
    pub files: u64,
    /// Sum of the sizes of these files.
    pub unpacked_bytes: u64,
    /// The revision that it was made from.
    pub revision: String,
}

/// Receives a zip chunk by chunk; it is never held whole in memory.
#[async_trait]
pub trait ZipSink: Send {
    /// Begins anew: whatever came before belongs to an upstream that failed. Called before the first chunk too.
    async fn reset(&mut self) -> Result<(), SinkError>;

    /// Takes the next bytes.
    async fn write(&mut self, chunk: Bytes) -> Result<(), SinkError>;

    /// Hears how many bytes the zip will have, where the upstream says so; for progress only.
    fn expect(&mut self, _size_bytes: u64) {}

    /// Hears, behind the last bytes, that the zip was made here: it needs no further check.
    fn made(&mut self, _made: Made) {}
}
