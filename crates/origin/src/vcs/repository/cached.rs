//! One repository with its cache: what its server says, and what of it is already here.
//!
//! The cache is a bare repository's `objects` folder with packs as they came. It is fetched as shallow as the question
//! allows: a version needs one commit with its files, an ancestor check the commits alone where the server can leave
//! the rest out. Whoever waits for a fetch of one version hands its wish over, so that many versions come in one pack.

mod by_program;
mod fetching;
mod troubles;

pub use by_program::SCRATCH;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use git::database::Database;
use git::history;
use git::id::{HashKind, ObjectId};
use git::object::{Commit, ObjectKind, parse_commit};
use git::pack::PackLimits;
use tracing::debug;

use super::conversation::{Conversations, TalkError};
use super::memory::{Commits, Memory};
use super::notes::Notes;
use super::refs::{PREFIXES, Refs};
use crate::upstream::UpstreamClass;
use crate::vcs::code::CodeError;

/// Commits of one repository that are walked. The largest in public has some two million.
const COMMITS_MAX: usize = 4_000_000;

/// Largest commit object that is read.
const COMMIT_BYTES_MAX: u64 = 16 << 20;

/// Bytes that the deltas of one version, or of one history, may make: half a minute's work. A module of 500 MiB whose
/// files lie at the ends of chains of fifty, and the history of a million commits, stay below.
const EFFORT_BYTES_MAX: u64 = 32 << 30;

/// A name that is not in the list makes for a new list, but not more often than this: nonsense names must not become as
/// many requests to the origin.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Bytes of memory that a commit in a set takes, with the room that the set keeps free.
const COMMIT_BYTES: u64 = 48;

/// What of a commit will be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Its files.
    Files,
    /// First of all the names in it: whether there is a module at all.
    Names,
}

/// A repository and its cache.
pub struct Cached {
    conversations: Conversations,
    folder: PathBuf,
    pack_limits: PackLimits,
    refs_fresh: Duration,
    database: OnceLock<Database>,
    notes: Mutex<Notes>,
    memory: Arc<Memory>,
    /// Held by the one who lists refs.
    listing: Mutex<()>,
    /// Commits that someone waits for and nobody fetches yet.
    wanted: Mutex<BTreeSet<ObjectId>>,
    /// Held by the one who fetches.
    fetching: Mutex<()>,
    /// Whether a pack came since the caches were last measured.
    has_grown: AtomicBool,
    /// How often the program git had to help, in all repositories.
    fallbacks: Arc<AtomicU64>,
}

impl Cached {
    /// Opens the cache in `folder`, which is made if it is missing. The server is not asked.
    ///
    /// # Errors
    /// Class `Storage`.
    pub fn open(
        conversations: Conversations,
        folder: &Path,
        pack_limits: PackLimits,
        refs_fresh: Duration,
        memory: Arc<Memory>,
        fallbacks: Arc<AtomicU64>,
    ) -> Result<Self, CodeError> {
        let trouble = |cause: std::io::Error| storage(conversations.shown(), &cause);
        std::fs::create_dir_all(folder.join("objects/pack")).map_err(trouble)?;
        std::fs::write(folder.join("url"), conversations.shown()).map_err(trouble)?;
        git::pack::sweep(&folder.join("objects")).map_err(trouble)?;
        let notes = Notes::open(&folder.join("notes")).map_err(trouble)?;
        let cached = Self {
            folder: folder.to_owned(),
            pack_limits,
            refs_fresh,
            database: OnceLock::new(),
            notes: Mutex::new(notes),
            memory,
            listing: Mutex::default(),
            wanted: Mutex::default(),
            fetching: Mutex::default(),
            has_grown: AtomicBool::new(false),
            fallbacks,
            conversations,
        };
        Ok(cached)
    }

    /// The repository's address without user and password.
    pub fn url(&self) -> &str {
        self.conversations.shown()
    }

    /// The refs: those listed last if they are fresh, else listed now.
    ///
    /// # Errors
    /// The server's. Refs that are not fresh are never an answer: a tag may have moved.
    pub fn refs(&self) -> Result<Arc<Refs>, CodeError> {
        self.refs_within(self.refs_fresh)
    }

