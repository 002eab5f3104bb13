//! Arguments of statements, the same for both engines.

use gomod::hash::{ContentDigest, H1};
use jiff::Timestamp;

/// An argument. The kinds know their type even when there is no value: PostgreSQL wants it said.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// The arguments of a statement, in order of their numbers.
macro_rules! args {
    ($($value:expr),* $(,)?) => {
        vec![$($crate::value::Value::from($value)),*]
    };
}
pub(crate) use args;

impl From<u64> for Value {
    /// Sizes and numbers stay below 2^63; a larger one (a limit of `u64::MAX`) means "all".
    fn from(value: u64) -> Self {
        Self::Int(Some(i64::try_from(value).unwrap_or(i64::MAX)))
    }
}

impl From<Option<u64>> for Value {
    fn from(value: Option<u64>) -> Self {
        value.map_or(Self::Int(None), Self::from)
    }
}

impl From<bool> for Value {
    /// 0 or 1: SQLite has no other.
    fn from(value: bool) -> Self {
        Self::Int(Some(i64::from(value)))
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Int(Some(value.as_microsecond()))
    }
}

impl From<Option<Timestamp>> for Value {
    fn from(value: Option<Timestamp>) -> Self {
        Self::Int(value.map(Timestamp::as_microsecond))
    }
}

impl From<&str> for Value {
    /// PostgreSQL has no NUL in text, and what comes from outside may hold one: it is replaced, on both engines.
    fn from(value: &str) -> Self {
        Self::Text(Some(if value.contains('\0') {
            value.replace('\0', "\u{fffd}")
        } else {
            value.to_owned()
        }))
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::from(value.as_str())
    }
}

impl From<Option<&str>> for Value {
    fn from(value: Option<&str>) -> Self {
        value.map_or(Self::Text(None), Self::from)
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(Some(value.to_owned()))
    }
}

impl From<&ContentDigest> for Value {
    fn from(value: &ContentDigest) -> Self {
        Self::from(&value.as_bytes()[..])
    }
}

impl From<Option<&ContentDigest>> for Value {
    fn from(value: Option<&ContentDigest>) -> Self {
        value.map_or(Self::Bytes(None), Self::from)
    }
}

impl From<&H1> for Value {
    fn from(value: &H1) -> Self {
        Self::from(&value.as_bytes()[..])
    }
}

impl From<Option<&H1>> for Value {
    fn from(value: Option<&H1>) -> Self {
        value.map_or(Self::Bytes(None), Self::from)
    }
}
