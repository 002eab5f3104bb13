//! Writing zip archives: the few features a module zip needs, the same bytes for the same files.
//!
//! Times are those of 1980-01-01, the first a zip can tell; modes and owners are not told. Small files are stored or
//! deflated, whichever is shorter, and their sizes stand before them; large ones are deflated as they come, their sizes
//! behind them. Not here: which files, in which order (`create`).
//!
//! Source: PKWARE APPNOTE.TXT 6.3.10.

use std::io::{self, Read, Write};

use flate2::{Compress, Compression, FlushCompress, Status};
use sha2::{Digest, Sha256};

use super::archive::{DEFLATED, STORED};
use super::prepared::{Deflated, Deflater, LEVEL, Prepared};

/// Version needed to extract: 2.0, for deflate.
const VERSION: u16 = 20;
/// Version for an archive with a zip64 end record: 4.5.
const VERSION_ZIP64: u16 = 45;
/// 1980-01-01 in the format of MS-DOS; a date of 0 is invalid.
const DATE: u16 = 1 << 5 | 1;
/// Flag bit: checksum and sizes follow the data.
const DESCRIPTOR_FLAG: u16 = 1 << 3;
/// Flag bit: the name is UTF-8; set where it matters.
const UTF8_FLAG: u16 = 1 << 11;
const PIECE_BYTES: usize = 64 * 1024;

/// An archive being written.
pub struct ZipWriter<W> {
    out: W,
    written_bytes: u64,
    /// The central directory so far.
    directory: Vec<u8>,
    entries: u64,
    whole: Deflater,
    /// What comes out of a stream.
    packed: Vec<u8>,
}

/// What stands in both headers of an entry.
struct Header<'a> {
    name: &'a str,
    flags: u16,
    method: u16,
    crc: u32,
    compressed_bytes: u32,
    size_bytes: u32,
}

impl<W: Write> ZipWriter<W> {
    /// Begins an archive.
    pub fn new(out: W) -> Self {
        Self {
            out,
            written_bytes: 0,
            directory: Vec::new(),
            entries: 0,
            whole: Deflater::new(),
            packed: Vec::new(),
        }
    }

    /// Bytes written so far, without the directory.
    pub fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// Adds a file from memory. `name` must be shorter than 64 KiB, `content` than 4 GiB.
    ///
    /// # Errors
    /// Those of the output; [`io::ErrorKind::FileTooLarge`] where the format has no room.
    pub fn add(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let (method, data) = match self.whole.deflate(content) {
            Some(stream) => (DEFLATED, stream),
            None => (STORED, content),
        };
        let header = Header {
            name,
            flags: name_flag(name),
            method,
            crc: crc32fast::hash(content),
            compressed_bytes: narrow(data.len() as u64)?,
            size_bytes: narrow(content.len() as u64)?,
        };
        let offset = narrow(self.written_bytes)?;
        self.written_bytes += write_entry(&mut self.out, &header, data)?;
        self.list(&header, offset)
    }

    /// Adds a file that was prepared: the same bytes as [`Self::add`] writes for its content.
    ///
    /// # Errors
    /// Those of the output; [`io::ErrorKind::FileTooLarge`] where the format has no room.
    pub fn add_prepared(&mut self, name: &str, content: &Prepared) -> io::Result<()> {
        let (method, data) = match &content.deflated {
            Deflated::Stream(stream) => (DEFLATED, stream),
            Deflated::Stored(content) => (STORED, content),
        };
        let header = Header {
            name,
            flags: name_flag(name),
            method,
            crc: content.crc32,
            compressed_bytes: narrow(data.len() as u64)?,
            size_bytes: narrow(content.size_bytes)?,
        };
        let offset = narrow(self.written_bytes)?;
        self.written_bytes += write_entry(&mut self.out, &header, data)?;
        self.list(&header, offset)
    }

