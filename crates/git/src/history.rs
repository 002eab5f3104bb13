//! Walks over commits.

use std::collections::{BinaryHeap, HashSet};

use crate::database::{Database, DatabaseError};
use crate::id::ObjectId;
use crate::object::{Commit, ObjectError, ObjectKind, parse_commit, parse_tag};

/// Size of a commit or a tag. The message may be long, but nobody reads this much.
const COMMIT_BYTES_MAX: u64 = 32 << 20;

/// Tags of tags that are followed.
const TAG_DEPTH_MAX: usize = 64;

/// Commits that [`is_ancestor`] looks at. The longest histories have 1.5 million; this takes 400 MiB of ids.
const COMMITS_MAX: usize = 4_000_000;

/// Why a walk cannot be finished.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// A commit or tag that the answer depends on is not there: the history was fetched in part only.
    #[error("commit {0} is not there")]
    Missing(ObjectId),
    /// An object is no commit where one belongs.
    #[error("object {0} is no commit")]
    NoCommit(ObjectId),
    /// A commit or tag cannot be read.
    #[error("object {id} cannot be read")]
    Malformed {
        /// The object.
        id: ObjectId,
        /// What is wrong with it.
        #[source]
        cause: ObjectError,
    },
    /// More commits than the caller or this module follows.
    #[error("the history has more than {max} commits")]
    TooManyCommits {
        /// The limit.
        max: usize,
    },
    /// A tag of a tag of a tag, and so on.
    #[error("tag {0} leads through too many other tags")]
    TooManyTags(ObjectId),
    /// The database fails.
    #[error("the history cannot be read")]
    Database(#[from] DatabaseError),
}

/// Reads a commit.
///
/// # Errors
/// [`HistoryError::Missing`], [`HistoryError::NoCommit`] and others.
pub fn read_commit(database: &Database, id: &ObjectId) -> Result<Commit, HistoryError> {
    let object = database
        .find(id, COMMIT_BYTES_MAX)?
        .ok_or(HistoryError::Missing(*id))?;
    if object.kind != ObjectKind::Commit {
        return Err(HistoryError::NoCommit(*id));
    }
    parse_commit(&object.bytes, database.hash())
        .map_err(|cause| HistoryError::Malformed { id: *id, cause })
}

/// Follows tags to what they mark in the end: its id and kind. An object that is no tag is its own end.
///
/// # Errors
/// [`HistoryError::Missing`] if a tag or its target is not there, [`HistoryError::TooManyTags`] and others.
pub fn peel(database: &Database, id: &ObjectId) -> Result<(ObjectId, ObjectKind), HistoryError> {
    let mut at = *id;
    for _ in 0..TAG_DEPTH_MAX {
        let (kind, _) = database
            .find_header(&at)?
            .ok_or(HistoryError::Missing(at))?;
        if kind != ObjectKind::Tag {
            return Ok((at, kind));
        }
        let tag = database
            .find(&at, COMMIT_BYTES_MAX)?
            .ok_or(HistoryError::Missing(at))?;
        let tag = parse_tag(&tag.bytes, database.hash());
        at = tag
            .map_err(|cause| HistoryError::Malformed { id: at, cause })?
            .target;
    }
    Err(HistoryError::TooManyTags(*id))
}

/// Whether `ancestor` can be reached from `descendant` by going to parents; a commit is its own ancestor.
///
/// Where a part of the history is missing the answer may still be yes; a no needs all of it.
///
/// # Errors
/// [`HistoryError::Missing`] with the first commit that was not there, if `ancestor` was not found otherwise.
pub fn is_ancestor(
    database: &Database,
    ancestor: &ObjectId,
    descendant: &ObjectId,
) -> Result<bool, HistoryError> {
    // Younger commits first: that finds ancestors soon, and decides nothing.
    let mut queue = BinaryHeap::from([(i64::MAX, *descendant)]);
    let mut seen = HashSet::from([*descendant]);
    let mut missing = None;
    while let Some((_, id)) = queue.pop() {
        if id == *ancestor {
            return Ok(true);
        }
        let commit = match read_commit(database, &id) {
            Ok(commit) => commit,
            Err(HistoryError::Missing(id)) => {
                missing.get_or_insert(id);
                continue;
            }
            Err(error) => return Err(error),
        };
        for parent in commit.parents {
            if parent == *ancestor {
                return Ok(true);
            }
            if seen.insert(parent) {
                queue.push((commit.committer_seconds.unwrap_or(0), parent));
            }
        }
        if seen.len() > COMMITS_MAX {
            return Err(HistoryError::TooManyCommits { max: COMMITS_MAX });
        }
    }
    missing.map_or(Ok(false), |id| Err(HistoryError::Missing(id)))
}

/// All commits that can be reached from `tips`, with these. Tags among the tips are peeled; what they mark must be commits.
///
/// # Errors
/// [`HistoryError::TooManyCommits`] beyond `commits_max`, [`HistoryError::Missing`], [`HistoryError::NoCommit`] and others.
pub fn list_reachable(
    database: &Database,
    tips: &[ObjectId],
    commits_max: usize,
) -> Result<HashSet<ObjectId>, HistoryError> {
    let mut reached = HashSet::new();
    let mut left = Vec::new();
    for tip in tips {
        let (commit, _) = peel(database, tip)?;
        if reached.insert(commit) {
            left.push(commit);
        }
    }
    while let Some(id) = left.pop() {
        for parent in read_commit(database, &id)?.parents {
            if reached.insert(parent) {
                left.push(parent);
            }
        }
        if reached.len() > commits_max {
            return Err(HistoryError::TooManyCommits { max: commits_max });
        }
    }
    Ok(reached)
}
