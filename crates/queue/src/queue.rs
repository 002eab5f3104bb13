//! The handle: open, register, start, submit, look, drain.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::engine::{Engine, now};
use crate::entry::{Acts, Asked, Refusal};
use crate::flight::{Flight, Ticket};
use crate::handler::Handler;
use crate::job::{Dead, Durability, Job, JobId, JobState, Outcome};
use crate::settings::Settings;
use crate::table::{MemoryTable, PostgresTable, SqliteTable, Table, TableError};
use crate::{flush, sweep};

/// What a job that is refused because too many are in line fails with; a later try may be taken.
pub const FULL: &str = "queue is full";

/// How long a drain goes on trying to write when the running jobs have used up its time.
const FLUSH_BUDGET_MIN: Duration = Duration::from_secs(1);

/// Why a job was not acknowledged, or a queue not opened.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The address is of no known form. (It is not repeated: it may hold a password.)
    #[error("not an address of a queue: expected memory, sqlite:<path> or postgres://...")]
    BadAddress,
    /// The rows cannot be reached.
    #[error("job rows cannot be read or written")]
    Table(#[from] TableError),
    /// The row could not be written in time. The job may run all the same; submitting it again is safe.
    #[error("job {id} is not on disk: {cause}")]
    NotWritten {
        /// The job.
        id: JobId,
        /// What the table said.
        cause: String,
    },
    /// The job was refused; `retry` says whether it may be taken later.
    #[error("job {id} was refused: {message}")]
    Refused {
        /// The job.
        id: JobId,
        /// Why.
        message: String,
        /// Whether the same job may be taken later.
        retry: bool,
    },
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Jobs that were still running when the time was over.
    pub unfinished: usize,
    /// Whether everything that was due is in the table.
    pub flushed: bool,
}

/// A queue. Cloning gives another handle on the same one; when the last is dropped its tasks end, without a flush.
#[derive(Clone)]
pub struct Queue {
    engine: Arc<Engine>,
    _stop: Arc<StopOnDrop>,
}

struct StopOnDrop(Arc<Engine>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop.send_replace(true);
    }
}

impl Queue {
    /// Opens the queue at an address: `memory`, `sqlite:<path>` or `postgres://...`, with the default settings. To be called
    /// inside the tokio runtime that shall run the jobs.
    ///
    /// # Errors
    /// [`QueueError::BadAddress`]; [`QueueError::Table`] when the database cannot be opened or brought up to date.
    pub async fn open(url: &str) -> Result<Self, QueueError> {
        Self::open_with(url, Settings::default()).await
    }

    /// Opens the queue at an address with other settings.
    ///
    /// # Errors
    /// As [`Queue::open`].
    pub async fn open_with(url: &str, settings: Settings) -> Result<Self, QueueError> {
        let table: Arc<dyn Table> = if url == "memory" {
            Arc::new(MemoryTable::new())
        } else if let Some(path) = url.strip_prefix("sqlite:") {
            Arc::new(SqliteTable::open(Path::new(path.strip_prefix("//").unwrap_or(path))).await?)
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Arc::new(PostgresTable::open(url).await?)
        } else {
            return Err(QueueError::BadAddress);
        };
        Self::with_table(table, settings).await
    }

    /// Makes a queue on a table.
    ///
    /// # Errors
    /// [`QueueError::Table`] when the lease of this process cannot be written.
    pub async fn with_table(table: Arc<dyn Table>, settings: Settings) -> Result<Self, QueueError> {
        table.renew(settings.lease).await?;
        let engine = Engine::new(table, settings);
        tokio::spawn(flush::run(Arc::clone(&engine)));
        tokio::spawn(sweep::run_timer(Arc::clone(&engine)));
        Ok(Self {
            _stop: Arc::new(StopOnDrop(Arc::clone(&engine))),
            engine,
        })
    }

    /// Sets who runs the jobs of a kind, and how many at once. Jobs of [`crate::Priority::Behind`] never take the last
    /// worker when there are two or more; with one worker they run when nothing else is in line.
    pub fn register(&self, kind: &str, workers: usize, handler: Arc<dyn Handler>) {
        self.engine
            .decide(|board, _| ((), board.register(kind, workers, handler)));
    }

    /// Reads unfinished rows again and lets jobs run; gives how many rows were found. To be called once, after the handlers
    /// are registered. When the rows cannot be read the queue starts without them and goes on trying; see
    /// [`Queue::is_healthy`].
    pub async fn start(&self) -> usize {
        let swept = sweep::sweep(&self.engine).await;
        self.engine.note_health(swept.as_ref().map(|_| ()));
        tokio::spawn(sweep::run_sweeper(Arc::clone(&self.engine), swept.is_ok()));
        self.engine.decide(|board, _| ((), board.open()));
        let rows = swept.unwrap_or(0);
        if rows > 0 {
            tracing::info!(rows, "unfinished jobs taken up again");
        }
        rows
    }

