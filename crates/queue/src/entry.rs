//! A job in flight, and what is said about it between the board and the engine.

use std::sync::Arc;

use tokio::time::Instant;

use crate::changes::Acknowledge;
use crate::flight::Flight;
use crate::handler::Handler;
use crate::job::{Job, JobId, Outcome, Priority};
use crate::lane::Spot;
use crate::table::Row;

/// The present, given by the caller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) instant: Instant,
    /// Milliseconds since 1970, for rows.
    pub(crate) unix_ms: i64,
    /// Any number; spreads retries.
    pub(crate) roll: u64,
}

/// Why a job was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Full,
    Draining,
    BadId,
    PayloadTooLarge,
}

/// A job that is to be started now.
pub(crate) struct Start {
    pub(crate) job: Arc<Job>,
    pub(crate) flight: Arc<Flight>,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) was_put_off: bool,
}

/// What the caller does after a decision, outside the lock.
#[derive(Default)]
pub(crate) struct Acts {
    pub(crate) starts: Vec<Start>,
    /// Outcomes to give.
    pub(crate) finished: Vec<(Arc<Flight>, Outcome)>,
}

/// How a job is submitted.
pub(crate) struct Asked {
    pub(crate) job: Job,
    /// Whether a durable job's row is claimed before it starts.
    pub(crate) claim: bool,
    /// Told when the row is on disk; makes the job an acknowledged one.
    pub(crate) acknowledge: Option<Acknowledge>,
}

/// A job in flight.
pub(crate) struct Entry {
    pub(crate) job: Arc<Job>,
    pub(crate) spot: Spot,
    pub(crate) durable: bool,
    pub(crate) acknowledged: bool,
    pub(crate) attempts: u32,
    /// The attempts that its row speaks of.
    pub(crate) attempts_written: u32,
    /// Whether the next start counts as an attempt: not when somebody asked before it was due.
    pub(crate) counts: bool,
    /// Whether a run here has ended with [`Outcome::Later`].
    pub(crate) was_put_off: bool,
    pub(crate) message: String,
    pub(crate) flight: Arc<Flight>,
}

impl Entry {
    /// Whether it is in line as one that a client waits for, and none does: nobody else holds its flight.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.spot.priority == Priority::Client && Arc::strong_count(&self.flight) == 1
    }

    /// The row that claims the job here; it speaks of the run that begins at once then, which spares a second write.
    pub(crate) fn claim_row(&mut self) -> Row {
        self.attempts_written = self.attempts + u32::from(self.counts);
        Row {
            attempts: self.attempts_written,
            ..self.row(0, None)
        }
    }

    /// Its row.
    pub(crate) fn row(&self, run_at_ms: i64, died_at_ms: Option<i64>) -> Row {
        Row {
            id: self.job.id.clone(),
            kind: self.job.kind.clone(),
            payload: self.job.payload.clone(),
            priority: self.spot.priority,
            acknowledged: self.acknowledged,
            attempts: self.attempts,
            run_at_ms,
            died_at_ms,
            message: self.message.clone(),
        }
    }
}

/// Refuses what a row could not hold, durable or not: the same job must not depend on that.
pub(crate) fn check_sizes(job: &Job) -> Result<(), Refusal> {
    let id = job.id.as_str();
    if id.is_empty() || id.len() > JobId::BYTES_MAX || id.contains('\0') || job.kind.contains('\0')
    {
        return Err(Refusal::BadId);
    }
    if job.payload.len() > Job::PAYLOAD_BYTES_MAX {
        return Err(Refusal::PayloadTooLarge);
    }
    Ok(())
}
