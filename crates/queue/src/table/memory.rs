//! Rows in memory: for a queue without a disk, and the plainest reading of the contract.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::{Batch, Row, Table, TableError};
use crate::job::{Dead, JobId};

/// Rows that live as long as this value. Keep it and give it to a second queue to see what a restart sees.
#[derive(Debug, Default)]
pub struct MemoryTable {
    rows: Mutex<BTreeMap<JobId, Row>>,
}

impl MemoryTable {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<JobId, Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Table for MemoryTable {
    fn is_shared(&self) -> bool {
        false
    }

    async fn apply(&self, batch: &Batch) -> Result<Vec<JobId>, TableError> {
        let mut rows = self.rows();
        for id in &batch.deletes {
            rows.remove(id);
        }
        for row in &batch.saves {
            rows.insert(row.id.clone(), row.clone());
        }
        Ok(Vec::new())
    }

    async fn claim(&self, after: Option<&JobId>, limit: u32) -> Result<Vec<Row>, TableError> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = self.rows();
        let alive = rows
            .range::<JobId, _>((start, Bound::Unbounded))
            .map(|(_, row)| row)
            .filter(|row| row.died_at_ms.is_none());
        Ok(alive.take(limit as usize).cloned().collect())
    }

    async fn renew(&self, _lease: Duration) -> Result<(), TableError> {
        Ok(())
    }

    async fn release(&self) -> Result<(), TableError> {
        Ok(())
    }

    async fn list_dead(&self, limit: u32) -> Result<Vec<Dead>, TableError> {
        let mut dead: Vec<Dead> = self.rows().values().filter_map(as_dead).collect();
        dead.sort_by(|a, b| {
            b.died_at_ms
                .cmp(&a.died_at_ms)
                .then_with(|| a.id.cmp(&b.id))
        });
        dead.truncate(limit as usize);
        Ok(dead)
    }

    async fn prune_dead(&self, since_ms: i64, keep: u32) -> Result<u64, TableError> {
        let keep = self.list_dead(keep).await?;
        let mut rows = self.rows();
        let before = rows.len();
        rows.retain(|id, row| match row.died_at_ms {
            None => true,
            Some(at) => at >= since_ms && keep.iter().any(|dead| dead.id == *id),
        });
        Ok((before - rows.len()) as u64)
    }
}

fn as_dead(row: &Row) -> Option<Dead> {
    Some(Dead {
        id: row.id.clone(),
        kind: row.kind.clone(),
        attempts: row.attempts,
        message: row.message.clone(),
        died_at_ms: row.died_at_ms?,
    })
}
