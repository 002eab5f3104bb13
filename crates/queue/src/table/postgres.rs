//! Rows in a PostgreSQL database, possibly shared by several processes.
//!
//! Whose a row is, is written on it (`owner`); whether that process lives, in one lease per process (`job_owners`), by the
//! database's clock. A lease that reaches further than a lease may is one of a clock that was set back since, and counts as
//! over: else the rows of a dead process would wait until that clock has caught up. There are no transactions of several statements, and every statement locks rows in the order of their
//! ids: so two processes cannot wait for each other.

mod lent;

use std::collections::HashSet;
use std::str::FromStr as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use sqlx::Row as _;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgRow};
use uuid::Uuid;

use super::{Batch, Row, Table, TableError, migrator};
use crate::job::{Dead, JobId, Priority};
use lent::Lent;

/// Each with its name; the order numbers them.
const MIGRATIONS: &[(&str, &str)] = &[(
    "jobs",
    include_str!("../../migrations/postgres/0001_jobs.sql"),
)];

/// The flusher writes, the sweeper claims and renews, somebody lists: more connections would only wait for each other.
const CONNECTIONS_MAX: u32 = 3;

/// How long a connection is waited for before the database counts as down.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest lease that a process may take. The statements below say the same.
const LEASE_MAX: Duration = Duration::from_secs(60);

/// How long a claim that was not answered may still come true: three times what the server lets a statement take.
const CLAIM_SETTLES: Duration = Duration::from_secs(30);

/// What a session may not exceed: statements are given up here after five seconds, and locks are not worth a longer wait.
/// `synchronous_commit` is said because a server may be set to forget.
const SESSION: [(&str, &str); 4] = [
    ("statement_timeout", "10s"),
    ("lock_timeout", "4s"),
    ("idle_in_transaction_session_timeout", "30s"),
    ("synchronous_commit", "on"),
];

/// Writes rows that are new, this process's, dead or of a dead process; gives the ids written. Uses the primary keys.
const SAVE_ROWS: &str = "
    insert into jobs as j
           (id, kind, payload, priority, acknowledged, attempts, run_at_ms, dead, message, died_at_ms, owner)
    select r.id, r.kind, r.payload, r.priority, r.acknowledged, r.attempts, r.run_at_ms, r.died_at_ms is not null,
           r.message, coalesce(r.died_at_ms, 0), $10
      from unnest($1::text[], $2::text[], $3::bytea[], $4::smallint[], $5::boolean[], $6::integer[], $7::bigint[],
                  $8::text[], $9::bigint[])
           as r (id, kind, payload, priority, acknowledged, attempts, run_at_ms, message, died_at_ms)
     order by r.id
        on conflict (id) do update
       set kind         = excluded.kind,
           payload      = excluded.payload,
           priority     = excluded.priority,
           acknowledged = excluded.acknowledged,
           attempts     = excluded.attempts,
           run_at_ms    = excluded.run_at_ms,
           dead         = excluded.dead,
           message      = excluded.message,
           died_at_ms   = excluded.died_at_ms,
           owner        = excluded.owner
     where j.owner = excluded.owner
        or j.dead
        or not exists (select 1
                         from job_owners o
                        where o.owner = j.owner
                          and o.lease_until > now()
                          and o.lease_until <= now() + interval '60 seconds')
    returning j.id";

/// Deletes rows of this process. Uses the primary key.
const DELETE_ROWS: &str = "
    delete from jobs
     where id in (select id
                    from jobs
                   where id = any($1)
                     and owner = $2
                   order by id
                     for update)";

/// Takes unfinished rows above an id whose process is another one and dead. Uses the primary keys and index
/// `jobs_by_owner`.
///
/// The dead ones are an array made once, not a join: when somebody else took a row a moment ago, PostgreSQL looks again at the
/// row's new version, and only a condition on that row alone is then judged anew. With a join two processes got one row.
const CLAIM_ROWS: &str = "
    update jobs
       set owner = $1
     where id in (select j.id
                    from jobs j
                   where j.id > $2
                     and not j.dead
                     and j.owner <> $1
                     and j.owner = any (array (select d.owner
                                                 from jobs d
                                                where not d.dead
                                               except
                                               select o.owner
                                                 from job_owners o
                                                where o.lease_until > now()
                                                  and o.lease_until <= now() + interval '60 seconds'))
                   order by j.id
                   limit $3
                     for update of j skip locked)
    returning id, kind, payload, priority, acknowledged, attempts, run_at_ms, message";

/// Unfinished rows of a process above an id. Uses index `jobs_by_owner`.
const LIST_OWN: &str = "
    select id, kind, payload, priority, acknowledged, attempts, run_at_ms, message
      from jobs
     where id > $2
       and not dead
       and owner = $1
     order by id
     limit $3";

