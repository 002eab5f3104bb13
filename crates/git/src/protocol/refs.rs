//! Refs as a server names them.

use super::error::ProtocolError;
use super::name::is_ref_name;
use super::packet::ProtocolLimits;
use crate::id::{HashKind, ObjectId};

/// A ref of a repository elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteRef {
    /// The full name: `HEAD` or `refs/…`, always one that [`super::is_ref_name`] takes.
    pub name: String,
    /// What it names.
    pub id: ObjectId,
    /// Where that is an annotated tag: what it points to in the end.
    pub peeled: Option<ObjectId>,
    /// Where it is a symbolic ref: the name of the ref behind it, as the server said it.
    pub symref: Option<String>,
}

/// The refs of a repository, sorted by name, each name once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefList {
    refs: Vec<RemoteRef>,
    /// The branch that `HEAD` names although it has no commit yet, where the server says so.
    pub unborn_head: Option<String>,
    /// Refs that were left out since their names are none that git takes, or not UTF-8.
    pub dropped_count: usize,
}

impl RefList {
    /// The refs, sorted by name.
    pub fn refs(&self) -> &[RemoteRef] {
        &self.refs
    }

    /// The ref of that full name.
    pub fn find(&self, name: &str) -> Option<&RemoteRef> {
        let at = self
            .refs
            .binary_search_by(|found| found.name.as_str().cmp(name));
        at.ok().map(|at| &self.refs[at])
    }

    /// The refs whose names begin with one of `prefixes`; all where there is none.
    pub(super) fn select(&self, prefixes: &[&str]) -> Self {
        let is_wanted = |found: &&RemoteRef| matches_any(&found.name, prefixes);
        Self {
            refs: self.refs.iter().filter(is_wanted).cloned().collect(),
            unborn_head: self.unborn_head.clone(),
            dropped_count: self.dropped_count,
        }
    }
}

/// Whether a name begins with one of `prefixes`, or there is none.
pub(super) fn matches_any(name: &str, prefixes: &[&str]) -> bool {
    prefixes.is_empty() || prefixes.iter().any(|prefix| name.starts_with(prefix))
}

/// Gathers refs within bounds.
pub(super) struct RefGatherer<'a> {
    limits: &'a ProtocolLimits,
    list: RefList,
    lines: usize,
    names_bytes: u64,
}

impl<'a> RefGatherer<'a> {
    pub(super) fn new(limits: &'a ProtocolLimits) -> Self {
        Self {
            limits,
            list: RefList::default(),
            lines: 0,
            names_bytes: 0,
        }
    }

    /// Counts a line of the server against the bounds, whatever comes of it.
    pub(super) fn count(&mut self, line: &[u8]) -> Result<(), ProtocolError> {
        self.lines += 1;
        self.names_bytes += line.len() as u64;
        // A peeled tag has a line of its own in the older versions.
        if self.lines > self.limits.refs_max.saturating_mul(2) {
            return Err(self.too_many());
        }
        // Beside its name a line has at most two ids and three words.
        let beside = 256 * self.lines as u64;
        if self.names_bytes > self.limits.names_bytes_max.saturating_add(beside) {
            return Err(ProtocolError::TooMuch {
                what: "bytes of names of refs",
                limit: self.limits.names_bytes_max,
            });
        }
        Ok(())
    }

    /// Adds a ref, or counts it as dropped where its name is none.
    pub(super) fn add(
        &mut self,
        name: &[u8],
        id: ObjectId,
        peeled: Option<ObjectId>,
        symref: Option<&[u8]>,
    ) -> Result<(), ProtocolError> {
        if self.list.refs.len() >= self.limits.refs_max {
            return Err(self.too_many());
        }
        match checked(name) {
            Some(name) => self.list.refs.push(RemoteRef {
                name: name.to_owned(),
                id,
                peeled,
                symref: symref.and_then(checked).map(str::to_owned),
            }),
            None => self.list.dropped_count += 1,
        }
        Ok(())
    }

    /// Says what the ref added last points to in the end, where that is `name`.
    pub(super) fn peel_last(&mut self, name: &[u8], peeled: ObjectId) {
        if let Some(last) = self.list.refs.last_mut()
            && last.name.as_bytes() == name
        {
            last.peeled = Some(peeled);
        }
    }

    /// Says that `HEAD` names a branch without commits.
    pub(super) fn set_unborn_head(&mut self, target: &[u8]) {
        self.list.unborn_head = checked(target).map(str::to_owned);
    }

    /// Says which ref is behind a symbolic one.
    pub(super) fn set_symref(&mut self, name: &str, target: &str) {
        let Some(target) = checked(target.as_bytes()) else {
            return;
        };
        for found in self.list.refs.iter_mut().filter(|found| found.name == name) {
            found.symref = Some(target.to_owned());
        }
    }

    /// The list. Of refs that have one name the last one counts, as in a list that is read into a map.
    pub(super) fn finish(mut self) -> RefList {
        self.list.refs.reverse();
        self.list.refs.sort_by(|a, b| a.name.cmp(&b.name));
        self.list
            .refs
            .dedup_by(|later, kept| later.name == kept.name);
        self.list
    }

    fn too_many(&self) -> ProtocolError {
        ProtocolError::TooMuch {
            what: "refs",
            limit: self.limits.refs_max as u64,
        }
    }
}

fn checked(name: &[u8]) -> Option<&str> {
    std::str::from_utf8(name)
        .ok()
        .filter(|name| is_ref_name(name))
}

/// Reads an id of the repository's own format.
pub(super) fn parse_id(text: &[u8], kind: HashKind) -> Result<ObjectId, ProtocolError> {
    std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse::<ObjectId>().ok())
        .filter(|id| id.kind() == kind)
        .ok_or_else(|| {
            ProtocolError::garbled(format!(
                "an id is not {} hexadecimal digits",
                kind.len_hex()
            ))
        })
}
