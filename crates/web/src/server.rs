//! Listeners, the threads that hold connections, and the orderly end.
//!
//! Connections are accepted on the runtime of the caller and given to the thread that holds the fewest: with a socket of
//! its own for each thread the kernel spreads them by chance, and one busy thread decides how fast the whole is. Each
//! thread has a runtime for itself, so a hit never crosses threads.

mod error;

mod worker;

mod acceptor;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;

use crate::config::ListenerConfig;
use crate::connection::{Gate, Shared};
use crate::front::Front;
use crate::tls::Certificate;
use acceptor::{Listener, accept};
pub use error::ServeError;
use worker::Workers;

/// Connections on the socket at once. They have a room of their own: whoever looks after a server that is full of clients
/// must still get in.
const SOCKET_CONNECTIONS_MAX: u32 = 64;

/// Landings looked at in one go.
const LANDINGS_MAX: u64 = 1000;

/// Listeners that are bound: clients can connect and wait, nothing answers yet.
#[derive(Debug)]
pub struct Bound {
    listeners: Vec<Listener>,
}

/// Binds, serves until `shutdown` ends, drains. See [`Bound`].
///
/// # Errors
/// [`ServeError`], before the first request is taken; once it serves, nothing ends it but `shutdown`.
pub async fn serve(
    listeners: Vec<ListenerConfig>,
    front: Arc<Front>,
    control: axum::Router,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    Bound::bind(listeners)
        .await?
        .serve(front, control, shutdown)
        .await
}

impl Bound {
    /// Binds every listener. Must be called on a runtime, the one that the keepers live on.
    ///
    /// # Errors
    /// [`ServeError`] with the address that cannot be had.
    pub async fn bind(configs: Vec<ListenerConfig>) -> Result<Self, ServeError> {
        let mut listeners = Vec::with_capacity(configs.len());
        for config in configs {
            listeners.push(Listener::bind(config).await?);
        }
        Ok(Self { listeners })
    }

    /// The addresses of the TCP listeners, in order; a port that was 0 is known here.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners
            .iter()
            .filter_map(Listener::address)
            .collect()
    }

    /// Serves until `shutdown` ends; then says 503 at `/readyz` for `drain_delay`, closes the listeners, lets requests
    /// in flight end for `drain_wait` at most, and returns.
    ///
    /// `control` is reached over unix sockets only, for paths below `/v1/control/`.
    ///
    /// # Errors
    /// [`ServeError::Thread`].
    pub async fn serve(
        self,
        front: Arc<Front>,
        control: axum::Router,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let gate = Arc::new(Gate::default());
        let shared = Shared {
            front: front.clone(),
            main: Handle::current(),
            gate: gate.clone(),
        };
        let workers = Arc::new(Workers::start(&shared)?);
        let room = Arc::new(Semaphore::new(
            front
                .config
                .connections_max
                .clamp(1, Semaphore::MAX_PERMITS),
        ));
        let socket_room = Arc::new(Semaphore::new(SOCKET_CONNECTIONS_MAX as usize));
        let mut behind = JoinSet::new();
        behind.spawn(follow_landings(front.clone()));
        behind.spawn(follow_rot(front.clone()));
        behind.spawn(follow_judged(front.clone()));
        behind.spawn(follow_verdicts(front.clone()));
        behind.spawn(renew_certificates(
            self.certificates(),
            front.config.certificate_check_every,
        ));
        let mut accepting = JoinSet::new();
        for listener in self.listeners {
            let room = match listener {
                Listener::Tcp { .. } => room.clone(),
                Listener::Unix { .. } => socket_room.clone(),
            };
            accepting.spawn(accept(
                listener,
                shared.clone(),
                workers.clone(),
                room,
                control.clone(),
            ));
        }
        shutdown.await;

        front.draining.store(true, Ordering::Relaxed);
        tracing::info!("going down: no new connections from now on");
        tokio::time::sleep(front.config.drain_delay).await;
        gate.close();
        while accepting.join_next().await.is_some() {}
        wait_for_connections(&front, &room, &socket_room).await;
        workers.stop();
        behind.abort_all();
        Ok(())
    }

    fn certificates(&self) -> Vec<Arc<Certificate>> {
        self.listeners
            .iter()
            .filter_map(Listener::certificate)
            .collect()
    }
}

