//! Blobs from one folder into a store, each hashed on its way: what is damaged is named, not copied.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use catalog::NamedFile;
use futures_util::StreamExt;
use gomod::hash::ContentDigest;
use store::{Store, StoreError};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::catalog_file;
use super::manifest::LeftOut;
use crate::line::{Lines, finding, progress};

/// Blobs copied at once. Most are small, and what each waits for is the disk's word that it is there: file systems give
/// it to many at a time (measured: 16 at once take a twentieth of the time of one after the other).
const AT_ONCE: usize = 16;

/// Read and written at a time; smaller blobs go in one piece.
const CHUNK_BYTES: usize = 1 << 20;

/// What copying came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Blobs that are in the target now.
    pub blobs: u64,
    /// Their size.
    pub size_bytes: u64,
    /// How many of them were not there before.
    pub copied: u64,
    /// The size of those.
    pub copied_bytes: u64,
    /// What is not in the target.
    pub left_out: Vec<LeftOut>,
}

/// What became of one blob.
enum Outcome {
    /// It is in the target.
    Copied(u64),
    /// It was in the target, with the right size.
    There(u64),
    /// It cannot be had.
    LeftOut(String),
}

/// Copies every blob of a list into `target`, from where `place` says that it lies. Blobs that are there already with
/// the right size stay, and so do those with the right bytes. Names what had to be left out, as findings.
///
/// # Errors
/// What ends all copying: a full disk, an unreadable list.
pub async fn copy_all(
    mut list: mpsc::Receiver<Result<NamedFile>>,
    place: impl Fn(&ContentDigest) -> PathBuf,
    target: &Store,
    total: u64,
    lines: &Lines,
) -> Result<Tally> {
    let files = futures_util::stream::poll_fn(move |context| list.poll_recv(context));
    let copies = files.map(|file| async {
        let file = file?;
        let outcome = copy(place(&file.digest), target, &file).await?;
        anyhow::Ok((file, outcome))
    });
    let mut copies = std::pin::pin!(copies.buffer_unordered(AT_ONCE));
    let mut tally = Tally::default();
    let mut seen = 0_u64;
    while let Some(done) = copies.next().await {
        let (file, outcome) = done?;
        let of = format!("{}{}", file.of, file.role.ending());
        seen += 1;
        if seen.is_multiple_of(100) {
            progress(lines, seen, total, &file.of).await;
        }
        match outcome {
            Outcome::Copied(size_bytes) => {
                tally.blobs += 1;
                tally.copied += 1;
                tally.size_bytes += size_bytes;
                tally.copied_bytes += size_bytes;
            }
            Outcome::There(size_bytes) => {
                tally.blobs += 1;
                tally.size_bytes += size_bytes;
            }
            Outcome::LeftOut(why) => {
                finding(lines, "left out", &of, &why).await;
                tally.left_out.push(LeftOut {
                    blob: file.digest.to_string(),
                    of,
                    why,
                });
            }
        }
    }
    Ok(tally)
}

async fn copy(from: PathBuf, target: &Store, file: &NamedFile) -> Result<Outcome> {
    if let Some(there) = target.exists(&file.digest).await? {
        let Some(wanted) = file.size_bytes.filter(|wanted| *wanted != there) else {
            return Ok(Outcome::There(there));
        };
        match target.verify(&file.digest).await {
            // Others rely on these bytes too, and they are what their name says.
            Ok(_) => {
                let why =
                    format!("has {there} bytes and the right hash, its row says {wanted} bytes");
                return Ok(Outcome::LeftOut(why));
            }
            // Cut off by something else than us; created once means that it must go before it can come.
            Err(StoreError::Corrupt { .. }) => {
                let cut = target.local_path(&file.digest).unwrap_or_default();
                std::fs::remove_file(&cut)
                    .with_context(|| format!("cannot remove {}", cut.display()))?;
            }
            Err(StoreError::NotFound { .. }) => {}
            Err(cause) => return Err(cause.into()),
        }
    }
    let shown = from.display().to_string();
    let (digest, size) = (file.digest, file.size_bytes);
    match spawn_blocking(move || begin(from, digest, size)).await?? {
        Begun::LeftOut(why) => Ok(Outcome::LeftOut(format!("{shown} {why}"))),
        Begun::Small(bytes) => {
            let size_bytes = bytes.len() as u64;
            target.put_small(bytes).await?;
            Ok(Outcome::Copied(size_bytes))
        }
        Begun::Large(open) => copy_large(open, target, &digest, &shown).await,
    }
}

