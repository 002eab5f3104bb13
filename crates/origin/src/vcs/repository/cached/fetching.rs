//! Fetching into a repository's cache: contents of commits, many in one pack, or the history alone.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Instant;

use git::id::ObjectId;
use git::object::ObjectKind;
use git::pack::take_pack;
use git::protocol::{Deepen, FetchAsk, Filter};
use tracing::{debug, warn};

use super::super::conversation::{Conversation, TalkError};
use super::super::notes::{Fact, Notes};
use super::super::refs::{PREFIXES, Refs};
use super::{Cached, lock};
use crate::vcs::code::CodeError;

/// Commits wanted in one request: a request of some hundred kilobytes, which every server takes.
const WANTS_MAX: usize = 4000;

/// Commits that the server is told are here. More would cost it more than they save.
const HAVES_MAX: usize = 64;

impl Cached {
    /// Fetches commits with their files in as few packs as possible, those that are here left out.
    ///
    /// # Errors
    /// The server's.
    pub fn fetch_contents(&self, commits: &[ObjectId]) -> Result<(), CodeError> {
        let missing: BTreeSet<ObjectId> = {
            let notes = lock(&self.notes);
            let is_missing = |id: &&ObjectId| !notes.is_complete(id);
            commits.iter().filter(is_missing).copied().collect()
        };
        let Some(&one) = missing.first() else {
            return Ok(());
        };
        lock(&self.wanted).extend(missing);
        self.fetch_wanted(one)
    }

    /// Fetches a commit with its directories, so that it can be said what is in it without what it says; with its files
    /// where the server cannot leave these out.
    pub(super) fn fetch_names(&self, commit: ObjectId) -> Result<(), CodeError> {
        let is_fetched = {
            let _fetching = lock(&self.fetching);
            let fetched = self.conversations.talk(|conversation| {
                let can = conversation.can_filter() && conversation.can_want_any();
                if !can || !conversation.can_deepen() {
                    return Ok(false);
                }
                let ask = FetchAsk {
                    wants: &[commit],
                    haves: &[],
                    shallow: &[],
                    deepen: Deepen::Commits(1),
                    filter: Some(Filter::BlobNone),
                };
                self.take(conversation, &ask).map(|()| true)
            });
            match fetched {
                Ok(is_fetched) => is_fetched,
                Err(error) if error.is_unsupported() => false,
                Err(error) => return Err(self.refused(error)),
            }
        };
        if is_fetched {
            return Ok(());
        }
        self.fetch_content(commit)
    }

    /// A server that no longer has what its own list named has changed since: the list is not believed any more.
    fn refused(&self, error: TalkError) -> CodeError {
        if error.is_refusal() {
            self.memory.forget_refs(self.url());
        }
        error.into_code(self.url())
    }

    pub(super) fn fetch_content(&self, commit: ObjectId) -> Result<(), CodeError> {
        lock(&self.wanted).insert(commit);
        self.fetch_wanted(commit)
    }

    /// Fetches everything that is wanted by now, unless someone else just did so for `commit`.
    fn fetch_wanted(&self, commit: ObjectId) -> Result<(), CodeError> {
        let _fetching = lock(&self.fetching);
        let batch: Vec<ObjectId> = {
            let mut wanted = lock(&self.wanted);
            if !wanted.contains(&commit) && lock(&self.notes).is_complete(&commit) {
                return Ok(()); // by the one who fetched before
            }
            wanted.insert(commit);
            std::mem::take(&mut *wanted).into_iter().collect()
        };
        for wants in batch.chunks(WANTS_MAX) {
            match self.fetch(wants) {
                Ok(()) => {}
                Err(error) if error.is_unsupported() => return self.fetch_by_program(error),
                // One commit that the server refuses must not fail the others: each is asked for by its own.
                Err(error) if error.is_refusal() && wants.len() > 1 => {
                    debug!(repository = self.url(), "a batch was refused");
                    if wants.contains(&commit) {
                        self.fetch(&[commit]).map_err(|error| self.refused(error))?;
                    }
                }
                Err(error) => return Err(self.refused(error)),
            }
        }
        Ok(())
    }

