//! PostgreSQL: a pool, one transaction a write, another try when the server asks for one or the connection breaks.

use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, Postgres};

use crate::command::Write;
use crate::error::CatalogError;
use crate::link::{Link, Row, Session, Sql, Value};
use crate::migrations;
use crate::reach::{Left, Reach};
use crate::troubles::Troubles;

/// Connections at most: PostgreSQL works best with a few for each core, and its default is a hundred for everyone.
const CONNECTIONS_MAX: u32 = 10;

/// How long a call waits for a free connection of a server that is there and busy. One that is away is another matter, see
/// [`Reach`].
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the start waits for a server that starts beside it, and for each of its answers.
const START_WAIT: Duration = Duration::from_secs(5);

/// Between two tries of the start.
const START_EVERY: Duration = Duration::from_millis(250);

/// Tries of a write that the server keeps giving up for others' sake.
const TRIES: u32 = 6;

/// Tries of a call whose connection breaks: all connections of a server that was restarted are broken, and the pool
/// finds out one by one.
const TRIES_CUT: u32 = 3;

/// What a session may not exceed. `synchronous_commit` is said because a server may be set to forget.
const SESSION: [(&str, &str); 5] = [
    ("statement_timeout", "15s"),
    ("lock_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "30s"),
    ("synchronous_commit", "on"),
    ("default_transaction_isolation", "read committed"),
];

/// Whether a schema holds a catalog's tables without the table that remembers the migrations.
const IS_FOREIGN: &str = "
    select count(*) as tables,
           count(*) filter (where table_name = 'catalog_migrations') as ours
      from information_schema.tables
     where table_schema = current_schema()
       and table_name in ('catalog_migrations', 'realms', 'versions', 'zips', 'landings', 'members')
     limit 1";

/// For transactions that read or write everything: between two statements, and between two rows of one that reads a whole
/// table, they wait for a disk elsewhere.
const LONG: &str = "
    select set_config('idle_in_transaction_session_timeout', '10min', true),
           set_config('statement_timeout', '6h', true)";

pub(crate) struct PostgresEngine {
    /// Number of the newest migration in the database.
    pub(crate) schema: i64,
    pool: PgPool,
    reach: Reach,
    retries: Arc<AtomicU64>,
}

impl PostgresEngine {
    pub(crate) async fn open(
        url: &str,
        schema: i64,
        troubles: &Troubles,
    ) -> Result<Self, CatalogError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| CatalogError::Address {
                reason: "not a postgres:// address".to_owned(),
            })?
            .application_name("granary-catalog")
            .options(SESSION)
            .disable_statement_logging();
        let place = format!(
            "database {}",
            options.get_database().unwrap_or("of that address")
        );
        wait_for_server(&options).await?;
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(Duration::from_secs(300))
            .connect_lazy_with(options.clone());
        let mut connection = pool.acquire().await?;
        for row in Link::Postgres(&mut connection)
            .rows(IS_FOREIGN, Vec::new())
            .await?
        {
            if row.count("tables")? > 0 && row.count("ours")? == 0 {
                return Err(CatalogError::Foreign { place });
            }
        }
        let migrator = migrations::of_postgres();
        migrator
            .run_direct(Some(schema), &mut *connection, false)
            .await?;
        let newest = migrator.iter().map(|migration| migration.version).max();
        drop(connection);
        Ok(Self {
            schema: newest.unwrap_or_default().min(schema),
            reach: Reach::watch(options, pool.clone(), troubles.lost.clone()),
            pool,
            retries: troubles.retries.clone(),
        })
    }

    /// Begins a transaction that may wait long between its statements.
    pub(crate) async fn begin_long(&self, begin: &'static str) -> Result<Session, CatalogError> {
        let mut transaction = self.pool.begin_with(begin).await?;
        Link::Postgres(&mut transaction)
            .run(LONG, Vec::new())
            .await?;
        Ok(Session::Postgres(transaction))
    }

    /// Runs one selecting statement, on another connection where the first one breaks.
    pub(crate) async fn read(&self, sql: Sql, args: Vec<Value>) -> Result<Vec<Row>, CatalogError> {
        let mut tried = 1;
        loop {
            let mut connection = self.acquire().await?;
            let rows = async {
                let mut link = Link::Postgres(&mut connection);
                link.rows(sql, args.clone()).await
            };
            match self.reach.run(rows).await {
                // The broken connection is the pool's to notice.
                Ok(Err(error)) if error.is_cut() && tried < TRIES_CUT => {
                    tried += 1;
                    self.retries.fetch_add(1, Ordering::Relaxed);
                }
                outcome => return put_away(connection, outcome),
            }
        }
    }

    /// Runs a write in its own transaction. It is tried again after a serialisation failure, a deadlock or a broken
    /// connection. If the break hid the answer to a commit that went well, the next try finds what this one wrote and says
    /// so: every write may be applied twice.
    pub(crate) async fn write<W: Write>(&self, write: W) -> Result<W::Answer, CatalogError> {
        let (mut tried, mut cut) = (0, 1);
        loop {
            match self.write_once(&write).await {
                Err(error) if error.is_worth_repeating() && tried < TRIES => tried += 1,
                Err(error) if error.is_cut() && cut < TRIES_CUT && !self.reach.is_away() => {
                    cut += 1
                }
                outcome => return outcome,
            }
            self.retries.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(pause(tried)).await;
        }
    }

    async fn write_once<W: Write>(&self, write: &W) -> Result<W::Answer, CatalogError> {
        let mut connection = self.acquire().await?;
        let apply = async {
            let mut transaction = sqlx::Connection::begin(&mut *connection).await?;
            let answer = write.apply(&mut Link::Postgres(&mut transaction)).await?;
            transaction.commit().await?;
            Ok(answer)
        };
        let outcome = self.reach.run(apply).await;
        put_away(connection, outcome)
    }

    async fn acquire(&self) -> Result<PoolConnection<Postgres>, CatalogError> {
        let acquire = async { Ok(self.pool.acquire().await?) };
        self.reach
            .run(acquire)
            .await
            .unwrap_or_else(|Left(error)| Err(error))
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// Gives a connection back, or closes it where its call was left in the midst.
fn put_away<T>(
    connection: PoolConnection<Postgres>,
    outcome: Result<Result<T, CatalogError>, Left>,
) -> Result<T, CatalogError> {
    outcome.unwrap_or_else(|Left(error)| {
        drop(connection.detach());
        // What became of a write is not known here. Who asks again finds out.
        Err(error)
    })
}

/// Waits for a server that may be starting. The pool would only tell that its time was over; what stood in its way is
/// worth more to whoever starts Granary.
async fn wait_for_server(options: &PgConnectOptions) -> Result<(), CatalogError> {
    let begun = tokio::time::Instant::now();
    loop {
        let error = match tokio::time::timeout(START_WAIT, options.connect()).await {
            Ok(Ok(connection)) => return Ok(sqlx::Connection::close(connection).await?),
            Ok(Err(error)) => CatalogError::from(error),
            Err(_) => CatalogError::unavailable("the server does not answer in time"),
        };
        if !error.is_cut() || begun.elapsed() >= START_WAIT {
            return Err(error);
        }
        tokio::time::sleep(START_EVERY).await;
    }
}

/// Doubles with each try and differs between callers: two that met once should not meet again.
fn pause(tried: u32) -> Duration {
    let spread = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| u64::from(since.subsec_nanos() % 1000));
    Duration::from_millis(2_u64.pow(tried)) + Duration::from_micros(spread * u64::from(tried))
}
