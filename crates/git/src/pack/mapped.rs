//! A pack as it is read: index and pack mapped. Every access is checked, so that a damaged pack gives errors only.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::delta;
use super::entry::{self, Header, Stored};
use super::index::Index;
use super::inflate::inflate_start;
use super::map::map;
use crate::id::{HashKind, ObjectId};

/// The two sizes at the start of a delta, of ten bytes at most each.
const DELTA_SIZES_BYTES: usize = 20;

/// Of a zlib stream: two bytes before the deflated ones and four behind.
const ZLIB_HEADER_BYTES: usize = 2;
const ZLIB_TRAILER_BYTES: usize = 4;

/// Why a pack cannot be opened or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MappedError {
    #[error("cannot be read")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Corrupt(&'static str),
}

impl From<&'static str> for MappedError {
    fn from(what: &'static str) -> Self {
        Self::Corrupt(what)
    }
}

/// A pack that is open for reading.
pub(crate) struct MappedPack {
    number: u64,
    index: Index,
    pack: Bytes,
    hash: HashKind,
    /// Where entries begin, in order; made when first needed.
    starts: OnceLock<Vec<u64>>,
}

impl MappedPack {
    /// Opens the pack beside an index.
    pub(crate) fn open(index_path: &Path, hash: HashKind) -> Result<Self, MappedError> {
        let index = Index::parse(map(&File::open(index_path)?)?, hash)?;
        let pack = map(&File::open(index_path.with_extension("pack"))?)?;
        let frame = 12 + hash.len_bytes();
        if pack.len() < frame || !pack.starts_with(b"PACK\0\0\0\x02") {
            return Err("it is no pack of version 2".into());
        }
        if pack[8..12] != index.objects().to_be_bytes() {
            return Err("its index lists another number of objects".into());
        }
        if pack[pack.len() - hash.len_bytes()..] != *index.pack_checksum() {
            return Err("its index is that of another pack".into());
        }
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Ok(Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            index,
            pack,
            hash,
            starts: OnceLock::new(),
        })
    }

    /// A number that no other pack of this process has.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Where an object begins.
    pub(crate) fn find(&self, id: &ObjectId) -> Result<Option<u64>, &'static str> {
        let Some(at) = self.index.find(id) else {
            return Ok(None);
        };
        let offset = self.index.offset_at(at);
        offset.map(Some).ok_or("its index is cut off")
    }

    /// The ids whose hexadecimal form begins with `prefix`, each once, at most `max`.
    pub(crate) fn list_prefix(&self, prefix: &Prefix, max: usize, found: &mut Vec<ObjectId>) {
        let mut at = self.index.first_from(prefix.bytes());
        while let Some(id) = self.index.id_at(at).filter(|id| prefix.matches(id)) {
            if found.len() >= max {
                return;
            }
            found.extend(ObjectId::from_bytes(id).filter(|id| !found.contains(id)));
            at += 1;
        }
    }

    /// The header at a place, and the zlib stream behind it with whatever follows that.
    pub(crate) fn entry_at(&self, offset: u64) -> Result<(Header, &[u8]), &'static str> {
        let end = self.pack.len() - self.hash.len_bytes();
        let bytes = self.pack[..end].get(offset as usize..).unwrap_or_default();
        let header = entry::parse(bytes, self.hash)?;
        Ok((header, &bytes[header.len..]))
    }

    /// Where the base of a delta begins that itself begins at `offset`.
    pub(crate) fn base_of(&self, offset: u64, stored: Stored) -> Result<Option<u64>, &'static str> {
        const NOWHERE: &str = "the base of a delta is not in its pack";
        match stored {
            Stored::Whole(_) => Ok(None),
            Stored::OffsetDelta { distance } => {
                offset.checked_sub(distance).map(Some).ok_or(NOWHERE)
            }
            Stored::RefDelta { base } => self.find(&base)?.map(Some).ok_or(NOWHERE),
        }
    }

    /// The size of what the delta at the start of `deflated` makes.
    pub(crate) fn result_bytes(deflated: &[u8]) -> Result<u64, &'static str> {
        let mut sizes = [0; DELTA_SIZES_BYTES];
        let len = inflate_start(deflated, &mut sizes)?;
        Ok(delta::parse(&sizes[..len])?.result_bytes)
    }

    /// The raw deflate stream of an object that is stored whole, without the zlib wrapper. Its end is told by where the
    /// next entry begins; the list of these is made at the first call, in a fraction of a second for a million objects.
    pub(crate) fn deflated_at(&self, offset: u64, header: &Header) -> Result<Bytes, &'static str> {
        let starts = self.starts.get_or_init(|| {
            let offsets = (0..self.index.objects()).filter_map(|at| self.index.offset_at(at));
            let mut starts: Vec<u64> = offsets.collect();
            starts.sort_unstable();
            starts
        });
        let next = starts.partition_point(|&start| start <= offset);
        let pack_end = self.pack.len() - self.hash.len_bytes();
        let end = starts
            .get(next)
            .map_or(pack_end, |&next| (next as usize).min(pack_end));
        let start = offset as usize + header.len;
        let zlib = self.pack.get(start..end).unwrap_or_default();
        let [method, flags, ..] = *zlib else {
            return Err("an object is cut off");
        };
        let is_deflate =
            method & 0x0f == 8 && (u16::from(method) << 8 | u16::from(flags)) % 31 == 0;
        if !is_deflate || flags & 0x20 != 0 || zlib.len() < ZLIB_HEADER_BYTES + ZLIB_TRAILER_BYTES {
            return Err("an object cannot be inflated");
        }
        Ok(self
            .pack
            .slice(start + ZLIB_HEADER_BYTES..end - ZLIB_TRAILER_BYTES))
    }
}

/// The first digits of ids.
pub(crate) struct Prefix {
    /// The digits, an odd last one followed by 0.
    bytes: Vec<u8>,
    is_odd: bool,
}

impl Prefix {
    /// Reads lower-case hexadecimal digits, at least one and at most an id's.
    pub(crate) fn parse(hex: &str, hash: HashKind) -> Option<Self> {
        let is_prefix = hex
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !is_prefix || hex.is_empty() || hex.len() > hash.len_hex() {
            return None;
        }
        let digit = |byte: u8| {
            if byte <= b'9' {
                byte - b'0'
            } else {
                byte - b'a' + 10
            }
        };
        let pairs = hex.as_bytes().chunks(2);
        Some(Self {
            bytes: pairs
                .map(|pair| digit(pair[0]) << 4 | pair.get(1).map_or(0, |&low| digit(low)))
                .collect(),
            is_odd: hex.len() % 2 == 1,
        })
    }

    /// The least bytes that begin so.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether an id begins so.
    pub(crate) fn matches(&self, id: &[u8]) -> bool {
        let Some((last, whole)) = self.bytes.split_last() else {
            return true;
        };
        let mask = if self.is_odd { 0xf0 } else { 0xff };
        id.starts_with(whole) && id.get(whole.len()).is_some_and(|byte| byte & mask == *last)
    }
}
