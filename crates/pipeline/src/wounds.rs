//! What is known to be damaged at the moment: told once each, asked for again until it is healed.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use catalog::work::HealAsk;

/// Wounds remembered at once. Beyond that a disk is lost, and one event more for each is no loss.
const WOUNDS_MAX: usize = 10_000;

/// What is known to be wrong at the moment, and how often it went which way.
#[derive(Clone, Default)]
pub struct Wounds {
    open: Arc<Mutex<HashMap<String, HealAsk>>>,
    /// Files that were fetched again.
    pub healed: Arc<AtomicU64>,
    /// Attempts that brought other bytes than those that were verified first.
    pub lied_to: Arc<AtomicU64>,
    /// Rows and pages of the catalog that were found wrong.
    pub rows: Arc<AtomicU64>,
}

impl Wounds {
    /// Remembers that something is wrong; tells whether that is new, so that an event is written once for each.
    pub(crate) fn note(&self, what: String, ask: HealAsk) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= WOUNDS_MAX {
            open.clear();
        }
        open.insert(what, ask).is_none()
    }

    pub(crate) fn close(&self, ask: &HealAsk) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, wound| wound != ask);
    }

    /// What could not be healed yet.
    pub(crate) fn list(&self) -> Vec<HealAsk> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.values().cloned().collect()
    }
}
