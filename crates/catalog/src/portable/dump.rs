//! Rows out: everything, as of one moment, without holding up whoever writes. Rows are compared with their seals on the
//! way, because what rots in the catalog must not rot in every backup of it.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use tokio::sync::mpsc;

use super::named::list_files_of_row;
use super::tables::{Column, Kind, TABLES, Table};
use crate::error::CatalogError;
use crate::keeper::Catalog;
use crate::link::Row;
use crate::seal::{
    LIST_SEAL, RECORD_SEAL, RESOLUTION_SEAL, RowState, Seal, VERSION_SEAL, ZIP_SEAL,
};

/// Rows sent at a time: a row may hold a list of a hundred kilobytes, and a page lies in memory.
const PAGE: u64 = 100;

/// Tables that only remember answers: what is lost of them is asked for again.
const CACHES: [&str; 3] = ["known_lists", "resolutions", "records"];

/// Tables whose rows name a version, and are refused by a database that does not have it.
const OF_VERSIONS: [&str; 5] = ["zips", "landings", "members", "verdicts", "newest_verdicts"];

/// What a dump held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dumped {
    /// Number of the last landing.
    pub seq: u64,
    /// Rows by table; tables without rows are there too.
    pub rows: BTreeMap<String, u64>,
    /// Rows that were not what had been written.
    pub spoiled: Vec<SpoiledRow>,
}

/// A row that was not what had been written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpoiledRow {
    /// The table.
    pub table: String,
    /// What the row is about, as far as it can be read.
    pub of: String,
    /// What is wrong with it.
    pub why: String,
    /// What became of it.
    pub fate: RowFate,
}

/// What became of a spoiled row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowFate {
    /// It is in the dump as it was written.
    Mended,
    /// It is not in the dump, and nothing is lost by that: it remembered an answer that can be had again.
    Forgotten,
    /// It is not in the dump.
    LeftOut,
}

/// A dump on its way.
struct Dump {
    /// Versions that are in it, by a hash of their names: a row that names another one cannot be taken in.
    versions: HashSet<u64>,
    spoiled: Vec<SpoiledRow>,
}

impl Catalog {
    /// Sends every row as a line, pages of lines at a time, all as of one moment. Writers go on meanwhile; a receiver
    /// that is slow keeps the moment, and with it a journal that grows, for as long as it takes.
    ///
    /// A row in which one bit has flipped is sent as it was written, one that cannot be believed is left out; both are
    /// named.
    ///
    /// # Errors
    /// See [`CatalogError`]; [`CatalogError::Unavailable`] if the receiver goes away.
    pub async fn dump(&self, pages: mpsc::Sender<String>) -> Result<Dumped, CatalogError> {
        let schema = self.schema();
        let mut session = self.begin_snapshot().await?;
        let mut dump = Dump {
            versions: HashSet::new(),
            spoiled: Vec::new(),
        };
        let mut rows = BTreeMap::new();
        let mut seq = 0;
        for table in TABLES.iter().filter(|table| table.since <= schema) {
            let columns = table.columns_at(schema);
            // One walk from the first row to the last: a search for where a page begins goes astray at a rotten key.
            let mut found = session.link().stream_of(&select_all(table, &columns));
            let (mut sent, mut text, mut in_text) = (0, String::new(), 0);
            loop {
                let row = found.next().await.transpose()?;
                let Some(row) = &row else { break };
                if table.name == "realms" {
                    seq = row.count("seq")?;
                }
                if dump.add(table, &columns, row, &mut text) {
                    in_text += 1;
                }
                if in_text == PAGE {
                    send(&pages, &mut text).await?;
                    sent += std::mem::take(&mut in_text);
                }
            }
            if in_text > 0 {
                send(&pages, &mut text).await?;
            }
            drop(found);
            rows.insert(table.name.to_owned(), sent + in_text);
        }
        session.roll_back().await?;
        Ok(Dumped {
            seq,
            rows,
            spoiled: dump.spoiled,
        })
    }
}

