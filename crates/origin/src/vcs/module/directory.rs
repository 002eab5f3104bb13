//! Where a module lies at one revision: which directory, which `go.mod`, or why there is none.
//!
//! Source: cmd/go/internal/modfetch, `codeRepo.findDir`, `isMajor`.

use bytes::Bytes;
use gomod::modfile;
use gomod::path::split_path_version;

use super::inquiry::Inquiry;
use super::place::{Place, below, revision_words, shown};
use crate::vcs::code::{CodeError, Revision};

/// A module's home at one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// Relative to the root of the repository, which is empty.
    pub directory: String,
    /// Its `go.mod`; where there may be none, none.
    pub go_mod: Option<Bytes>,
}

/// A `go.mod` that was looked for: not there, or there with what it declares.
struct GoMod {
    content: Bytes,
    /// By the quick scanner, which and not the parser decides. Empty where there is none.
    path: String,
}

/// Finds the module at a revision. With a suffix `/vN` there are two places, `D` and `D/vN`, and exactly one of them
/// may claim that major version. Only the suffix of the declared path is compared, so that forks can be built.
///
/// # Errors
/// Class `Absent`, with the reason: no module of this path here. Else those of the repository.
pub fn find_home(
    inquiry: &mut Inquiry<'_>,
    revision: &Revision,
    version: &str,
) -> Result<Home, CodeError> {
    let place = inquiry.place;
    let upper_path = below(&place.directory, "go.mod");
    let upper = read_go_mod(inquiry, revision, &upper_path)?;
    let upper_fits = upper.as_ref().is_some_and(|go_mod| {
        is_major(&go_mod.path, place.major()) || is_gopkg_fork(place, &go_mod.path)
    });
    let major_directory = place.major_directory();
    let refuse = |why: String| {
        let at = revision_words(revision);
        Err(place.absent(version, format!("{why} at revision {}", shown(at))))
    };
    if let Some(directory) = &major_directory {
        let lower_path = below(directory, "go.mod");
        if let Some(lower) = read_go_mod(inquiry, revision, &lower_path)? {
            let lower_fits = is_major(&lower.path, place.major());
            return match (upper_fits, lower_fits) {
                (true, true) => refuse(format!(
                    "{upper_path} and {lower_path} both claim {} as their major version",
                    place.major()
                )),
                (_, true) => Ok(Home {
                    directory: directory.clone(),
                    go_mod: Some(lower.content),
                }),
                _ => refuse(mismatch(place, &lower_path, &lower.path)),
            };
        }
    }
    match upper {
        Some(upper) if upper_fits => Ok(Home {
            directory: place.directory.clone(),
            go_mod: Some(upper.content),
        }),
        Some(upper) => refuse(mismatch(place, &upper_path, &upper.path)),
        // A tree without go.mod is a module at the root alone, and not above v1, unless gopkg.in says so.
        None if place.directory.is_empty() && !place.major().starts_with('/') => Ok(Home {
            directory: String::new(),
            go_mod: None,
        }),
        None => match major_directory {
            Some(directory) => refuse(format!("missing {upper_path} and {directory}/go.mod")),
            None => refuse(format!("missing {upper_path}")),
        },
    }
}

fn read_go_mod(
    inquiry: &mut Inquiry<'_>,
    revision: &Revision,
    path: &str,
) -> Result<Option<GoMod>, CodeError> {
    let content = inquiry.read_file(revision, path)?;
    Ok(content.map(|content| GoMod {
        path: modfile::module_path(&content).unwrap_or_default(),
        content,
    }))
}

/// Why a `go.mod` makes no module of this path.
fn mismatch(place: &Place, file: &str, declared: &str) -> String {
    if declared.is_empty() {
        return format!("{file} is missing a module path");
    }
    let declared = shown(declared);
    match place.major() {
        "" if split_path_version(declared).is_none() => {
            format!("{file} has the malformed module path {declared:?}")
        }
        "" => format!("{file} has the module path {declared:?}, which is for later major versions"),
        major => format!("{file} has the module path {declared:?}, which does not end in {major}"),
    }
}

/// Whether a declared path is for the major versions that a path with suffix `major` has.
fn is_major(declared: &str, major: &str) -> bool {
    if declared.is_empty() {
        return false;
    }
    let Some((_, declared_major)) = split_path_version(declared) else {
        return false;
    };
    let number = declared_major.get(1..).unwrap_or_default();
    if major.is_empty() {
        let number = number.strip_suffix("-unstable").unwrap_or(number);
        return matches!(number, "" | "v0" | "v1");
    }
    // The separator does not count: a fork of gopkg.in/foo.v2 may be known as example.com/foo/v2.
    !number.is_empty() && number == &major[1..]
}

/// An old bug of the go command that modules have come to rely on: a path without a suffix may hold any module of
/// gopkg.in (golang.org/issue/34254).
fn is_gopkg_fork(place: &Place, declared: &str) -> bool {
    place.major().is_empty() && declared.starts_with("gopkg.in/")
}
