//! What is asked for in a fetch, and what is said beside the pack.

use std::collections::HashSet;

use super::error::ProtocolError;
use super::packet::{ProtocolLimits, Request};
use super::refs::parse_id;
use crate::id::{HashKind, ObjectId};

/// git's word for "as deep as there is anything"; every server knows it.
const DEPTH_WITHOUT_END: u32 = 0x7fff_ffff;

/// How much history is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deepen {
    /// All of it, as far as what [`FetchAsk::shallow`] lists stays cut off.
    #[default]
    No,
    /// This many commits from each wanted one, 1 for the wanted ones alone. 0 is taken for 1.
    Commits(u32),
    /// All of it, also where it was cut off before.
    Whole,
}

/// Objects that are left out of the pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// All files.
    BlobNone,
    /// All directories and files.
    TreeNone,
}

impl Filter {
    const fn spec(self) -> &'static str {
        match self {
            Self::BlobNone => "blob:none",
            Self::TreeNone => "tree:0",
        }
    }
}

/// What is wanted and what is there already. All ids are of the repository's own format.
#[derive(Clone, Copy, Debug, Default)]
pub struct FetchAsk<'a> {
    /// Wanted objects, at least one.
    pub wants: &'a [ObjectId],
    /// Commits that are there with their whole history (as far as it is not cut off): a few thousand at most make sense.
    pub haves: &'a [ObjectId],
    /// Commits that are there whose parents are not.
    pub shallow: &'a [ObjectId],
    /// How much history is wanted.
    pub deepen: Deepen,
    /// What is left out, where [`super::Session::can_filter`] says that it can be.
    pub filter: Option<Filter>,
}

impl FetchAsk<'_> {
    /// Whether the answer begins with where history is cut off now.
    pub(super) fn is_deepening(&self) -> bool {
        self.deepen != Deepen::No
    }

    pub(super) fn needs_shallow(&self) -> bool {
        self.is_deepening() || !self.shallow.is_empty()
    }

    /// Writes where history is cut off, how much is wanted and what is left out: the same lines in all versions.
    pub(super) fn write_bounds(&self, request: &mut Request) {
        for id in self.shallow {
            request.line(&format!("shallow {id}"));
        }
        match self.deepen {
            Deepen::No => {}
            Deepen::Commits(commits) => request.line(&format!("deepen {}", commits.max(1))),
            Deepen::Whole => request.line(&format!("deepen {DEPTH_WITHOUT_END}")),
        }
        if let Some(filter) = self.filter {
            request.line(&format!("filter {}", filter.spec()));
        }
    }

    /// Writes what is there already, and that this is all that will be said.
    pub(super) fn write_haves(&self, request: &mut Request) {
        for id in self.haves {
            request.line(&format!("have {id}"));
        }
        request.line("done");
    }
}

/// How the places change where history is cut off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShallowChange {
    /// Commits whose parents are not given. Ids as the server said them: whether they are commits of the pack is not
    /// known here.
    pub shallow: Vec<ObjectId>,
    /// Commits of [`FetchAsk::shallow`] whose parents are there now.
    pub unshallow: Vec<ObjectId>,
}

impl ShallowChange {
    /// Takes a line `shallow <id>` or `unshallow <id>`.
    pub(super) fn take(
        &mut self,
        line: &[u8],
        known: &HashSet<ObjectId>,
        hash_kind: HashKind,
        limits: &ProtocolLimits,
    ) -> Result<(), ProtocolError> {
        if self.shallow.len() + self.unshallow.len() >= limits.refs_max {
            return Err(ProtocolError::TooMuch {
                what: "places where history is cut off",
                limit: limits.refs_max as u64,
            });
        }
        if let Some(id) = line.strip_prefix(b"shallow ") {
            self.shallow.push(parse_id(id, hash_kind)?);
            return Ok(());
        }
        let Some(id) = line.strip_prefix(b"unshallow ") else {
            return Err(ProtocolError::garbled(
                "a line that says nothing about where history is cut off",
            ));
        };
        let id = parse_id(id, hash_kind)?;
        if !known.contains(&id) {
            return Err(ProtocolError::garbled(format!(
                "it completes the history of {id}, which was not cut off"
            )));
        }
        self.unshallow.push(id);
        Ok(())
    }
}

/// What came of a fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched<T> {
    /// What the taker made of the pack.
    pub taken: T,
    /// Where history is cut off now.
    pub change: ShallowChange,
}
