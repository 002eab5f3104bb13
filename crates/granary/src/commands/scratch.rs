//! The folder of a rehearsal: removed at its end, and at the next rehearsal where it was killed before its end.

use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// How the names of such folders begin.
const PREFIX: &str = "granary-rehearsal-";
/// File in one that its process holds locked. What it says is written under the lock, so an empty one proves nothing.
const LOCK: &str = "rehearsal.lock";
/// What the file begins with.
const WORDS: &str = "a rehearsal of Granary, process ";

/// A folder for a rehearsal.
#[derive(Debug)]
pub struct Scratch {
    folder: tempfile::TempDir,
    _lock: File,
}

impl Scratch {
    /// Makes one in `beside`.
    pub fn make(beside: &Path) -> Result<Self> {
        let make = || -> std::io::Result<Self> {
            let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(beside)?;
            let mut lock = File::create(folder.path().join(LOCK))?;
            lock.lock()?;
            writeln!(lock, "{WORDS}{}", std::process::id())?;
            Ok(Self {
                folder,
                _lock: lock,
            })
        };
        make().with_context(|| {
            format!(
                "cannot write to {}: name another folder with --into",
                beside.display()
            )
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Removes it with everything in it.
    pub fn remove(self) -> Result<()> {
        let path = self.path().to_owned();
        if self.folder.close().is_err() {
            // A thread of a database that was dropped in its work may have added a last file.
            std::fs::remove_dir_all(&path)
                .with_context(|| format!("cannot remove {}", path.display()))?;
        }
        Ok(())
    }
}

/// Removes what rehearsals that were killed have left in a folder, where it is sure that it is theirs; gives each with
/// what became of it. Those that are at work are left alone.
pub fn sweep(beside: &Path) -> Vec<(PathBuf, String)> {
    let entries = std::fs::read_dir(beside).into_iter().flatten().flatten();
    let named = entries.filter(|entry| {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let name = entry.file_name();
        is_folder && name.to_str().is_some_and(|name| name.starts_with(PREFIX))
    });
    let swept = named.filter_map(|entry| {
        let path = entry.path();
        let what = match is_dead(&path) {
            Some(true) => match std::fs::remove_dir_all(&path) {
                Ok(()) => "a rehearsal that was killed had left it; it is removed".to_owned(),
                Err(cause) => {
                    format!(
                        "a rehearsal that was killed has left it; it cannot be removed: {cause}"
                    )
                }
            },
            Some(false) => return None,
            None => "it may be what a rehearsal has left: remove it if none is running".to_owned(),
        };
        Some((path, what))
    });
    swept.collect()
}

/// Whether the process of a rehearsal is gone; nothing where that is not known.
fn is_dead(folder: &Path) -> Option<bool> {
    let path = folder.join(LOCK);
    if !std::fs::symlink_metadata(&path).ok()?.is_file() {
        return None;
    }
    let mut file = File::open(path).ok()?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Some(false),
        Err(TryLockError::Error(_)) => return None,
    }
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.starts_with(WORDS).then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_surely_left_over_is_swept_and_the_rest_is_named() {
        let beside = tempfile::tempdir().unwrap();
        let at = |name: &str| beside.path().join(name);
        let live = Scratch::make(beside.path()).unwrap();
        for name in ["granary-rehearsal-dead", "granary-rehearsal-bare", "other"] {
            std::fs::create_dir(at(name)).unwrap();
        }
        std::fs::write(
            at("granary-rehearsal-dead").join(LOCK),
            format!("{WORDS}1\n"),
        )
        .unwrap();
        // Its process may be about to lock it.
        std::fs::create_dir(at("granary-rehearsal-young")).unwrap();
        std::fs::write(at("granary-rehearsal-young").join(LOCK), "").unwrap();
        let mut swept = sweep(beside.path());
        swept.sort();
        let names: Vec<_> = swept.iter().map(|(path, _)| path.clone()).collect();
        let told = ["bare", "dead", "young"].map(|name| at(&format!("granary-rehearsal-{name}")));
        assert_eq!(names, told);
        assert!(swept[1].1.contains("it is removed") && !told[1].exists());
        assert!(told[0].exists() && told[2].exists() && at("other").exists());
        assert!(live.path().exists());
        let path = live.path().to_owned();
        live.remove().unwrap();
        assert!(!path.exists());
    }
}
