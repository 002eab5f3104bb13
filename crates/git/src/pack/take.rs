//! Takes a pack into an objects folder, so that whatever happens it is there as a whole or not at all.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::index::write_index;
use super::limits::{PackError, PackLimits};
use super::receive::receive;
use super::resolve::resolve;
use crate::id::HashKind;

/// Bytes compared at once when a pack is there already.
const COMPARED_BYTES: usize = 64 << 10;

/// Names of unfinished files begin so; `git gc` knows them for leftovers too.
const UNFINISHED: &str = "tmp_pack_";

/// A pack that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its name without folder and ending: `pack-` and its checksum.
    pub name: String,
    /// How many objects it holds.
    pub objects: u32,
    /// Its length.
    pub pack_bytes: u64,
}

/// Takes a pack from `source`, which must end where the pack does, into `<objects_folder>/pack/` with its index.
///
/// Every object is inflated and its id computed, deltas are resolved: what the index lists can be read. Bases must be in
/// the pack. Both files are on disk, durably, when this returns, and the index is the last to appear: without it no reader
/// looks at a pack. A pack that is there already is left as it is. After an error or a crash only files remain that
/// [`sweep`] removes, after an error none.
///
/// Cost: memory and work within `limits`, about 0.4 GB of objects a second and thread, three quarters of it for SHA-1 with
/// collision detection; large packs are resolved by two threads.
///
/// # Errors
/// [`PackError`], see there.
pub fn take_pack(
    source: &mut dyn Read,
    objects_folder: &Path,
    hash: HashKind,
    limits: &PackLimits,
) -> Result<Taken, PackError> {
    take_pack_while(source, objects_folder, hash, limits, &|| true)
}

/// As [`take_pack`], as long as `may_go_on` says so. It is asked for every delta, from several threads; while the pack is
/// received it is not asked, since `source` can fail then.
///
/// # Errors
/// As [`take_pack`]; [`PackError::Stopped`] soon after the first no.
pub fn take_pack_while(
    source: &mut dyn Read,
    objects_folder: &Path,
    hash: HashKind,
    limits: &PackLimits,
    may_go_on: &(dyn Fn() -> bool + Sync),
) -> Result<Taken, PackError> {
    let folder = objects_folder.join("pack");
    fs::create_dir_all(&folder).map_err(PackError::Disk)?;
    let (mut pack, pack_path) = create_unfinished(&folder)?;
    let received = receive(source, &mut pack, hash, limits)?;
    let memory_bytes = limits.memory_bytes_max - received.table_bytes;
    let names = resolve(
        &pack,
        &received.entries,
        received.names,
        limits,
        memory_bytes,
        may_go_on,
    )?;

    let (mut index, index_path) = create_unfinished(&folder)?;
    write_index(&received.entries, &names, &received.checksum, &mut index)
        .and_then(|()| index.sync_all())
        .and_then(|()| pack.sync_all())
        .map_err(PackError::Disk)?;
    let name = format!("pack-{}", received.checksum);
    for (unfinished, extension) in [(&pack_path, "pack"), (&index_path, "idx")] {
        let path = folder.join(format!("{name}.{extension}"));
        if !put_in_place(&unfinished.0, &path).map_err(PackError::Disk)? {
            return Err(PackError::Conflict { name });
        }
    }
    sync_folder(&folder).map_err(PackError::Disk)?;
    Ok(Taken {
        name,
        objects: received.entries.list.len() as u32,
        pack_bytes: received.pack_bytes,
    })
}

/// Removes what a crash left in an objects folder: unfinished files, and packs without an index. Returns how many.
///
/// Nobody may be taking a pack into the folder meanwhile.
///
/// # Errors
/// If the folder cannot be read or a file not removed.
pub fn sweep(objects_folder: &Path) -> io::Result<u64> {
    let folder = objects_folder.join("pack");
    let listing = match fs::read_dir(&folder) {
        Ok(listing) => listing,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(cause) => return Err(cause),
    };
    let mut removed = 0;
    for entry in listing {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let has_no_partner = match path.extension().and_then(|extension| extension.to_str()) {
            Some("pack") => !path.with_extension("idx").exists(),
            Some("idx") => !path.with_extension("pack").exists(),
            _ => false,
        };
        if name.starts_with(UNFINISHED) || has_no_partner {
            fs::remove_file(&path)?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// An unfinished file's path; the file goes when this does.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next sweep.
        let _ = fs::remove_file(&self.0);
    }
}

fn create_unfinished(folder: &Path) -> Result<(File, Unfinished), PackError> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("{UNFINISHED}{}_{number}", std::process::id()));
        match File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
        {
            Ok(file) => return Ok((file, Unfinished(path))),
            // Left by a process that had the same number.
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
            Err(cause) => return Err(PackError::Disk(cause)),
        }
    }
}

/// Gives a finished file its name, unless that is taken. Returns whether the name stands for the same bytes now.
fn put_in_place(unfinished: &Path, path: &Path) -> io::Result<bool> {
    match fs::hard_link(unfinished, path) {
        Ok(()) => Ok(true),
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
            are_equal(&File::open(unfinished)?, &File::open(path)?)
        }
        Err(cause) => Err(cause),
    }
}

fn are_equal(mut one: &File, mut other: &File) -> io::Result<bool> {
    let len_bytes = one.metadata()?.len();
    if other.metadata()?.len() != len_bytes {
        return Ok(false);
    }
    let mut buffers = (vec![0; COMPARED_BYTES], vec![0; COMPARED_BYTES]);
    let mut left_bytes = len_bytes;
    while left_bytes > 0 {
        let len = left_bytes.min(COMPARED_BYTES as u64) as usize;
        one.read_exact(&mut buffers.0[..len])?;
        other.read_exact(&mut buffers.1[..len])?;
        if buffers.0[..len] != buffers.1[..len] {
            return Ok(false);
        }
        left_bytes -= len as u64;
    }
    Ok(true)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests;
