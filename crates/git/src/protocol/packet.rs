//! pkt-lines: four hexadecimal digits that say how long they and the bytes after them are.
//!
//! Source: gitprotocol-common, "pkt-line Format".

use std::io::{ErrorKind, Read};

use super::error::ProtocolError;

/// Longest pkt-line, its length field included, as the protocol sets it.
pub(super) const PACKET_BYTES_MAX: usize = 65_520;

/// Bytes of the length field.
const LENGTH_BYTES: usize = 4;

/// How much of a server's answer is taken. The size of a pack is the taker's to bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolLimits {
    /// Most refs of a repository, and most lines that say where its history is cut off.
    pub refs_max: usize,
    /// Most bytes of all names of refs together.
    pub names_bytes_max: u64,
    /// Most messages and signs of life without any bytes of a pack in them.
    pub messages_max: u64,
}

impl Default for ProtocolLimits {
    /// A million refs with names of 64 bytes each: far above the largest repositories with a ref for every review. A
    /// hundred thousand messages: one a second for longer than any fetch may take.
    fn default() -> Self {
        Self {
            refs_max: 1_000_000,
            names_bytes_max: 64_000_000,
            messages_max: 100_000,
        }
    }
}

/// One pkt-line. The bytes of [`Packet::Data`] stand in [`PacketReader::data`] until the next one is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packet {
    /// A line with bytes, perhaps none.
    Data,
    /// `0000`, the end of a message.
    Flush,
    /// `0001`, between the parts of a message.
    Delimiter,
}

/// Reads pkt-lines one by one and nothing behind them.
pub(super) struct PacketReader<R> {
    from: R,
    bytes: Box<[u8]>,
    filled: usize,
}

impl<R: Read> PacketReader<R> {
    pub(super) fn new(from: R) -> Self {
        Self {
            from,
            bytes: vec![0; PACKET_BYTES_MAX - LENGTH_BYTES].into_boxed_slice(),
            filled: 0,
        }
    }

    /// The bytes of the last [`Packet::Data`].
    pub(super) fn data(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    /// The same without a newline at its end, which lines of text may have or not.
    pub(super) fn line(&self) -> &[u8] {
        let data = self.data();
        data.strip_suffix(b"\n").unwrap_or(data)
    }

    /// The next pkt-line; the end of all bytes is an error that names `part`. So is a line that the server wrote instead
    /// of an answer, to say why there is none.
    pub(super) fn next(&mut self, part: &'static str) -> Result<Packet, ProtocolError> {
        match self.find_next(part)? {
            Some(packet) => Ok(packet),
            None => Err(ProtocolError::Truncated { part }),
        }
    }

    /// As [`PacketReader::next`], `None` where the bytes end before a pkt-line begins.
    pub(super) fn find_next(
        &mut self,
        part: &'static str,
    ) -> Result<Option<Packet>, ProtocolError> {
        self.filled = 0;
        let mut field = [0; LENGTH_BYTES];
        match self.fill_field(&mut field)? {
            0 => return Ok(None),
            LENGTH_BYTES => {}
            _ => return Err(ProtocolError::Truncated { part }),
        }
        let length = parse_length(field)?;
        match length {
            0 => return Ok(Some(Packet::Flush)),
            1 => return Ok(Some(Packet::Delimiter)),
            LENGTH_BYTES..=PACKET_BYTES_MAX => {}
            _ => {
                return Err(ProtocolError::garbled(format!(
                    "a line of {length} bytes in {part}"
                )));
            }
        }
        let wanted = length - LENGTH_BYTES;
        match self.from.read_exact(&mut self.bytes[..wanted]) {
            Ok(()) => self.filled = wanted,
            Err(cause) if cause.kind() == ErrorKind::UnexpectedEof => {
                return Err(ProtocolError::Truncated { part });
            }
            Err(cause) => return Err(ProtocolError::Wire(cause)),
        }
        match self.data().strip_prefix(b"ERR ") {
            Some(words) => Err(ProtocolError::refused(words)),
            None => Ok(Some(Packet::Data)),
        }
    }

    fn fill_field(&mut self, field: &mut [u8; LENGTH_BYTES]) -> Result<usize, ProtocolError> {
        let mut filled = 0;
        while filled < LENGTH_BYTES {
            match self.from.read(&mut field[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(cause) if cause.kind() == ErrorKind::Interrupted => {}
                Err(cause) => return Err(ProtocolError::Wire(cause)),
            }
        }
        Ok(filled)
    }
}

fn parse_length(field: [u8; LENGTH_BYTES]) -> Result<usize, ProtocolError> {
    let mut length = 0;
    for digit in field {
        let value = char::from(digit).to_digit(16).ok_or_else(|| {
            ProtocolError::garbled("a line does not begin with its length in hexadecimal digits")
        })?;
        length = length << 4 | value as usize;
    }
    Ok(length)
}

/// A request made of pkt-lines.
#[derive(Debug, Default)]
pub(super) struct Request {
    bytes: Vec<u8>,
}

impl Request {
    /// Adds a line of text. All lines of ours are short: names of objects, of refs' beginnings, of capabilities.
    pub(super) fn line(&mut self, text: &str) {
        let length = text.len() + 1 + LENGTH_BYTES;
        self.bytes
            .extend_from_slice(format!("{length:04x}{text}\n").as_bytes());
    }

    pub(super) fn delimiter(&mut self) {
        self.bytes.extend_from_slice(b"0001");
    }

    pub(super) fn flush(&mut self) {
        self.bytes.extend_from_slice(b"0000");
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}
