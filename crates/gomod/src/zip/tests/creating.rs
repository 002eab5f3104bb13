//! Zips of our own: what goes in, what stays out, what fails.

use std::io::{self, Read, Write};

use super::super::testing::module;
use super::super::{
    Kind, Limits, Measure, MemoryTree, NameFault, Omission, Tree, TreeFile, ZipError, create,
    hash_dir,
};
use super::{check_both, create_checked};
use crate::path::Reason;

/// A tree of empty regular files, except that names ending in `@` are symbolic links and in `/` directories.
fn tree_of(names: &[&str]) -> MemoryTree {
    let mut tree = MemoryTree::new();
    for name in names {
        match (name.strip_suffix('@'), name.strip_suffix('/')) {
            (Some(link), _) => tree.add_kind(link, Kind::Symlink, "target"),
            (_, Some(directory)) => tree.add_kind(directory, Kind::Directory, ""),
            _ => tree.add(*name, ""),
        };
    }
    tree
}

/// What a tree leaves out, sorted; all else must be in its zip.
#[track_caller]
fn list_omitted(tree: &mut MemoryTree) -> Vec<(String, Omission)> {
    let (created, _) = create_checked(tree);
    assert_eq!(
        created.files as usize + created.omitted.len(),
        tree.files().len()
    );
    let mut omitted: Vec<_> = created
        .omitted
        .into_iter()
        .map(|omitted| (omitted.path, omitted.why))
        .collect();
    omitted.sort_by(|a, b| a.0.cmp(&b.0));
    omitted
}

#[track_caller]
fn check_omitted(tree: &mut MemoryTree, want: &[(&str, Omission)]) {
    let want: Vec<_> = want
        .iter()
        .map(|&(path, why)| (path.to_owned(), why))
        .collect();
    assert_eq!(list_omitted(tree), want);
}

#[track_caller]
fn find_fault(tree: &mut dyn Tree) -> NameFault {
    match create(io::sink(), &module(), tree, &Limits::default()) {
        Err(ZipError::BadName { fault, .. }) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn zip_holds_the_files_of_the_tree() {
    let mut tree = MemoryTree::new();
    tree.add("go.mod", "module example.com/m\n")
        .add("a/b.go", "package a\n")
        .add("README", vec![b'x'; 5000]);
    let (created, zip) = create_checked(&mut tree);
    assert_eq!((created.files, created.unpacked_bytes), (3, 21 + 10 + 5000));
    assert_eq!(
        check_both(&zip).unwrap().go_mod.as_deref(),
        Some(&b"module example.com/m\n"[..])
    );
    assert_eq!(
        hash_dir(&mut tree, "example.com/m@v1.0.0").unwrap(),
        created.h1
    );
}

/// The bytes are pinned: the order of the tree, the clock and the machine have no part in them.
#[test]
fn same_tree_gives_the_same_bytes() {
    let mut tree = MemoryTree::new();
    tree.add("b", "2").add("a/c", "3".repeat(1000)).add("é", "");
    let (_, zip) = create_checked(&mut tree);
    let mut backwards = MemoryTree::new();
    backwards
        .add("é", "")
        .add("a/c", "3".repeat(1000))
        .add("b", "2");
    assert_eq!(create_checked(&mut backwards).1, zip);
    assert_eq!(
        &zip[..30],
        b"PK\x03\x04\x14\0\0\0\x08\0\0\0\x21\0\xcf\xe1\x63\x84\x0b\0\0\0\xe8\x03\0\0\x18\0\0\0"
    );
}

#[test]
fn large_files_are_streamed() {
    let large: Vec<u8> = (0..9_000_000_u32)
        .map(|n| (n / 1000 * 7 % 251) as u8)
        .collect();
    let mut tree = MemoryTree::new();
    tree.add("large", large)
        .add("small", "x")
        .add("exact", vec![1; 4 << 20])
        .add("over", vec![1; (4 << 20) + 1]);
    let (created, zip) = create_checked(&mut tree);
    assert_eq!(
        hash_dir(&mut tree, "example.com/m@v1.0.0").unwrap(),
        created.h1
    );
    assert!(zip.len() < 200_000);
    assert_eq!(create_checked(&mut tree).1, zip);
}

#[test]
fn incompressible_files_are_stored() {
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    })
    .take(100_000)
    .collect();
    let mut tree = MemoryTree::new();
    tree.add("noise", noise);
    assert!(create_checked(&mut tree).1.len() < 100_300);
}

#[test]
fn empty_tree_is_a_module() {
    assert_eq!(create_checked(&mut MemoryTree::new()).0.files, 0);
}

