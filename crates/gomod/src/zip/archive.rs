//! The table of a zip archive: its end record, its central directory and where every entry lies.
//!
//! Local headers and contents are read elsewhere (`content`). The end record is looked for the way Go's `archive/zip`
//! does, but everything that Go overlooks for the sake of odd old writers is refused: bytes before or after the
//! archive, a directory that is not where its end says, counts that are wrong by multiples of 65,536.
//!
//! Source: PKWARE APPNOTE.TXT 6.3.10, 4.3.12 to 4.3.16 and 4.5.3.

use super::source::Source;
use super::{ArchiveFault, EntryFault, Limits, Measure, ZipError};

const END_SIGNATURE: u32 = 0x0605_4b50;
const END_BYTES: usize = 22;
const END64_SIGNATURE: u32 = 0x0606_4b50;
const END64_BYTES: usize = 56;
const LOCATOR_SIGNATURE: u32 = 0x0706_4b50;
const LOCATOR_BYTES: usize = 20;
const RECORD_SIGNATURE: u32 = 0x0201_4b50;
const RECORD_BYTES: usize = 46;
const ZIP64_EXTRA: u16 = 1;
/// Longest comment that an end record can announce.
const COMMENT_BYTES_MAX: usize = 0xffff;

/// Flag bits that mean encryption: of the data (0, 6), of the directory (13).
const ENCRYPTED_FLAGS: u16 = 1 | 1 << 6 | 1 << 13;
/// Flag bit: the data is a patch to some other archive.
const PATCH_FLAG: u16 = 1 << 5;

/// High bytes of the field `version made by` that mean a Unix mode in the attributes (APPNOTE 4.4.2.2).
const MADE_ON_UNIX: u8 = 3;
const MADE_ON_MACOS: u8 = 19;

/// Entries without a compression.
pub const STORED: u16 = 0;
/// Entries compressed with deflate.
pub const DEFLATED: u16 = 8;

/// The entries of an archive, none of which overlaps or shares its name with another one.
pub struct Archive {
    directory: Vec<u8>,
    /// In the order of their data.
    entries: Vec<Entry>,
    /// Indexes of `entries`, sorted by name.
    by_name: Vec<u32>,
}

/// One record of the central directory. Sizes are as declared; nothing has been compared with the data yet.
pub struct Entry {
    name_at: u32,
    name_bytes: u16,
    pub flags: u16,
    pub method: u16,
    /// Kind and permissions where a Unix program wrote the archive, else 0.
    pub unix_mode: u32,
    pub crc: u32,
    pub compressed_bytes: u64,
    pub size_bytes: u64,
    /// Where the local header begins.
    pub offset: u64,
    /// Where the next entry or the directory begins: what belongs to this entry must end there at the latest.
    pub end: u64,
}

impl Archive {
    /// Reads the table of an archive.
    ///
    /// # Errors
    /// [`ZipError::BadArchive`], [`ZipError::BadEntry`] for a duplicate name, an overlap, encryption or an unknown
    /// method, [`ZipError::TooLarge`] over the limits for zip, entries and directory; [`ZipError::Read`].
    pub fn open(source: &mut dyn Source, limits: &Limits) -> Result<Self, ZipError> {
        if source.size_bytes() > limits.zip_bytes {
            return Err(ZipError::TooLarge {
                what: Measure::Zip,
                limit: limits.zip_bytes,
            });
        }
        let end = find_end(source)?;
        if end.entries > limits.entries {
            return Err(ZipError::TooLarge {
                what: Measure::Entries,
                limit: limits.entries,
            });
        }
        if end.directory_bytes > limits.directory_bytes.min(u64::from(u32::MAX)) {
            return Err(ZipError::TooLarge {
                what: Measure::Directory,
                limit: limits.directory_bytes,
            });
        }
        // Else a small file could make us reserve room for many entries.
        if end.entries.saturating_mul(RECORD_BYTES as u64) > end.directory_bytes {
            return Err(ArchiveFault::WrongCount.into());
        }
        let directory = source
            .view(end.directory_offset, end.directory_bytes as usize)?
            .to_vec();
        let entries = list_entries(&directory, &end)?;
        let mut archive = Self {
            directory,
            entries,
            by_name: Vec::new(),
        };
        archive.sort_by_offset(end.directory_offset)?;
        archive.sort_by_name()?;
        Ok(archive)
    }

    /// The entries in the order of their data.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The name of an entry as stored: any bytes.
    pub fn name(&self, entry: &Entry) -> &[u8] {
        let at = entry.name_at as usize;
        &self.directory[at..at + usize::from(entry.name_bytes)]
    }

    /// Indexes of [`Archive::entries`] in the order of names, bytewise.
    pub fn by_name(&self) -> impl Iterator<Item = usize> {
        self.by_name.iter().map(|&index| index as usize)
    }

