//! One connection of either engine, with values and rows that look the same on both, so that an act on the catalog is
//! written once.

use std::sync::{Mutex, PoisonError};

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use gomod::hash::{ContentDigest, H1};
use jiff::Timestamp;
use sqlx::postgres::{PgArguments, PgConnection, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, ColumnIndex, Connection as _, Row as _, SqlSafeStr, Transaction};

use crate::error::CatalogError;
pub(crate) use crate::value::{Value, args};

/// A connection, inside a transaction where something is written.
pub(crate) enum Link<'c> {
    /// SQLite: the writer, or one of the readers.
    Sqlite(&'c mut SqliteConnection),
    /// PostgreSQL: one of the pool.
    Postgres(&'c mut PgConnection),
}

/// A statement in both dialects. On SQLite it may be several, separated by semicolons, that share the arguments.
#[derive(Clone, Copy)]
pub(crate) struct Sql {
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

impl From<&'static str> for Sql {
    fn from(both: &'static str) -> Self {
        Self {
            sqlite: both,
            postgres: both,
        }
    }
}

impl<'c> Link<'c> {
    /// Runs a statement and gives its rows. Every statement that selects has a limit, so they fit in memory.
    pub(crate) async fn rows(
        &mut self,
        sql: impl Into<Sql>,
        args: Vec<Value>,
    ) -> Result<Vec<Row>, CatalogError> {
        let sql = sql.into();
        Ok(match self {
            Self::Sqlite(connection) => {
                let rows = sqlite_query(sql.sqlite, args)
                    .fetch_all(&mut **connection)
                    .await?;
                let rows = rows.into_iter().map(Cells::Sqlite);
                rows.map(Row::new).collect()
            }
            Self::Postgres(connection) => {
                let rows = postgres_query(sql.postgres, args)
                    .fetch_all(&mut **connection)
                    .await?;
                let rows = rows.into_iter().map(Cells::Postgres);
                rows.map(Row::new).collect()
            }
        })
    }

    /// Runs a statement for its effect.
    pub(crate) async fn run(
        &mut self,
        sql: impl Into<Sql>,
        args: Vec<Value>,
    ) -> Result<(), CatalogError> {
        let sql = sql.into();
        match self {
            Self::Sqlite(connection) => sqlite_query(sql.sqlite, args)
                .execute(&mut **connection)
                .await
                .map(drop)?,
            Self::Postgres(connection) => {
                postgres_query(sql.postgres, args)
                    .execute(&mut **connection)
                    .await
                    .map(drop)?;
            }
        }
        Ok(())
    }

    /// As [`Link::rows`], for a statement that was put together from names in this crate, never from values.
    pub(crate) async fn rows_of(
        &mut self,
        sql: &str,
        args: Vec<Value>,
    ) -> Result<Vec<Row>, CatalogError> {
        let sql = AssertSqlSafe(sql);
        Ok(match self {
            Self::Sqlite(connection) => {
                let rows = sqlite_query(sql, args).fetch_all(&mut **connection).await?;
                rows.into_iter().map(Cells::Sqlite).map(Row::new).collect()
            }
            Self::Postgres(connection) => {
                let rows = postgres_query(sql, args)
                    .fetch_all(&mut **connection)
                    .await?;
                rows.into_iter()
                    .map(Cells::Postgres)
                    .map(Row::new)
                    .collect()
            }
        })
    }

    /// As [`Link::rows_of`], row by row: the engine waits for whoever takes them.
    pub(crate) fn stream_of(self, sql: &str) -> BoxStream<'c, Result<Row, CatalogError>> {
        let sql = AssertSqlSafe(sql);
        match self {
            Self::Sqlite(connection) => sqlite_query(sql, Vec::new())
                .fetch(connection)
                .map(|row| Ok(Row::new(Cells::Sqlite(row?))))
                .boxed(),
            Self::Postgres(connection) => postgres_query(sql, Vec::new())
                .fetch(connection)
                .map(|row| Ok(Row::new(Cells::Postgres(row?))))
                .boxed(),
        }
    }

    /// As [`Link::rows_of`], for the statement's effect.
    pub(crate) async fn run_of(&mut self, sql: &str, args: Vec<Value>) -> Result<(), CatalogError> {
        self.rows_of(sql, args).await.map(drop)
    }

    /// Whether others write at the same time: on SQLite the writer is alone.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }
}

