//! `granary export`: a view as a static GOPROXY tree, by hard links where the file system can.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use catalog::StoredVersion;
use gomod::hash::ContentDigest;
use gomod::version::Version;
use serde_json::json;

use super::{Lines, finding, progress};
use crate::line::Line;
use crate::parts::Parts;

/// Versions read from the catalog at a time.
const PAGE: u64 = 500;

/// Writes the view's files below `dir`. Files that are already there and have the right length stay.
pub async fn run(parts: &Parts, view: &str, dir: &Path, lines: &Lines) -> Result<Line> {
    if view != pipeline::promotion::PROD {
        bail!("no view `{view}` here; the one there is is `{}`", pipeline::promotion::PROD);
    }
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let total = parts.catalog.count_versions().await?;
    let (mut done, mut failed, mut after) = (0, 0, 0);
    let mut modules: BTreeMap<PathBuf, Vec<(Version, PathBuf)>> = BTreeMap::new();
    loop {
        let page = parts.catalog.list_all(view, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.landed.seq;
        for version in &page {
            let folder = dir.join(version.module.path().escaped());
            match write_version(parts, version, &folder).await {
                Ok(info) => modules.entry(folder).or_default().push((version.module.version().clone(), info)),
                Err(cause) => {
                    failed += 1;
                    finding(lines, "not exported", &version.module, &format!("{cause:#}")).await;
                }
            }
            done += 1;
            if done % 50 == 0 {
                progress(lines, done, total, &version.module).await;
            }
        }
    }
    for (folder, versions) in &modules {
        finish_module(folder, versions)?;
    }
    Ok(Line::Done {
        well: failed == 0,
        text: format!("{done} versions in {}; use it as GOPROXY=file://{}", dir.display(), dir.display()),
        data: json!({ "versions": done, "failed": failed, "dir": dir }),
    })
}

/// Writes the files of one version and gives the path of its `.info`.
async fn write_version(parts: &Parts, stored: &StoredVersion, folder: &Path) -> Result<PathBuf> {
    let files = folder.join("@v");
    std::fs::create_dir_all(&files)?;
    let version = stored.module.version().escaped();
    let info = files.join(format!("{version}.info"));
    place(parts, &stored.info, &info).await?;
    place(parts, &stored.go_mod, &files.join(format!("{version}.mod"))).await?;
    if let Some(zip) = &stored.zip {
        place(parts, &zip.digest, &files.join(format!("{version}.zip"))).await?;
    }
    Ok(info)
}

/// Links the blob to where it belongs, or copies it where links do not reach.
async fn place(parts: &Parts, digest: &ContentDigest, to: &Path) -> Result<()> {
    if let Some(from) = parts.store.local_path(digest) {
        match std::fs::hard_link(&from, to) {
            Ok(()) => return Ok(()),
            Err(cause) if cause.kind() == ErrorKind::AlreadyExists => return check_same_length(&from, to),
            Err(cause) if cause.kind() == ErrorKind::NotFound => bail!("blob {digest} is missing from the store; `granary verify` names all such"),
            Err(_) => {}
        }
    }
    let blob = parts.store.open(digest).await?;
    std::fs::write(to, blob.bytes()).with_context(|| format!("cannot write {}", to.display()))
}

fn check_same_length(from: &Path, to: &Path) -> Result<()> {
    let (from, there) = (std::fs::metadata(from)?.len(), std::fs::metadata(to)?.len());
    if from != there {
        bail!("{} is there already and has {there} bytes instead of {from}; export to an empty folder", to.display());
    }
    Ok(())
}

/// Writes `list` (no pseudo-versions, as the protocol wants) and, where only pseudo-versions are there, `@latest`.
fn finish_module(folder: &Path, versions: &[(Version, PathBuf)]) -> Result<()> {
    let mut listed: Vec<&Version> = versions.iter().map(|(version, _)| version).filter(|v| !v.is_pseudo()).collect();
    listed.sort();
    let list: String = listed.iter().map(|version| format!("{version}\n")).collect();
    std::fs::write(folder.join("@v/list"), list)?;
    let newest = versions.iter().max_by(|a, b| a.0.cmp(&b.0));
    if let Some((_, info)) = newest.filter(|_| listed.is_empty()) {
        std::fs::copy(info, folder.join("@latest"))?;
    }
    Ok(())
}
