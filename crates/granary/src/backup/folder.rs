//! The folder of a backup: where things lie in it, and who may write there.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use gomod::hash::ContentDigest;

/// Where the generations lie.
const GENERATIONS: &str = "generations";
/// Held by whoever writes.
const LOCK: &str = "backup.lock";
/// Made and removed to see whether the file system has hard links.
const LINK_PROBE: &str = ".link-probe";
/// Names that a file system, or a run that was cut off at its very beginning, brings along.
const NOT_FOREIGN: [&str; 3] = ["lost+found", LOCK, LINK_PROBE];

/// Said to whoever finds the folder.
const README: &str = "\
This folder is a backup of Granary, a repository of Go modules.

To restore it on any machine that has the program `granary`:

    granary restore THIS-FOLDER --data AN-EMPTY-FOLDER
    granary serve --data AN-EMPTY-FOLDER

To try that without keeping anything: granary rehearse THIS-FOLDER
To check it without Granary, in this folder: sha256sum --quiet -c generations/*/SHA256SUMS

generations/<number>/catalog.jsonl  every row of the catalog, a line of JSON each
generations/<number>/manifest.json  what the generation holds; one without it was cut off and is no backup
blob/sha256/                        files by their SHA-256, shared by all generations
";

/// A backup's folder.
#[derive(Clone, Debug)]
pub struct BackupFolder {
    root: PathBuf,
}

/// The right to write into a backup's folder; given back when it is dropped.
#[derive(Debug)]
pub struct WriteLock {
    _file: File,
}

impl BackupFolder {
    /// A folder to write a backup to: made if missing, refused if it holds other things.
    pub fn prepare(root: &Path) -> Result<Self> {
        let cannot = || format!("cannot write a backup to {}", root.display());
        std::fs::create_dir_all(root).with_context(cannot)?;
        let folder = Self {
            root: root.to_owned(),
        };
        if !folder.generations().exists() {
            for entry in std::fs::read_dir(root).with_context(cannot)? {
                let name = entry.with_context(cannot)?.file_name();
                if !NOT_FOREIGN.iter().any(|ours| name == *ours) {
                    bail!(
                        "{} is no backup of Granary: it holds {name:?}; name an empty or new folder",
                        root.display()
                    );
                }
            }
        }
        folder.check_links().with_context(cannot)?;
        std::fs::create_dir_all(folder.generations()).with_context(cannot)?;
        std::fs::write(root.join("README.txt"), README).with_context(cannot)?;
        Ok(folder)
    }

    /// A folder that holds a backup.
    pub fn find(root: &Path) -> Result<Self> {
        let folder = Self {
            root: root.to_owned(),
        };
        match std::fs::symlink_metadata(folder.generations()) {
            Ok(found) if found.is_dir() => Ok(folder),
            Ok(_) => bail!(
                "{} is no backup of Granary: its `{GENERATIONS}` is no folder",
                root.display()
            ),
            Err(cause) if cause.kind() == ErrorKind::NotFound => bail!(
                "{} is no backup of Granary: it has no folder `{GENERATIONS}`",
                root.display()
            ),
            Err(cause) => {
                Err(cause).with_context(|| format!("cannot read the backup {}", root.display()))
            }
        }
    }

    /// Takes the right to write.
    pub fn lock(&self) -> Result<WriteLock> {
        let path = self.root.join(LOCK);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let file = options
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(WriteLock { _file: file }),
            Err(TryLockError::WouldBlock) => bail!(
                "another backup is being written to {}: wait for its end",
                self.root.display()
            ),
            Err(TryLockError::Error(cause)) => {
                Err(cause).with_context(|| format!("cannot lock {}", path.display()))
            }
        }
    }

    /// The folder itself; it has the shape of a store.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a generation lies.
    pub fn generation(&self, number: u64) -> PathBuf {
        self.generations().join(format!("{number:06}"))
    }

    /// Where a blob lies, whether or not it is there.
    pub fn blob(&self, digest: &ContentDigest) -> PathBuf {
        self.root.join(blob_name(digest))
    }

    /// Numbers of all generations, whole or not, the oldest first.
    pub fn list_generations(&self) -> Result<Vec<u64>> {
        let folder = self.generations();
        let cannot = || format!("cannot read {}", folder.display());
        let mut numbers = Vec::new();
        for entry in std::fs::read_dir(&folder).with_context(cannot)? {
            let name = entry.with_context(cannot)?.file_name();
            let number = name.to_str().and_then(|name| name.parse().ok());
            numbers.extend(number.filter(|n| self.generation(*n) == folder.join(&name)));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Syncs the folders between the root and a generation.
    pub fn sync(&self, number: u64) -> std::io::Result<()> {
        for folder in [&self.generation(number), &self.generations(), &self.root] {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }

    fn generations(&self) -> PathBuf {
        self.root.join(GENERATIONS)
    }

    /// Blobs get their names by hard links, which some file systems do not have: said before the work, not in its midst.
    fn check_links(&self) -> Result<()> {
        let (from, to) = (self.root.join(LOCK), self.root.join(LINK_PROBE));
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&from)?;
        let linked = std::fs::hard_link(&from, &to);
        std::fs::remove_file(&to).ok();
        match linked {
            Err(cause) if matches!(cause.kind(), ErrorKind::PermissionDenied | ErrorKind::Unsupported) => {
                Err(cause).context("its file system has no hard links (FAT and exFAT have none): take one that has, such as ext4, XFS, ZFS or NFS")
            }
            _ => Ok(()),
        }
    }
}

/// Path of a blob below a backup's folder.
pub fn blob_name(digest: &ContentDigest) -> String {
    let hex = digest.to_string();
    let (shard, rest) = hex.split_at(2);
    format!("blob/sha256/{shard}/{rest}")
}

/// Where a backup is: a folder, or its `file://` address. Object stores are refused with what to do instead.
pub fn parse_place(text: &str) -> Result<PathBuf, String> {
    if let Some(path) = text.strip_prefix("file://") {
        let url = url::Url::parse(text).map_err(|cause| format!("{text}: {cause}"))?;
        return match url.to_file_path() {
            Ok(path) => Ok(path),
            Err(()) => Err(format!(
                "`file://{path}` names no folder of this machine: write file:///folder"
            )),
        };
    }
    match text.split_once("://") {
        Some((scheme, _)) => Err(format!(
            "{scheme}:// is not supported: backups go to folders so far, not to object stores; back up to a folder and copy it there, files only ever come and go in it"
        )),
        None if text.is_empty() => Err("name a folder".to_owned()),
        None => std::path::absolute(text).map_err(|cause| cause.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_folders_or_their_addresses() {
        assert_eq!(parse_place("/srv/b").unwrap(), Path::new("/srv/b"));
        assert_eq!(
            parse_place("file:///srv/b%20c").unwrap(),
            Path::new("/srv/b c")
        );
        assert!(parse_place("b").unwrap().is_absolute());
        for bad in ["s3://bucket/x", "https://h.example/x", "file://host/x", ""] {
            assert!(parse_place(bad).is_err(), "{bad}");
        }
        assert!(
            parse_place("s3://b")
                .unwrap_err()
                .contains("not to object stores")
        );
    }
}
