//! Distrust: what is told and kept when a checksum database says what it cannot prove.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use catalog::Catalog;
use gomod::hash::ContentDigest;
use gomod::version::ModuleVersion;
use origin::sumdb::error::DatabaseError;
use serde_json::json;
use tracing::{error, warn};

use crate::refusal::with_causes;

/// Different events of one kind that are told of one database until the next start. Whoever asks chooses the paths that a
/// database lies about, so without a bound clients could fill the catalog; and nobody needs more to see that it lies.
const TOLD_MAX: usize = 256;

/// What was told already: digests of details, by kind and database.
type Told = HashMap<(&'static str, String), HashSet<ContentDigest>>;

/// Where it is told, whoever noticed. Clones count together.
#[derive(Clone, Debug)]
pub struct Distrust {
    catalog: Catalog,
    count: Arc<AtomicU64>,
    told: Arc<Mutex<Told>>,
}

impl Distrust {
    /// One that has seen nothing yet.
    pub fn new(catalog: Catalog) -> Self {
        Self {
            catalog,
            count: Arc::default(),
            told: Arc::default(),
        }
    }

    /// How often a database was found not to be believed; the same finding counts once.
    pub fn count(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.count)
    }

    /// Raises the event that an answer of a checksum database deserves, if it deserves one: lies, and a log that was
    /// rewritten. Trouble on the way and missing records are no events, nor is what was told before: after a fork every
    /// request meets it again.
    pub async fn note(&self, of: Option<&ModuleVersion>, database: &str, cause: &DatabaseError) {
        let (kind, detail) = match cause {
            DatabaseError::Fork { proof } => (
                "checksum-database-fork",
                json!({ "database": database, "proof": &**proof }),
            ),
            DatabaseError::Lying { .. } => (
                "checksum-database-lie",
                json!({ "database": database, "what": with_causes(cause) }),
            ),
            _ => return,
        };
        let is_last = match self.remember(kind, database, &detail.to_string()) {
            Novelty::Known => return,
            Novelty::TooMuch => {
                self.count.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Novelty::New => false,
            Novelty::Last => true,
        };
        self.count.fetch_add(1, Ordering::Relaxed);
        let module = of.map(tracing::field::display);
        error!(module, database, event = kind, evidence = %detail, "the checksum database is not to be believed");
        if let Err(cause) = self.catalog.save_event(kind, of, &detail).await {
            error!(module, error = %cause, "the security event could not be written");
        }
        if is_last {
            warn!(
                database,
                event = kind,
                "further events of this kind are counted and not written until the next start"
            );
        }
    }

    fn remember(&self, kind: &'static str, database: &str, detail: &str) -> Novelty {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let told = told.entry((kind, database.to_owned())).or_default();
        let digest = ContentDigest::of(detail.as_bytes());
        if told.contains(&digest) {
            return Novelty::Known;
        }
        if told.len() >= TOLD_MAX {
            return Novelty::TooMuch;
        }
        told.insert(digest);
        if told.len() == TOLD_MAX {
            Novelty::Last
        } else {
            Novelty::New
        }
    }
}

/// Whether something was told before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Novelty {
    New,
    /// New, and after it there is no room for more.
    Last,
    Known,
    /// New, and told no more.
    TooMuch,
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[tokio::test]
    async fn each_finding_is_told_once_and_not_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("catalog.db").display());
        let catalog = Catalog::open(&url).await.unwrap();
        let distrust = Distrust::new(catalog.clone());
        let fork = |proof: &str| DatabaseError::Fork {
            proof: proof.into(),
        };
        for _ in 0..50 {
            distrust.note(None, "sum.example.com", &fork("one")).await;
        }
        assert_eq!(distrust.count().load(Ordering::Relaxed), 1);
        distrust.note(None, "sum.example.com", &fork("two")).await;
        distrust.note(None, "sum.example.org", &fork("one")).await;
        let lie = |number: usize| DatabaseError::Lying {
            path: format!("tile/8/0/{number}"),
            cause: Box::new(io::Error::other("other bytes")),
        };
        for number in 0..TOLD_MAX + 50 {
            distrust.note(None, "sum.example.com", &lie(number)).await;
        }
        let count = distrust.count().load(Ordering::Relaxed);
        assert_eq!(count as usize, 3 + TOLD_MAX + 50);
        let events = catalog.list_events(10_000).await.unwrap();
        assert_eq!(events.len(), 3 + TOLD_MAX);
    }
}
