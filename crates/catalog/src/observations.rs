//! What origins and upstreams were seen to say: lists of versions, and what queries named.
//!
//! The last answer is kept for quick reading and replaced in place; every change also leaves rows that say since when
//! and until when it was said, so that a moved or vanished tag can be told.

use async_trait::async_trait;
use gomod::path::ModulePath;
use gomod::version::Version;
use jiff::{SignedDuration, Timestamp};

use crate::REALM;
use crate::command::Write;
use crate::error::CatalogError;
use crate::keeper::{Catalog, ROWS_MAX};
use crate::link::{Link, Row, Sql, args};
use crate::seal::{LIST_SEAL, RESOLUTION_SEAL, Seal, sealed};

/// Uses the primary key of `known_lists`.
const FIND_LIST: &str = "
    select module, versions, seen_at, seal
      from known_lists
     where realm = $1
       and module = $2
     limit 1";

/// Uses the primary key of `known_lists`. An answer that took longer than a later one does not replace it; but one that
/// seems to come from the future was kept before the clock was set back, and must not stay until then.
const SAVE_LIST: &str = "
    insert into known_lists (realm, module, versions, seen_at, seal)
    values ($1, $2, $3, $4, $5)
        on conflict (realm, module) do update
       set versions = excluded.versions,
           seen_at = excluded.seen_at,
           seal = excluded.seal
     where known_lists.seen_at <= excluded.seen_at
        or known_lists.seen_at > $6";

/// Ends the observations of versions that the list no longer names. Uses the primary key of `observations`.
const END_LISTED: Sql = Sql {
    sqlite: "
    update observations
       set gone_at = $3
     where realm = $1
       and module = $2
       and kind = 'list'
       and gone_at is null
       and name not in (select value from json_each($4))",
    postgres: "
    update observations
       set gone_at = $3
     where realm = $1
       and module = $2
       and kind = 'list'
       and gone_at is null
       and name not in (select value from json_array_elements_text($4::json))",
};

/// Begins the observations of versions that are new in the list. Uses the primary key of `observations`.
const BEGIN_LISTED: Sql = Sql {
    sqlite: "
    insert into observations (realm, module, kind, name, value, seen_at)
    select distinct $1, $2, 'list', value, '', $3
      from json_each($4)
     where value not in (
           select name
             from observations
            where realm = $1
              and module = $2
              and kind = 'list'
              and gone_at is null)
        on conflict do nothing",
    postgres: "
    insert into observations (realm, module, kind, name, value, seen_at)
    select distinct $1, $2, 'list', value, '', $3
      from json_array_elements_text($4::json)
     where value not in (
           select name
             from observations
            where realm = $1
              and module = $2
              and kind = 'list'
              and gone_at is null)
        on conflict do nothing",
};

/// Uses the primary key of `resolutions`.
const FIND_RESOLUTION: &str = "
    select module, query, version, info, seen_at, seal
      from resolutions
     where realm = $1
       and module = $2
       and query = $3
     limit 1";

/// Uses the primary key of `resolutions`. Which answer stays is decided as for lists.
const SAVE_RESOLUTION: &str = "
    insert into resolutions (realm, module, query, version, info, seen_at, seal)
    values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (realm, module, query) do update
       set version = excluded.version,
           info = excluded.info,
           seen_at = excluded.seen_at,
           seal = excluded.seal
     where resolutions.seen_at <= excluded.seen_at
        or resolutions.seen_at > $8";

/// Ends what a query was seen to name. Uses the primary key of `observations`.
const END_RESOLVED: &str = "
    update observations
       set gone_at = $5
     where realm = $1
       and module = $2
       and kind = 'query'
       and name = $3
       and value <> $4
       and gone_at is null";

/// Begins what a query names now. Uses the primary key of `observations`.
const BEGIN_RESOLVED: &str = "
    insert into observations (realm, module, kind, name, value, seen_at)
    values ($1, $2, 'query', $3, $4, $5)
        on conflict do nothing";

/// Uses the primary key of `observations`.
const LIST_OBSERVATIONS: &str = "
    select kind, name, value, seen_at, gone_at
      from observations
     where realm = $1
       and module = $2
     order by kind, name, seen_at
     limit $3";

/// Clocks of several processes on one database differ by less than this; what lies further ahead is no later answer.
const AHEAD_MAX: SignedDuration = SignedDuration::from_secs(60);

/// The time from which on a row is one of a clock that was set back since.
fn future() -> Timestamp {
    Timestamp::now()
        .checked_add(AHEAD_MAX)
        .unwrap_or(Timestamp::MAX)
}

/// What an upstream's list said last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownList {
    /// Its lines, in its order.
    pub versions: Vec<String>,
    /// When it said so.
    pub seen_at: Timestamp,
}

/// What a query named last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// The canonical version.
    pub version: Version,
    /// The `.info` that said so, as it came.
    pub info: Vec<u8>,
    /// When it said so.
    pub seen_at: Timestamp,
}

/// Something that was seen outside, for a while or still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// `list` (a version in a list) or `query` (a branch, commit or `latest` naming a version).
    pub kind: String,
    /// The version, or the query.
    pub name: String,
    /// What the query named; empty for lists.
    pub value: String,
    /// When it was seen first.
    pub seen_at: Timestamp,
    /// When it was seen to be so no more.
    pub gone_at: Option<Timestamp>,
}

