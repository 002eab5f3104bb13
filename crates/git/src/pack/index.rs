//! A pack's index, version 2: from ids to places in the pack.

use std::io::{self, Write};

use bytes::Bytes;

use super::entries::{Entries, Names};
use crate::hash::Hasher;
use crate::id::{HashKind, ObjectId};

const MAGIC_AND_VERSION: [u8; 8] = *b"\xfftOc\x00\x00\x00\x02";

/// Where the ids begin: behind magic, version and the 256 running totals by first byte.
const IDS_START: u64 = 8 + 256 * 4;

/// Offsets from here on stand in a second table of 8 bytes each.
const LONG_OFFSET: u64 = 1 << 31;

/// Writes the index of a pack whose objects are all named.
///
/// An object that is stored twice is listed twice, first where fewer deltas lead to it: whoever takes the first one for
/// the base of a delta comes nearer to a whole object with every step.
pub(super) fn write_index(
    entries: &Entries,
    names: &Names,
    checksum: &ObjectId,
    file: &mut dyn Write,
) -> io::Result<()> {
    let mut order: Vec<u32> = (0..entries.list.len() as u32).collect();
    order.sort_unstable_by(|&one, &other| {
        let ids = names.bytes_of(one).cmp(names.bytes_of(other));
        ids.then_with(|| names.depths[one as usize].cmp(&names.depths[other as usize]))
            .then(one.cmp(&other))
    });
    let mut out = Summed {
        hasher: Hasher::for_checksum(entries.hash),
        out: io::BufWriter::with_capacity(64 << 10, file),
    };
    out.put(&MAGIC_AND_VERSION)?;
    let mut total = 0;
    for first in 0..=u8::MAX {
        total += order[total..].partition_point(|&entry| names.bytes_of(entry)[0] <= first);
        out.put(&(total as u32).to_be_bytes())?;
    }
    for &entry in &order {
        out.put(names.bytes_of(entry))?;
    }
    for &entry in &order {
        out.put(&entries.list[entry as usize].crc32.to_be_bytes())?;
    }
    let mut long_offsets = 0_u32;
    for &entry in &order {
        let offset = entries.list[entry as usize].offset;
        let short = if offset < LONG_OFFSET {
            offset as u32
        } else {
            long_offsets += 1;
            LONG_OFFSET as u32 | (long_offsets - 1)
        };
        out.put(&short.to_be_bytes())?;
    }
    for &entry in &order {
        let offset = entries.list[entry as usize].offset;
        if offset >= LONG_OFFSET {
            out.put(&offset.to_be_bytes())?;
        }
    }
    out.put(checksum.as_bytes())?;
    let Summed { hasher, mut out } = out;
    let sum = hasher.finish().map_err(io::Error::other)?;
    out.write_all(sum.as_bytes())?;
    out.flush()
}

struct Summed<'a> {
    hasher: Hasher,
    out: io::BufWriter<&'a mut dyn Write>,
}

impl Summed<'_> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.out.write_all(bytes)
    }
}

/// An index as it is read. All accesses are checked: a local repository's index is not to be trusted.
pub(super) struct Index {
    bytes: Bytes,
    hash: HashKind,
    objects: u32,
}

/// Why an index cannot be read.
pub(super) type Fault = &'static str;

impl Index {
    /// Takes an index after a look at its frame: magic, totals, length. Cost: constant.
    pub(super) fn parse(bytes: Bytes, hash: HashKind) -> Result<Self, Fault> {
        if !bytes.starts_with(&MAGIC_AND_VERSION) || (bytes.len() as u64) < IDS_START {
            return Err("it is no index of version 2");
        }
        let mut index = Self {
            bytes,
            hash,
            objects: 0,
        };
        let mut before = 0;
        for first in 0..=u8::MAX {
            let total = index.total(first);
            if total < before {
                return Err("its totals are not in order");
            }
            before = total;
        }
        index.objects = before;
        let (len, objects) = (hash.len_bytes() as u64, u64::from(before));
        let least = IDS_START + objects * (len + 8) + 2 * len;
        let long_offsets = (index.bytes.len() as u64).checked_sub(least);
        if long_offsets.is_none_or(|bytes| bytes % 8 != 0 || bytes / 8 > objects) {
            return Err("it has a length that does not fit its totals");
        }
        Ok(index)
    }

    /// How many objects it lists.
    pub(super) fn objects(&self) -> u32 {
        self.objects
    }

    /// The checksum of the pack that it belongs to.
    pub(super) fn pack_checksum(&self) -> &[u8] {
        let len = self.hash.len_bytes();
        let start = self.bytes.len().saturating_sub(2 * len);
        self.bytes.get(start..start + len).unwrap_or_default()
    }

    /// The id listed at a place.
    pub(super) fn id_at(&self, at: u32) -> Option<&[u8]> {
        let len = self.hash.len_bytes();
        let start = IDS_START as usize + at as usize * len;
        (at < self.objects).then(|| self.bytes.get(start..start + len))?
    }

    /// Where in the pack the object at a place begins.
    pub(super) fn offset_at(&self, at: u32) -> Option<u64> {
        if at >= self.objects {
            return None;
        }
        let (len, objects) = (self.hash.len_bytes() as u64, u64::from(self.objects));
        let offsets = IDS_START + objects * (len + 4);
        let short = self.number_at(offsets + u64::from(at) * 4, 4)?;
        if short < LONG_OFFSET {
            return Some(short);
        }
        let long_start = offsets + objects * 4 + (short - LONG_OFFSET) * 8;
        let long_end = self.bytes.len() as u64 - 2 * len;
        (long_start + 8 <= long_end).then(|| self.number_at(long_start, 8))?
    }

    /// The first place of an id.
    pub(super) fn find(&self, id: &ObjectId) -> Option<u32> {
        let at = self.first_from(id.as_bytes());
        (self.id_at(at)? == id.as_bytes()).then_some(at)
    }

    /// The first place whose id is not below `bound`, which has at least one byte and may be shorter than an id.
    pub(super) fn first_from(&self, bound: &[u8]) -> u32 {
        let Some(&first) = bound.first() else {
            return 0;
        };
        let mut low = if first == 0 { 0 } else { self.total(first - 1) };
        let mut high = self.total(first);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.id_at(middle).is_some_and(|id| id < bound) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// How many ids begin with a byte up to this one.
    fn total(&self, first: u8) -> u32 {
        self.number_at(8 + u64::from(first) * 4, 4).unwrap_or(0) as u32
    }

    fn number_at(&self, start: u64, len: usize) -> Option<u64> {
        let start = start as usize;
        let bytes = self.bytes.get(start..start + len)?;
        Some(
            bytes
                .iter()
                .fold(0, |number, byte| number << 8 | u64::from(*byte)),
        )
    }
}
