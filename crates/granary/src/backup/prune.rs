//! Forgetting: old generations, and the blobs that no generation left names.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};

use anyhow::{Context, Result};
use futures_util::StreamExt;
use gomod::hash::ContentDigest;
use store::Store;

use super::catalog_file;
use super::folder::BackupFolder;
use super::generations::{Generation, choose};
use super::manifest::Manifest;

/// Removes generations that were cut off. They hold rows and no blobs of their own.
pub fn remove_cut_off(folder: &BackupFolder) -> Result<()> {
    for number in folder.list_generations()? {
        let path = folder.generation(number);
        if matches!(Manifest::find(&path, number), Ok(None)) {
            std::fs::remove_dir_all(&path)
                .with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

/// Keeps the newest `keep` generations and the blobs that they name, removes the others; gives how many generations and
/// blobs went. A damaged generation is nobody's to remove, and while there is one no blob goes: what it names is unknown.
pub async fn prune(folder: &BackupFolder, target: &Store, keep: usize) -> Result<(u64, u64)> {
    let all = folder.list_generations()?;
    let whole: Result<Vec<Generation>> = all
        .iter()
        .map(|number| choose(folder, Some(*number)))
        .collect();
    let mut whole = whole.context("nothing was removed")?;
    let old = whole.len().saturating_sub(keep);
    let kept = whole.split_off(old);
    for generation in &whole {
        let path = folder.generation(generation.manifest.generation);
        let removed = Manifest::remove(&path).and_then(|()| std::fs::remove_dir_all(&path));
        removed.with_context(|| format!("cannot remove {}", path.display()))?;
    }
    if whole.is_empty() {
        return Ok((0, 0));
    }
    let named = tokio::task::spawn_blocking(move || list_named(&kept)).await??;
    let mut removed = 0;
    let mut blobs = std::pin::pin!(target.list());
    while let Some(blob) = blobs.next().await {
        let (digest, _) = blob?;
        if !named.contains(&digest) {
            let path = folder.blob(&digest);
            std::fs::remove_file(&path)
                .with_context(|| format!("cannot remove {}", path.display()))?;
            removed += 1;
        }
    }
    Ok((whole.len() as u64, removed))
}

/// The blobs that generations name in their lists of hashes.
fn list_named(generations: &[Generation]) -> Result<HashSet<ContentDigest>> {
    let mut named = HashSet::new();
    for generation in generations {
        generation.check_files().context("no blob was removed")?;
        for line in BufReader::new(catalog_file::open(&generation.sums())?).lines() {
            let line = line?;
            if let Some((hash, name)) = line.split_once("  ")
                && name.starts_with("blob/")
            {
                named.insert(hash.parse()?);
            }
        }
    }
    Ok(named)
}
