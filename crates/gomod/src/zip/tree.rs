//! The files a module zip is made from, wherever they are kept.
//!
//! Not here: which of them belong into the zip (`select`).

use std::io::{self, Cursor, Read};

use sha2::{Digest, Sha256};

use super::ZipError;
use super::prepared::Prepared;
use crate::hash::{H1, hash_files};

/// What stands at a path of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file, executable or not.
    Regular,
    /// A symbolic link: it takes part in the checks of names and is then left out.
    Symlink,
    /// A directory. Trees need not list them.
    Directory,
    /// Anything else, such as a device; left out like a symbolic link.
    Other,
}

/// One path of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeFile {
    /// Slash-separated, relative to the root of the module.
    pub path: String,
    /// What stands there.
    pub kind: Kind,
    /// Size in bytes of what [`Tree::open`] gives; 0 unless regular.
    pub size_bytes: u64,
}

/// A list of files whose contents can be had one at a time.
pub trait Tree {
    /// All files, in any order.
    fn files(&self) -> &[TreeFile];

    /// Gives the content of the file at `index` of [`Tree::files`].
    ///
    /// # Errors
    /// Whatever keeps the content from being read.
    fn open(&mut self, index: usize) -> io::Result<Box<dyn Read + '_>>;

    /// Gives the content of the file at `index` in its prepared form where that is at hand: what [`Tree::open`] gives,
    /// as [`super::prepare`] makes it. What it says is believed.
    ///
    /// # Errors
    /// Whatever keeps it from being read; where there is nothing prepared, that is none.
    fn find_prepared(&mut self, index: usize) -> io::Result<Option<Prepared>> {
        let _ = index;
        Ok(None)
    }
}

/// A small tree held in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryTree {
    files: Vec<TreeFile>,
    contents: Vec<Vec<u8>>,
}

impl MemoryTree {
    /// Makes an empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a regular file.
    pub fn add(&mut self, path: impl Into<String>, content: impl Into<Vec<u8>>) -> &mut Self {
        self.add_kind(path, Kind::Regular, content)
    }

    /// Adds anything; the content of a symbolic link is its target.
    pub fn add_kind(
        &mut self,
        path: impl Into<String>,
        kind: Kind,
        content: impl Into<Vec<u8>>,
    ) -> &mut Self {
        let content = content.into();
        self.files.push(TreeFile {
            path: path.into(),
            kind,
            size_bytes: content.len() as u64,
        });
        self.contents.push(content);
        self
    }
}

impl Tree for MemoryTree {
    fn files(&self) -> &[TreeFile] {
        &self.files
    }

    fn open(&mut self, index: usize) -> io::Result<Box<dyn Read + '_>> {
        let content = self.contents.get(index).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(Cursor::new(content)))
    }
}

/// Computes the `h1:` hash of a whole tree, each name being `prefix`, a slash and the path; nothing is left out but
/// directories themselves.
///
/// Symbolic links are hashed by what [`Tree::open`] gives for them: to agree with Go's `HashDir`, that is the content
/// of the file they point to. An unpacked module of the module cache gives the hash of its zip.
///
/// # Errors
/// [`ZipError::ReadFile`], and [`ZipError::Unhashable`] if a name holds a newline.
///
/// Source: golang.org/x/mod, `sumdb/dirhash`, `HashDir`.
pub fn hash_dir(tree: &mut dyn Tree, prefix: &str) -> Result<H1, ZipError> {
    let mut buffer = vec![0; 64 * 1024];
    let mut files = Vec::with_capacity(tree.files().len());
    for index in 0..tree.files().len() {
        let file = &tree.files()[index];
        if file.kind == Kind::Directory {
            continue;
        }
        let path = file.path.clone();
        let digest = digest_of(tree, index, &mut buffer).map_err(|source| ZipError::ReadFile {
            name: path.clone(),
            source,
        })?;
        files.push((format!("{prefix}/{path}"), digest));
    }
    Ok(hash_files(files)?)
}

fn digest_of(tree: &mut dyn Tree, index: usize, buffer: &mut [u8]) -> io::Result<[u8; 32]> {
    let mut content = tree.open(index)?;
    let mut sha = Sha256::new();
    loop {
        match content.read(buffer) {
            Ok(0) => return Ok(sha.finalize().into()),
            Ok(bytes) => sha.update(&buffer[..bytes]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
