//! `granary verify`: hashes the store again, compares it with the catalog, and names what is missing, wrong or extra; with
//! `--repair` it heals what can be healed.

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use catalog::work::{CaptureAnswer, HealAsk, HealFile};
use catalog::{CatalogError, Listed, RowState, StoredVersion};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use gomod::hash::ContentDigest;
use serde_json::json;
use store::StoreError;

use crate::line::{Line, Lines, finding, progress};
use crate::parts::Parts;

/// Versions read from the catalog at a time.
const PAGE: u64 = 500;

/// Rows of the quarantine whose blobs count as named.
const QUARANTINED_MAX: u64 = 100_000;

/// Rows that lost each other that are named; a catalog with more is lost as a whole.
const LOOSE_ENDS_MAX: u64 = 10_000;

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
    /// Nothing where it cannot be known.
    extra: Option<u64>,
    /// Findings about the catalog itself.
    rotten: u64,
    healed: u64,
    unhealed: u64,
}

/// A run on its way.
struct Run<'a> {
    parts: &'a Parts,
    lines: &'a Lines,
    repair: bool,
    begun: SystemTime,
    seen: HashSet<ContentDigest>,
    /// Whether every row could be read, so that what none of them names is named by none.
    reads_all: bool,
    tally: Tally,
}