    /// The refs for a name that `refs` does not have: listed anew unless they just were.
    ///
    /// # Errors
    /// The server's.
    pub fn refs_after(&self, refs: Arc<Refs>) -> Result<Arc<Refs>, CodeError> {
        if refs.listed_at.elapsed() < LOOK_AGAIN {
            return Ok(refs);
        }
        self.refs_within(LOOK_AGAIN)
    }

    fn refs_within(&self, age_max: Duration) -> Result<Arc<Refs>, CodeError> {
        // Held while the server is asked: whoever comes meanwhile gets the same list.
        let _listing = lock(&self.listing);
        if let Some(refs) = self
            .memory
            .refs
            .find(&self.conversations.shown().to_owned())
            && refs.listed_at.elapsed() < age_max
        {
            return Ok(refs);
        }
        let asked_at = Instant::now();
        let listed = self.conversations.talk(|conversation| {
            self.database(conversation.hash_kind())
                .map_err(TalkError::Code)?;
            Ok(conversation.list_refs(&PREFIXES)?)
        });
        let list = match listed {
            Ok(list) => list,
            Err(error) if error.is_unsupported() => self.list_by_program(error)?,
            Err(error) => {
                return Err(self.in_view_of_the_past(error.into_code(self.url())));
            }
        };
        debug!(
            repository = self.url(),
            refs = list.refs().len(),
            duration_ms = asked_at.elapsed().as_millis() as u64,
            "refs listed"
        );
        let refs = Arc::new(Refs::new(list, asked_at));
        let weight_bytes = refs.weight_bytes();
        let key = self.conversations.shown().to_owned();
        self.memory.refs.put(key, Arc::clone(&refs), weight_bytes);
        Ok(refs)
    }

    /// A repository that does not exist and that was here before is gone. One whose server says something odd, such as a
    /// page about its maintenance, is only out of reach.
    fn in_view_of_the_past(&self, mut error: CodeError) -> CodeError {
        if lock(&self.notes).list_complete(1).is_empty() {
            return error;
        }
        match error.class {
            UpstreamClass::Absent => {
                error.class = UpstreamClass::Gone;
                error.text.push_str("; it was there before");
            }
            UpstreamClass::Invalid => error.class = UpstreamClass::Unreachable,
            _ => {}
        }
        error
    }

    /// The objects that are here. Opened by whoever comes first, who knows the object format from an id or from the
    /// server: what is known of a repository in memory outlives its being open.
    fn database(&self, kind: HashKind) -> Result<&Database, CodeError> {
        if let Some(database) = self.database.get() {
            return Ok(database);
        }
        let opened = Database::open(&self.folder.join("objects"), kind);
        let database = opened.map_err(|cause| self.corrupt(&cause))?;
        Ok(self.database.get_or_init(|| database))
    }

    /// Whether a pack came since this was last asked.
    pub fn take_growth(&self) -> bool {
        self.has_grown.swap(false, Ordering::Relaxed)
    }

    /// A commit; `None` if the object is something else. Fetched as `need` says if it is not here.
    ///
    /// # Errors
    /// The server's.
    pub fn commit(&self, id: &ObjectId, need: Need) -> Result<Option<Commit>, CodeError> {
        let object = match self.find(id)? {
            Some(object) => object,
            None => {
                match need {
                    Need::Files => self.fetch_content(*id)?,
                    Need::Names => self.fetch_names(*id)?,
                }
                self.find(id)?.ok_or_else(|| self.withheld(id))?
            }
        };
        if object.0 != ObjectKind::Commit {
            return Ok(None);
        }
        parse_commit(&object.1, id.kind())
            .map(Some)
            .map_err(|cause| CodeError::invalid(format!("{}: commit {id}: {cause}", self.url())))
    }

    fn find(&self, id: &ObjectId) -> Result<Option<(ObjectKind, Bytes)>, CodeError> {
        let database = self.database(id.kind())?;
        match database.find_header(id) {
            Ok(Some((ObjectKind::Commit, _))) => {
                let found = database.find(id, COMMIT_BYTES_MAX);
                let found = found.map_err(|cause| self.corrupt(&cause))?;
                Ok(found.map(|object| (object.kind, object.bytes)))
            }
            Ok(other) => Ok(other.map(|(kind, _)| (kind, Bytes::new()))),
            Err(cause) => Err(self.corrupt(&cause)),
        }
    }

