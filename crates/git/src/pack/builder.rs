//! Writes packs byte by byte, honest and hostile ones, for tests.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::hash::Hasher;
use crate::id::{HashKind, ObjectId};
use crate::object::{ObjectKind, hash_object};

/// A pack in the making.
pub(crate) struct Builder {
    pub hash: HashKind,
    pub bytes: Vec<u8>,
    pub objects: u32,
}

impl Builder {
    pub(crate) fn new(hash: HashKind) -> Self {
        Self {
            hash,
            bytes: b"PACK\0\0\0\x02\0\0\0\0".to_vec(),
            objects: 0,
        }
    }

    /// Appends raw bytes as one entry and returns where it begins.
    pub(crate) fn raw(&mut self, parts: &[&[u8]]) -> u64 {
        let offset = self.bytes.len() as u64;
        parts
            .iter()
            .for_each(|part| self.bytes.extend_from_slice(part));
        self.objects += 1;
        offset
    }

    pub(crate) fn whole(&mut self, kind: ObjectKind, content: &[u8]) -> u64 {
        let kind = match kind {
            ObjectKind::Commit => 1,
            ObjectKind::Tree => 2,
            ObjectKind::Blob => 3,
            ObjectKind::Tag => 4,
        };
        self.raw(&[&header(kind, content.len() as u64), &deflate(content)])
    }

    pub(crate) fn blob(&mut self, content: &[u8]) -> u64 {
        self.whole(ObjectKind::Blob, content)
    }

    pub(crate) fn offset_delta(&mut self, base: u64, delta: &[u8]) -> u64 {
        let distance = distance(self.bytes.len() as u64 - base);
        self.raw(&[&header(6, delta.len() as u64), &distance, &deflate(delta)])
    }

    pub(crate) fn ref_delta(&mut self, base: &ObjectId, delta: &[u8]) -> u64 {
        self.raw(&[
            &header(7, delta.len() as u64),
            base.as_bytes(),
            &deflate(delta),
        ])
    }

    /// The pack, with an honest count and trailer.
    pub(crate) fn finish(self) -> Vec<u8> {
        let objects = self.objects;
        self.finish_claiming(objects)
    }

    pub(crate) fn finish_claiming(mut self, objects: u32) -> Vec<u8> {
        self.bytes[8..12].copy_from_slice(&objects.to_be_bytes());
        let mut hasher = Hasher::new(self.hash);
        hasher.update(&self.bytes);
        self.bytes
            .extend_from_slice(hasher.finish().unwrap().as_bytes());
        self.bytes
    }
}

pub(crate) fn blob_id(content: &[u8], hash: HashKind) -> ObjectId {
    hash_object(ObjectKind::Blob, content, hash).unwrap()
}

pub(crate) fn header(kind: u8, size: u64) -> Vec<u8> {
    let mut bytes = vec![kind << 4 | (size & 0x0f) as u8];
    let mut rest = size >> 4;
    while rest > 0 {
        *bytes.last_mut().unwrap() |= 0x80;
        bytes.push((rest & 0x7f) as u8);
        rest >>= 7;
    }
    bytes
}

pub(crate) fn distance(distance: u64) -> Vec<u8> {
    let mut bytes = vec![(distance & 0x7f) as u8];
    let mut rest = distance >> 7;
    while rest > 0 {
        rest -= 1;
        bytes.insert(0, 0x80 | (rest & 0x7f) as u8);
        rest >>= 7;
    }
    bytes
}

pub(crate) fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// One instruction of a delta.
pub(crate) enum Piece<'a> {
    Copy(u32, u32),
    New(&'a [u8]),
}

/// A delta with honest sizes.
pub(crate) fn delta(base_bytes: usize, pieces: &[Piece<'_>]) -> Vec<u8> {
    let result = pieces.iter().map(|piece| match piece {
        Piece::Copy(_, len) => u64::from(*len),
        Piece::New(bytes) => bytes.len() as u64,
    });
    delta_claiming(base_bytes as u64, result.sum(), pieces)
}

pub(crate) fn delta_claiming(base_bytes: u64, result_bytes: u64, pieces: &[Piece<'_>]) -> Vec<u8> {
    let mut delta = size(base_bytes);
    delta.extend(size(result_bytes));
    for piece in pieces {
        match piece {
            Piece::Copy(offset, len) => {
                delta.push(0xff);
                delta.extend_from_slice(&offset.to_le_bytes());
                delta.extend_from_slice(&len.to_le_bytes()[..3]);
            }
            Piece::New(bytes) => {
                delta.push(bytes.len() as u8);
                delta.extend_from_slice(bytes);
            }
        }
    }
    delta
}

pub(crate) fn size(size: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = size;
    loop {
        let byte = (rest & 0x7f) as u8;
        rest >>= 7;
        bytes.push(if rest > 0 { byte | 0x80 } else { byte });
        if rest == 0 {
            return bytes;
        }
    }
}
