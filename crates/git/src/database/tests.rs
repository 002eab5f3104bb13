//! Readers of damaged and of odd repositories.

use std::fs;

use super::*;
use crate::pack::builder::{Builder, Piece, blob_id, delta};
use crate::pack::{PackLimits, take_pack};

/// Four blobs: whole, as a delta, as a delta of that one by id, and empty.
fn pack(hash: HashKind) -> (Vec<u8>, Vec<ObjectId>) {
    let mut pack = Builder::new(hash);
    let base = pack.blob(b"hello, world");
    pack.offset_delta(base, &delta(12, &[Piece::Copy(0, 7), Piece::New(b"you")]));
    let middle = blob_id(b"hello, you", hash);
    pack.ref_delta(&middle, &delta(10, &[Piece::Copy(0, 5)]));
    pack.blob(b"");
    let contents: [&[u8]; 4] = [b"hello, world", b"hello, you", b"hello", b""];
    (
        pack.finish(),
        contents.map(|content| blob_id(content, hash)).to_vec(),
    )
}

/// Uses every way to read on every object. What is found and verified is what was asked for; nothing panics.
fn read_all(database: &Database, ids: &[ObjectId]) {
    for id in ids {
        let _ = database.contains(id);
        let _ = database.find_header(id);
        let _ = database.find(id, 100);
        let _ = database.find_deflated(id);
        let _ = database.find_prefix(&id.to_string()[..9]);
        let _ = database.read_into(id, &mut std::io::sink());
        if let Ok(Some(object)) = database.find_verified(id, 100) {
            assert_eq!(blob_id(&object.bytes, id.kind()), *id);
        }
    }
}

#[test]
fn damaged_files_give_errors_only() {
    for hash in [HashKind::Sha1, HashKind::Sha256] {
        let folder = tempfile::tempdir().unwrap();
        let (pack, ids) = pack(hash);
        let limits = PackLimits::default();
        let taken = take_pack(&mut &pack[..], folder.path(), hash, &limits).unwrap();
        for extension in ["idx", "pack"] {
            let path = folder
                .path()
                .join("pack")
                .join(format!("{}.{extension}", taken.name));
            let whole = fs::read(&path).unwrap();
            // Files are never changed in place, so neither are they here.
            let replace = |bytes: &[u8]| {
                fs::remove_file(&path).unwrap();
                fs::write(&path, bytes).unwrap();
                if let Ok(database) = Database::open(folder.path(), hash) {
                    read_all(&database, &ids);
                }
            };
            for at in 0..whole.len() {
                // The totals by first byte are all alike; every sixteenth does.
                let is_total = extension == "idx" && (12..1024).contains(&at) && at % 64 > 3;
                for change in [0x01, 0x80, 0xff] {
                    let mut damaged = whole.clone();
                    damaged[at] ^= change;
                    if !is_total {
                        replace(&damaged);
                    }
                }
            }
            for len in (0..whole.len()).step_by(if extension == "idx" { 37 } else { 1 }) {
                replace(&whole[..len]);
            }
            replace(&whole);
        }
        let database = Database::open(folder.path(), hash).unwrap();
        assert!(
            ids.iter()
                .all(|id| database.find_verified(id, 100).unwrap().is_some())
        );
    }
}

#[test]
fn deltas_in_a_circle_end() {
    // An index that leads from one delta to the other and back, as no taken pack has it.
    let hash = HashKind::Sha1;
    let (one, two) = (blob_id(b"1111", hash), blob_id(b"2222", hash));
    let mut honest = Builder::new(hash);
    honest.ref_delta(&one, &delta(4, &[Piece::New(b"2222")]));
    honest.ref_delta(&two, &delta(4, &[Piece::New(b"1111")]));
    let circle_end = honest.bytes.len();
    honest.blob(b"1111");
    let folder = tempfile::tempdir().unwrap();
    let pack = honest.finish();
    let taken = take_pack(&mut &pack[..], folder.path(), hash, &PackLimits::default()).unwrap();
    let path = folder
        .path()
        .join("pack")
        .join(format!("{}.idx", taken.name));
    let index = fs::read(&path).unwrap();
    // Offsets stand behind 3 ids and 3 checksums of 4 bytes; what pointed to the blob points to the first entry now.
    let offsets = 1032 + 3 * 24;
    let mut circular = index.clone();
    for at in (offsets..offsets + 12).step_by(4) {
        if circular[at..at + 4] == (circle_end as u32).to_be_bytes() {
            circular.copy_within(offsets + 4..offsets + 8, at);
        }
    }
    fs::remove_file(&path).unwrap();
    fs::write(&path, circular).unwrap();
    read_all(&Database::open(folder.path(), hash).unwrap(), &[one, two]);
}

