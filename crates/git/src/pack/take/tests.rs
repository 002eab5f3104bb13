//! Honest packs are taken, hostile ones refused, within limits.

use std::fs;

use super::super::builder::Piece::{Copy, New};
use super::super::builder::{
    Builder, blob_id, deflate, delta, delta_claiming, distance, header, size,
};
use super::*;
use crate::database::{Database, DatabaseError};
use crate::id::ObjectId;
use crate::object::ObjectKind;

const SHA1: HashKind = HashKind::Sha1;

/// Small limits, so that a test that fails does not take the machine with it.
fn limits() -> PackLimits {
    PackLimits {
        pack_bytes_max: 64 << 20,
        objects_max: 50_000,
        object_bytes_max: 32 << 20,
        delta_depth_max: 4095,
        memory_bytes_max: 32 << 20,
        work_bytes_max: 1 << 30,
    }
}

fn list_files(folder: &Path) -> Vec<String> {
    let Ok(listing) = fs::read_dir(folder.join("pack")) else {
        return Vec::new();
    };
    let names = listing.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names
}

/// The pack is taken, and every one of these blobs can be read from it.
#[track_caller]
fn check_taken_within(pack: &[u8], limits: &PackLimits, blobs: &[&[u8]], hash: HashKind) {
    let folder = tempfile::tempdir().unwrap();
    let taken = take_pack(&mut &pack[..], folder.path(), hash, limits).unwrap();
    assert_eq!(taken.pack_bytes, pack.len() as u64);
    let files = list_files(folder.path());
    assert_eq!(
        files,
        [
            format!("{}.idx", taken.name),
            format!("{}.pack", taken.name)
        ]
    );
    let database = Database::open(folder.path(), hash).unwrap();
    for blob in blobs {
        let id = blob_id(blob, hash);
        let size_bytes = blob.len() as u64;
        let found = database.find_verified(&id, size_bytes).unwrap().unwrap();
        assert!(found.bytes == *blob, "{id}");
        assert_eq!(
            database.find_header(&id).unwrap(),
            Some((ObjectKind::Blob, size_bytes))
        );
        if let Some(below) = size_bytes.checked_sub(1) {
            let refused = database.find(&id, below);
            assert!(
                matches!(refused, Err(DatabaseError::TooLarge { .. })),
                "{id}"
            );
        }
        let mut written = Vec::new();
        database.read_into(&id, &mut written).unwrap();
        assert!(written == *blob, "{id}");
        if let Some(deflated) = database.find_deflated(&id).unwrap() {
            let mut inflated = vec![0; blob.len()];
            let mut inflater = libdeflater::Decompressor::new();
            inflater
                .deflate_decompress(&deflated.stream, &mut inflated)
                .unwrap();
            assert!(
                inflated == *blob && deflated.size_bytes == size_bytes,
                "{id}"
            );
        }
    }
}

#[track_caller]
fn check_taken(pack: &[u8], blobs: &[&[u8]]) {
    check_taken_within(pack, &limits(), blobs, SHA1);
}

/// The pack is refused with an error like `want`, and nothing is left of it.
#[track_caller]
fn check_refused_within(pack: &[u8], limits: &PackLimits, want: &str) {
    let folder = tempfile::tempdir().unwrap();
    let error = take_pack(&mut &pack[..], folder.path(), SHA1, limits).unwrap_err();
    let text = format!("{error:?} {error}");
    assert!(text.contains(want), "{text}, not {want}");
    assert_eq!(list_files(folder.path()), [""; 0]);
}

#[track_caller]
fn check_refused(pack: &[u8], want: &str) {
    check_refused_within(pack, &limits(), want);
}

/// A pack with every way to store an object.
fn mixed(hash: HashKind) -> Vec<u8> {
    let mut pack = Builder::new(hash);
    // A base that comes after the delta that names it, and is a delta itself.
    let middle = blob_id(b"hello, brave new world", hash);
    pack.ref_delta(&middle, &delta(22, &[Copy(0, 6), New(b" end")]));
    let base = pack.blob(b"hello, world");
    pack.offset_delta(
        base,
        &delta(12, &[Copy(0, 7), New(b"brave new "), Copy(7, 5)]),
    );
    pack.blob(b"");
    pack.finish()
}

