//! The contents of one archive entry: its local header, its data, its SHA-256.
//!
//! Memory is bounded by [`WHOLE_BYTES_MAX`] whatever the entry declares, and work by what it declares: inflating stops
//! one byte over the declared size.

use flate2::{Decompress, FlushDecompress, Status};
use libdeflater::{DecompressionError, Decompressor};
use sha2::{Digest, Sha256};

use super::archive::{Archive, Entry, STORED, check_kind, read_zip64, u16_at, u32_at, u64_at};
use super::source::Source;
use super::{EntryFault, ZipError};

const HEADER_SIGNATURE: u32 = 0x0403_4b50;
const HEADER_BYTES: usize = 30;
const DESCRIPTOR_SIGNATURE: u32 = 0x0807_4b50;
/// The longest form: signature, checksum, two sizes of 8 bytes.
const DESCRIPTOR_BYTES_MAX: u64 = 24;
/// Flag bit: checksum and sizes follow the data, since the writer did not know them before.
const DESCRIPTOR_FLAG: u16 = 1 << 3;

/// Entries up to this size, packed and unpacked, are handled in one piece, which is about twice as fast. Nearly all
/// source files are.
const WHOLE_BYTES_MAX: u64 = 1024 * 1024;
/// Larger ones go through in pieces of this size, which stay in the processor's second-level cache.
const PIECE_BYTES: usize = 64 * 1024;

/// Reads contents of entries, one after the other, with buffers that are kept.
pub struct ContentReader {
    whole: Decompressor,
    pieces: Decompress,
    output: Vec<u8>,
}

impl ContentReader {
    /// Makes a reader; buffers grow when entries need them.
    pub fn new() -> Self {
        Self {
            whole: Decompressor::new(),
            pieces: Decompress::new(false),
            output: Vec::new(),
        }
    }

    /// Reads an entry to its end, checks all that it declares and gives the SHA-256 of its content.
    ///
    /// The content is appended to `copy` if there is one; the caller has bounded `entry.size_bytes` then.
    ///
    /// # Errors
    /// [`ZipError::BadEntry`] if data and declarations differ, [`ZipError::Read`].
    pub fn read(
        &mut self,
        source: &mut dyn Source,
        archive: &Archive,
        entry: &Entry,
        copy: Option<&mut Vec<u8>>,
    ) -> Result<[u8; 32], ZipError> {
        let name = archive.name(entry);
        let refuse = |fault| ZipError::entry(name, fault);
        if name.ends_with(b"/") && entry.size_bytes != 0 {
            return Err(refuse(EntryFault::DirectoryWithContent));
        }
        let data_offset = check_header(source, entry, name)?;
        let mut sink = Sink {
            crc: crc32fast::Hasher::new(),
            sha: Sha256::new(),
            size_bytes: 0,
            copy,
        };
        if entry.method == STORED {
            if entry.compressed_bytes != entry.size_bytes {
                return Err(refuse(EntryFault::WrongSize));
            }
            copy_stored(source, entry, data_offset, &mut sink)?;
        } else if entry.compressed_bytes <= WHOLE_BYTES_MAX && entry.size_bytes <= WHOLE_BYTES_MAX {
            let data = source.view(data_offset, entry.compressed_bytes as usize)?;
            self.inflate_whole(data, entry, &mut sink).map_err(refuse)?;
        } else {
            self.inflate_pieces(source, entry, data_offset, &mut sink)
                .map_err(|error| error.name(name))?;
        }
        if sink.size_bytes != entry.size_bytes {
            return Err(refuse(EntryFault::WrongSize));
        }
        if sink.crc.finalize() != entry.crc {
            return Err(refuse(EntryFault::WrongChecksum));
        }
        check_descriptor(source, entry, data_offset + entry.compressed_bytes, name)?;
        Ok(sink.sha.finalize().into())
    }

    fn inflate_whole(
        &mut self,
        data: &[u8],
        entry: &Entry,
        sink: &mut Sink<'_>,
    ) -> Result<(), EntryFault> {
        let size = entry.size_bytes as usize;
        if self.output.len() < size {
            self.output.resize(size, 0);
        }
        let output = &mut self.output[..size];
        let found = self
            .whole
            .deflate_decompress(data, output)
            .map_err(|error| match error {
                DecompressionError::BadData => EntryFault::BadData,
                DecompressionError::InsufficientSpace => EntryFault::WrongSize,
            })?;
        sink.add(&output[..found]);
        Ok(())
    }

    fn inflate_pieces(
        &mut self,
        source: &mut dyn Source,
        entry: &Entry,
        data_offset: u64,
        sink: &mut Sink<'_>,
    ) -> Result<(), PieceError> {
        self.pieces.reset(false);
        if self.output.len() < PIECE_BYTES {
            self.output.resize(PIECE_BYTES, 0);
        }
        loop {
            let consumed = self.pieces.total_in();
            let rest = entry.compressed_bytes - consumed;
            let input = source.view(
                data_offset + consumed,
                rest.min(PIECE_BYTES as u64) as usize,
            )?;
            // One byte more than is allowed, to see that there is more.
            let room = (entry.size_bytes.saturating_add(1) - sink.size_bytes)
                .min(PIECE_BYTES as u64) as usize;
            let status = self
                .pieces
                .decompress(input, &mut self.output[..room], FlushDecompress::None)
                .map_err(|_| EntryFault::BadData)?;
            let produced = (self.pieces.total_out() - sink.size_bytes) as usize;
            sink.add(&self.output[..produced]);
            if sink.size_bytes > entry.size_bytes {
                return Err(EntryFault::WrongSize.into());
            }
            if status == Status::StreamEnd {
                return Ok(());
            }
            if produced == 0 && self.pieces.total_in() == consumed {
                return Err(EntryFault::BadData.into()); // no progress: the stream goes on, the data does not
            }
        }
    }
}

