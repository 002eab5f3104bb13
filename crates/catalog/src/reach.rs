//! Whether PostgreSQL can be reached: one watcher finds it out for everybody.
//!
//! A server that is away is noticed by the first call that fails or takes long. The watcher then asks once for all, and
//! as long as it gets no answer every call is refused at once instead of waiting for its own time-out. It goes on asking,
//! so that nothing has to be restarted when the server is back.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::error::CatalogError;

/// A call that takes longer makes the watcher look. Most calls take milliseconds.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long the watcher waits for an answer: a connection and a question are milliseconds even on a busy machine.
const PROBE_WAIT: Duration = Duration::from_secs(2);

/// Between two looks at a server that is away. Short, because requests are refused for as long.
const PROBE_EVERY: Duration = Duration::from_millis(500);

/// A server that stays away is told to the log again this often.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// Bound on one call: more than the server's own bounds on statements and locks, which give the better words.
const CALL_WAIT: Duration = Duration::from_secs(20);

/// A call that was left in the midst. Its connection is to be closed: an answer to nobody may be under way on it.
pub(crate) struct Left(pub(crate) CatalogError);

/// What is known of the server, shared with the watcher. The watcher ends with it.
pub(crate) struct Reach {
    shared: Arc<Shared>,
    watcher: JoinHandle<()>,
}

struct Shared {
    /// Why the server cannot be reached; `None` while it can.
    away: watch::Sender<Option<CatalogError>>,
    suspicion: Notify,
    times_lost: Arc<AtomicU64>,
}

impl Reach {
    /// Starts the watcher. `times_lost` counts how often the server was lost.
    pub(crate) fn watch(
        options: PgConnectOptions,
        pool: PgPool,
        times_lost: Arc<AtomicU64>,
    ) -> Self {
        let shared = Arc::new(Shared {
            away: watch::Sender::new(None),
            suspicion: Notify::new(),
            times_lost,
        });
        let watcher = tokio::spawn(keep_watch(shared.clone(), options, pool));
        Self { shared, watcher }
    }

    /// Whether the server is known to be away.
    pub(crate) fn is_away(&self) -> bool {
        self.shared.away.borrow().is_some()
    }

    /// Runs a call for as long as the server is there.
    pub(crate) async fn run<T>(
        &self,
        call: impl Future<Output = Result<T, CatalogError>>,
    ) -> Result<Result<T, CatalogError>, Left> {
        let mut away = self.shared.away.subscribe();
        if let Some(error) = away.borrow_and_update().clone() {
            return Err(Left(error));
        }
        let mut call = pin!(call);
        let mut patience = pin!(sleep(PATIENCE));
        let mut limit = pin!(sleep(CALL_WAIT));
        let mut is_patient = true;
        let outcome = loop {
            tokio::select! {
                biased;
                outcome = &mut call => break outcome,
                _ = away.changed() => {
                    if let Some(error) = away.borrow_and_update().clone() {
                        return Err(Left(error));
                    }
                }
                () = &mut patience, if is_patient => {
                    is_patient = false;
                    self.shared.suspicion.notify_one();
                }
                () = &mut limit => return Err(Left(no_answer())),
            }
        };
        if outcome.as_ref().is_err_and(CatalogError::is_suspicious) {
            self.shared.suspicion.notify_one();
        }
        Ok(outcome)
    }
}

impl Drop for Reach {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

fn no_answer() -> CatalogError {
    CatalogError::unavailable("the server takes connections and does not answer")
}

async fn keep_watch(shared: Arc<Shared>, options: PgConnectOptions, pool: PgPool) {
    loop {
        shared.suspicion.notified().await;
        let Err(error) = probe(&options).await else {
            continue;
        };
        let lost_at = Instant::now();
        shared.times_lost.fetch_add(1, Ordering::Relaxed);
        tell(&error, lost_at);
        shared.away.send_replace(Some(error));
        // What the pool holds leads to a server that is gone; asking each in turn would take a time-out each.
        while let Some(connection) = pool.try_acquire() {
            drop(connection.detach());
        }
        let mut told_at = lost_at;
        loop {
            sleep(PROBE_EVERY).await;
            match probe(&options).await {
                Ok(()) => break,
                Err(error) if told_at.elapsed() >= TELL_EVERY => {
                    told_at = Instant::now();
                    tell(&error, lost_at);
                }
                Err(_) => {}
            }
        }
        shared.away.send_replace(None);
        tracing::info!(
            away_seconds = lost_at.elapsed().as_secs(),
            "the database can be reached again"
        );
    }
}

fn tell(error: &CatalogError, lost_at: Instant) {
    tracing::error!(
        error = error.with_causes(),
        away_seconds = lost_at.elapsed().as_secs(),
        "the database cannot be reached: only what is in memory is served until it is back; \
         look whether PostgreSQL runs and `database` leads to it, nothing needs to be done here"
    );
}

/// Whether the server answers a new client. One that has no connection to spare is there, too.
async fn probe(options: &PgConnectOptions) -> Result<(), CatalogError> {
    let ask = async {
        let mut connection: PgConnection = options.connect().await?;
        connection.ping().await?;
        connection.close().await
    };
    match timeout(PROBE_WAIT, ask).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => match CatalogError::from(error) {
            CatalogError::Busy { .. } => Ok(()),
            error => Err(error),
        },
        Err(_) => Err(no_answer()),
    }
}