#[test]
fn trap_t19_symlinks_take_part_in_the_checks_before_they_are_dropped() {
    check_omitted(
        &mut tree_of(&["a", "link@"]),
        &[("link", Omission::Symlink)],
    );
    assert_eq!(
        find_fault(&mut tree_of(&["a", "A@"])),
        NameFault::CaseCollision("a".to_owned())
    );
    assert_eq!(
        find_fault(&mut tree_of(&["a/x@", "A/y"])),
        NameFault::CaseCollision("a".to_owned())
    );
    assert_eq!(
        find_fault(&mut tree_of(&["a@", "a/y"])),
        NameFault::FileAndDirectory
    );
    assert!(
        matches!(find_fault(&mut tree_of(&["a:b@"])), NameFault::Path(error) if error.reason == Reason::Char(':'))
    );
    assert_eq!(find_fault(&mut tree_of(&["GO.MOD@"])), NameFault::GoModCase);
    // Where they lie in what is left out anyhow, nobody looks at them.
    let mut tree = tree_of(&["vendor/a/a:b@", "n/go.mod", "n/x@", "n/X"]);
    assert_eq!(list_omitted(&mut tree).len(), 4);
}

#[test]
fn trap_t20_nested_module_is_cut_out() {
    check_omitted(
        &mut tree_of(&[
            "go.mod", "a/go.mod", "a/x", "a/b/c/x", "ab/x", "c/GO.MOD", "c/x",
        ]),
        &[
            ("a/b/c/x", Omission::NestedModule),
            ("a/go.mod", Omission::NestedModule),
            ("a/x", Omission::NestedModule),
            ("c/GO.MOD", Omission::NestedModule),
            ("c/x", Omission::NestedModule),
        ],
    );
}

#[test]
fn trap_t20_symlink_named_go_mod_does_not_cut() {
    check_omitted(
        &mut tree_of(&["a/go.mod@", "a/x"]),
        &[("a/go.mod", Omission::Symlink)],
    );
}

#[test]
fn trap_t20_directory_named_go_mod_does_not_cut() {
    check_omitted(&mut tree_of(&["a/go.mod/x", "a/y"]), &[]);
    check_omitted(
        &mut tree_of(&["a/go.mod/", "a/go.mod/x", "a/y"]),
        &[("a/go.mod", Omission::Irregular)],
    );
}

#[test]
fn root_go_mod_in_another_case_is_an_error() {
    assert_eq!(find_fault(&mut tree_of(&["Go.Mod"])), NameFault::GoModCase);
    assert_eq!(
        find_fault(&mut tree_of(&["go.mod", "GO.MOD"])),
        NameFault::GoModCase
    );
}

const VENDORED: [&str; 6] = [
    "vendor/README",
    "vendor/a/a.go",
    "vendor/modules.txt",
    "p/vendor/v.go",
    "p/vendor/a/a.go",
    "p/v.go",
];

#[track_caller]
fn check_vendor_rule(go_mod: Option<&str>, new: bool) {
    let mut tree = tree_of(&VENDORED);
    if let Some(text) = go_mod {
        tree.add("go.mod", text);
    }
    let old = ["p/vendor/a/a.go", "p/vendor/v.go", "vendor/a/a.go"];
    let want = if new {
        ["p/vendor/a/a.go", "vendor/a/a.go", "vendor/modules.txt"]
    } else {
        old
    };
    let want = want.map(|path| (path.to_owned(), Omission::Vendored));
    assert_eq!(list_omitted(&mut tree), want, "{go_mod:?}");
}

#[test]
fn trap_t21_vendor_rule_follows_the_go_line() {
    check_vendor_rule(None, false);
    check_vendor_rule(Some(""), false);
    check_vendor_rule(Some("module example.com/m\n"), false);
    check_vendor_rule(Some("module example.com/m\ngo 1.23\n"), false);
    check_vendor_rule(Some("module example.com/m\ngo 1.23.9\n"), false);
    check_vendor_rule(Some("module example.com/m\ngo 1.24\n"), true);
    check_vendor_rule(Some("module example.com/m\ngo 1.24.0\n"), true);
    check_vendor_rule(Some("go 1.100\n"), true);
    check_vendor_rule(Some("go 2.0\n"), true);
}

#[test]
fn trap_t22_release_candidate_counts_as_its_language_version() {
    check_vendor_rule(Some("go 1.24rc1\n"), true);
    check_vendor_rule(Some("go 1.24beta2\n"), true);
    check_vendor_rule(Some("go 1.23rc1\n"), false);
}

