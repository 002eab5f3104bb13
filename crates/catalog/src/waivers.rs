//! Waivers: who lets what pass although a rule refuses it, why, and until when.

use async_trait::async_trait;
use gomod::private::match_prefix_patterns;
use gomod::version::ModuleVersion;
use jiff::Timestamp;
use serde::Serialize;

use crate::REALM;
use crate::command::Write;
use crate::error::CatalogError;
use crate::keeper::{Catalog, ROWS_MAX};
use crate::landings::lock_realm;
use crate::link::{Link, Row, args};

macro_rules! waiver_columns {
    () => {
        "id, pattern, rule, owner, why, by, until_at, at, ended_at, ended_by, ended_why"
    };
}

/// Oldest first. Uses index `waivers_by_age`.
pub(crate) const LIST_WAIVERS: &str = concat!(
    "
    select ",
    waiver_columns!(),
    "
      from waivers
     where realm = $1
       and id > $2
     order by id
     limit $3"
);

/// Those that hold now; which of them cover a version is no question for SQL. Uses index `open_waivers`.
pub(crate) const LIST_OPEN_WAIVERS: &str = concat!(
    "
    select ",
    waiver_columns!(),
    "
      from waivers
     where realm = $1
       and ended_at is null
       and until_at > $2
     limit $3"
);

/// Uses index `open_waivers`.
const FIND_SAME_WAIVER: &str = "
    select id
      from waivers
     where realm = $1
       and ended_at is null
       and until_at = $7
       and pattern = $2
       and rule = $3
       and owner = $4
       and why = $5
       and by = $6
     order by id
     limit 1";

const INSERT_WAIVER: &str = "
    insert into waivers (realm, pattern, rule, owner, why, by, until_at, at)
    values ($1, $2, $3, $4, $5, $6, $7, $8)
 returning id";

/// Uses the primary key of `waivers`.
const END_WAIVER: &str = "
    update waivers
       set ended_at = $3,
           ended_by = $4,
           ended_why = $5
     where realm = $1
       and id = $2
       and ended_at is null
 returning id";

/// Uses the primary key of `waivers`.
const FIND_WAIVER: &str = concat!(
    "
    select ",
    waiver_columns!(),
    "
      from waivers
     where realm = $1
       and id = $2
     limit 1"
);

/// A waiver that is not kept yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWaiver {
    /// What it covers, separated by commas: patterns of module paths as in GOPRIVATE, or single versions as
    /// `module@version`.
    pub pattern: String,
    /// Name of the rule that it is about.
    pub rule: String,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub why: String,
    /// Who made it.
    pub by: String,
    /// When it runs out; to the microsecond.
    pub until: Timestamp,
}

/// A kept waiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waiver {
    /// Its number, by which people speak of it.
    pub id: u64,
    /// What it covers, see [`NewWaiver::pattern`].
    pub pattern: String,
    /// Name of the rule that it is about.
    pub rule: String,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub why: String,
    /// Who made it.
    pub by: String,
    /// When it runs out.
    pub until: Timestamp,
    /// When it was made.
    pub at: Timestamp,
    /// Who ended it before it ran out.
    pub ended: Option<EndOfWaiver>,
}

/// That someone ended a waiver before it ran out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EndOfWaiver {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
}

/// What became of [`Catalog::save_waiver`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavedWaiver {
    /// Its number.
    pub id: u64,
    /// Whether it was made by this call; otherwise an equal one is still open.
    pub first: bool,
}

/// What became of [`Catalog::end_waiver`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaiverEnding {
    /// It covers nothing from now on.
    Ended,
    /// Someone ended it before.
    Already,
    /// There is none of that number.
    NoWaiver,
}

/// Whether a version is among those that the pattern of a waiver names: `module@version`, or patterns of module paths as
/// in GOPRIVATE, comma separated. A malformed one names nothing.
pub fn pattern_covers(pattern: &str, module: &ModuleVersion) -> bool {
    pattern.split(',').map(str::trim).any(|pattern| {
        if pattern.contains('@') {
            pattern == module.to_string()
        } else {
            match_prefix_patterns(pattern, module.path().as_str())
        }
    })
}

impl Waiver {
    /// Whether a version is among what it covers, whether or not it still holds. A malformed pattern covers nothing.
    pub fn covers(&self, module: &ModuleVersion) -> bool {
        pattern_covers(&self.pattern, module)
    }

