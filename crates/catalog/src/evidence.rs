//! What is kept as proof of what others did: events by their numbers, and signed heads.

use jiff::Timestamp;

use crate::REALM;
use crate::error::CatalogError;
use crate::incidents::Event;
use crate::keeper::{Catalog, ROWS_MAX};
use crate::link::{Row, args};

/// Oldest first. Uses index `events_by_age`.
const LIST_EVENTS_AFTER: &str = "
    select id, kind, module, detail, at
      from events
     where realm = $1
       and id > $2
     order by id
     limit $3";

/// Newest first. Uses index `events_by_age`.
const LIST_NEWEST_EVENTS: &str = "
    select id, kind, module, detail, at
      from events
     where realm = $1
     order by id desc
     limit $2";

/// By database, the largest tree first. Uses the primary key of `heads`.
const LIST_HEADS: &str = "
    select database, tree_size, note, seen_at
      from heads
     where realm = $1
     order by database, tree_size desc
     limit $2";

/// An event with its number, by which people speak of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberedEvent {
    /// Its number.
    pub id: u64,
    /// What happened.
    pub event: Event,
}

/// A signed head of a checksum database's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptHead {
    /// The database.
    pub database: String,
    /// Size of the tree.
    pub tree_size: u64,
    /// The signed note, as it came.
    pub note: Vec<u8>,
    /// When it was first seen.
    pub seen_at: Timestamp,
}

impl NumberedEvent {
    fn read(row: &Row) -> Result<Self, CatalogError> {
        Ok(Self {
            id: row.count("id")?,
            event: Event {
                kind: row.text("kind")?,
                module: row.find_text("module")?,
                detail: row.text("detail")?,
                at: row.time("at")?,
            },
        })
    }
}

impl Catalog {
    /// Security events after number `after` (0: from the first), oldest first; at most `limit`.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn list_events_after(
        &self,
        after: u64,
        limit: u64,
    ) -> Result<Vec<NumberedEvent>, CatalogError> {
        let rows = self
            .read(LIST_EVENTS_AFTER, args![REALM, after, limit.min(ROWS_MAX)])
            .await?;
        rows.iter().map(NumberedEvent::read).collect()
    }

    /// Security events with their numbers, newest first; at most `limit`.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn list_newest_events(&self, limit: u64) -> Result<Vec<NumberedEvent>, CatalogError> {
        let rows = self
            .read(LIST_NEWEST_EVENTS, args![REALM, limit.min(ROWS_MAX)])
            .await?;
        rows.iter().map(NumberedEvent::read).collect()
    }

    /// Kept heads by database, the largest tree first; at most `limit`.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn list_heads(&self, limit: u64) -> Result<Vec<KeptHead>, CatalogError> {
        let rows = self
            .read(LIST_HEADS, args![REALM, limit.min(ROWS_MAX)])
            .await?;
        rows.iter()
            .map(|row| {
                Ok(KeptHead {
                    database: row.text("database")?,
                    tree_size: row.count("tree_size")?,
                    note: row.bytes("note")?,
                    seen_at: row.time("seen_at")?,
                })
            })
            .collect()
    }
}
