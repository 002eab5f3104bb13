//! Files of the store that are kept open, so that the kernel can send them without a copy through this process.
//!
//! Worth it for bodies of some ten kilobytes: there a copy costs as much as all the rest. Longer ones go faster from a
//! mapping, shorter ones behind their headers. Measured beside nginx, which sends files this way.

use std::fs::File;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Lengths of the files that are kept open.
pub const OPEN_BYTES: RangeInclusive<u64> = (16 << 10) + 1..=256 << 10;

static OPEN: AtomicUsize = AtomicUsize::new(0);

/// One open file of the store. Blobs never change, so it may stay open as long as it likes.
#[derive(Debug)]
pub struct OpenFile {
    file: File,
    length: u64,
}

impl OpenFile {
    /// Opens the file if it has the length that is expected and fewer than `open_max` are open.
    pub fn open(path: &Path, length: u64, open_max: usize) -> Option<Self> {
        if OPEN.fetch_add(1, Ordering::Relaxed) >= open_max {
            OPEN.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
        match opened {
            Ok((found, file)) if found == length => Some(Self { file, length }),
            _ => {
                OPEN.fetch_sub(1, Ordering::Relaxed);
                None
            }
        }
    }

    /// The file; its own position is never used.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}
