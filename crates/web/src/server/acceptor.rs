//! Listeners: bound sockets, and the loops that take connections from them.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use rustls::ServerConfig;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::ListenerConfig;
use crate::connection::{Control, Shared, serve_hyper};
use crate::identity::SocketUser;
use crate::server::error::ServeError;
use crate::server::worker::{Accepted, Workers};
use crate::tls::Certificate;

/// Connections that the kernel holds until they are taken; it cuts this down to its own limit.
const BACKLOG: i32 = 1024;

/// Bytes of an answer that the kernel takes ahead of what a client lets it send. Without a bound it takes megabytes for
/// each, and a thousand clients that read slowly leave no memory of TCP to anybody else.
#[cfg(target_os = "linux")]
const UNSENT_BYTES: u32 = 256 << 10;

/// What runs out (descriptors, memory) comes back only with time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// One bound listener.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp {
        listener: TcpListener,
        tls: Option<(Arc<Certificate>, Arc<ServerConfig>)>,
    },
    Unix {
        listener: UnixListener,
        path: PathBuf,
    },
}

impl Listener {
    pub async fn bind(config: ListenerConfig) -> Result<Self, ServeError> {
        match config {
            ListenerConfig::Tcp(address) => Ok(Self::Tcp {
                listener: bind_tcp(address)?,
                tls: None,
            }),
            ListenerConfig::Tls {
                address,
                certificate,
                key,
            } => {
                let certificate = Certificate::open(&certificate, &key)?;
                let config = certificate.server_config()?;
                Ok(Self::Tcp {
                    listener: bind_tcp(address)?,
                    tls: Some((certificate, config)),
                })
            }
            ListenerConfig::Unix(path) => {
                let listener = bind_unix(&path).await?;
                Ok(Self::Unix { listener, path })
            }
        }
    }

    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp { listener, .. } => listener.local_addr().ok(),
            Self::Unix { .. } => None,
        }
    }

    pub fn certificate(&self) -> Option<Arc<Certificate>> {
        match self {
            Self::Tcp {
                tls: Some((certificate, _)),
                ..
            } => Some(certificate.clone()),
            _ => None,
        }
    }
}

fn bind_tcp(address: SocketAddr) -> Result<TcpListener, ServeError> {
    let bind = || -> io::Result<TcpListener> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        // A restart must not wait for the old server's last connections to time out in the kernel.
        socket.set_reuse_address(true)?;
        // Every connection that is taken has it from here.
        #[cfg(target_os = "linux")]
        socket.set_tcp_notsent_lowat(UNSENT_BYTES)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        TcpListener::from_std(socket.into())
    };
    bind().map_err(|cause| ServeError::Listen {
        address: address.to_string(),
        cause,
    })
}

/// Binds a socket that only its owner can use. One that a dead server left behind is removed; one that answers is not.
async fn bind_unix(path: &Path) -> Result<UnixListener, ServeError> {
    let failed = |cause| ServeError::Listen {
        address: path.display().to_string(),
        cause,
    };
    if let Ok(found) = std::fs::symlink_metadata(path) {
        if !found.file_type().is_socket() {
            return Err(failed(io::ErrorKind::AlreadyExists.into()));
        }
        if UnixStream::connect(path).await.is_ok() {
            return Err(ServeError::SocketInUse {
                path: path.to_owned(),
            });
        }
        std::fs::remove_file(path).map_err(failed)?;
    }
    // Under another name until it is private: nobody else must connect in between.
    let staged = path.with_extension("new");
    let _ = std::fs::remove_file(&staged);
    let listener = UnixListener::bind(&staged).map_err(failed)?;
    std::fs::set_permissions(&staged, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    std::fs::rename(&staged, path).map_err(failed)?;
    Ok(listener)
}

/// Takes connections until the gate closes.
pub(crate) async fn accept(
    listener: Listener,
    shared: Shared,
    workers: Arc<Workers>,
    room: Arc<Semaphore>,
    control: axum::Router,
) {
    match listener {
        Listener::Tcp { listener, tls } => {
            let tls = tls.map(|(_, config)| config);
            accept_tcp(listener, tls, shared, workers, room).await;
        }
        Listener::Unix { listener, path } => {
            accept_unix(listener, shared, room, control).await;
            let _ = std::fs::remove_file(path);
        }
    }
}

async fn accept_tcp(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    shared: Shared,
    workers: Arc<Workers>,
    room: Arc<Semaphore>,
) {
    while let Some((permit, accepted)) = next(&shared, &room, || listener.accept()).await {
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(cause) => {
                survive(&shared, &cause).await;
                continue;
            }
        };
        // Without it the second half of an answer waits for the client's acknowledgement of the first.
        let _ = stream.set_nodelay(true);
        let Ok(stream) = stream.into_std() else {
            continue;
        };
        let peer = peer.ip().to_canonical();
        workers
            .give(Accepted {
                stream,
                peer,
                tls: tls.clone(),
                permit,
            })
            .await;
    }
}