    fn fetch(&self, commits: &[ObjectId]) -> Result<(), TalkError> {
        let begun = Instant::now();
        let here = {
            let notes = lock(&self.notes);
            // What is noted and yet asked for again has holes: then nothing that is noted is believed.
            match commits.iter().any(|commit| notes.is_complete(commit)) {
                true => Vec::new(),
                false => notes.list_complete(HAVES_MAX).to_vec(),
            }
        };
        let mut whole = false;
        self.conversations.talk(|conversation| {
            let wants = match self.wants_for(commits, conversation)? {
                Some(wants) => wants,
                None => {
                    whole = true;
                    return self.fetch_whole(conversation);
                }
            };
            let ask = FetchAsk {
                wants: &wants,
                haves: &here,
                shallow: &here,
                deepen: Deepen::Commits(1),
                filter: None,
            };
            self.take(conversation, &ask)
        })?;
        if !whole {
            // A tag may name a file or a directory: nothing that a server could be told of as the end of a history.
            let is_commit =
                |id: &&ObjectId| matches!(self.find(id), Ok(Some((ObjectKind::Commit, _))));
            let here: Vec<ObjectId> = commits.iter().filter(is_commit).copied().collect();
            self.note(Fact::Complete, &here);
        }
        debug!(
            repository = self.url(),
            commits = commits.len(),
            duration_ms = begun.elapsed().as_millis() as u64,
            "fetched"
        );
        Ok(())
    }

    /// What to ask for to get `commits`. `None` where this server gives only what refs name, and one of them is not.
    fn wants_for(
        &self,
        commits: &[ObjectId],
        conversation: &Conversation,
    ) -> Result<Option<Vec<ObjectId>>, TalkError> {
        if !conversation.can_deepen() {
            return Ok(None);
        }
        if conversation.can_want_any() {
            return Ok(Some(commits.to_vec()));
        }
        let refs = self.refs().map_err(TalkError::Code)?;
        let mut wants = Vec::new();
        for commit in commits {
            match refs.list_advertised(commit).first() {
                Some(advertised) => wants.push(*advertised),
                None => return Ok(None),
            }
        }
        Ok(Some(wants))
    }

    /// Makes sure that every commit which the refs lead to is here, and gives those that they name.
    pub(super) fn fetch_history(&self, refs: &Refs) -> Result<Vec<ObjectId>, CodeError> {
        let mut tips = refs.list_objects();
        tips.sort_unstable();
        let is_here = |notes: &Notes| tips.iter().all(|tip| notes.has_history(tip));
        if !is_here(&lock(&self.notes)) {
            let _fetching = lock(&self.fetching);
            if !is_here(&lock(&self.notes)) {
                let fetched = self.conversations.talk(|conversation| {
                    if conversation.can_filter() {
                        self.fetch_commits(conversation, refs)
                    } else {
                        self.fetch_whole(conversation)
                    }
                });
                match fetched {
                    Ok(()) => self.note(Fact::History, &tips),
                    Err(error) if error.is_unsupported() => self.fetch_by_program(error)?,
                    Err(error) => return Err(self.refused(error)),
                }
            }
        }
        Ok(tips)
    }

    /// Every commit, without directories and files.
    fn fetch_commits(&self, conversation: &mut Conversation, refs: &Refs) -> Result<(), TalkError> {
        let haves = lock(&self.notes).list_history(false, HAVES_MAX);
        let ask = FetchAsk {
            wants: &refs.list_all_advertised(),
            haves: &haves,
            shallow: &[],
            deepen: Deepen::No,
            filter: Some(Filter::TreeNone),
        };
        self.take(conversation, &ask)
    }

    /// Everything: for servers that cannot cut history off or leave objects out.
    fn fetch_whole(&self, conversation: &mut Conversation) -> Result<(), TalkError> {
        let list = conversation.list_refs(&PREFIXES)?;
        let refs = Refs::new(list, Instant::now());
        let haves = lock(&self.notes).list_history(true, HAVES_MAX);
        let ask = FetchAsk {
            wants: &refs.list_all_advertised(),
            haves: &haves,
            shallow: &[],
            deepen: Deepen::No,
            filter: None,
        };
        self.take(conversation, &ask)?;
        self.note(Fact::Whole, &refs.list_objects());
        Ok(())
    }

    fn take(&self, conversation: &mut Conversation, ask: &FetchAsk<'_>) -> Result<(), TalkError> {
        let kind = conversation.hash_kind();
        let database = self.database(kind).map_err(TalkError::Code)?.clone();
        let objects = self.folder.join("objects");
        conversation.fetch(ask, |pack| {
            take_pack(pack, &objects, kind, &self.pack_limits).map_err(|cause| self.of_pack(&cause))
        })?;
        self.has_grown.store(true, Ordering::Relaxed);
        database
            .refresh()
            .map_err(|cause| TalkError::Code(self.corrupt(&cause)))
    }

    pub(super) fn note(&self, fact: Fact, ids: &[ObjectId]) {
        if let Err(cause) = lock(&self.notes).add(fact, ids) {
            warn!(repository = self.url(), error = %cause, "what was fetched could not be noted; it may be fetched again");
        }
    }
}
