//! Taking a backup: the rows of one moment, then the blobs that they name, then the manifest.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use anyhow::{Result, anyhow};
use catalog::{Catalog, RowFate, SpoiledRow};
use gomod::hash::ContentDigest;
use jiff::Timestamp;
use serde_json::json;
use store::Store;
use tokio::task::spawn_blocking;

use super::blobs::{self, Tally};
use super::catalog_file::{self, Wanted, named_files};
use super::folder::{BackupFolder, blob_name};
use super::manifest::{CATALOG, FORMAT, FileSum, Manifest, SUMS};
use super::prune;
use crate::line::{Lines, finding};

/// What is backed up.
pub struct Source<'a> {
    /// The rows.
    pub catalog: &'a Catalog,
    /// The bytes.
    pub store: &'a Store,
    /// Id of the installation.
    pub instance: &'a str,
}

/// A backup that is whole.
pub struct Taken {
    /// What was written.
    pub manifest: Manifest,
    /// What was copied for it.
    pub tally: Tally,
    /// Generations and blobs that were removed.
    pub removed: (u64, u64),
    /// Why old generations could not be forgotten although that was asked for.
    pub not_forgotten: Option<String>,
    /// How long it took.
    pub seconds: f64,
}

/// Adds a generation to the backup in `root`, and forgets all but the newest `keep`.
///
/// # Errors
/// Whatever stands in the way. Nothing that was there before is harmed, and the next run goes on with what is there.
pub async fn take(
    source: &Source<'_>,
    root: &Path,
    keep: Option<u32>,
    lines: &Lines,
) -> Result<Taken> {
    let begun = Instant::now();
    let owned = root.to_owned();
    let (folder, _lock, target) = spawn_blocking(move || {
        let folder = BackupFolder::prepare(&owned)?;
        let lock = folder.lock()?;
        prune::remove_cut_off(&folder)?;
        let target = blobs::open_store(folder.root())?;
        anyhow::Ok((folder, lock, target))
    })
    .await??;
    let written = add_generation(source, &folder, &target, lines).await;
    let (manifest, tally) =
        written.map_err(|cause| blobs::explain(cause, &root.display().to_string()))?;
    let stranger = prune::find_stranger(&folder, &manifest)?;
    if let Some(stranger) = &stranger {
        finding(lines, "another catalog", &root.display(), stranger).await;
    }
    let (mut removed, mut not_forgotten) = ((0, 0), None);
    match (keep, stranger) {
        (Some(_), Some(stranger)) => not_forgotten = Some(stranger),
        (Some(keep), None) => match prune::prune(&folder, &target, keep as usize).await {
            Ok(counts) => removed = counts,
            Err(cause) => not_forgotten = Some(format!("{cause:#}")),
        },
        (None, _) => {}
    }
    Ok(Taken {
        manifest,
        tally,
        removed,
        not_forgotten,
        seconds: begun.elapsed().as_secs_f64(),
    })
}

async fn add_generation(
    source: &Source<'_>,
    folder: &BackupFolder,
    target: &Store,
    lines: &Lines,
) -> Result<(Manifest, Tally)> {
    let number = folder.list_generations()?.last().map_or(1, |last| last + 1);
    let made_at = Timestamp::try_from(SystemTime::now())?.to_string();
    let path = folder.generation(number);
    std::fs::create_dir(&path)?;
    let rows = path.join(CATALOG);
    let (mut dumped, catalog_sum) = catalog_file::write(source.catalog, rows.clone()).await?;
    name_spoiled(&dumped.spoiled, lines).await;
    dumped.spoiled.retain(|row| row.fate == RowFate::LeftOut);
    let count = |table: &str| dumped.rows.get(table).copied().unwrap_or_default();
    let total = 2 * count("versions") + count("zips");
    let place = |digest: &ContentDigest| source.store.local_path(digest).unwrap_or_default();
    let list = named_files(rows.clone(), Wanted::Blobs);
    let tally = blobs::copy_all(list, place, target, total, lines).await?;
    // Some of them were found there, and whoever put them there may have been killed before it came to the sync.
    target.sync_names().await?;
    let mut left_out: HashSet<ContentDigest> = HashSet::new();
    for left in &tally.left_out {
        let digest = left.blob.parse()?;
        // Whoever finds rot says so: it is never served, and may be healed.
        source.store.set_aside(&digest).await.ok();
        left_out.insert(digest);
    }
    let sums = Sums {
        path: path.join(SUMS),
        rows,
        catalog: format!("generations/{number:06}/{CATALOG}"),
        left_out,
    };
    let catalog_hash = catalog_sum.sha256.clone();
    let sums_sum = spawn_blocking(move || sums.write(&catalog_hash)).await??;
    let manifest = Manifest {
        format: FORMAT,
        granary: env!("CARGO_PKG_VERSION").to_owned(),
        generation: number,
        made_at,
        instance: Some(source.instance.to_owned()),
        schema: source.catalog.schema(),
        seq: dumped.seq,
        rows: dumped.rows,
        blobs: tally.blobs,
        blobs_size_bytes: tally.size_bytes,
        files: [
            (CATALOG.to_owned(), catalog_sum),
            (SUMS.to_owned(), sums_sum),
        ]
        .into(),
        left_out: tally.left_out.clone(),
        rows_left_out: dumped.spoiled,
    };
    let (writing, folder) = (manifest.clone(), folder.clone());
    spawn_blocking(move || {
        // The files first: a manifest must never be there without what it tells of.
        folder.sync(number)?;
        writing.write(&path)?;
        anyhow::Ok(folder.sync(number)?)
    })
    .await??;
    Ok((manifest, tally))
}

