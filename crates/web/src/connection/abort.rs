//! Ends a connection so that nothing of it is left.

use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

/// A stream that can be told to end hard.
pub(crate) trait Abort {
    /// Lets what was not taken yet be thrown away when the stream is closed. Else the kernel keeps megabytes for a client
    /// that takes nothing, for as long as that client likes.
    fn abort(&self);
}

impl Abort for TcpStream {
    fn abort(&self) {
        let _ = SockRef::from(self).set_linger(Some(Duration::ZERO));
    }
}

impl Abort for TlsStream<TcpStream> {
    fn abort(&self) {
        self.get_ref().0.abort();
    }
}

/// Its clients are this machine's, and trusted.
impl Abort for UnixStream {
    fn abort(&self) {}
}
