//! A module's files with the LICENSE that it inherits from the root of its repository.
//!
//! Source: cmd/go/internal/modfetch, `codeRepo.Zip`.

use std::io::{self, Cursor, Read};

use bytes::Bytes;
use gomod::zip::{Kind, Prepared, Tree, TreeFile};

/// The one name that counts.
pub const LICENSE: &str = "LICENSE";

/// A tree with one file more.
pub struct Licensed {
    tree: Box<dyn Tree + Send>,
    files: Vec<TreeFile>,
    license: Bytes,
}

impl Licensed {
    /// Adds a LICENSE at the end, whatever else there is: a `license` will collide with it, as it does in cmd/go.
    pub fn new(tree: Box<dyn Tree + Send>, license: Bytes) -> Self {
        let mut files = tree.files().to_vec();
        files.push(TreeFile {
            path: LICENSE.to_owned(),
            kind: Kind::Regular,
            size_bytes: license.len() as u64,
        });
        Self {
            tree,
            files,
            license,
        }
    }
}

impl Tree for Licensed {
    fn files(&self) -> &[TreeFile] {
        &self.files
    }

    fn open(&mut self, index: usize) -> io::Result<Box<dyn Read + '_>> {
        if index + 1 == self.files.len() {
            Ok(Box::new(Cursor::new(&self.license)))
        } else {
            self.tree.open(index)
        }
    }

    fn find_prepared(&mut self, index: usize) -> io::Result<Option<Prepared>> {
        if index + 1 == self.files.len() {
            Ok(None)
        } else {
            self.tree.find_prepared(index)
        }
    }
}

/// Whether a module has a LICENSE of its own: a link counts, though it will be left out, a directory does not.
pub fn has_license(files: &[TreeFile]) -> bool {
    files
        .iter()
        .any(|file| file.path == LICENSE && file.kind != Kind::Directory)
}
