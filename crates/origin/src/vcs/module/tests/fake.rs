//! A repository in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use gomod::zip::{Kind, MemoryTree, Tree};
use jiff::Timestamp;

use crate::upstream::UpstreamClass;
use crate::vcs::code::{Code, CodeError, Revision, Tag};

/// Commits are numbered from 1 and named by their number and zeros: `1000…`, `2000…`, at most 15 of them. Commit `n`
/// was made `n` minutes past midnight of 2020-01-01.
#[derive(Clone)]
pub struct Fake {
    commits: Vec<Commit>,
    tags: BTreeMap<String, usize>,
    branches: BTreeMap<String, usize>,
    /// Branch `main` and HEAD; 0 where there are no commits.
    head: usize,
    /// A beginning of the questions that find the repository out of reach.
    trouble: Option<&'static str>,
    has_history: bool,
    asked: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone)]
struct Commit {
    parents: Vec<usize>,
    files: BTreeMap<String, String>,
}

/// Where a tag points that points to no commit.
const BLOB: usize = usize::MAX;

impl Fake {
    /// Makes an empty repository.
    pub fn new() -> Self {
        Self {
            commits: Vec::new(),
            tags: BTreeMap::new(),
            branches: BTreeMap::new(),
            head: 0,
            trouble: None,
            has_history: true,
            asked: Arc::default(),
        }
    }

    /// Commits these files and no others onto the last commit. Names that end in `@` are symbolic links.
    pub fn commit(mut self, files: &[(&str, &str)]) -> Self {
        let parents = Vec::from_iter((self.head > 0).then_some(self.head));
        self.add(parents, files);
        self
    }

    /// Commits as [`Self::commit`], onto another commit, and goes on from there.
    pub fn commit_on(mut self, parent: usize, files: &[(&str, &str)]) -> Self {
        self.add(vec![parent], files);
        self
    }

    fn add(&mut self, parents: Vec<usize>, files: &[(&str, &str)]) {
        let files = files
            .iter()
            .map(|(name, content)| (name.to_string(), content.to_string()));
        self.commits.push(Commit {
            parents,
            files: files.collect(),
        });
        self.head = self.commits.len();
        assert!(self.head < 16);
    }

    /// Tags the last commit.
    pub fn tag(mut self, name: &str) -> Self {
        self.tags.insert(name.to_owned(), self.head);
        self
    }

    /// Tags something that is no commit.
    pub fn tag_blob(mut self, name: &str) -> Self {
        self.tags.insert(name.to_owned(), BLOB);
        self
    }

    /// Names the last commit.
    pub fn branch(mut self, name: &str) -> Self {
        self.branches.insert(name.to_owned(), self.head);
        self
    }

    /// Goes out of reach for questions that begin so.
    pub fn unreachable(mut self, question: &'static str) -> Self {
        self.trouble = Some(question);
        self
    }

    /// Becomes of a kind that cannot look through its history.
    pub fn without_history(mut self) -> Self {
        self.has_history = false;
        self
    }

    /// What was asked since this was called last.
    pub fn questions(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    fn ask(&self, question: String) -> Result<(), CodeError> {
        let in_trouble = self
            .trouble
            .is_some_and(|words| question.starts_with(words));
        self.asked.lock().unwrap().push(question);
        if in_trouble {
            return Err(CodeError::new(UpstreamClass::Unreachable, "no route"));
        }
        Ok(())
    }

    fn revision(&self, commit: usize, version: &str, reference: Option<String>) -> Revision {
        let short = format!("{commit:x}00000000000");
        let name = format!("{short}{}", "0".repeat(28));
        let tags: Vec<String> = self
            .tags
            .iter()
            .filter(|(_, target)| **target == commit)
            .map(|(tag, _)| tag.clone())
            .collect();
        let time: Timestamp = "2020-01-01T00:00:00Z".parse().unwrap();
        Revision {
            version: if tags.iter().any(|tag| tag == version) {
                version.to_owned()
            } else {
                name.clone()
            },
            name,
            short,
            time: (time + jiff::SignedDuration::from_mins(commit as i64)).into(),
            tags,
            reference,
        }
    }

    fn number(revision: &Revision) -> usize {
        usize::from_str_radix(&revision.name[..1], 16).unwrap()
    }

    fn ancestors(&self, commit: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut open = vec![commit];
        while let Some(commit) = open.pop() {
            if found.insert(commit) {
                open.extend(&self.commits[commit - 1].parents);
            }
        }
        found
    }
}

impl Code for Fake {
    fn vcs(&self) -> &'static str {
        "git"
    }

