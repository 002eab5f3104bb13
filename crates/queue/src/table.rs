//! Durable rows: one trait, three implementations that pass one contract suite (`tests/contract.rs`).
//!
//! A table keeps rows and, where several processes share it, says whose they are. It decides nothing: when rows are
//! written, what runs and what is given up is the board's business.

mod journal;
mod memory;
mod postgres;
mod sqlite;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use crate::job::{Dead, JobId, Priority};

pub use memory::MemoryTable;
pub use postgres::PostgresTable;
pub use sqlite::SqliteTable;

/// A durable job as it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its id, the key.
    pub id: JobId,
    /// Its kind.
    pub kind: String,
    /// Its payload.
    pub payload: Bytes,
    /// How urgent it was last.
    pub priority: Priority,
    /// Whether somebody was told that it is on disk, and may come back for its outcome.
    pub acknowledged: bool,
    /// Runs begun, the one under way included; those begun because somebody asked before the next try was due don't count.
    pub attempts: u32,
    /// Not before this time, in milliseconds since 1970; 0: at once.
    pub run_at_ms: i64,
    /// When it was given up, in milliseconds since 1970; `None`: it is alive.
    pub died_at_ms: Option<i64>,
    /// What the last failed run said; empty when none failed.
    pub message: String,
}

/// Rows to write and to delete, together.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Rows to insert or to replace.
    pub saves: Vec<Row>,
    /// Ids whose rows go. None of them is also saved.
    pub deletes: Vec<JobId>,
    /// Whether somebody waits to hear that this is on disk: then it must outlive a loss of power, not only of the process.
    pub acknowledged: bool,
}

/// Rows of durable jobs at rest.
#[async_trait]
pub trait Table: Send + Sync + 'static {
    /// Whether other processes may work on the same rows. A durable job is then claimed before it starts.
    fn is_shared(&self) -> bool;

    /// Writes a batch; when it returns the rows outlive the process. Gives the ids of saves that were left out because
    /// another living process has the row. Doing it twice does no harm.
    async fn apply(&self, batch: &Batch) -> Result<Vec<JobId>, TableError>;

    /// Takes unfinished rows that nobody works on, in the order of their ids, at most `limit`, with ids above `after`: to be
    /// called with the last id until nothing comes. Where rows are shared, those of another process that no longer lives;
    /// otherwise all of them. Dead rows are not among them.
    /// After a claim whose answer was lost, rows of this process are given too: the caller passes over those it knows.
    async fn claim(&self, after: Option<&JobId>, limit: u32) -> Result<Vec<Row>, TableError>;

    /// Says that this process lives for another `lease`. Called before anything else. Nothing to do where rows are not
    /// shared.
    async fn renew(&self, lease: Duration) -> Result<(), TableError>;

    /// Gives up every row of this process, so that others may claim them at once.
    async fn release(&self) -> Result<(), TableError>;

    /// Lists jobs that were given up, the latest first, at most `limit`.
    async fn list_dead(&self, limit: u32) -> Result<Vec<Dead>, TableError>;

    /// Deletes dead rows but the newest `keep` that died at `since_ms` or later; gives how many went.
    async fn prune_dead(&self, since_ms: i64, keep: u32) -> Result<u64, TableError>;
}

/// The rows could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("job table: cannot {doing}")]
pub struct TableError {
    /// What was tried.
    doing: &'static str,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl TableError {
    /// An error while `doing` (an infinitive: "claim rows").
    pub fn new(
        doing: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            doing,
            source: source.into(),
        }
    }

    /// For `map_err`.
    fn while_doing<E>(doing: &'static str) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |source| Self::new(doing, source)
    }
}

/// The name of the ledger of migrations: not sqlx's default, for the catalog keeps its own in the same database.
const MIGRATIONS_TABLE: &str = "queue_migrations";

/// Makes the tables: the statements of each migration, in order. It keeps its own ledger and accepts a database that a newer
/// release has already expanded.
fn migrator(migrations: &[(&'static str, &'static str)]) -> Migrator {
    let made = (1..).zip(migrations).map(|(number, (name, statements))| {
        let statements = statements.into_sql_str();
        Migration::new(
            number,
            (*name).into(),
            MigrationType::Simple,
            statements,
            false,
        )
    });
    let mut migrator = Migrator::with_migrations(made.collect());
    migrator.dangerous_set_table_name(MIGRATIONS_TABLE);
    migrator.set_ignore_missing(true);
    migrator
}
