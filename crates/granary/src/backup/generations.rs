//! Which generations a backup has, and which of them is to be restored.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};

use super::catalog_file;
use super::folder::BackupFolder;
use super::manifest::{CATALOG, Manifest, SUMS};

/// A generation that is whole.
#[derive(Clone, Debug)]
pub struct Generation {
    /// The backup that it is in.
    pub folder: BackupFolder,
    /// What it holds.
    pub manifest: Manifest,
}

impl Generation {
    /// Its rows.
    pub fn catalog(&self) -> PathBuf {
        self.path().join(CATALOG)
    }

    /// Its hashes.
    pub fn sums(&self) -> PathBuf {
        self.path().join(SUMS)
    }

    fn path(&self) -> PathBuf {
        self.folder.generation(self.manifest.generation)
    }

    /// Compares the files beside the manifest with what it says of them.
    pub fn check_files(&self) -> Result<()> {
        for (name, wanted) in &self.manifest.files {
            let path = self.path().join(name);
            let found = catalog_file::sum(&path)?;
            if found != *wanted {
                bail!(
                    "{} is damaged: {} bytes with SHA-256 {} instead of {} with {}{}",
                    path.display(),
                    found.size_bytes,
                    found.sha256,
                    wanted.size_bytes,
                    wanted.sha256,
                    older(&self.folder, self.manifest.generation)
                );
            }
        }
        Ok(())
    }

    /// Blobs that its rows name, as far as known before they are listed.
    pub fn count_named(&self) -> u64 {
        self.manifest.blobs + self.manifest.left_out.len() as u64
    }
}

/// The generation of this number, else the newest whole one.
///
/// # Errors
/// There is none, or its manifest is damaged: an older one is then named, not silently taken.
pub fn choose(folder: &BackupFolder, number: Option<u64>) -> Result<Generation> {
    let all = folder.list_generations()?;
    let candidates: Vec<u64> = match number {
        Some(number) if all.contains(&number) => vec![number],
        Some(number) => bail!(
            "{} has no generation {number}, it has {all:?}",
            folder.root().display()
        ),
        None => all.iter().rev().copied().collect(),
    };
    for candidate in candidates {
        let found = Manifest::find(&folder.generation(candidate), candidate);
        let found =
            found.with_context(|| format!("generation {candidate}{}", older(folder, candidate)))?;
        if let Some(manifest) = found {
            return Ok(Generation {
                folder: folder.clone(),
                manifest,
            });
        }
        if number.is_some() {
            bail!("generation {candidate} was cut off before it was whole: take another");
        }
    }
    Err(anyhow!(
        "{} holds no whole generation: every backup to it was cut off before its end; run `granary backup` again",
        folder.root().display()
    ))
}

/// Names the whole generation before a damaged one.
fn older(folder: &BackupFolder, than: u64) -> String {
    let all = folder.list_generations().unwrap_or_default();
    let whole = |number: &&u64| {
        **number < than
            && matches!(
                Manifest::find(&folder.generation(**number), **number),
                Ok(Some(_))
            )
    };
    all.iter()
        .rev()
        .find(whole)
        .map_or(String::new(), |number| {
            format!(" (an older one is whole: --generation {number})")
        })
}