const MIXED_BLOBS: [&[u8]; 4] = [
    b"hello, world",
    b"hello, brave new world",
    b"hello, end",
    b"",
];

#[test]
fn every_way_to_store_an_object_is_read() {
    for hash in [SHA1, HashKind::Sha256] {
        check_taken_within(&mixed(hash), &limits(), &MIXED_BLOBS, hash);
    }
    check_taken(&Builder::new(SHA1).finish(), &[]);
}

#[test]
fn every_cut_and_every_changed_byte_is_refused() {
    let pack = mixed(SHA1);
    for len in 0..pack.len() {
        check_refused(&pack[..len], "");
    }
    for at in 0..pack.len() {
        let mut changed = pack.clone();
        changed[at] ^= 0x11;
        check_refused(&changed, "");
    }
    check_refused(&[&pack[..], b"x"].concat(), "bytes follow the trailer");
    check_refused(&pack[..pack.len() - 1], "Truncated");
    check_refused(b"PACK", "Truncated");
    let mut wrong = pack.clone();
    *wrong.last_mut().unwrap() ^= 1;
    check_refused(&wrong, "Checksum");
}

#[test]
fn frames_that_lie_are_refused() {
    let one = || {
        let mut pack = Builder::new(SHA1);
        pack.blob(b"one");
        pack
    };
    check_refused(&one().finish_claiming(2), "Truncated");
    check_refused(&one().finish_claiming(u32::MAX), "objects, at most");
    check_refused(&one().finish_claiming(0), "Checksum");
    let mut pack = one();
    pack.bytes[7] = 3;
    check_refused(&pack.finish(), "not of version 2");
    let mut pack = one();
    pack.bytes[0] = b'p';
    check_refused(&pack.finish(), "does not begin with PACK");
}

#[track_caller]
fn check_entry_refused(parts: &[&[u8]], want: &str) {
    let mut pack = Builder::new(SHA1);
    pack.blob(b"base");
    pack.raw(parts);
    pack.blob(b"behind it, so that nothing is merely cut off ...................");
    check_refused(&pack.finish(), want);
}

#[test]
fn entries_that_lie_are_refused() {
    let four = deflate(b"four");
    check_entry_refused(&[&header(3, 3), &four], "another size");
    check_entry_refused(&[&header(3, 5), &four], "another size");
    check_entry_refused(
        &[&header(3, 4), b"garbage and more garbage"],
        "cannot be inflated",
    );
    check_entry_refused(&[&header(0, 4), &four], "no known kind");
    check_entry_refused(&[&header(5, 4), &four], "no known kind");
    let mut unsummed = four.clone();
    *unsummed.last_mut().unwrap() ^= 1;
    check_entry_refused(&[&header(3, 4), &unsummed], "cannot be inflated");
    // A preset dictionary: the flag is set, the check bits fit, four bytes of its checksum follow.
    let dictionary = [&[0x78, 0xbb, 0, 0, 0, 1], &four[2..]].concat();
    check_entry_refused(&[&header(3, 4), &dictionary], "cannot be inflated");
    // Sizes: 2^64 and more, and one that only exceeds the limit.
    check_entry_refused(
        &[&[0xb0], &[0xff; 9], &[0x01], &four],
        "does not fit 64 bits",
    );
    check_entry_refused(
        &[&[0xbf], &[0x80; 12], &[0x00], &four],
        "does not fit 64 bits",
    );
    check_entry_refused(&[&header(3, (32 << 20) + 1), &four], "bytes of one object");
}

