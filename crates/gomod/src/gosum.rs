//! Lines of `go.sum`, which are those of the checksum database's records too.
//!
//! Not here: whether a hash is true (`hash`), whether a record is signed.
//!
//! Source: Go modules reference, go.sum files; Go, `cmd/go/internal/modfetch`, `readGoSum`.

use std::fmt;
use std::str::FromStr;

use crate::hash::{H1, InvalidH1};
use crate::path::{PathError, shorten};
use crate::version::{ModuleVersion, VersionError};

/// Longest `go.sum` that is read, in bytes. Go has no such limit; the largest in public are below 1 MiB.
pub const GO_SUM_BYTES_MAX: usize = 16 << 20;

/// Which file of a module version a hash is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hashed {
    /// The module zip.
    Zip,
    /// The `go.mod` alone; the version in the line ends in `/go.mod`.
    GoMod,
}

/// One line: `example.com/mod v1.2.3 h1:...=` or `example.com/mod v1.2.3/go.mod h1:...=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoSumLine {
    /// The module.
    pub module: ModuleVersion,
    /// Which of its files.
    pub hashed: Hashed,
    /// The hash.
    pub h1: H1,
}

impl FromStr for GoSumLine {
    type Err = LineError;

    /// Reads one line, with or without its newline.
    fn from_str(line: &str) -> Result<Self, LineError> {
        let mut fields = line.split_whitespace();
        let (Some(path), Some(version), Some(hash), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(LineError::Fields {
                found: line.split_whitespace().count(),
            });
        };
        let (version, hashed) = match version.strip_suffix("/go.mod") {
            Some(version) => (version, Hashed::GoMod),
            None => (version, Hashed::Zip),
        };
        if !hash.starts_with("h1:") {
            return Err(LineError::Algorithm {
                hash: shorten(hash),
            });
        }
        let module = ModuleVersion::new(path.parse()?, version.parse()?)?;
        Ok(Self {
            module,
            hashed,
            h1: hash.parse()?,
        })
    }
}

impl fmt::Display for GoSumLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = match self.hashed {
            Hashed::Zip => "",
            Hashed::GoMod => "/go.mod",
        };
        write!(
            f,
            "{} {}{suffix} {}",
            self.module.path(),
            self.module.version(),
            self.h1
        )
    }
}

/// Reads a whole `go.sum`. Blank lines are passed over, and so are hashes of another algorithm than `h1:`, as
/// the go command does it; repeated lines are kept.
///
/// # Errors
/// [`GoSumError`] at the first line that cannot be read.
pub fn parse(bytes: &[u8]) -> Result<Vec<GoSumLine>, GoSumError> {
    if bytes.len() > GO_SUM_BYTES_MAX {
        return Err(GoSumError::TooLong { bytes: bytes.len() });
    }
    let mut lines = Vec::new();
    for (i, line) in bytes.split(|&b| b == b'\n').enumerate() {
        let refuse = |cause| GoSumError::Line { line: i + 1, cause };
        let line = std::str::from_utf8(line).map_err(|_| refuse(LineError::Utf8))?;
        if line.trim().is_empty() {
            continue;
        }
        match line.parse() {
            Ok(line) => lines.push(line),
            Err(LineError::Algorithm { .. }) => {}
            Err(cause) => return Err(refuse(cause)),
        }
    }
    Ok(lines)
}

/// Why a `go.sum` cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum GoSumError {
    /// Over [`GO_SUM_BYTES_MAX`].
    #[error("go.sum of {bytes} bytes is longer than {GO_SUM_BYTES_MAX}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// A line is malformed.
    #[error("malformed go.sum in line {line}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong there.
        #[source]
        cause: LineError,
    },
}

/// Why a line of `go.sum` cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// Not UTF-8.
    #[error("invalid UTF-8")]
    Utf8,
    /// Not three words.
    #[error("wrong number of fields {found}")]
    Fields {
        /// How many words there are.
        found: usize,
    },
    /// A hash of another kind than `h1:`.
    #[error("unknown hash algorithm {hash:?}")]
    Algorithm {
        /// The hash, cut to a length fit for messages.
        hash: String,
    },
    /// The first word is no module path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The second word is no version of that module.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// The third word is no hash.
    #[error(transparent)]
    Hash(#[from] InvalidH1),
}

#[cfg(test)]
mod tests;
