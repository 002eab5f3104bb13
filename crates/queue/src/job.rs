//! What is asked and what is answered: jobs, their ids, outcomes and progress. No behaviour lives here.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

/// The identity of a job: two jobs with one id are the same work, and only one of them runs.
///
/// Opaque here; at most [`JobId::BYTES_MAX`] bytes and without NUL when submitted. Cloning is cheap.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(Arc<str>);

impl JobId {
    /// Longest id taken, in bytes. PostgreSQL cannot index much more than 2,700 bytes, and one row that cannot be written
    /// would hold up every row behind it.
    pub const BYTES_MAX: usize = 2048;

    /// Makes an id from its text. Nothing is checked here: an id that is too long is refused by `submit`.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for JobId {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for JobId {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl Borrow<str> for JobId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Whether a job outlives the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Durability {
    /// Gets a row unless it ends before the next flush; unfinished rows run again after a restart.
    Durable,
    /// Lives in memory only and is gone after a restart.
    Fleeting,
}

/// Who waits for a job. The order is the order of running: a smaller one goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Priority {
    /// Somebody's build waits right now. A job in line whose tickets have all been dropped counts as `Behind`.
    Client = 0,
    /// A person or a script asked and will look later.
    Request = 1,
    /// Nobody waits; never takes the last worker of a kind that has more than one.
    Behind = 2,
}

impl Priority {
    /// The number stored in a row.
    pub fn number(self) -> i16 {
        self as i16
    }

    /// Reads the number stored in a row; one that is not known (a newer release's) counts as [`Priority::Behind`].
    pub fn from_number(number: i16) -> Self {
        match number {
            0 => Self::Client,
            1 => Self::Request,
            _ => Self::Behind,
        }
    }
}

/// A piece of work.
#[derive(Clone, Debug)]
pub struct Job {
    /// What makes it the same as another one.
    pub id: JobId,
    /// Which handler runs it. A small fixed set of names: each has its own workers and its own queue.
    pub kind: String,
    /// What the handler needs to know. Of two jobs of one id the first one's payload counts. At most
    /// [`Job::PAYLOAD_BYTES_MAX`].
    pub payload: Bytes,
    /// How urgent it is; raised when a more urgent job of the same id joins.
    pub priority: Priority,
    /// Whether it outlives the process; a fleeting job that a durable one joins becomes durable.
    pub durability: Durability,
}

impl Job {
    /// Largest payload taken, in bytes: payloads say what to do, they do not carry artifacts, and all queued ones are held
    /// in memory.
    pub const PAYLOAD_BYTES_MAX: usize = 1024 * 1024;
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It ran; the handler's answer.
    Done(Bytes),
    /// It could not be done.
    Failed {
        /// Why, for people.
        message: String,
        /// Whether the same job may succeed later. A durable one is then tried again by the queue itself.
        retry: bool,
    },
    /// Those who wait now get an answer, as with [`Outcome::Done`]; the work itself is still to be done. A durable job stays
    /// and runs again.
    Later {
        /// The handler's answer for now.
        answer: Bytes,
        /// What stands in the way, for people who find the job given up.
        why: String,
        /// When it runs again: after this time, which counts as no failure, or as a failed one would.
        after: Option<Duration>,
    },
    /// It was not run to its end because the process is stopping. A durable job's row stays.
    Cancelled,
}

/// How far a running job has come. The latest one counts; units are the handler's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How much is done.
    pub done: u64,
    /// How much there is; 0 while that is not known.
    pub total: u64,
    /// What is going on, one line; empty: nothing to say.
    pub line: String,
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    /// In line for a worker.
    Queued,
    /// Running here.
    Running,
    /// Failed and to be tried again.
    Waiting {
        /// How many runs have counted so far.
        attempts: u32,
        /// How long until the next one.
        retry_in: Duration,
    },
    /// Another process on the same database has it.
    Elsewhere,
    /// Ended a short while ago (kept for acknowledged jobs only).
    Ended(Outcome),
}

/// A durable job that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dead {
    /// Its id.
    pub id: JobId,
    /// Its kind.
    pub kind: String,
    /// How many runs were counted.
    pub attempts: u32,
    /// What the last one said.
    pub message: String,
    /// When it was given up, in milliseconds since 1970.
    pub died_at_ms: i64,
}
