//! Why the server cannot start.

use std::io;
use std::path::PathBuf;

use crate::tls::TlsError;

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address or path.
        address: String,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// Another server listens on the socket.
    #[error("another server answers at {path}")]
    SocketInUse {
        /// The socket.
        path: PathBuf,
    },
    /// A certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A thread cannot be started.
    #[error("cannot start a thread")]
    Thread {
        /// What the system said.
        #[source]
        cause: io::Error,
    },
}