fn sqlite_query(sql: impl SqlSafeStr, args: Vec<Value>) -> Query<'static, Sqlite, SqliteArguments> {
    args.into_iter()
        .fold(sqlx::query(sql), |query, value| match value {
            Value::Int(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
            Value::Bytes(value) => query.bind(value),
        })
}

fn postgres_query(sql: impl SqlSafeStr, args: Vec<Value>) -> Query<'static, Postgres, PgArguments> {
    args.into_iter()
        .fold(sqlx::query(sql), |query, value| match value {
            Value::Int(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
            Value::Bytes(value) => query.bind(value),
        })
}

/// A connection with an open transaction that takes many statements: what one is dropped with is undone.
pub(crate) enum Session {
    Sqlite(SqliteConnection),
    Postgres(Transaction<'static, Postgres>),
}

impl Session {
    pub(crate) fn link(&mut self) -> Link<'_> {
        match self {
            Self::Sqlite(connection) => Link::Sqlite(connection),
            Self::Postgres(transaction) => Link::Postgres(transaction),
        }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    pub(crate) async fn commit(mut self) -> Result<(), CatalogError> {
        match self {
            Self::Sqlite(ref mut connection) => {
                Link::Sqlite(connection).run("commit", Vec::new()).await?;
                self.close().await
            }
            Self::Postgres(transaction) => Ok(transaction.commit().await?),
        }
    }

    pub(crate) async fn roll_back(mut self) -> Result<(), CatalogError> {
        match self {
            Self::Sqlite(ref mut connection) => {
                Link::Sqlite(connection).run("rollback", Vec::new()).await?;
                self.close().await
            }
            Self::Postgres(transaction) => Ok(transaction.rollback().await?),
        }
    }

    async fn close(self) -> Result<(), CatalogError> {
        match self {
            Self::Sqlite(connection) => Ok(connection.close().await?),
            Self::Postgres(_) => Ok(()),
        }
    }
}

/// A row of an answer; columns are asked for by name.
pub(crate) struct Row {
    cells: Cells,
    /// Columns that had a flipped bit, as they were written.
    mended: Mutex<Vec<(&'static str, Value)>>,
}

enum Cells {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    fn new(cells: Cells) -> Self {
        Self {
            cells,
            mended: Mutex::default(),
        }
    }

