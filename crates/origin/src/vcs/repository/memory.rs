//! What all repositories remember together, within bounds.

use std::collections::HashSet;

use git::id::ObjectId;

use super::recent::Recent;
use super::refs::Refs;

/// Bytes of memory for the lists of refs of all repositories: ten of 30,000 refs each, or a hundred of usual ones.
const REFS_BYTES_MAX: u64 = 96 << 20;

/// Bytes of memory for the sets of commits of all repositories: two million commits.
const REACHABLE_BYTES_MAX: u64 = 96 << 20;

/// A set of commits.
pub type Commits = HashSet<ObjectId>;

/// What all repositories remember together: lists of refs by repository, and commits by repository and by where they are
/// reached from.
#[derive(Debug)]
pub struct Memory {
    /// Lists of refs.
    pub refs: Recent<String, Refs>,
    /// Sets of commits.
    pub reachable: Recent<(String, Vec<ObjectId>), Commits>,
}

impl Memory {
    /// Nothing remembered yet.
    pub fn new() -> Self {
        Self {
            refs: Recent::new(REFS_BYTES_MAX),
            reachable: Recent::new(REACHABLE_BYTES_MAX),
        }
    }

    /// Believes the list of a repository's refs no more.
    pub fn forget_refs(&self, url: &str) {
        self.refs.forget(&url.to_owned());
    }
}
