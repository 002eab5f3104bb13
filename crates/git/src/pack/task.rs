//! What the threads that resolve a pack share.

use std::fs::File;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use super::entries::{Entries, NONE, Names};
use super::limits::{PackError, PackLimits};
use crate::id::ObjectId;

/// The pack, the names found so far, and the work done.
pub(super) struct Task<'a> {
    pub file: &'a File,
    pub entries: &'a Entries,
    pub limits: &'a PackLimits,
    names: Mutex<Names>,
    /// For every delta that names its base by id: the entry that it is resolved from, plus one. An object may be stored
    /// twice, yet its deltas are walked once only.
    claims: Vec<AtomicU32>,
    work_bytes: AtomicU64,
    work_bytes_max: u64,
    may_go_on: &'a MayGoOn<'a>,
}

/// Whether the caller still wants the pack.
pub(super) type MayGoOn<'a> = dyn Fn() -> bool + Sync + 'a;

impl<'a> Task<'a> {
    pub(super) fn new(
        file: &'a File,
        entries: &'a Entries,
        names: Names,
        limits: &'a PackLimits,
        may_go_on: &'a MayGoOn<'a>,
    ) -> Self {
        let claims = entries.by_base_id.iter().map(|_| AtomicU32::new(0));
        Self {
            file,
            entries,
            limits,
            names: Mutex::new(names),
            claims: claims.collect(),
            work_bytes: AtomicU64::new(0),
            work_bytes_max: limits.work_bytes_max(entries.end),
            may_go_on,
        }
    }

    /// The names. A thread that panicked left them usable: the panic itself is passed on where it is joined.
    pub(super) fn names(&self) -> MutexGuard<'_, Names> {
        self.names
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(super) fn into_names(self) -> Names {
        self.names
            .into_inner()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Counts work, and looks whether it is still wanted.
    pub(super) fn charge(&self, bytes: u64) -> Result<(), PackError> {
        if !(self.may_go_on)() {
            return Err(PackError::Stopped);
        }
        let before = self.work_bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.work_bytes_max {
            return Err(PackError::Limit {
                what: "bytes inflated and put together",
                max: self.work_bytes_max,
            });
        }
        Ok(())
    }

    /// The deltas made from an entry: those that name it by its place, and those that name its object by id, unless they
    /// were claimed for another entry with that object.
    pub(super) fn list_children(&self, entry: u32, id: Option<&ObjectId>) -> Vec<u32> {
        let mut children = Vec::new();
        let mut child = self.entries.list[entry as usize].first_child;
        while child != NONE {
            children.push(child);
            child = self.entries.list[child as usize].next_sibling;
        }
        if self.entries.by_base_id.is_empty() {
            return children;
        }
        let Some(id) = id else { return children };
        for at in self.entries.list_naming(id) {
            let mine = entry + 1;
            let claim = &self.claims[at];
            let claimed = claim.compare_exchange(0, mine, Ordering::Relaxed, Ordering::Relaxed);
            if claimed.is_ok() || claimed == Err(mine) {
                children.push(self.entries.by_base_id[at].1);
            }
        }
        children
    }
}
