//! The checksum databases of a process: the one that vouches, and those that clients may reach through it.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use catalog::Catalog;
use origin::database::DatabaseWay;
use origin::sumdb::ChecksumDatabase;
use origin::upstream::{Entry, UpstreamList, Upstreams};
use pipeline::keepers::{Heads, Tiles};
use pipeline::settings::Absent;
use store::Store;
use tlog::database::{DatabaseKey, PUBLIC_KEY};

use crate::config::{Config, SumdbAbsent};

/// The checksum databases of the process.
pub struct Databases {
    /// The one that vouches for everything; none when switched off.
    pub trusted: Option<Arc<ChecksumDatabase>>,
    /// The one for toolchains when the other is switched off.
    pub toolchains: Option<Arc<ChecksumDatabase>>,
    /// Those that clients may reach.
    pub by_name: HashMap<String, Arc<ChecksumDatabase>>,
}

impl Databases {
    /// Makes a client of each from what the configuration names.
    pub fn open(
        config: &Config,
        upstreams: &Upstreams,
        list: &UpstreamList,
        catalog: &Catalog,
        store: &Store,
    ) -> Result<Self> {
        let make = |text: &str| -> Result<Arc<ChecksumDatabase>> {
            let key: DatabaseKey = text.parse().with_context(|| {
                format!("`{text}` names no checksum database; write name+key, or 'name+key url'")
            })?;
            let transport = Arc::new(DatabaseWay::new(upstreams, &key)?);
            let heads = Heads {
                catalog: catalog.clone(),
                database: key.name().to_owned(),
            };
            let tiles = Tiles {
                store: store.clone(),
                database: key.name().to_owned(),
            };
            Ok(Arc::new(ChecksumDatabase::new(
                key,
                transport,
                Arc::new(heads),
                Arc::new(tiles),
            )))
        };
        let public = make(PUBLIC_KEY)?;
        let trusted = match config.sumdb.trim() {
            "off" => None,
            text => Some(make(text).context("`sumdb`")?),
        };
        let mut by_name = HashMap::from([(public.name().to_owned(), public.clone())]);
        for text in &config.sumdb_also {
            let also = make(text).context("`sumdb_also`")?;
            by_name.insert(also.name().to_owned(), also);
        }
        if let Some(trusted) = &trusted {
            by_name.insert(trusted.name().to_owned(), trusted.clone());
        }
        let toolchains = if trusted.is_none() && !is_one_tree(list) {
            Some(public)
        } else {
            None
        };
        Ok(Self {
            trusted,
            toolchains,
            by_name,
        })
    }
}

/// A lone `file://` tree vouches for its own toolchains. Source: cmd/go/internal/modfetch, `useSumDB`.
fn is_one_tree(list: &UpstreamList) -> bool {
    matches!(list.entries(), [(Entry::Tree(_), _)])
}

/// What holds for a module of which the database has no record.
pub fn absent(config: &Config) -> Absent {
    match config.sumdb_absent {
        SumdbAbsent::Allow => Absent::Allow,
        SumdbAbsent::Refuse => Absent::Refuse,
    }
}