    fn sort_by_offset(&mut self, directory_offset: u64) -> Result<(), ZipError> {
        self.entries.sort_by_key(|entry| entry.offset);
        for index in 0..self.entries.len() {
            let end = self
                .entries
                .get(index + 1)
                .map_or(directory_offset, |next| next.offset);
            let entry = &mut self.entries[index];
            entry.end = end;
            // The sum cannot overflow: both are below the size of the file, or the entry is refused right here.
            if entry.offset >= end || entry.compressed_bytes > end - entry.offset {
                return Err(ZipError::entry(
                    self.name(&self.entries[index]),
                    EntryFault::Overlap,
                ));
            }
        }
        Ok(())
    }

    fn sort_by_name(&mut self) -> Result<(), ZipError> {
        let mut by_name: Vec<u32> = (0..self.entries.len() as u32).collect();
        // A stable sort is fast on what is nearly sorted, as archives of trees are.
        by_name.sort_by(|&a, &b| self.name_at(a).cmp(self.name_at(b)));
        for pair in by_name.windows(2) {
            if self.name_at(pair[0]) == self.name_at(pair[1]) {
                return Err(ZipError::entry(
                    self.name_at(pair[0]),
                    EntryFault::Duplicate,
                ));
            }
        }
        self.by_name = by_name;
        Ok(())
    }

    fn name_at(&self, index: u32) -> &[u8] {
        self.name(&self.entries[index as usize])
    }
}

/// What the end records say.
struct End {
    entries: u64,
    directory_offset: u64,
    directory_bytes: u64,
}

/// Finds the end record and checks that the directory ends where the record (or its zip64 twin) begins.
fn find_end(source: &mut dyn Source) -> Result<End, ZipError> {
    let size_bytes = source.size_bytes();
    let tail_bytes = size_bytes.min((END_BYTES + COMMENT_BYTES_MAX) as u64) as usize;
    let tail_offset = size_bytes - tail_bytes as u64;
    let tail = source.view(tail_offset, tail_bytes)?;
    let at = find_end_in(tail)?;
    let record = &tail[at..];
    let end_offset = tail_offset + at as u64;
    let (disk, directory_disk) = (u16_at(record, 4), u16_at(record, 6));
    let (entries_here, entries) = (u16_at(record, 8), u16_at(record, 10));
    let (directory_bytes, directory_offset) = (u32_at(record, 12), u32_at(record, 16));
    let short = End {
        entries: u64::from(entries),
        directory_offset: u64::from(directory_offset),
        directory_bytes: u64::from(directory_bytes),
    };
    let (end, directory_end) = match find_end64(source, end_offset)? {
        Some((long, long_offset)) => {
            // Every value of the short record is either a stand-in or the truth.
            let agree = |short: u64, stand_in: u64, long: u64| short == stand_in || short == long;
            if !agree(short.entries, 0xffff, long.entries)
                || !agree(short.directory_bytes, 0xffff_ffff, long.directory_bytes)
                || !agree(short.directory_offset, 0xffff_ffff, long.directory_offset)
            {
                return Err(ArchiveFault::BadZip64.into());
            }
            (long, long_offset)
        }
        None => (short, end_offset),
    };
    let one_disk = |disk: u16| disk == 0 || disk == 0xffff;
    if !one_disk(disk) || !one_disk(directory_disk) || entries_here != entries {
        return Err(ArchiveFault::SeveralDisks.into());
    }
    if end.directory_offset.checked_add(end.directory_bytes) != Some(directory_end) {
        return Err(ArchiveFault::DirectoryElsewhere.into());
    }
    Ok(end)
}

/// Finds the one end record in the last bytes of an archive.
///
/// Readers differ in which record they take when a comment holds another one; such archives are refused, as are those
/// with bytes behind the comment.
fn find_end_in(tail: &[u8]) -> Result<usize, ZipError> {
    let mut found = None;
    for at in (0..(tail.len() + 1).saturating_sub(END_BYTES)).rev() {
        if tail[at] != b'P' || u32_at(tail, at) != END_SIGNATURE {
            continue;
        }
        let reaches_end = at + END_BYTES + usize::from(u16_at(tail, at + 20)) == tail.len();
        match found {
            None if !reaches_end => return Err(ArchiveFault::NoEnd.into()),
            None => found = Some(at),
            Some(_) if reaches_end => return Err(ArchiveFault::TwoEnds.into()),
            Some(_) => {}
        }
    }
    found.ok_or(ArchiveFault::NoEnd.into())
}

