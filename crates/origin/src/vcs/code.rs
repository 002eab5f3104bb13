//! What a repository can be asked, whatever program or format is behind it.
//!
//! Source of what is asked: cmd/go/internal/modfetch/codehost, `Repo`.

use bytes::Bytes;
use gomod::zip::Tree;

use super::commit_time::CommitTime;
use crate::upstream::UpstreamClass;

/// A tag as the repository names it, e.g. `sub/v1.2.3`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag {
    /// The name without `refs/tags/`.
    pub name: String,
    /// Full id of what it points to, annotated tags peeled; empty where the kind of repository gives none.
    pub id: String,
}

/// A revision that exists, is reachable from a branch or a tag, and can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Full name: a git commit's 40 or 64 digits, an svn revision number …
    pub name: String,
    /// The form that stands in pseudo-versions: 12 digits for git and hg.
    pub short: String,
    /// Commit time (git: the committer's).
    pub time: CommitTime,
    /// What was asked for where that is a tag of this revision, else `name`.
    pub version: String,
    /// All tags of this revision, sorted, without duplicates.
    pub tags: Vec<String>,
    /// The full name of the ref that led here (`refs/tags/v1.0.0`, `refs/heads/main`, `HEAD`), where one did.
    pub reference: Option<String>,
}

/// Why a repository gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct CodeError {
    /// What kind of no it is. `Absent`: asked and not there. `Gone` is never said of a repository that could not be reached.
    pub class: UpstreamClass,
    /// What happened, to what, and what to do, in words.
    pub text: String,
}

impl CodeError {
    /// An error in words.
    pub fn new(class: UpstreamClass, text: impl Into<String>) -> Self {
        Self {
            class,
            text: text.into(),
        }
    }

    /// "Is not there".
    pub fn absent(text: impl Into<String>) -> Self {
        Self::new(UpstreamClass::Absent, text)
    }

    /// "Is there, and can be no module": what cmd/go calls an error too.
    pub fn invalid(text: impl Into<String>) -> Self {
        Self::new(UpstreamClass::Invalid, text)
    }
}

/// A repository. Every call blocks and may talk to the origin; answers about what never changes come from a cache.
pub trait Code: Send + Sync {
    /// `git`, `hg`, `svn`, `fossil` or `bzr`.
    fn vcs(&self) -> &'static str;

    /// The address of the repository for `.info` files: without user and password.
    fn url(&self) -> &str;

    /// Tags whose names begin with `prefix`, sorted by name.
    fn list_tags(&self, prefix: &str) -> Result<Vec<Tag>, CodeError>;

    /// The revision that `latest` names where no tag does: git's HEAD, hg's tip …
    fn latest(&self) -> Result<Revision, CodeError>;

    /// The revision that `rev` names: a tag, a branch, a revision's name or the beginning of one, in this order.
    /// Nothing that is not reachable from branches, tags and HEAD is ever found.
    fn stat(&self, rev: &str) -> Result<Revision, CodeError>;

    /// A file's content as stored, without any conversion; a symbolic link gives its target. `None` where there is no
    /// such file. More than `limit_bytes` is an error of class `Invalid`.
    fn read_file(
        &self,
        revision: &Revision,
        path: &str,
        limit_bytes: u64,
    ) -> Result<Option<Bytes>, CodeError>;

    /// Of the tags that begin with `prefix`, whose revisions are ancestors of `revision` or itself, and that
    /// `is_allowed` lets through: the one with the highest semantic version behind `prefix`. `None` also where this kind
    /// of repository cannot search its history.
    fn recent_tag(
        &self,
        _revision: &Revision,
        _prefix: &str,
        _is_allowed: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Option<String>, CodeError> {
        Ok(None)
    }

    /// Whether the tag's revision is an ancestor of `revision`, or itself.
    fn descends_from(&self, revision: &Revision, tag: &str) -> Result<bool, CodeError>;

    /// The files below `directory` (empty for the root) as this kind of repository archives them, paths relative to it.
    /// `Absent` where there is no such directory.
    fn open_tree(
        &self,
        revision: &Revision,
        directory: &str,
    ) -> Result<Box<dyn Tree + Send>, CodeError>;

    /// Fetches many revisions together, where that is faster than one by one. Names that mean nothing are passed over.
    ///
    /// # Errors
    /// The origin's; asking for one of the revisions then tells more.
    fn fetch_many(&self, _revs: &[String]) -> Result<(), CodeError> {
        Ok(())
    }
}
