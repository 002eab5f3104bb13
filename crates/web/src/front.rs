//! What every request works with: the keepers, the settings, what is remembered; and how a request asks for work and
//! waits for it.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use catalog::work::{Refusal, RefusalClass};
use catalog::{Catalog, CatalogError};
use queue::{Durability, Job, JobId, Outcome, Priority, Queue, Ticket};
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{Store, StoreError};
use tokio::sync::Semaphore;

use crate::answer::Error;
use crate::config::{FrontConfig, OnMiss, RefusalMode};
use crate::entry::Entry;
use crate::hot::{Hot, Mark};
use crate::identity::{Gatekeeper, HostRules};
use crate::metrics::Metrics;
use crate::negatives::Negatives;
use crate::seldom::Seldom;
use crate::view::View;

/// How long a connection may be idle once it is crowded; a go client comes back within milliseconds.
pub(crate) const IDLE_WAIT_CROWDED: Duration = Duration::from_secs(5);

/// How long a client may take over the next 64 KiB of an answer then: the slowest usable line still gives that.
const WRITE_WAIT_CROWDED: Duration = Duration::from_secs(20);

/// A job that has not come further for so long stands still.
const STANDSTILL: Duration = Duration::from_secs(10);

/// What a look at the keepers found, one line each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health {
    /// What keeps stored versions from being served.
    pub troubles: Vec<String>,
    /// What keeps new ones from being stored. Nobody is served better for it when this server is taken out of service.
    pub notes: Vec<String>,
}

