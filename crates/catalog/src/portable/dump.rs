//! Rows out: everything, as of one moment, without holding up whoever writes.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use tokio::sync::mpsc;

use super::tables::{Column, Kind, TABLES, Table};
use crate::error::CatalogError;
use crate::keeper::Catalog;
use crate::link::{Row, Value};

/// Rows read at a time: a row may hold a list of a hundred kilobytes, and a page lies in memory.
const PAGE: usize = 100;

/// What a dump held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dumped {
    /// Number of the last landing.
    pub seq: u64,
    /// Rows by table; tables without rows are there too.
    pub rows: BTreeMap<String, u64>,
}

impl Catalog {
    /// Sends every row as a line, pages of lines at a time, all as of one moment. Writers go on meanwhile; a receiver
    /// that is slow keeps the moment, and with it a journal that grows, for as long as it takes.
    ///
    /// # Errors
    /// See [`CatalogError`]; [`CatalogError::Unavailable`] if the receiver goes away.
    pub async fn dump(&self, pages: mpsc::Sender<String>) -> Result<Dumped, CatalogError> {
        let schema = self.schema();
        let mut session = self.begin_snapshot().await?;
        let mut rows = BTreeMap::new();
        let mut seq = 0;
        for table in TABLES.iter().filter(|table| table.since <= schema) {
            let columns = table.columns_at(schema);
            let sql = select_page(table, &columns);
            let mut after: Vec<Value> = table.key.iter().map(|name| before(table, name)).collect();
            let mut count = 0;
            loop {
                let page = session.link().rows_of(&sql, after).await?;
                let Some(last) = page.last() else { break };
                after = table
                    .key
                    .iter()
                    .map(|name| key_value(table, name, last))
                    .collect::<Result<_, _>>()?;
                if table.name == "realms" {
                    seq = last.count("seq")?;
                }
                let text = page_text(table, &columns, &page)?;
                pages.send(text).await.map_err(|_| {
                    CatalogError::unavailable("nobody takes what is read from the catalog")
                })?;
                count += page.len() as u64;
                if page.len() < PAGE {
                    break;
                }
            }
            rows.insert(table.name.to_owned(), count);
        }
        session.roll_back().await?;
        Ok(Dumped { seq, rows })
    }
}

/// A page of a table after a key. Made of the names in [`TABLES`] and nothing else; uses the table's key.
fn select_page(table: &Table, columns: &[Column]) -> String {
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    let numbers: Vec<String> = (1..=table.key.len()).map(|n| format!("${n}")).collect();
    let (names, key) = (names.join(", "), table.key.join(", "));
    format!(
        "select {names} from {table} where ({key}) > ({numbers}) order by {key} limit {PAGE}",
        table = table.name,
        numbers = numbers.join(", ")
    )
}

/// What comes before every value of a key column: names are never empty, numbers never this small.
fn before(table: &Table, name: &str) -> Value {
    match table.find_column(name).map(|column| column.kind) {
        Some(Kind::Int) => Value::Int(Some(i64::MIN)),
        _ => Value::Text(Some(String::new())),
    }
}

fn key_value(table: &Table, name: &'static str, row: &Row) -> Result<Value, CatalogError> {
    Ok(match table.find_column(name).map(|column| column.kind) {
        Some(Kind::Int) => Value::Int(row.find_int(name)?),
        _ => Value::Text(row.find_text(name)?),
    })
}

fn page_text(table: &Table, columns: &[Column], page: &[Row]) -> Result<String, CatalogError> {
    let mut text = String::new();
    for row in page {
        let mut object = Map::new();
        for Column { name, kind, .. } in columns {
            let value = match kind {
                Kind::Int => row.find_int(name)?.map_or(Json::Null, Json::from),
                Kind::Text => row.find_text(name)?.map_or(Json::Null, Json::from),
                Kind::Bytes => row.find_bytes(name)?.map_or(Json::Null, |b| hex(&b).into()),
            };
            object.insert((*name).to_owned(), value);
        }
        let mut line = Map::new();
        line.insert(table.name.to_owned(), Json::Object(object));
        text.push_str(&Json::Object(line).to_string());
        text.push('\n');
    }
    Ok(text)
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