/// A blob that was opened.
enum Begun {
    /// All of it, with the right hash.
    Small(Bytes),
    /// More than one chunk.
    Large(File),
    /// Nothing to be copied.
    LeftOut(String),
}

/// Opens a blob, and reads and hashes it if it is small.
fn begin(from: PathBuf, digest: ContentDigest, size_bytes: Option<u64>) -> Result<Begun> {
    let mut file = match catalog_file::open(&from) {
        Ok(file) => file,
        Err(cause) if cause.kind() == ErrorKind::NotFound => {
            return Ok(Begun::LeftOut("is missing".to_owned()));
        }
        Err(cause) => return Ok(Begun::LeftOut(format!("cannot be read: {cause}"))),
    };
    let there = file.metadata()?.len();
    if let Some(size_bytes) = size_bytes.filter(|size| *size != there) {
        let why = format!("is damaged: {there} bytes instead of {size_bytes}");
        return Ok(Begun::LeftOut(why));
    }
    if there > CHUNK_BYTES as u64 {
        return Ok(Begun::Large(file));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(there)?);
    if let Err(cause) = (&mut file).take(CHUNK_BYTES as u64).read_to_end(&mut bytes) {
        return Ok(Begun::LeftOut(format!("cannot be read: {cause}")));
    }
    let found = ContentDigest::of(&bytes);
    if found != digest {
        return Ok(Begun::LeftOut(format!(
            "is damaged: its SHA-256 is {found}"
        )));
    }
    Ok(Begun::Small(bytes.into()))
}

async fn copy_large(
    mut file: File,
    target: &Store,
    digest: &ContentDigest,
    shown: &str,
) -> Result<Outcome> {
    let mut staged = target.stage().await?;
    loop {
        let read;
        (file, read) = spawn_blocking(move || {
            let mut chunk = Vec::with_capacity(CHUNK_BYTES);
            let read = (&mut file)
                .take(CHUNK_BYTES as u64)
                .read_to_end(&mut chunk)
                .map(|_| chunk);
            (file, read)
        })
        .await?;
        match read {
            Ok(chunk) if chunk.is_empty() => break,
            Ok(chunk) => staged.write_chunk(chunk.into()).await?,
            Err(cause) => return Ok(Outcome::LeftOut(format!("{shown} cannot be read: {cause}"))),
        }
    }
    let found = staged.digest().await?;
    if found != *digest {
        let why = format!("{shown} is damaged: its SHA-256 is {found}");
        return Ok(Outcome::LeftOut(why));
    }
    let size_bytes = staged.len();
    target.publish(staged).await?;
    Ok(Outcome::Copied(size_bytes))
}

/// Says of a full target what can be done about it.
pub fn explain(cause: anyhow::Error, target: &str) -> anyhow::Error {
    let full = cause.chain().any(|cause| {
        matches!(cause.downcast_ref(), Some(StoreError::Full { .. }))
            || cause.downcast_ref::<std::io::Error>().is_some_and(|cause| {
                matches!(
                    cause.kind(),
                    ErrorKind::StorageFull | ErrorKind::QuotaExceeded
                )
            })
    });
    if !full {
        return cause;
    }
    cause.context(format!(
        "no room left in {target}: make room there and run this again, it goes on where it stopped"
    ))
}

/// A store in the shape that a backup's folder has. Whoever opens it must hold the folder's lock.
pub fn open_store(root: &std::path::Path) -> Result<Store> {
    match Store::open_local(root, &root.join("incoming")) {
        Ok(store) => Ok(store),
        Err(cause) => {
            bail!(anyhow::Error::from(cause).context(format!("cannot write to {}", root.display())))
        }
    }
}
