//! What a version is once it is stored, and what a view says about it.

use std::fmt;
use std::str::FromStr;

use gomod::hash::{ContentDigest, H1};
use gomod::version::ModuleVersion;
use jiff::Timestamp;

use crate::error::CatalogError;
use crate::link::{Row, Value};
use crate::seal::{RowState, VERSION_SEAL, ZIP_SEAL};
use crate::work::HealFile;

/// A version with everything that is known of its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredVersion {
    /// Which one.
    pub module: ModuleVersion,
    /// Blob of the `.info`, as the origin gave it.
    pub info: ContentDigest,
    /// Its size in bytes.
    pub info_size: u64,
    /// Blob of the `.mod`.
    pub go_mod: ContentDigest,
    /// Its size in bytes.
    pub mod_size: u64,
    /// The `h1:` of the `.mod`, as in go.sum's `/go.mod` lines.
    pub mod_h1: H1,
    /// The `h1:` that the zip must have, where someone vouches for one.
    pub zip_h1_expected: Option<H1>,
    /// When the version was made, as the `.info` says; to the microsecond.
    pub time: Option<Timestamp>,
    /// The zip, once it is here.
    pub zip: Option<StoredZip>,
    /// How its hashes were verified, or why not.
    pub verified: Verification,
    /// When its first verified bytes came in.
    pub first_seen_at: Timestamp,
    /// How its rows stand to their seals.
    pub rows: RowState,
    /// When its zip came in, if it is here.
    pub(crate) zip_kept_at: Option<Timestamp>,
    /// The landing through which it was read: that of the view asked for, or its first one in any view.
    pub landed: Standing,
}

/// A stored zip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredZip {
    /// Its blob.
    pub digest: ContentDigest,
    /// Its size in bytes.
    pub size: u64,
    /// Its `h1:`.
    pub h1: H1,
}

/// How the hashes of a version were verified, or why they were not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    /// Against a checksum database's record, proven to be in its tree.
    Record {
        /// Name of the database.
        database: String,
        /// Number of the record.
        record_id: u64,
        /// Size of the tree it was proven in.
        tree_size: u64,
    },
    /// Not looked up: the operator declared the path private.
    Private {
        /// The pattern that says so.
        pattern: String,
    },
    /// The database has no record of it, and the operator allows that.
    Absent {
        /// Name of the database.
        database: String,
    },
    /// No checksum database is used.
    Off,
}

/// The landing that makes a version a member of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The view.
    pub view: String,
    /// Number of the landing, gap-free in its realm, from 1.
    pub seq: u64,
    /// When it landed.
    pub at: Timestamp,
    /// Who landed it.
    pub by: String,
}

/// One row of what views say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landing {
    /// Its number, gap-free in its realm, from 1.
    pub seq: u64,
    /// The view that it changes.
    pub view: String,
    /// The version concerned.
    pub module: ModuleVersion,
    /// What happened to it.
    pub act: Act,
    /// Whether it is a withdrawal for legal reasons.
    pub legal: bool,
    /// Who did it.
    pub by: String,
    /// Why.
    pub why: String,
    /// When.
    pub at: Timestamp,
}

/// What can happen to a version in a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// It becomes a member.
    Land,
    /// An administrator takes it out; nothing but a release brings it back.
    Withdraw,
    /// It is taken out because of what it is suspected of.
    Quarantine,
    /// A withdrawal or quarantine ends, and it is a member again as it was before.
    Release,
    /// A withdrawal or quarantine ends in a view that it was not in: it may land there.
    Lift,
}

impl Act {
    /// Whether a version is a member of the view after this act.
    pub fn joins(self) -> bool {
        matches!(self, Self::Land | Self::Release)
    }