    fn get<T>(&self, column: &'static str) -> Result<T, CatalogError>
    where
        T: for<'r> sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>,
        T: for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
        &'static str: ColumnIndex<SqliteRow> + ColumnIndex<PgRow>,
    {
        Ok(match &self.cells {
            Cells::Sqlite(row) => row.try_get(column)?,
            Cells::Postgres(row) => row.try_get(column)?,
        })
    }

    /// From now on, `column` reads as this value.
    pub(crate) fn mend(&self, column: &'static str, value: Value) {
        let mut mended = self.mended.lock().unwrap_or_else(PoisonError::into_inner);
        mended.push((column, value));
    }

    fn find_mended(&self, column: &'static str) -> Option<Value> {
        let mended = self.mended.lock().unwrap_or_else(PoisonError::into_inner);
        mended
            .iter()
            .find(|(name, _)| *name == column)
            .map(|(_, value)| value.clone())
    }

    pub(crate) fn find_int(&self, column: &'static str) -> Result<Option<i64>, CatalogError> {
        match self.find_mended(column) {
            Some(Value::Int(value)) => Ok(value),
            _ => self.get(column),
        }
    }

    pub(crate) fn find_text(&self, column: &'static str) -> Result<Option<String>, CatalogError> {
        match self.find_mended(column) {
            Some(Value::Text(value)) => Ok(value),
            _ => self.get(column),
        }
    }

    /// The bytes of a text as they are stored, also where they are no text any more.
    pub(crate) fn find_raw_text(
        &self,
        column: &'static str,
    ) -> Result<Option<Vec<u8>>, CatalogError> {
        if let Some(Value::Text(text)) = self.find_mended(column) {
            return Ok(text.map(String::into_bytes));
        }
        Ok(match &self.cells {
            Cells::Sqlite(row) => row.try_get_unchecked(column)?,
            Cells::Postgres(row) => row.try_get_unchecked(column)?,
        })
    }

    pub(crate) fn find_bytes(&self, column: &'static str) -> Result<Option<Vec<u8>>, CatalogError> {
        match self.find_mended(column) {
            Some(Value::Bytes(value)) => Ok(value),
            _ => self.get(column),
        }
    }

    /// A text as far as it can be read, for people.
    pub(crate) fn lossy_text(&self, column: &'static str) -> String {
        let bytes = self.find_raw_text(column).ok().flatten();
        String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
    }

    pub(crate) fn text(&self, column: &'static str) -> Result<String, CatalogError> {
        self.find_text(column)?.ok_or_else(|| missing(column))
    }

    pub(crate) fn bytes(&self, column: &'static str) -> Result<Vec<u8>, CatalogError> {
        self.find_bytes(column)?.ok_or_else(|| missing(column))
    }

    /// A count, size or number: never negative.
    pub(crate) fn count(&self, column: &'static str) -> Result<u64, CatalogError> {
        let number = self.find_int(column)?.ok_or_else(|| missing(column))?;
        u64::try_from(number)
            .map_err(|_| CatalogError::damaged(format!("column {column} is negative")))
    }

    /// A yes or no, stored as 1 or 0.
    pub(crate) fn flag(&self, column: &'static str) -> Result<bool, CatalogError> {
        match self.count(column)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(CatalogError::damaged(format!(
                "column {column} is neither yes nor no"
            ))),
        }
    }

    pub(crate) fn digest(&self, column: &'static str) -> Result<ContentDigest, CatalogError> {
        digest_of(column, &self.bytes(column)?)
    }

    pub(crate) fn find_digest(
        &self,
        column: &'static str,
    ) -> Result<Option<ContentDigest>, CatalogError> {
        self.find_bytes(column)?
            .map(|bytes| digest_of(column, &bytes))
            .transpose()
    }

    pub(crate) fn h1(&self, column: &'static str) -> Result<H1, CatalogError> {
        h1_of(column, &self.bytes(column)?)
    }

    pub(crate) fn find_h1(&self, column: &'static str) -> Result<Option<H1>, CatalogError> {
        self.find_bytes(column)?
            .map(|bytes| h1_of(column, &bytes))
            .transpose()
    }

    pub(crate) fn find_time(
        &self,
        column: &'static str,
    ) -> Result<Option<Timestamp>, CatalogError> {
        let Some(microseconds) = self.find_int(column)? else {
            return Ok(None);
        };
        Timestamp::from_microsecond(microseconds)
            .map(Some)
            .map_err(|_| CatalogError::damaged(format!("column {column} is no time")))
    }

    pub(crate) fn time(&self, column: &'static str) -> Result<Timestamp, CatalogError> {
        self.find_time(column)?.ok_or_else(|| missing(column))
    }

    /// Text that parses into a type of the domain: it was valid when it was written.
    pub(crate) fn parsed<T: std::str::FromStr>(
        &self,
        column: &'static str,
    ) -> Result<T, CatalogError> {
        let text = self.text(column)?;
        text.parse()
            .map_err(|_| CatalogError::damaged(format!("column {column} holds {text:?}")))
    }
}

fn missing(column: &'static str) -> CatalogError {
    CatalogError::damaged(format!("column {column} is empty"))
}

fn digest_of(column: &'static str, bytes: &[u8]) -> Result<ContentDigest, CatalogError> {
    thirty_two(column, bytes).map(ContentDigest::from_bytes)
}

fn h1_of(column: &'static str, bytes: &[u8]) -> Result<H1, CatalogError> {
    thirty_two(column, bytes).map(H1::from_bytes)
}

fn thirty_two(column: &'static str, bytes: &[u8]) -> Result<[u8; 32], CatalogError> {
    bytes
        .try_into()
        .map_err(|_| CatalogError::damaged(format!("column {column} is no hash")))
}
