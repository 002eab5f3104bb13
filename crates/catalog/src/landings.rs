//! What views say: the only writes of `landings` and `members`, and the reads of `landings` that decide on them.
//!
//! What may be done to a version is decided elsewhere; here an act gets its number and changes its view.

use gomod::version::ModuleVersion;
use jiff::Timestamp;

use crate::REALM;
use crate::error::CatalogError;
use crate::keeper::{Catalog, ROWS_MAX};
use crate::link::{Link, Sql, args};
use crate::stored::{Act, Landing, landing_columns};

/// Makes writers of a realm go one after the other, before what they decide on is read. Uses the primary key of `realms`.
const LOCK_REALM: &str = "
    select seq
      from realms
     where realm = $1
       for update";

macro_rules! find_last_landing {
    ($landings:literal, $which:literal) => {
        concat!(
            "
    select ",
            landing_columns!(),
            "
      from ",
            $landings,
            "
     where l.realm = $1
       and l.view = $2
       and l.module = $3
       and l.version = $4",
            $which,
            "
     order by l.seq desc
     limit 1"
        )
    };
}

/// What a view said last about a version. Uses index `landings_by_version`, which SQLite has to be told: it would walk
/// all landings because the primary key has them in the wanted order.
pub(crate) const FIND_LAST_LANDING: Sql = Sql {
    sqlite: find_last_landing!("landings l indexed by landings_by_version", ""),
    postgres: find_last_landing!("landings l", ""),
};

/// What a view said last about a version before it was withheld. Uses the index as [`FIND_LAST_LANDING`].
pub(crate) const FIND_LAST_OPEN: Sql = Sql {
    sqlite: find_last_landing!(
        "landings l indexed by landings_by_version",
        "
       and l.act not in ('withdraw', 'quarantine')"
    ),
    postgres: find_last_landing!(
        "landings l",
        "
       and l.act not in ('withdraw', 'quarantine')"
    ),
};

macro_rules! list_standings {
    ($landings:literal, $others:literal) => {
        concat!(
            "
    select ",
            landing_columns!(),
            "
      from ",
            $landings,
            "
     where l.realm = $1
       and l.module = $2
       and l.version = $3
       and not exists (
           select 1
             from ",
            $others,
            "
            where o.realm = l.realm and o.module = l.module and o.version = l.version
              and o.view = l.view and o.seq > l.seq)
     order by l.seq desc
     limit $4"
        )
    };
}

/// What each view said last about a version, newest first. Uses index `landings_by_version`, see [`FIND_LAST_LANDING`].
pub(crate) const LIST_STANDINGS: Sql = Sql {
    sqlite: list_standings!(
        "landings l indexed by landings_by_version",
        "landings o indexed by landings_by_version"
    ),
    postgres: list_standings!("landings l", "landings o"),
};

/// The next number, its landing and the membership. Uses the primary keys.
const JOIN_VIEW: Sql = Sql {
    sqlite: "
    update realms
       set seq = seq + 1
     where realm = $1
 returning seq;
    insert into landings (realm, seq, view, module, version, act, by, why, at, legal)
    select realm, seq, $2, $3, $4, $5, $6, $7, $8, $9
      from realms
     where realm = $1;
    insert into members (realm, view, module, version, seq)
    select realm, $2, $3, $4, seq
      from realms
     where realm = $1",
    postgres: "
      with next as (
               update realms
                  set seq = seq + 1
                where realm = $1
            returning seq),
           landed as (
               insert into landings (realm, seq, view, module, version, act, by, why, at, legal)
               select $1, seq, $2, $3, $4, $5, $6, $7, $8, $9
                 from next),
           joined as (
               insert into members (realm, view, module, version, seq)
               select $1, $2, $3, $4, seq
                 from next)
    select seq
      from next",
};

/// The next number, its landing and the end of the membership, if there is one. Uses the primary keys.
const LEAVE_VIEW: Sql = Sql {
    sqlite: "
    update realms
       set seq = seq + 1
     where realm = $1
 returning seq;
    insert into landings (realm, seq, view, module, version, act, by, why, at, legal)
    select realm, seq, $2, $3, $4, $5, $6, $7, $8, $9
      from realms
     where realm = $1;
    delete from members
     where realm = $1
       and view = $2
       and module = $3
       and version = $4",
    postgres: "
      with next as (
               update realms
                  set seq = seq + 1
                where realm = $1
            returning seq),
           landed as (
               insert into landings (realm, seq, view, module, version, act, by, why, at, legal)
               select $1, seq, $2, $3, $4, $5, $6, $7, $8, $9
                 from next),
           gone as (
               delete from members
                where realm = $1
                  and view = $2
                  and module = $3
                  and version = $4)
    select seq
      from next",
};