    /// Submits a job, or joins the one of the same id that is in flight. Never waits: a durable row is written behind
    /// (only at a table that several processes share is it claimed first). A job that is not taken gives a ticket that has
    /// failed already.
    pub fn submit(&self, job: Job) -> Ticket {
        let id = job.id.clone();
        match self.take(job, None) {
            Ok(flight) => Ticket::new(flight),
            Err(refusal) => {
                let flight = Flight::new(id);
                let (message, retry) = describe(refusal);
                flight.finish(Outcome::Failed {
                    message: message.to_owned(),
                    retry,
                });
                Ticket::new(flight)
            }
        }
    }

    /// Submits a job and returns when its row is on disk, whatever then happens to the process or the machine's power. The
    /// job is made durable, and its outcome is kept for ten minutes for [`Queue::ticket`].
    ///
    /// # Errors
    /// [`QueueError::Refused`] when the job is not taken, [`QueueError::NotWritten`] when the table is down.
    pub async fn submit_acknowledged(&self, job: Job) -> Result<Ticket, QueueError> {
        let id = job.id.clone();
        let (sender, receiver) = oneshot::channel();
        let flight = self
            .take(
                Job {
                    durability: Durability::Durable,
                    ..job
                },
                Some(sender),
            )
            .map_err(|refusal| {
                let (message, retry) = describe(refusal);
                QueueError::Refused {
                    id: id.clone(),
                    message: message.to_owned(),
                    retry,
                }
            })?;
        match receiver.await {
            Ok(Ok(())) => Ok(Ticket::new(flight)),
            Ok(Err(cause)) => Err(QueueError::NotWritten { id, cause }),
            Err(_) => Err(QueueError::NotWritten {
                id,
                cause: "the queue has stopped".to_owned(),
            }),
        }
    }

    fn take(
        &self,
        job: Job,
        acknowledge: Option<oneshot::Sender<Result<(), String>>>,
    ) -> Result<Arc<Flight>, Refusal> {
        let claim = self.engine.table.is_shared() && self.engine.is_healthy();
        let asked = Asked {
            job,
            claim,
            acknowledge,
        };
        self.engine.decide(|board, _| match board.submit(asked) {
            Ok((flight, acts)) => (Ok(flight), acts),
            Err(refusal) => (Err(refusal), Acts::default()),
        })
    }

    /// A ticket for a job that is in flight, or was acknowledged and ended a short while ago.
    pub fn ticket(&self, id: &JobId) -> Option<Ticket> {
        self.engine.board().find_flight(id, now()).map(Ticket::new)
    }

    /// Where a job stands; `None` for one that is not in flight and whose outcome is not kept.
    pub fn find(&self, id: &JobId) -> Option<JobState> {
        let mut board = self.engine.board();
        let state = board.find_state(id, now());
        state.or_else(|| {
            Ticket::new(board.find_flight(id, now())?)
                .outcome()
                .map(JobState::Ended)
        })
    }

    /// Every kind with how many of its jobs are in line and how many run, by name.
    pub fn depths(&self) -> Vec<(String, usize, usize)> {
        self.engine.board().depths()
    }

    /// Lists durable jobs that were given up, the latest first, at most `limit`.
    ///
    /// # Errors
    /// [`QueueError::Table`].
    pub async fn list_dead(&self, limit: u32) -> Result<Vec<Dead>, QueueError> {
        Ok(self.engine.table.list_dead(limit).await?)
    }

    /// Whether the rows could be read and written the last time. While they cannot, jobs run on in memory.
    pub fn is_healthy(&self) -> bool {
        self.engine.is_healthy()
    }

    /// Stops: takes no more jobs, tells those in line that they are cancelled, gives the running ones at most `budget`,
    /// writes what is due. Durable jobs that did not end keep their rows and run again after the next start.
    pub async fn drain(&self, budget: Duration) -> Drained {
        let deadline = Instant::now() + budget;
        self.engine.draining.store(true, Ordering::Relaxed);
        self.engine.decide(|board, _| ((), board.drain()));
        while self.engine.board().running() > 0 {
            if tokio::time::timeout_at(deadline, self.engine.ended.notified())
                .await
                .is_err()
            {
                break;
            }
        }
        let unfinished = self.engine.decide(|board, _| board.abandon());
        let (sender, receiver) = oneshot::channel();
        self.engine
            .decide(|board, _| (board.changes.barrier(sender), Acts::default()));
        let flush_until = deadline.max(Instant::now() + FLUSH_BUDGET_MIN);
        let flushed = matches!(
            tokio::time::timeout_at(flush_until, receiver).await,
            Ok(Ok(Ok(())))
        );
        self.engine.stop.send_replace(true);
        if let Ok(Err(error)) =
            tokio::time::timeout(FLUSH_BUDGET_MIN, self.engine.table.release()).await
        {
            // The lease runs out by itself.
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "job rows not released"
            );
        }
        Drained {
            unfinished,
            flushed,
        }
    }
}

fn describe(refusal: Refusal) -> (&'static str, bool) {
    match refusal {
        Refusal::Full => (FULL, true),
        Refusal::Draining => ("the server is stopping", true),
        Refusal::BadId => ("the job's id is empty, too long or holds a NUL", false),
        Refusal::PayloadTooLarge => ("the job's payload is too large", false),
    }
}
