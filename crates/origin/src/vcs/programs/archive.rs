//! Trees of archives that the programs wrote; the archive goes when the tree goes.

use std::fs::File;
use std::io::{self, Read};

use gomod::zip::{Limits, PackedTree, Tree, TreeFile};

use super::tools::{Scratch, Tools};
use crate::vcs::code::CodeError;

/// The folder inside of archives, and below it the directory that was asked for.
pub fn prefix(directory: &str) -> String {
    if directory.is_empty() {
        "prefix/".to_owned()
    } else {
        format!("prefix/{directory}/")
    }
}

/// Opens an archive that lies in `scratch`.
///
/// # Errors
/// Class `Invalid` for an archive over the bounds or with names twice, `Storage` where it cannot be read.
pub fn open(
    tools: &Tools,
    scratch: Scratch,
    zip: io::Result<File>,
    prefix: &str,
) -> Result<Box<dyn Tree + Send>, CodeError> {
    let zip = zip.map_err(|error| tools.storage(&error))?;
    let bounds = &tools.settings().bounds;
    let limits = Limits {
        zip_bytes: bounds.tree_bytes,
        entries: bounds.tree_files,
        ..Limits::default()
    };
    let tree = PackedTree::open(zip, prefix, &limits)
        .map_err(|error| CodeError::invalid(format!("{}: archive: {error}", tools.what())))?;
    Ok(Box::new(ArchiveTree {
        tree,
        _scratch: scratch,
    }))
}

struct ArchiveTree {
    tree: PackedTree<File>,
    /// Removed when the tree is dropped.
    _scratch: Scratch,
}

impl Tree for ArchiveTree {
    fn files(&self) -> &[TreeFile] {
        self.tree.files()
    }

    fn open(&mut self, index: usize) -> io::Result<Box<dyn Read + '_>> {
        self.tree.open(index)
    }
}
