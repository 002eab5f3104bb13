//! Where in its repository a module belongs, told by the paths alone.
//!
//! Source: cmd/go/internal/modfetch, `newCodeRepo`, `revToRev`; `module.PathMajorPrefix`.

use gomod::path::ModulePath;
use gomod::{pseudo, semver};

use crate::vcs::code::{CodeError, Revision};

/// How many bytes of text from a repository a message repeats: a `module` line can have megabytes.
const SHOWN_BYTES_MAX: usize = 200;

/// A module path, and what it says about directories and tags of the repository with this root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The module's path.
    pub path: ModulePath,
    /// The path at the root of the repository.
    pub root: String,
    /// Where the module and its tags are expected, relative to the root: no slash at either end, empty for the root.
    pub directory: String,
}

impl Place {
    /// Computes the place of `path` in the repository that belongs to `root`. `subdirectory` is the fourth field of a
    /// `go-import` tag; it comes behind what the path says, as cmd/go joins them.
    ///
    /// # Errors
    /// Class `Invalid`: the repository cannot hold such a module, or the subdirectory points out of it.
    pub fn new(
        root: &str,
        subdirectory: Option<&str>,
        path: ModulePath,
    ) -> Result<Self, CodeError> {
        let below = if path.as_str() == root {
            ""
        } else {
            find_below(path.as_str(), root).ok_or_else(|| {
                CodeError::invalid(format!("found the repository of {root:?} for {path}"))
            })?;
            find_below(path.without_major(), root).ok_or_else(|| {
                CodeError::invalid(format!(
                    "a repository at {root} cannot hold the module {path}"
                ))
            })?
        };
        let joined = format!("{below}/{}", subdirectory.unwrap_or_default());
        let elements: Vec<&str> = joined
            .split('/')
            .filter(|element| !element.is_empty() && *element != ".")
            .collect();
        if elements.contains(&"..") {
            return Err(CodeError::invalid(format!(
                "module {path}: subdirectory {:?} leaves the repository",
                shown(subdirectory.unwrap_or_default())
            )));
        }
        let directory = elements.join("/");
        Ok(Self {
            directory,
            root: root.to_owned(),
            path,
        })
    }

    /// The major version suffix of the path with its separator: `/v2`, `.v3-unstable`, or empty.
    pub fn major(&self) -> &str {
        self.path.major_suffix()
    }

    /// The `vN` that pseudo-versions of this path begin with, where the path says one.
    pub fn pseudo_major(&self) -> Option<&str> {
        let number = self.major().get(1..)?;
        Some(number.strip_suffix("-unstable").unwrap_or(number))
    }

    /// What the names of this module's tags begin with: nothing, or the directory and a slash.
    pub fn tag_prefix(&self) -> String {
        below(&self.directory, "")
    }

    /// The directory of the major version, `D/v2`, where the module may lie instead of in `D`. None for gopkg.in and
    /// where the path as a whole has a repository.
    pub fn major_directory(&self) -> Option<String> {
        let number = self.major().strip_prefix('/')?;
        (self.root != self.path.as_str()).then(|| below(&self.directory, number))
    }

    /// What the repository is asked for when the module is asked for `query`: versions name tags, pseudo-versions
    /// their revision, and all else itself.
    pub fn revision_of(&self, query: &str) -> String {
        if !semver::is_valid(query) {
            return query.to_owned();
        }
        if let Ok(revision) = pseudo::rev(query) {
            return revision.to_owned();
        }
        let tag = query.strip_suffix("+incompatible").unwrap_or(query);
        below(&self.directory, tag)
    }

    /// The version that a tag stands for, without build metadata, and whether the tag is its canonical name.
    ///
    /// The test for look-alikes of pseudo-versions sees the tag with its directory, as cmd/go's does: such a tag of a
    /// module in a subdirectory is not passed over.
    pub fn version_of_tag(&self, tag: &str) -> Option<(String, bool)> {
        let version = match self.directory.as_str() {
            "" => tag,
            directory => tag.strip_prefix(directory)?.strip_prefix('/')?,
        };
        if pseudo::is_pseudo(tag) {
            return None;
        }
        let canonical = semver::canonical(version)?;
        // "v1" and "v1.2" are valid, and no name of a version.
        version.starts_with(&canonical).then(|| {
            let is_canonical = version == canonical;
            (canonical, is_canonical)
        })
    }

    /// "No such version": what cmd/go takes for a reason to look elsewhere.
    pub fn absent(&self, version: &str, why: impl std::fmt::Display) -> CodeError {
        CodeError::absent(self.words(version, why))
    }

    /// "Is there, and cannot be this version".
    pub fn invalid(&self, version: &str, why: impl std::fmt::Display) -> CodeError {
        CodeError::invalid(self.words(version, why))
    }

    fn words(&self, version: &str, why: impl std::fmt::Display) -> String {
        format!("{}@{}: invalid version: {why}", self.path, shown(version))
    }
}

/// Joins a directory, which may be the root, and what lies in it.
pub fn below(directory: &str, name: &str) -> String {
    if directory.is_empty() {
        name.to_owned()
    } else {
        format!("{directory}/{name}")
    }
}

/// How a revision stands in a message: by the name that was asked for where that is one of its tags.
pub fn revision_words(revision: &Revision) -> &str {
    if revision.version == revision.name {
        &revision.short
    } else {
        &revision.version
    }
}

/// Cuts text to a length fit for a message.
pub fn shown(text: &str) -> &str {
    &text[..text.floor_char_boundary(SHOWN_BYTES_MAX)]
}

/// What follows `root` and a slash in `path`, by whole elements.
fn find_below<'p>(path: &'p str, root: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(root)?;
    if rest.is_empty() {
        return Some(rest);
    }
    rest.strip_prefix('/')
}