    /// Adds a file as it is read and gives its SHA-256 and size. Stops with the first byte over `size_bytes_max`: the
    /// size given is one more then, and the archive is of no use any longer.
    ///
    /// # Errors
    /// [`StreamError`], which tells the two sides apart.
    pub fn add_stream(
        &mut self,
        name: &str,
        content: &mut dyn Read,
        size_bytes_max: u64,
    ) -> Result<([u8; 32], u64), StreamError> {
        let mut header = Header {
            name,
            flags: name_flag(name) | DESCRIPTOR_FLAG,
            method: DEFLATED,
            crc: 0,
            compressed_bytes: 0,
            size_bytes: 0,
        };
        let offset = narrow(self.written_bytes)?;
        let mut local = Vec::with_capacity(30 + name.len());
        put_local(&mut local, &header)?;
        self.out.write_all(&local)?;
        let mut content = content.take(size_bytes_max.saturating_add(1));
        let mut deflate = Compress::new(Compression::new(LEVEL), false);
        let (mut crc, mut sha) = (crc32fast::Hasher::new(), Sha256::new());
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let bytes = read_piece(&mut content, &mut piece).map_err(StreamError::Read)?;
            crc.update(&piece[..bytes]);
            sha.update(&piece[..bytes]);
            self.deflate_piece(&mut deflate, &piece[..bytes])?;
            if bytes == 0 {
                break;
            }
        }
        header.crc = crc.finalize();
        header.compressed_bytes = narrow(deflate.total_out())?;
        header.size_bytes = narrow(deflate.total_in())?;
        let mut descriptor = Vec::with_capacity(16);
        put_u32(&mut descriptor, 0x0807_4b50);
        put_values(&mut descriptor, &header);
        self.out.write_all(&descriptor)?;
        self.written_bytes += local.len() as u64 + deflate.total_out() + descriptor.len() as u64;
        self.list(&header, offset)?;
        Ok((sha.finalize().into(), deflate.total_in()))
    }

    /// Deflates a piece and writes what comes out; an empty piece ends the stream.
    fn deflate_piece(&mut self, deflate: &mut Compress, piece: &[u8]) -> io::Result<()> {
        if self.packed.len() < PIECE_BYTES {
            self.packed.resize(PIECE_BYTES, 0);
        }
        let flush = if piece.is_empty() {
            FlushCompress::Finish
        } else {
            FlushCompress::None
        };
        let mut rest = piece;
        loop {
            let (consumed, produced) = (deflate.total_in(), deflate.total_out());
            let status = deflate
                .compress(rest, &mut self.packed, flush)
                .map_err(io::Error::other)?;
            rest = &rest[(deflate.total_in() - consumed) as usize..];
            self.out
                .write_all(&self.packed[..(deflate.total_out() - produced) as usize])?;
            let ended = if piece.is_empty() {
                status == Status::StreamEnd
            } else {
                rest.is_empty()
            };
            if ended {
                return Ok(());
            }
        }
    }

    /// Writes the directory and the end of the archive. Gives the output and the size of the archive in bytes.
    ///
    /// # Errors
    /// Those of the output; [`io::ErrorKind::FileTooLarge`] where the format has no room.
    pub fn finish(mut self) -> io::Result<(W, u64)> {
        let offset = narrow(self.written_bytes)?;
        let directory_bytes = narrow(self.directory.len() as u64)?;
        let end_offset = self.written_bytes + u64::from(directory_bytes);
        let mut end = Vec::with_capacity(98);
        let entries = match u16::try_from(self.entries) {
            Ok(entries) if entries < 0xffff => entries,
            _ => {
                put_u32(&mut end, 0x0606_4b50);
                put_u64(&mut end, 44); // bytes of this record after this number
                put_u16(&mut end, VERSION_ZIP64);
                put_u16(&mut end, VERSION_ZIP64);
                put_u64(&mut end, 0); // disks
                put_u64(&mut end, self.entries);
                put_u64(&mut end, self.entries);
                put_u64(&mut end, u64::from(directory_bytes));
                put_u64(&mut end, u64::from(offset));
                put_u32(&mut end, 0x0706_4b50);
                put_u32(&mut end, 0); // disk of the record above
                put_u64(&mut end, end_offset);
                put_u32(&mut end, 1); // number of disks
                0xffff
            }
        };
        put_u32(&mut end, 0x0605_4b50);
        put_u32(&mut end, 0); // disks
        put_u16(&mut end, entries);
        put_u16(&mut end, entries);
        put_u32(&mut end, directory_bytes);
        put_u32(&mut end, offset);
        put_u16(&mut end, 0); // comment
        self.out.write_all(&self.directory)?;
        self.out.write_all(&end)?;
        Ok((self.out, end_offset + end.len() as u64))
    }

    fn list(&mut self, header: &Header<'_>, offset: u32) -> io::Result<()> {
        self.entries += 1;
        put_u32(&mut self.directory, 0x0201_4b50);
        put_u16(&mut self.directory, VERSION); // made by: MS-DOS, so that no modes are expected
        put_common(&mut self.directory, header)?;
        self.directory.extend_from_slice(&[0; 10]); // comment, disk, attributes
        put_u32(&mut self.directory, offset);
        self.directory.extend_from_slice(header.name.as_bytes());
        Ok(())
    }
}

/// Trouble while a file is copied into an archive.
pub enum StreamError {
    /// The file could not be read.
    Read(io::Error),
    /// The archive could not be written.
    Write(io::Error),
}

impl From<io::Error> for StreamError {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

fn read_piece(content: &mut dyn Read, piece: &mut [u8]) -> io::Result<usize> {
    // Full pieces: else the compressed bytes would depend on how the reader cuts its answers.
    let mut filled = 0;
    while filled < piece.len() {
        match content.read(&mut piece[filled..]) {
            Ok(0) => break,
            Ok(bytes) => filled += bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn name_flag(name: &str) -> u16 {
    if name.is_ascii() { 0 } else { UTF8_FLAG }
}

fn narrow(value: u64) -> io::Result<u32> {
    // The highest value is the stand-in of zip64.
    u32::try_from(value)
        .ok()
        .filter(|&value| value < u32::MAX)
        .ok_or(io::ErrorKind::FileTooLarge.into())
}

/// Writes an entry whose sizes are known and gives how many bytes that were.
fn write_entry(out: &mut impl Write, header: &Header<'_>, data: &[u8]) -> io::Result<u64> {
    let mut local = Vec::with_capacity(30 + header.name.len());
    put_local(&mut local, header)?;
    out.write_all(&local)?;
    out.write_all(data)?;
    Ok((local.len() + data.len()) as u64)
}

fn put_local(out: &mut Vec<u8>, header: &Header<'_>) -> io::Result<()> {
    put_u32(out, 0x0403_4b50);
    put_common(out, header)?;
    out.extend_from_slice(header.name.as_bytes());
    Ok(())
}

/// The part that both headers have in common: from the version needed to the length of the extra field.
fn put_common(out: &mut Vec<u8>, header: &Header<'_>) -> io::Result<()> {
    put_u16(out, VERSION);
    put_u16(out, header.flags);
    put_u16(out, header.method);
    put_u16(out, 0); // time
    put_u16(out, DATE);
    put_values(out, header);
    put_u16(
        out,
        u16::try_from(header.name.len()).map_err(|_| io::ErrorKind::FileTooLarge)?,
    );
    put_u16(out, 0); // extra field
    Ok(())
}

fn put_values(out: &mut Vec<u8>, header: &Header<'_>) {
    put_u32(out, header.crc);
    put_u32(out, header.compressed_bytes);
    put_u32(out, header.size_bytes);
}

fn put_u16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn put_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}
