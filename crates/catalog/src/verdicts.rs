//! What policies said of versions, and when they are to be asked again. Verdicts are only added; the newest one of each
//! version and view is kept apart, so that it is found by one look-up however often it was asked.

use gomod::hash::ContentDigest;
use gomod::path::ModulePath;
use gomod::version::{ModuleVersion, Version};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::REALM;
use crate::error::CatalogError;
use crate::keeper::{Catalog, ROWS_MAX};
use crate::link::{Link, Row, Sql, args};
use crate::stored::read_module;

macro_rules! verdict_columns {
    () => {
        "d.id, d.at, d.view, d.module, d.version, d.admitted, d.reasons, d.facts, d.policies, d.until_at"
    };
}

/// Two look-ups by primary key: `newest_verdicts`, `verdicts`.
pub(crate) const FIND_VERDICT: &str = concat!(
    "
    select ",
    verdict_columns!(),
    "
      from newest_verdicts n
      join verdicts d
        on d.id = n.verdict_id
     where n.realm = $1
       and n.view = $2
       and n.module = $3
       and n.version = $4
     limit 1"
);

/// Oldest first. Uses index `verdicts_by_age`.
pub(crate) const LIST_VERDICTS: &str = concat!(
    "
    select ",
    verdict_columns!(),
    "
      from verdicts d
     where d.realm = $1
       and d.id > $2
     order by d.id
     limit $3"
);

/// Oldest first. Uses index `verdicts_by_module`.
pub(crate) const LIST_VERDICTS_OF_MODULE: &str = concat!(
    "
    select ",
    verdict_columns!(),
    "
      from verdicts d
     where d.realm = $1
       and d.module = $4
       and d.id > $2
     order by d.id
     limit $3"
);

macro_rules! list_due_verdicts {
    ($landings:literal, $later:literal) => {
        concat!(
            "
    select ",
            verdict_columns!(),
            "
      from newest_verdicts n
      join verdicts d
        on d.id = n.verdict_id
     where n.realm = $1
       and n.admitted = 0
       and n.until_at <= $2
       and not exists (
           select 1
             from members m
            where m.realm = n.realm and m.view = n.view and m.module = n.module and m.version = n.version)
       and not exists (
           select 1
             from ",
            $landings,
            "
            where l.realm = n.realm and l.module = n.module and l.version = n.version
              and l.act in ('withdraw', 'quarantine')
              and not exists (
                  select 1
                    from ",
            $later,
            "
                   where o.realm = l.realm and o.module = l.module and o.version = l.version
                     and o.view = l.view and o.seq > l.seq))
     order by n.until_at
     limit $3"
        )
    };
}

/// The longest due first; what nothing would follow from is not due, or it would be asked for ever. Uses index
/// `refusals_by_until`, then for each version the primary key of `members` and index `landings_by_version`.
pub(crate) const LIST_DUE_VERDICTS: Sql = Sql {
    sqlite: list_due_verdicts!(
        "landings l indexed by landings_by_version",
        "landings o indexed by landings_by_version"
    ),
    postgres: list_due_verdicts!("landings l", "landings o"),
};

macro_rules! list_refused {
    ($verdicts:literal) => {
        concat!(
            "
    select n.version, n.until_at
      from ",
            $verdicts,
            "
     where n.realm = $1
       and n.view = $2
       and n.module = $3
       and n.admitted = 0
       and not exists (
           select 1
             from members m
            where m.realm = n.realm and m.view = n.view and m.module = n.module and m.version = n.version)
     order by n.version
     limit $4"
        )
    };
}

/// By version, as text. Uses index `refusals_by_module` alone, and the primary key of `members` for each version. SQLite
/// has to be told: it would walk all verdicts on the module by the primary key.
pub(crate) const LIST_REFUSED: Sql = Sql {
    sqlite: list_refused!("newest_verdicts n indexed by refusals_by_module"),
    postgres: list_refused!("newest_verdicts n"),
};

const INSERT_VERDICT: &str = "
    insert into verdicts (realm, view, module, version, admitted, reasons, facts, policies, until_at, at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
 returning id";

/// Uses the primary key of `newest_verdicts`.
const REPLACE_NEWEST: &str = "
    insert into newest_verdicts (realm, view, module, version, verdict_id, admitted, until_at)
    values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (realm, view, module, version) do update
       set verdict_id = excluded.verdict_id,
           admitted = excluded.admitted,
           until_at = excluded.until_at";

/// Whether a finding keeps a version out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It does.
    Deny,
    /// It is told, and nothing else.
    Warn,
}

/// One finding of a verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Name of the rule that found it.
    pub rule: String,
    /// Whether it keeps the version out, unless it is waived.
    pub level: Level,
    /// What was found, in words for people.
    pub text: String,
    /// Number of the waiver that lets it pass.
    pub waiver: Option<u64>,
    /// Until when this holds: the rule is to be asked again then.
    pub until: Option<Timestamp>,
}

/// A verdict that is not kept yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewVerdict {
    /// The version.
    pub module: ModuleVersion,
    /// The view that it would enter.
    pub view: String,
    /// Whether it may.
    pub admitted: bool,
    /// What was found, also where it may.
    pub reasons: Vec<Reason>,
    /// Digest of the document of facts that was judged.
    pub facts: ContentDigest,
    /// Digest of the policies that judged it.
    pub policies: ContentDigest,
    /// When it is to be asked again; to the microsecond.
    pub until: Option<Timestamp>,
}