    fn read(row: &Row) -> Result<Self, CatalogError> {
        let ended = match row.find_time("ended_at")? {
            None => None,
            Some(at) => Some(EndOfWaiver {
                at,
                by: row.text("ended_by")?,
                why: row.text("ended_why")?,
            }),
        };
        Ok(Self {
            id: row.count("id")?,
            pattern: row.text("pattern")?,
            rule: row.text("rule")?,
            owner: row.text("owner")?,
            why: row.text("why")?,
            by: row.text("by")?,
            until: row.time("until_at")?,
            at: row.time("at")?,
            ended,
        })
    }
}

impl Catalog {
    /// Keeps a waiver. An equal one that nobody ended is not kept a second time.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn save_waiver(&self, new: NewWaiver) -> Result<SavedWaiver, CatalogError> {
        self.write(SaveWaiver {
            new,
            at: Timestamp::now(),
        })
        .await
    }

    /// Ends a waiver before it runs out. Its row stays.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn end_waiver(
        &self,
        id: u64,
        by: &str,
        why: &str,
    ) -> Result<WaiverEnding, CatalogError> {
        self.write(EndWaiver {
            id,
            end: EndOfWaiver {
                at: Timestamp::now(),
                by: by.to_owned(),
                why: why.to_owned(),
            },
        })
        .await
    }

    /// Waivers after number `after` (0: from the first), oldest first, also those that hold no more; at most `limit`.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn list_waivers(&self, after: u64, limit: u64) -> Result<Vec<Waiver>, CatalogError> {
        let rows = self
            .read(LIST_WAIVERS, args![REALM, after, limit.min(ROWS_MAX)])
            .await?;
        rows.iter().map(Waiver::read).collect()
    }

    /// The waivers that hold at `now` and cover a version. Reads all that hold.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn waivers_for(
        &self,
        module: &ModuleVersion,
        now: Timestamp,
    ) -> Result<Vec<Waiver>, CatalogError> {
        let rows = self
            .read(LIST_OPEN_WAIVERS, args![REALM, now, ROWS_MAX])
            .await?;
        let open: Result<Vec<Waiver>, _> = rows.iter().map(Waiver::read).collect();
        let mut covering = open?;
        covering.retain(|waiver| waiver.covers(module));
        covering.sort_by_key(|waiver| waiver.id);
        Ok(covering)
    }
}

struct SaveWaiver {
    new: NewWaiver,
    at: Timestamp,
}

#[async_trait]
impl Write for SaveWaiver {
    type Answer = SavedWaiver;

    async fn apply(&self, link: &mut Link<'_>) -> Result<SavedWaiver, CatalogError> {
        lock_realm(link).await?;
        let new = &self.new;
        let mut values = args![
            REALM,
            &new.pattern,
            &new.rule,
            &new.owner,
            &new.why,
            &new.by,
            new.until
        ];
        let same = link.rows(FIND_SAME_WAIVER, values.clone()).await?;
        if let Some(row) = same.first() {
            let id = row.count("id")?;
            return Ok(SavedWaiver { id, first: false });
        }
        values.extend(args![self.at]);
        let rows = link.rows(INSERT_WAIVER, values).await?;
        let row = rows.first();
        let row = row.ok_or_else(|| CatalogError::damaged("a waiver got no number"))?;
        let id = row.count("id")?;
        Ok(SavedWaiver { id, first: true })
    }
}

struct EndWaiver {
    id: u64,
    end: EndOfWaiver,
}

#[async_trait]
impl Write for EndWaiver {
    type Answer = WaiverEnding;

    async fn apply(&self, link: &mut Link<'_>) -> Result<WaiverEnding, CatalogError> {
        let values = args![REALM, self.id, self.end.at, &self.end.by, &self.end.why];
        if !link.rows(END_WAIVER, values).await?.is_empty() {
            return Ok(WaiverEnding::Ended);
        }
        let rows = link.rows(FIND_WAIVER, args![REALM, self.id]).await?;
        let Some(row) = rows.first() else {
            return Ok(WaiverEnding::NoWaiver);
        };
        // This very call may have ended it, when the answer to its commit was lost.
        let ended = row.find_time("ended_at")?.map(Timestamp::as_microsecond);
        if ended == Some(self.end.at.as_microsecond()) {
            return Ok(WaiverEnding::Ended);
        }
        Ok(WaiverEnding::Already)
    }
}
