//! The header of one entry of a pack: what is stored, how large it is, and where its base lies if it is a delta.

use crate::id::{HashKind, ObjectId};
use crate::object::ObjectKind;

/// How an object is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// As it is.
    Whole(ObjectKind),
    /// As a delta of the entry that begins so many bytes before this one; never 0.
    OffsetDelta { distance: u64 },
    /// As a delta of this object.
    RefDelta { base: ObjectId },
}

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub stored: Stored,
    /// What inflates from the bytes behind the header: the object, or the delta.
    pub size_bytes: u64,
    /// Length of the header itself.
    pub len: usize,
}

/// The longest header that is accepted: 10 bytes of kind and size, 10 of distance or a base's id.
pub(crate) const HEADER_BYTES_MAX: usize = 10 + 32;

/// Why a header cannot be read.
pub(crate) type Fault = &'static str;

/// Reads the header at the start of `bytes`.
pub(crate) fn parse(bytes: &[u8], hash: HashKind) -> Result<Header, Fault> {
    const CUT: Fault = "an entry's header is cut off";
    let (&first, _) = bytes.split_first().ok_or(CUT)?;
    let mut size_bytes = u64::from(first & 0x0f);
    let mut len = 1;
    let mut byte = first;
    let mut shift = 4;
    while byte & 0x80 != 0 {
        byte = *bytes.get(len).ok_or(CUT)?;
        len += 1;
        let digit = u64::from(byte & 0x7f);
        if shift >= u64::BITS || digit << shift >> shift != digit {
            return Err("an entry's size does not fit 64 bits");
        }
        size_bytes |= digit << shift;
        shift += 7;
    }
    let stored = match first >> 4 & 7 {
        1 => Stored::Whole(ObjectKind::Commit),
        2 => Stored::Whole(ObjectKind::Tree),
        3 => Stored::Whole(ObjectKind::Blob),
        4 => Stored::Whole(ObjectKind::Tag),
        6 => {
            let (distance, digits) = parse_distance(&bytes[len..])?;
            len += digits;
            Stored::OffsetDelta { distance }
        }
        7 => {
            let base = bytes.get(len..len + hash.len_bytes()).ok_or(CUT)?;
            len += hash.len_bytes();
            Stored::RefDelta {
                base: ObjectId::from_bytes(base).ok_or(CUT)?,
            }
        }
        _ => return Err("an entry is of no known kind"),
    };
    Ok(Header {
        stored,
        size_bytes,
        len,
    })
}

/// Big-endian groups of seven bits, each but the last counting one more than it says, so that no distance has two forms.
fn parse_distance(bytes: &[u8]) -> Result<(u64, usize), Fault> {
    let mut distance = 0_u64;
    for (at, byte) in bytes.iter().enumerate() {
        let digit = u64::from(byte & 0x7f);
        distance = distance
            .checked_mul(128)
            .and_then(|distance| distance.checked_add(digit))
            .ok_or("a base's distance does not fit 64 bits")?;
        if byte & 0x80 == 0 {
            if distance == 0 {
                return Err("an entry is its own base");
            }
            return Ok((distance, at + 1));
        }
        distance = distance
            .checked_add(1)
            .ok_or("a base's distance does not fit 64 bits")?;
    }
    Err("an entry's header is cut off")
}
