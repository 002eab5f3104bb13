//! `catalog.jsonl`: the rows of the catalog as a file, written, hashed and read on threads that may wait for a disk.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use catalog::{Catalog, Dumped, NamedFile, list_named_files};
use gomod::hash::ContentDigest;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::manifest::FileSum;

/// Pages or lines between the one who reads and the one who takes.
const IN_FLIGHT: usize = 64;

/// The longest line: a list of versions may be long, anything longer is no row.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// Writes every row of the catalog to a new file, durably.
pub async fn write(catalog: &Catalog, path: PathBuf) -> Result<(Dumped, FileSum)> {
    let shown = path.display().to_string();
    let file = spawn_blocking(move || File::create(&path)).await?;
    let file = file.with_context(|| format!("cannot write {shown}"))?;
    let sync = file.try_clone()?;
    let (dumped, sum) = dump_into(catalog, BufWriter::new(file))
        .await
        .with_context(|| format!("cannot write {shown}"))?;
    spawn_blocking(move || sync.sync_all())
        .await?
        .with_context(|| format!("cannot write {shown}"))?;
    Ok((dumped, sum))
}

/// The size and hash that [`write`] would give, without writing.
pub async fn sum_of_catalog(catalog: &Catalog) -> Result<(Dumped, FileSum)> {
    dump_into(catalog, std::io::sink()).await
}

async fn dump_into(
    catalog: &Catalog,
    mut out: impl Write + Send + 'static,
) -> Result<(Dumped, FileSum)> {
    let (send, mut receive) = mpsc::channel::<String>(IN_FLIGHT);
    let writing = spawn_blocking(move || -> std::io::Result<FileSum> {
        let (mut hasher, mut size_bytes) = (Sha256::new(), 0);
        while let Some(page) = receive.blocking_recv() {
            hasher.update(&page);
            size_bytes += page.len() as u64;
            out.write_all(page.as_bytes())?;
        }
        out.flush()?;
        Ok(file_sum(hasher, size_bytes))
    });
    let dumped = catalog.dump(send).await;
    // What stopped the writer is the reason why the reader found nobody.
    let sum = writing.await??;
    Ok((dumped?, sum))
}

/// Hashes a file that must be a regular one.
pub fn sum(path: &Path) -> Result<FileSum> {
    let cannot = || format!("cannot read {}", path.display());
    let mut file = open(path).with_context(cannot)?;
    let (mut hasher, mut size_bytes) = (Sha256::new(), 0);
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut buffer).with_context(cannot)?;
        if count == 0 {
            return Ok(file_sum(hasher, size_bytes));
        }
        hasher.update(&buffer[..count]);
        size_bytes += count as u64;
    }
}

fn file_sum(hasher: Sha256, size_bytes: u64) -> FileSum {
    FileSum {
        size_bytes,
        sha256: ContentDigest::from_bytes(hasher.finalize().into()).to_string(),
    }
}

/// Opens a regular file. What a backup's folder holds may come from anyone: a pipe there would be waited for in vain.
pub fn open(path: &Path) -> std::io::Result<File> {
    if !std::fs::symlink_metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is no file"));
    }
    File::open(path)
}

/// The lines of the file, as `Catalog::load` takes them.
pub fn lines(path: PathBuf) -> mpsc::Receiver<Result<String, String>> {
    let (send, receive) = mpsc::channel(IN_FLIGHT);
    spawn_blocking(move || {
        let read = each_line(&path, |line| {
            send.blocking_send(Ok(line.to_owned()))
                .map_err(|_| anyhow!("nobody takes it"))
        });
        if let Err(cause) = read {
            send.blocking_send(Err(format!("{cause:#}"))).ok();
        }
    });
    receive
}

/// Which of the files that rows name are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Each blob once, whoever names it.
    Blobs,
    /// Everything that is named, as often as it is.
    Everything,
}

/// The files that the rows name, in their order.
pub fn named_files(path: PathBuf, wanted: Wanted) -> mpsc::Receiver<Result<NamedFile>> {
    let (send, receive) = mpsc::channel(IN_FLIGHT);
    spawn_blocking(move || {
        let mut seen = HashSet::new();
        let read = each_line(&path, |line| {
            for file in list_named_files(line)? {
                if wanted == Wanted::Everything || seen.insert(file.digest) {
                    let sent = send.blocking_send(Ok(file));
                    sent.map_err(|_| anyhow!("nobody takes it"))?;
                }
            }
            Ok(())
        });
        if let Err(cause) = read {
            send.blocking_send(Err(cause)).ok();
        }
    });
    receive
}

fn each_line(path: &Path, mut each: impl FnMut(&str) -> Result<()>) -> Result<()> {
    let cannot = || format!("cannot read {}", path.display());
    let mut reader = BufReader::new(open(path).with_context(cannot)?);
    let mut line = String::new();
    for number in 1_u64.. {
        line.clear();
        let mut bounded = (&mut reader).take(LINE_BYTES_MAX);
        if bounded.read_line(&mut line).with_context(cannot)? == 0 {
            break;
        }
        if !line.ends_with('\n') {
            bail!("{}: line {number} is cut off", path.display());
        }
        each(line.trim_end_matches('\n'))
            .with_context(|| format!("{}: line {number}", path.display()))?;
    }
    Ok(())
}
