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
