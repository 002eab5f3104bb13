//! The board among tasks: takes its lock, does what it decides (start runs, give outcomes), wakes who has to look.

use std::any::Any;
use std::hash::{BuildHasher, RandomState};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::board::Board;
use crate::entry::{Acts, Now, Start};
use crate::handler::JobContext;
use crate::job::Outcome;
use crate::settings::Settings;
use crate::table::{Table, TableError};

/// What the handle and the tasks share.
pub(crate) struct Engine {
    board: Mutex<Board>,
    runtime: Handle,
    pub(crate) table: Arc<dyn Table>,
    pub(crate) settings: Settings,
    pub(crate) draining: Arc<AtomicBool>,
    healthy: AtomicBool,
    /// Rows are due.
    pub(crate) due: Notify,
    /// They are not to wait for more.
    pub(crate) urgent: Notify,
    /// Something is to be looked at earlier than before.
    pub(crate) earlier: Notify,
    /// A run ended while draining.
    pub(crate) ended: Notify,
    pub(crate) stop: watch::Sender<bool>,
}

impl Engine {
    /// Must be called inside a tokio runtime; runs start there.
    pub(crate) fn new(table: Arc<dyn Table>, settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            board: Mutex::new(Board::new(settings.clone())),
            runtime: Handle::current(),
            table,
            settings,
            draining: Arc::new(AtomicBool::new(false)),
            healthy: AtomicBool::new(true),
            due: Notify::new(),
            urgent: Notify::new(),
            earlier: Notify::new(),
            ended: Notify::new(),
            stop: watch::Sender::new(false),
        })
    }

    /// Asks the board, then does what it decided. The lock is held for the decision only.
    pub(crate) fn decide<R>(
        self: &Arc<Self>,
        decision: impl FnOnce(&mut Board, Now) -> (R, Acts),
    ) -> R {
        let now = now();
        let mut board = self.board();
        let wake_before = board.next_wake();
        let (result, acts) = decision(&mut board, now);
        let (due, urgent) = (!board.changes.is_empty(), board.changes.is_urgent());
        let earlier = board
            .next_wake()
            .is_some_and(|at| wake_before.is_none_or(|before| at < before));
        // Under the lock, so that nobody finds a job gone and its outcome not there yet; it only wakes.
        for (flight, outcome) in acts.finished {
            flight.finish(outcome);
        }
        drop(board);
        if due {
            self.due.notify_one();
        }
        if urgent {
            self.urgent.notify_one();
        }
        if earlier {
            self.earlier.notify_one();
        }
        for start in acts.starts {
            self.launch(start);
        }
        result
    }

    /// The board, for a look that decides nothing.
    pub(crate) fn board(&self) -> MutexGuard<'_, Board> {
        // A panic inside a decision is a bug, but the other jobs are better served by going on.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn launch(self: &Arc<Self>, start: Start) {
        let engine = Arc::clone(self);
        self.runtime.spawn(async move {
            let outcome = run_caught(&start, &engine.draining).await;
            engine.decide(|board, now| ((), board.complete(&start.job.id, outcome, now)));
            if engine.draining.load(Ordering::Relaxed) {
                engine.ended.notify_one();
            }
        });
    }

    pub(crate) fn is_healthy(&self) -> bool {
        self.healthy.load(Ordering::Relaxed)
    }

    /// Notes whether the table could be used; the log hears of changes only.
    pub(crate) fn note_health(&self, result: Result<(), &TableError>) {
        let before = self.healthy.swap(result.is_ok(), Ordering::Relaxed);
        match result {
            Err(error) if before => {
                let error = error as &dyn std::error::Error;
                tracing::error!(
                    error,
                    "job rows cannot be kept: jobs run on in memory, unfinished ones would be lost"
                );
            }
            Ok(()) if !before => tracing::info!("job rows are kept again"),
            _ => {}
        }
    }

    pub(crate) async fn stopped(&self) {
        // An error would mean that the sender is gone, and `self` holds it.
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
    }
}

pub(crate) fn now() -> Now {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let unix_ms = i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX);
    Now {
        instant: Instant::now(),
        unix_ms,
        roll: RandomState::new().hash_one(unix_ms),
    }
}

async fn run_caught(start: &Start, draining: &Arc<AtomicBool>) -> Outcome {
    let context = JobContext::new(
        Arc::clone(&start.flight),
        Arc::clone(draining),
        start.was_put_off,
    );
    let run = async { start.handler.run(&start.job, &context).await };
    match AssertUnwindSafe(run).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(panic) => {
            let message = format!("the handler panicked: {}", panic_message(panic.as_ref()));
            tracing::error!(job_id = %start.job.id, kind = %start.job.kind, "{message}");
            Outcome::Failed {
                message,
                retry: false,
            }
        }
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
