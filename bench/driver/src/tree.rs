//! Versions of a GOPROXY tree, also of a module cache's download folder.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use gomod::path::ModulePath;
use gomod::version::{ModuleVersion, Version};

/// A version with all its files.
pub struct Found {
    /// The version.
    pub of: ModuleVersion,
    /// Path of its files without the ending.
    pub stem: PathBuf,
    /// The same, relative to the tree, with slashes.
    pub escaped: String,
}

/// Finds versions that have `.info`, `.mod` and `.zip`, in the order of their paths.
pub fn find(tree: &Path) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut folders = vec![(tree.to_owned(), String::new())];
    while let Some((folder, escaped)) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_dir() {
                let inner = if escaped.is_empty() {
                    name
                } else {
                    format!("{escaped}/{name}")
                };
                folders.push((entry.path(), inner));
            } else if let (Some(version), Some(module)) =
                (name.strip_suffix(".zip"), escaped.strip_suffix("/@v"))
            {
                let stem = folder.join(version);
                let complete = ["info", "mod"]
                    .iter()
                    .all(|ending| folder.join(format!("{version}.{ending}")).exists());
                let Ok(path) = ModulePath::from_escaped(module) else {
                    continue;
                };
                let Ok(parsed) = Version::from_escaped(version) else {
                    continue;
                };
                if let (true, Ok(of)) = (complete, ModuleVersion::new(path, parsed)) {
                    found.push(Found {
                        of,
                        stem,
                        escaped: format!("{escaped}/{version}"),
                    });
                }
            }
        }
    }
    found.sort_by(|a, b| a.escaped.cmp(&b.escaped));
    Ok(found)
}

/// Prints the versions.
pub fn print_list(tree: &Path) -> Result<()> {
    let mut out = std::io::stdout().lock();
    for found in find(tree)? {
        // A reader that has seen enough is no error.
        if writeln!(out, "{}", found.escaped).is_err() {
            break;
        }
    }
    Ok(())
}

/// Appends an ending to a stem; versions have dots, so `with_extension` would cut them.
pub fn with_ending(stem: &Path, ending: &str) -> PathBuf {
    let mut path = stem.as_os_str().to_owned();
    path.push(ending);
    PathBuf::from(path)
}
