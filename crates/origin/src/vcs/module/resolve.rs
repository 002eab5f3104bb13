//! From a revision to the version that it is.
//!
//! Source: cmd/go/internal/modfetch, `codeRepo.convert`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use gomod::modfile;
use gomod::path::check_path_major;
use gomod::version::{Version, canonical_version};
use gomod::{pseudo, semver};

use super::ancestry::check_pseudo;
use super::directory::{Home, find_home};
use super::inquiry::{Inquiry, is_answer};
use super::place::{Place, below};
use super::stated::Stated;
use super::versions::{Retractions, read_retractions};
use crate::vcs::code::{CodeError, Revision};

/// Marks versions above v1 of a path without a suffix.
const INCOMPATIBLE: &str = "+incompatible";

/// Finds the version that `revision` is when it was asked for as `asked`, empty for the newest one.
///
/// # Errors
/// Class `Absent`: there is no module of this path. Class `Invalid`: what was asked for is no version of it. Else those
/// of the repository.
pub fn resolve(
    inquiry: &mut Inquiry<'_>,
    revision: Arc<Revision>,
    asked: &str,
) -> Result<Stated, CodeError> {
    let mut resolution = Resolution {
        place: inquiry.place,
        inquiry,
        revision,
        asked,
        retractions: None,
        incompatible: HashMap::new(),
    };
    if pseudo::is_pseudo(asked) {
        // First what a look at the commit can tell; the history behind it costs more.
        let stated = resolution.check_canonical(asked)?;
        check_pseudo(resolution.inquiry, &resolution.revision, asked)?;
        return Ok(stated);
    }
    resolution.find_version()
}

struct Resolution<'r, 'm> {
    inquiry: &'r mut Inquiry<'m>,
    place: &'m Place,
    revision: Arc<Revision>,
    asked: &'r str,
    /// Read when a version that could be taken back turns up.
    retractions: Option<Retractions>,
    /// Majors that may or may not be used with `+incompatible` at this revision.
    incompatible: HashMap<String, bool>,
}

impl Resolution<'_, '_> {
    fn find_version(&mut self) -> Result<Stated, CodeError> {
        if let Some((version, true)) = self.place.version_of_tag(&self.revision.version) {
            match self.check_canonical(&version) {
                Err(error) if is_answer(&error) && !self.is_asked(&version) => {}
                answer => return answer,
            }
        }
        let mut highest: Option<String> = None;
        let mut base = None;
        let revision = self.revision.clone();
        for tag in &revision.tags {
            let Some((version, is_canonical)) = self.place.version_of_tag(tag) else {
                continue;
            };
            if self.is_asked(&version) {
                if is_canonical {
                    return self.check_canonical(&version);
                }
                // Equivalent to what was asked for, but ambiguous as a name: good enough to build on.
                base = Some(version);
            } else if is_canonical
                && semver::compare(highest.as_deref().unwrap_or_default(), &version).is_lt()
                && self.is_usable(&version)?
                && !self.is_retracted(&version)?
            {
                highest = Some(version);
            }
        }
        if let Some(version) = highest {
            return self.check_canonical(&version);
        }
        if base.is_none() {
            base = self.find_base()?;
        }
        let version = pseudo::compose(
            self.place.pseudo_major().unwrap_or("v0"),
            base.as_deref(),
            self.revision.time.unix_seconds(),
            &self.revision.short,
        )
        .map_err(|error| self.place.invalid(self.asked, error))?;
        self.check_canonical(&version)
    }

    /// Whether a version is what was asked for, build metadata aside.
    fn is_asked(&self, version: &str) -> bool {
        semver::is_valid(self.asked) && semver::compare(version, self.asked).is_eq()
    }

    /// The highest version among the tags in the revision's history that may be built on.
    ///
    /// What may be built on is found out beforehand, so that no history is asked for where there is nothing to find,
    /// and the repository is not asked while it is at work.
    fn find_base(&mut self) -> Result<Option<String>, CodeError> {
        let mut allowed = HashSet::new();
        for tag in self.inquiry.tags()?.iter() {
            if let Some((version, _)) = self.place.version_of_tag(&tag.name)
                && self.is_usable(&version)?
                && !self.is_retracted(&version)?
            {
                allowed.insert(tag.name.clone());
            }
        }
        if allowed.is_empty() {
            return Ok(None);
        }
        let tag =
            self.inquiry
                .code
                .recent_tag(&self.revision, &self.place.tag_prefix(), &mut |tag| {
                    allowed.contains(tag)
                })?;
        Ok(tag
            .and_then(|tag| self.place.version_of_tag(&tag))
            .map(|(version, _)| version))
    }

