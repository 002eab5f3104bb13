//! What is known about rot: which big blobs were hashed since the start, and where rotten ones are put.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use gomod::hash::ContentDigest;
use quick_cache::UnitWeighter;
use quick_cache::sync::Cache;
use tokio::sync::broadcast;

use crate::hashing::Identity;

/// Where rotten blobs are kept as evidence, under the root.
const ROTTEN: &str = "rotten";

/// Big blobs remembered as hashed: some 8 MiB of memory. One that was forgotten is hashed again when it is opened.
const CHECKED_MAX: u64 = 65_536;

/// Entries that the memory makes room for at first; it grows as needed.
const CHECKED_AT_START: usize = 256;

/// Rotten blobs kept: evidence for a person, who looks long before there are more. The oldest go first.
const ROTTEN_MAX: usize = 1000;

/// Bytes of them kept: a thousand zips may be hundreds of gigabytes, on a disk that is dying and perhaps full. The newest
/// stays whatever its size.
const ROTTEN_BYTES_MAX: u64 = 4 << 30;

/// Blobs set aside that a listener may be behind by; one that is further behind learns that it missed some.
const TOLD_MAX: usize = 256;

/// A blob that is set aside because it does not hold the bytes that its name promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Its name.
    pub digest: ContentDigest,
    /// SHA-256 of what it holds; nothing if the disk cannot give it.
    pub found: Option<ContentDigest>,
    /// Where it is kept from now on; where it cannot be moved, there is nothing.
    pub path: PathBuf,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Rot {
    folder: PathBuf,
    checked: Cache<ContentDigest, Identity>,
    /// Held while a blob is hashed and moved, so that nobody moves the healed one that took its place.
    moving: Mutex<()>,
    count: Arc<AtomicU64>,
    told: broadcast::Sender<SetAside>,
}

impl Rot {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            folder: root.join(ROTTEN),
            checked: Cache::with_weighter(CHECKED_AT_START, CHECKED_MAX, UnitWeighter),
            moving: Mutex::new(()),
            count: Arc::default(),
            told: broadcast::Sender::new(TOLD_MAX),
        }
    }

    /// Whether this very file was hashed since the start and was right.
    pub(crate) fn is_checked(&self, digest: &ContentDigest, identity: Identity) -> bool {
        self.checked.get(digest) == Some(identity)
    }

    pub(crate) fn note_checked(&self, digest: &ContentDigest, identity: Identity) {
        self.checked.insert(*digest, identity);
    }

    pub(crate) fn moving(&self) -> &Mutex<()> {
        &self.moving
    }

    pub(crate) fn count(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.count)
    }

    pub(crate) fn told(&self) -> broadcast::Receiver<SetAside> {
        self.told.subscribe()
    }

    /// Tells everyone who listens of a rotten file and moves it out of the way. The mover is held by the caller.
    ///
    /// Told first: where it cannot be moved, nobody must get what was kept of it in memory nevertheless.
    pub(crate) fn set_aside(
        &self,
        path: &Path,
        digest: &ContentDigest,
        found: Option<ContentDigest>,
    ) -> io::Result<SetAside> {
        // The names sort by time.
        let name = format!("{}-{digest}", uuid::Uuid::now_v7().simple());
        let kept = self.folder.join(name);
        let set_aside = SetAside {
            digest: *digest,
            found,
            path: kept.clone(),
        };
        self.checked.remove(digest);
        let _ = self.told.send(set_aside.clone());
        fs::create_dir_all(&self.folder)?;
        fs::rename(path, &kept)?;
        for folder in [Some(self.folder.as_path()), path.parent()] {
            // Not durable yet is no harm: the rotten blob would be found again.
            folder.and_then(|folder| fs::File::open(folder).and_then(|f| f.sync_all()).ok());
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        tracing::error!(
            blob = %digest,
            found = found.map_or("unreadable".to_owned(), |found| found.to_string()),
            kept = %set_aside.path.display(),
            "a stored blob has rotted: it is set aside and never served; `granary verify --repair` captures it again, and look at the disk"
        );
        self.prune();
        Ok(set_aside)
    }

    /// Where the newest rotten file of this blob is kept, if there is one.
    pub(crate) fn find_evidence(&self, digest: &ContentDigest) -> Option<PathBuf> {
        let end = format!("-{digest}");
        let kept = fs::read_dir(&self.folder).ok()?.flatten();
        kept.map(|entry| entry.path())
            .filter(|path| path.to_str().is_some_and(|path| path.ends_with(&end)))
            .max()
    }

    /// Drops the oldest evidence when there is too much of it.
    fn prune(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        let mut kept: Vec<_> = entries
            .flatten()
            .map(|entry| {
                let size_bytes = entry.metadata().map_or(0, |found| found.len());
                (entry.path(), size_bytes)
            })
            .collect();
        kept.sort();
        for (oldest, _) in &kept[..count_over(&kept)] {
            if let Err(error) = fs::remove_file(oldest) {
                tracing::warn!(path = %oldest.display(), %error, "old evidence stays: it cannot be removed");
            }
        }
    }
}

/// How many of the oldest are too many, or too large together with those after them.
fn count_over(kept: &[(PathBuf, u64)]) -> usize {
    let mut sum_bytes = 0_u64;
    let newest_first = kept.iter().rev().enumerate();
    let fits = newest_first.take_while(|(at, (_, size_bytes))| {
        sum_bytes = sum_bytes.saturating_add(*size_bytes);
        *at == 0 || (*at < ROTTEN_MAX && sum_bytes <= ROTTEN_BYTES_MAX)
    });
    kept.len() - fits.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_over(sizes_bytes: &[u64], want: usize) {
        let kept: Vec<_> = sizes_bytes
            .iter()
            .map(|size_bytes| (PathBuf::new(), *size_bytes))
            .collect();
        assert_eq!(count_over(&kept), want);
    }

    #[test]
    fn evidence_is_bounded_in_number_and_bytes_and_the_newest_stays() {
        check_over(&[], 0);
        check_over(&[1; ROTTEN_MAX], 0);
        check_over(&[1; ROTTEN_MAX + 3], 3);
        check_over(&[ROTTEN_BYTES_MAX + 1], 0);
        check_over(&[1, ROTTEN_BYTES_MAX + 1], 1);
        check_over(&[ROTTEN_BYTES_MAX + 1, 1], 1);
        check_over(&[5, 1, ROTTEN_BYTES_MAX - 1], 1);
        check_over(&[1, u64::MAX, u64::MAX], 2);
    }
}
