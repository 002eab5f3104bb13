//! Names of objects: their hashes, in either of git's two object formats.

use std::fmt;
use std::str::FromStr;

/// An object format. A repository holds objects of one only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HashKind {
    /// `sha1`: 20 bytes.
    Sha1,
    /// `sha256`: 32 bytes.
    Sha256,
}

impl HashKind {
    /// Length of an id in bytes.
    pub const fn len_bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// Length of an id in hexadecimal digits.
    pub const fn len_hex(self) -> usize {
        self.len_bytes() * 2
    }

    /// The name in `object-format` capabilities and in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }
}

/// The id of an object. [`fmt::Display`] gives lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId {
    bytes: [u8; 32], // behind the first kind.len_bytes() all zero
    kind: HashKind,
}

/// A text that is no object id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the id of an object: 40 or 64 lower-case hexadecimal digits were expected")]
pub struct InvalidObjectId;

impl ObjectId {
    /// An id from its 20 or 32 bytes; `None` for any other length.
    pub fn from_bytes(id: &[u8]) -> Option<Self> {
        let kind = match id.len() {
            20 => HashKind::Sha1,
            32 => HashKind::Sha256,
            _ => return None,
        };
        let mut bytes = [0; 32];
        bytes[..id.len()].copy_from_slice(id);
        Some(Self { bytes, kind })
    }

    /// The format.
    pub const fn kind(&self) -> HashKind {
        self.kind
    }

    /// The 20 or 32 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.kind.len_bytes()]
    }

    /// Whether its hexadecimal digits begin with `digits`; other characters than lower-case digits match nothing.
    pub fn starts_with(&self, digits: &str) -> bool {
        let bytes = self.as_bytes();
        digits.len() <= self.kind.len_hex()
            && digits.bytes().enumerate().all(|(at, ascii)| {
                let half = if at % 2 == 0 {
                    bytes[at / 2] >> 4
                } else {
                    bytes[at / 2] & 15
                };
                digit(ascii) == Ok(half)
            })
    }

    /// Whether it is all zeros, which names no object.
    pub fn is_null(&self) -> bool {
        self.bytes == [0; 32]
    }
}

impl FromStr for ObjectId {
    type Err = InvalidObjectId;

    fn from_str(hex: &str) -> Result<Self, InvalidObjectId> {
        let digits = hex.as_bytes();
        if digits.len() != HashKind::Sha1.len_hex() && digits.len() != HashKind::Sha256.len_hex() {
            return Err(InvalidObjectId);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Self::from_bytes(&bytes[..digits.len() / 2]).ok_or(InvalidObjectId)
    }
}

/// Upper case is refused: git never writes it, and cmd/go takes it for no hash.
fn digit(ascii: u8) -> Result<u8, InvalidObjectId> {
    match ascii {
        b'0'..=b'9' => Ok(ascii - b'0'),
        b'a'..=b'f' => Ok(ascii - b'a' + 10),
        _ => Err(InvalidObjectId),
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.as_bytes() {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_and_written() {
        for hex in [
            "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
            &"0123456789abcdef".repeat(4),
        ] {
            let id: ObjectId = hex.parse().unwrap();
            assert_eq!(id.to_string(), hex);
            assert_eq!(ObjectId::from_bytes(id.as_bytes()), Some(id));
            assert_eq!(id.kind().len_hex(), hex.len());
        }
    }

    #[test]
    fn beginnings_are_compared_by_digit() {
        let id: ObjectId = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391".parse().unwrap();
        for digits in ["", "e", "e6", "e69de29", &id.to_string()] {
            assert!(id.starts_with(digits), "{digits}");
        }
        for digits in ["6", "e7", "E6", "e69g", &format!("{id}0")] {
            assert!(!id.starts_with(digits), "{digits}");
        }
    }

    #[test]
    fn other_texts_are_no_ids() {
        for text in [
            "",
            "e69de29",
            "E69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
            &"g".repeat(40),
            &"a".repeat(41),
        ] {
            assert_eq!(text.parse::<ObjectId>(), Err(InvalidObjectId), "{text}");
        }
    }
}
