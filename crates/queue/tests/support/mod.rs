//! What the tests of this crate share: handlers from closures, tables that fail on demand, a PostgreSQL on scratch.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

pub mod postgres;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use queue::table::{Batch, MemoryTable, PostgresTable, Row, SqliteTable, Table, TableError};
use queue::{
    Dead, Durability, Handler, Job, JobContext, JobId, Outcome, Priority, Queue, RetryPlan,
    Settings,
};

/// Longest wait for something that ought to happen at once; only a failing test waits that long.
pub const SOON: Duration = Duration::from_secs(20);

type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

struct Closure<F>(F);

#[async_trait]
impl<F: Fn(Job, JobContext) -> Running + Send + Sync + 'static> Handler for Closure<F> {
    async fn run(&self, job: &Job, context: &JobContext) -> Outcome {
        (self.0)(job.clone(), context.clone()).await
    }
}

/// A handler from an async closure.
pub fn handler<F, R>(run: F) -> Arc<dyn Handler>
where
    F: Fn(Job, JobContext) -> R + Send + Sync + 'static,
    R: Future<Output = Outcome> + Send + 'static,
{
    Arc::new(Closure(move |job, context| {
        Box::pin(run(job, context)) as Running
    }))
}

/// Answers with the payload.
pub fn echo() -> Arc<dyn Handler> {
    handler(|job, _| async move { Outcome::Done(job.payload) })
}

pub fn job(kind: &str, id: &str, priority: Priority, durability: Durability) -> Job {
    Job {
        id: id.into(),
        kind: kind.to_owned(),
        payload: format!("payload of {id}").into(),
        priority,
        durability,
    }
}

pub fn durable(id: &str) -> Job {
    job("k", id, Priority::Client, Durability::Durable)
}

pub fn fleeting(id: &str) -> Job {
    job("k", id, Priority::Client, Durability::Fleeting)
}

/// Settings whose delays are short and whose leases end soon.
pub fn quick() -> Settings {
    let retry = RetryPlan {
        first: Duration::from_millis(5),
        longest: Duration::from_millis(40),
        ..RetryPlan::default()
    };
    Settings {
        retry,
        flush_every: Duration::from_millis(2),
        poll_every: Duration::from_millis(20),
        lease: Duration::from_millis(600),
        ..Settings::default()
    }
}

/// Waits until `is_so`, looking often.
#[track_caller]
pub fn until(what: &str, is_so: impl Fn() -> bool) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let start = Instant::now();
        while !is_so() {
            assert!(
                start.elapsed() < SOON,
                "{what} did not happen, asked at {caller}"
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Where a test's rows are; opening it again is what a restart does.
#[derive(Clone)]
pub enum Backend {
    Memory(Arc<MemoryTable>),
    Sqlite(PathBuf),
    Postgres(String),
}

impl Backend {
    pub async fn table(&self) -> Arc<dyn Table> {
        let table: Arc<dyn Table> = match self {
            Backend::Memory(table) => Arc::clone(table) as Arc<dyn Table>,
            Backend::Sqlite(path) => Arc::new(SqliteTable::open(path).await.unwrap()),
            Backend::Postgres(url) => Arc::new(PostgresTable::open(url).await.unwrap()),
        };
        table.renew(quick().lease).await.unwrap();
        table
    }

    pub async fn queue(&self) -> Queue {
        Queue::with_table(self.table().await, quick())
            .await
            .unwrap()
    }

    /// Every unfinished row once nobody works on them, as a process that comes after sees them.
    pub async fn rows(&self) -> Vec<Row> {
        let table = self.table().await;
        let mut rows: Vec<Row> = Vec::new();
        loop {
            let page = table
                .claim(rows.last().map(|row| &row.id), 2)
                .await
                .unwrap();
            if page.is_empty() {
                table.release().await.unwrap();
                return rows;
            }
            rows.extend(page);
        }
    }
}

/// A table that counts what is written and fails on demand.
pub struct Watched {
    pub inner: Arc<dyn Table>,
    pub is_down: AtomicBool,
    pub saves: AtomicUsize,
    pub deletes: AtomicUsize,
}

impl Watched {
    pub fn new(inner: Arc<dyn Table>) -> Arc<Self> {
        let (saves, deletes) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self {
            inner,
            is_down: AtomicBool::new(false),
            saves,
            deletes,
        })
    }

    pub fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
    }

    fn check(&self) -> Result<(), TableError> {
        if self.is_down.load(Ordering::SeqCst) {
            return Err(TableError::new("do anything", "the test took it down"));
        }
        Ok(())
    }
}

#[async_trait]
impl Table for Watched {
    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }

    async fn apply(&self, batch: &Batch) -> Result<Vec<JobId>, TableError> {
        self.check()?;
        self.saves.fetch_add(batch.saves.len(), Ordering::SeqCst);
        self.deletes
            .fetch_add(batch.deletes.len(), Ordering::SeqCst);
        self.inner.apply(batch).await
    }

    async fn claim(&self, after: Option<&JobId>, limit: u32) -> Result<Vec<Row>, TableError> {
        self.check()?;
        self.inner.claim(after, limit).await
    }

    async fn renew(&self, lease: Duration) -> Result<(), TableError> {
        self.check()?;
        self.inner.renew(lease).await
    }

    async fn release(&self) -> Result<(), TableError> {
        self.check()?;
        self.inner.release().await
    }

    async fn list_dead(&self, limit: u32) -> Result<Vec<Dead>, TableError> {
        self.check()?;
        self.inner.list_dead(limit).await
    }

    async fn prune_dead(&self, since_ms: i64, keep: u32) -> Result<u64, TableError> {
        self.check()?;
        self.inner.prune_dead(since_ms, keep).await
    }
}
