//! The condition of the catalog itself: rows that have rotted or lost each other, pages that are malformed, and seals
//! that are set again.

use std::time::Duration;

use async_trait::async_trait;
use gomod::version::ModuleVersion;

use crate::REALM;
use crate::arrivals::{find_row, version_values, zip_values};
use crate::command::Write;
use crate::error::CatalogError;
use crate::held::LIST_STORED;
use crate::keeper::{Catalog, ROWS_MAX};
use crate::link::{Link, Row, args};
use crate::seal::{RowState, VERSION_SEAL, ZIP_SEAL};
use crate::stored::StoredVersion;

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

/// Rows that name a row which is not there: each version has a landing, a member and maybe a zip and verdicts, so a key that
/// rots in one table is missed by the others. Walks the primary keys.
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
    select 'a verdict without its version', d.module, d.version
      from verdicts d
     where d.realm = $1
       and not exists (
           select 1
             from versions v
            where v.realm = d.realm and v.module = d.module and v.version = d.version)
     union all
    select 'a newest verdict that is none', n.module, n.version
      from newest_verdicts n
     where n.realm = $1
       and not exists (
           select 1
             from verdicts d
            where d.id = n.verdict_id and d.realm = n.realm and d.view = n.view
              and d.module = n.module and d.version = n.version)
     union all
    select 'a verdict that is not found', d.module, d.version
      from verdicts d
     where d.realm = $1
       and not exists (
           select 1
             from newest_verdicts n
            where n.realm = d.realm and n.view = d.view and n.module = d.module and n.version = d.version
              and n.verdict_id >= d.id)
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

/// For [`LIST_LOOSE_ENDS`] on a large catalog: the usual bound of a statement is one for requests.
const TAKE_TIME: &str = "set local statement_timeout = '10min'";

/// How long [`LIST_LOOSE_ENDS`] is waited for: longer than [`TAKE_TIME`] allows, for a server that says nothing.
const LOOSE_ENDS_WAIT: Duration = Duration::from_secs(11 * 60);

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

impl Listed {
    fn read(row: &Row) -> Result<Self, CatalogError> {
        // Read first: where a bit is turned back, its name is whole as well.
        let version = StoredVersion::read(row);
        Ok(Self {
            seq: row.count("seq")?,
            of: format!("{}@{}", row.lossy_text("module"), row.lossy_text("version")),
            version,
        })
    }
}

impl Catalog {
    /// As [`Catalog::list_all`], but a row that has rotted stands in the list instead of ending it, and so does every
    /// landing whose rows lie on a page that cannot be read. May give fewer than `limit` before the end, never none.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn list_as_found(
        &self,
        after_seq: u64,
        limit: u64,
    ) -> Result<Vec<Listed>, CatalogError> {
        let mut limit = limit.clamp(1, ROWS_MAX);
        loop {
            let rows = self.read(LIST_STORED, args![REALM, after_seq, limit]).await;
            match rows {
                Ok(rows) => return rows.iter().map(Listed::read).collect(),
                // A malformed page ends every listing that comes across it: a shorter one may stop before.
                Err(CatalogError::Corrupt { .. }) if limit > 1 => limit = (limit / 8).max(1),
                Err(cause @ CatalogError::Corrupt { .. }) => {
                    if after_seq >= self.last_seq().await? {
                        return Ok(Vec::new());
                    }
                    let seq = after_seq + 1;
                    return Ok(vec![Listed {
                        seq,
                        of: format!("landing {seq}"),
                        version: Err(cause),
                    }]);
                }
                Err(cause) => return Err(cause),
            }
        }
    }

    /// Rows that have lost each other, in words; at most `limit`. Cost grows with the catalog: for checks, not for
    /// requests. What cannot be read any more stands there as far as it can.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn list_loose_ends(&self, limit: u64) -> Result<Vec<String>, CatalogError> {
        let list = async {
            // On a connection of its own: whoever reads for minutes must not take one from those who answer.
            let mut session = self.begin_snapshot().await?;
            if session.is_postgres() {
                session.link().run(TAKE_TIME, Vec::new()).await?;
            }
            let rows = session
                .link()
                .rows(LIST_LOOSE_ENDS, args![REALM, limit.min(ROWS_MAX)])
                .await?;
            session.roll_back().await?;
            Ok::<_, CatalogError>(rows)
        };
        let rows = match tokio::time::timeout(LOOSE_ENDS_WAIT, list).await {
            Ok(rows) => rows?,
            Err(_) => {
                return Err(CatalogError::unavailable(
                    "looking for rows that lost each other took too long",
                ));
            }
        };
        let told = rows.iter().map(|row| {
            let text = |column| row.lossy_text(column);
            format!("{}: {}@{}", text("what"), text("module"), text("version"))
        });
        Ok(told.collect())
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
        let row = find_row(link, &self.module).await?;
        // Asked before the row is read as a version, for what is mended is sound from then on.
        let version = VERSION_SEAL.check(&row)?;
        let zip = ZIP_SEAL.check(&row)?;
        let mends = version == RowState::Mended || zip == RowState::Mended;
        // A row without a seal gets one when all that it names was found well, and not on the way past it.
        let is_due = |state| !mends || state == RowState::Mended;
        let stored = StoredVersion::read(&row)?;
        if is_due(version) {
            let values = version_values(&stored.as_new(), stored.first_seen_at);
            link.run(RESEAL_VERSION, values).await?;
        }
        if let (Some(kept), Some(kept_at), true) = (&stored.zip, stored.zip_kept_at, is_due(zip)) {
            link.run(RESEAL_ZIP, zip_values(&self.module, kept, kept_at))
                .await?;
        }
        Ok(())
    }
}