    /// Whether a version is kept out of all views after this act, until it is released.
    pub fn withholds(self) -> bool {
        matches!(self, Self::Withdraw | Self::Quarantine)
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Land => "land",
            Self::Withdraw => "withdraw",
            Self::Quarantine => "quarantine",
            Self::Release => "release",
            Self::Lift => "lift",
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Act {
    type Err = CatalogError;

    fn from_str(text: &str) -> Result<Self, CatalogError> {
        const ALL: [Act; 5] = [
            Act::Land,
            Act::Withdraw,
            Act::Quarantine,
            Act::Release,
            Act::Lift,
        ];
        ALL.into_iter()
            .find(|act| act.as_str() == text)
            .ok_or_else(|| CatalogError::damaged(format!("{text:?} is no act")))
    }
}

impl From<Act> for Value {
    fn from(act: Act) -> Self {
        Self::from(act.as_str())
    }
}

/// Columns of a version `v` with its zip `z` and the landing `l` it is read through; [`StoredVersion::read`] knows
/// their names.
macro_rules! stored_columns {
    () => {
        "v.module, v.version, v.info, v.info_size, v.go_mod, v.mod_size, v.mod_h1, v.zip_h1, v.version_at,
           v.verified_by, v.verified_name, v.record_id, v.tree_size, v.first_seen_at,
           v.seal as version_seal, z.zip, z.zip_size, z.kept_h1, z.kept_at, z.seal as zip_seal, l.view, l.seq, l.at, l.by"
    };
}
pub(crate) use stored_columns;

/// Columns of a landing `l`; [`Landing::read`] knows their names.
macro_rules! landing_columns {
    () => {
        "l.seq, l.view, l.module, l.version, l.act, l.by, l.why, l.at, l.legal"
    };
}
pub(crate) use landing_columns;

impl StoredVersion {
    /// Which blob a file is, and its length in bytes; nothing where it is not here yet.
    pub fn find_blob(&self, file: HealFile) -> Option<(ContentDigest, u64)> {
        match file {
            HealFile::Info => Some((self.info, self.info_size)),
            HealFile::GoMod => Some((self.go_mod, self.mod_size)),
            HealFile::Zip => self.zip.map(|zip| (zip.digest, zip.size)),
        }
    }

    /// Reads a row with the columns above.
    pub(crate) fn read(row: &Row) -> Result<Self, CatalogError> {
        let mut rows = VERSION_SEAL.check(row)?;
        if row.find_bytes("zip")?.is_some() {
            rows = rows.and(ZIP_SEAL.check(row)?);
        }
        let zip = match row.find_digest("zip")? {
            None => None,
            Some(digest) => Some(StoredZip {
                digest,
                size: row.count("zip_size")?,
                h1: row.h1("kept_h1")?,
            }),
        };
        Ok(Self {
            module: read_module(row)?,
            info: row.digest("info")?,
            info_size: row.count("info_size")?,
            go_mod: row.digest("go_mod")?,
            mod_size: row.count("mod_size")?,
            mod_h1: row.h1("mod_h1")?,
            zip_h1_expected: row.find_h1("zip_h1")?,
            time: row.find_time("version_at")?,
            zip,
            verified: Verification::read(row)?,
            first_seen_at: row.time("first_seen_at")?,
            rows,
            zip_kept_at: row.find_time("kept_at")?,
            landed: Standing {
                view: row.text("view")?,
                seq: row.count("seq")?,
                at: row.time("at")?,
                by: row.text("by")?,
            },
        })
    }
}

impl Landing {
    /// Why a version is withheld by this landing, in a sentence for clients.
    pub fn tell_withheld(&self) -> String {
        let done = match (self.act, self.legal) {
            (Act::Quarantine, _) => "is in quarantine",
            (_, true) => "was withdrawn for legal reasons",
            (_, false) => "was withdrawn",
        };
        format!("{} {done}: {}", self.module, self.why)
    }

    /// Reads a row with the columns above.
    pub(crate) fn read(row: &Row) -> Result<Self, CatalogError> {
        Ok(Self {
            seq: row.count("seq")?,
            view: row.text("view")?,
            module: read_module(row)?,
            act: row.parsed("act")?,
            legal: row.flag("legal")?,
            by: row.text("by")?,
            why: row.text("why")?,
            at: row.time("at")?,
        })
    }
}

impl Verification {
    fn read(row: &Row) -> Result<Self, CatalogError> {
        let kind = row.text("verified_by")?;
        Ok(match kind.as_str() {
            "record" => Self::Record {
                database: row.text("verified_name")?,
                record_id: row.count("record_id")?,
                tree_size: row.count("tree_size")?,
            },
            "private" => Self::Private {
                pattern: row.text("verified_name")?,
            },
            "absent" => Self::Absent {
                database: row.text("verified_name")?,
            },
            "off" => Self::Off,
            _ => {
                return Err(CatalogError::damaged(format!(
                    "{kind:?} is no way of verifying"
                )));
            }
        })
    }

    /// Columns `verified_by`, `verified_name`, `record_id`, `tree_size`.
    pub(crate) fn columns(&self) -> (&'static str, Option<&str>, Option<u64>, Option<u64>) {
        match self {
            Self::Record {
                database,
                record_id,
                tree_size,
            } => ("record", Some(database), Some(*record_id), Some(*tree_size)),
            Self::Private { pattern } => ("private", Some(pattern), None, None),
            Self::Absent { database } => ("absent", Some(database), None, None),
            Self::Off => ("off", None, None, None),
        }
    }
}

/// Columns `module` and `version`.
pub(crate) fn read_module(row: &Row) -> Result<ModuleVersion, CatalogError> {
    let (path, version) = (row.parsed("module")?, row.parsed("version")?);
    ModuleVersion::new(path, version).map_err(|error| {
        CatalogError::damaged(format!("a row names an impossible version: {error}"))
    })
}
