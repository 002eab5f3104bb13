//! PostgreSQL: a pool, one transaction a write, another try when the server asks for one.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use crate::command::Write;
use crate::error::CatalogError;
use crate::link::{Link, Row, Session, Sql, Value};
use crate::sqlite::MIGRATIONS_TABLE;

/// Connections at most: PostgreSQL works best with a few for each core, and its default is a hundred for everyone.
const CONNECTIONS_MAX: u32 = 10;

/// How long a call waits for a free connection, and with it for a server that is away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Tries of a write that the server keeps giving up for others' sake.
const TRIES: u32 = 6;

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

/// For transactions that read or write everything: between two statements they wait for a disk elsewhere.
const LONG: &str = "set local idle_in_transaction_session_timeout = '10min'";

pub(crate) struct PostgresEngine {
    /// Number of the newest migration in the database.
    pub(crate) schema: i64,
    pool: PgPool,
}

impl PostgresEngine {
    pub(crate) async fn open(url: &str, schema: i64) -> Result<Self, CatalogError> {
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
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(Duration::from_secs(300))
            .connect_with(options)
            .await?;
        let mut connection = pool.acquire().await?;
        for row in Link::Postgres(&mut connection)
            .rows(IS_FOREIGN, Vec::new())
            .await?
        {
            if row.count("tables")? > 0 && row.count("ours")? == 0 {
                return Err(CatalogError::Foreign { place });
            }
        }
        let mut migrator: Migrator = sqlx::migrate!("migrations/postgres");
        migrator.dangerous_set_table_name(MIGRATIONS_TABLE);
        migrator
            .run_direct(Some(schema), &mut *connection, false)
            .await?;
        let newest = migrator.iter().map(|migration| migration.version).max();
        drop(connection);
        Ok(Self {
            schema: newest.unwrap_or_default().min(schema),
            pool,
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

    pub(crate) async fn read(&self, sql: Sql, args: Vec<Value>) -> Result<Vec<Row>, CatalogError> {
        let mut connection = self.pool.acquire().await?;
        Link::Postgres(&mut connection).rows(sql, args).await
    }

    /// Runs a write in its own transaction. A serialisation failure or deadlock is tried again; a broken connection
    /// during the commit is not, because nobody knows what became of it.
    pub(crate) async fn write<W: Write>(&self, write: W) -> Result<W::Answer, CatalogError> {
        let mut tried = 0;
        loop {
            match self.write_once(&write).await {
                Err(error) if error.is_worth_repeating() && tried < TRIES => {
                    tried += 1;
                    tokio::time::sleep(pause(tried)).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn write_once<W: Write>(&self, write: &W) -> Result<W::Answer, CatalogError> {
        let mut transaction = self.pool.begin().await?;
        let answer = write.apply(&mut Link::Postgres(&mut transaction)).await?;
        transaction.commit().await?;
        Ok(answer)
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// Doubles with each try and differs between callers: two that met once should not meet again.
fn pause(tried: u32) -> Duration {
    let spread = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| u64::from(since.subsec_nanos() % 1000));
    Duration::from_millis(2_u64.pow(tried)) + Duration::from_micros(spread * u64::from(tried))
}
