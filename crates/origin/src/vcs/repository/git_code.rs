//! A git repository as cmd/go's rules see it: what tags, branches and hashes name, files, history.
//!
//! Source: cmd/go/internal/modfetch/codehost, `gitRepo`. Where cmd/go's answer depends on what its clone happens to hold,
//! ours is the one of a full clone.

use std::sync::Arc;

use bytes::Bytes;
use git::archive::{ArchiveError, find_path, list_files};
use git::database::Database;
use git::id::ObjectId;
use git::object::EntryKind;
use gomod::semver;
use gomod::zip::Tree;

use super::cached::{Cached, ContentError, Need};
use super::conversation::explain;
use super::files::GitFiles;
use super::forms::Forms;
use super::load::Load;
use super::refs::{Prefixed, Refs};
use crate::upstream::UpstreamClass;
use crate::vcs::code::{Code, CodeError, Revision, Tag};
use crate::vcs::commit_time::CommitTime;

/// Fewest digits of a hash that are looked for. Source: cmd/go, `codehost.minHashDigits`.
const HASH_DIGITS_MIN: usize = 7;

/// Digits of a hash in pseudo-versions.
const SHORT_DIGITS: usize = 12;

/// A git repository during one question.
pub struct GitCode {
    cached: Arc<Cached>,
    forms: Arc<Forms>,
    load: Arc<Load>,
}

/// What a name led to: a commit, and the ref where a ref did.
struct Led {
    id: ObjectId,
    reference: Option<String>,
    /// What was asked for, where tags keep their own name.
    name: String,
}

impl GitCode {
    /// The repository behind `cached`; `forms` remembers contents for other versions and repositories, and `load` is
    /// the memory that they share.
    pub fn new(cached: Arc<Cached>, forms: Arc<Forms>, load: Arc<Load>) -> Self {
        Self {
            cached,
            forms,
            load,
        }
    }

    fn find(&self, refs: &Refs, rev: &str) -> Result<Option<Led>, CodeError> {
        let led = |id: ObjectId, reference: String, name: String| {
            Ok(Some(Led {
                id,
                reference: Some(reference),
                name,
            }))
        };
        if let Some(id) = refs.find_tag(rev) {
            return led(id, format!("refs/tags/{rev}"), rev.to_owned());
        }
        if let Some(id) = refs.find_branch(rev) {
            return led(id, format!("refs/heads/{rev}"), id.to_string());
        }
        if rev == "HEAD"
            && let Some(id) = refs.find_head()
        {
            return led(id, rev.to_owned(), id.to_string());
        }
        if !is_hash_digits(rev) {
            return Ok(None);
        }
        match refs.find_prefix(rev) {
            Prefixed::One(id, reference) => led(id, reference, id.to_string()),
            Prefixed::Many => Err(CodeError::invalid(format!(
                "{}: ambiguous revision {rev}: several branches or tags begin so",
                self.cached.url()
            ))),
            Prefixed::Nothing => self.find_in_history(refs, rev),
        }
    }

    /// Among all commits that refs lead to; never anything else that the server would hand out, such as a commit of a
    /// rejected pull request.
    fn find_in_history(&self, refs: &Refs, digits: &str) -> Result<Option<Led>, CodeError> {
        if refs.list_objects().is_empty() {
            return Ok(None);
        }
        let history = self.cached.history(refs)?;
        let commits = history.iter().filter(|id| id.starts_with(digits)).copied();
        // An annotated tag is an object of its own, and its hash names what it marks.
        let tags = self.cached.list_tagged(refs, digits)?;
        let marked = tags.into_iter().filter(|id| history.contains(id));
        let mut found: Vec<ObjectId> = commits.chain(marked).take(2).collect();
        // Two objects that begin so: cmd/go knows neither of them.
        let only = found.pop().filter(|_| found.is_empty());
        Ok(only.map(|id| Led {
            id,
            reference: None,
            name: id.to_string(),
        }))
    }

