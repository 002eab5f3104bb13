//! How a checksum database can fail its client; each variant is a different answer to the go client.

use std::error::Error;
use std::sync::Arc;

use super::keeper::KeeperError;

/// Why a version could not be verified.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The database (or the proxy before it) says that it has no such record or tile: 404 or 410.
    #[error("the checksum database has no record: {text}")]
    NoRecord {
        /// What it said.
        text: String,
    },
    /// No answer could be had, or not all tiles of the signed tree.
    #[error("the checksum database cannot be reached: {text}")]
    Unreachable {
        /// What happened.
        text: String,
    },
    /// What came is not what the log holds, or not signed by it. Never to be retried silently: somebody on the way
    /// changed it, or the database is broken.
    #[error("the answer of the checksum database to {path} does not hold")]
    Lying {
        /// What was asked for.
        path: String,
        /// What is wrong with it.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// The database signed two trees that do not agree.
    #[error("the checksum database signed two trees that do not agree")]
    Fork {
        /// Both signed heads, and a proof that can be checked without the database.
        proof: Arc<str>,
    },
    /// The newest head could not be loaded or kept here.
    #[error("the newest head of the checksum database could not be loaded or kept")]
    Keeper(#[source] KeeperError),
    /// Not a path that a checksum database answers, or not its canonical form.
    #[error("not a path of a checksum database")]
    BadPath,
}

impl DatabaseError {
    pub(super) fn lying(path: &str, cause: impl Error + Send + Sync + 'static) -> Self {
        Self::Lying {
            path: path.to_owned(),
            cause: Box::new(cause),
        }
    }
}
