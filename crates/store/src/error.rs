//! Why the store could not do what it was asked to.

use std::error::Error;
use std::io;

use gomod::hash::ContentDigest;
use rustix::io::Errno;

/// What the store says when it cannot give an answer; one variant for each thing a caller does differently.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No blob of this name.
    #[error("no blob {digest}")]
    NotFound {
        /// The name asked for.
        digest: ContentDigest,
    },
    /// The stored bytes are not those that their name promises: bit rot or a foreign hand. Never retried.
    #[error("blob {digest} holds other bytes: {found}")]
    Corrupt {
        /// The name of the blob.
        digest: ContentDigest,
        /// SHA-256 of what is stored under it.
        found: ContentDigest,
    },
    /// The disk has lost some of the blob's bytes: a sector that cannot be read, or one that fails the file system's own
    /// check. To whoever wants the bytes it is what [`StoreError::Corrupt`] is.
    #[error("blob {digest} cannot be read: the disk has lost bytes of it")]
    Unreadable {
        /// The name of the blob.
        digest: ContentDigest,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// No room: the disk, the quota or the file size limit is reached.
    #[error("no room left in the store while {what}")]
    Full {
        /// What was being done.
        what: String,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// The file system is read-only, or its permissions forbid what was asked for.
    #[error("the store cannot be written while {what}")]
    ReadOnly {
        /// What was being done.
        what: String,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// A name that no tile has.
    #[error("not the name of a tile: {name:?}")]
    BadName {
        /// The name given.
        name: String,
    },
    /// Anything else the system refused, an I/O error for example.
    #[error("the store failed while {what}")]
    Unavailable {
        /// What was being done.
        what: String,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
}

impl StoreError {
    /// Sorts what the system said into what a caller can do about it.
    pub(crate) fn from_io(what: impl Into<String>, cause: io::Error) -> Self {
        let what = what.into();
        match cause.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::Full { what, cause },
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                Self::ReadOnly { what, cause }
            }
            _ => Self::Unavailable { what, cause },
        }
    }

    /// As [`StoreError::from_io`], for reading the blob `digest`: a file that is not there is [`StoreError::NotFound`].
    pub(crate) fn from_read(digest: &ContentDigest, cause: io::Error) -> Self {
        if cause.kind() == io::ErrorKind::NotFound {
            return Self::NotFound { digest: *digest };
        }
        Self::from_io(format!("reading blob {digest}"), cause)
    }

    /// As [`StoreError::from_read`], for the bytes of the blob's file, which was found and opened: what the disk cannot
    /// give any more is [`StoreError::Unreadable`].
    pub(crate) fn from_bytes(digest: &ContentDigest, cause: io::Error) -> Self {
        let is_lost = cause.raw_os_error().is_some_and(|number| {
            // The disk's own error; a checksum of the file system that does not fit; a structure of it that is broken.
            [Errno::IO, Errno::BADMSG, Errno::UCLEAN]
                .iter()
                .any(|lost| lost.raw_os_error() == number)
        });
        if is_lost {
            let digest = *digest;
            return Self::Unreadable { digest, cause };
        }
        Self::from_read(digest, cause)
    }

    /// Whether the blob's bytes are not there any more although its file is: then it is set aside, and healed.
    pub fn is_rot(&self) -> bool {
        matches!(self, Self::Corrupt { .. } | Self::Unreadable { .. })
    }

    /// As [`StoreError::from_io`], for what `object_store` says: the system's error is somewhere in its chain.
    pub(crate) fn from_objects(what: impl Into<String>, cause: object_store::Error) -> Self {
        let mut next: Option<&(dyn Error + 'static)> = Some(&cause);
        let mut kind = io::ErrorKind::Other;
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref::<io::Error>() {
                kind = found.kind();
                break;
            }
            next = error.source();
        }
        Self::from_io(what, io::Error::new(kind, cause))
    }
}

/// Runs `work` where blocking is allowed and hands its answer back.
///
/// The work goes on to its end when the caller goes away, so nothing is left half-done by a cancelled request.
pub(crate) async fn run_blocking<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(stopped) => Err(StoreError::Unavailable {
            what: what.to_owned(),
            cause: io::Error::other(stopped),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_disk_has_lost_is_rot_and_nothing_else_is() {
        let digest = ContentDigest::of(b"x");
        let of = |errno: Errno| {
            StoreError::from_bytes(&digest, io::Error::from_raw_os_error(errno.raw_os_error()))
        };
        for errno in [Errno::IO, Errno::BADMSG, Errno::UCLEAN] {
            let error = of(errno);
            assert!(matches!(error, StoreError::Unreadable { .. }), "{error:?}");
            assert!(error.is_rot());
        }
        for errno in [
            Errno::NOENT,
            Errno::ACCESS,
            Errno::STALE,
            Errno::TIMEDOUT,
            Errno::NOMEM,
            Errno::MFILE,
        ] {
            assert!(!of(errno).is_rot(), "{errno}");
        }
    }
}
