//! Jobs that coalesce, wait by priority, retry and report progress.
//!
//! The queue is a nudge, never the truth: a job may be lost (a fleeting one, on a restart) or run twice (a durable one, when
//! a process dies at the wrong moment), so handlers are idempotent and whoever must not miss something sweeps its own
//! tables. What the queue does promise: of the jobs of one id that are in flight at most one runs in a process, everyone who
//! asked gets its outcome, nothing is unbounded, and an acknowledged job is on disk.
//!
//! No database is on the way from asking to running, with one exception: on PostgreSQL, which several processes may share, a
//! durable job's row is claimed first (about a millisecond), so that one of them runs it and the others wait for that. When
//! the other has ended, the job runs here too and finds its work done: outcomes do not travel between processes.
//!
//! Ids, kinds, payloads and answers are opaque here. What they mean is agreed between those who submit and those who
//! register handlers. Modules go from the nouns to the acts:
//!
//! - [`Job`], [`Outcome`], [`Progress`]: what is asked and answered; [`Ticket`]: the place of one who waits.
//! - [`Handler`]: what runs a kind of job. [`Settings`]: every bound and delay.
//! - [`table`]: durable rows behind one trait, in memory, SQLite or PostgreSQL.
//! - `board`: which job runs next; one lock, no I/O. `engine`, `flush`, `sweep`: the tasks around it.
//! - [`Queue`]: the handle.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod job;

mod flight;
mod handler;
mod settings;

pub mod table;

mod changes;
mod kept;
mod lane;

mod entry;

mod board;
mod engine;
mod flush;
mod sweep;

mod queue;

pub use flight::Ticket;
pub use handler::{Handler, JobContext};
pub use job::{Dead, Durability, Job, JobId, JobState, Outcome, Priority, Progress};
pub use queue::{Drained, FULL, Queue, QueueError};
pub use settings::{RetryPlan, Settings};
