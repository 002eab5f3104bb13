//! `granary verify`: hashes the store again, compares it with the catalog, and names what is missing, wrong or extra.

use std::collections::HashSet;

use anyhow::Result;
use catalog::StoredVersion;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use gomod::hash::ContentDigest;
use pipeline::promotion::PROD;
use serde_json::json;
use store::StoreError;

use crate::line::{Line, Lines, finding, progress};
use crate::parts::Parts;

/// Versions read from the catalog at a time.
const PAGE: u64 = 500;

/// Rows of the quarantine whose blobs count as named.
const QUARANTINED_MAX: u64 = 100_000;

/// Blobs hashed at once: the work is CPU, more only makes them wait for each other.
const AT_ONCE: usize = 4;

/// What the run found, in numbers.
#[derive(Default)]
struct Tally {
    versions: u64,
    blobs: u64,
    bytes: u64,
    missing: u64,
    wrong: u64,
    extra: u64,
}

/// Verifies every blob that the catalog names, and names every blob that it does not.
pub async fn run(parts: &Parts, lines: &Lines) -> Result<Line> {
    let total = parts.catalog.count_versions().await?;
    let mut tally = Tally::default();
    let mut seen: HashSet<ContentDigest> = HashSet::new();
    let mut after = 0;
    loop {
        let page = parts.catalog.list_all(PROD, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.landed.seq;
        for version in &page {
            tally.versions += 1;
            verify_version(parts, version, &mut seen, &mut tally, lines).await?;
            if tally.versions.is_multiple_of(50) {
                progress(lines, tally.versions, total, &version.module).await;
            }
        }
    }
    let quarantined = parts.catalog.list_quarantine(QUARANTINED_MAX).await?;
    seen.extend(quarantined.into_iter().filter_map(|row| row.digest));
    name_extras(parts, &seen, &mut tally, lines).await?;
    let well = tally.missing == 0 && tally.wrong == 0;
    Ok(Line::Done {
        well,
        text: format!(
            "{} versions, {} blobs, {} bytes hashed: {} missing, {} wrong, {} extra",
            tally.versions, tally.blobs, tally.bytes, tally.missing, tally.wrong, tally.extra
        ),
        data: json!({ "versions": tally.versions, "blobs": tally.blobs, "bytes": tally.bytes, "missing": tally.missing, "wrong": tally.wrong, "extra": tally.extra }),
    })
}

async fn verify_version(
    parts: &Parts,
    version: &StoredVersion,
    seen: &mut HashSet<ContentDigest>,
    tally: &mut Tally,
    lines: &Lines,
) -> Result<()> {
    let mut files = vec![(".info", version.info), (".mod", version.go_mod)];
    files.extend(version.zip.as_ref().map(|zip| (".zip", zip.digest)));
    files.retain(|(_, digest)| seen.insert(*digest));
    let store = &parts.store;
    let checks = files
        .into_iter()
        .map(|(file, digest)| async move { (file, digest, store.verify(&digest).await) });
    let checks: Vec<BoxFuture<'_, _>> = checks.map(|check| check.boxed()).collect();
    let mut checks = futures_util::stream::iter(checks).buffer_unordered(AT_ONCE);
    while let Some((file, digest, outcome)) = checks.next().await {
        tally.blobs += 1;
        let name = format!("{}{file}", version.module);
        match outcome {
            Ok(bytes) => tally.bytes += bytes,
            Err(StoreError::NotFound { .. }) => {
                tally.missing += 1;
                finding(
                    lines,
                    "missing",
                    &name,
                    &format!("the catalog names blob {digest}, the store does not have it"),
                )
                .await;
            }
            Err(cause @ StoreError::Corrupt { .. }) => {
                tally.wrong += 1;
                finding(lines, "wrong", &name, &cause).await;
            }
            Err(cause) => return Err(cause.into()),
        }
    }
    Ok(())
}

/// Blobs that no row names are harmless leftovers of captures that were refused or cut short.
async fn name_extras(
    parts: &Parts,
    seen: &HashSet<ContentDigest>,
    tally: &mut Tally,
    lines: &Lines,
) -> Result<()> {
    let mut blobs = std::pin::pin!(parts.store.list());
    while let Some(blob) = blobs.next().await {
        let (digest, bytes) = blob?;
        if !seen.contains(&digest) {
            tally.extra += 1;
            finding(
                lines,
                "extra",
                &digest,
                &format!("{bytes} bytes that no version names"),
            )
            .await;
        }
    }
    Ok(())
}
