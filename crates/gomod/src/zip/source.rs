//! Where the bytes of an archive come from: a slice (a mapped file) or anything that reads and seeks.

use std::io::{self, Read, Seek, SeekFrom};

use super::{ArchiveFault, ZipError};

/// Bytes of known length that can be looked at in pieces, mostly from front to back.
pub trait Source {
    /// Length of the archive.
    fn size_bytes(&self) -> u64;

    /// Gives `length` bytes from `offset` on, valid until the next call.
    ///
    /// # Errors
    /// [`ArchiveFault::Truncated`] if they do not lie inside the archive, [`ZipError::Read`] if reading fails.
    fn view(&mut self, offset: u64, length: usize) -> Result<&[u8], ZipError>;
}

/// An archive in memory; views cost nothing.
pub struct Slice<'a>(pub &'a [u8]);

impl Source for Slice<'_> {
    fn size_bytes(&self) -> u64 {
        self.0.len() as u64
    }

    fn view(&mut self, offset: u64, length: usize) -> Result<&[u8], ZipError> {
        check_range(offset, length, self.size_bytes())?;
        usize::try_from(offset)
            .ok()
            .and_then(|start| self.0.get(start..start.checked_add(length)?))
            .ok_or(ArchiveFault::Truncated.into())
    }
}

/// How far a [`Window`] reads ahead, so that many small entries cost one system call.
const READ_AHEAD_BYTES: usize = 256 * 1024;

/// A reader with one buffer that moves over it. The buffer holds the longest view asked for, or the read-ahead.
pub struct Window<'r, R> {
    reader: &'r mut R,
    size_bytes: u64,
    /// Offset in the archive of the first byte of `buffer`.
    start: u64,
    buffer: Vec<u8>,
}

impl<'r, R: Read + Seek> Window<'r, R> {
    /// Looks at the first `size_bytes` of `reader`.
    pub fn new(reader: &'r mut R, size_bytes: u64) -> Self {
        Self {
            reader,
            size_bytes,
            start: 0,
            buffer: Vec::new(),
        }
    }

    /// Makes the buffer begin at `offset` and hold `length` bytes at least; what it holds of them already is kept.
    fn fill(&mut self, offset: u64, length: usize) -> io::Result<()> {
        let end = self.start + self.buffer.len() as u64;
        if offset >= self.start && offset < end {
            let known = (offset - self.start) as usize;
            self.buffer.drain(..known);
        } else {
            self.buffer.clear();
        }
        self.start = offset;
        let kept = self.buffer.len();
        let rest = usize::try_from(self.size_bytes - offset).unwrap_or(usize::MAX);
        self.buffer
            .resize(length.max(READ_AHEAD_BYTES.min(rest)).max(kept), 0);
        let result = self
            .reader
            .seek(SeekFrom::Start(offset + kept as u64))
            .and_then(|_| self.reader.read_exact(&mut self.buffer[kept..]));
        if result.is_err() {
            self.buffer.clear();
        }
        result
    }
}

impl<R: Read + Seek> Source for Window<'_, R> {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn view(&mut self, offset: u64, length: usize) -> Result<&[u8], ZipError> {
        check_range(offset, length, self.size_bytes)?;
        let end = self.start + self.buffer.len() as u64;
        if offset < self.start || offset + length as u64 > end {
            self.fill(offset, length)
                .map_err(|source| ZipError::Read { source })?;
        }
        let at = (offset - self.start) as usize;
        Ok(&self.buffer[at..at + length])
    }
}

fn check_range(offset: u64, length: usize, size_bytes: u64) -> Result<(), ZipError> {
    match offset.checked_add(length as u64) {
        Some(end) if end <= size_bytes => Ok(()),
        _ => Err(ArchiveFault::Truncated.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn check_views(source: &mut dyn Source, bytes: &[u8]) {
        let last = bytes.len();
        for (offset, length) in [
            (0, 10),
            (5, 10),
            (0, last),
            (last - 1, 1),
            (last, 0),
            (7, 300_000),
            (200_000, 100_000),
            (250_000, 20_000),
            (3, 0),
        ] {
            assert_eq!(
                source.view(offset as u64, length).unwrap(),
                &bytes[offset..offset + length],
                "{offset}+{length}"
            );
        }
        for (offset, length) in [
            (0, last + 1),
            (last as u64, 1),
            (last as u64 + 1, 0),
            (u64::MAX, 1),
            (u64::MAX - 1, 2),
        ] {
            assert!(matches!(
                source.view(offset, length),
                Err(ZipError::BadArchive {
                    fault: ArchiveFault::Truncated
                })
            ));
        }
    }

    #[test]
    fn slice_and_window_show_the_same() {
        let bytes: Vec<u8> = (0..700_000_u32).map(|n| (n * 7 / 3) as u8).collect();
        check_views(&mut Slice(&bytes), &bytes);
        check_views(
            &mut Window::new(&mut Cursor::new(&bytes), bytes.len() as u64),
            &bytes,
        );
    }

    #[test]
    fn reader_shorter_than_promised_is_trouble_of_reading() {
        let mut reader = Cursor::new(vec![1; 100]);
        let mut window = Window::new(&mut reader, 200);
        assert!(matches!(window.view(50, 100), Err(ZipError::Read { .. })));
        assert!(matches!(window.view(50, 100), Err(ZipError::Read { .. })));
    }
}
