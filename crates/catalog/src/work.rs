//! What jobs carry: the questions that are put to the pipeline and the answers that come back.
//!
//! Both sides of the queue know these shapes and nothing else of each other. The queue itself sees JSON bytes. Nothing
//! here decides anything but whether a shape is one.

use std::fmt;

use gomod::path::ModulePath;
use gomod::version::{ModuleVersion, Version};
use serde::{Deserialize, Serialize};

use crate::REALM;

mod acts;

pub use acts::{
    ACT, ActAnswer, ActAsk, ActOutcomeLine, ActVerb, DeedOutcome, MalformedAct, NoOutcome,
    OF_BYTES_MAX, OF_MAX, TEXT_BYTES_MAX,
};

/// Kind of a job that captures `.info`, `.mod` and the checksum record of one version.
pub const CAPTURE: &str = "capture";
/// Kind of a job that captures the zip of one version.
pub const ZIP: &str = "zip";
/// Kind of a job that asks the upstreams which versions a module has.
pub const LIST: &str = "list";
/// Kind of a job that asks the upstreams what a query (branch, commit, `latest`) names.
pub const RESOLVE: &str = "resolve";
/// Kind of a job that passes one request on to a checksum database.
pub const SUMDB: &str = "sumdb";
/// Kind of a job that captures modules with their whole requirement graph.
pub const GET: &str = "get";

/// Kind of a job that fetches a file of a stored version again because its blob is damaged.
pub const HEAL: &str = "heal";

/// The host in the module path of a job's id, e.g. `github.com`; `None` for jobs that are about no one module.
pub fn host_of(job_id: &str) -> Option<&str> {
    let (kind, rest) = job_id.split_once(':')?;
    let module = rest.strip_prefix(REALM)?.strip_prefix('/')?;
    let is_of_module = [CAPTURE, ZIP, LIST, RESOLVE, HEAL].contains(&kind);
    is_of_module.then(|| module.split(['/', '@']).next())?
}

/// Payload of [`CAPTURE`] and [`ZIP`] jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptureAsk {
    /// The version to capture.
    pub of: ModuleVersion,
}

impl CaptureAsk {
    /// The id under which identical captures coalesce.
    pub fn job_id(&self) -> String {
        format!("{CAPTURE}:{REALM}/{}", self.of)
    }

    /// The id under which identical zip captures coalesce.
    pub fn zip_job_id(&self) -> String {
        format!("{ZIP}:{REALM}/{}", self.of)
    }
}

/// Answer of [`CAPTURE`] and [`ZIP`] jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CaptureAnswer {
    /// The catalog has it now.
    Landed,
    /// The upstream has the `.info` but not the other files: handed on, not kept.
    Passed {
        /// The `.info` as the upstream gave it.
        info: String,
        /// Why the rest is not to be had.
        refusal: Refusal,
    },
    /// It is not to be had.
    Refused(Refusal),
}

/// Payload of [`HEAL`] jobs; their answer is a [`CaptureAnswer`] that never passes anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealAsk {
    /// The version.
    pub of: ModuleVersion,
    /// Which of its files.
    pub file: HealFile,
}

impl HealAsk {
    /// The id under which identical heals coalesce.
    pub fn job_id(&self) -> String {
        format!("{HEAL}:{REALM}/{}{}", self.of, self.file)
    }
}

/// A file of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HealFile {
    /// The `.info`.
    #[serde(rename = ".info")]
    Info,
    /// The `.mod`.
    #[serde(rename = ".mod")]
    GoMod,
    /// The `.zip`.
    #[serde(rename = ".zip")]
    Zip,
}

impl HealFile {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Info, Self::GoMod, Self::Zip];
}

impl fmt::Display for HealFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => ".info",
            Self::GoMod => ".mod",
            Self::Zip => ".zip",
        })
    }
}

/// Payload of [`LIST`] jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListAsk {
    /// The module whose versions are asked for.
    pub module: ModulePath,
}

impl ListAsk {
    /// The id under which identical questions coalesce.
    pub fn job_id(&self) -> String {
        format!("{LIST}:{REALM}/{}", self.module)
    }
}

/// Answer of [`LIST`] jobs: the upstream's versions, or why there are none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListAnswer {
    /// The lines of the upstream's list that are canonical versions, pseudo-versions left out.
    Versions(Vec<Version>),
    /// No list is to be had.
    Refused(Refusal),
}

/// Payload of [`RESOLVE`] jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolveAsk {
    /// The module asked about.
    pub module: ModulePath,
    /// A branch, commit, tag or the word `latest` (which stands for `/@latest`), unescaped.
    pub query: String,
}

impl ResolveAsk {
    /// The id under which identical questions coalesce.
    pub fn job_id(&self) -> String {
        format!("{RESOLVE}:{REALM}/{}@{}", self.module, self.query)
    }
}

/// Answer of [`RESOLVE`] jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResolveAnswer {
    /// The version that the query names now, with the `.info` as the upstream gave it.
    Found {
        /// The canonical version.
        version: Version,
        /// JSON text of the `.info`.
        info: String,
    },
    /// The query names nothing that can be had.
    Refused(Refusal),
}