/// Names the rows that were not what had been written.
async fn name_spoiled(spoiled: &[SpoiledRow], lines: &Lines) {
    for row in spoiled {
        let SpoiledRow { table, of, why, .. } = row;
        let (what, then) = match row.fate {
            RowFate::Mended => (
                "flipped bit",
                "the backup has it as it was written; `granary verify --repair` mends it here too",
            ),
            RowFate::Forgotten => ("left out", "the upstream is asked again for what it said"),
            RowFate::LeftOut => (
                "left out",
                "this generation is without it; an older one may have it",
            ),
        };
        let text = format!("its row in {table}: {why}; {then}");
        finding(lines, what, of, &text).await;
    }
}

/// The list of hashes of a generation, on its way to disk.
struct Sums {
    path: PathBuf,
    rows: PathBuf,
    catalog: String,
    left_out: HashSet<ContentDigest>,
}

impl Sums {
    /// Writes it durably, paths from the backup's folder on.
    fn write(&self, catalog_hash: &str) -> Result<FileSum> {
        let mut out = BufWriter::new(File::create(&self.path)?);
        writeln!(out, "{catalog_hash}  {}", self.catalog)?;
        let mut list = named_files(self.rows.clone(), Wanted::Blobs);
        while let Some(file) = list.blocking_recv() {
            let digest = file?.digest;
            if !self.left_out.contains(&digest) {
                writeln!(out, "{digest}  {}", blob_name(&digest))?;
            }
        }
        let file = out
            .into_inner()
            .map_err(|cause| anyhow!(cause.to_string()))?;
        file.sync_all()?;
        catalog_file::sum(&self.path)
    }
}

impl Taken {
    /// In one sentence.
    pub fn sentence(&self, root: &Path) -> String {
        let Self {
            manifest, tally, ..
        } = self;
        let versions = manifest.rows.get("versions").copied().unwrap_or_default();
        let mut text = format!(
            "generation {} in {}: {versions} versions up to landing {}, {} blobs of {} bytes, {} of them ({} bytes) copied in {:.1} s",
            manifest.generation,
            root.display(),
            manifest.seq,
            tally.blobs,
            tally.size_bytes,
            tally.copied,
            tally.copied_bytes,
            self.seconds
        );
        if self.removed.0 > 0 {
            text += &format!(
                "; {} old generations and {} blobs removed",
                self.removed.0, self.removed.1
            );
        }
        if let Some(why) = &self.not_forgotten {
            text += &format!("; old generations could not be forgotten: {why}");
        }
        if !manifest.rows_left_out.is_empty() {
            text += &format!(
                "; {} rows have rotted and are left out, they are named above: `granary verify` says more, an older generation may have them whole",
                manifest.rows_left_out.len()
            );
        }
        if !manifest.left_out.is_empty() {
            text += &format!(
                "; {} files could not be had and are named above: `granary verify`, then this again",
                manifest.left_out.len()
            );
        }
        text
    }

    /// The figures.
    pub fn data(&self) -> serde_json::Value {
        json!({
            "generation": self.manifest.generation,
            "seq": self.manifest.seq,
            "versions": self.manifest.rows.get("versions"),
            "blobs": self.tally.blobs,
            "bytes": self.tally.size_bytes,
            "copied": self.tally.copied,
            "copied_bytes": self.tally.copied_bytes,
            "left_out": self.tally.left_out.len(),
            "rows_left_out": self.manifest.rows_left_out.len(),
            "generations_removed": self.removed.0,
            "blobs_removed": self.removed.1,
            "not_forgotten": self.not_forgotten,
            "seconds": self.seconds,
        })
    }
}