    fn is_usable(&mut self, version: &str) -> Result<bool, CodeError> {
        Ok(self.is_fitting(version) || self.is_incompatible_allowed(version)?)
    }

    fn is_fitting(&self, version: &str) -> bool {
        check_path_major(version, self.place.major()).is_ok()
    }

    fn is_retracted(&mut self, version: &str) -> Result<bool, CodeError> {
        let retractions = match self.retractions.take() {
            Some(known) => known,
            None => read_retractions(self.inquiry)?,
        };
        Ok(self.retractions.insert(retractions).cover(version))
    }

    /// Whether this revision may bear `version`, which does not fit the path, with `+incompatible`: a module at the
    /// root of its repository, without a `go.mod`. Where the major version has a directory with one, it must be asked
    /// for with the suffix spelled out, which old users do (golang.org/issue/51324).
    fn is_incompatible_allowed(&mut self, version: &str) -> Result<bool, CodeError> {
        if !self.place.directory.is_empty() || !self.place.major().is_empty() {
            return Ok(false);
        }
        let major = semver::major(version).unwrap_or_default();
        if let Some(&known) = self.incompatible.get(major) {
            return Ok(known);
        }
        let is_spelled_out = self.asked.ends_with(INCOMPATIBLE);
        let is_allowed = !self.inquiry.has_file(&self.revision, "go.mod")?
            && (is_spelled_out
                || !self
                    .inquiry
                    .has_file(&self.revision, &below(major, "go.mod"))?);
        self.incompatible.insert(major.to_owned(), is_allowed);
        Ok(is_allowed)
    }

    /// Checks that a version, given without `+incompatible` unless it was asked for so, may be that of this revision.
    fn check_canonical(&mut self, version: &str) -> Result<Stated, CodeError> {
        let home = self.find_home(version)?;
        let asked_base = plain(self.asked);
        let version = if version == asked_base {
            self.asked
        } else {
            version
        };
        let base = plain(version);
        let (version, fault) = self.fit(version, base)?;
        if canonical_version(self.asked).as_deref() == Some(self.asked) && asked_base != base {
            return Err(self.place.invalid(
                self.asked,
                format!("there is no tag for it, and the revision of this name is {version}"),
            ));
        }
        if let Some(fault) = fault {
            return Err(self.place.invalid(&version, fault));
        }
        let version: Version = version
            .parse()
            .map_err(|error| self.place.invalid(&version, error))?;
        Ok(Stated {
            version,
            revision: (*self.revision).clone(),
            directory: home.directory,
            go_mod: home
                .go_mod
                .unwrap_or_else(|| Bytes::from(modfile::synthesize(&self.place.path))),
        })
    }

    /// Adds the suffix where it belongs; gives what is wrong with the version beside it.
    fn fit(&mut self, version: &str, base: &str) -> Result<(String, Option<String>), CodeError> {
        let major = semver::major(base).unwrap_or_default();
        let fault = if self.is_fitting(base) {
            version
                .ends_with(INCOMPATIBLE)
                .then(|| format!("{INCOMPATIBLE} does not go with major version {major}"))
        } else if self.is_incompatible_allowed(base)? {
            return Ok((format!("{base}{INCOMPATIBLE}"), None));
        } else if self.place.major().is_empty() {
            Some(format!(
                "with a go.mod file this version belongs to the path {:?}",
                below(self.place.path.as_str(), major)
            ))
        } else {
            Some(format!(
                "its major version is not that of the path, {}",
                self.place.major()
            ))
        };
        Ok((version.to_owned(), fault))
    }

    /// Finds the module where `version` says. That is this revision, except for a tag in a subdirectory that looks like
    /// a pseudo-version: like cmd/go, this believes the revision in its name.
    fn find_home(&mut self, version: &str) -> Result<Home, CodeError> {
        match pseudo::rev(version) {
            Ok(rev) if rev != self.revision.short && version != self.asked => {
                let place = self.place;
                let other = self.inquiry.stat(rev).map_err(|error| {
                    if error.class.is_absence() {
                        place.absent(version, format!("unknown revision {rev}"))
                    } else {
                        error
                    }
                })?;
                find_home(self.inquiry, &other, version)
            }
            _ => find_home(self.inquiry, &self.revision, version),
        }
    }
}

fn plain(version: &str) -> &str {
    version.strip_suffix(INCOMPATIBLE).unwrap_or(version)
}
