//! The condition of the catalog itself: rows that have rotted or lost each other, pages that are malformed, and seals
//! that are set again.

use async_trait::async_trait;
use gomod::version::ModuleVersion;

use crate::REALM;
use crate::arrivals::{find_stored, version_values, zip_values};
use crate::command::Write;
use crate::error::CatalogError;
use crate::keeper::{Catalog, ROWS_MAX};
use crate::link::{Link, args};
use crate::stored::StoredVersion;
use crate::versions::LIST_ALL;

/// Everything as it was written, with a seal. The one update of `versions`; it changes nothing but what rot has changed.
const RESEAL_VERSION: &str = "
    update versions
       set info = $4,
           info_size = $5,
           go_mod = $6,
           mod_size = $7,
           mod_h1 = $8,
           zip_h1 = $9,
           version_at = $10,
           verified_by = $11,
           verified_name = $12,
           record_id = $13,
           tree_size = $14,
           first_seen_at = $15,
           seal = $16
     where realm = $1
       and module = $2
       and version = $3";

/// As [`RESEAL_VERSION`], for `zips`.
const RESEAL_ZIP: &str = "
    update zips
       set zip = $4,
           zip_size = $5,
           kept_h1 = $6,
           kept_at = $7,
           seal = $8
     where realm = $1
       and module = $2
       and version = $3";

/// Rows that name a row which is not there: each version has a landing, a member and maybe a zip, so a key that rots in
/// one table is missed by the others. Walks the primary keys.
const LIST_LOOSE_ENDS: &str = "
    select 'a landing without its version' as what, l.module, l.version
      from landings l
     where l.realm = $1
       and not exists (
           select 1
             from versions v
            where v.realm = l.realm and v.module = l.module and v.version = l.version)
     union all
    select 'a member without its version', m.module, m.version
      from members m
     where m.realm = $1
       and not exists (
           select 1
             from versions v
            where v.realm = m.realm and v.module = m.module and v.version = m.version)
     union all
    select 'a member without its landing', m.module, m.version
      from members m
     where m.realm = $1
       and not exists (
           select 1
             from landings l
            where l.realm = m.realm and l.seq = m.seq and l.module = m.module and l.version = m.version)
     union all
    select 'a zip without its version', z.module, z.version
      from zips z
     where z.realm = $1
       and not exists (
           select 1
             from versions v
            where v.realm = z.realm and v.module = z.module and v.version = z.version)
     union all
    select 'a version that never landed', v.module, v.version
      from versions v
     where v.realm = $1
       and not exists (
           select 1
             from landings l
            where l.realm = v.realm and l.module = v.module and l.version = v.version)
     union all
    select 'a version that landed and is no member', l.module, l.version
      from landings l
     where l.realm = $1
       and l.act in ('land', 'release')
       and not exists (
           select 1
             from landings o
            where o.realm = l.realm and o.module = l.module and o.version = l.version
              and o.view = l.view and o.seq > l.seq)
       and not exists (
           select 1
             from members m
            where m.realm = l.realm and m.view = l.view and m.module = l.module and m.version = l.version)
     limit $2";

/// A member of a view as it is found, whole or not.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Number of its landing: the cursor.
    pub seq: u64,
    /// Which version, as far as it can be read.
    pub of: String,
    /// The version, or what is wrong with its rows.
    pub version: Result<StoredVersion, CatalogError>,
}

impl Catalog {
    /// As [`Catalog::list_all`], but a row that has rotted stands in the list instead of ending it.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn list_as_found(
        &self,
        view: &str,
        after_seq: u64,
        limit: u64,
    ) -> Result<Vec<Listed>, CatalogError> {
        let rows = self
            .read(LIST_ALL, args![REALM, view, after_seq, limit.min(ROWS_MAX)])
            .await?;
        rows.iter()
            .map(|row| {
                let text = |column| row.find_text(column).ok().flatten().unwrap_or_default();
                Ok(Listed {
                    seq: row.count("seq")?,
                    of: format!("{}@{}", text("module"), text("version")),
                    version: StoredVersion::read(row),
                })
            })
            .collect()
    }

    /// Rows that have lost each other, in words; at most `limit`. Cost grows with the catalog: for checks, not for
    /// requests.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn list_loose_ends(&self, limit: u64) -> Result<Vec<String>, CatalogError> {
        let rows = self
            .read(LIST_LOOSE_ENDS, args![REALM, limit.min(ROWS_MAX)])
            .await?;
        rows.iter()
            .map(|row| {
                let (what, module) = (row.text("what")?, row.text("module")?);
                Ok(format!("{what}: {module}@{}", row.text("version")?))
            })
            .collect()
    }

    /// Writes the rows of a version again as they were before a bit flipped, with their seals. Refuses nothing: rows that
    /// are sound stay as they are.
    ///
    /// # Errors
    /// [`CatalogError::Rotten`] if the rows cannot be read any more; [`CatalogError::NoVersion`].
    pub async fn reseal(&self, module: &ModuleVersion) -> Result<(), CatalogError> {
        self.write(Reseal {
            module: module.clone(),
        })
        .await
    }
}

struct Reseal {
    module: ModuleVersion,
}

#[async_trait]
impl Write for Reseal {
    type Answer = ();

    async fn apply(&self, link: &mut Link<'_>) -> Result<(), CatalogError> {
        let stored = find_stored(link, &self.module).await?;
        link.run(
            RESEAL_VERSION,
            version_values(&stored.as_new(), stored.first_seen_at),
        )
        .await?;
        if let (Some(zip), Some(kept_at)) = (&stored.zip, stored.zip_kept_at) {
            link.run(RESEAL_ZIP, zip_values(&self.module, zip, kept_at))
                .await?;
        }
        Ok(())
    }
}
