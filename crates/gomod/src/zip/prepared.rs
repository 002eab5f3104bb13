//! Contents made ready for a zip beforehand, so that the many versions that share one are not slower than one.
//!
//! Not here: keeping them.

use bytes::Bytes;
use libdeflater::{CompressionLvl, Compressor};
use sha2::{Digest, Sha256};

/// Largest content that is taken as prepared: 4 MiB. Larger ones are compressed as they are read, which gives other
/// bytes than in one piece, and a zip must not depend on what was at hand when it was made.
pub const PREPARED_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// As tight as gzip's default: module zips are written once and read often, but most are read from elsewhere.
pub const LEVEL: u32 = 6;

/// A content of which a zip entry can be written without looking at it again: cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// SHA-256 of the content.
    pub sha256: [u8; 32],
    /// CRC-32 of the content, as zip and gzip use it.
    pub crc32: u32,
    /// Size of the content.
    pub size_bytes: u64,
    /// The bytes that go into the archive.
    pub deflated: Deflated,
}

/// How a content lies in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deflated {
    /// As a raw deflate stream (RFC 1951).
    Stream(Bytes),
    /// As it is, where deflating does not make it shorter.
    Stored(Bytes),
}

impl Deflated {
    /// The bytes that go into the archive.
    pub fn bytes(&self) -> &Bytes {
        match self {
            Self::Stream(bytes) | Self::Stored(bytes) => bytes,
        }
    }
}

/// Prepares one content after the other; the tables of the compressor, some hundred kilobytes, are kept.
pub struct Preparer {
    deflater: Deflater,
}

impl Preparer {
    /// Makes a preparer.
    pub fn new() -> Self {
        Self {
            deflater: Deflater::new(),
        }
    }

    /// Hashes and compresses a content. The same content gives the same with the same build of Granary.
    pub fn prepare(&mut self, content: &[u8]) -> Prepared {
        Prepared {
            sha256: Sha256::digest(content).into(),
            crc32: crc32fast::hash(content),
            size_bytes: content.len() as u64,
            deflated: match self.deflater.deflate(content) {
                Some(stream) => Deflated::Stream(Bytes::copy_from_slice(stream)),
                None => Deflated::Stored(Bytes::copy_from_slice(content)),
            },
        }
    }
}

impl Default for Preparer {
    fn default() -> Self {
        Self::new()
    }
}

/// Prepares a single content; for many a [`Preparer`] is faster.
pub fn prepare(content: &[u8]) -> Prepared {
    Preparer::new().prepare(content)
}

/// Deflates contents in one piece, into a buffer that is kept.
pub(super) struct Deflater {
    compressor: Compressor,
    stream: Vec<u8>,
}

impl Deflater {
    pub fn new() -> Self {
        // Level 6 exists; the default is the same one.
        let level = CompressionLvl::new(LEVEL as i32).unwrap_or_default();
        Self {
            compressor: Compressor::new(level),
            stream: Vec::new(),
        }
    }

    /// Gives the stream, unless it is no shorter than the content itself.
    pub fn deflate(&mut self, content: &[u8]) -> Option<&[u8]> {
        let bound = self.compressor.deflate_compress_bound(content.len());
        if self.stream.len() < bound {
            self.stream.resize(bound, 0);
        }
        // Of errors there is only the lack of room, which the bound rules out.
        let bytes = self
            .compressor
            .deflate_compress(content, &mut self.stream)
            .ok()?;
        (bytes < content.len()).then(|| &self.stream[..bytes])
    }
}
