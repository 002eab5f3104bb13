//! The threads that hold connections.

use std::net::IpAddr;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use rustls::ServerConfig;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_rustls::TlsAcceptor;

use crate::connection::{Shared, serve_hyper, serve_tcp};
use crate::server::error::ServeError;

/// Threads that a worker's runtime may use for blocking work; hits need none, and misses run elsewhere.
const BLOCKING_THREADS_MAX: usize = 2;

/// Connections on their way to a thread; when there are more, the kernel's backlog holds them.
const INBOX_MAX: usize = 64;

/// A connection on its way to its thread.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub stream: TcpStream,
    pub peer: IpAddr,
    pub tls: Option<Arc<ServerConfig>>,
    /// Given back when the connection ends.
    pub permit: OwnedSemaphorePermit,
}

/// One thread as the acceptors see it.
#[derive(Debug)]
struct Worker {
    connections: Arc<AtomicUsize>,
    inbox: mpsc::Sender<Accepted>,
    stop: Arc<tokio::sync::Notify>,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Workers(Vec<Worker>);

impl Workers {
    /// Starts the threads. They end with [`Workers::stop`].
    pub fn start(shared: &Shared) -> Result<Self, ServeError> {
        let count = match shared.front.config.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            count => count,
        };
        (0..count)
            .map(|number| start_one(number, shared.clone()))
            .collect::<Result<_, _>>()
            .map(Self)
            .map_err(|cause| ServeError::Thread { cause })
    }

    /// Gives a connection to the thread that holds the fewest, and waits where that one is behind.
    pub async fn give(&self, accepted: Accepted) {
        let idlest = self
            .0
            .iter()
            .min_by_key(|worker| worker.connections.load(Ordering::Relaxed));
        if let Some(worker) = idlest {
            worker.connections.fetch_add(1, Ordering::Relaxed);
            // The thread is gone only when the server is; the connection is closed then.
            let _ = worker.inbox.send(accepted).await;
        }
    }

    /// Ends the threads, and with them every connection that is still open.
    pub fn stop(&self) {
        for worker in &self.0 {
            worker.stop.notify_one();
        }
    }
}

fn start_one(number: usize, shared: Shared) -> std::io::Result<Worker> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .build()?;
    let (inbox, mut arriving) = mpsc::channel(INBOX_MAX);
    let connections = Arc::new(AtomicUsize::new(0));
    let stop = Arc::new(tokio::sync::Notify::new());
    let worker = Worker {
        connections: connections.clone(),
        inbox,
        stop: stop.clone(),
    };
    let run = async move {
        while let Some(accepted) = arriving.recv().await {
            let shared = shared.clone();
            let connections = connections.clone();
            tokio::spawn(async move {
                let _held = Held::new(connections, &shared);
                hold(accepted, shared.clone()).await;
            });
        }
    };
    std::thread::Builder::new()
        .name(format!("web-{number}"))
        .spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = run => {}
                    () = stop.notified() => {}
                }
            });
            runtime.shutdown_background();
        })?;
    Ok(worker)
}

/// Serves one connection to its end.
async fn hold(accepted: Accepted, shared: Shared) {
    let Accepted {
        stream,
        peer,
        tls,
        permit,
    } = accepted;
    let stream = match tokio::net::TcpStream::from_std(stream) {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(%error, "a connection could not be taken over");
            return;
        }
    };
    match tls {
        None => serve_tcp(stream, peer, shared).await,
        Some(tls) => Box::pin(serve_tls(stream, peer, tls, shared)).await,
    }
    drop(permit);
}

async fn serve_tls(
    stream: tokio::net::TcpStream,
    peer: IpAddr,
    tls: Arc<ServerConfig>,
    shared: Shared,
) {
    let wait = shared.front.config.handshake_wait;
    let handshake = TlsAcceptor::from(tls).accept(stream);
    match tokio::time::timeout(wait, handshake).await {
        Ok(Ok(stream)) => {
            let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            serve_hyper(stream, Bytes::new(), is_http2, Some(peer), None, shared).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => tracing::debug!("TLS handshake took too long"),
    }
}

/// Counts a connection while it is held, also when its task panics.
struct Held {
    connections: Arc<AtomicUsize>,
    metrics: Arc<crate::metrics::Metrics>,
}

impl Held {
    fn new(connections: Arc<AtomicUsize>, shared: &Shared) -> Self {
        let metrics = shared.front.metrics.clone();
        metrics.connections.fetch_add(1, Ordering::Relaxed);
        Self {
            connections,
            metrics,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
        self.metrics.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
