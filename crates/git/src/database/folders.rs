//! The folders of a database and the packs in them.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::DatabaseError;

/// Folders that alternates may lead through, as in git.
const ALTERNATES_DEPTH_MAX: usize = 5;

/// Folders of one database.
const FOLDERS_MAX: usize = 64;

/// Packs of one database. A repository that is packed now and then has a few.
const PACKS_MAX: usize = 10_000;

/// Length of `info/alternates`: two hundred of the longest paths.
const ALTERNATES_BYTES_MAX: u64 = 1 << 20;

/// An objects folder and those that its `info/alternates` lead to, each once.
pub(super) fn list_with_alternates(objects_folder: &Path) -> Result<Vec<PathBuf>, DatabaseError> {
    let mut folders = vec![objects_folder.to_owned()];
    let mut level = 0..1;
    for _ in 0..ALTERNATES_DEPTH_MAX {
        for at in level.clone() {
            for alternate in read_alternates(&folders[at])? {
                if !folders.contains(&alternate) {
                    folders.push(alternate);
                }
            }
            if folders.len() > FOLDERS_MAX {
                return Err(DatabaseError::TooMany {
                    path: objects_folder.to_owned(),
                    what: "alternates",
                    max: FOLDERS_MAX,
                });
            }
        }
        level = level.end..folders.len();
    }
    Ok(folders)
}

/// Lines are paths, relative ones to the objects folder; `#` begins a comment. Folders that are gone are left out.
fn read_alternates(folder: &Path) -> Result<Vec<PathBuf>, DatabaseError> {
    let path = folder.join("info").join("alternates");
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(DatabaseError::Io { path, cause }),
    };
    let mut text = String::new();
    file.take(ALTERNATES_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(DatabaseError::io(&path))?;
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let folders = lines.filter_map(|line| folder.join(line).canonicalize().ok());
    Ok(folders.filter(|folder| folder.is_dir()).collect())
}

/// The indexes in these objects folders, oldest first as far as the file system tells.
pub(super) fn list_indexes(objects_folders: &[PathBuf]) -> Result<Vec<PathBuf>, DatabaseError> {
    let mut indexes = Vec::new();
    for objects_folder in objects_folders {
        let folder = objects_folder.join("pack");
        let listing = match fs::read_dir(&folder) {
            Ok(listing) => listing,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => continue,
            Err(cause) => {
                return Err(DatabaseError::Io {
                    path: folder,
                    cause,
                });
            }
        };
        for entry in listing {
            let path = entry.map_err(DatabaseError::io(&folder))?.path();
            if path.extension().is_some_and(|extension| extension == "idx") {
                let changed = fs::metadata(&path)
                    .and_then(|metadata| metadata.modified())
                    .ok();
                indexes.push((changed, path));
            }
            if indexes.len() > PACKS_MAX {
                return Err(DatabaseError::TooMany {
                    path: folder,
                    what: "packs",
                    max: PACKS_MAX,
                });
            }
        }
    }
    indexes.sort_unstable();
    Ok(indexes.into_iter().map(|(_, path)| path).collect())
}
