//! Versions as the proxy protocol knows them: canonical, and checked against the module's path.
//!
//! Not here: how versions compare (`semver`), branch names and other queries (plain text, see `escape`).
//!
//! Source: golang.org/x/mod, `module`, `CanonicalVersion`, `Check`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use crate::path::{MajorMismatch, ModulePath, PathError, check_path_major, shorten};
use crate::{bang, pseudo, semver};

/// Longest version that is accepted, in bytes. Go has no such limit of its own.
///
/// The go command keeps `<version>.ziphash` files, and file systems end names at 255 bytes: a longer version
/// cannot be used by anyone. The longest known ones, pseudo-versions with a base, have about 60 bytes.
pub const VERSION_BYTES_MAX: usize = 247;

/// A canonical semantic version, e.g. `v1.2.3`, `v2.0.0+incompatible`, `v0.0.0-20200101000000-0123456789ab`.
///
/// Clones are cheap: the text is shared. Order is that of precedence, ties (`v2.0.0`, `v2.0.0+incompatible`)
/// broken by text, so it agrees with equality.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Version(Arc<str>); // invariant: canonical_version(&self.0) == Some(self.0), and at most VERSION_BYTES_MAX

impl Version {
    /// The version as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Gives the form used in addresses and names of files: `v1.0.0-!r!c1` for `v1.0.0-RC1`.
    pub fn escaped(&self) -> String {
        bang::encode(&self.0)
            .unwrap_or_else(|| unreachable!("a semantic version is ASCII without '!': {self}"))
    }

    /// Reads the escaped form.
    ///
    /// # Errors
    /// [`VersionError::BadEscape`], or what parsing the plain form says.
    pub fn from_escaped(escaped: &str) -> Result<Self, VersionError> {
        bang::decode(escaped)
            .ok_or_else(|| VersionError::BadEscape {
                shown: shorten(escaped),
            })?
            .parse()
    }

    /// Reads any semantic version and makes it canonical, `v1.2` becomes `v1.2.0`.
    ///
    /// # Errors
    /// [`VersionError::NotSemver`], [`VersionError::TooLong`].
    pub fn canonicalize(text: &str) -> Result<Self, VersionError> {
        let canonical = canonical_version(text).ok_or_else(|| VersionError::NotSemver {
            shown: shorten(text),
        })?;
        check_length(&canonical)?;
        Ok(Self(canonical.into()))
    }

    /// Is it a pseudo-version, made from a commit without a tag.
    pub fn is_pseudo(&self) -> bool {
        pseudo::is_pseudo(&self.0)
    }

    /// Does it end in `+incompatible`.
    pub fn is_incompatible(&self) -> bool {
        is_incompatible(&self.0)
    }

    /// Is it a pre-release; every pseudo-version is one.
    pub fn is_prerelease(&self) -> bool {
        semver::prerelease(&self.0).is_some_and(|text| !text.is_empty())
    }

    /// The `v2` of `v2.1.0`.
    pub fn major(&self) -> &str {
        semver::major(&self.0).unwrap_or_default()
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(s: &str) -> Result<Self, VersionError> {
        check_length(s)?;
        match canonical_version(s) {
            None => Err(VersionError::NotSemver { shown: shorten(s) }),
            Some(canonical) if canonical != s => Err(VersionError::NotCanonical {
                shown: shorten(s),
                canonical,
            }),
            Some(canonical) => Ok(Self(canonical.into())),
        }
    }
}

impl TryFrom<String> for Version {
    type Error = VersionError;