/// Renews the lease of a process. Uses the primary key.
const RENEW_LEASE: &str = "
    insert into job_owners (owner, lease_until)
    values ($1, now() + make_interval(secs => $2))
        on conflict (owner) do update
       set lease_until = excluded.lease_until";

/// Deletes leases that nobody can still hold. A full scan of a table with one row per process.
const DELETE_OLD_LEASES: &str = "
    delete from job_owners
     where lease_until < now() - interval '1 day'";

/// Ends the lease of a process. Uses the primary key.
const END_LEASE: &str = "
    delete from job_owners
     where owner = $1";

/// Dead rows, the latest first. Uses index `jobs_by_death`.
const LIST_DEAD: &str = "
    select id, kind, attempts, message, died_at_ms
      from jobs
     where dead
     order by died_at_ms desc, id
     limit $1";

/// Deletes dead rows that are old or too many. Uses index `jobs_by_death`.
const PRUNE_DEAD: &str = "
    delete from jobs
     where dead
       and (died_at_ms < $1
        or id not in (select id
                        from jobs
                       where dead
                       order by died_at_ms desc, id
                       limit $2))";

/// Rows in the tables `jobs` and `job_owners`, as one of the processes that share them.
#[derive(Debug)]
pub struct PostgresTable {
    pool: PgPool,
    owner: String,
    /// When a claim was sent whose answer is not here, or never came. The server may have carried it out all the same:
    /// its rows are this process's then, which does not know of them, and nobody else may take them.
    unanswered: Mutex<Option<Instant>>,
}

impl PostgresTable {
    /// Connects and brings the tables up to date. Each value counts as a process of its own.
    ///
    /// # Errors
    /// When the address is malformed, the server cannot be reached or the tables cannot be made.
    pub async fn open(url: &str) -> Result<Self, TableError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(TableError::while_doing("read the address of PostgreSQL"))?
            .application_name("granary-queue")
            .options(SESSION);
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options)
            .await
            .map_err(TableError::while_doing("connect to PostgreSQL"))?;
        migrator(MIGRATIONS)
            .run(&pool)
            .await
            .map_err(TableError::while_doing("bring the tables up to date"))?;
        Ok(Self {
            pool,
            owner: Uuid::now_v7().to_string(),
            unanswered: Mutex::new(None),
        })
    }

    fn unanswered(&self) -> MutexGuard<'_, Option<Instant>> {
        self.unanswered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn lend(&self) -> Result<Lent, sqlx::Error> {
        Ok(Lent::new(self.pool.acquire().await?))
    }

    async fn save(
        &self,
        connection: &mut PgConnection,
        rows: &[Row],
    ) -> Result<Vec<JobId>, sqlx::Error> {
        let written: Vec<String> = sqlx::query_scalar(SAVE_ROWS)
            .bind(rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|row| row.kind.as_str()).collect::<Vec<_>>())
            .bind(
                rows.iter()
                    .map(|row| row.payload.as_ref())
                    .collect::<Vec<_>>(),
            )
            .bind(
                rows.iter()
                    .map(|row| row.priority.number())
                    .collect::<Vec<_>>(),
            )
            .bind(rows.iter().map(|row| row.acknowledged).collect::<Vec<_>>())
            .bind(
                rows.iter()
                    .map(|row| i32::try_from(row.attempts).unwrap_or(i32::MAX))
                    .collect::<Vec<_>>(),
            )
            .bind(rows.iter().map(|row| row.run_at_ms).collect::<Vec<_>>())
            // PostgreSQL's text knows no NUL, and a message may quote anything.
            .bind(
                rows.iter()
                    .map(|row| row.message.replace('\0', "\u{fffd}"))
                    .collect::<Vec<_>>(),
            )
            .bind(rows.iter().map(|row| row.died_at_ms).collect::<Vec<_>>())
            .bind(&self.owner)
            .fetch_all(connection)
            .await?;
        let written: HashSet<&str> = written.iter().map(String::as_str).collect();
        Ok(rows
            .iter()
            .map(|row| &row.id)
            .filter(|id| !written.contains(id.as_str()))
            .cloned()
            .collect())
    }
}

fn read_row(row: &PgRow) -> Result<Row, sqlx::Error> {
    Ok(Row {
        id: JobId::new(row.try_get::<String, _>("id")?),
        kind: row.try_get("kind")?,
        payload: row.try_get::<Vec<u8>, _>("payload")?.into(),
        priority: Priority::from_number(row.try_get("priority")?),
        acknowledged: row.try_get("acknowledged")?,
        attempts: row.try_get::<i32, _>("attempts")?.unsigned_abs(),
        run_at_ms: row.try_get("run_at_ms")?,
        died_at_ms: None,
        message: row.try_get("message")?,
    })
}

