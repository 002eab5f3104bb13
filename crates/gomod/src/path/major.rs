//! The major version suffix of a module path, `/v2`, and which versions fit it.
//!
//! Source: golang.org/x/mod, `module`, `SplitPathVersion`, `CheckPathMajor`.

use super::shorten;
use crate::semver;

/// Splits a module path into what precedes its major version suffix and the suffix with its separator.
///
/// The suffix is empty when there is none, `/v2` and up, or on `gopkg.in` (where it is obligatory) `.v0` and up,
/// perhaps with `-unstable`. `None`: the path ends in something like a suffix that is none, such as `/v1`.
pub fn split_path_version(path: &str) -> Option<(&str, &str)> {
    if path.starts_with("gopkg.in/") {
        return split_gopkg_in(path);
    }
    let stem = path.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number = &path[stem.len()..];
    match stem.strip_suffix("/v") {
        Some(prefix) if !number.is_empty() => {
            let proper = !number.contains('.') && !number.starts_with('0') && number != "1";
            proper.then(|| path.split_at(prefix.len()))
        }
        _ => Some((path, "")),
    }
}

fn split_gopkg_in(path: &str) -> Option<(&str, &str)> {
    let stable = path.strip_suffix("-unstable").unwrap_or(path);
    let stem = stable.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = &stable[stem.len()..];
    let prefix = stem.strip_suffix(".v")?;
    let suffix = &path[prefix.len()..];
    let proper = !number.is_empty() && (!number.starts_with('0') || suffix == ".v0");
    proper.then_some((prefix, suffix))
}

/// Checks that a version may be used with a path of this major suffix (as [`split_path_version`] gives it).
///
/// No suffix: `v0`, `v1` or `+incompatible`. Otherwise the major must be equal; `-unstable` does not count.
/// `v0.0.0-...` is accepted for `.v1`: early go commands made such pseudo-versions and old files hold them.
///
/// # Errors
/// [`MajorMismatch`].
pub fn check_path_major(version: &str, path_major: &str) -> Result<(), MajorMismatch> {
    let suffix = match path_major.strip_suffix("-unstable") {
        Some(stable) if stable.starts_with(".v") => stable,
        _ => path_major,
    };
    if suffix == ".v1" && version.starts_with("v0.0.0-") {
        return Ok(());
    }
    let found = semver::major(version).unwrap_or_default();
    let wanted = suffix.strip_prefix(['/', '.']).unwrap_or(suffix);
    let fits = if wanted.is_empty() {
        found == "v0" || found == "v1" || semver::build(version) == Some("+incompatible")
    } else {
        found == wanted
    };
    if fits {
        return Ok(());
    }
    let wanted = if wanted.is_empty() {
        "v0 or v1"
    } else {
        wanted
    };
    Err(MajorMismatch {
        version: shorten(version),
        wanted: wanted.to_owned(),
        found: found.to_owned(),
    })
}

/// A version whose major does not fit the path it is used with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("version {version:?} invalid: should be {wanted}, not {found}")]
pub struct MajorMismatch {
    /// The version, cut to a length fit for messages.
    pub version: String,
    /// The major that the path asks for.
    pub wanted: String,
    /// The major of the version, empty when it is not a semantic version.
    pub found: String,
}
