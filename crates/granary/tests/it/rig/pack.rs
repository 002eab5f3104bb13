//! Packs written object by object, honest and hostile ones: nothing checks what is put in.

use git::hash::Hasher;
use git::id::{HashKind, ObjectId};
use git::object::{ObjectKind, hash_object};
use gomod::zip::{Deflated, Preparer};

/// The `mode` of a tree's entries.
pub const FILE: &str = "100644";
pub const LINK: &str = "120000";
pub const FOLDER: &str = "40000";
pub const SUBMODULE: &str = "160000";

/// Numbers of kinds in entries.
const OFFSET_DELTA: u8 = 6;
const REF_DELTA: u8 = 7;

/// A pack in the making.
pub struct Pack {
    bytes: Vec<u8>,
    objects: u32,
    preparer: Preparer,
}

impl Pack {
    pub fn new() -> Self {
        Self {
            bytes: b"PACK\0\0\0\x02\0\0\0\0".to_vec(),
            objects: 0,
            preparer: Preparer::new(),
        }
    }

    pub fn blob(&mut self, content: &[u8]) -> ObjectId {
        self.object(ObjectKind::Blob, content)
    }

    /// A directory, its entries in the order given.
    pub fn tree(&mut self, entries: &[(&str, &[u8], ObjectId)]) -> ObjectId {
        let mut content = Vec::new();
        for (mode, name, id) in entries {
            content.extend_from_slice(mode.as_bytes());
            content.push(b' ');
            content.extend_from_slice(name);
            content.push(0);
            content.extend_from_slice(id.as_bytes());
        }
        self.object(ObjectKind::Tree, &content)
    }

    pub fn commit(&mut self, tree: ObjectId, parents: &[ObjectId]) -> ObjectId {
        let parents: String = parents.iter().map(|id| format!("parent {id}\n")).collect();
        let who = "it <it@example.com> 1600000000 +0000";
        let text = format!("tree {tree}\n{parents}author {who}\ncommitter {who}\n\nc\n");
        self.object(ObjectKind::Commit, text.as_bytes())
    }

    /// A commit of one directory.
    pub fn commit_of(&mut self, entries: &[(&str, &[u8], ObjectId)]) -> ObjectId {
        let tree = self.tree(entries);
        self.commit(tree, &[])
    }

    pub fn tag(&mut self, target: ObjectId, kind: &str) -> ObjectId {
        let text = format!("object {target}\ntype {kind}\ntag t\ntagger it <i@t> 1 +0000\n\nt\n");
        self.object(ObjectKind::Tag, text.as_bytes())
    }

    /// Where the next entry begins.
    pub fn offset(&self) -> usize {
        self.bytes.len()
    }

    pub fn object(&mut self, kind: ObjectKind, content: &[u8]) -> ObjectId {
        let number = match kind {
            ObjectKind::Commit => 1,
            ObjectKind::Tree => 2,
            ObjectKind::Blob => 3,
            ObjectKind::Tag => 4,
        };
        self.entry(number, content.len(), &[], content);
        hash_object(kind, content, HashKind::Sha1).unwrap()
    }

    /// An entry that is a delta of the one that begins at `base`.
    pub fn delta(&mut self, base: usize, delta: &[u8]) {
        let distance = self.offset() - base;
        let mut digits = vec![(distance & 0x7f) as u8];
        let mut left = distance >> 7;
        while left > 0 {
            left -= 1;
            digits.insert(0, (left & 0x7f) as u8 | 0x80);
            left >>= 7;
        }
        self.entry(OFFSET_DELTA, delta.len(), &digits, delta);
    }

    /// An entry that is a delta of an object.
    pub fn delta_of(&mut self, base: ObjectId, delta: &[u8]) {
        self.entry(REF_DELTA, delta.len(), base.as_bytes(), delta);
    }

    /// An entry whose header says `size_bytes`, whatever its content is.
    pub fn entry(&mut self, kind: u8, size_bytes: usize, more: &[u8], content: &[u8]) {
        let mut byte = kind << 4 | (size_bytes & 0x0f) as u8;
        let mut left = size_bytes >> 4;
        while left > 0 {
            self.bytes.push(byte | 0x80);
            byte = (left & 0x7f) as u8;
            left >>= 7;
        }
        self.bytes.push(byte);
        self.bytes.extend_from_slice(more);
        let stream = self.deflated(content);
        self.bytes.extend_from_slice(&stream);
        self.objects += 1;
    }

    /// The pack with its number of objects and its checksum.
    pub fn finish(self) -> Vec<u8> {
        let objects = self.objects;
        self.finish_as(objects)
    }

    /// The pack with a number of objects of its own.
    pub fn finish_as(mut self, objects: u32) -> Vec<u8> {
        self.bytes[8..12].copy_from_slice(&objects.to_be_bytes());
        let mut hasher = Hasher::for_checksum(HashKind::Sha1);
        hasher.update(&self.bytes);
        let checksum = hasher.finish().unwrap();
        self.bytes.extend_from_slice(checksum.as_bytes());
        self.bytes
    }

    /// A zlib stream around what the preparer of zips makes.
    fn deflated(&mut self, content: &[u8]) -> Vec<u8> {
        let mut stream = vec![0x78, 0x9c];
        match self.preparer.prepare(content).deflated {
            Deflated::Stream(deflated) => stream.extend_from_slice(&deflated),
            Deflated::Stored(content) => store(&content, &mut stream),
        }
        stream.extend_from_slice(&adler32(content).to_be_bytes());
        stream
    }
}

/// Stored blocks of a deflate stream.
fn store(content: &[u8], stream: &mut Vec<u8>) {
    let mut blocks = content.chunks(0xffff).peekable();
    if blocks.peek().is_none() {
        stream.extend_from_slice(&[1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        let len = block.len() as u16;
        stream.push(u8::from(blocks.peek().is_none()));
        stream.extend_from_slice(&len.to_le_bytes());
        stream.extend_from_slice(&(!len).to_le_bytes());
        stream.extend_from_slice(block);
    }
}

fn adler32(content: &[u8]) -> u32 {
    let (mut a, mut b) = (1_u32, 0_u32);
    for piece in content.chunks(5000) {
        for &byte in piece {
            a += u32::from(byte);
            b += a;
        }
        a %= 65_521;
        b %= 65_521;
    }
    b << 16 | a
}

/// A delta that copies `copied_bytes` from the start of its base, `times` over.
pub fn delta_that_copies(base_bytes: usize, copied_bytes: usize, times: usize) -> Vec<u8> {
    assert!(copied_bytes < 1 << 24);
    let mut delta = Vec::new();
    for mut size in [base_bytes, copied_bytes * times] {
        while size > 0x7f {
            delta.push(size as u8 | 0x80);
            size >>= 7;
        }
        delta.push(size as u8);
    }
    for _ in 0..times {
        delta.push(0x80 | 0x70);
        delta.extend_from_slice(&copied_bytes.to_le_bytes()[..3]);
    }
    delta
}
