//! cmd/go's rules for modules in a repository: which versions there are, what a query names, where the module lies.
//!
//! Everything here asks a [`Code`] and decides by what it says, so the same rules hold for every kind of repository.
//! Observed oddities of cmd/go are kept where hashes, names or lists depend on them. Not here: finding the repository
//! of a path (`locate`), archiving (`Code::open_tree`), making the zip ([`gomod::zip::create`]), caching of answers.
//!
//! One difference is meant: a `go.mod` that asks for a newer Go than cmd/go itself keeps it from zipping, not this.
//!
//! Source: cmd/go/internal/modfetch, `codeRepo`.

mod place;

mod stated;

mod inquiry;

mod license;

mod directory;

mod versions;

mod ancestry;

mod resolve;

use std::sync::Arc;

use bytes::Bytes;
use gomod::path::ModulePath;
use gomod::version::Version;
use gomod::zip::Tree;

pub use self::stated::Stated;

use self::directory::find_home;
use self::inquiry::{FILE_BYTES_MAX, Inquiry};
use self::license::{LICENSE, Licensed, has_license};
use self::place::{Place, shown};
use crate::upstream::UpstreamClass;
use crate::vcs::code::{Code, CodeError};

/// A module and the repository that is to hold it. Every call blocks as those of [`Code`] do, and asks afresh.
#[derive(Clone)]
pub struct Module {
    code: Arc<dyn Code>,
    place: Place,
}

impl Module {
    /// Puts a module path into a repository. `root` is the path at the repository's root, `subdirectory` the fourth
    /// field of the `go-import` tag that told of it. Asks nothing.
    ///
    /// # Errors
    /// Class `Invalid` where the repository cannot hold this path.
    pub fn new(
        code: Arc<dyn Code>,
        root: &str,
        subdirectory: Option<&str>,
        path: ModulePath,
    ) -> Result<Self, CodeError> {
        let place = Place::new(root, subdirectory, path)?;
        Ok(Self { code, place })
    }

    /// The module's path.
    pub fn path(&self) -> &ModulePath {
        &self.place.path
    }

    /// Lists the tagged versions, sorted, without pseudo-versions. Empty also where there is no such module.
    ///
    /// One question for the tags; one or two more for each major version above v1 that could be `+incompatible`.
    ///
    /// # Errors
    /// Those of the repository; class `Invalid` where cmd/go fails too.
    pub fn list_versions(&self) -> Result<Vec<Version>, CodeError> {
        versions::list(&mut self.inquire())
    }

    /// Lists the tagged versions as a proxy answers `@v/list`: empty only for a module.
    ///
    /// # Errors
    /// Class `Absent` where there are no versions and the newest revision holds no such module; those of
    /// [`Self::list_versions`].
    pub fn list_versions_of_module(&self) -> Result<Vec<Version>, CodeError> {
        let mut inquiry = self.inquire();
        let versions = versions::list(&mut inquiry)?;
        if versions.is_empty() {
            let revision = self.code.latest().map_err(|error| self.explain(error))?;
            find_home(&mut inquiry, &revision, "latest")?;
        }
        Ok(versions)
    }

    /// Finds the version that `query` names: a version, a tag, a branch, a revision or the beginning of one, or
    /// `latest`. For a tagged version the repository is asked for the tag and for the `go.mod`, nothing else.
    ///
    /// # Errors
    /// Class `Absent`: unknown, or no module of this path there. Class `Invalid`: no name of a version of it. Else
    /// those of the repository.
    pub fn stat(&self, query: &str) -> Result<Stated, CodeError> {
        if query == "latest" {
            return self.latest();
        }
        let rev = self.place.revision_of(query);
        let unknown = format!("unknown revision {}", shown(&rev));
        if rev.is_empty() {
            return Err(self.place.absent(query, unknown));
        }
        let mut inquiry = self.inquire();
        let revision = inquiry.stat(&rev).map_err(|error| {
            match error.class {
                // Where the repository itself is missing, its own reason says more.
                UpstreamClass::Absent
                    if error.text.contains("repository")
                        && !error.text.contains("unknown revision") =>
                {
                    let reason = shown(&error.text);
                    self.place.absent(query, format!("{unknown}: {reason}"))
                }
                UpstreamClass::Absent => self.place.absent(query, unknown),
                _ => error,
            }
        })?;
        resolve::resolve(&mut inquiry, revision, query)
    }

    /// Finds the version of the newest revision, whatever newest means to this kind of repository: a tagged version
    /// where that very revision has a tag, else a pseudo-version.
    ///
    /// # Errors
    /// Class `Absent`: nothing there, or no module of this path. Else those of the repository.
    pub fn latest(&self) -> Result<Stated, CodeError> {
        let revision = self.code.latest().map_err(|error| self.explain(error))?;
        let mut inquiry = self.inquire();
        let revision = inquiry.remember(&revision.name.clone(), revision);
        resolve::resolve(&mut inquiry, revision, "")
    }

    /// The `.mod` file of a version; [`Stated::go_mod`] is the same without asking again.
    ///
    /// # Errors
    /// Those of [`Self::stat`].
    pub fn go_mod(&self, version: &Version) -> Result<Bytes, CodeError> {
        Ok(self.stat(version.as_str())?.go_mod)
    }

    /// The files to make the zip of a version from, an inherited LICENSE included; [`Self::open_tree`] without asking
    /// for the version again.
    ///
    /// # Errors
    /// Those of [`Self::stat`] and of [`Self::open_tree`].
    pub fn open_zip_tree(&self, version: &Version) -> Result<Box<dyn Tree + Send>, CodeError> {
        self.open_tree(&self.stat(version.as_str())?)
    }

    /// The files to make the zip of a version from, for [`gomod::zip::create`]. A module in a subdirectory without a
    /// LICENSE gets that of the repository's root.
    ///
    /// # Errors
    /// Those of the repository; class `Invalid` where that LICENSE is too large.
    pub fn open_tree(&self, stated: &Stated) -> Result<Box<dyn Tree + Send>, CodeError> {
        let tree = self.code.open_tree(&stated.revision, &stated.directory)?;
        if stated.directory.is_empty() || has_license(tree.files()) {
            return Ok(tree);
        }
        let license = self
            .code
            .read_file(&stated.revision, LICENSE, FILE_BYTES_MAX)?;
        Ok(match license {
            Some(license) => Box::new(Licensed::new(tree, license)),
            None => tree,
        })
    }

    /// Fetches many versions together; see [`Code::fetch_many`].
    ///
    /// # Errors
    /// Those of the repository.
    pub fn fetch_many(&self, versions: &[Version]) -> Result<(), CodeError> {
        let revisions: Vec<String> = versions
            .iter()
            .map(|version| self.place.revision_of(version.as_str()).to_string())
            .collect();
        self.code.fetch_many(&revisions)
    }

    /// Writes the `.info` file of a version.
    pub fn info(&self, stated: &Stated) -> Vec<u8> {
        stated::write_info(&*self.code, &self.place.directory, stated)
    }

    fn inquire(&self) -> Inquiry<'_> {
        Inquiry::new(&*self.code, &self.place)
    }

    /// Says of which module nothing was found.
    fn explain(&self, error: CodeError) -> CodeError {
        if error.class.is_absence() {
            let text = format!("module {}: {}", self.place.path, error.text);
            CodeError::new(error.class, text)
        } else {
            error
        }
    }
}

#[cfg(test)]
mod tests;
