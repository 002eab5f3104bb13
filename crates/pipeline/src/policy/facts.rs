//! The document of facts that policies judge a candidate by: `input` in a rule. Every field with its unit and meaning.
//!
//! [`Facts::new`] makes it from plain values; who collects those, and from where, is not known here. docs/policies.md
//! explains the document to operators, and `facts.example.json` beside this file is one in full.

use catalog::Verification;
use gomod::hash::ContentDigest;
use gomod::version::ModuleVersion;
use insight::licence::LicenceVerdict;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A document in full, every field present: what a policy is tried on when it is loaded, and what its references to
/// `input` are checked against.
pub const EXAMPLE: &str = include_str!("facts.example.json");

/// The profile of the installation, as the setting `profile`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// A team's own.
    Private,
    /// Hosting for the world.
    Public,
}

/// Where the files came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The version control system: `git`, `hg`, `svn`, `bzr`, `fossil`; empty if unknown, as of proxies that say nothing.
    pub kind: String,
    /// The repository's address, without credentials; empty if unknown.
    pub url: String,
    /// The commit, in the repository's own spelling; empty if unknown.
    pub commit: String,
    /// The tag or branch, e.g. `refs/tags/v1.2.3`; empty if unknown.
    #[serde(rename = "ref")]
    pub reference: String,
}

/// One `require` line of the version's go.mod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// The required module's path.
    pub module: String,
    /// The least version.
    pub version: String,
    /// Whether the line has `// indirect`.
    pub indirect: bool,
}

/// What licences its files carry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Licences {
    /// Whether they allow everyone to pass the module on, judged as Go's package site does.
    pub redistributable: bool,
    /// Names of the licences (SPDX) that decide, those of the root.
    pub list: Vec<String>,
    /// Every licence file.
    pub files: Vec<LicenceFile>,
    /// Why it is redistributable or not, in words.
    pub why: String,
}

/// One licence file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LicenceFile {
    /// Its path inside the module.
    pub path: String,
    /// Names of the licences (SPDX) found in it.
    pub licences: Vec<String>,
    /// How much of its text the licences found make up, 0 to 100.
    pub coverage_percent: f64,
}

impl From<LicenceVerdict> for Licences {
    /// Where in a file a licence stands is left out: no rule has asked for it.
    fn from(verdict: LicenceVerdict) -> Self {
        let files = verdict.files.into_iter().map(|file| LicenceFile {
            path: file.path,
            licences: file.licences,
            coverage_percent: file.coverage_percent,
        });
        Self {
            redistributable: verdict.redistributable,
            list: verdict.licences,
            files: files.collect(),
            why: verdict.why,
        }
    }
}

/// How large it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Bytes of the zip.
    pub zip_bytes: u64,
    /// Files in the zip.
    pub files: u64,
    /// Bytes of all files in the zip, unpacked.
    pub unpacked_bytes: u64,
    /// Bytes of the go.mod.
    pub mod_bytes: u64,
}

/// What the checksum database says of its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sumdb {
    /// `record`: the database's record carries the same hashes. `private`: not asked, a private pattern matches.
    /// `absent`: the database has no record and the operator lets such modules in. `off`: the operator has no database.
    pub verified_by: String,
    /// The database's name, or the private pattern; empty where there is neither.
    pub name: String,
    /// Number of the record in the database's log; null where there is none.
    pub record: Option<u64>,
}

impl From<&Verification> for Sumdb {
    fn from(verified: &Verification) -> Self {
        let (by, name, record) = match verified {
            Verification::Record {
                database,
                record_id,
                ..
            } => ("record", database.as_str(), Some(*record_id)),
            Verification::Private { pattern } => ("private", pattern.as_str(), None),
            Verification::Absent { database } => ("absent", database.as_str(), None),
            Verification::Off => ("off", "", None),
        };
        Self {
            verified_by: by.to_owned(),
            name: name.to_owned(),
            record,
        }
    }
}