    fn url(&self) -> &str {
        "https://example.test/x"
    }

    fn list_tags(&self, prefix: &str) -> Result<Vec<Tag>, CodeError> {
        self.ask(format!("tags {prefix}"))?;
        Ok(self
            .tags
            .keys()
            .filter(|name| name.starts_with(prefix))
            .map(|name| Tag {
                name: name.clone(),
                id: String::new(),
            })
            .collect())
    }

    fn latest(&self) -> Result<Revision, CodeError> {
        self.ask("latest".to_owned())?;
        if self.head == 0 {
            return Err(CodeError::absent("no commits"));
        }
        Ok(self.revision(self.head, "", Some("HEAD".to_owned())))
    }

    fn stat(&self, rev: &str) -> Result<Revision, CodeError> {
        self.ask(format!("stat {rev}"))?;
        let unknown = || CodeError::absent(format!("{rev:?} names nothing"));
        if let Some(&commit) = self.tags.get(rev) {
            return if commit == BLOB {
                Err(unknown())
            } else {
                Ok(self.revision(commit, rev, Some(format!("refs/tags/{rev}"))))
            };
        }
        if let Some(&commit) = self.branches.get(rev) {
            return Ok(self.revision(commit, rev, Some(format!("refs/heads/{rev}"))));
        }
        if rev == "main" && self.head > 0 {
            return Ok(self.revision(self.head, rev, Some("refs/heads/main".to_owned())));
        }
        (1..=self.commits.len())
            .map(|commit| self.revision(commit, rev, None))
            .find(|revision| rev.len() >= 7 && revision.name.starts_with(rev))
            .ok_or_else(unknown)
    }

    fn read_file(
        &self,
        revision: &Revision,
        path: &str,
        limit_bytes: u64,
    ) -> Result<Option<Bytes>, CodeError> {
        let commit = Self::number(revision);
        self.ask(format!("read {commit}:{path}"))?;
        let files = &self.commits[commit - 1].files;
        let content = files
            .get(path)
            .or_else(|| files.get(&format!("{path}@")))
            .map(|content| Bytes::from(content.clone()));
        if content
            .as_ref()
            .is_some_and(|content| content.len() as u64 > limit_bytes)
        {
            return Err(CodeError::invalid(format!("{path} is too large")));
        }
        Ok(content)
    }

    fn recent_tag(
        &self,
        revision: &Revision,
        prefix: &str,
        is_allowed: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Option<String>, CodeError> {
        let commit = Self::number(revision);
        self.ask(format!("recent {commit} {prefix}"))?;
        if !self.has_history {
            return Ok(None);
        }
        let ancestors = self.ancestors(commit);
        let mut tags: Vec<&String> = self
            .tags
            .iter()
            .filter(|(name, target)| name.starts_with(prefix) && ancestors.contains(target))
            .map(|(name, _)| name)
            .filter(|name| is_allowed(name))
            .collect();
        tags.sort_by(|a, b| gomod::semver::compare(&a[prefix.len()..], &b[prefix.len()..]));
        Ok(tags.last().map(|tag| tag.to_string()))
    }

    fn descends_from(&self, revision: &Revision, tag: &str) -> Result<bool, CodeError> {
        let commit = Self::number(revision);
        self.ask(format!("descends {commit} {tag}"))?;
        if !self.has_history {
            return Err(CodeError::invalid("no history"));
        }
        Ok(self.ancestors(commit).contains(&self.tags[tag]))
    }

    fn open_tree(
        &self,
        revision: &Revision,
        directory: &str,
    ) -> Result<Box<dyn Tree + Send>, CodeError> {
        let commit = Self::number(revision);
        self.ask(format!("tree {commit}:{directory}"))?;
        let prefix = if directory.is_empty() {
            String::new()
        } else {
            format!("{directory}/")
        };
        let mut tree = MemoryTree::new();
        for (name, content) in &self.commits[commit - 1].files {
            let Some(name) = name.strip_prefix(&prefix) else {
                continue;
            };
            match (name.strip_suffix('@'), name.strip_suffix('/')) {
                (Some(link), _) => tree.add_kind(link, Kind::Symlink, content.as_bytes()),
                (_, Some(inner)) => tree.add_kind(inner, Kind::Directory, ""),
                _ => tree.add(name, content.as_bytes()),
            };
        }
        if tree.files().is_empty() && !directory.is_empty() {
            return Err(CodeError::absent(format!("no directory {directory}")));
        }
        Ok(Box::new(tree))
    }
}
