//! Making names in folders durable. A sync that failed is told once: the next one alone proves nothing, so a folder is
//! changed before it is synced again.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Name of the short-lived file that makes a directory dirty again after a failed sync. One name, so that what a crash
/// leaves is taken up and removed by the next nudge.
pub const NUDGE: &str = ".nudge";

/// Changes a folder, so that the sync that follows has something to write.
///
/// # Errors
/// Those of the disk.
pub fn nudge(folder: &Path) -> io::Result<()> {
    let path = folder.join(NUDGE);
    File::create(&path)?;
    fs::remove_file(&path)
}

/// [`nudge`] where the folder is ours to write in.
///
/// # Errors
/// Those of the disk.
pub fn nudge_if(wanted: bool, folder: &Path) -> io::Result<()> {
    if wanted { nudge(folder) } else { Ok(()) }
}

/// Makes the names in a folder durable.
///
/// # Errors
/// Those of the disk.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Whether a folder has a name in it that could be lost.
///
/// # Errors
/// Those of the disk.
pub fn has_names(folder: &Path) -> io::Result<bool> {
    fs::read_dir(folder)?
        .next()
        .transpose()
        .map(|name| name.is_some())
}

/// Removes what a crash left of files whose names begin with `prefix`, and nothing else; gives how many there were.
///
/// # Errors
/// Those of the disk.
pub fn sweep(folder: &Path, prefix: &str) -> io::Result<u64> {
    let mut swept = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_ours = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(prefix));
        if is_ours && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
            swept += 1;
        }
    }
    Ok(swept)
}
