//! What is stored whatever views say, and what views hold back: for lists that must not show it, for sweeps that send it
//! through the gates again, and for acts that are about whole modules.

use gomod::path::ModulePath;
use gomod::version::{ModuleVersion, Version};

use crate::REALM;
use crate::error::CatalogError;
use crate::keeper::{Catalog, ROWS_MAX};
use crate::link::{Sql, args};
use crate::stored::{StoredVersion, read_module, stored_columns};

macro_rules! list_stored {
    ($earlier:literal) => {
        concat!(
            "
    select ",
            stored_columns!(),
            "
      from landings l
     cross join versions v
      left join zips z
        on z.realm = v.realm and z.module = v.module and z.version = v.version
     where l.realm = $1
       and l.seq > $2
       and v.realm = l.realm
       and v.module = l.module
       and v.version = l.version
       and not exists (
           select 1
             from ",
            $earlier,
            "
            where e.realm = l.realm and e.module = l.module and e.version = l.version and e.seq < l.seq)
     order by l.seq
     limit $3"
        )
    };
}

/// Every version once, through its first landing, in the order of those. Walks the primary key of `landings`, then looks up
/// by primary key and index `landings_by_version`.
pub(crate) const LIST_STORED: Sql = Sql {
    sqlite: list_stored!("landings e indexed by landings_by_version"),
    postgres: list_stored!("landings e"),
};

/// By path. Walks the primary key of `versions`.
const LIST_STORED_MODULES: &str = "
    select distinct module
      from versions
     where realm = $1
       and module > $2
     order by module
     limit $3";

/// By version, as text. Uses the primary key of `versions`.
const LIST_STORED_VERSIONS: &str = "
    select version
      from versions
     where realm = $1
       and module = $2
     order by version
     limit $3";

/// Members of one view with a zip that are no members of another, in the order of their landing. Walks the primary key of
/// `landings` as [`LIST_STORED`] does.
pub(crate) const LIST_HELD: &str = "
    select l.module, l.version, l.seq
      from landings l
     cross join members m
      join zips z
        on z.realm = m.realm and z.module = m.module and z.version = m.version
     where l.realm = $1
       and l.seq > $4
       and m.realm = l.realm
       and m.view = $2
       and m.module = l.module
       and m.version = l.version
       and m.seq = l.seq
       and not exists (
           select 1
             from members o
            where o.realm = m.realm and o.view = $3 and o.module = m.module and o.version = m.version)
     order by l.seq
     limit $5";

/// Uses index `verdicts_by_age` from its end.
const FIND_LAST_VERDICT: &str = "
    select id
      from verdicts
     where realm = $1
     order by id desc
     limit 1";

impl Catalog {
    /// Number of the newest verdict; 0 if there is none.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn last_verdict(&self) -> Result<u64, CatalogError> {
        let rows = self.read(FIND_LAST_VERDICT, args![REALM]).await?;
        rows.first().map_or(Ok(0), |row| row.count("id"))
    }

    /// Every stored version once, whatever views say, through its first landing and in the order of those; after number
    /// `after_seq` (0: from the first), at most `limit`. The cursor for the next call is `landed.seq` of the last one.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn list_stored(
        &self,
        after_seq: u64,
        limit: u64,
    ) -> Result<Vec<StoredVersion>, CatalogError> {
        let rows = self
            .read(LIST_STORED, args![REALM, after_seq, limit.min(ROWS_MAX)])
            .await?;
        rows.iter().map(StoredVersion::read).collect()
    }

    /// The modules of which something is stored, by path, after `after` if that is given; at most `limit`.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn list_stored_modules(
        &self,
        after: Option<&ModulePath>,
        limit: u64,
    ) -> Result<Vec<ModulePath>, CatalogError> {
        let after = after.map_or("", ModulePath::as_str);
        let rows = self
            .read(
                LIST_STORED_MODULES,
                args![REALM, after, limit.min(ROWS_MAX)],
            )
            .await?;
        rows.iter().map(|row| row.parsed("module")).collect()
    }

    /// The stored versions of a module, whatever views say, by version as text; at most `limit`.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn list_stored_versions(
        &self,
        module: &ModulePath,
        limit: u64,
    ) -> Result<Vec<Version>, CatalogError> {
        let args = args![REALM, module.as_str(), limit.min(ROWS_MAX)];
        let rows = self.read(LIST_STORED_VERSIONS, args).await?;
        rows.iter().map(|row| row.parsed("version")).collect()
    }

    /// Members of `view` that are stored whole and are no members of `beyond`, in the order of their landing in `view`,
    /// each with its number; after number `after_seq`, at most `limit`.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn list_held(
        &self,
        view: &str,
        beyond: &str,
        after_seq: u64,
        limit: u64,
    ) -> Result<Vec<(ModuleVersion, u64)>, CatalogError> {
        let args = args![REALM, view, beyond, after_seq, limit.min(ROWS_MAX)];
        let rows = self.read(LIST_HELD, args).await?;
        rows.iter()
            .map(|row| Ok((read_module(row)?, row.count("seq")?)))
            .collect()
    }
}