    fn revision(&self, refs: &Refs, led: Led, asked: &str) -> Result<Revision, CodeError> {
        // A tag is asked for to be built. A branch may hold no such module at all.
        let is_tag = (led.reference.as_ref()).is_some_and(|name| name.starts_with("refs/tags/"));
        let need = if is_tag { Need::Files } else { Need::Names };
        let Some(commit) = self.cached.commit(&led.id, need)? else {
            return Err(self.unknown(asked));
        };
        let seconds = commit.committer_seconds;
        let time = seconds.and_then(CommitTime::from_unix_seconds);
        let time = time.ok_or_else(|| {
            CodeError::invalid(format!(
                "{}: commit {} has no time, or one that no calendar holds",
                self.cached.url(),
                led.id
            ))
        })?;
        let name = led.id.to_string();
        Ok(Revision {
            short: name[..SHORT_DIGITS].to_owned(),
            name,
            time,
            version: led.name,
            tags: refs.list_tags_of(&led.id),
            reference: led.reference,
        })
    }

    fn unknown(&self, rev: &str) -> CodeError {
        CodeError::absent(format!("unknown revision {rev} in {}", self.cached.url()))
    }

    /// The commit that a revision of ours names.
    fn id_of(&self, revision: &Revision) -> Result<ObjectId, CodeError> {
        let id = revision.name.parse();
        id.map_err(|_| self.unknown(&revision.name))
    }

    /// The root directory of a revision's commit.
    fn root_of(&self, commit: &ObjectId) -> Result<ObjectId, CodeError> {
        let found = self.cached.commit(commit, Need::Files)?;
        found
            .map(|found| found.tree)
            .ok_or_else(|| self.unknown(&commit.to_string()))
    }

    fn of_archive(&self, error: ArchiveError) -> ContentError {
        match error {
            ArchiveError::Missing(id) => ContentError::Missing(id),
            ArchiveError::Database(cause) => ContentError::Code(self.cached.corrupt(&cause)),
            error => ContentError::Code(CodeError::invalid(format!(
                "{}: {}",
                self.cached.url(),
                explain(&error)
            ))),
        }
    }

    fn read_blob(
        &self,
        database: &Database,
        id: &ObjectId,
        limit_bytes: u64,
        path: &str,
    ) -> Result<Bytes, ContentError> {
        let trouble = |cause| ContentError::Code(self.cached.corrupt(&cause));
        let header = database.find_header(id).map_err(trouble)?;
        let (_, size_bytes) = header.ok_or(ContentError::Missing(*id))?;
        if size_bytes > limit_bytes {
            return Err(ContentError::Code(CodeError::invalid(format!(
                "{}: {path} has {size_bytes} bytes, more than the {limit_bytes} allowed for it",
                self.cached.url()
            ))));
        }
        let object = database.find(id, limit_bytes).map_err(trouble)?;
        object
            .map(|object| object.bytes)
            .ok_or(ContentError::Missing(*id))
    }
}

