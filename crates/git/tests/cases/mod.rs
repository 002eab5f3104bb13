//! What the fuzz targets of this crate do with bytes; the corpus is replayed through the same function by an ordinary
//! test. Nothing may panic or exceed its limits, and whatever an accepted pack's index lists must be readable.

pub mod conversation;

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use git::database::Database;
use git::hash::Hasher;
use git::id::HashKind;
use git::object::{ObjectKind, list_entries, parse_commit, parse_tag};
use git::pack::{PackLimits, sweep, take_pack};

const LIMITS: PackLimits = PackLimits {
    pack_bytes_max: 1 << 20,
    objects_max: 1_000,
    object_bytes_max: 64 << 10,
    delta_depth_max: 20,
    memory_bytes_max: 1 << 20,
    work_bytes_max: 8 << 20,
};

/// Length of a pack's header.
const HEADER_BYTES: usize = 12;

/// A pack without its trailer, which is put right since no fuzzer would find it. If the first byte is not `P`, a list of
/// entries that are made into a pack: stored kind, a number, a length, and so many bytes to deflate.
pub fn pack(bytes: &[u8]) {
    let mut pack = match bytes.first() {
        None | Some(b'P') => bytes.to_vec(),
        Some(_) => assemble(bytes),
    };
    let mut hasher = Hasher::for_checksum(HashKind::Sha1);
    hasher.update(&pack);
    pack.extend_from_slice(hasher.finish().unwrap().as_bytes());

    let folder = tempfile::tempdir().unwrap();
    match take_pack(&mut &pack[..], folder.path(), HashKind::Sha1, &LIMITS) {
        Ok(taken) => {
            assert_eq!(taken.pack_bytes, pack.len() as u64);
            assert_eq!(sweep(folder.path()).unwrap(), 0);
            read_all(folder.path());
        }
        Err(_) => {
            let left = std::fs::read_dir(folder.path().join("pack")).unwrap();
            assert_eq!(left.count(), 0);
        }
    }
}

fn assemble(mut script: &[u8]) -> Vec<u8> {
    let mut pack = b"PACK\0\0\0\x02\0\0\0\0".to_vec();
    let mut starts = Vec::new();
    while let [kind, number, len, rest @ ..] = script {
        let (content, rest) = rest.split_at(rest.len().min((*len).into()));
        script = rest;
        let start = pack.len();
        let (kind, size) = (kind & 7, content.len() as u8);
        pack.push(kind << 4 | size & 0x0f | 0x80);
        pack.push(size >> 4);
        if kind == 6 {
            let base = starts.get(usize::from(*number)).unwrap_or(&0);
            let distance = start - base;
            pack.push(0x80 | ((distance >> 7).saturating_sub(1) & 0x7f) as u8);
            pack.push((distance & 0x7f) as u8);
        }
        if kind == 7 {
            // The base is the blob of one byte.
            let mut hasher = Hasher::new(HashKind::Sha1);
            hasher.update(&[&b"blob 1\0"[..], &[*number]].concat());
            pack.extend_from_slice(hasher.finish().unwrap().as_bytes());
        }
        let mut encoder = ZlibEncoder::new(&mut pack, Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap();
        starts.push(start);
    }
    pack[8..HEADER_BYTES].copy_from_slice(&(starts.len() as u32).to_be_bytes());
    pack
}

fn read_all(objects_folder: &Path) {
    let database = Database::open(objects_folder, HashKind::Sha1).unwrap();
    for digit in "0123456789abcdef".chars() {
        for id in database.find_prefix(&digit.to_string()).unwrap() {
            let object = database
                .find_verified(&id, LIMITS.object_bytes_max)
                .unwrap()
                .unwrap();
            let header = (object.kind, object.bytes.len() as u64);
            assert_eq!(database.find_header(&id).unwrap(), Some(header));
            let mut written = Vec::new();
            database.read_into(&id, &mut written).unwrap();
            assert_eq!(written, object.bytes);
            database.find_deflated(&id).unwrap();
            match object.kind {
                ObjectKind::Commit => drop(parse_commit(&object.bytes, HashKind::Sha1)),
                ObjectKind::Tag => drop(parse_tag(&object.bytes, HashKind::Sha1)),
                ObjectKind::Tree | ObjectKind::Blob => {
                    list_entries(&object.bytes, HashKind::Sha1).for_each(drop);
                }
            }
        }
    }
}
