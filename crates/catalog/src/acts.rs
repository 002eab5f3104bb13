//! Acts: what happens to versions in views. The only writes of `landings` and `members`.

use async_trait::async_trait;
use gomod::version::ModuleVersion;
use jiff::Timestamp;

use crate::REALM;
use crate::command::Write;
use crate::error::CatalogError;
use crate::keeper::{Catalog, ROWS_MAX};
use crate::link::{Link, Sql, args};
use crate::stored::{Act, Landing};

/// Uses the primary key of `versions`.
const FIND_VERSION_ROW: &str = "
    select first_seen_at
      from versions
     where realm = $1
       and module = $2
       and version = $3
     limit 1";

/// Makes landings of a realm one after the other, before what they decide on is read. Uses the primary key of `realms`.
const LOCK_REALM: &str = "
    select seq
      from realms
     where realm = $1
       for update";

macro_rules! find_last_landing {
    ($landings:literal) => {
        concat!(
            "
    select seq, view, module, version, act, by, why, at
      from ",
            $landings,
            "
     where realm = $1
       and view = $2
       and module = $3
       and version = $4
     order by seq desc
     limit 1"
        )
    };
}

/// What a view said last about a version. Uses index `landings_by_version`, which SQLite has to be told: it would walk
/// all landings because the primary key has them in the wanted order.
pub(crate) const FIND_LAST_LANDING: Sql = Sql {
    sqlite: find_last_landing!("landings indexed by landings_by_version"),
    postgres: find_last_landing!("landings"),
};

/// The next number, its landing and the membership. Uses the primary keys.
const JOIN_VIEW: Sql = Sql {
    sqlite: "
    update realms
       set seq = seq + 1
     where realm = $1
 returning seq;
    insert into landings (realm, seq, view, module, version, act, by, why, at)
    select realm, seq, $2, $3, $4, $5, $6, $7, $8
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
               insert into landings (realm, seq, view, module, version, act, by, why, at)
               select $1, seq, $2, $3, $4, $5, $6, $7, $8
                 from next),
           joined as (
               insert into members (realm, view, module, version, seq)
               select $1, $2, $3, $4, seq
                 from next)
    select seq
      from next",
};

/// The next number, its landing and the end of the membership. Uses the primary keys.
const LEAVE_VIEW: Sql = Sql {
    sqlite: "
    update realms
       set seq = seq + 1
     where realm = $1
 returning seq;
    insert into landings (realm, seq, view, module, version, act, by, why, at)
    select realm, seq, $2, $3, $4, $5, $6, $7, $8
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
               insert into landings (realm, seq, view, module, version, act, by, why, at)
               select $1, seq, $2, $3, $4, $5, $6, $7, $8
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
pub(crate) const LIST_LANDINGS: &str = "
    select seq, view, module, version, act, by, why, at
      from landings
     where realm = $1
       and seq > $2
     order by seq
     limit $3";

/// What became of [`Catalog::land`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActOutcome {
    /// The view says so from this landing on.
    Done {
        /// Its number.
        seq: u64,
    },
    /// The view said so before.
    Already {
        /// Number of the landing since which it does.
        seq: u64,
    },
    /// It was taken out on purpose: only a release lets it in again.
    Withheld {
        /// The act that took it out.
        landing: Box<Landing>,
    },
    /// A release of what was never taken out.
    NothingToRelease,
}

impl Catalog {
    /// Does something to a version in a view: the one way in which views change.
    ///
    /// # Errors
    /// [`CatalogError::NoVersion`] if the version has no row.
    pub async fn land(
        &self,
        view: &str,
        act: Act,
        module: &ModuleVersion,
        by: &str,
        why: &str,
    ) -> Result<ActOutcome, CatalogError> {
        let deed = Deed {
            view: view.to_owned(),
            act,
            module: module.clone(),
            by: by.to_owned(),
            why: why.to_owned(),
            at: Timestamp::now(),
        };
        self.write(deed).await
    }

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

/// One act in one view.
pub(crate) struct Deed {
    pub(crate) view: String,
    pub(crate) act: Act,
    pub(crate) module: ModuleVersion,
    pub(crate) by: String,
    pub(crate) why: String,
    pub(crate) at: Timestamp,
}

#[async_trait]
impl Write for Deed {
    type Answer = ActOutcome;

    async fn apply(&self, link: &mut Link<'_>) -> Result<ActOutcome, CatalogError> {
        let (path, version) = (self.module.path().as_str(), self.module.version().as_str());
        if link.is_shared() {
            link.rows(LOCK_REALM, args![REALM]).await?;
        }
        let rows = link
            .rows(FIND_LAST_LANDING, args![REALM, &self.view, path, version])
            .await?;
        let last = rows.first().map(Landing::read).transpose()?;
        if let Some(last) = last {
            if last.act == self.act || (last.act.joins() && self.act.joins()) {
                return Ok(ActOutcome::Already { seq: last.seq });
            }
            if self.act == Act::Land {
                return Ok(ActOutcome::Withheld {
                    landing: Box::new(last),
                });
            }
        } else {
            if self.act == Act::Release {
                return Ok(ActOutcome::NothingToRelease);
            }
            if link
                .rows(FIND_VERSION_ROW, args![REALM, path, version])
                .await?
                .is_empty()
            {
                return Err(CatalogError::NoVersion {
                    module: self.module.clone(),
                });
            }
        }
        Ok(ActOutcome::Done {
            seq: self.carry_out(link).await?,
        })
    }
}

impl Deed {
    /// Gives the act its number and changes the view.
    pub(crate) async fn carry_out(&self, link: &mut Link<'_>) -> Result<u64, CatalogError> {
        let sql = if self.act.joins() {
            JOIN_VIEW
        } else {
            LEAVE_VIEW
        };
        let (path, version) = (self.module.path().as_str(), self.module.version().as_str());
        let rows = link
            .rows(
                sql,
                args![
                    REALM, &self.view, path, version, self.act, &self.by, &self.why, self.at
                ],
            )
            .await?;
        rows.first()
            .ok_or_else(|| CatalogError::damaged(format!("realm {REALM} has no row")))?
            .count("seq")
    }
}