#[test]
fn bases_that_are_not_there_are_refused() {
    let plain = delta(4, &[Copy(0, 4)]);
    let (len, stored) = (plain.len() as u64, deflate(&plain));
    let offset = |bytes: &[u8], want: &str| {
        check_entry_refused(&[&header(6, len), bytes, &stored], want);
    };
    offset(&distance(1), "no entry begins");
    offset(&distance(1 << 40), "no entry begins");
    offset(&[0], "its own base");
    offset(&[0xff; 12], "does not fit 64 bits");
    let named = |base: &ObjectId| {
        check_entry_refused(&[&header(7, len), base.as_bytes(), &stored], "1 objects");
    };
    named(&blob_id(b"elsewhere", SHA1));
    named(&"0".repeat(40).parse().unwrap());

    // Two deltas of each other: each would be made from what the other makes.
    let mut circle = Builder::new(SHA1);
    let (one, other) = (blob_id(b"1111", SHA1), blob_id(b"2222", SHA1));
    circle.ref_delta(&one, &delta(4, &[New(b"2222")]));
    circle.ref_delta(&other, &delta(4, &[New(b"1111")]));
    check_refused(&circle.finish(), "2 objects");
    let mut own = Builder::new(SHA1);
    own.ref_delta(&one, &delta(4, &[New(b"1111")]));
    check_refused(&own.finish(), "1 objects");
}

#[test]
fn deltas_that_lie_are_refused() {
    let check = |delta: &[u8], want: &str| {
        for has_child in [false, true] {
            let mut pack = Builder::new(SHA1);
            let base = pack.blob(b"base");
            let child = pack.offset_delta(base, delta);
            if has_child {
                pack.offset_delta(child, &super::super::builder::delta(4, &[Copy(0, 4)]));
            }
            check_refused(&pack.finish(), want);
        }
    };
    check(&delta_claiming(5, 4, &[Copy(0, 4)]), "base of another size");
    check(&delta_claiming(3, 4, &[Copy(0, 4)]), "base of another size");
    check(
        &delta_claiming(4, 3, &[Copy(0, 4)]),
        "another size than it says",
    );
    check(
        &delta_claiming(4, 5, &[Copy(0, 4)]),
        "another size than it says",
    );
    check(
        &delta_claiming(4, 1 << 60, &[Copy(0, 4)]),
        "bytes of one object",
    );
    check(&delta(4, &[Copy(1, 4)]), "beyond its base");
    check(&delta(4, &[Copy(u32::MAX, 1)]), "beyond its base");
    check(
        &delta_claiming(4, 0x10000, &[Copy(0, 0)]),
        "beyond its base",
    );
    check(&[4, 4, 0], "unknown instruction");
    check(&[4, 4, 5, b'c', b'u', b't'], "cut off");
    check(&[4, 4, 0x91, 0], "cut off");
    check(&[4], "cut off");
    check(&[], "cut off");
    check(
        &[[0xff; 9].as_slice(), &[2, 4]].concat(),
        "does not fit 64 bits",
    );
    check(
        &[size(4).as_slice(), &[0x80; 10], &[1]].concat(),
        "does not fit 64 bits",
    );
}

/// A chain of so many deltas, each adding a byte, on an empty blob; returns the last content too.
fn chain(deltas: usize, is_by_id: bool) -> (Vec<u8>, Vec<u8>) {
    let mut pack = Builder::new(SHA1);
    let mut content = b"x".to_vec();
    let mut base = pack.blob(&content);
    for at in 0..deltas {
        let delta = delta(
            content.len(),
            &[New(&[at as u8]), Copy(0, content.len().min(40) as u32)],
        );
        let base_id = blob_id(&content, SHA1);
        content.truncate(40);
        content.insert(0, at as u8);
        base = match is_by_id {
            true => pack.ref_delta(&base_id, &delta),
            false => pack.offset_delta(base, &delta),
        };
    }
    (pack.finish(), content)
}

#[test]
fn chains_are_bounded_in_depth_and_cost_no_memory() {
    for is_by_id in [false, true] {
        let (pack, last) = chain(200, is_by_id);
        let at = |delta_depth_max| PackLimits {
            delta_depth_max,
            ..limits()
        };
        check_taken_within(&pack, &at(200), &[&last, b"x"], SHA1);
        check_refused_within(&pack, &at(199), "deltas between");
    }
    let (pack, last) = chain(10_000, false);
    check_refused(
        &pack,
        "deltas between an object and a whole one, at most 4095",
    );
    let deep = PackLimits {
        delta_depth_max: u16::MAX,
        ..limits()
    };
    check_taken_within(&pack, &deep, &[&last], SHA1);
}