/// Verifies every blob that the catalog names, and names every blob that it does not.
pub async fn run(parts: &Parts, repair: bool, lines: &Lines) -> Result<Line> {
    let mut run = Run {
        parts,
        lines,
        repair,
        begun: SystemTime::now(),
        seen: HashSet::new(),
        reads_all: true,
        tally: Tally::default(),
    };
    run.verify_catalog().await?;
    // For the line that says how far it has come; what is damaged is found below.
    let total = parts.catalog.count_versions().await.unwrap_or_default();
    let mut after = 0;
    loop {
        let page = parts.catalog.list_as_found(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        for listed in &page {
            run.tally.versions += 1;
            run.verify_version(listed).await?;
            if run.tally.versions.is_multiple_of(50) {
                progress(lines, run.tally.versions, total, &listed.of).await;
            }
        }
    }
    let quarantined = parts.catalog.list_quarantine(QUARANTINED_MAX).await?;
    run.seen
        .extend(quarantined.into_iter().filter_map(|row| row.digest));
    if run.reads_all {
        run.name_extras().await?;
    }
    Ok(run.tally.done(repair))
}

impl Tally {
    fn done(&self, repair: bool) -> Line {
        let found = self.missing + self.wrong + self.rotten;
        let repaired = if repair && found > 0 {
            format!("; {} healed, {} not", self.healed, self.unhealed)
        } else {
            String::new()
        };
        let rotten = if self.rotten > 0 {
            format!(", {} wrong in the catalog", self.rotten)
        } else {
            String::new()
        };
        let extra = self.extra.map_or_else(
            || "extra not looked for, because what the wrong rows name is unknown".to_owned(),
            |extra| format!("{extra} extra"),
        );
        Line::Done {
            well: found == 0 || (repair && self.unhealed == 0),
            text: format!(
                "{} versions, {} blobs, {} bytes hashed: {} missing, {} wrong, {extra}{rotten}{repaired}",
                self.versions, self.blobs, self.bytes, self.missing, self.wrong
            ),
            data: json!({ "versions": self.versions, "blobs": self.blobs, "bytes": self.bytes, "missing": self.missing, "wrong": self.wrong, "extra": self.extra, "rotten": self.rotten, "healed": self.healed, "unhealed": self.unhealed }),
        }
    }
}

/// A damaged catalog is what is looked for, and no reason to stop looking.
fn as_findings(found: Result<Vec<String>, CatalogError>) -> Result<Vec<String>> {
    match found {
        Err(cause @ CatalogError::Corrupt { .. }) => {
            Ok(vec![format!("{:#}", anyhow::Error::from(cause))])
        }
        found => Ok(found?),
    }
}

impl Run<'_> {
    /// Pages, and rows that name rows which are not there.
    async fn verify_catalog(&mut self) -> Result<()> {
        let mut found = as_findings(self.parts.catalog.check_pages().await)?;
        let loose = self.parts.catalog.list_loose_ends(LOOSE_ENDS_MAX).await;
        found.extend(as_findings(loose)?);
        for what in found {
            self.tally.rotten += 1;
            self.tally.unhealed += 1;
            self.reads_all = false;
            finding(self.lines, "catalog", &"the catalog", &what).await;
        }
        Ok(())
    }

    async fn verify_version(&mut self, listed: &Listed) -> Result<()> {
        let version = match &listed.version {
            Ok(version) => version,
            Err(cause) => {
                self.tally.rotten += 1;
                self.tally.unhealed += 1;
                self.reads_all = false;
                finding(self.lines, "rotten row", &listed.of, cause).await;
                return Ok(());
            }
        };
        self.verify_rows(version).await?;
        let mut files = HealFile::ALL.to_vec();
        files.retain(|file| {
            let digest = version.find_blob(*file).map(|(digest, _)| digest);
            digest.is_some_and(|digest| self.seen.insert(digest))
        });
        let store = &self.parts.store;
        let checks = files.into_iter().filter_map(|file| {
            let (digest, _) = version.find_blob(file)?;
            Some(async move { (file, digest, store.verify(&digest).await) }.boxed())
        });
        let checks: Vec<BoxFuture<'_, _>> = checks.collect();
        let mut checks = futures_util::stream::iter(checks).buffer_unordered(AT_ONCE);
        while let Some((file, digest, outcome)) = checks.next().await {
            self.tally.blobs += 1;
            match outcome {
                Ok(bytes) => self.tally.bytes += bytes,
                Err(StoreError::NotFound { .. }) => {
                    self.tally.missing += 1;
                    let text =
                        format!("the catalog names blob {digest}, the store does not have it");
                    self.damaged("missing", version, file, &text).await;
                }
                Err(cause) if cause.is_rot() => {
                    self.tally.wrong += 1;
                    self.damaged("wrong", version, file, &cause.to_string())
                        .await;
                }
                Err(cause) => return Err(cause.into()),
            }
        }
        Ok(())
    }

    /// A row in which a bit had flipped is named; with `--repair` it is written again as it was.
    async fn verify_rows(&mut self, version: &StoredVersion) -> Result<()> {
        if version.rows != RowState::Mended {
            return Ok(());
        }
        self.tally.rotten += 1;
        let text = "a bit of its row had flipped; it is read as it was written";
        finding(self.lines, "flipped bit", &version.module, &text).await;
        if self.repair {
            self.parts.processor.mend_rows(version).await?;
            self.tally.healed += 1;
        }
        Ok(())
    }

    /// Names a file that is not what it should be, and heals it where that is wanted.
    async fn damaged(&mut self, what: &str, version: &StoredVersion, file: HealFile, text: &str) {
        let name = format!("{}{file}", version.module);
        finding(self.lines, what, &name, &text).await;
        if !self.repair {
            return;
        }
        let of = version.module.clone();
        match self.parts.processor.heal(&HealAsk { of, file }).await {
            CaptureAnswer::Landed => {
                self.tally.healed += 1;
                let text = "fetched again, the same bytes as ever";
                finding(self.lines, "healed", &name, &text).await;
            }
            CaptureAnswer::Refused(refusal) | CaptureAnswer::Passed { refusal, .. } => {
                self.tally.unhealed += 1;
                finding(self.lines, "not healed", &name, &refusal.text).await;
            }
        }
    }

    /// Blobs that no row names are harmless leftovers of captures that were refused or cut short. What came in since this
    /// run began may have a row behind its back.
    async fn name_extras(&mut self) -> Result<()> {
        let mut extra = 0;
        let mut blobs = std::pin::pin!(self.parts.store.list());
        while let Some(blob) = blobs.next().await {
            let (digest, bytes) = blob?;
            let place = self.parts.store.local_path(&digest).unwrap_or_default();
            if !self.seen.contains(&digest) && !is_newer(&place, self.begun) {
                extra += 1;
                let text = format!("{bytes} bytes that no version names");
                finding(self.lines, "extra", &digest, &text).await;
            }
        }
        self.tally.extra = Some(extra);
        Ok(())
    }
}

/// Whether a file got its name after a moment. The time of its last change tells: a blob is written under another name
/// first, long before if it is large.
fn is_newer(path: &Path, than: SystemTime) -> bool {
    let Ok(metadata) = std::fs::metadata(path) else {
        return false;
    };
    let seconds = u64::try_from(metadata.ctime()).unwrap_or_default();
    let nanos = u32::try_from(metadata.ctime_nsec()).unwrap_or_default();
    UNIX_EPOCH + Duration::new(seconds, nanos) > than
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_as_new_as_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let (staged, named) = (dir.path().join("staged"), dir.path().join("named"));
        std::fs::write(&staged, "x").unwrap();
        let long_ago = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let file = std::fs::File::options().write(true).open(&staged).unwrap();
        file.set_modified(long_ago).unwrap();
        std::fs::hard_link(&staged, &named).unwrap();
        let now = SystemTime::now();
        assert!(is_newer(&named, now - Duration::from_secs(60)));
        assert!(!is_newer(&named, now + Duration::from_secs(60)));
        assert!(!is_newer(&dir.path().join("gone"), long_ago));
    }
}
