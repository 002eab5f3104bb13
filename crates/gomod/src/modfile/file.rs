//! What a `go.mod` says, and what can be wrong with one: the types, without any reading.

use std::fmt;
use std::sync::Arc;

use crate::path::ModulePath;
use crate::semver;
use crate::version::{ModuleVersion, Version};

/// Longest `go.mod` that is read, in bytes: Go's own limit.
pub const GO_MOD_BYTES_MAX: usize = 16 << 20;

/// How many lines with a meaning a file may have. Go has no such limit; the largest files in public have some
/// thousand. It bounds the memory that a hostile file of [`GO_MOD_BYTES_MAX`] can claim, here and in the graph.
pub const DIRECTIVES_MAX: usize = 100_000;

/// What a `go.mod` says. Paths are as written and not checked, but for their major version suffix where a
/// version stands beside them: a main module may well require a path that no proxy could ever serve.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModFile {
    /// The `module` line.
    pub module: Option<ModuleLine>,
    /// The `go` line: `1.21`, `1.22rc1`.
    pub go: Option<String>,
    /// The `toolchain` line; strict mode only.
    pub toolchain: Option<String>,
    /// `godebug` lines; strict mode only.
    pub godebug: Vec<Godebug>,
    /// `require` lines, in the order of the file, duplicates included.
    pub require: Vec<Require>,
    /// `exclude` lines; strict mode only.
    pub exclude: Vec<Exclude>,
    /// `replace` lines; strict mode only.
    pub replace: Vec<Replace>,
    /// `retract` lines.
    pub retract: Vec<Retract>,
    /// Package paths of `tool` lines; strict mode only.
    pub tool: Vec<String>,
    /// Paths of `ignore` lines.
    pub ignore: Vec<String>,
}

impl ModFile {
    /// Is `version` covered by a retraction; gives the first that does.
    pub fn find_retraction(&self, version: &str) -> Option<&Retract> {
        self.retract.iter().find(|retract| retract.covers(version))
    }
}

/// The `module` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleLine {
    /// The declared path, as written.
    pub path: String,
    /// The paragraph of its comment that starts with `Deprecated:`, without that word.
    pub deprecated: Option<String>,
}

/// A `require` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Require {
    /// The required module's path, as written.
    pub path: String,
    /// The least version wanted, made canonical.
    pub version: Version,
    /// Is it marked `// indirect`.
    pub indirect: bool,
}

impl Require {
    /// Gives the module, unless its path is one that no proxy could serve.
    pub fn module(&self) -> Option<ModuleVersion> {
        ModuleVersion::new(self.path.parse::<ModulePath>().ok()?, self.version.clone()).ok()
    }
}

/// An `exclude` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exclude {
    /// The module's path, as written.
    pub path: String,
    /// The version that must not be used, made canonical.
    pub version: Version,
}

/// A `replace` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replace {
    /// The replaced module's path, as written.
    pub old_path: String,
    /// The version replaced; all of them when missing.
    pub old_version: Option<Version>,
    /// What stands in for it.
    pub new: Replacement,
}

/// The right side of a `replace` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// Another module.
    Module {
        /// Its path, as written.
        path: String,
        /// Its version, made canonical.
        version: Version,
    },
    /// A directory of the machine that builds.
    Directory(String),
}

/// A `retract` line: an interval that includes both its ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retract {
    /// Lowest version, as written; not necessarily a semantic version.
    pub low: String,
    /// Highest version, as written.
    pub high: String,
    /// The comments of the line, or if it has none those of its block; empty without either.
    pub rationale: Arc<str>,
}

impl Retract {
    /// Does the interval hold `version`.
    pub fn covers(&self, version: &str) -> bool {
        semver::compare(&self.low, version).is_le() && semver::compare(version, &self.high).is_le()
    }
}

/// A `godebug` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Godebug {
    /// Left of the equals sign.
    pub key: String,
    /// Right of it.
    pub value: String,
}

/// One fault of a file, shown as `go.mod:3:5: what is wrong`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}:{line}:{column}: {message}")]
pub struct ModFileError {
    /// The file's name as the caller gave it.
    pub name: String,
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// All faults of a file, in order, at least one; after twenty the rest is left out. Shown one to a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModFileErrors(pub Vec<ModFileError>);

impl fmt::Display for ModFileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ModFileErrors {}
