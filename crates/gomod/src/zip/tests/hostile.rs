//! Archives that lie, and odd ones that do not.

use std::time::{Duration, Instant};

use super::super::testing::{Descriptor, RawEntry, RawZip, inside, module};
use super::super::{ArchiveFault, EntryFault, Limits, Measure, MemoryTree, ZipError, create};
use super::{check_both, check_both_within};

#[track_caller]
fn check_archive_fault(zip: &[u8], want: ArchiveFault) {
    match check_both(zip) {
        Err(ZipError::BadArchive { fault }) => assert_eq!(fault, want),
        other => panic!("{other:?} instead of {want}"),
    }
}

#[track_caller]
fn check_entry_fault(entries: Vec<RawEntry>, want: EntryFault) {
    match check_both(&RawZip::new(entries).build()) {
        Err(ZipError::BadEntry { fault, .. }) => assert_eq!(fault, want),
        other => panic!("{other:?} instead of {want}"),
    }
}

/// One entry of each kind of storage, small and large, changed in the same way.
#[track_caller]
fn check_each(want: EntryFault, change: impl Fn(&mut RawEntry)) {
    for content in [text(1000), text(3 << 20)] {
        for mut entry in [
            RawEntry::stored(&inside("a"), &content),
            RawEntry::deflated(&inside("a"), &content),
        ] {
            change(&mut entry);
            check_entry_fault(vec![entry, RawEntry::stored(&inside("b"), &[0; 40])], want);
        }
    }
}

/// Text that deflate shortens to about a half.
fn text(bytes: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b"abcdefgh ijklmn\n"[(state >> 28) as usize]
    };
    (0..bytes).map(|_| next()).collect()
}

fn two_entries() -> RawZip {
    RawZip::new(vec![
        RawEntry::deflated(&inside("a"), &text(500)),
        RawEntry::stored(&inside("b"), b"x"),
    ])
}

/// Overwrites bytes counted from the end of the file.
fn patch(zip: &[u8], from_end: usize, bytes: &[u8]) -> Vec<u8> {
    let mut zip = zip.to_vec();
    let at = zip.len() - from_end;
    zip[at..at + bytes.len()].copy_from_slice(bytes);
    zip
}

#[test]
fn honest_forms_all_pass() {
    let plain = check_both(&two_entries().build()).unwrap();
    let same = |zip: RawZip| assert_eq!(check_both(&zip.build()).unwrap().h1, plain.h1);
    for (signed, long) in [(true, false), (false, false), (true, true), (false, true)] {
        let mut zip = two_entries();
        zip.entries = zip
            .entries
            .into_iter()
            .map(|entry| entry.with_descriptor(signed, long))
            .collect();
        same(zip);
    }
    let mut zip = two_entries();
    zip.entries.iter_mut().for_each(|entry| entry.zip64 = true);
    same(zip);
    same(RawZip {
        zip64: true,
        ..two_entries()
    });
    same(RawZip {
        comment: b"a comment".to_vec(),
        ..two_entries()
    });
    same(RawZip {
        comment: vec![b'c'; 0xffff],
        ..two_entries()
    });
    same(RawZip {
        zip64: true,
        comment: vec![b'c'; 0xffff],
        ..two_entries()
    });
    let mut zip = two_entries();
    zip.entries.reverse();
    same(zip);
    // Bytes that belong to nobody are seen by no reader that goes through the directory.
    let mut zip = two_entries();
    zip.entries[0].gap = vec![7; 100];
    same(zip);
    // A writer that knew the sizes and promised a descriptor all the same.
    let mut zip = two_entries();
    for entry in &mut zip.entries {
        *entry = entry.clone().with_descriptor(true, false);
        (entry.local_crc, entry.local_size, entry.local_compressed) = (None, None, None);
    }
    same(zip);
}

