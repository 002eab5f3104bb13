//! The escaped form of module paths and versions in addresses and names of files.
//!
//! Versions here are whatever may stand in an address: branch names and commit hashes too, as in
//! `@v/master.info`. Not here: percent-encoding, which belongs to HTTP and is undone before, once.
//!
//! Source: golang.org/x/mod, `module`, `EscapePath`, `EscapeVersion` and their inverses.

use crate::bang;
use crate::path::{PathError, Reason, check_file_element, check_path, shorten};

/// Why something has no escaped form, or is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EscapeError {
    /// The plain form is not a module path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The text is not an escaped module path.
    #[error("invalid escaped module path {shown:?}")]
    EscapedPath {
        /// The refused text, cut to a length fit for messages.
        shown: String,
        /// What is wrong with its plain form; nothing when it has none.
        #[source]
        cause: Option<PathError>,
    },
    /// The version cannot stand in an address.
    #[error("version {shown:?} invalid: disallowed version string")]
    Version {
        /// The refused text, cut to a length fit for messages.
        shown: String,
    },
    /// The text is not an escaped version.
    #[error("invalid escaped version {shown:?}")]
    EscapedVersion {
        /// The refused text, cut to a length fit for messages.
        shown: String,
        /// What is wrong with its plain form; nothing when it has none.
        #[source]
        cause: Option<Reason>,
    },
}

/// Gives the escaped form of a module path: capitals become `!` and the small letter.
///
/// # Errors
/// [`EscapeError::Path`] when it is not a module path.
pub fn escape_path(path: &str) -> Result<String, EscapeError> {
    check_path(path)?;
    Ok(bang::encode(path)
        .unwrap_or_else(|| unreachable!("a valid module path is ASCII without '!': {path}")))
}

/// Gives the module path of an escaped form.
///
/// # Errors
/// [`EscapeError::EscapedPath`].
pub fn unescape_path(escaped: &str) -> Result<String, EscapeError> {
    let refuse = |cause| EscapeError::EscapedPath {
        shown: shorten(escaped),
        cause,
    };
    let plain = bang::decode(escaped).ok_or_else(|| refuse(None))?;
    check_path(&plain).map_err(|cause| refuse(Some(cause)))?;
    Ok(plain)
}

/// Gives the escaped form of a version, branch or commit.
///
/// A name with a slash (`feature/x`) has none: the proxy protocol cannot ask for it. The same holds for names
/// with `!` or outside ASCII.
///
/// # Errors
/// [`EscapeError::Version`].
pub fn escape_version(version: &str) -> Result<String, EscapeError> {
    check_file_element(version)
        .ok()
        .and_then(|()| bang::encode(version))
        .ok_or_else(|| EscapeError::Version {
            shown: shorten(version),
        })
}

/// Gives the version, branch or commit of an escaped form. It need not be a semantic version.
///
/// # Errors
/// [`EscapeError::EscapedVersion`].
pub fn unescape_version(escaped: &str) -> Result<String, EscapeError> {
    let refuse = |cause| EscapeError::EscapedVersion {
        shown: shorten(escaped),
        cause,
    };
    let plain = bang::decode(escaped).ok_or_else(|| refuse(None))?;
    check_file_element(&plain).map_err(|cause| refuse(Some(cause)))?;
    Ok(plain)
}

#[cfg(test)]
mod tests;
