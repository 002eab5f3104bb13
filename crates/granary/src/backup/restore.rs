//! Restoring: the blobs of a generation into an empty store, each hashed on its way, then its rows into an empty catalog
//! in one transaction, which are read back and compared.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use catalog::Catalog;
use store::Store;

use super::blobs::{self, Tally};
use super::catalog_file::{self, Wanted, named_files};
use super::generations::Generation;
use crate::line::{Lines, finding};

/// Where to.
#[derive(Clone, Debug)]
pub struct Target {
    /// The catalog's database.
    pub catalog_url: String,
    /// Folder of the artifacts.
    pub store: PathBuf,
    /// Whether an earlier try was cut off, so that the rows may be there already.
    pub is_begun: bool,
}

/// What to do about files that the backup has not, or has damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gaps {
    /// Nothing is restored.
    Refuse,
    /// The rest is restored.
    Accept,
}

/// Restores a generation. What an earlier try has brought already stays.
///
/// # Errors
/// A backup that is damaged, unless the gaps are accepted; a target that holds other things.
pub async fn restore(
    generation: &Generation,
    target: &Target,
    gaps: Gaps,
    lines: &Lines,
) -> Result<Tally> {
    let (checked, store) = (generation.clone(), target.store.clone());
    let store = tokio::task::spawn_blocking(move || {
        checked.check_files()?;
        blobs::open_store(&store)
    })
    .await??;
    let catalog = open_empty(generation, target).await?;
    let tally = fill_store(generation, &store, gaps, lines).await;
    let tally = tally.map_err(|cause| blobs::explain(cause, &target.store.display().to_string()));
    let filled = match tally {
        Ok(tally) => fill_catalog(generation, &catalog).await.map(|()| tally),
        Err(cause) => Err(cause),
    };
    catalog.catalog.close().await;
    let tally = filled?;
    // Brings the tables up to date if an older Granary wrote the backup.
    let catalog = Catalog::open(&target.catalog_url).await?;
    let seq = catalog.last_seq().await;
    catalog.close().await;
    let (seq, wanted) = (seq?, generation.manifest.seq);
    if seq != wanted {
        bail!("the restored catalog ends with landing {seq}, the backup with {wanted}");
    }
    Ok(tally)
}

/// A catalog as the backup's Granary would have made it.
struct Opened {
    catalog: Catalog,
    /// Whether an earlier try has put the rows there.
    is_filled: bool,
}

async fn open_empty(generation: &Generation, target: &Target) -> Result<Opened> {
    let manifest = &generation.manifest;
    let catalog = Catalog::open_at(&target.catalog_url, manifest.schema)
        .await
        .context("the catalog to restore into cannot be opened")?;
    if catalog.schema() < manifest.schema {
        bail!(
            "the backup was written by a newer Granary ({}): restore it with that one",
            manifest.granary
        );
    }
    if catalog.is_empty().await? {
        return Ok(Opened {
            catalog,
            is_filled: false,
        });
    }
    let (_, found) = catalog_file::sum_of_catalog(&catalog).await?;
    let is_this = manifest.files.get(super::manifest::CATALOG) == Some(&found);
    if !target.is_begun || !is_this {
        catalog.close().await;
        bail!(
            "the catalog to restore into is not empty: name an empty database, or an empty folder with --data"
        );
    }
    Ok(Opened {
        catalog,
        is_filled: true,
    })
}

async fn fill_store(
    generation: &Generation,
    store: &Store,
    gaps: Gaps,
    lines: &Lines,
) -> Result<Tally> {
    let list = named_files(generation.catalog(), Wanted::Blobs);
    let place = |digest: &_| generation.folder.blob(digest);
    let tally = blobs::copy_all(list, place, store, generation.count_named(), lines).await?;
    // An earlier try may have been cut off between the name of a blob and the sync of its folder.
    store.sync_names().await?;
    let lost = &generation.manifest.rows_left_out;
    for row in lost {
        let why = format!(
            "its row in {} was left out of the backup: {}",
            row.table, row.why
        );
        finding(lines, "left out", &row.of, &why).await;
    }
    let (gone, rows) = (tally.left_out.len(), lost.len());
    if gone + rows > 0 && gaps == Gaps::Refuse {
        bail!(
            "{gone} of {} files and {rows} rows of generation {} are missing or damaged in the backup and are named above; nothing can be served from here yet. Take another generation or another copy of the backup, or restore the rest with --incomplete and bring the others back with `granary get`",
            generation.count_named(),
            generation.manifest.generation
        );
    }
    Ok(tally)
}

async fn fill_catalog(generation: &Generation, opened: &Opened) -> Result<()> {
    if !opened.is_filled {
        let lines = catalog_file::lines(generation.catalog());
        opened
            .catalog
            .load(lines)
            .await
            .context("the rows of the backup could not be taken in")?;
    }
    let (dumped, found) = catalog_file::sum_of_catalog(&opened.catalog).await?;
    if generation.manifest.files.get(super::manifest::CATALOG) != Some(&found) {
        bail!(
            "the restored catalog is not the backup's: {} rows read back, {} expected",
            dumped.rows.values().sum::<u64>(),
            generation.manifest.rows.values().sum::<u64>()
        );
    }
    Ok(())
}

/// Refuses a store that holds blobs: a restore fills an empty one.
pub fn check_store_is_empty(store: &Path) -> Result<()> {
    let blobs = store.join("blob/sha256");
    let Ok(shards) = std::fs::read_dir(&blobs) else {
        return Ok(());
    };
    for shard in shards {
        if std::fs::read_dir(shard?.path())?.next().is_some() {
            bail!(
                "the store in {} is not empty: a restore fills an empty one",
                store.display()
            );
        }
    }
    Ok(())
}