fn read_dead(row: &PgRow) -> Result<Dead, sqlx::Error> {
    Ok(Dead {
        id: JobId::new(row.try_get::<String, _>("id")?),
        kind: row.try_get("kind")?,
        attempts: row.try_get::<i32, _>("attempts")?.unsigned_abs(),
        message: row.try_get("message")?,
        died_at_ms: row.try_get("died_at_ms")?,
    })
}

#[async_trait]
impl Table for PostgresTable {
    fn is_shared(&self) -> bool {
        true
    }

    async fn apply(&self, batch: &Batch) -> Result<Vec<JobId>, TableError> {
        let apply = async {
            let mut lent = self.lend().await?;
            if !batch.deletes.is_empty() {
                let ids: Vec<&str> = batch.deletes.iter().map(JobId::as_str).collect();
                sqlx::query(DELETE_ROWS)
                    .bind(ids)
                    .bind(&self.owner)
                    .execute(&mut *lent.connection)
                    .await?;
            }
            let mut elsewhere = Vec::new();
            if !batch.saves.is_empty() {
                elsewhere = self.save(&mut lent.connection, &batch.saves).await?;
            }
            lent.give_back();
            Ok(elsewhere)
        };
        apply
            .await
            .map_err(TableError::while_doing::<sqlx::Error>("write rows"))
    }

    async fn claim(&self, after: Option<&JobId>, limit: u32) -> Result<Vec<Row>, TableError> {
        let claim = async {
            let after = after.map_or("", JobId::as_str);
            let ask = |sql| {
                sqlx::query(sql)
                    .bind(&self.owner)
                    .bind(after)
                    .bind(i64::from(limit))
            };
            let mut lent = self.lend().await?;
            let unanswered = self.unanswered().replace(Instant::now());
            let mut rows = ask(CLAIM_ROWS).fetch_all(&mut *lent.connection).await?;
            if unanswered.is_some() {
                // What was just claimed is among them.
                rows = ask(LIST_OWN).fetch_all(&mut *lent.connection).await?;
            }
            lent.give_back();
            let is_settled = |at: &Instant| rows.is_empty() && at.elapsed() >= CLAIM_SETTLES;
            *self.unanswered() = unanswered.filter(|at| !is_settled(at));
            rows.iter().map(read_row).collect::<Result<Vec<Row>, _>>()
        };
        let mut rows = claim.await.map_err(TableError::while_doing::<sqlx::Error>(
            "claim unfinished rows",
        ))?;
        // `returning` keeps no order, and the caller goes on after the last one.
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(rows)
    }

    async fn renew(&self, lease: Duration) -> Result<(), TableError> {
        let renew = async {
            let mut lent = self.lend().await?;
            sqlx::query(RENEW_LEASE)
                .bind(&self.owner)
                .bind(lease.min(LEASE_MAX).as_secs_f64())
                .execute(&mut *lent.connection)
                .await?;
            sqlx::query(DELETE_OLD_LEASES)
                .execute(&mut *lent.connection)
                .await?;
            lent.give_back();
            Ok(())
        };
        renew
            .await
            .map_err(TableError::while_doing::<sqlx::Error>("renew the lease"))
    }

    async fn release(&self) -> Result<(), TableError> {
        let ended = sqlx::query(END_LEASE)
            .bind(&self.owner)
            .execute(&self.pool)
            .await;
        self.pool.close().await;
        ended
            .map(|_| ())
            .map_err(TableError::while_doing("end the lease"))
    }

    async fn list_dead(&self, limit: u32) -> Result<Vec<Dead>, TableError> {
        let list = async {
            let mut lent = self.lend().await?;
            let rows = sqlx::query(LIST_DEAD)
                .bind(i64::from(limit))
                .fetch_all(&mut *lent.connection)
                .await?;
            lent.give_back();
            rows.iter().map(read_dead).collect::<Result<Vec<_>, _>>()
        };
        list.await
            .map_err(TableError::while_doing::<sqlx::Error>("list dead rows"))
    }

    async fn prune_dead(&self, since_ms: i64, keep: u32) -> Result<u64, TableError> {
        let prune = async {
            let mut lent = self.lend().await?;
            let pruned = sqlx::query(PRUNE_DEAD)
                .bind(since_ms)
                .bind(i64::from(keep))
                .execute(&mut *lent.connection)
                .await?;
            lent.give_back();
            Ok(pruned.rows_affected())
        };
        prune
            .await
            .map_err(TableError::while_doing::<sqlx::Error>("prune dead rows"))
    }
}
