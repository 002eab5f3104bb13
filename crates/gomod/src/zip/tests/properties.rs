//! What holds for any tree and any bytes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::testing::{RawEntry, RawZip, inside, module};
use super::super::{Kind, Limits, MemoryTree, Tree, check_bytes, create, hash_dir, hash_zip_bytes};
use super::check_both;

/// Number of cases; more of them where there is time: `GRANARY_PROPTEST_CASES`.
fn config() -> ProptestConfig {
    let cases = std::env::var("GRANARY_PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(64);
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Paths that often share directories, collide, and meet the rules for vendoring and nested modules.
fn path() -> impl Strategy<Value = String> {
    let element = prop_oneof![
        4 => "[a-c]{1,2}",
        1 => "[A-C]",
        1 => Just("vendor".to_owned()),
        1 => Just("go.mod".to_owned()),
        1 => Just("modules.txt".to_owned()),
        1 => "[\\PC]{1,3}",
    ];
    vec(element, 1..5).prop_map(|elements| elements.join("/"))
}

fn tree() -> impl Strategy<Value = MemoryTree> {
    let kind =
        prop_oneof![8 => Just(Kind::Regular), 1 => Just(Kind::Symlink), 1 => Just(Kind::Directory)];
    let content = prop_oneof![
        4 => vec(any::<u8>(), 0..50),
        1 => (0..3_000_000_usize).prop_map(|bytes| vec![7; bytes]),
        1 => Just(b"module m\n\ngo 1.24\n".to_vec()),
    ];
    vec((path(), kind, content), 0..8).prop_map(|files| {
        let mut tree = MemoryTree::new();
        for (path, kind, content) in files {
            tree.add_kind(path, kind, content);
        }
        tree
    })
}

fn small_zip() -> impl Strategy<Value = Vec<u8>> {
    let entry = ("[a-d]/[a-d]{1,2}", vec(any::<u8>(), 0..200), 0..6_u8);
    (vec(entry, 0..6), any::<bool>(), vec(any::<u8>(), 0..30)).prop_map(
        |(entries, zip64, comment)| {
            let entries = entries.into_iter().map(|(name, content, form)| {
                let entry = if form % 2 == 0 {
                    RawEntry::stored(&inside(&name), &content)
                } else {
                    RawEntry::deflated(&inside(&name), &content)
                };
                match form / 2 {
                    0 => entry,
                    1 => entry.with_descriptor(true, false),
                    _ => RawEntry {
                        zip64: true,
                        ..entry
                    },
                }
            });
            RawZip {
                entries: entries.collect(),
                zip64,
                comment,
            }
            .build()
        },
    )
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_created_passes_the_check(mut tree in tree()) {
        let mut zip = Vec::new();
        if let Ok(created) = create(&mut zip, &module(), &mut tree, &Limits::default()) {
            let checked = check_both(&zip).unwrap();
            prop_assert_eq!(checked.h1, created.h1);
            prop_assert_eq!(checked.files, created.files);
            prop_assert_eq!(hash_zip_bytes(&zip).unwrap(), created.h1);
            prop_assert_eq!(created.files as usize + created.omitted.len(), tree.files().len());
            if created.omitted.is_empty() {
                prop_assert_eq!(hash_dir(&mut tree, &module().to_string()).unwrap(), created.h1);
            }
        }
    }

    #[test]
    fn any_bytes_are_answered(bytes in vec(any::<u8>(), 0..2000)) {
        prop_assert!(check_both(&bytes).is_err() || bytes.len() >= 22);
    }

    #[test]
    fn any_bytes_before_an_end_record_are_answered(mut bytes in vec(any::<u8>(), 46..500), offset in 0..500_u32) {
        let end = bytes.len() as u32;
        let offset = offset.min(end);
        bytes[offset.min(end - 46) as usize..][..4].copy_from_slice(b"PK\x01\x02");
        bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
        bytes.extend_from_slice(&(end - offset).to_le_bytes());
        bytes.extend_from_slice(&offset.to_le_bytes());
        bytes.extend_from_slice(&[0, 0]);
        let _ = check_both(&bytes);
    }

    #[test]
    fn damaged_zips_are_answered(
        zip in small_zip(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        let mut damaged = zip.clone();
        for (at, byte) in changes {
            let at = at.index(damaged.len());
            damaged[at] = byte;
        }
        if cuts {
            damaged.truncate(cut.index(zip.len()));
        }
        // The checksum is no defence, but accidents do not get through unseen.
        if let Ok(checked) = check_both(&damaged) {
            prop_assert_eq!(checked.h1, hash_zip_bytes(&damaged).unwrap());
        }
    }

    #[test]
    fn order_of_the_entries_does_not_matter(names in prop::collection::btree_set("[a-z]{1,3}/[A-Z]{1,3}", 1..8)) {
        let entries: Vec<_> = names.iter().map(|name| RawEntry::deflated(&inside(name), name.as_bytes())).collect();
        let forward = RawZip::new(entries.clone());
        let backward = RawZip::new(entries.into_iter().rev().collect());
        let h1 = |zip: RawZip| check_bytes(&zip.build(), &module(), &Limits::default()).unwrap().h1;
        prop_assert_eq!(h1(forward), h1(backward));
    }
}
