//! One question about a module, and the answers of its repository so far: nothing is asked twice.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::place::Place;
use crate::upstream::UpstreamClass;
use crate::vcs::code::{Code, CodeError, Revision, Tag};

/// Longest `go.mod` and `LICENSE` that are read, in bytes: Go's own limit for both.
pub const FILE_BYTES_MAX: u64 = 16 << 20;

/// What a repository has said while one question was worked on.
///
/// Every answer may cost a round trip, and history many: who works on a question asks through this, and asks as late
/// as the rules allow.
pub struct Inquiry<'m> {
    /// The repository.
    pub code: &'m dyn Code,
    /// The module.
    pub place: &'m Place,
    tags: Option<Arc<[Tag]>>,
    /// By what was asked for, and by their tags.
    revisions: HashMap<String, Arc<Revision>>,
    /// By name of the revision and path.
    files: HashMap<(String, String), Option<Bytes>>,
}

impl<'m> Inquiry<'m> {
    /// Begins to work on a question.
    pub fn new(code: &'m dyn Code, place: &'m Place) -> Self {
        Self {
            code,
            place,
            tags: None,
            revisions: HashMap::new(),
            files: HashMap::new(),
        }
    }

    /// All tags that could name a version of this module, sorted by name.
    ///
    /// # Errors
    /// Those of the repository.
    pub fn tags(&mut self) -> Result<Arc<[Tag]>, CodeError> {
        if let Some(tags) = &self.tags {
            return Ok(tags.clone());
        }
        // Every version begins with a "v", and the other tags of a repository can be many.
        let prefix = self.place.tag_prefix() + "v";
        let mut tags = self.code.list_tags(&prefix)?;
        tags.retain(|tag| tag.name.starts_with(&prefix));
        Ok(self.tags.insert(tags.into()).clone())
    }

    /// The revision that `rev` names in the repository. Where another name led to it before, it bears that one.
    ///
    /// # Errors
    /// Those of the repository.
    pub fn stat(&mut self, rev: &str) -> Result<Arc<Revision>, CodeError> {
        if let Some(revision) = self.revisions.get(rev) {
            return Ok(revision.clone());
        }
        let revision = self.code.stat(rev)?;
        Ok(self.remember(rev, revision))
    }

    /// Takes down what `rev` names, so that neither it nor any tag on it is asked for again.
    pub fn remember(&mut self, rev: &str, revision: Revision) -> Arc<Revision> {
        let revision = Arc::new(revision);
        self.revisions.insert(rev.to_owned(), revision.clone());
        for tag in &revision.tags {
            self.revisions
                .entry(tag.clone())
                .or_insert_with(|| revision.clone());
        }
        revision
    }

    /// A file of a revision, as stored.
    ///
    /// # Errors
    /// Those of the repository; class `Invalid` over [`FILE_BYTES_MAX`].
    pub fn read_file(
        &mut self,
        revision: &Revision,
        path: &str,
    ) -> Result<Option<Bytes>, CodeError> {
        let key = (revision.name.clone(), path.to_owned());
        if let Some(content) = self.files.get(&key) {
            return Ok(content.clone());
        }
        let content = self.code.read_file(revision, path, FILE_BYTES_MAX)?;
        self.files.insert(key, content.clone());
        Ok(content)
    }

    /// Whether a revision has a file of this name. One that is too large to be read is there all the same.
    ///
    /// # Errors
    /// Those of the repository.
    pub fn has_file(&mut self, revision: &Revision, path: &str) -> Result<bool, CodeError> {
        match self.read_file(revision, path) {
            Ok(content) => Ok(content.is_some()),
            Err(error) if error.class == UpstreamClass::Invalid => Ok(true),
            Err(error) => Err(error),
        }
    }
}

/// Whether an error is an answer, which will be the same when asked again, and no trouble of the moment.
pub fn is_answer(error: &CodeError) -> bool {
    error.class.is_absence() || error.class == UpstreamClass::Invalid
}
