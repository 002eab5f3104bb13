//! Deltas: how an object is put together from pieces of another one and new bytes.

use crate::hash::Hasher;

/// Where the bytes of a result go: a result that is only hashed need not be held.
pub(crate) trait Sink {
    /// Takes the next bytes.
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl Sink for Hasher {
    fn put(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

/// A delta, its two sizes read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delta<'a> {
    pub base_bytes: u64,
    pub result_bytes: u64,
    instructions: &'a [u8],
}

/// Why a delta cannot be read or applied.
pub(crate) type Fault = &'static str;

const CUT: Fault = "a delta is cut off";
const WILD: Fault = "a delta's result has another size than it says";

/// What a copy of length 0 means.
const COPY_BYTES_DEFAULT: usize = 0x1_0000;

/// Reads the two sizes at the start of a delta. They are claims: nothing of that size is allocated here.
pub(crate) fn parse(delta: &[u8]) -> Result<Delta<'_>, Fault> {
    let (base_bytes, rest) = parse_size(delta)?;
    let (result_bytes, instructions) = parse_size(rest)?;
    Ok(Delta {
        base_bytes,
        result_bytes,
        instructions,
    })
}

impl Delta<'_> {
    /// Puts the result together. Never puts more than `result_bytes`; after an error the sink holds a part of it.
    pub(crate) fn apply(&self, base: &[u8], result: &mut impl Sink) -> Result<(), Fault> {
        if base.len() as u64 != self.base_bytes {
            return Err("a delta was made for a base of another size");
        }
        let mut left = self.result_bytes;
        let mut rest = self.instructions;
        while let Some((&instruction, behind)) = rest.split_first() {
            let piece;
            (piece, rest) = match instruction {
                0 => return Err("a delta holds an unknown instruction"),
                1..=0x7f => behind.split_at_checked(instruction.into()).ok_or(CUT)?,
                0x80.. => {
                    let (offset, len, behind) = parse_copy(instruction, behind)?;
                    let piece = base.get(offset..).and_then(|base| base.get(..len));
                    (piece.ok_or("a delta copies from beyond its base")?, behind)
                }
            };
            left = left.checked_sub(piece.len() as u64).ok_or(WILD)?;
            result.put(piece);
        }
        if left == 0 { Ok(()) } else { Err(WILD) }
    }
}

/// Offset and length of a copy: the low seven bits of the instruction say which of their bytes follow.
fn parse_copy(instruction: u8, mut rest: &[u8]) -> Result<(usize, usize, &[u8]), Fault> {
    let mut operand = 0_u64; // four bytes of offset, then three of length
    for at in 0..7 {
        if instruction >> at & 1 == 1 {
            let (&byte, behind) = rest.split_first().ok_or(CUT)?;
            operand |= u64::from(byte) << (8 * at);
            rest = behind;
        }
    }
    let (offset, len) = (operand as u32 as usize, (operand >> 32) as usize);
    let len = if len == 0 { COPY_BYTES_DEFAULT } else { len };
    Ok((offset, len, rest))
}

/// Little-endian groups of seven bits.
fn parse_size(bytes: &[u8]) -> Result<(u64, &[u8]), Fault> {
    let mut size = 0_u64;
    for (at, byte) in bytes.iter().enumerate() {
        let (digit, shift) = (u64::from(byte & 0x7f), 7 * at as u32);
        if shift >= u64::BITS || digit << shift >> shift != digit {
            return Err("a delta's size does not fit 64 bits");
        }
        size |= digit << shift;
        if byte & 0x80 == 0 {
            return Ok((size, &bytes[at + 1..]));
        }
    }
    Err(CUT)
}
