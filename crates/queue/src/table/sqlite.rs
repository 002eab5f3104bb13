//! Rows in a SQLite file that this process alone owns. One connection: writes come from one task anyway.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use sqlx::Row as _;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteRow, SqliteSynchronous,
};

use super::journal::{sync_names_anew, write_log_anew};
use super::{Batch, Row, Table, TableError, migrator};
use crate::job::{Dead, JobId, Priority};

/// Each with its name; the order numbers them.
const MIGRATIONS: &[(&str, &str)] = &[(
    "jobs",
    include_str!("../../migrations/sqlite/0001_jobs.sql"),
)];

/// How long another opener of the file (a backup, a shell) is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Writes rows given as a JSON array: one statement whatever their number, because each statement costs a hop to SQLite's
/// thread. Uses the primary key.
const SAVE_ROWS: &str = "
    insert into jobs (id, kind, payload, priority, acknowledged, attempts, run_at_ms, dead, message, died_at_ms)
    select value ->> 'id',
           value ->> 'kind',
           unhex(value ->> 'payload'),
           value ->> 'priority',
           value ->> 'acknowledged',
           value ->> 'attempts',
           value ->> 'run_at_ms',
           value ->> 'dead',
           value ->> 'message',
           value ->> 'died_at_ms'
      from json_each($1)
     where true
        on conflict (id) do update
       set kind         = excluded.kind,
           payload      = excluded.payload,
           priority     = excluded.priority,
           acknowledged = excluded.acknowledged,
           attempts     = excluded.attempts,
           run_at_ms    = excluded.run_at_ms,
           dead         = excluded.dead,
           message      = excluded.message,
           died_at_ms   = excluded.died_at_ms";

/// Deletes the rows whose ids are in a JSON array. Uses the primary key.
const DELETE_ROWS: &str = "
    delete from jobs
     where id in (select value from json_each($1))";

/// Unfinished rows above an id. Uses the primary key.
const LIST_UNFINISHED: &str = "
    select id, kind, payload, priority, acknowledged, attempts, run_at_ms, message
      from jobs
     where id > $1
       and dead = 0
     order by id
     limit $2";

/// Dead rows, the latest first. Uses index `jobs_by_death`.
const LIST_DEAD: &str = "
    select id, kind, attempts, message, died_at_ms
      from jobs
     where dead = 1
     order by died_at_ms desc, id
     limit $1";

/// Deletes dead rows that are old or too many. Uses index `jobs_by_death`.
const PRUNE_DEAD: &str = "
    delete from jobs
     where dead = 1
       and (died_at_ms < $1
        or id not in (select id
                        from jobs
                       where dead = 1
                       order by died_at_ms desc, id
                       limit $2))";

/// Rows in a file with its write-ahead log beside it.
#[derive(Debug)]
pub struct SqliteTable {
    pool: SqlitePool,
    path: PathBuf,
    /// Whether something in the log may never have reached the disk although the system says no more about it: a sync
    /// that failed is told once, and most commits here are not synced by themselves. True at start, because the failure
    /// may have been told to an earlier process.
    suspect: AtomicBool,
}

