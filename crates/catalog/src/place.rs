//! The files of a SQLite catalog as they were opened. Someone may delete or replace them under the running server;
//! SQLite goes on with what it holds open, and everything written from then on would end with the process.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::error::CatalogError;

/// The database, its write-ahead log and the index of that log: each is as needed as the others.
const ENDINGS: [&str; 3] = ["", "-wal", "-shm"];

/// Names of files, and which files they named when the catalog was opened.
pub(crate) struct Place {
    files: Vec<(PathBuf, FileId)>,
}

/// Device and number of a file.
type FileId = (u64, u64);

impl Place {
    /// Notes which files are there. To be called while a connection holds them open.
    pub(crate) fn note(path: &Path) -> Self {
        let named = |ending: &&str| {
            let mut name = path.as_os_str().to_owned();
            name.push(ending);
            PathBuf::from(name)
        };
        let files = ENDINGS.iter().map(named);
        Self {
            files: files
                .filter_map(|file| Some((file.clone(), find_id(&file)?)))
                .collect(),
        }
    }

    /// Refuses to go on if a name has vanished or names another file. Three looks of a microsecond each.
    pub(crate) fn check(&self) -> Result<(), CatalogError> {
        match self
            .files
            .iter()
            .find(|(file, id)| find_id(file) != Some(*id))
        {
            None => Ok(()),
            Some((file, _)) => Err(CatalogError::Replaced {
                place: file.display().to_string(),
            }),
        }
    }
}

fn find_id(file: &Path) -> Option<FileId> {
    let found = std::fs::metadata(file).ok()?;
    Some((found.dev(), found.ino()))
}
