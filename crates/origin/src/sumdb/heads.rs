//! The newest head of a log: loaded once, moved forward only, saved before anyone relies on it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use quick_cache::sync::Cache;
use tlog::database::SignedHead;
use tlog::note::Verifier;
use tlog::tree::TreeHead;
use tokio::sync::{Mutex as AsyncMutex, OnceCell};

use super::error::DatabaseError;
use super::keeper::HeadKeeper;

/// How many older heads are remembered as proven. A caching proxy answers with the heads of the days when each lookup
/// was first asked, so the same few come again and again.
const AGREED_HEADS_MAX: usize = 1024;

/// What is known of a log's heads.
pub(super) struct Heads {
    keeper: Arc<dyn HeadKeeper>,
    loaded: OnceCell<()>,
    /// Held for a moment only, never while anything is waited for.
    current: Mutex<Option<Arc<SignedHead>>>,
    /// Size of the largest head that was saved; held while saving, so that one writes and the others find it done.
    saved_size: AsyncMutex<u64>,
    agreed: Cache<TreeHead, ()>,
    fork: OnceLock<Arc<str>>,
}

impl Heads {
    pub(super) fn new(keeper: Arc<dyn HeadKeeper>) -> Self {
        Self {
            keeper,
            loaded: OnceCell::new(),
            current: Mutex::new(None),
            saved_size: AsyncMutex::new(0),
            agreed: Cache::new(AGREED_HEADS_MAX),
            fork: OnceLock::new(),
        }
    }

    /// Loads the kept head, the first time; refuses if the log was ever seen to be forked.
    pub(super) async fn load(&self, verifier: &Verifier) -> Result<(), DatabaseError> {
        self.check_fork()?;
        self.loaded
            .get_or_try_init(async || {
                let note = self.keeper.load().await.map_err(DatabaseError::Keeper)?;
                let Some(note) = note else { return Ok(()) };
                // Ours, but not signed by this key: to go on without it would be to forget what was seen.
                let signed = SignedHead::open(&note, verifier)
                    .map_err(|cause| DatabaseError::Keeper(cause.into()))?;
                *self.saved_size.lock().await = signed.head.size;
                self.advance(None, &signed);
                Ok(())
            })
            .await
            .copied()
    }

    pub(super) fn find_current(&self) -> Option<Arc<SignedHead>> {
        self.current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Makes `next` the newest head if `from`, which it was proven against, still is the newest.
    pub(super) fn advance(&self, from: Option<&SignedHead>, next: &SignedHead) -> bool {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let is_still = current.as_ref().map(|head| head.head) == from.map(|head| head.head);
        if is_still {
            *current = Some(Arc::new(next.clone()));
        }
        is_still
    }

    /// Saves the newest head unless it is saved already.
    pub(super) async fn save(&self) -> Result<(), DatabaseError> {
        let mut saved_size = self.saved_size.lock().await;
        match self.find_current() {
            Some(signed) if signed.head.size > *saved_size => {
                self.keeper
                    .save(&signed)
                    .await
                    .map_err(DatabaseError::Keeper)?;
                *saved_size = signed.head.size;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Whether a head was proven to be part of one that was the newest, and so of every newest head since. That says
    /// nothing about heads that come: those are always proven against the newest.
    pub(super) fn is_agreed(&self, head: &TreeHead) -> bool {
        self.agreed.get(head).is_some()
    }

    pub(super) fn remember_agreed(&self, head: &TreeHead) {
        self.agreed.insert(*head, ());
    }

    /// Refuses if the log was ever seen to be forked.
    pub(super) fn check_fork(&self) -> Result<(), DatabaseError> {
        match self.find_fork() {
            Some(proof) => Err(DatabaseError::Fork { proof }),
            None => Ok(()),
        }
    }

    pub(super) fn find_fork(&self) -> Option<Arc<str>> {
        self.fork.get().cloned()
    }

    /// Remembers the first proof of a fork, for good, and gives it.
    pub(super) fn remember_fork(&self, proof: String) -> Arc<str> {
        Arc::clone(self.fork.get_or_init(|| proof.into()))
    }
}