impl Catalog {
    /// Keeps what a list said at `seen_at`. Lines with control characters are left out: no version has one.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn save_list(
        &self,
        module: &ModulePath,
        versions: &[String],
        seen_at: Timestamp,
    ) -> Result<(), CatalogError> {
        let is_plain = |line: &&String| !line.is_empty() && !line.chars().any(char::is_control);
        let versions = versions.iter().filter(is_plain).cloned().collect();
        self.write(SaveList {
            module: module.clone(),
            versions,
            seen_at,
            future: future(),
        })
        .await
    }

    /// What the list of a module said last.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn find_list(&self, module: &ModulePath) -> Result<Option<KnownList>, CatalogError> {
        let rows = self.read(FIND_LIST, args![REALM, module.as_str()]).await?;
        let Some(row) = LIST_SEAL.find_whole(&rows) else {
            return Ok(None);
        };
        Ok(Some(KnownList {
            versions: row.text("versions")?.lines().map(str::to_owned).collect(),
            seen_at: row.time("seen_at")?,
        }))
    }

    /// Keeps what a query named at `seen_at`, with the `.info` that said so.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn save_resolution(
        &self,
        module: &ModulePath,
        query: &str,
        version: &Version,
        info: &[u8],
        seen_at: Timestamp,
    ) -> Result<(), CatalogError> {
        let save = SaveResolution {
            module: module.clone(),
            query: query.to_owned(),
            version: version.clone(),
            info: info.to_owned(),
            seen_at,
            future: future(),
        };
        self.write(save).await
    }

    /// What a query named last.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn find_resolution(
        &self,
        module: &ModulePath,
        query: &str,
    ) -> Result<Option<Resolution>, CatalogError> {
        let rows = self
            .read(FIND_RESOLUTION, args![REALM, module.as_str(), query])
            .await?;
        let Some(row) = RESOLUTION_SEAL.find_whole(&rows) else {
            return Ok(None);
        };
        Ok(Some(Resolution {
            version: row.parsed("version")?,
            info: row.bytes("info")?,
            seen_at: row.time("seen_at")?,
        }))
    }

    /// Everything that was seen outside about a module, by kind, name and time; at most `limit`.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn list_observations(
        &self,
        module: &ModulePath,
        limit: u64,
    ) -> Result<Vec<Observation>, CatalogError> {
        let rows = self
            .read(
                LIST_OBSERVATIONS,
                args![REALM, module.as_str(), limit.min(ROWS_MAX)],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Observation {
                    kind: row.text("kind")?,
                    name: row.text("name")?,
                    value: row.text("value")?,
                    seen_at: row.time("seen_at")?,
                    gone_at: row.find_time("gone_at")?,
                })
            })
            .collect()
    }
}

/// Whether another answer came after this one: not if it seems to come from the future.
fn is_late(known_at: Timestamp, seen_at: Timestamp, future: Timestamp) -> bool {
    known_at > seen_at && known_at <= future
}

/// A row in which bits have flipped is replaced whatever time it claims: all times are future to it.
fn future_of(seal: &Seal, known: &[Row], future: Timestamp) -> Timestamp {
    match known.first() {
        Some(row) if !seal.is_whole(row) => Timestamp::MIN,
        _ => future,
    }
}

struct SaveList {
    module: ModulePath,
    versions: Vec<String>,
    seen_at: Timestamp,
    future: Timestamp,
}

#[async_trait]
impl Write for SaveList {
    type Answer = ();

    async fn apply(&self, link: &mut Link<'_>) -> Result<(), CatalogError> {
        let path = self.module.as_str();
        let versions = self.versions.join("\n");
        let known = link.rows(FIND_LIST, args![REALM, path]).await?;
        let future = future_of(&LIST_SEAL, &known, self.future);
        let (is_same, is_late) = match known.first() {
            None => (false, false),
            Some(_) if future == Timestamp::MIN => (false, false),
            Some(row) => (
                row.text("versions")? == versions,
                is_late(row.time("seen_at")?, self.seen_at, future),
            ),
        };
        if is_late {
            return Ok(());
        }
        let values = args![REALM, path, &versions, self.seen_at];
        let mut values = sealed(LIST_SEAL.table, values);
        values.push(future.into());
        link.run(SAVE_LIST, values).await?;
        if is_same {
            return Ok(());
        }
        let names = serde_json::Value::from(self.versions.clone()).to_string();
        link.run(END_LISTED, args![REALM, path, self.seen_at, &names])
            .await?;
        link.run(BEGIN_LISTED, args![REALM, path, self.seen_at, &names])
            .await
    }
}

struct SaveResolution {
    module: ModulePath,
    query: String,
    version: Version,
    info: Vec<u8>,
    seen_at: Timestamp,
    future: Timestamp,
}

#[async_trait]
impl Write for SaveResolution {
    type Answer = ();

    async fn apply(&self, link: &mut Link<'_>) -> Result<(), CatalogError> {
        let (path, query, version) = (self.module.as_str(), &self.query, self.version.as_str());
        let known = link
            .rows(FIND_RESOLUTION, args![REALM, path, query])
            .await?;
        let future = future_of(&RESOLUTION_SEAL, &known, self.future);
        let (is_same, is_late) = match known.first() {
            None => (false, false),
            Some(_) if future == Timestamp::MIN => (false, false),
            Some(row) => (
                row.text("version")? == version,
                is_late(row.time("seen_at")?, self.seen_at, future),
            ),
        };
        if is_late {
            return Ok(());
        }
        let info = &self.info[..];
        let values = args![REALM, path, query, version, info, self.seen_at];
        let mut values = sealed(RESOLUTION_SEAL.table, values);
        values.push(future.into());
        link.run(SAVE_RESOLUTION, values).await?;
        if is_same {
            return Ok(());
        }
        link.run(
            END_RESOLVED,
            args![REALM, path, query, version, self.seen_at],
        )
        .await?;
        link.run(
            BEGIN_RESOLVED,
            args![REALM, path, query, version, self.seen_at],
        )
        .await
    }
}
