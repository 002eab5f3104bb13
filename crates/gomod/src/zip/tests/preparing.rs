//! Contents prepared beforehand: the same zip without looking at them.

use std::io::{self, Cursor, Read};

use super::super::testing::module;
use super::super::{
    Created, Deflated, Kind, Limits, Measure, MemoryTree, NameFault, PREPARED_BYTES_MAX, Prepared,
    Preparer, Tree, TreeFile, ZipError, create, prepare,
};
use super::{check_both, create_checked};

/// A tree that has the first files of another one prepared, and counts what is opened all the same.
struct PreparedTree {
    tree: MemoryTree,
    prepared: Vec<Prepared>,
    opened: Vec<String>,
}

impl PreparedTree {
    fn new(tree: MemoryTree, count: usize) -> Self {
        let mut inner = tree.clone();
        let mut preparer = Preparer::new();
        let prepared = (0..count.min(tree.files().len()))
            .map(|index| {
                let mut content = Vec::new();
                inner
                    .open(index)
                    .unwrap()
                    .read_to_end(&mut content)
                    .unwrap();
                preparer.prepare(&content)
            })
            .collect();
        Self {
            tree,
            prepared,
            opened: Vec::new(),
        }
    }
}

impl Tree for PreparedTree {
    fn files(&self) -> &[TreeFile] {
        self.tree.files()
    }

    fn open(&mut self, index: usize) -> io::Result<Box<dyn Read + '_>> {
        self.opened.push(self.tree.files()[index].path.clone());
        self.tree.open(index)
    }

    fn find_prepared(&mut self, index: usize) -> io::Result<Option<Prepared>> {
        Ok(self.prepared.get(index).cloned())
    }
}

fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1_u64;
    std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    })
    .take(bytes)
    .collect()
}

fn varied_tree() -> MemoryTree {
    let exact = PREPARED_BYTES_MAX as usize;
    let mut tree = MemoryTree::new();
    tree.add("go.mod", "module example.com/m\n\ngo 1.24\n")
        .add("empty", "")
        .add("one", "x")
        .add("text", "all work and no play\n".repeat(1000))
        .add("noise", noise(70_000))
        .add("é", "a name outside of ASCII\n".repeat(9))
        .add_kind("link", Kind::Symlink, "text")
        .add("exact", vec![1; exact])
        .add("over", vec![2; exact + 1]);
    tree
}

#[test]
fn prepared_files_give_the_same_zip_unopened() {
    let (want, zip) = create_checked(&mut varied_tree());
    for (count, opened) in [
        (9, &["go.mod", "over"][..]),
        (4, &["go.mod", "exact", "noise", "over", "é"]),
        (
            1,
            &[
                "go.mod", "empty", "exact", "noise", "one", "over", "text", "é",
            ],
        ),
    ] {
        let mut tree = PreparedTree::new(varied_tree(), count);
        let mut found = Vec::new();
        let created = create(&mut found, &module(), &mut tree, &Limits::default()).unwrap();
        assert_eq!(created, want, "{count}");
        assert!(found == zip, "{count} prepared give other bytes");
        assert_eq!(tree.opened, opened);
    }
}

#[test]
fn preparing_deflates_where_that_is_shorter() {
    let text = "all work and no play\n".repeat(1000);
    let prepared = prepare(text.as_bytes());
    let Deflated::Stream(stream) = &prepared.deflated else {
        panic!("stored");
    };
    let mut unpacked = String::new();
    flate2::read::DeflateDecoder::new(Cursor::new(stream))
        .read_to_string(&mut unpacked)
        .unwrap();
    assert_eq!(unpacked, text);
    assert_eq!(prepared.size_bytes, text.len() as u64);
    assert_eq!(prepared.crc32, crc32fast::hash(text.as_bytes()));
    for stored in [&b""[..], b"x", &noise(5000)] {
        assert_eq!(prepare(stored).deflated.bytes(), stored);
        assert!(matches!(prepare(stored).deflated, Deflated::Stored(_)));
    }
    let mut preparer = Preparer::default();
    preparer.prepare(&noise(5000));
    assert_eq!(preparer.prepare(text.as_bytes()), prepared);
}

/// One file of this listed size, prepared so.
fn create_one(listed: u64, prepared: io::Result<Prepared>) -> Result<(Created, Vec<u8>), ZipError> {
    struct One([TreeFile; 1], io::Result<Prepared>);
    impl Tree for One {
        fn files(&self) -> &[TreeFile] {
            &self.0
        }

        fn open(&mut self, _index: usize) -> io::Result<Box<dyn Read + '_>> {
            Ok(Box::new(io::repeat(b'o').take(self.0[0].size_bytes)))
        }

        fn find_prepared(&mut self, _index: usize) -> io::Result<Option<Prepared>> {
            match &self.1 {
                Ok(prepared) => Ok(Some(prepared.clone())),
                Err(error) => Err(error.kind().into()),
            }
        }
    }
    let file = TreeFile {
        path: "a/b".to_owned(),
        kind: Kind::Regular,
        size_bytes: listed,
    };
    let mut zip = Vec::new();
    let limits = Limits {
        zip_bytes: 100_000,
        ..Limits::default()
    };
    let created = create(&mut zip, &module(), &mut One([file], prepared), &limits)?;
    Ok((created, zip))
}

#[test]
fn prepared_sizes_are_checked_as_others_are() {
    let grew = |found| {
        matches!(
            found,
            Err(ZipError::BadName {
                fault: NameFault::Grew,
                ..
            })
        )
    };
    for content in [noise(10), vec![1; 5000]] {
        let size = content.len() as u64;
        assert!(grew(create_one(size - 1, Ok(prepare(&content)))));
        let (exact, zip) = create_one(size, Ok(prepare(&content))).unwrap();
        assert_eq!(
            create_one(size + 1, Ok(prepare(&content))).unwrap().0,
            exact
        );
        assert_eq!(exact.unpacked_bytes, size);
        assert_eq!(check_both(&zip).unwrap().h1, exact.h1);
    }
    let too_large = create_one(200_000, Ok(prepare(&noise(100_000))));
    assert!(
        matches!(
            too_large,
            Err(ZipError::TooLarge {
                what: Measure::Zip,
                ..
            })
        ),
        "{too_large:?}"
    );
}

#[test]
fn large_files_are_never_taken_as_prepared() {
    let listed = PREPARED_BYTES_MAX + 1;
    let (created, _) = create_one(listed, Ok(prepare(b"x"))).unwrap();
    assert_eq!(created.unpacked_bytes, listed);
    let (created, _) = create_one(listed - 1, Ok(prepare(b"x"))).unwrap();
    assert_eq!(created.unpacked_bytes, 1);
}

#[test]
fn trouble_with_prepared_content_names_the_file() {
    let lying = Prepared {
        size_bytes: 2,
        ..prepare(b"x")
    };
    for (prepared, kind) in [
        (Ok(lying), io::ErrorKind::InvalidData),
        (
            Err(io::ErrorKind::PermissionDenied.into()),
            io::ErrorKind::PermissionDenied,
        ),
    ] {
        match create_one(10, prepared) {
            Err(ZipError::ReadFile { name, source }) => {
                assert_eq!((name.as_str(), source.kind()), ("a/b", kind));
            }
            other => panic!("{other:?}"),
        }
    }
}