impl Dump {
    /// Adds a row to a page of text, or notes why it is not there; gives whether it is.
    fn add(&mut self, table: &Table, columns: &[Column], row: &Row, text: &mut String) -> bool {
        match self.read(table, columns, row) {
            Ok((object, state)) => {
                if state == RowState::Mended {
                    self.note(
                        table,
                        &object,
                        row,
                        "a bit of it had flipped",
                        RowFate::Mended,
                    );
                }
                let mut line = Map::new();
                line.insert(table.name.to_owned(), Json::Object(object));
                text.push_str(&Json::Object(line).to_string());
                text.push('\n');
                true
            }
            Err(why) => {
                let is_cache = CACHES.contains(&table.name);
                let fate = if is_cache {
                    RowFate::Forgotten
                } else {
                    RowFate::LeftOut
                };
                self.note(table, &Map::new(), row, &why, fate);
                false
            }
        }
    }

    /// A row as JSON, if it can be believed and taken in again; else why not.
    fn read(
        &mut self,
        table: &Table,
        columns: &[Column],
        row: &Row,
    ) -> Result<(Map<String, Json>, RowState), String> {
        let why = |cause: CatalogError| match cause {
            CatalogError::Rotten { .. } => "it has rotted: it is not what its seal says".to_owned(),
            other => other.to_string(),
        };
        let is_sealed = |column: &Column| column.name == "seal";
        let state = match seal_of(table).filter(|_| columns.iter().any(is_sealed)) {
            Some(seal) => seal.check_in(row, "seal").map_err(why)?,
            None => RowState::Unsealed,
        };
        let object = object_of(columns, row).map_err(why)?;
        list_files_of_row(table.name, &object).map_err(|cause| cause.to_string())?;
        if table.name == "versions" {
            self.versions.insert(version_key(&object));
        }
        if OF_VERSIONS.contains(&table.name) && !self.versions.contains(&version_key(&object)) {
            return Err("the version that it names is not there, or cannot be read".to_owned());
        }
        Ok((object, state))
    }

    fn note(
        &mut self,
        table: &Table,
        object: &Map<String, Json>,
        row: &Row,
        why: &str,
        fate: RowFate,
    ) {
        let text = |name: &'static str| {
            table.find_column(name)?;
            let read =
                || Some(String::from_utf8_lossy(&row.find_raw_text(name).ok()??).into_owned());
            let known = object.get(name).and_then(Json::as_str).map(str::to_owned);
            known.or_else(read)
        };
        let names = ["module", "version", "query", "name", "database", "kind"];
        let names: Vec<String> = names.into_iter().filter_map(text).take(2).collect();
        self.spoiled.push(SpoiledRow {
            table: table.name.to_owned(),
            of: names.join("@"),
            why: why.to_owned(),
            fate,
        });
    }
}

async fn send(pages: &mpsc::Sender<String>, text: &mut String) -> Result<(), CatalogError> {
    let sent = pages.send(std::mem::take(text)).await;
    sent.map_err(|_| CatalogError::unavailable("nobody takes what is read from the catalog"))
}

fn seal_of(table: &Table) -> Option<&'static Seal> {
    const SEALS: [&Seal; 5] = [
        &VERSION_SEAL,
        &ZIP_SEAL,
        &LIST_SEAL,
        &RESOLUTION_SEAL,
        &RECORD_SEAL,
    ];
    SEALS.into_iter().find(|seal| seal.table == table.name)
}

fn version_key(object: &Map<String, Json>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for name in ["realm", "module", "version"] {
        object.get(name).and_then(Json::as_str).hash(&mut hasher);
    }
    hasher.finish()
}

/// A table in the order of its key. Made of the names in [`TABLES`] and nothing else.
fn select_all(table: &Table, columns: &[Column]) -> String {
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    let (names, key) = (names.join(", "), table.key.join(", "));
    format!("select {names} from {} order by {key}", table.name)
}

fn object_of(columns: &[Column], row: &Row) -> Result<Map<String, Json>, CatalogError> {
    let mut object = Map::new();
    for Column { name, kind, .. } in columns {
        let value = match kind {
            Kind::Int => row.find_int(name)?.map_or(Json::Null, Json::from),
            Kind::Text => row.find_text(name)?.map_or(Json::Null, Json::from),
            Kind::Bytes => row.find_bytes(name)?.map_or(Json::Null, |b| hex(&b).into()),
        };
        object.insert((*name).to_owned(), value);
    }
    Ok(object)
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
