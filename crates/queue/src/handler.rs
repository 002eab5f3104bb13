//! What runs a kind of job, and what it may say while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;

use crate::flight::Flight;
use crate::job::{Job, Outcome, Progress};

/// Runs the jobs of one kind, several at once.
///
/// Must be idempotent: a durable job runs again when the process died before its row was gone. A panic fails only the job
/// it happens in (for good, with the panic's message).
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Runs one job to its end. Not cancelled when those who asked go away.
    async fn run(&self, job: &Job, context: &JobContext) -> Outcome;

    /// Whose share of the kind's workers a job takes, e.g. the host that it will ask. Jobs with one name can never take all
    /// workers, so that what they wait for holds up nobody else. `None`: it is held to no share.
    fn share_of<'a>(&self, _job: &'a Job) -> Option<&'a str> {
        None
    }
}

/// What a running job can tell those who wait for it.
#[derive(Clone, Debug)]
pub struct JobContext {
    flight: Arc<Flight>,
    draining: Arc<AtomicBool>,
    was_put_off: bool,
}

impl JobContext {
    pub(crate) fn new(flight: Arc<Flight>, draining: Arc<AtomicBool>, was_put_off: bool) -> Self {
        Self {
            flight,
            draining,
            was_put_off,
        }
    }

    /// Whether an earlier run of this job in this process ended with [`Outcome::Later`].
    pub fn was_put_off(&self) -> bool {
        self.was_put_off
    }

    /// Sets how far the job has come; a line that is not empty is logged too. Cheap, but a loop over bytes should call it
    /// some ten times a second, not for every chunk.
    pub fn report(&self, progress: Progress) {
        self.flight.report(progress);
    }

    /// Adds a line to the job's log.
    pub fn log(&self, line: &str) {
        self.flight.log(line);
    }

    /// Whether the process is stopping. A long job may then end early with [`Outcome::Cancelled`]; if durable it runs again
    /// after the restart.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