    /// Runs `read` over the objects of a commit; where it misses one, the commit is fetched with its files and `read`
    /// runs once more.
    ///
    /// # Errors
    /// Those of `read` and of the server.
    pub fn with_content<T>(
        &self,
        commit: &ObjectId,
        mut read: impl FnMut(&Database) -> Result<T, ContentError>,
    ) -> Result<T, CodeError> {
        let database = self.database(commit.kind())?;
        match read(&database.with_effort(EFFORT_BYTES_MAX)) {
            Ok(found) => return Ok(found),
            Err(ContentError::Code(error)) => return Err(error),
            Err(ContentError::Missing(_)) => {}
        }
        self.fetch_content(*commit)?;
        read(&database.with_effort(EFFORT_BYTES_MAX)).map_err(|error| match error {
            ContentError::Code(error) => error,
            ContentError::Missing(id) => self.withheld(&id),
        })
    }

    /// Every commit that the refs lead to, fetched where it is not here.
    ///
    /// # Errors
    /// The server's.
    pub fn history(&self, refs: &Refs) -> Result<Arc<Commits>, CodeError> {
        let tips = self.fetch_history(refs)?;
        self.reachable_from(tips)
    }

    /// A commit and everything that it descends from. The commit is one that the refs lead to.
    ///
    /// # Errors
    /// The server's.
    pub fn ancestors(&self, refs: &Refs, commit: &ObjectId) -> Result<Arc<Commits>, CodeError> {
        self.fetch_history(refs)?;
        self.reachable_from(vec![*commit])
    }

    /// What annotated tags whose hashes begin with `digits` mark in the end, a tag of a tag included. Every tag object
    /// that is here came because a ref leads to it.
    ///
    /// # Errors
    /// Class `Storage`.
    pub fn list_tagged(&self, refs: &Refs, digits: &str) -> Result<Vec<ObjectId>, CodeError> {
        let Some(any) = refs.list_objects().pop() else {
            return Ok(Vec::new());
        };
        let database = self.database(any.kind())?;
        let mut marked = Vec::new();
        let found = database.find_prefix(digits);
        for id in found.map_err(|cause| self.corrupt(&cause))? {
            let header = database.find_header(&id);
            if let Ok(Some((ObjectKind::Tag, _))) = header
                && let Ok((commit, ObjectKind::Commit)) = history::peel(database, &id)
            {
                marked.push(commit);
            }
        }
        Ok(marked)
    }

    fn reachable_from(&self, tips: Vec<ObjectId>) -> Result<Arc<Commits>, CodeError> {
        let key = (self.url().to_owned(), tips);
        if let Some(known) = self.memory.reachable.find(&key) {
            return Ok(known);
        }
        let Some(any) = key.1.first() else {
            return Ok(Arc::default());
        };
        let database = self.database(any.kind())?;
        let is_commit = |tip: &&ObjectId| {
            // A tag may name a file or a directory; nothing descends from these.
            !matches!(
                database.find_header(tip),
                Ok(Some((ObjectKind::Blob | ObjectKind::Tree, _)))
            )
        };
        let commits: Vec<ObjectId> = key.1.iter().filter(is_commit).copied().collect();
        let database = database.with_effort(EFFORT_BYTES_MAX);
        let reached = history::list_reachable(&database, &commits, COMMITS_MAX);
        let reached = Arc::new(reached.map_err(|cause| self.of_history(&cause))?);
        let bytes = (reached.len() + key.1.len()) as u64 * COMMIT_BYTES;
        self.memory.reachable.put(key, Arc::clone(&reached), bytes);
        Ok(reached)
    }
}

impl std::fmt::Debug for Cached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Cached").field(&self.url()).finish()
    }
}

/// Why a read over a commit's objects gave nothing.
#[derive(Debug)]
pub enum ContentError {
    /// An object that is not here.
    Missing(ObjectId),
    /// Anything else.
    Code(CodeError),
}

fn storage(url: &str, cause: &std::io::Error) -> CodeError {
    CodeError::new(
        UpstreamClass::Storage,
        format!("{url}: the cache of the repository: {cause}"),
    )
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