/// The HTTP side of one server.
pub struct Front {
    pub(crate) catalog: Catalog,
    pub(crate) store: Store,
    pub(crate) queue: Queue,
    pub(crate) config: FrontConfig,
    pub(crate) gatekeeper: Gatekeeper,
    pub(crate) hot: Hot,
    pub(crate) negatives: Negatives,
    pub(crate) metrics: Arc<Metrics>,
    /// One permit a request that is looked up or waited for.
    pub(crate) room: Semaphore,
    /// One permit a request that waits for a job: three quarters of the room, so that those who wait for a slow host leave
    /// places for what is stored.
    waiting_room: Semaphore,
    /// When what was last said of overload, of connections that wait, of accepts that failed, of damage.
    pub(crate) overload_log: Seldom,
    pub(crate) full_log: Seldom,
    pub(crate) accept_log: Seldom,
    pub(crate) damage_log: Seldom,
    /// Who takes connections and has no room for the next one; when there last was none, in milliseconds since `begun`.
    held_up: AtomicUsize,
    full_at_ms: AtomicU64,
    begun: Instant,
    pub(crate) draining: AtomicBool,
    /// The last look at the keepers' health, and when it was.
    pub(crate) health: Mutex<Option<(Instant, Health)>>,
}

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Front")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Front {
    /// Puts the parts together. Starts nothing: see [`crate::server::serve`].
    pub fn new(catalog: Catalog, store: Store, queue: Queue, config: FrontConfig) -> Arc<Self> {
        let requests_max = config.requests_max.clamp(1, Semaphore::MAX_PERMITS);
        Arc::new(Self {
            hot: Hot::new(
                config.cache_bytes,
                &config.public_prefix,
                config.stages.last(),
            )
            .without(config.read.closed()),
            negatives: Negatives::new(config.negatives_max, config.negative_keep),
            metrics: Arc::default(),
            room: Semaphore::new(requests_max),
            waiting_room: Semaphore::new((requests_max - requests_max / 4).max(1)),
            overload_log: Seldom::default(),
            full_log: Seldom::default(),
            accept_log: Seldom::default(),
            damage_log: Seldom::default(),
            held_up: AtomicUsize::new(0),
            full_at_ms: AtomicU64::new(0),
            begun: Instant::now(),
            draining: AtomicBool::new(false),
            health: Mutex::new(None),
            gatekeeper: gatekeeper(&config, &catalog),
            catalog,
            store,
            queue,
            config,
        })
    }

    /// Names of the views, first to last.
    pub(crate) fn views(&self) -> Vec<String> {
        self.config.stages.names()
    }

    /// The counters, for whoever wants to look.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The view at a position among the stages.
    pub(crate) fn view(&self, position: usize) -> View<'_> {
        View::new(&self.config.stages, position)
    }

    /// Whether lists and queries of a view name its members alone: where nothing but a member is ever served on a request,
    /// to name others would break builds that choose from the list.
    pub(crate) fn shows_members_only(&self, view: View<'_>) -> bool {
        !view.is_last()
            || self.config.on_miss != OnMiss::Capture
            || self.config.refusal == RefusalMode::Gatekeeper
    }

    /// Keeps an answer of a view under a path in the one spelling, made from what the keepers said since a moment. Only
    /// what the last stage says is asked for often.
    pub(crate) fn keep(&self, view: View<'_>, mark: Mark, path: &str, entry: &Arc<Entry>) {
        if view.is_last() {
            self.hot.insert_since(mark, path, entry.clone());
        }
    }

    /// Finds an answer of a view that was kept under a path in the one spelling.
    pub(crate) fn find_kept(&self, view: View<'_>, path: &str) -> Option<Arc<Entry>> {
        let is_kept = view.is_last();
        is_kept.then(|| self.hot.find_kept(path, Instant::now()))?
    }

    /// Drops all that is kept in memory about a version that was withdrawn; the next request asks the catalog.
    pub fn drop_version(&self, of: &gomod::version::ModuleVersion) {
        self.hot.drop_version(of);
        self.negatives.forget(&|module| module == of.path());
    }

    /// Drops what may be different now that something of a module has landed: its list, `@latest`, refusals.
    pub(crate) fn note_landing(&self, module: &gomod::path::ModulePath) {
        self.hot.drop_changing(module);
        self.negatives.forget(&|remembered| remembered == module);
    }

    /// Waits for room where there is none; until a moment after it, idle connections make way.
    pub(crate) async fn hold_up<T>(&self, room: impl Future<Output = T>) -> T {
        let _waiting = HeldUp::new(self);
        room.await
    }

    /// Whether three quarters of the connections that may be open are, or all were a moment ago: each that ends then gives
    /// its place to one that waits, and those that stay must not take that for plenty of room.
    fn is_crowded(&self) -> bool {
        let open = self.metrics.connections.load(Ordering::Relaxed);
        open * 4 > self.config.connections_max as u64 * 3
            || self.held_up.load(Ordering::Relaxed) > 0
            || self.was_full()
    }

    fn was_full(&self) -> bool {
        let full_at_ms = self.full_at_ms.load(Ordering::Relaxed);
        let now_ms = self.begun.elapsed().as_millis() as u64;
        full_at_ms > 0 && now_ms < full_at_ms + IDLE_WAIT_CROWDED.as_millis() as u64
    }

    /// How long an idle connection may stay: the whole time while there is plenty of room, a moment once it is crowded. So
    /// whoever opens connections and says nothing frees them again before others wait long.
    pub(crate) fn idle_wait(&self) -> Duration {
        let wait = self.config.idle_wait;
        if self.is_crowded() {
            wait.min(IDLE_WAIT_CROWDED)
        } else {
            wait
        }
    }

    /// How long a client may take over the next 64 KiB of an answer, by the same rule.
    pub(crate) fn write_wait(&self) -> Duration {
        let wait = self.config.write_wait;
        if self.is_crowded() {
            wait.min(WRITE_WAIT_CROWDED)
        } else {
            wait
        }
    }

    /// Whether the server is going down.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Asks for work without waiting for it.
    pub(crate) fn submit(
        &self,
        ask: &Work<'_, impl Serialize>,
        priority: Priority,
    ) -> Result<Ticket, Error> {
        if ask.job_id.len() > JobId::BYTES_MAX {
            return Err(Error::Unserved(format!(
                "{}: the name is too long",
                ask.what
            )));
        }
        let broken = |cause: Box<dyn std::error::Error + Send + Sync>| Error::Broken {
            what: ask.what.clone(),
            cause,
        };
        let payload = serde_json::to_vec(ask.payload).map_err(|cause| broken(cause.into()))?;
        let job = Job {
            id: JobId::new(ask.job_id.clone()),
            kind: ask.kind.to_owned(),
            payload: Bytes::from(payload),
            priority,
            durability: ask.durability,
        };
        Ok(self.queue.submit(job))
    }

    /// Asks for work and waits for its answer; `Ok(Err(waited))` when the wait was over first.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        ask: &Work<'_, impl Serialize>,
        wait: Duration,
    ) -> Result<Result<T, Waited>, Error> {
        let _place = self
            .waiting_room
            .try_acquire()
            .map_err(|_| Error::Crowded)?;
        let ticket = self.submit(ask, Priority::Client)?;
        let outcome = match wait_for(&ticket, wait).await {
            Ok(outcome) => outcome,
            Err(waited) => return Ok(Err(waited)),
        };
        let failed = |message: String, retry| Error::JobFailed {
            what: ask.what.clone(),
            message,
            retry,
        };
        match outcome {
            Outcome::Done(answer) | Outcome::Later { answer, .. } => {
                serde_json::from_slice(&answer)
                    .map(Ok)
                    .map_err(|cause| Error::Broken {
                        what: ask.what.clone(),
                        cause: cause.into(),
                    })
            }
            Outcome::Failed { message, .. } if message == queue::FULL => Err(Error::JobsFull {
                what: ask.what.clone(),
            }),
            Outcome::Failed { message, retry } => Err(failed(message, retry)),
            Outcome::Cancelled => Err(failed(
                "the server is going down, try again".to_owned(),
                true,
            )),
        }
    }
}

