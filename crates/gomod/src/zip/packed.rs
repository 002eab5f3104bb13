//! The files of any zip archive as a tree: how a module is made from an archive that a version control program wrote.
//!
//! Not here: the rules for module zips (`check`).

use std::io::{self, Read, Seek, SeekFrom};

use flate2::read::DeflateDecoder;

use super::archive::{Archive, Entry, STORED};
use super::content::check_header;
use super::source::{Source, Window};
use super::tree::{Kind, Tree, TreeFile};
use super::{EntryFault, Limits, ZipError};

/// The bits of a Unix mode that say what kind of file it is, and their values.
const KIND_MASK: u32 = 0o170_000;
const KIND_REGULAR: u32 = 0o100_000;
const KIND_DIRECTORY: u32 = 0o040_000;
const KIND_SYMLINK: u32 = 0o120_000;

/// The entries of an archive below one prefix, each read from the archive when it is asked for.
pub struct PackedTree<R> {
    zip: R,
    archive: Archive,
    files: Vec<TreeFile>,
    /// The entry of each file.
    entries: Vec<usize>,
}

impl<R: Read + Seek> PackedTree<R> {
    /// Opens an archive. Paths are what follows `prefix`, which ends in a slash or is empty; entries elsewhere and
    /// directories are left out. Modes tell symbolic links from files where a Unix program wrote the archive.
    ///
    /// The archive is held to `limits` of zip, entries and directory. Memory: its directory and the names.
    ///
    /// # Errors
    /// Those of the reader of archives: [`ZipError::BadArchive`], [`ZipError::BadEntry`], [`ZipError::TooLarge`],
    /// [`ZipError::Read`].
    pub fn open(mut zip: R, prefix: &str, limits: &Limits) -> Result<Self, ZipError> {
        let size_bytes = zip
            .seek(SeekFrom::End(0))
            .map_err(|source| ZipError::Read { source })?;
        let archive = Archive::open(&mut Window::new(&mut zip, size_bytes), limits)?;
        let (mut files, mut entries) = (Vec::new(), Vec::new());
        for (index, entry) in archive.entries().iter().enumerate() {
            // What is not UTF-8 gets a character that no path of a module may hold, as in Go.
            let name = String::from_utf8_lossy(archive.name(entry));
            let Some(path) = name.strip_prefix(prefix) else {
                continue;
            };
            if path.is_empty() || path.ends_with('/') {
                continue;
            }
            let kind = kind_of(entry);
            files.push(TreeFile {
                path: path.to_owned(),
                kind,
                size_bytes: if kind == Kind::Regular {
                    entry.size_bytes
                } else {
                    0
                },
            });
            entries.push(index);
        }
        Ok(Self {
            zip,
            archive,
            files,
            entries,
        })
    }
}

impl<R: Read + Seek> Tree for PackedTree<R> {
    fn files(&self) -> &[TreeFile] {
        &self.files
    }

    fn open(&mut self, index: usize) -> io::Result<Box<dyn Read + '_>> {
        let index = *self.entries.get(index).ok_or(io::ErrorKind::NotFound)?;
        let entry = self
            .archive
            .entries()
            .get(index)
            .ok_or(io::ErrorKind::NotFound)?;
        let name = self.archive.name(entry);
        let mut window = Window::new(&mut self.zip, entry.end);
        let offset = check_header(&mut window as &mut dyn Source, entry, name)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        self.zip.seek(SeekFrom::Start(offset))?;
        let packed = (&mut self.zip).take(entry.compressed_bytes);
        let plain: Box<dyn Read + '_> = if entry.method == STORED {
            Box::new(packed)
        } else {
            Box::new(DeflateDecoder::new(packed))
        };
        Ok(Box::new(Checked {
            plain,
            sum: crc32fast::Hasher::new(),
            rest_bytes: entry.size_bytes,
            want: entry.crc,
        }))
    }
}