impl SqliteTable {
    /// Opens the file, creates it if there is none and brings its tables up to date.
    ///
    /// # Errors
    /// When the file cannot be opened, is no database or cannot be written.
    pub async fn open(path: &Path) -> Result<Self, TableError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .busy_timeout(BUSY_TIMEOUT)
            .journal_mode(SqliteJournalMode::Wal)
            // A commit then outlives the process but not a loss of power; `apply` raises it where somebody was told.
            .synchronous(SqliteSynchronous::Normal)
            // Otherwise what does not fit a statement's memory goes to a folder of the system, outside our own.
            .pragma("temp_store", "memory")
            .thread_name(|_| "queue-sqlite".to_owned());
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options)
            .await
            .map_err(TableError::while_doing("open the SQLite file"))?;
        migrator(MIGRATIONS)
            .run(&pool)
            .await
            .map_err(TableError::while_doing("bring the tables up to date"))?;
        Ok(Self {
            pool,
            path: path.to_owned(),
            suspect: AtomicBool::new(true),
        })
    }

    async fn write(&self, batch: &Batch) -> Result<(), sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        // Until it went well: a caller that stops waiting drops this call, and nobody hears then how its write ended.
        let mut is_suspect = self.suspect.swap(true, Ordering::AcqRel);
        if batch.acknowledged && is_suspect {
            self.begin_anew(&mut connection).await?;
            is_suspect = false;
        }
        if batch.acknowledged {
            sqlx::query("pragma synchronous = full")
                .execute(&mut *connection)
                .await?;
        }
        let written = write_rows(&mut connection, batch).await;
        if written.is_err() {
            // SQLite itself ends a transaction that finds the disk full, while the driver goes on believing in it and
            // would begin no other one: a fresh connection knows nothing of it.
            connection.close().await.ok();
            return written;
        }
        if batch.acknowledged {
            sqlx::query("pragma synchronous = normal")
                .execute(&mut *connection)
                .await?;
        }
        self.suspect.store(is_suspect, Ordering::Release);
        written
    }

    async fn prune(&self, since_ms: i64, keep: u32) -> Result<u64, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        let is_suspect = self.suspect.swap(true, Ordering::AcqRel);
        let pruned = sqlx::query(PRUNE_DEAD)
            .bind(since_ms)
            .bind(keep)
            .execute(&mut *connection)
            .await?;
        self.suspect.store(is_suspect, Ordering::Release);
        Ok(pruned.rows_affected())
    }

    /// Writes all that the log holds into the file and empties the log, so that what follows rests on nothing that a
    /// failed sync may have lost. The bytes of the log are written over themselves before: SQLite would take the success
    /// of a later sync for theirs, and fold in what the disk does not have. The names of both are made durable too: SQLite ignores a failure there.
    async fn begin_anew(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        sqlx::query("pragma synchronous = full")
            .execute(&mut *connection)
            .await?;
        // Nobody else appends to the log meanwhile.
        sqlx::query("begin immediate")
            .execute(&mut *connection)
            .await?;
        let path = self.path.clone();
        let written = tokio::task::spawn_blocking(move || write_log_anew(&path)).await;
        sqlx::query("rollback").execute(&mut *connection).await?;
        written
            .map_err(std::io::Error::other)
            .and_then(|written| written)
            .map_err(sqlx::Error::Io)?;
        let outcome = sqlx::query("pragma wal_checkpoint(truncate)")
            .fetch_one(&mut *connection)
            .await?;
        if outcome.try_get::<i64, _>(0)? != 0 {
            return Err(sqlx::Error::Io(std::io::Error::other(
                "another program reads the job rows, so they cannot be written anew",
            )));
        }
        let path = self.path.clone();
        let synced = tokio::task::spawn_blocking(move || sync_names_anew(&path)).await;
        synced
            .map_err(std::io::Error::other)
            .and_then(|synced| synced)
            .map_err(sqlx::Error::Io)
    }
}

