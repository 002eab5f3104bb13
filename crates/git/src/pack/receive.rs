//! The first reading of a pack: from its source to a file, every entry inflated once, whole objects named on the way.

use std::fs::File;
use std::io::{self, Read, Write};

use super::entries::{Entries, Entry, NONE, Names};
use super::entry::{self, HEADER_BYTES_MAX, Header, Stored};
use super::inflate::Inflater;
use super::limits::{PackError, PackLimits};
use crate::hash::Hasher;
use crate::id::{HashKind, ObjectId};
use crate::object::start_hash;

/// Bytes taken from the source at once.
const BUFFER_BYTES: usize = 128 << 10;

/// Length of a pack's header: `PACK`, version, number of objects.
const PACK_HEADER_BYTES: usize = 12;

/// Bytes of memory that an entry takes in the tables, with its share of the lists made from them.
fn entry_bytes(hash: HashKind) -> u64 {
    30 + hash.len_bytes() as u64
}

/// Bytes more for a delta that names its base by id.
const NAMED_BASE_BYTES: u64 = 40;

/// A pack as it was received.
pub(super) struct Received {
    pub entries: Entries,
    pub names: Names,
    /// The trailing checksum, which the bytes match.
    pub checksum: ObjectId,
    /// Length of the whole pack.
    pub pack_bytes: u64,
    /// Memory that the tables take.
    pub table_bytes: u64,
}

/// Receives a pack into `file`.
pub(super) fn receive(
    source: &mut dyn Read,
    file: &mut File,
    hash: HashKind,
    limits: &PackLimits,
) -> Result<Received, PackError> {
    let mut reader = Reader::new(source, file, hash, limits.pack_bytes_max);
    let objects = read_pack_header(&mut reader)?;
    if objects > limits.objects_max {
        return Err(PackError::Limit {
            what: "objects",
            max: limits.objects_max.into(),
        });
    }
    let mut reception = Reception {
        entries: Entries {
            hash,
            list: Vec::new(),
            by_base_id: Vec::new(),
            end: 0,
        },
        names: Names::new(hash),
        inflater: Inflater::new(),
        table_bytes: 0,
        inflated_bytes: 0,
        limits,
    };
    for _ in 0..objects {
        reception.receive_entry(&mut reader)?;
    }
    let Reception {
        mut entries,
        names,
        table_bytes,
        ..
    } = reception;
    entries.end = reader.offset();
    entries.by_base_id.sort_unstable();
    let checksum = reader.finish()?;
    Ok(Received {
        pack_bytes: entries.end + hash.len_bytes() as u64,
        entries,
        names,
        checksum,
        table_bytes,
    })
}

fn read_pack_header(reader: &mut Reader<'_>) -> Result<u32, PackError> {
    let header = reader.fill(PACK_HEADER_BYTES)?;
    let header = header
        .get(..PACK_HEADER_BYTES)
        .ok_or(PackError::Truncated)?;
    let malformed = |what| Err(PackError::Malformed { offset: 0, what });
    if !header.starts_with(b"PACK") {
        return malformed("it does not begin with PACK");
    }
    if header[4..8] != 2_u32.to_be_bytes() {
        return malformed("it is not of version 2");
    }
    let objects = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
    reader.consume(PACK_HEADER_BYTES);
    Ok(objects)
}

struct Reception<'a> {
    entries: Entries,
    names: Names,
    inflater: Inflater,
    table_bytes: u64,
    inflated_bytes: u64,
    limits: &'a PackLimits,
}