impl Code for GitCode {
    fn vcs(&self) -> &'static str {
        "git"
    }

    fn url(&self) -> &str {
        self.cached.url()
    }

    fn list_tags(&self, prefix: &str) -> Result<Vec<Tag>, CodeError> {
        let tags = self.cached.refs()?.list_tags(prefix);
        Ok(tags.into_iter().map(|(tag, _)| tag).collect())
    }

    fn latest(&self) -> Result<Revision, CodeError> {
        let refs = self.cached.refs()?;
        let Some(head) = refs.find_head() else {
            return Err(CodeError::absent(format!(
                "{}: no commits",
                self.cached.url()
            )));
        };
        let led = Led {
            id: head,
            reference: Some("HEAD".to_owned()),
            name: head.to_string(),
        };
        self.revision(&refs, led, "HEAD")
    }

    fn stat(&self, rev: &str) -> Result<Revision, CodeError> {
        let refs = self.cached.refs()?;
        if let Some(led) = self.find(&refs, rev)? {
            return self.revision(&refs, led, rev);
        }
        // A tag may have been pushed since the refs were listed.
        let newer = self.cached.refs_after(Arc::clone(&refs))?;
        if !Arc::ptr_eq(&newer, &refs)
            && let Some(led) = self.find(&newer, rev)?
        {
            return self.revision(&newer, led, rev);
        }
        Err(self.unknown(rev))
    }

    fn read_file(
        &self,
        revision: &Revision,
        path: &str,
        limit_bytes: u64,
    ) -> Result<Option<Bytes>, CodeError> {
        let commit = self.id_of(revision)?;
        let root = self.root_of(&commit)?;
        self.cached.with_content(&commit, |database| {
            let found = find_path(database, &root, path).map_err(|error| self.of_archive(error))?;
            match found {
                Some((EntryKind::File | EntryKind::Symlink, id)) => {
                    self.read_blob(database, &id, limit_bytes, path).map(Some)
                }
                _ => Ok(None),
            }
        })
    }

    fn recent_tag(
        &self,
        revision: &Revision,
        prefix: &str,
        is_allowed: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Option<String>, CodeError> {
        let refs = self.cached.refs()?;
        let mut candidates: Vec<(Tag, ObjectId)> = refs.list_tags(prefix);
        candidates.retain(|(tag, _)| {
            semver::is_valid(&tag.name[prefix.len()..]) && is_allowed(&tag.name)
        });
        if candidates.is_empty() {
            return Ok(None);
        }
        // The highest first; of equal ones the first by name, which a stable sort keeps in front.
        candidates.sort_by(|(a, _), (b, _)| {
            semver::compare(&b.name[prefix.len()..], &a.name[prefix.len()..])
        });
        let commit = self.id_of(revision)?;
        let ancestors = self.cached.ancestors(&refs, &commit)?;
        let found = candidates
            .into_iter()
            .find(|(_, id)| ancestors.contains(id));
        Ok(found.map(|(tag, _)| tag.name))
    }

    fn descends_from(&self, revision: &Revision, tag: &str) -> Result<bool, CodeError> {
        let refs = self.cached.refs()?;
        let Some(base) = refs.find_tag(tag) else {
            return Ok(false);
        };
        let commit = self.id_of(revision)?;
        if base == commit {
            return Ok(true);
        }
        Ok(self.cached.ancestors(&refs, &commit)?.contains(&base))
    }

    fn fetch_many(&self, revs: &[String]) -> Result<(), CodeError> {
        let refs = self.cached.refs()?;
        let commits: Vec<ObjectId> = revs.iter().filter_map(|rev| refs.find_tag(rev)).collect();
        self.cached.fetch_contents(&commits)
    }

    fn open_tree(
        &self,
        revision: &Revision,
        directory: &str,
    ) -> Result<Box<dyn Tree + Send>, CodeError> {
        let commit = self.id_of(revision)?;
        let root = self.root_of(&commit)?;
        let opened = self.cached.with_content(&commit, |database| {
            let listed = self.load.open(ArchiveError::is_too_large, |limits| {
                list_files(database, &root, directory, limits)
            });
            let (listed, taken) = listed.map_err(|error| self.of_archive(error))?;
            let Some(listed) = listed else {
                return Ok(None);
            };
            let (forms, load) = (Arc::clone(&self.forms), Arc::clone(&self.load));
            GitFiles::open(database.clone(), listed, forms, load, taken).map(Some)
        })?;
        match opened {
            Some(files) => Ok(Box::new(files)),
            None => Err(CodeError::new(
                UpstreamClass::Absent,
                format!(
                    "{}: there is no directory {directory} in {commit}",
                    self.cached.url()
                ),
            )),
        }
    }
}

/// Whether a text can be the beginning of a hash. Source: cmd/go, `codehost.AllHex` and `minHashDigits`.
fn is_hash_digits(text: &str) -> bool {
    (HASH_DIGITS_MIN..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