fn gatekeeper(config: &FrontConfig, catalog: &Catalog) -> Gatekeeper {
    let public_url = config.public_url.as_deref();
    let hosts = HostRules::new(public_url, &config.listen);
    Gatekeeper::new(catalog, config.read.clone(), config.stages.last(), hosts)
}

/// Counts one who waits for room, also when it gives up waiting.
struct HeldUp<'a>(&'a Front);

impl<'a> HeldUp<'a> {
    fn new(front: &'a Front) -> Self {
        front.held_up.fetch_add(1, Ordering::Relaxed);
        Self(front)
    }
}

impl Drop for HeldUp<'_> {
    fn drop(&mut self) {
        let now_ms = self.0.begun.elapsed().as_millis() as u64;
        self.0.full_at_ms.store(now_ms.max(1), Ordering::Relaxed);
        self.0.held_up.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How a wait for work ended that took longer than the client may wait.
#[derive(Clone, Debug)]
pub(crate) struct Waited {
    /// How far the work is, with a separator in front, or nothing.
    pub progress: String,
    /// Whether it came further lately: it runs, and whoever it needs is sending.
    pub moves: bool,
}

impl Waited {
    /// What a client is told of it where no gate is concerned.
    pub fn into_error(self, what: &str) -> Error {
        Error::NotHereYet {
            what: what.to_owned(),
            progress: self.progress,
        }
    }
}

/// Waits for the outcome of a job, and looks whether it comes further meanwhile.
async fn wait_for(ticket: &Ticket, wait: Duration) -> Result<Outcome, Waited> {
    let end = Instant::now() + wait;
    let mut seen = ticket.progress();
    let mut moved_at: Option<Instant> = None;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        tokio::select! {
            outcome = ticket.wait(left) => {
                let moves = moved_at.is_some_and(|at| at.elapsed() < STANDSTILL.min(wait));
                return outcome.ok_or_else(|| Waited { progress: describe_progress(ticket), moves });
            }
            Ok(()) = seen.changed() => moved_at = Some(Instant::now()),
        }
    }
}

/// Work that a request wants done.
#[derive(Debug)]
pub(crate) struct Work<'a, P> {
    /// What the user asked for, for texts.
    pub what: String,
    /// See `catalog::work`.
    pub kind: &'static str,
    pub job_id: String,
    pub payload: &'a P,
    pub durability: Durability,
}

/// How far a job is, with a separator in front; empty where it says nothing.
fn describe_progress(ticket: &Ticket) -> String {
    let progress = ticket.progress().borrow().clone();
    let line = progress.line.lines().next().unwrap_or_default().to_owned();
    match (line.is_empty(), progress.total) {
        (true, 0) => String::new(),
        (true, total) => format!(" ({} of {total})", progress.done),
        (false, 0) => format!(" ({line})"),
        (false, total) => format!(" ({line}, {} of {total})", progress.done),
    }
}

/// What a keeper's "no answer" is to a client.
pub(crate) fn catalog_trouble(what: impl ToString, cause: CatalogError) -> Error {
    let what = what.to_string();
    match cause {
        CatalogError::Corrupt { .. } | CatalogError::Rotten { .. } => Error::Refused(Refusal::new(
            RefusalClass::Damaged,
            format!("{what} cannot be served: {cause}"),
        )),
        _ => Error::Unavailable {
            what,
            why: format!(": {}", cause.for_clients()),
            cause: cause.into(),
        },
    }
}

/// As [`catalog_trouble`], for the store. A blob that the catalog names and the store lacks is damage, not absence.
pub(crate) fn store_trouble(what: impl ToString, cause: StoreError) -> Error {
    let what = what.to_string();
    match cause {
        StoreError::NotFound { .. }
        | StoreError::Corrupt { .. }
        | StoreError::Unreadable { .. }
        | StoreError::BadName { .. } => Error::Broken {
            what,
            cause: cause.into(),
        },
        StoreError::Full { .. } | StoreError::ReadOnly { .. } => Error::Storage {
            what,
            cause: cause.into(),
        },
        StoreError::Unavailable { .. } => Error::Unavailable {
            what,
            why: String::new(),
            cause: cause.into(),
        },
    }
}
