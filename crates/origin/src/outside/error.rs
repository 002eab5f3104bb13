//! Why a call to the outside gave no answer.

use std::error::Error;
use std::time::Duration;

use crate::guard::{GuardRefusal, Site};

/// Any error, boxed.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Why a call to the outside gave no answer, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum OutsideError {
    /// The place must not be asked.
    #[error(transparent)]
    Refused(#[from] GuardRefusal),
    /// No connection, or it ended before the answer began.
    #[error("{site} could not be reached")]
    Unreachable {
        /// Whom we asked.
        site: Site,
        /// What the network or the TLS layer said.
        #[source]
        cause: BoxError,
    },
    /// A bound of time or of speed was crossed.
    #[error("{site} took too long: {what}")]
    TooSlow {
        /// Whom we asked.
        site: Site,
        /// Which bound, with its number.
        what: String,
    },
    /// The host said 429 or 503 with `Retry-After`, and that time is not over.
    #[error("{site} asked to be left alone for {} more seconds", retry_after.as_secs_f64().ceil())]
    Overloaded {
        /// Whom we would have asked.
        site: Site,
        /// How long it is still closed.
        retry_after: Duration,
    },
    /// This process may open no further file or socket at the moment.
    #[error(
        "{site} could not be asked: this server has no file descriptor left, try again; its operator can raise the limit of open files"
    )]
    Exhausted {
        /// Whom we would have asked.
        site: Site,
    },
    /// The body is larger than the caller takes.
    #[error("{site} sent more than the {limit_bytes} bytes allowed for this file")]
    TooLarge {
        /// Whom we asked.
        site: Site,
        /// The caller's limit.
        limit_bytes: u64,
    },
    /// The body ended early or breaks the protocol.
    #[error("the answer of {site} broke off")]
    Broken {
        /// Whom we asked.
        site: Site,
        /// What the protocol layer said.
        #[source]
        cause: BoxError,
    },
    /// A redirect that is not followed.
    #[error("{site} redirects {why}")]
    Redirect {
        /// Who redirected.
        site: Site,
        /// What is wrong with it.
        why: String,
    },
    /// The body has a content coding though none was asked for; its bytes would not be the file's.
    #[error("{site} sent content encoding {encoding}, which was not asked for")]
    Encoded {
        /// Whom we asked.
        site: Site,
        /// The coding named.
        encoding: String,
    },
}

impl OutsideError {
    /// The message with the innermost cause, for people: what failed and why, without the layers between.
    pub fn explain(&self) -> String {
        let mut innermost: Option<&dyn Error> = None;
        let mut next = self.source();
        while let Some(cause) = next {
            innermost = Some(cause);
            next = cause.source();
        }
        match innermost {
            Some(cause) => format!("{self}: {cause}"),
            None => self.to_string(),
        }
    }
}

/// Finds the guard's refusal inside an error of the HTTP client, where the resolver's errors end up.
pub(super) fn find_refusal(error: &(dyn Error + 'static)) -> Option<GuardRefusal> {
    find_in_chain(error, |cause| cause.downcast_ref::<GuardRefusal>().cloned())
}

/// Whether the process, or the whole system, has no descriptor left.
pub(super) fn is_out_of_descriptors(error: &(dyn Error + 'static)) -> bool {
    let is_one = |cause: &(dyn Error + 'static)| {
        let code = cause.downcast_ref::<std::io::Error>()?.raw_os_error()?;
        [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE]
            .map(rustix::io::Errno::raw_os_error)
            .contains(&code)
            .then_some(())
    };
    find_in_chain(error, is_one).is_some()
}

/// Whether a connection ended before an answer began: asking once more is safe for a GET and often works.
pub(super) fn is_reset(error: &(dyn Error + 'static)) -> bool {
    let is_one = |cause: &(dyn Error + 'static)| {
        let io = cause.downcast_ref::<std::io::Error>().is_some_and(|io| {
            matches!(
                io.kind(),
                std::io::ErrorKind::ConnectionReset
                    | std::io::ErrorKind::BrokenPipe
                    | std::io::ErrorKind::ConnectionAborted
            )
        });
        let ended = cause.downcast_ref::<hyper::Error>().is_some_and(|hyper| {
            hyper.is_incomplete_message() || hyper.is_closed() || hyper.is_canceled()
        });
        (io || ended).then_some(())
    };
    find_in_chain(error, is_one).is_some()
}

fn find_in_chain<T>(
    error: &(dyn Error + 'static),
    find: impl Fn(&(dyn Error + 'static)) -> Option<T>,
) -> Option<T> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(found) = find(cause) {
            return Some(found);
        }
        next = cause.source();
    }
    None
}