/// Payload of [`SUMDB`] jobs: one request of a client that goes on to a checksum database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SumdbAsk {
    /// Name of the database, e.g. `sum.golang.org`.
    pub database: String,
    /// What follows the name: `latest`, `lookup/<escaped module>@<escaped version>` or `tile/…`.
    pub path: String,
}

impl SumdbAsk {
    /// The id under which identical questions coalesce.
    pub fn job_id(&self) -> String {
        format!("{SUMDB}:{}/{}", self.database, self.path)
    }
}

/// Answer of [`SUMDB`] jobs. The bytes are hex-free base64 text because job answers are JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SumdbAnswer {
    /// The body, verified as far as its kind allows.
    Body {
        /// Standard base64 of the body.
        base64: String,
    },
    /// It is not to be had.
    Refused(Refusal),
}

/// Payload of [`GET`] jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetAsk {
    /// Queries such as `example.com/m@v1.2.3`, `example.com/m@latest`, `example.com/m@main`, `example.com/m@all`.
    pub queries: Vec<String>,
    /// Whether the zips of the whole build list are captured too.
    pub zips: bool,
}

/// Answer of [`GET`] jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetAnswer {
    /// What each query resolved to, in order.
    pub roots: Vec<ModuleVersion>,
    /// Versions whose go.mod the graph needs.
    pub go_mods: u64,
    /// Versions that the build selects.
    pub selected: u64,
    /// For each query that named all versions of a module: how many there are.
    #[serde(default)]
    pub all: Vec<(ModulePath, u64)>,
    /// What could not be had, with the reason.
    pub missing: Vec<(String, Refusal)>,
}

/// Why something is not to be had, in words for the go client: plain text, at most 8 lines and 648 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What kind of no it is.
    pub class: RefusalClass,
    /// What happened, to what, and what can be done.
    pub text: String,
}

/// Kinds of "no" and of trouble; the web room alone turns them into statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RefusalClass {
    /// Does not exist (404).
    Absent,
    /// Existed and is gone (410).
    Gone,
    /// Refused by someone's rule, also by an upstream's (403).
    Forbidden,
    /// Not available for legal reasons (451).
    Legal,
    /// The bytes are not those that the checksum database vouches for (403, quarantine).
    Mismatch,
    /// The checksum database has no record of it (403).
    NoRecord,
    /// The checksum database cannot be reached or believed, so nothing can be verified (503).
    Unverifiable,
    /// The origin or upstream could not be reached or gave nonsense (502).
    Unreachable,
    /// The origin or upstream took too long (504).
    TooSlow,
    /// Too much to do here or there (503 with Retry-After).
    Overloaded,
    /// The request came back to where it started (508).
    Loop,
    /// No room or no right to store it here (507).
    Storage,
    /// The gates refuse it (403).
    Policy,
    /// The gates have not let it through yet (503 with Retry-After).
    Pending,
    /// Taken out of the views because of what it is suspected of (403).
    Quarantined,
    /// It was stored here and is damaged, and cannot be healed now (503).
    Damaged,
    /// What came breaks the rules of module files, so it can never be served (404 with the reason).
    Invalid,
}

impl RefusalClass {
    /// Whether it is the gates' word, of which the catalog has more to say than a job's answer.
    pub fn is_of_gates(self) -> bool {
        matches!(self, Self::Policy | Self::Pending)
    }
}

impl Refusal {
    /// A refusal of a class, with its text.
    pub fn new(class: RefusalClass, text: impl Into<String>) -> Self {
        Self {
            class,
            text: text.into(),
        }
    }

    /// Whether the same question may get another answer soon.
    pub fn may_pass(&self) -> bool {
        matches!(
            self.class,
            RefusalClass::Unverifiable
                | RefusalClass::Unreachable
                | RefusalClass::TooSlow
                | RefusalClass::Overloaded
                | RefusalClass::Storage
                | RefusalClass::Damaged
                | RefusalClass::Pending
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_told_apart_by_the_hosts_of_their_modules() {
        let of = CaptureAsk {
            of: "github.com/Azure/m@v1.0.0".parse().unwrap(),
        };
        let list = ListAsk {
            module: "example.com".parse().unwrap(),
        };
        let resolve = ResolveAsk {
            module: "example.com".parse().unwrap(),
            query: "a/b".to_owned(),
        };
        let lookup = SumdbAsk {
            database: "main".to_owned(),
            path: "lookup/example.com/m@v1.0.0".to_owned(),
        };
        for (job_id, want) in [
            (of.job_id(), Some("github.com")),
            (of.zip_job_id(), Some("github.com")),
            (list.job_id(), Some("example.com")),
            (resolve.job_id(), Some("example.com")),
            (lookup.job_id(), None),
            ("get:1".to_owned(), None),
            (ActAsk::job_id("1"), None),
        ] {
            assert_eq!(host_of(&job_id), want, "{job_id}");
        }
    }
}
