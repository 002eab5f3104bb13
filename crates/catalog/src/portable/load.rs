//! Rows in: the lines of a dump become the rows of an empty catalog, all or none.

use serde_json::{Map, Value as Json};
use tokio::sync::mpsc;

use super::named::{BadLine, split_line};
use super::tables::{Column, Kind, TABLES, Table};
use crate::error::CatalogError;
use crate::keeper::Catalog;
use crate::link::{Session, Value};

/// Rows in one statement.
const ROWS_AT_ONCE: usize = 500;

/// Bytes of rows in one statement, a single larger row excepted.
const BYTES_AT_ONCE: usize = 4 << 20;

/// Rows of one table, with the same columns, on their way into one statement.
struct Batch {
    table: &'static Table,
    columns: Vec<Column>,
    rows: Vec<Json>,
    size_bytes: usize,
}

impl Catalog {
    /// Whether nothing was ever written here but by the migrations.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn is_empty(&self) -> Result<bool, CatalogError> {
        let (send, mut receive) = mpsc::channel(1);
        let ignore = async { while receive.recv().await.is_some() {} };
        let (dumped, ()) = tokio::join!(self.dump(send), ignore);
        let dumped = dumped?;
        // The migrations make the realm.
        Ok(dumped.seq == 0 && dumped.rows.values().sum::<u64>() <= 1 && dumped.spoiled.is_empty())
    }

    /// Puts the lines of a dump into this catalog, which must be empty: all of them when `lines` ends, or none if it
    /// ends with an error, which is then given back.
    ///
    /// # Errors
    /// [`CatalogError::Corrupt`] for what is no line of a dump, or does not fit together; else see [`CatalogError`].
    pub async fn load(
        &self,
        mut lines: mpsc::Receiver<Result<String, String>>,
    ) -> Result<(), CatalogError> {
        let schema = self.schema();
        let mut session = self.begin_load().await?;
        let mut batch: Option<Batch> = None;
        let mut at = 0_u64;
        while let Some(line) = lines.recv().await {
            at += 1;
            let line = line.map_err(CatalogError::damaged)?;
            let damaged = |cause: BadLine| CatalogError::damaged(format!("line {at}: {cause}"));
            let (table, row) = split_line(&line).map_err(damaged)?;
            let (table, columns) = check_row(&table, &row, schema).map_err(damaged)?;
            let fits = batch.as_ref().is_some_and(|batch| batch.takes(table));
            if !fits && let Some(full) = batch.take() {
                insert(&mut session, full).await?;
            }
            let batch = batch.get_or_insert_with(|| Batch {
                table,
                columns,
                rows: Vec::new(),
                size_bytes: 0,
            });
            batch.size_bytes += line.len();
            batch.rows.push(Json::Object(row));
        }
        if let Some(last) = batch {
            insert(&mut session, last).await?;
        }
        if session.is_postgres() {
            let is_there = |table: &&Table| table.is_numbered && table.since <= schema;
            for table in TABLES.iter().filter(is_there) {
                session
                    .link()
                    .run_of(&go_on_counting(table), Vec::new())
                    .await?;
            }
        }
        session.commit().await
    }
}

impl Batch {
    fn takes(&self, table: &Table) -> bool {
        self.table.name == table.name
            && self.rows.len() < ROWS_AT_ONCE
            && self.size_bytes < BYTES_AT_ONCE
    }
}

/// The table of a row, and its columns, if the row is one of that table.
fn check_row(
    name: &str,
    row: &Map<String, Json>,
    schema: i64,
) -> Result<(&'static Table, Vec<Column>), BadLine> {
    let table = TABLES
        .iter()
        .find(|table| table.name == name && table.since <= schema)
        .ok_or_else(|| BadLine::new(format!("there is no table {name:?}")))?;
    let columns = table.columns_at(schema);
    if row.len() != columns.len() {
        return Err(BadLine::new(format!(
            "{name} has {} columns",
            columns.len()
        )));
    }
    for Column { name, kind, .. } in &columns {
        let value = row
            .get(*name)
            .ok_or_else(|| BadLine::new(format!("{name} is missing")))?;
        let fits = match kind {
            _ if value.is_null() => true,
            Kind::Int => value.as_i64().is_some(),
            Kind::Text => value.is_string(),
            Kind::Bytes => value.as_str().is_some_and(is_hex),
        };
        if !fits {
            return Err(BadLine::new(format!("{name} has a value of another kind")));
        }
    }
    Ok((table, columns))
}

fn is_hex(text: &str) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len().is_multiple_of(2) && text.bytes().all(is_digit)
}

async fn insert(session: &mut Session, batch: Batch) -> Result<(), CatalogError> {
    let sql = if session.is_postgres() {
        insert_postgres(batch.table, &batch.columns)
    } else {
        insert_sqlite(batch.table, &batch.columns)
    };
    let rows = Json::Array(batch.rows).to_string();
    session
        .link()
        .run_of(&sql, vec![Value::Text(Some(rows))])
        .await
}

/// All rows of a batch from one JSON text. Made of the names in [`TABLES`] and nothing else.
fn insert_sqlite(table: &Table, columns: &[Column]) -> String {
    let cells = columns.iter().map(|Column { name, kind, .. }| match kind {
        Kind::Bytes => format!("unhex(value ->> '{name}')"),
        Kind::Int | Kind::Text => format!("value ->> '{name}'"),
    });
    let cells: Vec<String> = cells.collect();
    format!(
        "insert into {} ({}) select {} from json_each($1) where true{}",
        table.name,
        names(columns),
        cells.join(", "),
        replacing(table)
    )
}

/// As [`insert_sqlite`], in PostgreSQL's words.
fn insert_postgres(table: &Table, columns: &[Column]) -> String {
    let cells = columns.iter().map(|Column { name, kind, .. }| match kind {
        Kind::Bytes => format!("decode(value ->> '{name}', 'hex')"),
        Kind::Int => format!("(value ->> '{name}')::bigint"),
        Kind::Text => format!("value ->> '{name}'"),
    });
    let cells: Vec<String> = cells.collect();
    let overriding = if table.is_numbered {
        " overriding system value"
    } else {
        ""
    };
    format!(
        "insert into {} ({}){overriding} select {} from jsonb_array_elements($1::jsonb){}",
        table.name,
        names(columns),
        cells.join(", "),
        replacing(table)
    )
}

/// The migrations have made the realm already; everything else must be new.
fn replacing(table: &Table) -> &'static str {
    if table.name == "realms" {
        " on conflict (realm) do update set seq = excluded.seq"
    } else {
        ""
    }
}

/// PostgreSQL numbers new rows by a counter that rows with numbers of their own do not move; SQLite goes by the rows.
fn go_on_counting(table: &Table) -> String {
    let name = table.name;
    format!(
        "select setval(pg_get_serial_sequence('{name}', 'id'), greatest(1, (select max(id) from {name})), (select count(*) > 0 from {name}))"
    )
}

fn names(columns: &[Column]) -> String {
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    names.join(", ")
}
