//! Why objects cannot be read.

use std::io;
use std::path::{Path, PathBuf};

use crate::id::ObjectId;

/// Why an object cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// A pack cannot be opened.
    #[error("damaged pack {}: {what}", path.display())]
    Pack {
        /// Its index.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// An object is there, but cannot be put together.
    #[error("damaged object {id}: {what}")]
    Corrupt {
        /// The object.
        id: ObjectId,
        /// What is wrong.
        what: &'static str,
    },
    /// An object is larger than the caller takes.
    #[error("object {id} has {size_bytes} bytes, more than the {limit_bytes} that are taken")]
    TooLarge {
        /// The object.
        id: ObjectId,
        /// Its size, or that of an object it is a delta of.
        size_bytes: u64,
        /// What is taken.
        limit_bytes: u64,
    },
    /// The objects that were read are deltas of too much.
    #[error("its deltas make more than {bytes_max} bytes on the way")]
    TooMuchWork {
        /// What they may make.
        bytes_max: u64,
    },
    /// The folder has more packs or alternates than anybody should.
    #[error("{} leads to more than {max} {what}", path.display())]
    TooMany {
        /// The folder.
        path: PathBuf,
        /// Of what.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// What the object's id should be made of cannot be written where the caller wanted it.
    #[error("object {id} cannot be handed on")]
    Sink {
        /// The object.
        id: ObjectId,
        /// What the sink says.
        #[source]
        cause: io::Error,
    },
}

impl DatabaseError {
    /// Makes an error of what the system says about a file.
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Io {
            path: path.to_owned(),
            cause,
        }
    }
}