    fn try_from(s: String) -> Result<Self, VersionError> {
        s.parse()
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        semver::compare_for_sort(&self.0, &other.0)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl AsRef<str> for Version {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A module at a version that fits its path. Text form: `path@version`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct ModuleVersion {
    path: ModulePath,
    version: Version, // invariant: check_path_major(version, path.major_suffix()) is Ok
}

impl ModuleVersion {
    /// Pairs a path with a version.
    ///
    /// # Errors
    /// [`VersionError::Major`] when the version's major does not fit the path, see [`check_path_major`].
    pub fn new(path: ModulePath, version: Version) -> Result<Self, VersionError> {
        check_path_major(version.as_str(), path.major_suffix()).map_err(|cause| {
            VersionError::Major {
                path: path.clone(),
                cause,
            }
        })?;
        Ok(Self { path, version })
    }

    /// The module's path.
    pub fn path(&self) -> &ModulePath {
        &self.path
    }

    /// The version.
    pub fn version(&self) -> &Version {
        &self.version
    }
}

impl FromStr for ModuleVersion {
    type Err = VersionError;

    fn from_str(s: &str) -> Result<Self, VersionError> {
        let (path, version) = s
            .split_once('@')
            .ok_or_else(|| VersionError::NoVersion { shown: shorten(s) })?;
        Self::new(path.parse()?, version.parse()?)
    }
}

impl TryFrom<String> for ModuleVersion {
    type Error = VersionError;

    fn try_from(s: String) -> Result<Self, VersionError> {
        s.parse()
    }
}

impl fmt::Display for ModuleVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.path, self.version)
    }
}

impl fmt::Debug for ModuleVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl Serialize for ModuleVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why something is no version, or not one of this module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// Not a semantic version at all; a branch or a commit, perhaps.
    #[error("version {shown:?} invalid: not a semantic version")]
    NotSemver {
        /// The refused text, cut to a length fit for messages.
        shown: String,
    },
    /// A semantic version, but not in its canonical form.
    #[error("version {shown:?} invalid: not canonical, should be {canonical}")]
    NotCanonical {
        /// The refused text, cut to a length fit for messages.
        shown: String,
        /// What it should be.
        canonical: String,
    },
    /// Over [`VERSION_BYTES_MAX`].
    #[error("version {shown:?} invalid: {bytes} bytes are more than {VERSION_BYTES_MAX}")]
    TooLong {
        /// The refused text, cut to a length fit for messages.
        shown: String,
        /// Its length.
        bytes: usize,
    },
    /// Not an escaped form.
    #[error("invalid escaped version {shown:?}")]
    BadEscape {
        /// The refused text, cut to a length fit for messages.
        shown: String,
    },
    /// The version's major does not fit the module's path.
    #[error("module {path}: {cause}")]
    Major {
        /// The module.
        path: ModulePath,
        /// Which major was wanted and which was found.
        cause: MajorMismatch,
    },
    /// Text without `@`.
    #[error("{shown:?} names no version: should be path@version")]
    NoVersion {
        /// The refused text, cut to a length fit for messages.
        shown: String,
    },
    /// The path before the `@` is none.
    #[error(transparent)]
    Path(#[from] PathError),
}

/// Gives the canonical form of a semantic version: missing numbers filled in, build metadata dropped except for
/// `+incompatible`. `None` when `version` is not semantic.
pub fn canonical_version(version: &str) -> Option<String> {
    let mut canonical = semver::canonical(version)?;
    if is_incompatible(version) {
        canonical.push_str("+incompatible");
    }
    Some(canonical)
}

/// The version whose go.mod speaks for its module, in retractions and deprecations: the highest release, else the highest
/// pre-release. Pseudo-versions and versions from before go.mod files do not.
///
/// Source: cmd/go/internal/modload, `checkRetractions`, which asks for the latest version without exclusions.
pub fn find_speaker<'a>(versions: impl IntoIterator<Item = &'a Version>) -> Option<&'a Version> {
    versions
        .into_iter()
        .filter(|version| !version.is_pseudo() && !version.is_incompatible())
        .max_by_key(|version| (!version.is_prerelease(), *version))
}

/// Is `version` a semantic version whose build metadata is exactly `+incompatible`.
pub fn is_incompatible(version: &str) -> bool {
    semver::build(version) == Some("+incompatible")
}

fn check_length(version: &str) -> Result<(), VersionError> {
    if version.len() > VERSION_BYTES_MAX {
        return Err(VersionError::TooLong {
            shown: shorten(version),
            bytes: version.len(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