/// Uses the primary key of `landings`.
pub(crate) const LIST_LANDINGS: &str = concat!(
    "
    select ",
    landing_columns!(),
    "
      from landings l
     where l.realm = $1
       and l.seq > $2
     order by l.seq
     limit $3"
);

impl Catalog {
    /// What a view said last about a version, also when it was taken out of it.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn find_landing(
        &self,
        view: &str,
        module: &ModuleVersion,
    ) -> Result<Option<Landing>, CatalogError> {
        let (path, version) = (module.path().as_str(), module.version().as_str());
        let rows = self
            .read(FIND_LAST_LANDING, args![REALM, view, path, version])
            .await?;
        rows.first().map(Landing::read).transpose()
    }

    /// What each view said last about a version, newest first: one landing a view that ever said something.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn list_standings(
        &self,
        module: &ModuleVersion,
    ) -> Result<Vec<Landing>, CatalogError> {
        let (path, version) = (module.path().as_str(), module.version().as_str());
        let rows = self
            .read(LIST_STANDINGS, args![REALM, path, version, ROWS_MAX])
            .await?;
        rows.iter().map(Landing::read).collect()
    }

    /// Landings after number `seq`, in all views, oldest first; at most `limit`.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn landings_since(&self, seq: u64, limit: u64) -> Result<Vec<Landing>, CatalogError> {
        let rows = self
            .read(LIST_LANDINGS, args![REALM, seq, limit.min(ROWS_MAX)])
            .await?;
        rows.iter().map(Landing::read).collect()
    }
}

/// Waits for its turn among the writers of the realm, so that nobody changes what is decided on, and rows that are
/// numbered by the engine become visible in the order of their numbers. SQLite's one writer has it already.
pub(crate) async fn lock_realm(link: &mut Link<'_>) -> Result<(), CatalogError> {
    if link.is_shared() {
        link.rows(LOCK_REALM, args![REALM]).await?;
    }
    Ok(())
}

/// What the views say about a version, with the realm locked: nobody changes it before the transaction ends.
pub(crate) struct Standings {
    /// The last landing in each view, newest first.
    landings: Vec<Landing>,
}

impl Standings {
    /// # Errors
    /// [`CatalogError::NoVersion`] if no view ever said anything: every version that is stored has landed somewhere.
    pub(crate) async fn lock(
        link: &mut Link<'_>,
        module: &ModuleVersion,
    ) -> Result<Self, CatalogError> {
        lock_realm(link).await?;
        let (path, version) = (module.path().as_str(), module.version().as_str());
        let rows = link
            .rows(LIST_STANDINGS, args![REALM, path, version, ROWS_MAX])
            .await?;
        let landings: Vec<Landing> = rows.iter().map(Landing::read).collect::<Result<_, _>>()?;
        if landings.is_empty() {
            return Err(CatalogError::NoVersion {
                module: module.clone(),
            });
        }
        Ok(Self { landings })
    }

    /// What a view said last.
    pub(crate) fn find(&self, view: &str) -> Option<&Landing> {
        self.landings.iter().find(|landing| landing.view == view)
    }

    /// What keeps the version out of every view it is not in: the newest withdrawal, else the newest quarantine.
    pub(crate) fn find_withholding(&self) -> Option<&Landing> {
        let find = |act| self.landings.iter().find(|landing| landing.act == act);
        find(Act::Withdraw).or_else(|| find(Act::Quarantine))
    }

    /// The last landing in each view, newest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Landing> {
        self.landings.iter()
    }
}

/// A landing that has no number yet.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) view: String,
    pub(crate) act: Act,
    pub(crate) module: ModuleVersion,
    pub(crate) by: String,
    pub(crate) why: String,
    pub(crate) legal: bool,
    pub(crate) at: Timestamp,
}

impl Step {
    /// Gives the act its number and changes the view.
    pub(crate) async fn carry_out(self, link: &mut Link<'_>) -> Result<Landing, CatalogError> {
        let sql = if self.act.joins() {
            JOIN_VIEW
        } else {
            LEAVE_VIEW
        };
        let (path, version) = (self.module.path().as_str(), self.module.version().as_str());
        let values = args![
            REALM, &self.view, path, version, self.act, &self.by, &self.why, self.at, self.legal
        ];
        let rows = link.rows(sql, values).await?;
        let seq = rows
            .first()
            .ok_or_else(|| CatalogError::damaged(format!("realm {REALM} has no row")))?
            .count("seq")?;
        Ok(Landing {
            seq,
            view: self.view,
            module: self.module,
            act: self.act,
            legal: self.legal,
            by: self.by,
            why: self.why,
            // As it is stored.
            at: Timestamp::from_microsecond(self.at.as_microsecond()).unwrap_or(self.at),
        })
    }
}