async fn write_rows(connection: &mut SqliteConnection, batch: &Batch) -> Result<(), sqlx::Error> {
    use sqlx::Connection as _;

    let mut transaction = connection.begin_with("begin immediate").await?;
    if !batch.deletes.is_empty() {
        let ids = json!(batch.deletes.iter().map(JobId::as_str).collect::<Vec<_>>()).to_string();
        sqlx::query(DELETE_ROWS)
            .bind(ids)
            .execute(&mut *transaction)
            .await?;
    }
    if !batch.saves.is_empty() {
        let rows = json!(batch.saves.iter().map(as_json).collect::<Vec<_>>()).to_string();
        sqlx::query(SAVE_ROWS)
            .bind(rows)
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await
}

fn as_json(row: &Row) -> serde_json::Value {
    json!({
        "id": row.id.as_str(),
        "kind": row.kind,
        "payload": hex(&row.payload),
        "priority": row.priority.number(),
        "acknowledged": i32::from(row.acknowledged),
        "attempts": row.attempts,
        "run_at_ms": row.run_at_ms,
        "dead": i32::from(row.died_at_ms.is_some()),
        "message": row.message,
        "died_at_ms": row.died_at_ms.unwrap_or(0),
    })
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

fn read_row(row: &SqliteRow) -> Result<Row, sqlx::Error> {
    Ok(Row {
        id: JobId::new(row.try_get::<String, _>("id")?),
        kind: row.try_get("kind")?,
        payload: row.try_get::<Vec<u8>, _>("payload")?.into(),
        priority: Priority::from_number(row.try_get("priority")?),
        acknowledged: row.try_get::<i64, _>("acknowledged")? != 0,
        attempts: row.try_get("attempts")?,
        run_at_ms: row.try_get("run_at_ms")?,
        died_at_ms: None,
        message: row.try_get("message")?,
    })
}

fn read_dead(row: &SqliteRow) -> Result<Dead, sqlx::Error> {
    Ok(Dead {
        id: JobId::new(row.try_get::<String, _>("id")?),
        kind: row.try_get("kind")?,
        attempts: row.try_get("attempts")?,
        message: row.try_get("message")?,
        died_at_ms: row.try_get("died_at_ms")?,
    })
}

#[async_trait]
impl Table for SqliteTable {
    fn is_shared(&self) -> bool {
        false
    }

    async fn apply(&self, batch: &Batch) -> Result<Vec<JobId>, TableError> {
        self.write(batch)
            .await
            .map_err(TableError::while_doing("write rows"))?;
        Ok(Vec::new())
    }

    async fn claim(&self, after: Option<&JobId>, limit: u32) -> Result<Vec<Row>, TableError> {
        let claim = async {
            let after = after.map_or("", JobId::as_str);
            let rows = sqlx::query(LIST_UNFINISHED)
                .bind(after)
                .bind(limit)
                .fetch_all(&self.pool)
                .await?;
            rows.iter().map(read_row).collect::<Result<Vec<_>, _>>()
        };
        claim.await.map_err(TableError::while_doing::<sqlx::Error>(
            "read unfinished rows",
        ))
    }

    async fn renew(&self, _lease: Duration) -> Result<(), TableError> {
        Ok(())
    }

    async fn release(&self) -> Result<(), TableError> {
        // Closing checkpoints the log into the file, so that what is left is one file.
        self.pool.close().await;
        Ok(())
    }

    async fn list_dead(&self, limit: u32) -> Result<Vec<Dead>, TableError> {
        let list = async {
            let rows = sqlx::query(LIST_DEAD)
                .bind(limit)
                .fetch_all(&self.pool)
                .await?;
            rows.iter().map(read_dead).collect::<Result<Vec<_>, _>>()
        };
        list.await
            .map_err(TableError::while_doing::<sqlx::Error>("list dead rows"))
    }

    async fn prune_dead(&self, since_ms: i64, keep: u32) -> Result<u64, TableError> {
        let pruned = self.prune(since_ms, keep).await;
        pruned.map_err(TableError::while_doing("prune dead rows"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every write may be given up by whoever waits for it, at any moment.
    #[tokio::test]
    async fn a_write_that_is_given_up_leaves_the_log_suspect() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("queue.db");
        let table = SqliteTable::open(&path).await.unwrap();
        let written = Batch {
            acknowledged: true,
            ..Batch::default()
        };
        table.apply(&written).await.unwrap();
        table.apply(&Batch::default()).await.unwrap();
        table.prune_dead(0, 1).await.unwrap();
        assert!(!table.suspect.load(Ordering::Acquire));
        let other = SqliteConnectOptions::new().filename(&path);
        let mut other = sqlx::ConnectOptions::connect(&other).await.unwrap();
        sqlx::query("begin immediate")
            .execute(&mut other)
            .await
            .unwrap();
        let write = table.apply(&written);
        assert!(
            tokio::time::timeout(Duration::from_millis(50), write)
                .await
                .is_err(),
            "somebody else holds the file"
        );
        assert!(table.suspect.load(Ordering::Acquire));
        sqlx::query("rollback").execute(&mut other).await.unwrap();
        table.apply(&written).await.unwrap();
        assert!(!table.suspect.load(Ordering::Acquire));
    }
}
