//! `granary export`: a view as a static GOPROXY tree, by hard links where the file system can.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, bail};
use catalog::StoredVersion;
use gomod::hash::ContentDigest;
use gomod::path::ModulePath;
use gomod::version::Version;
use serde_json::json;

use crate::line::{Line, Lines, finding, progress};
use crate::parts::Parts;

/// Versions read from the catalog at a time.
const PAGE: u64 = 500;

/// Writes the view's files below `dir`. Files that are already there and have the right length stay.
pub async fn run(parts: &Parts, view: &str, dir: &Path, lines: &Lines) -> Result<Line> {
    if parts.gates.stages.position(view).is_none() {
        bail!(
            "no view `{view}` here; there are {}",
            parts.gates.stages.names().join(", ")
        );
    }
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let total = parts.catalog.count_versions().await?;
    let (mut done, mut failed, mut after) = (0, 0, 0);
    let mut modules: BTreeMap<ModulePath, Vec<Version>> = BTreeMap::new();
    loop {
        let page = parts.catalog.list_all(view, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.landed.seq;
        for version in &page {
            let folder = dir.join(version.module.path().escaped());
            match write_version(parts, version, &folder).await {
                Ok(()) => modules
                    .entry(version.module.path().clone())
                    .or_default()
                    .push(version.module.version().clone()),
                Err(cause) => {
                    failed += 1;
                    finding(
                        lines,
                        "not exported",
                        &version.module,
                        &format!("{cause:#}"),
                    )
                    .await;
                }
            }
            done += 1;
            if done % 50 == 0 {
                progress(lines, done, total, &version.module).await;
            }
        }
    }
    for (module, versions) in &modules {
        finish_module(parts, &dir.join(module.escaped()), module, versions).await?;
    }
    Ok(Line::Done {
        well: failed == 0,
        text: format!(
            "{done} versions in {}; use it as GOPROXY=file://{}",
            dir.display(),
            dir.display()
        ),
        data: json!({ "versions": done, "failed": failed, "dir": dir }),
    })
}

/// Writes the files of one version.
async fn write_version(parts: &Parts, stored: &StoredVersion, folder: &Path) -> Result<()> {
    let files = folder.join("@v");
    std::fs::create_dir_all(&files)?;
    let version = stored.module.version().escaped();
    place(parts, &stored.info, &files.join(format!("{version}.info"))).await?;
    place(parts, &stored.go_mod, &files.join(format!("{version}.mod"))).await?;
    if let Some(zip) = &stored.zip {
        place(parts, &zip.digest, &files.join(format!("{version}.zip"))).await?;
    }
    Ok(())
}

/// Links the blob to where it belongs, or copies it where links do not reach.
async fn place(parts: &Parts, digest: &ContentDigest, to: &Path) -> Result<()> {
    // Opened before it is linked: what has rotted is found by that and leaves in no tree.
    let blob = match parts.store.open(digest).await {
        Ok(blob) => blob,
        Err(cause) => bail!("{cause}; `granary verify --repair` fetches again what is damaged"),
    };
    if let Some(from) = parts.store.local_path(digest) {
        match std::fs::hard_link(&from, to) {
            Ok(()) => return Ok(()),
            Err(cause) if cause.kind() == ErrorKind::AlreadyExists => {
                return check_same_length(&from, to);
            }
            Err(_) => {}
        }
    }
    std::fs::write(to, blob.bytes()).with_context(|| format!("cannot write {}", to.display()))
}

fn check_same_length(from: &Path, to: &Path) -> Result<()> {
    let (from, there) = (std::fs::metadata(from)?.len(), std::fs::metadata(to)?.len());
    if from != there {
        bail!(
            "{} is there already and has {there} bytes instead of {from}; export to an empty folder",
            to.display()
        );
    }
    Ok(())
}

/// Writes `list` (no pseudo-versions, as the protocol wants) and `@latest`.
async fn finish_module(
    parts: &Parts,
    folder: &Path,
    module: &ModulePath,
    versions: &[Version],
) -> Result<()> {
    let mut listed: Vec<&Version> = versions.iter().filter(|v| !v.is_pseudo()).collect();
    listed.sort();
    let list: String = listed
        .iter()
        .map(|version| format!("{version}\n"))
        .collect();
    replace(&folder.join("@v/list"), list.as_bytes())?;
    match parts.processor.latest_stored(module).await {
        Some((_, info)) => replace(&folder.join("@latest"), info.as_bytes()),
        None => Ok(()),
    }
}

/// Writes a file that may be there from an export before: at once whole, for whoever serves the tree meanwhile.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    std::fs::write(&beside, bytes)
        .and_then(|()| std::fs::rename(&beside, path))
        .with_context(|| format!("cannot write {}", path.display()))
}