async fn accept_unix(
    listener: UnixListener,
    shared: Shared,
    room: Arc<Semaphore>,
    control: axum::Router,
) {
    while let Some((permit, accepted)) = next(&shared, &room, || listener.accept()).await {
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(cause) => {
                survive(&shared, &cause).await;
                continue;
            }
        };
        let user = stream
            .peer_cred()
            .ok()
            .map(|peer| SocketUser { uid: peer.uid() });
        let control = Control {
            router: control.clone(),
            user,
        };
        let shared = shared.clone();
        tokio::spawn(async move {
            serve_hyper(stream, Bytes::new(), false, None, Some(control), shared).await;
            drop(permit);
        });
    }
}

/// Goes on after a connection could not be taken. One that its client gave up while it waited costs nothing; anything else
/// is a lack here, that of descriptors mostly: trying again at once would only keep a core busy.
async fn survive(shared: &Shared, cause: &io::Error) {
    let is_clients = [io::ErrorKind::ConnectionAborted, io::ErrorKind::Interrupted];
    if is_clients.contains(&cause.kind()) {
        return;
    }
    let front = &shared.front;
    front.metrics.accepts_failed.fetch_add(1, Ordering::Relaxed);
    if let Some(times) = front.accept_log.note(std::time::Instant::now()) {
        tracing::error!(
            error = %cause,
            times,
            "connections cannot be taken, those that are open are served: raise the limit of open files or lower \
             connections_max; docs/operating.md says how"
        );
    }
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

/// Room for one more connection; waits for it where there is none.
async fn enter(shared: &Shared, room: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    if let Ok(permit) = room.clone().try_acquire_owned() {
        return Some(permit);
    }
    let front = &shared.front;
    front
        .metrics
        .accepts_held_up
        .fetch_add(1, Ordering::Relaxed);
    if let Some(times) = front.full_log.note(std::time::Instant::now()) {
        tracing::warn!(
            connections_max = front.config.connections_max,
            times,
            "as many connections are open as may be; new ones wait until others end"
        );
    }
    front.hold_up(room.clone().acquire_owned()).await.ok()
}

/// The next connection and the room for it; `None` when the gate is closed.
async fn next<T, F>(
    shared: &Shared,
    room: &Arc<Semaphore>,
    accept: impl Fn() -> F,
) -> Option<(OwnedSemaphorePermit, io::Result<T>)>
where
    F: Future<Output = io::Result<T>>,
{
    let closing = shared.gate.closing();
    if shared.gate.is_closed() {
        return None;
    }
    tokio::select! {
        // What the kernel has accepted already is served, also at the end.
        biased;
        next = async {
            let permit = enter(shared, room).await?;
            Some((permit, accept().await))
        } => next,
        () = closing => None,
    }
}
