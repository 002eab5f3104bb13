//! What went wrong on purpose or by accident: refused bytes in quarantine, and security events.

use async_trait::async_trait;
use gomod::hash::{ContentDigest, H1};
use gomod::version::ModuleVersion;
use jiff::Timestamp;

use crate::REALM;
use crate::command::Write;
use crate::error::CatalogError;
use crate::keeper::{Catalog, ROWS_MAX};
use crate::link::{Link, Row, Sql, args};
use crate::stored::read_module;

/// One row for each way to be wrong: a client that asks all day adds nothing. Uses the unique key of `quarantine`.
const QUARANTINE: &str = "
    insert into quarantine (realm, module, version, kind, found, expected, source, digest, detail, at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        on conflict (realm, module, version, kind, found, expected, source) do nothing";

/// Newest first. Uses index `quarantine_by_age`.
pub(crate) const LIST_QUARANTINE: &str = "
    select module, version, kind, found, expected, source, digest, detail, at
      from quarantine
     where realm = $1
     order by id desc
     limit $2";

/// The newest for one version. Uses the unique key of `quarantine`, from which an order by id alone
/// would keep SQLite.
pub(crate) const FIND_REFUSAL: &str = "
    select module, version, kind, found, expected, source, digest, detail, at
      from quarantine
     where realm = $1
       and module = $2
       and version = $3
     order by at desc, id desc
     limit 1";

macro_rules! save_event {
    ($values:literal) => {
        concat!(
            "
    insert into events (realm, kind, module, detail, at)
    select ",
            $values,
            "
     where not exists (
           select 1
             from (select kind, detail, at
                     from events
                    where realm = $1
                    order by id desc
                    limit 100) latest
            where latest.kind = $2
              and latest.detail = $4
              and latest.at = $5)"
        )
    };
}

/// Events are only added, and each once: a write whose answer was lost is tried again. Uses index `events_by_age`.
const SAVE_EVENT: Sql = Sql {
    sqlite: save_event!("$1, $2, $3, $4, $5"),
    postgres: save_event!("$1::text, $2::text, $3::text, $4::text, $5::bigint"),
};

/// Newest first. Uses index `events_by_age`.
pub(crate) const LIST_EVENTS: &str = "
    select kind, module, detail, at
      from events
     where realm = $1
     order by id desc
     limit $2";

/// Bytes that were refused because someone vouches for others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Of which version they claimed to be.
    pub module: ModuleVersion,
    /// `go.mod` or `zip`.
    pub kind: String,
    /// The hash that they have.
    pub found: H1,
    /// The hash that was vouched for.
    pub expected: H1,
    /// Who offered them.
    pub source: String,
    /// Their blob, if it was kept.
    pub digest: Option<ContentDigest>,
    /// What else is known, for people.
    pub detail: String,
    /// When; set when it is saved.
    pub at: Timestamp,
}

/// A security event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What kind of event, such as `hash-mismatch` or `fork`.
    pub kind: String,
    /// The version concerned, if it is one.
    pub module: Option<String>,
    /// Its details as JSON text.
    pub detail: String,
    /// When.
    pub at: Timestamp,
}

impl Catalog {
    /// Remembers refused bytes. The same refusal again changes nothing.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn save_refusal(&self, refused: Quarantined) -> Result<(), CatalogError> {
        self.write(refused).await
    }

    /// Refused bytes, newest first; at most `limit`.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn list_quarantine(&self, limit: u64) -> Result<Vec<Quarantined>, CatalogError> {
        let rows = self
            .read(LIST_QUARANTINE, args![REALM, limit.min(ROWS_MAX)])
            .await?;
        rows.iter().map(Quarantined::read).collect()
    }

    /// The newest refusal of bytes of this version.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn find_refusal(
        &self,
        module: &ModuleVersion,
    ) -> Result<Option<Quarantined>, CatalogError> {
        let (path, version) = (module.path().as_str(), module.version().as_str());
        let rows = self.read(FIND_REFUSAL, args![REALM, path, version]).await?;
        rows.first().map(Quarantined::read).transpose()
    }

    /// Keeps a security event; `detail` is JSON.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn save_event(
        &self,
        kind: &str,
        module: Option<&ModuleVersion>,
        detail: &serde_json::Value,
    ) -> Result<(), CatalogError> {
        let event = Event {
            kind: kind.to_owned(),
            module: module.map(ToString::to_string),
            detail: detail.to_string(),
            at: Timestamp::now(),
        };
        self.write(event).await
    }

    /// Security events, newest first; at most `limit`.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn list_events(&self, limit: u64) -> Result<Vec<Event>, CatalogError> {
        let rows = self
            .read(LIST_EVENTS, args![REALM, limit.min(ROWS_MAX)])
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Event {
                    kind: row.text("kind")?,
                    module: row.find_text("module")?,
                    detail: row.text("detail")?,
                    at: row.time("at")?,
                })
            })
            .collect()
    }
}

impl Quarantined {
    fn read(row: &Row) -> Result<Self, CatalogError> {
        Ok(Self {
            module: read_module(row)?,
            kind: row.text("kind")?,
            found: row.h1("found")?,
            expected: row.h1("expected")?,
            source: row.text("source")?,
            digest: row.find_digest("digest")?,
            detail: row.text("detail")?,
            at: row.time("at")?,
        })
    }
}

#[async_trait]
impl Write for Quarantined {
    type Answer = ();

    async fn apply(&self, link: &mut Link<'_>) -> Result<(), CatalogError> {
        let values = args![
            REALM,
            self.module.path().as_str(),
            self.module.version().as_str(),
            &self.kind,
            &self.found,
            &self.expected,
            &self.source,
            self.digest.as_ref(),
            &self.detail,
            self.at,
        ];
        link.run(QUARANTINE, values).await
    }
}

#[async_trait]
impl Write for Event {
    type Answer = ();

    async fn apply(&self, link: &mut Link<'_>) -> Result<(), CatalogError> {
        link.run(
            SAVE_EVENT,
            args![
                REALM,
                &self.kind,
                self.module.as_deref(),
                &self.detail,
                self.at
            ],
        )
        .await
    }
}