impl Reception<'_> {
    fn receive_entry(&mut self, reader: &mut Reader<'_>) -> Result<(), PackError> {
        let hash = self.entries.hash;
        let offset = reader.offset();
        let malformed = |what| PackError::Malformed { offset, what };
        let bytes = reader.fill(HEADER_BYTES_MAX)?;
        if bytes.len() <= hash.len_bytes() {
            return Err(PackError::Truncated); // what is left cannot be more than the trailer
        }
        let header = entry::parse(bytes, hash).map_err(malformed)?;
        if header.size_bytes > self.limits.object_bytes_max {
            return Err(PackError::Limit {
                what: "bytes of one object",
                max: self.limits.object_bytes_max,
            });
        }
        self.inflated_bytes += header.size_bytes;
        let max = self.limits.work_bytes_max(offset);
        if self.inflated_bytes > max {
            return Err(PackError::Limit {
                what: "bytes inflated",
                max,
            });
        }
        let mut crc32 = crc32fast::Hasher::new();
        crc32.update(&bytes[..header.len]);
        reader.consume(header.len);

        let mut hasher = match header.stored {
            Stored::Whole(kind) => Some(start_hash(kind, header.size_bytes, hash)),
            _ => None,
        };
        self.inflate(reader, header.size_bytes, offset, &mut crc32, &mut hasher)?;
        let id = hasher
            .map(Hasher::finish)
            .transpose()
            .map_err(|_| PackError::Collision { offset })?;
        self.note_entry(offset, crc32.finalize(), &header)?;
        self.names.push(id.as_ref());
        Ok(())
    }

    fn inflate(
        &mut self,
        reader: &mut Reader<'_>,
        size_bytes: u64,
        offset: u64,
        crc32: &mut crc32fast::Hasher,
        hasher: &mut Option<Hasher>,
    ) -> Result<(), PackError> {
        self.inflater.start(size_bytes);
        loop {
            let input = reader.fill(1)?;
            if input.is_empty() {
                return Err(PackError::Truncated);
            }
            let (used, ended) = self
                .inflater
                .push(input, &mut |piece| {
                    if let Some(hasher) = hasher {
                        hasher.update(piece);
                    }
                    Ok(())
                })
                .map_err(|what: &'static str| PackError::Malformed { offset, what })?;
            crc32.update(&input[..used]);
            reader.consume(used);
            if ended {
                return Ok(());
            }
        }
    }

    /// Notes an entry, and below its base if it is a delta.
    fn note_entry(&mut self, offset: u64, crc32: u32, header: &Header) -> Result<(), PackError> {
        let at = self.entries.list.len() as u32;
        let mut entry = Entry {
            offset,
            crc32,
            first_child: NONE,
            next_sibling: NONE,
            is_delta: true,
        };
        self.table_bytes += entry_bytes(self.entries.hash);
        match header.stored {
            Stored::Whole(_) => entry.is_delta = false,
            Stored::OffsetDelta { distance } => {
                let base = offset
                    .checked_sub(distance)
                    .and_then(|base| self.entries.find_at(base))
                    .ok_or(PackError::Malformed {
                        offset,
                        what: "no entry begins where its base should",
                    })?;
                let base = &mut self.entries.list[base as usize];
                entry.next_sibling = base.first_child;
                base.first_child = at;
            }
            Stored::RefDelta { base } => {
                self.table_bytes += NAMED_BASE_BYTES;
                self.entries.by_base_id.push((base, at));
            }
        }
        self.entries.list.push(entry);
        // A quarter stays for the objects that are held while deltas are resolved.
        if self.table_bytes > self.limits.memory_bytes_max / 4 * 3 {
            return Err(PackError::Limit {
                what: "bytes of memory",
                max: self.limits.memory_bytes_max,
            });
        }
        Ok(())
    }
}

/// Reads ahead from the source. What is consumed goes to the file and into the checksum.
struct Reader<'a> {
    source: &'a mut dyn Read,
    file: &'a mut File,
    hasher: Hasher,
    hash: HashKind,
    buffer: Box<[u8]>,
    /// What is consumed but not in the file yet is `buffer[..start]`.
    start: usize,
    end: usize,
    /// Bytes in the file.
    written_bytes: u64,
    pack_bytes_max: u64,
}

impl<'a> Reader<'a> {
    fn new(
        source: &'a mut dyn Read,
        file: &'a mut File,
        hash: HashKind,
        pack_bytes_max: u64,
    ) -> Self {
        Self {
            source,
            file,
            hasher: Hasher::for_checksum(hash),
            hash,
            buffer: vec![0; BUFFER_BYTES].into_boxed_slice(),
            start: 0,
            end: 0,
            written_bytes: 0,
            pack_bytes_max,
        }
    }

    /// Where the next byte lies in the pack.
    fn offset(&self) -> u64 {
        self.written_bytes + self.start as u64
    }

    /// At least `len` bytes, or all that is left of the source.
    fn fill(&mut self, len: usize) -> Result<&[u8], PackError> {
        while self.end - self.start < len {
            if self.buffer.len() - self.start < len || self.start == self.end {
                self.write()?;
            }
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(read) => self.end += read,
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(PackError::Source(cause)),
            }
            if self.written_bytes + self.end as u64 > self.pack_bytes_max {
                return Err(PackError::Limit {
                    what: "bytes of the pack",
                    max: self.pack_bytes_max,
                });
            }
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, len: usize) {
        self.start += len;
    }

    /// Writes what was consumed and moves the rest to the front.
    fn write(&mut self) -> Result<(), PackError> {
        let consumed = &self.buffer[..self.start];
        self.hasher.update(consumed);
        self.file.write_all(consumed).map_err(PackError::Disk)?;
        self.written_bytes += self.start as u64;
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        Ok(())
    }

    /// Checks the trailer and that nothing follows it.
    fn finish(mut self) -> Result<ObjectId, PackError> {
        let len = self.hash.len_bytes();
        self.write()?;
        let trailer = self.fill(len + 1)?.to_vec();
        if trailer.len() < len {
            return Err(PackError::Truncated);
        }
        let computed = self.hasher.finish().map_err(|_| PackError::Checksum)?;
        if trailer[..len] != *computed.as_bytes() {
            return Err(PackError::Checksum);
        }
        if trailer.len() > len {
            return Err(PackError::Malformed {
                offset: self.written_bytes + len as u64,
                what: "bytes follow the trailer",
            });
        }
        self.file.write_all(&trailer).map_err(PackError::Disk)?;
        Ok(computed)
    }
}