/// Reads the zip64 end record, which exists if its locator stands right before the end record. Gives its offset too.
fn find_end64(source: &mut dyn Source, end_offset: u64) -> Result<Option<(End, u64)>, ZipError> {
    let Some(locator_offset) = end_offset.checked_sub(LOCATOR_BYTES as u64) else {
        return Ok(None);
    };
    let locator = source.view(locator_offset, LOCATOR_BYTES)?;
    if u32_at(locator, 0) != LOCATOR_SIGNATURE {
        return Ok(None);
    }
    let (disk, offset, disks) = (u32_at(locator, 4), u64_at(locator, 8), u32_at(locator, 16));
    if disk != 0 || disks != 1 {
        return Err(ArchiveFault::SeveralDisks.into());
    }
    // Right before the locator: a record with extensible data, which nobody writes, would leave a gap.
    if offset.checked_add(END64_BYTES as u64) != Some(locator_offset) {
        return Err(ArchiveFault::BadZip64.into());
    }
    let record = source.view(offset, END64_BYTES)?;
    if u32_at(record, 0) != END64_SIGNATURE || u64_at(record, 4) != END64_BYTES as u64 - 12 {
        return Err(ArchiveFault::BadZip64.into());
    }
    let (entries_here, entries) = (u64_at(record, 24), u64_at(record, 32));
    if u32_at(record, 16) != 0 || u32_at(record, 20) != 0 || entries_here != entries {
        return Err(ArchiveFault::SeveralDisks.into());
    }
    let end = End {
        entries,
        directory_bytes: u64_at(record, 40),
        directory_offset: u64_at(record, 48),
    };
    Ok(Some((end, offset)))
}

/// Reads all records; they must fill the directory exactly.
fn list_entries(directory: &[u8], end: &End) -> Result<Vec<Entry>, ZipError> {
    let mut entries = Vec::with_capacity(end.entries as usize);
    let mut at = 0;
    while at < directory.len() {
        let record = directory[at..]
            .get(..RECORD_BYTES)
            .ok_or(ArchiveFault::BadDirectory)?;
        if u32_at(record, 0) != RECORD_SIGNATURE {
            return Err(ArchiveFault::BadDirectory.into());
        }
        if entries.len() as u64 == end.entries {
            return Err(ArchiveFault::WrongCount.into());
        }
        let name_bytes = u16_at(record, 28);
        let name_at = at + RECORD_BYTES;
        let extra_at = name_at + usize::from(name_bytes);
        let comment_at = extra_at + usize::from(u16_at(record, 30));
        let next = comment_at + usize::from(u16_at(record, 32));
        if next > directory.len() {
            return Err(ArchiveFault::BadDirectory.into());
        }
        let refuse = |fault| ZipError::entry(&directory[name_at..extra_at], fault);
        let mut entry = Entry {
            name_at: name_at as u32,
            name_bytes,
            flags: u16_at(record, 8),
            method: u16_at(record, 10),
            unix_mode: match record[5] {
                MADE_ON_UNIX | MADE_ON_MACOS => u32_at(record, 38) >> 16,
                _ => 0,
            },
            crc: u32_at(record, 16),
            compressed_bytes: u64::from(u32_at(record, 20)),
            size_bytes: u64::from(u32_at(record, 24)),
            offset: u64::from(u32_at(record, 42)),
            end: 0,
        };
        if !matches!(u16_at(record, 34), 0 | 0xffff) {
            return Err(ArchiveFault::SeveralDisks.into());
        }
        check_kind(entry.flags, entry.method).map_err(refuse)?;
        let mut fields = [
            &mut entry.size_bytes,
            &mut entry.compressed_bytes,
            &mut entry.offset,
        ];
        read_zip64(&directory[extra_at..comment_at], &mut fields).map_err(refuse)?;
        entries.push(entry);
        at = next;
    }
    if entries.len() as u64 != end.entries {
        return Err(ArchiveFault::WrongCount.into());
    }
    Ok(entries)
}

/// Refuses entries that need more than inflating to be read.
pub fn check_kind(flags: u16, method: u16) -> Result<(), EntryFault> {
    if flags & ENCRYPTED_FLAGS != 0 {
        return Err(EntryFault::Encrypted);
    }
    if flags & PATCH_FLAG != 0 {
        return Err(EntryFault::Patch);
    }
    if !matches!(method, STORED | DEFLATED) {
        return Err(EntryFault::Method(method));
    }
    Ok(())
}

/// Replaces those of `fields` that hold the stand-in `0xffffffff` by their values from the zip64 extra field, where
/// they stand in the given order. A stand-in without such a field is refused: no module file is that large.
pub fn read_zip64(extra: &[u8], fields: &mut [&mut u64]) -> Result<(), EntryFault> {
    const STAND_IN: u64 = 0xffff_ffff;
    if fields.iter().all(|field| **field != STAND_IN) {
        return Ok(());
    }
    let mut rest = extra;
    let mut values = loop {
        if rest.len() < 4 {
            return Err(EntryFault::BadZip64);
        }
        let (kind, length) = (u16_at(rest, 0), usize::from(u16_at(rest, 2)));
        let body = rest[4..].get(..length).ok_or(EntryFault::BadZip64)?;
        if kind == ZIP64_EXTRA {
            break body;
        }
        rest = &rest[4 + length..];
    };
    for field in fields.iter_mut().filter(|field| ***field == STAND_IN) {
        let (value, others) = values.split_first_chunk().ok_or(EntryFault::BadZip64)?;
        **field = u64::from_le_bytes(*value);
        values = others;
    }
    Ok(())
}

/// Little-endian number at `at`; callers have checked that it lies inside.
pub fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// Little-endian number at `at`; callers have checked that it lies inside.
pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Little-endian number at `at`; callers have checked that it lies inside.
pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
