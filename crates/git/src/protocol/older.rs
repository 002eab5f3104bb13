//! Versions 0 and 1: the one request that they know.
//!
//! Source: gitprotocol-pack, "Packfile Negotiation", and gitprotocol-capabilities.

use std::collections::HashSet;
use std::io::Read;

use super::ask::{FetchAsk, ShallowChange};
use super::capabilities::{AGENT, Capabilities};
use super::error::ProtocolError;
use super::packet::{Packet, PacketReader, ProtocolLimits, Request};
use crate::id::HashKind;

/// Name of this part in errors.
const ANSWER: &str = "its answer to a fetch";

/// Lines of acknowledgment beyond two for each of our haves.
const SPARE_ACKNOWLEDGMENTS: usize = 16;

/// The request for a pack. The wants carry what is used of the server's capabilities.
pub(super) fn write_fetch(
    capabilities: &Capabilities,
    hash_kind: HashKind,
    ask: &FetchAsk<'_>,
) -> Request {
    let mut words = "side-band-64k ofs-delta".to_owned();
    for word in ["multi_ack_detailed", "no-progress"] {
        if capabilities.has(word) {
            words.push_str(&format!(" {word}"));
        }
    }
    if capabilities.has("object-format") {
        words.push_str(&format!(" object-format={}", hash_kind.name()));
    }
    if ask.needs_shallow() {
        words.push_str(" shallow");
    }
    if ask.filter.is_some() {
        words.push_str(" filter");
    }
    if capabilities.has("agent") {
        words.push_str(&format!(" {AGENT}"));
    }
    let mut request = Request::default();
    for (index, id) in ask.wants.iter().enumerate() {
        if index == 0 {
            request.line(&format!("want {id} {words}"));
        } else {
            request.line(&format!("want {id}"));
        }
    }
    ask.write_bounds(&mut request);
    request.flush();
    ask.write_haves(&mut request);
    request
}

/// Reads the answer up to where its pack begins.
pub(super) fn read_acknowledgments(
    packets: &mut PacketReader<impl Read>,
    hash_kind: HashKind,
    ask: &FetchAsk<'_>,
    limits: &ProtocolLimits,
) -> Result<ShallowChange, ProtocolError> {
    let mut change = ShallowChange::default();
    if ask.is_deepening() {
        let known: HashSet<_> = ask.shallow.iter().copied().collect();
        loop {
            match packets.next(ANSWER)? {
                Packet::Data => change.take(packets.line(), &known, hash_kind, limits)?,
                Packet::Flush => break,
                Packet::Delimiter => return Err(ProtocolError::garbled("a stray delimiter")),
            }
        }
    }
    let lines_max = ask.haves.len().saturating_mul(2) + SPARE_ACKNOWLEDGMENTS;
    for _line in 0..lines_max {
        if packets.next(ANSWER)? != Packet::Data {
            return Err(ProtocolError::garbled("an answer without a pack"));
        }
        if is_last(packets.line())? {
            return Ok(change);
        }
    }
    Err(ProtocolError::TooMuch {
        what: "lines of acknowledgment",
        limit: lines_max as u64,
    })
}

/// Whether this is the last line before the pack: `NAK`, or `ACK <id>` with nothing behind.
fn is_last(line: &[u8]) -> Result<bool, ProtocolError> {
    if line == b"NAK" {
        return Ok(true);
    }
    let Some(rest) = line.strip_prefix(b"ACK ") else {
        return Err(ProtocolError::garbled(
            "a line that is no acknowledgment before the pack",
        ));
    };
    match rest.iter().position(|byte| *byte == b' ') {
        None => Ok(true),
        Some(blank) => match &rest[blank + 1..] {
            b"common" | b"ready" | b"continue" => Ok(false),
            _other => Err(ProtocolError::garbled("an acknowledgment of no known kind")),
        },
    }
}