#[test]
fn large_entries_pass_in_pieces() {
    let content = text(5 << 20);
    let digests: Vec<_> = [
        RawEntry::stored(&inside("a"), &content),
        RawEntry::deflated(&inside("a"), &content),
        RawEntry::deflated(&inside("a"), &content).with_descriptor(true, false),
        RawEntry::stored(&inside("a"), &content).with_descriptor(false, true),
    ]
    .into_iter()
    .map(|entry| check_both(&RawZip::new(vec![entry]).build()).unwrap().h1)
    .collect();
    assert!(digests.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn what_is_no_zip_is_refused() {
    check_archive_fault(b"", ArchiveFault::NoEnd);
    check_archive_fault(b"PK\x05\x06", ArchiveFault::NoEnd);
    check_archive_fault(&[0; 22], ArchiveFault::NoEnd);
    check_archive_fault(&text(100_000), ArchiveFault::NoEnd);
    check_archive_fault(&b"PK\x05\x06".repeat(50_000), ArchiveFault::NoEnd);
}

#[test]
fn every_truncation_is_refused() {
    let zip = RawZip {
        zip64: true,
        ..two_entries()
    }
    .build();
    for length in 0..zip.len() {
        assert!(check_both(&zip[..length]).is_err(), "{length}");
    }
}

#[test]
fn bytes_around_the_archive_are_refused() {
    let zip = two_entries().build();
    check_archive_fault(
        &[b"#!/bin/sh\n", &zip[..]].concat(),
        ArchiveFault::DirectoryElsewhere,
    );
    check_archive_fault(&[&zip[..], b"\n"].concat(), ArchiveFault::NoEnd);
}

#[test]
fn second_end_record_in_a_comment_is_refused() {
    let inner = RawZip::new(vec![RawEntry::stored(&inside("hidden"), b"x")]).build();
    check_archive_fault(
        &RawZip {
            comment: inner.clone(),
            ..two_entries()
        }
        .build(),
        ArchiveFault::TwoEnds,
    );
    // One that does not reach the end of the file.
    let comment = [&inner[..], b"tail"].concat();
    check_archive_fault(
        &RawZip {
            comment,
            ..two_entries()
        }
        .build(),
        ArchiveFault::NoEnd,
    );
    // One that is wrong in itself.
    let comment = [b"PK\x05\x06".as_slice(), &[0xff; 30]].concat();
    check_archive_fault(
        &RawZip {
            comment,
            ..two_entries()
        }
        .build(),
        ArchiveFault::NoEnd,
    );
    // The record's mark alone, too near to the end to be one.
    check_both(
        &RawZip {
            comment: b"PK\x05\x06".to_vec(),
            ..two_entries()
        }
        .build(),
    )
    .unwrap();
}

#[test]
fn zip_inside_a_zip_is_a_file() {
    let mut content = RawZip::new(vec![RawEntry::deflated("../../evil", b"x")]).build();
    for _ in 0..5 {
        content = RawZip::new(vec![RawEntry::stored(&inside("inner.zip"), &content)]).build();
        assert_eq!(check_both(&content).unwrap().files, 1);
    }
}

#[test]
fn lies_of_the_end_record_are_refused() {
    let zip = two_entries().build();
    check_archive_fault(&patch(&zip, 18, &[1, 0]), ArchiveFault::SeveralDisks);
    check_archive_fault(&patch(&zip, 16, &[1, 0]), ArchiveFault::SeveralDisks);
    check_archive_fault(&patch(&zip, 14, &[1, 0]), ArchiveFault::SeveralDisks);
    check_archive_fault(&patch(&zip, 14, &[1, 0, 1, 0]), ArchiveFault::WrongCount);
    check_archive_fault(&patch(&zip, 14, &[3, 0, 3, 0]), ArchiveFault::WrongCount);
    check_archive_fault(&patch(&zip, 14, &[0, 0, 0, 0]), ArchiveFault::WrongCount);
    check_archive_fault(&patch(&zip, 14, &[0xff; 4]), ArchiveFault::WrongCount);
    check_archive_fault(
        &patch(&zip, 10, &[1, 0, 0, 0]),
        ArchiveFault::DirectoryElsewhere,
    );
    check_archive_fault(
        &patch(&zip, 10, &[0xff; 4]),
        ArchiveFault::DirectoryElsewhere,
    );
    check_archive_fault(
        &patch(&zip, 6, &[0, 0, 0, 0]),
        ArchiveFault::DirectoryElsewhere,
    );
    check_archive_fault(
        &patch(&zip, 6, &[0xff; 4]),
        ArchiveFault::DirectoryElsewhere,
    );
}

#[test]
fn lies_of_the_zip64_end_record_are_refused() {
    let zip = RawZip {
        zip64: true,
        ..two_entries()
    }
    .build();
    check_both(&zip).unwrap();
    // From the end: 22 end, 20 locator, 56 record.
    let record = 98;
    check_archive_fault(&patch(&zip, record, b"XX"), ArchiveFault::BadZip64);
    check_archive_fault(&patch(&zip, record - 4, &[45]), ArchiveFault::BadZip64);
    check_archive_fault(&patch(&zip, record - 16, &[1]), ArchiveFault::SeveralDisks);
    check_archive_fault(&patch(&zip, record - 24, &[3]), ArchiveFault::SeveralDisks);
    check_archive_fault(
        &patch(&zip, record - 24, &[[3, 0, 0, 0, 0, 0, 0, 0]; 2].concat()),
        ArchiveFault::WrongCount,
    );
    // 65,538 entries, which Go and others take for 2.
    check_archive_fault(
        &patch(&zip, record - 24, &[[2, 0, 1, 0, 0, 0, 0, 0]; 2].concat()),
        ArchiveFault::WrongCount,
    );
    match check_both(&patch(&zip, record - 24, &[0xff; 16])) {
        Err(ZipError::TooLarge {
            what: Measure::Entries,
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
    match check_both(&patch(&zip, record - 40, &[0xff; 8])) {
        Err(ZipError::BadArchive {
            fault: ArchiveFault::DirectoryElsewhere,
        }) => {}
        other => panic!("{other:?}"),
    }
    check_archive_fault(
        &patch(&zip, record - 48, &[0xff; 8]),
        ArchiveFault::DirectoryElsewhere,
    );
    check_archive_fault(&patch(&zip, 42 - 4, &[1]), ArchiveFault::SeveralDisks);
    check_archive_fault(&patch(&zip, 42 - 8, &[0xff; 8]), ArchiveFault::BadZip64);
    check_archive_fault(&patch(&zip, 42 - 16, &[2]), ArchiveFault::SeveralDisks);
    // The short record says something else than the long one.
    check_archive_fault(&patch(&zip, 12, &[3, 0]), ArchiveFault::BadZip64);
    check_archive_fault(&patch(&zip, 14, &[3, 0, 3, 0]), ArchiveFault::BadZip64);
    check_archive_fault(&patch(&zip, 10, &[0; 4]), ArchiveFault::BadZip64);
    check_archive_fault(&patch(&zip, 6, &[0; 4]), ArchiveFault::BadZip64);
    check_both(&patch(&zip, 14, &[2, 0, 2, 0])).unwrap();
}

#[test]
fn damaged_directory_is_refused() {
    let zip = two_entries().build();
    let record = 22 + 46 + inside("b").len();
    check_archive_fault(&patch(&zip, record, b"XX"), ArchiveFault::BadDirectory);
    check_archive_fault(
        &patch(&zip, record - 28, &[0xff, 0xff]),
        ArchiveFault::BadDirectory,
    );
    check_archive_fault(
        &patch(&zip, record - 32, &[1, 0]),
        ArchiveFault::BadDirectory,
    );
    check_archive_fault(
        &patch(&zip, record - 34, &[1, 0]),
        ArchiveFault::SeveralDisks,
    );
}

#[test]
fn zip64_fields_of_entries_must_be_there() {
    let mut entry = RawEntry::stored(&inside("a"), b"x");
    entry.size = 0xffff_ffff;
    check_entry_fault(vec![entry.clone()], EntryFault::BadZip64);
    let mut entry = RawEntry::stored(&inside("a"), b"x");
    entry.local_size = Some(0xffff_ffff);
    check_entry_fault(vec![entry], EntryFault::BadZip64);
    let mut entry = RawEntry::stored(&inside("a"), b"x");
    (entry.zip64, entry.size, entry.local_size) = (true, u64::MAX, Some(1));
    match check_both(&RawZip::new(vec![entry]).build()) {
        Err(ZipError::TooLarge {
            what: Measure::Contents,
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
    let mut entry = RawEntry::stored(&inside("a"), b"x");
    (entry.zip64, entry.compressed, entry.local_compressed) = (true, u64::MAX, Some(1));
    check_entry_fault(vec![entry], EntryFault::Overlap);
    let mut entry = RawEntry::stored(&inside("a"), b"x");
    (entry.zip64, entry.offset) = (true, Some(u64::MAX));
    check_entry_fault(vec![entry], EntryFault::Overlap);
}

#[test]
fn encrypted_entries_are_refused() {
    for flag in [1, 1 << 6, 1 << 13, 1 | 8] {
        check_each(EntryFault::Encrypted, |entry| entry.flags = flag);
    }
    check_each(EntryFault::Encrypted, |entry| entry.local_flags = Some(1));
}

#[test]
fn other_methods_are_refused() {
    for method in [1, 6, 9, 12, 14, 93, 95, 98, 99, 0xffff] {
        check_each(EntryFault::Method(method), |entry| entry.method = method);
        check_each(EntryFault::Method(method), |entry| {
            entry.local_method = Some(method)
        });
    }
    check_each(EntryFault::Patch, |entry| entry.flags = 1 << 5);
    check_each(EntryFault::Disagree("method"), |entry| {
        entry.local_method = Some(8 - entry.method)
    });
}

/// CVE-2024-24789: readers that go by one and readers that go by the other header must see the same files.
#[test]
fn headers_must_agree() {
    check_each(EntryFault::Disagree("name"), |entry| {
        entry.local_name = Some(inside("A").into())
    });
    check_each(EntryFault::Disagree("name"), |entry| {
        entry.local_name = Some(b"../../evil".to_vec())
    });
    check_each(EntryFault::Disagree("name"), |entry| {
        entry.local_name = Some(Vec::new())
    });
    check_each(EntryFault::Disagree("size"), |entry| {
        entry.local_size = Some(entry.size - 1)
    });
    check_each(EntryFault::Disagree("size"), |entry| {
        entry.local_size = Some(0)
    });
    check_each(EntryFault::Disagree("size"), |entry| {
        entry.local_compressed = Some(entry.compressed + 1)
    });
    check_each(EntryFault::Disagree("checksum"), |entry| {
        entry.local_crc = Some(0)
    });
    check_each(EntryFault::Disagree("data descriptor"), |entry| {
        entry.local_flags = Some(8)
    });
    check_each(EntryFault::Disagree("data descriptor"), |entry| {
        (entry.flags, entry.local_flags) = (8, Some(0));
    });
    // With a descriptor the values may be missing, not wrong.
    check_each(EntryFault::Disagree("size"), |entry| {
        *entry = entry.clone().with_descriptor(true, false);
        entry.local_size = Some(7);
    });
}

#[test]
fn missing_local_header_is_refused() {
    check_each(EntryFault::NoHeader, |entry| entry.offset = Some(1));
}

#[test]
fn descriptor_must_match() {
    check_each(EntryFault::BadDescriptor, |entry| {
        entry.flags |= 8;
    });
    check_each(EntryFault::BadDescriptor, |entry| {
        *entry = entry.clone().with_descriptor(true, false);
        entry.descriptor_crc = Some(entry.crc ^ 1);
    });
    let mut last = RawEntry::stored(&inside("a"), b"x").with_descriptor(true, false);
    last.descriptor = Descriptor::None;
    check_entry_fault(vec![last], EntryFault::BadDescriptor);
}

#[test]
fn wrong_checksum_is_refused() {
    check_each(EntryFault::WrongChecksum, |entry| entry.crc ^= 1 << 31);
    // Go does not compare a checksum of zero; a writer that leaves it out is no reason to trust the data.
    check_each(EntryFault::WrongChecksum, |entry| entry.crc = 0);
    check_each(EntryFault::WrongChecksum, |entry| {
        *entry = entry.clone().with_descriptor(true, false);
        entry.crc ^= 1;
    });
}

#[test]
fn size_must_be_exact() {
    check_each(EntryFault::WrongSize, |entry| entry.size -= 1);
    check_each(EntryFault::WrongSize, |entry| entry.size += 1);
    check_each(EntryFault::WrongSize, |entry| entry.size = 0);
    check_each(EntryFault::WrongSize, |entry| entry.size = 100 << 20);
}

#[test]
fn damaged_data_is_refused() {
    for bytes in [600, 3 << 20] {
        let whole = RawEntry::deflated(&inside("a"), &text(bytes));
        let mut cut = whole.clone();
        cut.data.truncate(whole.data.len() / 2);
        cut.compressed = cut.data.len() as u64;
        check_entry_fault(vec![cut], EntryFault::BadData);
        let mut none = whole.clone();
        none.data.clear();
        none.compressed = 0;
        check_entry_fault(vec![none], EntryFault::BadData);
        let mut noise = whole.clone();
        noise.data.fill(0xff);
        check_entry_fault(vec![noise], EntryFault::BadData);
    }
}

#[test]
fn duplicate_names_are_refused() {
    let entry = |content: &[u8]| RawEntry::stored(&inside("a"), content);
    check_entry_fault(vec![entry(b"x"), entry(b"y")], EntryFault::Duplicate);
    check_entry_fault(
        vec![
            entry(b"x"),
            RawEntry::stored(&inside("b"), b""),
            entry(b"x"),
        ],
        EntryFault::Duplicate,
    );
    let directory = || RawEntry::stored(&inside("d/"), b"");
    check_entry_fault(vec![directory(), directory()], EntryFault::Duplicate);
}

#[test]
fn directories_hold_nothing() {
    check_entry_fault(
        vec![RawEntry::stored(&inside("d/"), b"x")],
        EntryFault::DirectoryWithContent,
    );
    check_entry_fault(
        vec![RawEntry::deflated(&inside("d/"), b"x")],
        EntryFault::DirectoryWithContent,
    );
    // As some writers do it: an empty deflate stream.
    check_both(&RawZip::new(vec![RawEntry::deflated(&inside("d/"), b"")]).build()).unwrap();
}

#[test]
fn overlapping_entries_are_refused() {
    // Two names for the same bytes.
    let first = RawEntry::stored(&inside("a"), b"x");
    let second = RawEntry {
        offset: Some(0),
        data: Vec::new(),
        ..RawEntry::stored(&inside("b"), b"x")
    };
    check_entry_fault(vec![first.clone(), second], EntryFault::Overlap);
    // The first entry's data takes in the second entry (the "quoted" headers of zip bombs).
    let inner = RawZip::new(vec![RawEntry::stored(&inside("b"), b"kernel")]).build();
    let quoted = 30 + inside("b").len() + 6;
    let outer = RawEntry::stored(&inside("a"), &inner[..quoted]);
    let at = 30 + inside("a").len() as u64;
    let second = RawEntry {
        offset: Some(at),
        ..RawEntry::stored(&inside("b"), b"kernel")
    };
    check_entry_fault(vec![outer, second], EntryFault::Overlap);
    // Data that reaches into the directory.
    let mut long = first.clone();
    (long.size, long.compressed) = (30, 30);
    check_entry_fault(vec![long], EntryFault::Overlap);
    // A header that lies in the directory.
    let beyond = RawEntry {
        offset: Some(40 + at),
        ..first
    };
    check_entry_fault(vec![beyond], EntryFault::Overlap);
}

#[test]
fn sum_of_declared_sizes_is_refused_before_unpacking() {
    let mut entries: Vec<_> = (0..6)
        .map(|n| RawEntry::deflated(&inside(&format!("f{n}")), b"tiny"))
        .collect();
    entries.iter_mut().for_each(|entry| entry.size = 100 << 20);
    match check_both(&RawZip::new(entries).build()) {
        Err(ZipError::TooLarge {
            what: Measure::Contents,
            limit,
        }) => assert_eq!(limit, 500 << 20),
        other => panic!("{other:?}"),
    }
}

#[test]
fn zip_bomb_stops_one_byte_over_its_declaration() {
    let zeros = vec![0; 64 << 20];
    let mut bomb = RawEntry::deflated(&inside("zeros"), &zeros);
    assert!(bomb.data.len() * 900 < zeros.len());
    let honest = RawZip::new(vec![bomb.clone()]).build();
    assert_eq!(check_both(&honest).unwrap().unpacked_bytes, 64 << 20);
    for declared in [0, 1000, 2 << 20] {
        bomb.size = declared;
        check_entry_fault(vec![bomb.clone()], EntryFault::WrongSize);
    }
}

#[test]
fn seventy_thousand_entries_pass() {
    let mut tree = MemoryTree::new();
    for n in 0..70_000 {
        tree.add(format!("d{}/f{n}", n % 100), b"");
    }
    let mut zip = Vec::new();
    let created = create(&mut zip, &module(), &mut tree, &Limits::default()).unwrap();
    assert_eq!(created.files, 70_000);
    let checked = check_both(&zip).unwrap();
    assert_eq!((checked.h1, checked.files), (created.h1, 70_000));
    let found = check_both_within(
        &zip,
        &Limits {
            entries: 69_999,
            ..Limits::default()
        },
    );
    assert!(
        matches!(
            found,
            Err(ZipError::TooLarge {
                what: Measure::Entries,
                ..
            })
        ),
        "{found:?}"
    );
}

/// Compare CVE-2025-61728: names of many elements must not cost more than their length.
#[test]
fn deep_names_cost_no_more_than_their_length() {
    let entries: Vec<_> = (0..300)
        .map(|n| RawEntry::stored(&inside(&format!("{}{n}", "a/".repeat(30_000))), b""))
        .chain(
            (0..30)
                .map(|n| RawEntry::stored(&inside(&format!("d{n}/{}x", "b/".repeat(30_000))), b"")),
        )
        .collect();
    let zip = RawZip::new(entries).build();
    let begin = Instant::now();
    assert_eq!(check_both(&zip).unwrap().files, 330);
    let few = Limits {
        entries: 2000,
        ..Limits::default()
    };
    let found = check_both_within(&zip, &few);
    assert!(
        matches!(
            found,
            Err(ZipError::TooLarge {
                what: Measure::Directories,
                ..
            })
        ),
        "{found:?}"
    );
    assert!(
        begin.elapsed() < Duration::from_secs(20),
        "{:?}",
        begin.elapsed()
    );
}