#[test]
fn limits_hold_at_their_value_and_not_one_beyond() {
    let pack = mixed(SHA1);
    let exact = PackLimits {
        pack_bytes_max: pack.len() as u64,
        objects_max: 4,
        object_bytes_max: 40, // the longest delta
        delta_depth_max: 2,
        ..limits()
    };
    check_taken_within(&pack, &exact, &MIXED_BLOBS, SHA1);
    let refused = |limits: PackLimits, want| check_refused_within(&pack, &limits, want);
    let pack_bytes_max = exact.pack_bytes_max - 1;
    refused(
        PackLimits {
            pack_bytes_max,
            ..exact
        },
        "bytes of the pack",
    );
    refused(
        PackLimits {
            objects_max: 3,
            ..exact
        },
        "objects",
    );
    refused(
        PackLimits {
            object_bytes_max: 11,
            ..exact
        },
        "bytes of one object",
    );
    refused(
        PackLimits {
            delta_depth_max: 1,
            ..exact
        },
        "deltas between",
    );
    refused(
        PackLimits {
            memory_bytes_max: 200,
            ..exact
        },
        "bytes of memory",
    );
    refused(
        PackLimits {
            work_bytes_max: 100,
            ..exact
        },
        "inflated and put together",
    );
}

/// 1 MiB that does not compress to nothing.
fn noise(seed: u32, len: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    (0..len).map(step).collect()
}

#[test]
fn many_children_of_one_base_are_resolved_in_little_memory() {
    let base = noise(1, 8 << 20);
    let mut pack = Builder::new(SHA1);
    let at = pack.blob(&base);
    for child in 0..1_000_u32 {
        pack.offset_delta(
            at,
            &delta(base.len(), &[New(&child.to_le_bytes()), Copy(child, 100)]),
        );
    }
    let little = PackLimits {
        memory_bytes_max: 10 << 20,
        ..limits()
    };
    let last = [&999_u32.to_le_bytes(), &base[999..1099]].concat();
    let pack = pack.finish();
    check_taken_within(&pack, &little, &[&last], SHA1);
    let less = PackLimits {
        memory_bytes_max: 8 << 20,
        ..limits()
    };
    check_refused_within(&pack, &less, "bytes of memory");
}

#[test]
fn what_exceeds_memory_is_let_go_and_made_again() {
    // Every step has a leaf and two further steps below it, seven deep: all of one path exceed the memory by far.
    fn grow(pack: &mut Builder, at: u64, content: &[u8], left: u32, leaves: &mut Vec<Vec<u8>>) {
        for twin in 0..2_u8 {
            let head = [twin, left as u8];
            let delta = delta(
                content.len(),
                &[New(&head), Copy(2, content.len() as u32 - 2)],
            );
            let child = [&head, &content[2..]].concat();
            let at = pack.offset_delta(at, &delta);
            if left > 0 {
                grow(pack, at, &child, left - 1, leaves);
            } else {
                leaves.push(child);
            }
        }
    }
    let base = noise(7, 100 << 10);
    let mut pack = Builder::new(SHA1);
    let at = pack.blob(&base);
    let mut leaves = Vec::new();
    grow(&mut pack, at, &base, 6, &mut leaves);
    let pack = pack.finish();
    let little = PackLimits {
        memory_bytes_max: 330 << 10,
        ..limits()
    };
    check_taken_within(&pack, &little, &[&leaves[0], leaves.last().unwrap()], SHA1);
    let idle = PackLimits {
        work_bytes_max: 30 << 20,
        ..little
    };
    check_refused_within(&pack, &idle, "inflated and put together");
}

#[test]
fn large_packs_are_resolved_by_two_threads() {
    let mut pack = Builder::new(SHA1);
    let mut blobs = Vec::new();
    for family in 0..1_500_u32 {
        let base = family.to_be_bytes().repeat(20);
        let mut at = pack.blob(&base);
        for child in 0..2_u8 {
            at = pack.offset_delta(at, &delta(80, &[New(&[child]), Copy(1, 79)]));
        }
        blobs.push([&[1], &base[1..]].concat());
    }
    let blobs: Vec<&[u8]> = blobs.iter().map(Vec::as_slice).step_by(100).collect();
    check_taken(&pack.finish(), &blobs);
}