fn kind_of(entry: &Entry) -> Kind {
    match entry.unix_mode & KIND_MASK {
        0 | KIND_REGULAR => Kind::Regular,
        KIND_SYMLINK => Kind::Symlink,
        KIND_DIRECTORY => Kind::Directory,
        _ => Kind::Other,
    }
}

/// Content that must have the size and the checksum which the archive declares.
struct Checked<'a> {
    plain: Box<dyn Read + 'a>,
    sum: crc32fast::Hasher,
    rest_bytes: u64,
    want: u32,
}

impl Read for Checked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let bytes = self.plain.read(buffer)?;
        self.sum.update(&buffer[..bytes]);
        let fault = match self.rest_bytes.checked_sub(bytes as u64) {
            None => Some(EntryFault::WrongSize),
            Some(rest) if bytes == 0 && rest > 0 => Some(EntryFault::WrongSize),
            Some(_) if bytes == 0 && self.sum.clone().finalize() != self.want => {
                Some(EntryFault::WrongChecksum)
            }
            Some(rest) => {
                self.rest_bytes = rest;
                None
            }
        };
        match fault {
            Some(fault) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                fault.to_string(),
            )),
            None => Ok(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::zip::testing::{RawEntry, RawZip};

    fn open(zip: Vec<u8>, prefix: &str) -> PackedTree<Cursor<Vec<u8>>> {
        PackedTree::open(Cursor::new(zip), prefix, &Limits::default()).unwrap()
    }

    fn read(tree: &mut dyn Tree, index: usize) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        tree.open(index)?.read_to_end(&mut content)?;
        Ok(content)
    }

    #[test]
    fn files_below_the_prefix_are_shown_with_their_contents() {
        let large = vec![7; 300_000];
        let link = RawEntry {
            attributes: 0o120_777 << 16,
            ..RawEntry::stored("p/link", b"go.mod")
        };
        let mut tree = open(
            RawZip::new(vec![
                RawEntry::stored("p/", b""),
                RawEntry::stored("p/go.mod", b"module m\n"),
                link,
                RawEntry::deflated("p/sub/large", &large).with_descriptor(true, false),
                RawEntry::stored("other/x", b"x"),
            ])
            .build(),
            "p/",
        );
        let shown: Vec<_> = tree
            .files()
            .iter()
            .map(|file| (file.path.as_str(), file.kind, file.size_bytes))
            .collect();
        assert_eq!(
            shown,
            [
                ("go.mod", Kind::Regular, 9),
                ("link", Kind::Symlink, 0),
                ("sub/large", Kind::Regular, 300_000),
            ]
        );
        // In any order, and again.
        for (index, want) in [
            (2, &large[..]),
            (0, b"module m\n"),
            (1, b"go.mod"),
            (2, &large),
        ] {
            assert_eq!(read(&mut tree, index).unwrap(), want);
        }
        assert!(read(&mut tree, 3).is_err());
    }

    #[test]
    fn nothing_below_the_prefix_is_an_empty_tree() {
        assert!(open(RawZip::new(vec![]).build(), "p/").files().is_empty());
        let zip = RawZip::new(vec![RawEntry::stored("p/x.go", b"x")]).build();
        assert!(open(zip, "p/sub/").files().is_empty());
    }

    #[test]
    fn contents_that_are_not_as_declared_are_errors_of_reading() {
        let bad_sum = RawEntry {
            crc: 1,
            ..RawEntry::deflated("p/a", b"content")
        };
        let longer = RawEntry {
            size: 3,
            ..RawEntry::deflated("p/b", b"content")
        };
        let shorter = RawEntry {
            size: 9,
            ..RawEntry::deflated("p/c", b"content")
        };
        let mut tree = open(RawZip::new(vec![bad_sum, longer, shorter]).build(), "p/");
        for index in 0..3 {
            let error = read(&mut tree, index).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{index}");
        }
    }
}
