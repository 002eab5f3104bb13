//! The way to a checksum database: through an upstream proxy or straight, as whoever implements it decides.

use async_trait::async_trait;
use bytes::Bytes;

/// Fetches what a checksum database answers.
#[async_trait]
pub trait DatabaseTransport: Send + Sync {
    /// Fetches a path below the database's address, such as `latest`, `lookup/rsc.io/quote@v1.5.2` or `tile/8/0/001`,
    /// without a slash before it. The path holds nothing that needs quoting in an address.
    ///
    /// Waits no longer than the implementor's own bound. The bytes are not believed: nothing needs to be checked but
    /// their number.
    ///
    /// # Errors
    /// [`TransportError`].
    async fn get(&self, path: &str, limit_bytes: u64) -> Result<Bytes, TransportError>;
}

/// Why nothing was fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// 404 or 410, with the text that came with it.
    #[error("not found: {text}")]
    NotFound {
        /// For people; one line will do.
        text: String,
    },
    /// More bytes than asked for.
    #[error("more bytes than there can be")]
    TooLarge,
    /// No answer, or another one than 200, 404 and 410.
    #[error("{text}")]
    Unreachable {
        /// For people; one line will do.
        text: String,
    },
}
