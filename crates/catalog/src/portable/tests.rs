//! Tests: the tables as data are the tables that the migrations made.

use std::collections::BTreeMap;

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Row as _};

use super::tables::{Kind, TABLES};
use super::{FileRole, list_named_files};
use crate::migrations;

#[tokio::test]
async fn every_table_and_column_is_in_a_dump() {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    migrations::of_sqlite()
        .run_direct(None, &mut connection, false)
        .await
        .unwrap();
    let rows = sqlx::query(
        "select m.name as made, c.name as name, lower(c.type) as type
           from sqlite_schema m
           join pragma_table_info(m.name) c
          where m.type = 'table'
            and m.name not like 'sqlite%'
            and m.name <> 'catalog_migrations'",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let mut made: BTreeMap<String, BTreeMap<String, Kind>> = BTreeMap::new();
    for row in rows {
        let kind = match row.get::<String, _>("type").as_str() {
            "bigint" | "integer" => Kind::Int,
            "text" => Kind::Text,
            "blob" => Kind::Bytes,
            other => panic!("a column of type {other} needs a kind"),
        };
        made.entry(row.get("made"))
            .or_default()
            .insert(row.get("name"), kind);
    }
    let known: BTreeMap<String, BTreeMap<String, Kind>> = TABLES
        .iter()
        .map(|table| {
            let columns = table.columns.iter().map(|c| (c.name.to_owned(), c.kind));
            (table.name.to_owned(), columns.collect())
        })
        .collect();
    assert_eq!(
        known, made,
        "a migration changed the tables: say so in portable/tables.rs, or backups leave it out"
    );
}

#[test]
fn lines_name_files_and_nothing_else_does() {
    let hash = "ab".repeat(32);
    let version = format!(
        r#"{{"versions":{{"module":"example.com/m","version":"v1.0.0","info":"{hash}","info_size":3,"go_mod":"{hash}","mod_size":4,"mod_h1":"{hash}"}}}}"#
    );
    let files = list_named_files(&version).unwrap();
    assert_eq!(files.len(), 2);
    assert_eq!(files[0].role, FileRole::Info);
    assert_eq!(files[1].size_bytes, Some(4));
    assert_eq!(list_named_files(r#"{"settings":{}}"#).unwrap(), []);
    let bad = [
        version.replace("example.com/m", "../../etc"),
        version.replace("v1.0.0", "../v1"),
        version.replacen(&hash, "../../../etc/passwd", 1),
        version.replace("\"info_size\":3", "\"info_size\":-3"),
        "[]".to_owned(),
        "{}".to_owned(),
        "{\"a\":{},\"b\":{}}".to_owned(),
        "\u{0}".to_owned(),
    ];
    for line in bad {
        assert!(list_named_files(&line).is_err(), "{line}");
    }
}
