//! How verified versions and their zips come in: the only writes of `versions` and `zips`.

use async_trait::async_trait;
use gomod::hash::{ContentDigest, H1};
use gomod::version::ModuleVersion;
use jiff::Timestamp;

use crate::REALM;
use crate::command::Write;
use crate::error::CatalogError;
use crate::keeper::Catalog;
use crate::landings::{Standings, Step};
use crate::link::{Link, Row, Sql, Value, args};
use crate::seal::{VERSION_SEAL, ZIP_SEAL, sealed};
use crate::stored::{Act, Landing, StoredVersion, StoredZip, Verification, stored_columns};

/// First come, first kept. Uses the primary key of `versions`.
const INSERT_VERSION: &str = "
    insert into versions (realm, module, version, info, info_size, go_mod, mod_size, mod_h1, zip_h1, version_at,
                          verified_by, verified_name, record_id, tree_size, first_seen_at, seal)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
        on conflict (realm, module, version) do nothing
 returning first_seen_at";

macro_rules! find_stored {
    ($landings:literal) => {
        concat!(
            "
    select ",
            stored_columns!(),
            "
      from versions v
      join ",
            $landings,
            "
        on l.realm = v.realm and l.module = v.module and l.version = v.version
      left join zips z
        on z.realm = v.realm and z.module = v.module and z.version = v.version
     where v.realm = $1
       and v.module = $2
       and v.version = $3
     order by l.seq
     limit 1"
        )
    };
}

/// A version whatever views say, through its first landing. Uses the primary keys and `landings_by_version`, which
/// SQLite has to be told: it would walk all landings because the primary key has them in the wanted order.
pub(crate) const FIND_STORED: Sql = Sql {
    sqlite: find_stored!("landings l indexed by landings_by_version"),
    postgres: find_stored!("landings l"),
};

/// First come, first kept. Uses the primary key of `zips`.
const INSERT_ZIP: &str = "
    insert into zips (realm, module, version, zip, zip_size, kept_h1, kept_at, seal)
    values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict (realm, module, version) do nothing
 returning kept_at";

/// A verified version whose `.info` and `.mod` are in the store.
#[derive(Clone, Debug)]
pub struct NewMod {
    /// Which one.
    pub module: ModuleVersion,
    /// The view in which it lands.
    pub view: String,
    /// Blob of the `.info`.
    pub info: ContentDigest,
    /// Its size in bytes.
    pub info_size: u64,
    /// Blob of the `.mod`.
    pub go_mod: ContentDigest,
    /// Its size in bytes.
    pub mod_size: u64,
    /// The `h1:` of the `.mod`.
    pub mod_h1: H1,
    /// The `h1:` that the zip must have, where someone vouches for one.
    pub zip_h1_expected: Option<H1>,
    /// When the version was made, as the `.info` says.
    pub time: Option<Timestamp>,
    /// How the hashes were verified, or why not.
    pub verified: Verification,
    /// Who lands it.
    pub by: String,
    /// Why.
    pub why: String,
}

/// What became of [`Catalog::land_mod`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModLanding {
    /// It is a member of the view.
    Landed {
        /// Number of the landing that made it one.
        seq: u64,
        /// Whether that was this call; otherwise the same bytes were there before.
        first: bool,
    },
    /// Other bytes were first; nothing was changed.
    Conflict {
        /// What is stored.
        stored: Box<StoredVersion>,
    },
    /// The same bytes are stored but were taken out of this or another view on purpose; only a release brings them back.
    Withheld {
        /// The act that took them out.
        landing: Box<Landing>,
    },
}

/// What became of [`Catalog::land_zip`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ZipLanding {
    /// This zip is the version's.
    Landed {
        /// Whether it was not before this call.
        first: bool,
    },
    /// Another zip is stored, or the version's expected `h1:` is another; nothing was changed.
    Conflict {
        /// What is stored.
        stored: Box<StoredVersion>,
    },
}

impl Catalog {
    /// Lands a verified version: its row, its landing in a view and its membership, in one durable act.
    ///
    /// The first verified bytes win. The same digests again are `first: false`; other ones (also another `.info`, or
    /// another expected hash of the zip) are a conflict that changes nothing.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn land_mod(&self, new: NewMod) -> Result<ModLanding, CatalogError> {
        self.write(LandMod {
            new,
            at: Timestamp::now(),
        })
        .await
    }

    /// Gives a landed version its zip, in one durable act. The first one wins.
    ///
    /// # Errors
    /// [`CatalogError::NoVersion`] if the version has not landed.
    pub async fn land_zip(
        &self,
        module: &ModuleVersion,
        zip: StoredZip,
    ) -> Result<ZipLanding, CatalogError> {
        self.write(LandZip {
            module: module.clone(),
            zip,
            at: Timestamp::now(),
        })
        .await
    }
}

struct LandMod {
    new: NewMod,
    at: Timestamp,
}

#[async_trait]
impl Write for LandMod {
    type Answer = ModLanding;

