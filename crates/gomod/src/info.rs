//! The `.info` file of a version: its name, the time of its commit, where it came from.
//!
//! Read only: the bytes that are served are the ones that came, or are made by those who build versions.
//!
//! Source: Go modules reference, module proxies; Go, `cmd/go/internal/modfetch`, `RevInfo`.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::version::{Version, VersionError};

/// Longest `.info` that is read, in bytes. Real ones have a few hundred; the bound keeps a broken or hostile
/// upstream from filling memory.
pub const INFO_BYTES_MAX: usize = 1 << 20;

/// The last time that is told apart from later ones: the last whole second of the library's instants.
pub const TIME_MAX: Timestamp = Timestamp::constant(253_402_207_200, 0);

/// What an `.info` file says. Unknown fields are passed over.
#[derive(Clone, Debug, PartialEq)]
pub struct Info {
    /// The canonical version. Asked for a branch, the answer names the version made for it.
    pub version: Version,
    /// Time of the commit. Some proxies leave it out. The last day of the year 9999 counts as [`TIME_MAX`]: an instant
    /// of the library goes little further, and the file itself has the exact time.
    pub time: Option<Timestamp>,
    /// Where the version came from (`VCS`, `URL`, `Hash`, ...), as found; nothing here relies on its shape.
    pub origin: Option<Value>,
}

impl Info {
    /// Reads the JSON text of an `.info` file.
    ///
    /// Names of fields match without regard to case, as the go command does it; an exact match wins.
    ///
    /// # Errors
    /// [`InfoError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, InfoError> {
        if bytes.len() > INFO_BYTES_MAX {
            return Err(InfoError::TooLong { bytes: bytes.len() });
        }
        let fields: Map<String, Value> = serde_json::from_slice(bytes)?;
        let version = match find_field(&fields, "Version") {
            Some(Value::String(text)) => text.parse()?,
            Some(_) => return Err(InfoError::Field { name: "Version" }),
            None => return Err(InfoError::NoVersion),
        };
        let time = match find_field(&fields, "Time") {
            None => None,
            Some(Value::String(text)) => {
                Some(parse_time(text).ok_or(InfoError::Field { name: "Time" })?)
            }
            Some(_) => return Err(InfoError::Field { name: "Time" }),
        };
        Ok(Self {
            version,
            time,
            origin: find_field(&fields, "Origin").cloned(),
        })
    }
}

/// Reads a time as RFC 3339 writes it. Those in UTC count to the end of the year 9999, as they do for the go command.
fn parse_time(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.min(TIME_MAX));
    }
    let utc: DateTime = text.strip_suffix('Z')?.parse().ok()?;
    (utc > TimeZone::UTC.to_datetime(TIME_MAX)).then_some(TIME_MAX)
}

/// Gives a field that is there and not null.
fn find_field<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    fields
        .get(name)
        .or_else(|| {
            fields
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value)
        })
        .filter(|value| !value.is_null())
}

/// Why an `.info` file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InfoError {
    /// Over [`INFO_BYTES_MAX`].
    #[error(".info of {bytes} bytes is longer than {INFO_BYTES_MAX}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Not JSON, or not an object.
    #[error(".info is not a JSON object")]
    Json(#[from] serde_json::Error),
    /// No version in it.
    #[error(".info names no version")]
    NoVersion,
    /// A version that is not canonical.
    #[error(".info names no usable version")]
    Version(#[from] VersionError),
    /// A field of another type or form.
    #[error("malformed field {name} in .info")]
    Field {
        /// The field.
        name: &'static str,
    },
}

#[cfg(test)]
mod tests;
