//! One process a data folder: a lock that the kernel gives back when its holder dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// File in a data folder whose restore has not come to its end.
pub const UNFINISHED: &str = "restore.unfinished";

/// Holds the data folder for as long as it lives.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

/// Whether the folder could be taken.
#[derive(Debug)]
pub enum Taken {
    /// It is ours.
    Ours(FolderLock),
    /// Another process has it; its own words about itself.
    Theirs(String),
}

/// How long a new server waits for the folder: a process that was killed holds it until the kernel has put it away.
const HANDOVER: Duration = Duration::from_secs(1);

impl FolderLock {
    /// Takes the folder as [`FolderLock::take`] does, and waits a moment for one who is just leaving it.
    pub fn take_over(data: &Path, who: &str) -> Result<Taken> {
        let deadline = Instant::now() + HANDOVER;
        loop {
            match Self::take(data, who)? {
                Taken::Theirs(_) if Instant::now() < deadline => {
                    std::thread::park_timeout(Duration::from_millis(10))
                }
                taken => return Ok(taken),
            }
        }
    }

    /// Takes the folder, which is made if missing. Foreign folders are refused: a data folder is empty or ours. So are
    /// those with half of a backup in them.
    pub fn take(data: &Path, who: &str) -> Result<Taken> {
        let taken = Self::take_unfinished(data, who)?;
        let mark = data.join(UNFINISHED);
        if matches!(taken, Taken::Ours(_)) && mark.exists() {
            bail!(
                "a restore into {} was cut off before its end: run `granary restore` again, it goes on where it stopped; or remove what is in the folder",
                data.display()
            );
        }
        Ok(taken)
    }

    /// As [`FolderLock::take`], also where a restore was not finished: for the one who finishes it.
    pub fn take_unfinished(data: &Path, who: &str) -> Result<Taken> {
        let fresh = !data.exists();
        make_durably(data)
            .with_context(|| format!("cannot make the data folder {}", data.display()))?;
        let path = data.join("granary.lock");
        if !fresh && !path.exists() {
            refuse_foreign(data)?;
        }
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        let is_read_only = |cause: &io::Error| cause.kind() == ErrorKind::ReadOnlyFilesystem;
        // The disk may have become read-only under a server, which can be asked all the same.
        if opened.as_ref().is_err_and(is_read_only)
            && let Some(holder) = holder_of(&path)
        {
            return Ok(Taken::Theirs(holder));
        }
        let mut file = opened.with_context(|| {
            format!(
                "cannot write in the data folder {}: is it read-only, or does it belong to someone else?",
                data.display()
            )
        })?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder).ok();
                return Ok(Taken::Theirs(holder.trim().to_owned()));
            }
            Err(TryLockError::Error(cause)) => {
                return Err(cause).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
        let words = format!("process {} ({who})\n", std::process::id());
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(words.as_bytes()));
        written.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Taken::Ours(Self { _file: file }))
    }
}

/// Who has locked a file, if somebody has.
fn holder_of(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let mut holder = String::new();
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => file.read_to_string(&mut holder).ok()?,
        _ => return None,
    };
    Some(holder.trim().to_owned())
}

/// Makes a folder and those above it, and syncs where a new name was written: what is kept in a folder whose own name is
/// lost is lost with it.
fn make_durably(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|at| !at.exists()).collect();
    // Nothing is asked of a disk that may not answer for what is there.
    if !missing.is_empty() {
        std::fs::create_dir_all(folder)?;
    }
    for above in missing.iter().filter_map(|made| made.parent()) {
        let above = if above.as_os_str().is_empty() {
            Path::new(".")
        } else {
            above
        };
        match File::open(above).and_then(|above| above.sync_all()) {
            // A folder in which one may write and not read cannot be synced by name.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
            outcome => outcome?,
        }
    }
    Ok(())
}

/// A folder that holds other things is no data folder: a mistyped --data must not fill someone's home with blobs.
fn refuse_foreign(data: &Path) -> Result<()> {
    let mut names = std::fs::read_dir(data)
        .with_context(|| format!("cannot read the data folder {}", data.display()))?;
    // What operators put there before the first start, and the folder that a file system made for the purpose comes with.
    let ours = [
        "granary.toml",
        "policies",
        "catalog.db",
        "store",
        "lost+found",
    ];
    let foreign = names.find_map(|entry| {
        let name = entry.ok()?.file_name().into_string().ok()?;
        (!ours.contains(&name.as_str())).then_some(name)
    });
    match foreign {
        Some(name) => bail!(
            "{} is not a data folder of Granary: it holds `{name}`; name an empty or new folder with --data",
            data.display()
        ),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_learns_who_holds_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let first = FolderLock::take(&data, "serve").unwrap();
        assert!(matches!(first, Taken::Ours(_)));
        let Taken::Theirs(holder) = FolderLock::take(&data, "verify").unwrap() else {
            panic!("taken twice")
        };
        assert!(
            holder.contains("serve") && holder.contains(&std::process::id().to_string()),
            "{holder}"
        );
        drop(first);
        assert!(matches!(
            FolderLock::take(&data, "verify").unwrap(),
            Taken::Ours(_)
        ));
    }

    #[test]
    fn a_foreign_folder_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("thesis.doc"), "x").unwrap();
        let error = FolderLock::take(dir.path(), "serve")
            .unwrap_err()
            .to_string();
        assert!(error.contains("thesis.doc"), "{error}");
    }
}