/// Every connection holds a permit until it ends.
async fn wait_for_connections(front: &Front, room: &Semaphore, socket_room: &Semaphore) {
    let all = u32::try_from(front.config.connections_max.max(1)).unwrap_or(u32::MAX);
    let all_ended = async {
        let _ = room.acquire_many(all).await;
        let _ = socket_room.acquire_many(SOCKET_CONNECTIONS_MAX).await;
    };
    let drained = tokio::time::timeout(front.config.drain_wait, all_ended).await;
    if drained.is_err() {
        let left = front.metrics.connections.load(Ordering::Relaxed);
        tracing::warn!(connections = left, "requests still in flight are cut off");
    }
}

/// Drops what a landing changes: lists, `@latest`, remembered refusals. Other processes' landings come in here too.
async fn follow_landings(front: Arc<Front>) {
    let mut seq = loop {
        match front.catalog.last_seq().await {
            Ok(seq) => break seq,
            Err(error) => tracing::debug!(%error, "landings cannot be followed yet"),
        }
        tokio::time::sleep(front.config.follow_every).await;
    };
    loop {
        tokio::time::sleep(front.config.follow_every).await;
        match front.catalog.landings_since(seq, LANDINGS_MAX).await {
            Ok(landings) => {
                let modules = landings.iter().map(|landing| landing.module.path().clone());
                let modules: std::collections::HashSet<_> = modules.collect();
                if !modules.is_empty() {
                    modules
                        .iter()
                        .for_each(|module| front.hot.drop_changing(module));
                    front.negatives.forget(&|module| modules.contains(module));
                }
                for landing in landings {
                    if !landing.act.joins() {
                        front.hot.drop_version(&landing.module);
                    }
                    seq = seq.max(landing.seq);
                }
            }
            Err(error) => tracing::debug!(%error, "landings cannot be followed now"),
        }
    }
}

/// Drops what is kept in memory of blobs that turned out to be rotten, whoever found that.
async fn follow_rot(front: Arc<Front>) {
    let mut set_aside = front.store.follow_set_aside();
    loop {
        match set_aside.recv().await {
            Ok(rotten) => front.hot.drop_blob(&rotten.digest),
            Err(RecvError::Lagged(_)) => front.hot.clear(),
            Err(RecvError::Closed) => return,
        }
    }
}

/// Drops the lists of modules that this process has judged, at once: what is refused must not be listed a second longer.
async fn follow_judged(front: Arc<Front>) {
    let mut judged = front.catalog.follow_judged();
    loop {
        match judged.recv().await {
            Ok(module) => front.hot.drop_changing(&module),
            Err(RecvError::Lagged(_)) => front.hot.clear(),
            Err(RecvError::Closed) => return,
        }
    }
}

/// Drops the lists of modules that other processes have judged.
async fn follow_verdicts(front: Arc<Front>) {
    let mut after = loop {
        match front.catalog.last_verdict().await {
            Ok(id) => break id,
            Err(error) => tracing::debug!(%error, "verdicts cannot be followed yet"),
        }
        tokio::time::sleep(front.config.follow_every).await;
    };
    loop {
        tokio::time::sleep(front.config.follow_every).await;
        match front.catalog.list_verdicts(after, LANDINGS_MAX, None).await {
            Ok(verdicts) => {
                for verdict in verdicts {
                    front.hot.drop_changing(verdict.module.path());
                    after = after.max(verdict.id);
                }
            }
            Err(error) => tracing::debug!(%error, "verdicts cannot be followed now"),
        }
    }
}

async fn renew_certificates(certificates: Vec<Arc<Certificate>>, every: Duration) {
    if certificates.is_empty() {
        return;
    }
    loop {
        tokio::time::sleep(every).await;
        for certificate in &certificates {
            match certificate.renew() {
                Ok(true) => tracing::info!("a new certificate is in use"),
                Ok(false) => {}
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::warn!(%error, cause, "the certificate changed and cannot be used; the old one stays");
                }
            }
        }
    }
}
