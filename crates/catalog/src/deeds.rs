//! The audit log: every act that someone asked for, and what came of it. Rows are only added.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;

use crate::REALM;
use crate::command::Write;
use crate::error::CatalogError;
use crate::keeper::{Catalog, ROWS_MAX};
use crate::landings::lock_realm;
use crate::link::{Link, Row, args};
use crate::work::DeedOutcome;

/// Oldest first. Uses index `deeds_by_age`.
pub(crate) const LIST_DEEDS: &str = "
    select id, verb, subject, view, by, why, outcome, detail, at
      from deeds
     where realm = $1
       and id > $2
     order by id
     limit $3";

/// What the call itself wrote, when the answer to its commit was lost: it is among the newest. Uses index `deeds_by_age`.
const FIND_SAME_DEED: &str = "
    select id
      from (select id, verb, subject, by, detail, at
              from deeds
             where realm = $1
             order by id desc
             limit 1000) latest
     where verb = $2
       and subject = $3
       and by = $4
       and detail = $5
       and at = $6
     limit 1";

const INSERT_DEED: &str = "
    insert into deeds (realm, verb, subject, view, by, why, outcome, detail, at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
 returning id";

/// A deed that is not kept yet.
#[derive(Clone, Debug, PartialEq)]
pub struct NewDeed {
    /// What was asked for, such as `withdraw`.
    pub verb: String,
    /// Of what: a version, a token, a waiver, a folder of policies.
    pub subject: String,
    /// The view concerned, if it is one.
    pub view: Option<String>,
    /// Who asked.
    pub by: String,
    /// Why.
    pub why: String,
    /// What came of it.
    pub outcome: DeedOutcome,
    /// What else is to be known.
    pub detail: serde_json::Value,
}

/// A kept deed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Deed {
    /// Its number; later ones are higher.
    pub id: u64,
    /// When it was kept.
    pub at: Timestamp,
    /// What was asked for.
    pub verb: String,
    /// Of what.
    pub subject: String,
    /// The view concerned, if it is one.
    pub view: Option<String>,
    /// Who asked.
    pub by: String,
    /// Why.
    pub why: String,
    /// What came of it.
    pub outcome: DeedOutcome,
    /// What else is to be known.
    pub detail: serde_json::Value,
}

impl Deed {
    fn read(row: &Row) -> Result<Self, CatalogError> {
        Ok(Self {
            id: row.count("id")?,
            at: row.time("at")?,
            verb: row.text("verb")?,
            subject: row.text("subject")?,
            view: row.find_text("view")?,
            by: row.text("by")?,
            why: row.text("why")?,
            outcome: row.parsed("outcome")?,
            detail: serde_json::from_str(&row.text("detail")?)
                .map_err(|_| CatalogError::damaged("a deed's detail is no JSON"))?,
        })
    }
}

impl Catalog {
    /// Keeps a deed, and gives its number.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn save_deed(&self, new: NewDeed) -> Result<u64, CatalogError> {
        self.write(SaveDeed {
            new,
            at: Timestamp::now(),
        })
        .await
    }

    /// Deeds after number `after` (0: from the first), oldest first; at most `limit`. Who follows them misses none: they
    /// become visible in the order of their numbers.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn list_deeds(&self, after: u64, limit: u64) -> Result<Vec<Deed>, CatalogError> {
        let rows = self
            .read(LIST_DEEDS, args![REALM, after, limit.min(ROWS_MAX)])
            .await?;
        rows.iter().map(Deed::read).collect()
    }
}

struct SaveDeed {
    new: NewDeed,
    at: Timestamp,
}

#[async_trait]
impl Write for SaveDeed {
    type Answer = u64;

    async fn apply(&self, link: &mut Link<'_>) -> Result<u64, CatalogError> {
        lock_realm(link).await?;
        let new = &self.new;
        let detail = new.detail.to_string();
        let same = args![REALM, &new.verb, &new.subject, &new.by, &detail, self.at];
        let mut rows = link.rows(FIND_SAME_DEED, same).await?;
        if rows.is_empty() {
            let values = args![
                REALM,
                &new.verb,
                &new.subject,
                new.view.as_deref(),
                &new.by,
                &new.why,
                new.outcome.as_str(),
                &detail,
                self.at
            ];
            rows = link.rows(INSERT_DEED, values).await?;
        }
        let row = rows.first();
        row.ok_or_else(|| CatalogError::damaged("a deed got no number"))?
            .count("id")
    }
}