#[test]
fn prefixes_match_whole_and_half_bytes() {
    let hash = HashKind::Sha1;
    let folder = tempfile::tempdir().unwrap();
    let mut pack = Builder::new(hash);
    let mut ids: Vec<_> = (0..300_u32)
        .map(|number| {
            pack.blob(&number.to_le_bytes());
            blob_id(&number.to_le_bytes(), hash)
        })
        .collect();
    ids.sort_unstable();
    take_pack(
        &mut &pack.finish()[..],
        folder.path(),
        hash,
        &PackLimits::default(),
    )
    .unwrap();
    let database = Database::open(folder.path(), hash).unwrap();
    for len in 1..=5 {
        for id in &ids {
            let prefix = &id.to_string()[..len];
            let matches = ids.iter().filter(|id| id.to_string().starts_with(prefix));
            let want: Vec<_> = matches.copied().take(PREFIX_MATCHES_MAX).collect();
            assert_eq!(database.find_prefix(prefix).unwrap(), want, "{prefix}");
        }
    }
    let whole = ids[7].to_string();
    assert_eq!(database.find_prefix(&whole).unwrap(), [ids[7]]);
    for none in ["", "x", "E69D", "é", &format!("{whole}0"), "0000000000"] {
        assert_eq!(database.find_prefix(none).unwrap(), [], "{none}");
    }
}

#[test]
fn damaged_loose_objects_give_errors_only() {
    let hash = HashKind::Sha1;
    let folder = tempfile::tempdir().unwrap();
    let id = blob_id(b"loose", hash);
    let path = loose::path_of(folder.path(), &id);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let database = Database::open(folder.path(), hash).unwrap();
    let put = |content: &[u8]| fs::write(&path, crate::pack::builder::deflate(content)).unwrap();
    put(b"blob 5\0loose");
    assert_eq!(
        &database.find_verified(&id, 5).unwrap().unwrap().bytes[..],
        b"loose"
    );
    assert_eq!(
        database.find_header(&id).unwrap(),
        Some((ObjectKind::Blob, 5))
    );
    assert_eq!(database.find_prefix(&id.to_string()[..7]).unwrap(), [id]);
    assert!(database.find_deflated(&id).unwrap().is_none());
    let mut written = Vec::new();
    database.read_into(&id, &mut written).unwrap();
    assert_eq!(written, b"loose");
    assert!(matches!(
        database.find(&id, 4),
        Err(DatabaseError::TooLarge { size_bytes: 5, .. })
    ));
    for damaged in [
        &b"blob 4\0loose"[..],
        b"blob 6\0loose",
        b"blob 5\0other",
        b"blob -5\0loose",
        b"blob 99999999999999999999\0loose",
        b"blog 5\0loose",
        b"blob5\0loose",
        b"blob 00000000000000000000000000005\0loose",
        b"blob 5",
        b"",
    ] {
        put(damaged);
        let error = database.find_verified(&id, 100).unwrap_err();
        assert!(matches!(error, DatabaseError::Corrupt { .. }), "{error}");
    }
    fs::write(&path, b"no zlib").unwrap();
    assert!(matches!(
        database.find(&id, 100),
        Err(DatabaseError::Corrupt { .. })
    ));
}

#[test]
fn deltas_make_no_more_than_a_handle_may_spend() {
    let folder = tempfile::tempdir().unwrap();
    let (pack, ids) = pack(HashKind::Sha1);
    take_pack(
        &mut &pack[..],
        folder.path(),
        HashKind::Sha1,
        &PackLimits::default(),
    )
    .unwrap();
    let database = Database::open(folder.path(), HashKind::Sha1).unwrap();
    let poor = database.with_effort(11);
    assert!(matches!(
        poor.clone().find(&ids[1], 100),
        Err(DatabaseError::TooMuchWork { bytes_max: 11 })
    ));
    // What is stored whole costs its own size only, and what was spent stays spent.
    assert!(poor.find(&ids[0], 100).unwrap().is_some());
    let rich = database.with_effort(12);
    assert!(rich.find(&ids[1], 100).unwrap().is_some());
    assert!(database.find(&ids[2], 100).unwrap().is_some());
}
