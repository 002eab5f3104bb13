//! Import of a GOPROXY tree: every version found there is captured as if it came from an upstream, with the same checks.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use catalog::work::{CaptureAnswer, Refusal};
use futures_util::StreamExt;
use futures_util::stream;
use gomod::path::ModulePath;
use gomod::version::{ModuleVersion, Version};
use origin::upstream::Upstreams;

use crate::processor::Processor;

/// Versions imported at once.
const IN_FLIGHT: usize = 16;

/// A module path of 4096 bytes has at most that many folders; real ones have less than ten.
const DEPTH_MAX: usize = 128;

/// What became of one version of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Imported {
    /// It is here, zip included where the tree has one.
    Kept,
    /// It was refused.
    Refused(Refusal),
}

/// Finds the versions of a GOPROXY tree, also of a module cache's `cache/download` folder.
///
/// Only names that are valid escaped module paths and canonical versions count. Links are not followed.
pub fn find_versions(tree: &Path) -> std::io::Result<Vec<(ModuleVersion, bool)>> {
    let mut found = BTreeSet::new();
    let mut folders: Vec<(PathBuf, String, usize)> = vec![(tree.to_owned(), String::new(), 0)];
    while let Some((folder, escaped, depth)) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if !entry.file_type()?.is_dir() || depth >= DEPTH_MAX {
                continue;
            }
            if name != "@v" {
                let inner = if escaped.is_empty() { name } else { format!("{escaped}/{name}") };
                folders.push((entry.path(), inner, depth + 1));
            } else if let Ok(module) = ModulePath::from_escaped(&escaped) {
                find_in_folder(&entry.path(), &module, &mut found)?;
            }
        }
    }
    Ok(found.into_iter().collect())
}

fn find_in_folder(folder: &Path, module: &ModulePath, found: &mut BTreeSet<(ModuleVersion, bool)>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let Ok(name) = entry?.file_name().into_string() else { continue };
        let Some(version) = name.strip_suffix(".info").and_then(|v| Version::from_escaped(v).ok()) else { continue };
        let has_zip = folder.join(format!("{}.zip", version.escaped())).exists();
        if let Ok(of) = ModuleVersion::new(module.clone(), version) {
            found.insert((of, has_zip));
        }
    }
    Ok(())
}

/// Captures all `versions` from `tree`; `each` sees every result as it comes.
pub async fn import(processor: &Processor, tree: Arc<Upstreams>, versions: Vec<(ModuleVersion, bool)>, mut each: impl FnMut(&ModuleVersion, &Imported)) {
    let processor = processor.with_source(tree);
    let captures = versions.into_iter().map(|(of, has_zip)| {
        let processor = &processor;
        async move {
            let first = processor.capture_version(&of).await;
            let answer = match first {
                CaptureAnswer::Landed if has_zip => processor.capture_zip(&of, async { CaptureAnswer::Landed }).await,
                other => other,
            };
            (of, answer)
        }
    });
    let mut captures = stream::iter(captures).buffer_unordered(IN_FLIGHT);
    while let Some((of, answer)) = captures.next().await {
        let result = match answer {
            CaptureAnswer::Landed => Imported::Kept,
            CaptureAnswer::Passed { refusal, .. } | CaptureAnswer::Refused(refusal) => Imported::Refused(refusal),
        };
        each(&of, &result);
    }
}