/// What a content goes into.
struct Sink<'c> {
    crc: crc32fast::Hasher,
    sha: Sha256,
    size_bytes: u64,
    copy: Option<&'c mut Vec<u8>>,
}

impl Sink<'_> {
    fn add(&mut self, bytes: &[u8]) {
        self.size_bytes += bytes.len() as u64;
        self.crc.update(bytes);
        self.sha.update(bytes);
        if let Some(copy) = &mut self.copy {
            copy.extend_from_slice(bytes);
        }
    }
}

/// Trouble inside a loop that knows the entry's fault but not its name.
enum PieceError {
    Fault(EntryFault),
    Zip(ZipError),
}

impl PieceError {
    fn name(self, name: &[u8]) -> ZipError {
        match self {
            Self::Fault(fault) => ZipError::entry(name, fault),
            Self::Zip(error) => error,
        }
    }
}

impl From<EntryFault> for PieceError {
    fn from(fault: EntryFault) -> Self {
        Self::Fault(fault)
    }
}

impl From<ZipError> for PieceError {
    fn from(error: ZipError) -> Self {
        Self::Zip(error)
    }
}

fn copy_stored(
    source: &mut dyn Source,
    entry: &Entry,
    offset: u64,
    sink: &mut Sink<'_>,
) -> Result<(), ZipError> {
    while sink.size_bytes < entry.size_bytes {
        let rest = entry.size_bytes - sink.size_bytes;
        sink.add(source.view(
            offset + sink.size_bytes,
            rest.min(PIECE_BYTES as u64) as usize,
        )?);
    }
    Ok(())
}

/// Compares the local header with the directory and gives the offset of the data, all of which lies before the next
/// entry.
pub fn check_header(source: &mut dyn Source, entry: &Entry, name: &[u8]) -> Result<u64, ZipError> {
    let refuse = |fault| ZipError::entry(name, fault);
    let room = entry.end - entry.offset;
    if room < HEADER_BYTES as u64 {
        return Err(refuse(EntryFault::Overlap));
    }
    let header = source.view(entry.offset, HEADER_BYTES)?;
    if u32_at(header, 0) != HEADER_SIGNATURE {
        return Err(refuse(EntryFault::NoHeader));
    }
    let (flags, method, crc) = (u16_at(header, 6), u16_at(header, 8), u32_at(header, 14));
    let (mut compressed_bytes, mut size_bytes) =
        (u64::from(u32_at(header, 18)), u64::from(u32_at(header, 22)));
    let (name_bytes, extra_bytes) = (
        usize::from(u16_at(header, 26)),
        usize::from(u16_at(header, 28)),
    );
    let before_data = (HEADER_BYTES + name_bytes + extra_bytes) as u64;
    if before_data > room || entry.compressed_bytes > room - before_data {
        return Err(refuse(EntryFault::Overlap));
    }
    check_kind(flags, method).map_err(refuse)?;
    let text = source.view(entry.offset + HEADER_BYTES as u64, name_bytes + extra_bytes)?;
    let (local_name, extra) = text.split_at(name_bytes);
    if local_name != name {
        return Err(refuse(EntryFault::Disagree("name")));
    }
    if method != entry.method {
        return Err(refuse(EntryFault::Disagree("method")));
    }
    if (flags ^ entry.flags) & DESCRIPTOR_FLAG != 0 {
        return Err(refuse(EntryFault::Disagree("data descriptor")));
    }
    read_zip64(extra, &mut [&mut size_bytes, &mut compressed_bytes]).map_err(refuse)?;
    // With a descriptor behind the data the writer may not have known the values yet.
    let may_be_zero = flags & DESCRIPTOR_FLAG != 0;
    let agree = |local: u64, central: u64| local == central || may_be_zero && local == 0;
    if !agree(size_bytes, entry.size_bytes) || !agree(compressed_bytes, entry.compressed_bytes) {
        return Err(refuse(EntryFault::Disagree("size")));
    }
    if !agree(u64::from(crc), u64::from(entry.crc)) {
        return Err(refuse(EntryFault::Disagree("checksum")));
    }
    Ok(entry.offset + before_data)
}

/// Checks the record behind the data. It comes with or without a signature, with sizes of 4 or of 8 bytes; nothing in
/// the archive says which, so that any form that says the right things is accepted.
fn check_descriptor(
    source: &mut dyn Source,
    entry: &Entry,
    offset: u64,
    name: &[u8],
) -> Result<(), ZipError> {
    if entry.flags & DESCRIPTOR_FLAG == 0 {
        return Ok(());
    }
    let room = (entry.end - offset).min(DESCRIPTOR_BYTES_MAX) as usize;
    let bytes = source.view(offset, room)?;
    let fits = |record: &[u8]| {
        if record.len() < 12 || u32_at(record, 0) != entry.crc {
            return false;
        }
        let short = u64::from(u32_at(record, 4)) == entry.compressed_bytes
            && u64::from(u32_at(record, 8)) == entry.size_bytes;
        let long = record.len() >= 20
            && u64_at(record, 4) == entry.compressed_bytes
            && u64_at(record, 12) == entry.size_bytes;
        short || long
    };
    let signed = bytes.len() >= 4 && u32_at(bytes, 0) == DESCRIPTOR_SIGNATURE && fits(&bytes[4..]);
    if signed || fits(bytes) {
        return Ok(());
    }
    Err(ZipError::entry(name, EntryFault::BadDescriptor))
}