#[test]
fn objects_stored_twice_are_taken_once_for_a_base() {
    let mut pack = Builder::new(SHA1);
    let (one, two) = (blob_id(b"1111", SHA1), blob_id(b"2222", SHA1));
    // Each stored whole, and as a delta of the other: a reader that took the deltas would go in circles.
    pack.ref_delta(&one, &delta(4, &[New(b"2222")]));
    pack.ref_delta(&two, &delta(4, &[New(b"1111")]));
    pack.blob(b"1111");
    pack.blob(b"2222");
    pack.blob(b"1111");
    check_taken(&pack.finish(), &[b"1111", b"2222"]);

    // Twenty levels of ten twins: walked from every twin, they would be 10^20 deltas.
    let mut pack = Builder::new(SHA1);
    let mut base = b"0000".to_vec();
    pack.blob(&base);
    for level in 1..=20_u32 {
        let next = level.to_le_bytes().to_vec();
        for _ in 0..10 {
            pack.ref_delta(&blob_id(&base, SHA1), &delta(4, &[New(&next)]));
        }
        base = next;
    }
    check_taken(&pack.finish(), &[&base]);
}

#[test]
fn a_pack_that_is_there_already_stays() {
    let folder = tempfile::tempdir().unwrap();
    let pack = mixed(SHA1);
    let first = take_pack(&mut &pack[..], folder.path(), SHA1, &limits()).unwrap();
    let files = list_files(folder.path());
    let again = take_pack(&mut &pack[..], folder.path(), SHA1, &limits()).unwrap();
    assert_eq!((first.clone(), files), (again, list_files(folder.path())));

    // Another pack under this name.
    let path = folder
        .path()
        .join("pack")
        .join(format!("{}.pack", first.name));
    fs::write(&path, b"other").unwrap();
    let error = take_pack(&mut &pack[..], folder.path(), SHA1, &limits()).unwrap_err();
    assert!(matches!(error, PackError::Conflict { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"other");
}

#[test]
fn what_a_crash_leaves_is_no_pack_and_is_swept() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(sweep(folder.path()).unwrap(), 0);
    let pack = mixed(SHA1);
    let taken = take_pack(&mut &pack[..], folder.path(), SHA1, &limits()).unwrap();
    let whole = list_files(folder.path());
    for left in ["tmp_pack_1_0", "pack-ab.pack", "pack-cd.idx"] {
        fs::write(folder.path().join("pack").join(left), b"PACK").unwrap();
    }
    fs::remove_file(folder.path().join("pack/pack-cd.idx")).unwrap();
    let database = Database::open(folder.path(), SHA1).unwrap();
    assert!(database.contains(&blob_id(b"", SHA1)).unwrap());
    assert_eq!(sweep(folder.path()).unwrap(), 2);
    assert_eq!(list_files(folder.path()), whole);
    // A crash between the two names: the pack is there, its index is not.
    fs::remove_file(
        folder
            .path()
            .join("pack")
            .join(format!("{}.idx", taken.name)),
    )
    .unwrap();
    take_pack(&mut &pack[..], folder.path(), SHA1, &limits()).unwrap();
    assert_eq!(list_files(folder.path()), whole);
}

#[test]
fn a_source_that_fails_leaves_nothing() {
    struct Failing(usize);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let pack = mixed(SHA1);
            let len = buffer.len().min(1);
            if self.0 == 60 {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            buffer[..len].copy_from_slice(&pack[self.0..self.0 + len]);
            self.0 += len;
            Ok(len)
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let error = take_pack(&mut Failing(0), folder.path(), SHA1, &limits()).unwrap_err();
    assert!(matches!(error, PackError::Source(_)), "{error}");
    assert_eq!(list_files(folder.path()), [""; 0]);
}

#[test]
fn a_pack_that_nobody_wants_any_more_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let pack = mixed(SHA1);
    let stop = |asked: u32| {
        let left = std::sync::atomic::AtomicU32::new(asked);
        let may_go_on = || left.fetch_sub(1, std::sync::atomic::Ordering::Relaxed) > 0;
        take_pack_while(&mut &pack[..], folder.path(), SHA1, &limits(), &may_go_on)
    };
    for left in [0, 1, 2] {
        assert!(matches!(stop(left), Err(PackError::Stopped)), "{left}");
        assert_eq!(list_files(folder.path()), [""; 0]);
    }
    stop(100).unwrap();
}
