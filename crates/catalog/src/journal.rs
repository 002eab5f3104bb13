//! The write-ahead log of SQLite, made sure of at start.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnection;

use crate::error::CatalogError;
use crate::link::Link;

/// Folds the journal into the file and cuts it to nothing; one row, `busy` is 1 where a reader stood in the way.
const EMPTY_JOURNAL: &str = "pragma wal_checkpoint(truncate)";

/// Bytes that are read and written at once.
const PIECE_BYTES: usize = 256 << 10;

/// Makes sure of what earlier processes wrote. One of them may have been told that a sync of the journal failed: the
/// system tells that once, keeps the bytes in memory and calls the next sync a success. SQLite would take that success for
/// the journal's, and fold in what the disk does not have; so the bytes are written over themselves first.
pub(crate) async fn make_sure(
    writer: &mut SqliteConnection,
    database: &Path,
) -> Result<(), CatalogError> {
    let mut link = Link::Sqlite(writer);
    // Nobody else appends to the journal meanwhile.
    match link.run("begin immediate", Vec::new()).await {
        Ok(()) => {}
        Err(CatalogError::Busy { .. }) => {
            say_held();
            return Ok(());
        }
        Err(error) => return Err(error),
    }
    let journal = journal_of(database);
    let written = tokio::task::spawn_blocking(move || write_anew(&journal)).await;
    link.run("rollback", Vec::new()).await?;
    written
        .map_err(io::Error::other)
        .and_then(|written| written)
        .map_err(CatalogError::from_io)?;
    let rows = link.rows(EMPTY_JOURNAL, Vec::new()).await?;
    if rows.first().map_or(Ok(None), |row| row.find_int("busy"))? == Some(1) {
        say_held();
    }
    Ok(())
}

fn say_held() {
    tracing::warn!(
        "another program holds the catalog, so its journal is not folded in: fine unless the disk had failed before"
    );
}

fn journal_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Writes a file's bytes over themselves and syncs them. Whoever dies in the midst has changed nothing.
fn write_anew(path: &Path) -> io::Result<()> {
    let file = match File::options().read(true).write(true).open(path) {
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

#[cfg(test)]
mod tests {
    use super::{PIECE_BYTES, write_anew};

    #[test]
    fn what_is_written_anew_stays_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x-wal");
        write_anew(&path).unwrap();
        assert!(!path.exists(), "nothing is made");
        for size in [0, 1, PIECE_BYTES, 2 * PIECE_BYTES + 7] {
            let bytes: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            std::fs::write(&path, &bytes).unwrap();
            write_anew(&path).unwrap();
            assert!(std::fs::read(&path).unwrap() == bytes, "{size}");
        }
    }
}