    async fn apply(&self, link: &mut Link<'_>) -> Result<ModLanding, CatalogError> {
        let new = &self.new;
        let inserted = link
            .rows(INSERT_VERSION, version_values(new, self.at))
            .await?;
        let step = Step {
            view: new.view.clone(),
            act: Act::Land,
            module: new.module.clone(),
            by: new.by.clone(),
            why: new.why.clone(),
            legal: false,
            at: self.at,
        };
        if !inserted.is_empty() {
            // Nobody can have landed what did not exist: straight to the landing.
            return Ok(ModLanding::Landed {
                seq: step.carry_out(link).await?.seq,
                first: true,
            });
        }
        let stored = find_stored(link, &new.module).await?;
        if !new.has_the_bytes_of(&stored) {
            return Ok(ModLanding::Conflict {
                stored: Box::new(stored),
            });
        }
        let standings = Standings::lock(link, &new.module).await?;
        if let Some(landing) = standings.find_withholding() {
            return Ok(ModLanding::Withheld {
                landing: Box::new(landing.clone()),
            });
        }
        Ok(match standings.find(&new.view) {
            Some(last) if last.act.joins() => ModLanding::Landed {
                seq: last.seq,
                first: false,
            },
            _ => ModLanding::Landed {
                seq: step.carry_out(link).await?.seq,
                first: true,
            },
        })
    }
}

impl StoredVersion {
    /// What was landed when this came in, for writing its row again.
    pub(crate) fn as_new(&self) -> NewMod {
        NewMod {
            module: self.module.clone(),
            view: self.landed.view.clone(),
            info: self.info,
            info_size: self.info_size,
            go_mod: self.go_mod,
            mod_size: self.mod_size,
            mod_h1: self.mod_h1,
            zip_h1_expected: self.zip_h1_expected,
            time: self.time,
            verified: self.verified.clone(),
            by: String::new(),
            why: String::new(),
        }
    }
}

impl NewMod {
    fn has_the_bytes_of(&self, stored: &StoredVersion) -> bool {
        let zips_agree = match (self.zip_h1_expected, stored.zip_h1_expected) {
            (Some(new), Some(old)) => new == old,
            // One of the two was landed without a voucher for the zip: no disagreement.
            _ => true,
        };
        self.info == stored.info
            && self.go_mod == stored.go_mod
            && self.mod_h1 == stored.mod_h1
            && zips_agree
    }
}

struct LandZip {
    module: ModuleVersion,
    zip: StoredZip,
    at: Timestamp,
}

#[async_trait]
impl Write for LandZip {
    type Answer = ZipLanding;

    async fn apply(&self, link: &mut Link<'_>) -> Result<ZipLanding, CatalogError> {
        let stored = find_stored(link, &self.module).await?;
        if stored
            .zip_h1_expected
            .is_some_and(|expected| expected != self.zip.h1)
        {
            return Ok(ZipLanding::Conflict {
                stored: Box::new(stored),
            });
        }
        let inserted = link
            .rows(INSERT_ZIP, zip_values(&self.module, &self.zip, self.at))
            .await?;
        if !inserted.is_empty() {
            return Ok(ZipLanding::Landed { first: true });
        }
        // Read again: another writer's zip may have come between.
        let stored = find_stored(link, &self.module).await?;
        if stored.zip == Some(self.zip) {
            return Ok(ZipLanding::Landed { first: false });
        }
        Ok(ZipLanding::Conflict {
            stored: Box::new(stored),
        })
    }
}

/// The row of a version, sealed.
pub(crate) fn version_values(new: &NewMod, first_seen_at: Timestamp) -> Vec<Value> {
    let (verified_by, verified_name, record_id, tree_size) = new.verified.columns();
    let values = args![
        REALM,
        new.module.path().as_str(),
        new.module.version().as_str(),
        &new.info,
        new.info_size,
        &new.go_mod,
        new.mod_size,
        &new.mod_h1,
        new.zip_h1_expected.as_ref(),
        new.time,
        verified_by,
        verified_name,
        record_id,
        tree_size,
        first_seen_at,
    ];
    sealed(VERSION_SEAL.table, values)
}

/// The row of a zip, sealed.
pub(crate) fn zip_values(
    module: &ModuleVersion,
    zip: &StoredZip,
    kept_at: Timestamp,
) -> Vec<Value> {
    let values = args![
        REALM,
        module.path().as_str(),
        module.version().as_str(),
        &zip.digest,
        zip.size,
        &zip.h1,
        kept_at,
    ];
    sealed(ZIP_SEAL.table, values)
}

pub(crate) async fn find_stored(
    link: &mut Link<'_>,
    module: &ModuleVersion,
) -> Result<StoredVersion, CatalogError> {
    StoredVersion::read(&find_row(link, module).await?)
}

/// The row of a version with that of its zip, not looked at yet.
pub(crate) async fn find_row(
    link: &mut Link<'_>,
    module: &ModuleVersion,
) -> Result<Row, CatalogError> {
    let (path, version) = (module.path().as_str(), module.version().as_str());
    let rows = link.rows(FIND_STORED, args![REALM, path, version]).await?;
    rows.into_iter()
        .next()
        .ok_or_else(|| CatalogError::NoVersion {
            module: module.clone(),
        })
}