#[test]
fn trap_t22_unreadable_go_mod_counts_as_old() {
    check_vendor_rule(Some("go 1.24\ngo 1.24\n"), false);
    check_vendor_rule(
        Some("go 1.24\nrequire example.com/a v1\nrequire (\n"),
        false,
    );
    check_vendor_rule(Some("go 1.24.0rc1\n"), false); // fits the grammar of the line, but is no Go version
    check_vendor_rule(Some("go 1.24\nunknown directive\nreplace nonsense\n"), true); // parsed as dependencies are
    check_vendor_rule(Some("\u{feff}go 1.24\n"), false);
}

#[test]
fn vendor_rule_needs_a_regular_go_mod_at_the_root() {
    let mut tree = tree_of(&VENDORED);
    tree.add_kind("go.mod", Kind::Symlink, "go 1.24\n");
    assert!(list_omitted(&mut tree).contains(&("p/vendor/v.go".to_owned(), Omission::Vendored)));
    let mut tree = tree_of(&VENDORED);
    tree.add("n/go.mod", "go 1.24\n");
    assert!(list_omitted(&mut tree).contains(&("p/vendor/v.go".to_owned(), Omission::Vendored)));
}

#[test]
fn go_mod_below_vendor_cuts_too() {
    check_omitted(
        &mut tree_of(&["vendor/go.mod", "vendor/x"]),
        &[
            ("vendor/go.mod", Omission::NestedModule),
            ("vendor/x", Omission::NestedModule),
        ],
    );
}

#[test]
fn hg_archival_goes_from_the_root_only() {
    check_omitted(
        &mut tree_of(&[".hg_archival.txt", "a/.hg_archival.txt", ".hgtags"]),
        &[(".hg_archival.txt", Omission::HgArchival)],
    );
}

#[test]
fn directories_and_devices_are_left_out() {
    let mut tree = tree_of(&["d/", "d/x", "empty/"]);
    tree.add_kind("device", Kind::Other, "");
    check_omitted(
        &mut tree,
        &[
            ("d", Omission::Irregular),
            ("device", Omission::Irregular),
            ("empty", Omission::Irregular),
        ],
    );
    assert_eq!(
        find_fault(&mut tree_of(&["LICENSE/", "LICENSE"])),
        NameFault::FileAndDirectory
    );
    assert_eq!(
        find_fault(&mut tree_of(&["License/x", "LICENSE"])),
        NameFault::CaseCollision("License".to_owned())
    );
}

#[test]
fn trap_t2_invalid_file_fails_the_module() {
    for name in [
        "a\"b",
        "d/a'b",
        "a*b",
        "a?b",
        "a:b",
        "a\\b",
        "a\u{301}",
        "😀.go",
        "NUL",
        "x/com1.txt",
        "a./b",
        "...",
    ] {
        assert!(
            matches!(find_fault(&mut tree_of(&["ok", name])), NameFault::Path(_)),
            "{name:?}"
        );
    }
}

#[test]
fn unclean_paths_fail_even_where_they_would_be_left_out() {
    for name in [
        "a//b",
        "a/./b",
        "a/../b",
        "./a",
        "vendor/a//b",
        "",
        "a/b/../c",
    ] {
        let mut tree = MemoryTree::new();
        tree.add(name, "");
        assert_eq!(find_fault(&mut tree), NameFault::NotClean, "{name:?}");
    }
    assert_eq!(find_fault(&mut tree_of(&["/a"])), NameFault::NotRelative);
    assert!(matches!(
        find_fault(&mut tree_of(&["../a"])),
        NameFault::Path(_)
    ));
}

#[test]
fn trap_t24_collisions_see_only_what_stays() {
    assert_eq!(
        find_fault(&mut tree_of(&["a/ſ", "a/S"])),
        NameFault::CaseCollision("ſ".to_owned())
    );
    assert_eq!(
        find_fault(&mut tree_of(&["\u{212a}/a", "k/b"])),
        NameFault::CaseCollision("\u{212a}".to_owned())
    );
    create_checked(&mut tree_of(&["ß", "ss"]));
    create_checked(&mut tree_of(&[
        "vendor/a/x",
        "vendor/a/X",
        "vendor/A/x",
        "n/go.mod",
        "n/a",
        "n/A",
        "N",
    ]));
}

/// A tree that says one size and gives another, or nothing.
struct LyingTree {
    files: Vec<TreeFile>,
    content: io::Result<Vec<u8>>,
}

impl LyingTree {
    fn new(path: &str, size_bytes: u64, content: io::Result<Vec<u8>>) -> Self {
        Self {
            files: vec![TreeFile {
                path: path.to_owned(),
                kind: Kind::Regular,
                size_bytes,
            }],
            content,
        }
    }
}

