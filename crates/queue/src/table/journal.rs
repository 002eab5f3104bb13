//! What SQLite's write-ahead log rests on, written anew. A sync that failed is told once: the system keeps the bytes in
//! memory and calls the next sync a success, unless something has changed that it has to write.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// Bytes that are read and written at once.
const PIECE_BYTES: usize = 256 << 10;

/// Writes the bytes of a database's log over themselves and syncs them. Whoever dies in the midst has changed nothing.
pub(super) fn write_log_anew(database: &Path) -> io::Result<()> {
    let file = match File::options()
        .read(true)
        .write(true)
        .open(beside(database, "-wal"))
    {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let mut piece = vec![0; PIECE_BYTES];
    let mut at = 0;
    loop {
        let read = file.read_at(&mut piece, at)?;
        if read == 0 {
            return file.sync_all();
        }
        file.write_all_at(&piece[..read], at)?;
        at += read as u64;
    }
}

/// Syncs the names of a database and its log, after a change to their folder.
pub(super) fn sync_names_anew(database: &Path) -> io::Result<()> {
    let probe = beside(database, "-probe");
    File::create(&probe)?;
    std::fs::remove_file(&probe)?;
    let folder = match database.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

fn beside(database: &Path, ending: &str) -> std::path::PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