/// What is known of a candidate; [`Facts::new`] makes the document from it.
#[derive(Clone, Debug)]
pub struct Known {
    /// Which version.
    pub module: ModuleVersion,
    /// The view that it would enter, e.g. `staging`.
    pub view: String,
    /// The moment of judging.
    pub now: Timestamp,
    /// The installation's profile.
    pub profile: Profile,
    /// Whether one of the operator's private patterns matches the path.
    pub private: bool,
    /// The earliest moment at which this installation can vouch that the version existed. Never a commit's time.
    pub first_seen: Timestamp,
    /// The commit's time as its author wrote it, and can forge it; none if unknown.
    pub commit_time: Option<Timestamp>,
    /// Where the files came from.
    pub origin: Origin,
    /// The `go` line of its go.mod, e.g. `1.21`; none if it has none.
    pub go_version: Option<String>,
    /// The `require` lines of its go.mod.
    pub requirements: Vec<Requirement>,
    /// Its licences.
    pub licences: Licences,
    /// Its size.
    pub size: Size,
    /// What the checksum database says.
    pub sumdb: Sumdb,
    /// The rationale, if the newest go.mod retracts this version; it may be empty.
    pub retracted: Option<String>,
    /// The message, if the newest go.mod says that the module is deprecated; it may be empty.
    pub deprecated: Option<String>,
}

/// The document. Its JSON is what policies see as `input`; its digest stands in the verdict.
///
/// Times are given twice, as RFC 3339 text and as whole Unix seconds, so that rules need neither a clock nor a parser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The module's path.
    pub module: String,
    /// The version.
    pub version: String,
    /// The view that it would enter, e.g. `staging`.
    pub view: String,
    /// The moment of judging.
    pub now: String,
    /// The same, Unix seconds.
    pub now_seconds: i64,
    /// The installation's profile.
    pub profile: Profile,
    /// Whether one of the operator's private patterns matches the path.
    pub private: bool,
    /// The earliest moment at which this installation can vouch that the version existed.
    pub first_seen: String,
    /// The same, Unix seconds.
    pub first_seen_seconds: i64,
    /// Seconds from `first_seen` to `now`; not below 0.
    pub age_seconds: i64,
    /// The commit's time as its author wrote it: it can be forged. Null if unknown.
    pub commit_time: Option<String>,
    /// The same, Unix seconds; null if unknown.
    pub commit_time_seconds: Option<i64>,
    /// Where the files came from.
    pub origin: Origin,
    /// The `go` line of its go.mod; empty if it has none.
    pub go_version: String,
    /// The `require` lines of its go.mod, in order.
    pub requirements: Vec<Requirement>,
    /// Its licences.
    pub licences: Licences,
    /// Its size.
    pub size: Size,
    /// What the checksum database says.
    pub sumdb: Sumdb,
    /// Whether the newest go.mod retracts this version.
    pub retracted: bool,
    /// The rationale, as written there.
    pub retracted_why: String,
    /// Whether the newest go.mod says that the module is deprecated.
    pub deprecated: bool,
    /// The message, as written there.
    pub deprecated_why: String,
}

impl Facts {
    /// Makes the document. `first_seen` after `now` counts as `now`: clocks of two machines differ a little.
    pub fn new(known: Known) -> Self {
        let first_seen = known.first_seen.min(known.now);
        let retracted = known.retracted.is_some();
        let deprecated = known.deprecated.is_some();
        Self {
            module: known.module.path().to_string(),
            version: known.module.version().to_string(),
            view: known.view,
            now: known.now.to_string(),
            now_seconds: known.now.as_second(),
            profile: known.profile,
            private: known.private,
            first_seen: first_seen.to_string(),
            first_seen_seconds: first_seen.as_second(),
            age_seconds: known.now.as_second() - first_seen.as_second(),
            commit_time: known.commit_time.map(|at| at.to_string()),
            commit_time_seconds: known.commit_time.map(Timestamp::as_second),
            origin: known.origin,
            go_version: known.go_version.unwrap_or_default(),
            requirements: known.requirements,
            licences: known.licences,
            size: known.size,
            sumdb: known.sumdb,
            retracted,
            retracted_why: known.retracted.unwrap_or_default(),
            deprecated,
            deprecated_why: known.deprecated.unwrap_or_default(),
        }
    }

    /// The document as JSON on one line, and the SHA-256 of that text.
    ///
    /// # Errors
    /// A number that JSON has no spelling for, e.g. a coverage that is no number.
    pub fn document(&self) -> Result<(String, ContentDigest), serde_json::Error> {
        let text = serde_json::to_string(self)?;
        let digest = ContentDigest::of(text.as_bytes());
        Ok((text, digest))
    }
}

#[cfg(test)]
mod tests;