/// What policies said of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Its number, by which people speak of it; later ones are higher.
    pub id: u64,
    /// When they said so.
    pub at: Timestamp,
    /// The version.
    pub module: ModuleVersion,
    /// The view that it would enter.
    pub view: String,
    /// Whether it may.
    pub admitted: bool,
    /// What was found, also where it may.
    pub reasons: Vec<Reason>,
    /// Digest of the document of facts that was judged.
    pub facts: ContentDigest,
    /// Digest of the policies that judged it.
    pub policies: ContentDigest,
    /// When it is to be asked again; to the microsecond.
    pub until: Option<Timestamp>,
}

impl Catalog {
    /// The newest verdict on a version that would enter a view. One indexed query.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn find_verdict(
        &self,
        view: &str,
        module: &ModuleVersion,
    ) -> Result<Option<Verdict>, CatalogError> {
        let (path, version) = (module.path().as_str(), module.version().as_str());
        let rows = self
            .read(FIND_VERDICT, args![REALM, view, path, version])
            .await?;
        rows.first().map(Verdict::read).transpose()
    }

    /// Verdicts after number `after_id` (0: from the first), oldest first, on versions of one module or on all; at most
    /// `limit`.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn list_verdicts(
        &self,
        after_id: u64,
        limit: u64,
        module: Option<&ModulePath>,
    ) -> Result<Vec<Verdict>, CatalogError> {
        let mut values = args![REALM, after_id, limit.min(ROWS_MAX)];
        let rows = match module {
            None => self.read(LIST_VERDICTS, values).await?,
            Some(path) => {
                values.extend(args![path.as_str()]);
                self.read(LIST_VERDICTS_OF_MODULE, values).await?
            }
        };
        rows.iter().map(Verdict::read).collect()
    }

    /// Refusals that are to be asked again at `now`: newest verdicts on their version and view, of versions that are not in
    /// the view and that nothing withholds, the longest due first; at most `limit`.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn list_due_verdicts(
        &self,
        now: Timestamp,
        limit: u64,
    ) -> Result<Vec<Verdict>, CatalogError> {
        let rows = self
            .read(LIST_DUE_VERDICTS, args![REALM, now, limit.min(ROWS_MAX)])
            .await?;
        rows.iter().map(Verdict::read).collect()
    }

    /// The versions of a module that may not enter a view and are not in it, by version as text, each with the time at
    /// which it is to be asked again. One indexed query, whose cost grows with the answer.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn list_refused(
        &self,
        view: &str,
        module: &ModulePath,
    ) -> Result<Vec<(Version, Option<Timestamp>)>, CatalogError> {
        let rows = self
            .read(LIST_REFUSED, args![REALM, view, module.as_str(), ROWS_MAX])
            .await?;
        rows.iter()
            .map(|row| Ok((row.parsed("version")?, row.find_time("until_at")?)))
            .collect()
    }
}

impl Verdict {
    fn read(row: &Row) -> Result<Self, CatalogError> {
        Ok(Self {
            id: row.count("id")?,
            at: row.time("at")?,
            module: read_module(row)?,
            view: row.text("view")?,
            admitted: row.flag("admitted")?,
            reasons: read_reasons(row)?,
            facts: row.digest("facts")?,
            policies: row.digest("policies")?,
            until: row.find_time("until_at")?,
        })
    }

    fn says(&self, new: &NewVerdict) -> bool {
        let until = |time: Option<Timestamp>| time.map(Timestamp::as_microsecond);
        self.admitted == new.admitted
            && self.reasons == new.reasons
            && self.facts == new.facts
            && self.policies == new.policies
            && until(self.until) == until(new.until)
    }
}

fn read_reasons(row: &Row) -> Result<Vec<Reason>, CatalogError> {
    serde_json::from_str(&row.text("reasons")?)
        .map_err(|_| CatalogError::damaged("a verdict's reasons are none"))
}

/// Keeps a verdict as the newest of its version and view, unless that says the same. To be called with the realm locked.
pub(crate) async fn save_verdict(
    link: &mut Link<'_>,
    new: &NewVerdict,
    at: Timestamp,
) -> Result<(), CatalogError> {
    let (path, version) = (new.module.path().as_str(), new.module.version().as_str());
    let rows = link
        .rows(FIND_VERDICT, args![REALM, &new.view, path, version])
        .await?;
    // One that cannot be read is no reason to keep a new one out.
    let newest = rows.first().and_then(|row| Verdict::read(row).ok());
    if newest.is_some_and(|newest| newest.says(new)) {
        return Ok(());
    }
    let reasons = serde_json::to_string(&new.reasons)
        .map_err(|_| CatalogError::damaged("a verdict's reasons cannot be written"))?;
    let values = args![
        REALM,
        &new.view,
        path,
        version,
        new.admitted,
        &reasons,
        &new.facts,
        &new.policies,
        new.until,
        at,
    ];
    let rows = link.rows(INSERT_VERDICT, values).await?;
    let id = rows
        .first()
        .ok_or_else(|| CatalogError::damaged("a verdict got no number"))?
        .count("id")?;
    let newest = args![REALM, &new.view, path, version, id, new.admitted, new.until];
    link.run(REPLACE_NEWEST, newest).await
}
