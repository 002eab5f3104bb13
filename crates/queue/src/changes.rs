//! Rows to be written: what is due at the table, one change per job, whatever happened to it in between.
//!
//! A job that ends before its row was ever written leaves nothing to do. No I/O here: the flusher takes a batch, tries it,
//! and settles it or puts it back.

use std::collections::{HashMap, HashSet};

use tokio::sync::oneshot;

use crate::job::JobId;
use crate::table::{Batch, Row};

/// Told when a row is on disk, or why it is not.
pub(crate) type Acknowledge = oneshot::Sender<Result<(), String>>;

/// Changes that are due.
#[derive(Default)]
pub(crate) struct Changes {
    pending: HashMap<JobId, Change>,
    /// Jobs whose row is or may be in the table.
    written: HashSet<JobId>,
    /// Told when everything that was due at the time is on disk.
    barriers: Vec<Acknowledge>,
    urgent: bool,
}

enum Change {
    Save(Box<Row>, Vec<Acknowledge>),
    Delete,
}

/// Changes taken to be tried.
pub(crate) struct Taken {
    pub(crate) batch: Batch,
    pub(crate) acknowledges: Vec<Acknowledge>,
}

impl Changes {
    /// Notes that a row is to be written as it is now.
    pub(crate) fn save(&mut self, row: Row, acknowledge: Option<Acknowledge>) {
        self.urgent |= acknowledge.is_some();
        let id = row.id.clone();
        let mut waiting = match self.pending.remove(&id) {
            Some(Change::Save(_, waiting)) => waiting,
            Some(Change::Delete) | None => Vec::new(),
        };
        waiting.extend(acknowledge);
        self.pending
            .insert(id, Change::Save(Box::new(row), waiting));
    }

    /// Notes that a job needs no row any more.
    pub(crate) fn delete(&mut self, id: &JobId) {
        let before = self.pending.remove(id);
        if self.written.contains(id) {
            self.pending.insert(id.clone(), Change::Delete);
        }
        if let Some(Change::Save(_, waiting)) = before {
            // The job is over: there is nothing left that could be lost.
            waiting
                .into_iter()
                .for_each(|acknowledge| drop(acknowledge.send(Ok(()))));
        }
    }

    /// Notes that a row was found in the table.
    pub(crate) fn found(&mut self, id: &JobId) {
        self.written.insert(id.clone());
    }

    /// Notes that a row is another process's.
    pub(crate) fn forget(&mut self, id: &JobId) {
        self.written.remove(id);
    }

    /// Whether a row was written or is to be.
    pub(crate) fn knows(&self, id: &JobId) -> bool {
        self.written.contains(id) || self.pending.contains_key(id)
    }

    /// Asks to be told when everything due now is on disk.
    pub(crate) fn barrier(&mut self, acknowledge: Acknowledge) {
        self.urgent = true;
        self.barriers.push(acknowledge);
    }

    /// Makes the flusher not wait for more.
    pub(crate) fn hurry(&mut self) {
        self.urgent = true;
    }

    pub(crate) fn is_urgent(&self) -> bool {
        self.urgent
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.barriers.is_empty()
    }

    /// Takes everything that is due.
    pub(crate) fn take(&mut self) -> Taken {
        let mut batch = Batch::default();
        let mut acknowledges = std::mem::take(&mut self.barriers);
        for (id, change) in std::mem::take(&mut self.pending) {
            match change {
                Change::Save(row, waiting) => {
                    batch.acknowledged |= !waiting.is_empty();
                    acknowledges.extend(waiting);
                    self.written.insert(id);
                    batch.saves.push(*row);
                }
                Change::Delete => {
                    self.written.remove(&id);
                    batch.deletes.push(id);
                }
            }
        }
        self.urgent = false;
        Taken {
            batch,
            acknowledges,
        }
    }

    /// Notes what did not reach the table; changes that came since win.
    pub(crate) fn put_back(&mut self, batch: Batch) {
        for row in batch.saves {
            self.pending
                .entry(row.id.clone())
                .or_insert_with(|| Change::Save(Box::new(row), Vec::new()));
        }
        for id in batch.deletes {
            self.written.insert(id.clone());
            self.pending.entry(id).or_insert(Change::Delete);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Priority;

    fn row(id: &str) -> Row {
        Row {
            id: id.into(),
            kind: "k".to_owned(),
            payload: "p".into(),
            priority: Priority::Client,
            acknowledged: false,
            attempts: 0,
            run_at_ms: 0,
            died_at_ms: None,
            message: String::new(),
        }
    }

    #[test]
    fn job_that_ends_before_the_flush_leaves_nothing() {
        let mut changes = Changes::default();
        changes.save(row("a"), None);
        changes.delete(&"a".into());
        assert!(changes.is_empty());
    }

    #[test]
    fn job_that_ends_while_it_is_written_is_deleted_next() {
        let mut changes = Changes::default();
        changes.save(row("a"), None);
        assert_eq!(changes.take().batch.saves.len(), 1);
        changes.delete(&"a".into());
        assert_eq!(changes.take().batch.deletes, ["a".into()]);
        assert!(changes.is_empty());
    }

    #[test]
    fn failed_batch_comes_again_but_newer_changes_win() {
        let mut changes = Changes::default();
        changes.save(row("a"), None);
        changes.save(row("b"), None);
        let taken = changes.take();
        changes.delete(&"a".into());
        changes.put_back(taken.batch);
        let taken = changes.take();
        assert_eq!(taken.batch.saves, [row("b")]);
        assert_eq!(taken.batch.deletes, ["a".into()]);
    }

    #[test]
    fn failed_delete_is_not_lost() {
        let mut changes = Changes::default();
        changes.found(&"a".into());
        changes.delete(&"a".into());
        let taken = changes.take();
        changes.save(row("a"), None);
        changes.put_back(taken.batch);
        changes.delete(&"a".into());
        assert_eq!(changes.take().batch.deletes, ["a".into()]);
    }

    #[test]
    fn end_of_an_unwritten_job_acknowledges_it() {
        let mut changes = Changes::default();
        let (sender, mut receiver) = oneshot::channel();
        changes.save(row("a"), Some(sender));
        assert!(changes.is_urgent());
        changes.delete(&"a".into());
        assert_eq!(receiver.try_recv().unwrap(), Ok(()));
    }
}