impl Tree for LyingTree {
    fn files(&self) -> &[TreeFile] {
        &self.files
    }

    fn open(&mut self, _index: usize) -> io::Result<Box<dyn Read + '_>> {
        match &self.content {
            Ok(content) => Ok(Box::new(content.as_slice())),
            Err(error) => Err(error.kind().into()),
        }
    }
}

#[test]
fn file_may_be_shorter_than_listed_but_not_longer() {
    for size in [10, 5 << 20] {
        let tree = |listed: u64| LyingTree::new("a", listed, Ok(vec![1; size as usize]));
        assert_eq!(find_fault(&mut tree(size - 1)), NameFault::Grew);
        let created =
            |listed| create(io::sink(), &module(), &mut tree(listed), &Limits::default()).unwrap();
        assert_eq!(created(size + 1).h1, created(size).h1);
        assert_eq!(created(size + 1).unpacked_bytes, size);
    }
}

#[test]
fn sizes_are_checked_before_anything_is_read() {
    let listed = |path: &str, size| {
        let mut tree = LyingTree::new(path, size, Ok(b"x".to_vec()));
        create(io::sink(), &module(), &mut tree, &Limits::default())
    };
    let too_large =
        |found, what| matches!(found, Err(ZipError::TooLarge { what: found, .. }) if found == what);
    assert!(listed("a", 500 << 20).is_ok());
    assert!(too_large(listed("a", (500 << 20) + 1), Measure::Contents));
    assert!(listed("go.mod", 16 << 20).is_ok());
    assert!(too_large(listed("go.mod", (16 << 20) + 1), Measure::GoMod));
    assert!(listed("LICENSE", 16 << 20).is_ok());
    assert!(too_large(
        listed("LICENSE", (16 << 20) + 1),
        Measure::License
    ));
    assert!(listed("d/LICENSE", 17 << 20).is_ok());
}

#[test]
fn zip_over_its_limit_is_refused() {
    let limits = |zip_bytes| Limits {
        zip_bytes,
        ..Limits::default()
    };
    let mut tree = tree_of(&["a", "b"]);
    let (created, _) = create_checked(&mut tree);
    create(io::sink(), &module(), &mut tree, &limits(created.zip_bytes)).unwrap();
    let found = create(
        io::sink(),
        &module(),
        &mut tree,
        &limits(created.zip_bytes - 1),
    );
    assert!(
        matches!(
            found,
            Err(ZipError::TooLarge {
                what: Measure::Zip,
                ..
            })
        ),
        "{found:?}"
    );
}

#[test]
fn trouble_with_a_file_names_it() {
    let mut tree = LyingTree::new("a/b", 1, Err(io::ErrorKind::PermissionDenied.into()));
    match create(io::sink(), &module(), &mut tree, &Limits::default()) {
        Err(ZipError::ReadFile { name, source }) => {
            assert_eq!(
                (name.as_str(), source.kind()),
                ("a/b", io::ErrorKind::PermissionDenied)
            );
        }
        other => panic!("{other:?}"),
    }
    let found = hash_dir(&mut tree, "x");
    assert!(matches!(found, Err(ZipError::ReadFile { .. })), "{found:?}");
}

#[test]
fn trouble_with_the_output_is_told_apart() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self
                .0
                .checked_sub(bytes.len())
                .ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    for (size, room) in [(10, 0), (10, 40), (10, 100), (5 << 20, 0), (5 << 20, 1000)] {
        let mut tree = MemoryTree::new();
        tree.add("a", vec![1; size]);
        match create(Full(room), &module(), &mut tree, &Limits::default()) {
            Err(ZipError::Write { source }) => {
                assert_eq!(source.kind(), io::ErrorKind::StorageFull)
            }
            other => panic!("{size} {room}: {other:?}"),
        }
    }
}

#[test]
fn hash_dir_leaves_nothing_out_but_directories() {
    let mut tree = tree_of(&["b", "a/c", "a/", "l@", "n/go.mod", "vendor/x/y"]);
    let hash = hash_dir(&mut tree, "p").unwrap();
    let digest = |text: &str| *crate::hash::ContentDigest::of(text.as_bytes()).as_bytes();
    let files = [
        ("p/b", ""),
        ("p/a/c", ""),
        ("p/l", "target"),
        ("p/n/go.mod", ""),
        ("p/vendor/x/y", ""),
    ];
    let files = files.map(|(name, text)| (name.to_owned(), digest(text)));
    assert_eq!(hash, crate::hash::hash_files(files.into()).unwrap());
}
