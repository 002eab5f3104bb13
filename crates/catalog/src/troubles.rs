//! How often the engine made trouble: counted for the metrics, told to the log at most once a minute for each kind.

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::CatalogError;

/// A kind of trouble that goes on is told again this often: a thousand requests that fail for one reason are one line.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// The counts of one catalog, from its opening on.
#[derive(Debug, Default)]
pub struct Troubles {
    /// How often the database server was found to be away.
    pub lost: Arc<AtomicU64>,
    /// Calls that failed because the database could not be reached, or its file was taken away.
    pub unreachable: Arc<AtomicU64>,
    /// Calls that failed because others held what they needed for too long.
    pub busy: Arc<AtomicU64>,
    /// Calls that were tried again after a broken connection or a conflict.
    pub retries: Arc<AtomicU64>,
    told_at: Mutex<HashMap<Discriminant<CatalogError>, Instant>>,
}

impl Troubles {
    /// Notes how a call ended.
    pub(crate) fn note(&self, error: Option<&CatalogError>) {
        let Some(error) = error else {
            return;
        };
        let (count, advice) = match error {
            CatalogError::Busy { .. } => (
                Some(&self.busy),
                "clients get 503 meanwhile; if it lasts, find the program that holds it (a backup, a shell) and end it",
            ),
            CatalogError::Unavailable { .. } | CatalogError::Replaced { .. } => (
                Some(&self.unreachable),
                "what is in memory is served, the rest gets 503; `granary doctor` says what is in the way",
            ),
            CatalogError::Full { .. } | CatalogError::ReadOnly { .. } => (
                None,
                "make room or give the right to write; reading goes on",
            ),
            CatalogError::Corrupt { .. } => (
                None,
                "stop the server and restore a backup of the database; the store is checked by `granary verify`",
            ),
            // Answers about one version, or about an address that was never opened.
            CatalogError::NoVersion { .. }
            | CatalogError::Foreign { .. }
            | CatalogError::Newer { .. }
            | CatalogError::Address { .. }
            | CatalogError::Rotten { .. } => return,
        };
        if let Some(count) = count {
            count.fetch_add(1, Ordering::Relaxed);
        }
        if self.is_time_to_tell(error) {
            let error = error.with_causes();
            tracing::error!(error, "trouble with the catalog: {advice}");
        }
    }

    fn is_time_to_tell(&self, error: &CatalogError) -> bool {
        let mut told_at = self.told_at.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let is_new = |at: &Instant| now.duration_since(*at) >= TELL_EVERY;
        let is_due = told_at.get(&discriminant(error)).is_none_or(is_new);
        if is_due {
            told_at.insert(discriminant(error), now);
        }
        is_due
    }
}
