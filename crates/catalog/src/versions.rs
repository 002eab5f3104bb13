//! What is in a view: the reads of `versions`, `zips` and `members`.

use gomod::path::ModulePath;
use gomod::version::{ModuleVersion, Version};
use jiff::Timestamp;

use crate::REALM;
use crate::arrivals::FIND_STORED;
use crate::error::CatalogError;
use crate::keeper::{Catalog, ROWS_MAX};
use crate::link::args;
use crate::stored::{StoredVersion, read_module, stored_columns};

/// Four look-ups by primary key: `members`, `versions`, `landings`, `zips`.
pub(crate) const FIND_VERSION: &str = concat!(
    "
    select ",
    stored_columns!(),
    "
      from members m
      join versions v
        on v.realm = m.realm and v.module = m.module and v.version = m.version
      join landings l
        on l.realm = m.realm and l.seq = m.seq
      left join zips z
        on z.realm = m.realm and z.module = m.module and z.version = m.version
     where m.realm = $1
       and m.view = $2
       and m.module = $3
       and m.version = $4
     limit 1"
);

/// Members of a view in the order of their landing. Walks the primary key of `landings`, then looks up by primary key
/// (`cross join` holds SQLite to that order). An index of members by view and seq would serve this alone, and
/// PostgreSQL took it for [`FIND_VERSION`] too while a young table had no statistics.
pub(crate) const LIST_ALL: &str = concat!(
    "
    select ",
    stored_columns!(),
    "
      from landings l
     cross join members m
      join versions v
        on v.realm = m.realm and v.module = m.module and v.version = m.version
      left join zips z
        on z.realm = m.realm and z.module = m.module and z.version = m.version
     where l.realm = $1
       and l.seq > $3
       and m.realm = l.realm
       and m.view = $2
       and m.module = l.module
       and m.version = l.version
       and m.seq = l.seq
     order by l.seq
     limit $4"
);

/// Versions of `module` that are members of a view, newest landing first. Uses index `members_by_module`.
pub(crate) const LIST_VERSIONS: &str = "
    select m.version, v.version_at
      from members m
      join versions v
        on v.realm = m.realm and v.module = m.module and v.version = m.version
     where m.realm = $1
       and m.view = $2
       and m.module = $3
     order by m.seq desc
     limit $4";

/// Modules with members in a view, by path. Uses the primary key of `members`.
pub(crate) const LIST_MODULES: &str = "
    select distinct module
      from members
     where realm = $1
       and view = $2
       and module > $3
     order by module
     limit $4";

/// Versions without a zip. Walks the primary keys of `versions` and `zips` side by side until there are enough.
pub(crate) const LIST_MISSING_ZIPS: &str = "
    select v.module, v.version
      from versions v
     where v.realm = $1
       and not exists (
           select 1
             from zips z
            where z.realm = v.realm and z.module = v.module and z.version = v.version)
     order by v.module, v.version
     limit $2";

/// Walks the primary key of `versions`.
const COUNT_VERSIONS: &str = "
    select count(*) as versions
      from versions
     where realm = $1
     limit 1";

impl Catalog {
    /// A version as a member of a view. One indexed query.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn find_version(
        &self,
        view: &str,
        module: &ModuleVersion,
    ) -> Result<Option<StoredVersion>, CatalogError> {
        let (path, version) = (module.path().as_str(), module.version().as_str());
        let rows = self
            .read(FIND_VERSION, args![REALM, view, path, version])
            .await?;
        rows.first().map(StoredVersion::read).transpose()
    }

    /// A version whatever views say of it, also when they withhold it; read through its first landing. One indexed query.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn find_stored(
        &self,
        module: &ModuleVersion,
    ) -> Result<Option<StoredVersion>, CatalogError> {
        let (path, version) = (module.path().as_str(), module.version().as_str());
        let rows = self.read(FIND_STORED, args![REALM, path, version]).await?;
        rows.first().map(StoredVersion::read).transpose()
    }

    /// The versions of a module that are members of a view with the times of their `.info`, newest landing first; at
    /// most `limit`.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn list_versions(
        &self,
        view: &str,
        module: &ModulePath,
        limit: u64,
    ) -> Result<Vec<(Version, Option<Timestamp>)>, CatalogError> {
        let rows = self
            .read(
                LIST_VERSIONS,
                args![REALM, view, module.as_str(), limit.min(ROWS_MAX)],
            )
            .await?;
        rows.iter()
            .map(|row| Ok((row.parsed("version")?, row.find_time("version_at")?)))
            .collect()
    }

    /// The modules with members in a view, by path, after `after` if that is given; at most `limit`.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn list_modules(
        &self,
        view: &str,
        after: Option<&ModulePath>,
        limit: u64,
    ) -> Result<Vec<ModulePath>, CatalogError> {
        let after = after.map_or("", ModulePath::as_str);
        let rows = self
            .read(LIST_MODULES, args![REALM, view, after, limit.min(ROWS_MAX)])
            .await?;
        rows.iter().map(|row| row.parsed("module")).collect()
    }

    /// The members of a view in the order of their landing, after number `after_seq` (0: from the first); at most
    /// `limit`. The cursor for the next call is `landed.seq` of the last one.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn list_all(
        &self,
        view: &str,
        after_seq: u64,
        limit: u64,
    ) -> Result<Vec<StoredVersion>, CatalogError> {
        let rows = self
            .read(LIST_ALL, args![REALM, view, after_seq, limit.min(ROWS_MAX)])
            .await?;
        rows.iter().map(StoredVersion::read).collect()
    }

    /// Versions whose zip is not here, by path and version; at most `limit`. Rows whose names cannot be read any more are
    /// left out with a warning: they must not hold up the others.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn list_missing_zips(&self, limit: u64) -> Result<Vec<ModuleVersion>, CatalogError> {
        let rows = self
            .read(LIST_MISSING_ZIPS, args![REALM, limit.min(ROWS_MAX)])
            .await?;
        let read: Vec<ModuleVersion> = rows
            .iter()
            .filter_map(|row| read_module(row).ok())
            .collect();
        let unreadable = rows.iter().find(|row| read_module(row).is_err());
        if let Some(row) = unreadable {
            tracing::warn!(
                module = row.lossy_text("module"),
                version = row.lossy_text("version"),
                rows = rows.len() - read.len(),
                "rows of the catalog name no version any more: `granary verify` names them, a backup has them whole"
            );
        }
        Ok(read)
    }

    /// How many versions there are, in whatever view. Cost grows with the answer: for reports, not for requests.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn count_versions(&self) -> Result<u64, CatalogError> {
        let rows = self.read(COUNT_VERSIONS, args![REALM]).await?;
        rows.first().map_or(Ok(0), |row| row.count("versions"))
    }
}
