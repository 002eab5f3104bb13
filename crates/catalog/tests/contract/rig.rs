//! A fresh catalog for each test, and made-up versions to put into it.

use catalog::{Catalog, NewMod, StoredZip, Verification};
use gomod::hash::{ContentDigest, H1};
use gomod::version::ModuleVersion;
use jiff::Timestamp;
use tempfile::TempDir;

use crate::server;

/// A catalog of its own; the folder goes when this is dropped.
pub struct Rig {
    pub catalog: Catalog,
    _folder: Option<TempDir>,
}

impl Rig {
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("catalog.db").display());
        let catalog = Catalog::open(&url).await.unwrap();
        Self {
            catalog,
            _folder: Some(folder),
        }
    }

    /// Nothing, with a printed reason, where PostgreSQL is not installed.
    pub async fn postgres() -> Option<Self> {
        let url = server::fresh_database()?;
        let catalog = Catalog::open(&url).await.unwrap();
        Some(Self {
            catalog,
            _folder: None,
        })
    }
}

pub fn module(text: &str) -> ModuleVersion {
    text.parse().unwrap()
}

pub fn views(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub fn digest(text: &str) -> ContentDigest {
    ContentDigest::of(text.as_bytes())
}

pub fn h1(text: &str) -> H1 {
    H1::from_bytes(*digest(text).as_bytes())
}

pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A version whose hashes are made from its name and `bytes`.
pub fn new_mod(of: &str, bytes: &str) -> NewMod {
    NewMod {
        module: module(of),
        view: "prod".to_owned(),
        info: digest(&format!("{of} {bytes} info")),
        info_size: 90,
        go_mod: digest(&format!("{of} {bytes} mod")),
        mod_size: 120,
        mod_h1: h1(&format!("{of} {bytes} mod")),
        zip_h1_expected: Some(h1(&format!("{of} {bytes} zip"))),
        time: Some(time("2024-02-29T12:34:56.123456Z")),
        verified: Verification::Record {
            database: "sum.golang.org".to_owned(),
            record_id: 17,
            tree_size: 42_000_000,
        },
        by: "pipeline".to_owned(),
        why: "asked for".to_owned(),
    }
}

/// The zip that [`new_mod`] expects.
pub fn zip_of(of: &str, bytes: &str) -> StoredZip {
    StoredZip {
        digest: digest(&format!("{of} {bytes} zip bytes")),
        size: 30_000,
        h1: h1(&format!("{of} {bytes} zip")),
    }
}
