//! Where the bytes of a zip go while they arrive.

use async_trait::async_trait;
use bytes::Bytes;

/// Largest module zip, in bytes. Source: golang.org/x/mod, `zip.MaxZipFile`.
pub const ZIP_BYTES_MAX: u64 = 500 << 20;

/// The receiver could not take the bytes, with the reason in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SinkError(pub String);

/// Receives a zip chunk by chunk; it is never held whole in memory.
#[async_trait]
pub trait ZipSink: Send {
    /// Begins anew: whatever came before belongs to an upstream that failed. Called before the first chunk too.
    async fn reset(&mut self) -> Result<(), SinkError>;

    /// Takes the next bytes.
    async fn write(&mut self, chunk: Bytes) -> Result<(), SinkError>;

    /// Hears how many bytes the zip will have, where the upstream says so; for progress only.
    fn expect(&mut self, _size_bytes: u64) {}
}
