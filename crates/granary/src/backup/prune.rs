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

/// Why an earlier generation must not make room for `new`, and what to do: it is of another installation, or knows more
/// landings. A server that was started on a fresh or older catalog by mistake would else forget the real one.
pub fn find_stranger(folder: &BackupFolder, new: &Manifest) -> Result<Option<String>> {
    for number in folder.list_generations()? {
        let path = folder.generation(number);
        // One that is damaged is told by whoever wants to remove something.
        let Ok(Some(earlier)) = Manifest::find(&path, number) else {
            continue;
        };
        let what = match (&earlier.instance, &new.instance) {
            (Some(theirs), Some(ours)) if theirs != ours => {
                format!("is of another installation ({theirs}, this one is {ours})")
            }
            _ if earlier.seq > new.seq => format!(
                "goes up to landing {}, this catalog only to {}",
                earlier.seq, new.seq
            ),
            _ => continue,
        };
        return Ok(Some(format!(
            "generation {number} {what}. If this server runs on the wrong catalog, stop it and give it back the right one; if it is meant to be like this, back up to another folder",
        )));
    }
    Ok(None)
}

/// Keeps the newest `keep` generations and the blobs that they name, removes the others; gives how many generations and
/// blobs went. A damaged generation is nobody's to remove, and while there is one nothing goes: what it names is unknown.
pub async fn prune(folder: &BackupFolder, target: &Store, keep: usize) -> Result<(u64, u64)> {
    let all = folder.list_generations()?;
    let whole: Result<Vec<Generation>> = all
        .iter()
        .map(|number| choose(folder, Some(*number)))
        .collect();
    let mut old = whole.context(
        "nothing was removed, because a generation is damaged (move its folder away if it cannot be mended)",
    )?;
    let kept = old.split_off(old.len().saturating_sub(keep));
    if old.is_empty() {
        return Ok((0, 0));
    }
    // What stays must be whole before anything goes.
    let named = tokio::task::spawn_blocking(move || list_named(&kept)).await??;
    for generation in &old {
        let path = folder.generation(generation.manifest.generation);
        let removed = Manifest::remove(&path).and_then(|()| std::fs::remove_dir_all(&path));
        removed.with_context(|| format!("cannot remove {}", path.display()))?;
    }
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
    Ok((old.len() as u64, removed))
}

/// The blobs that generations name in their lists of hashes.
fn list_named(generations: &[Generation]) -> Result<HashSet<ContentDigest>> {
    let mut named = HashSet::new();
    for generation in generations {
        generation.check_files().context(
            "nothing was removed, because a generation that stays is damaged (move its folder away if it cannot be mended)",
        )?;
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
