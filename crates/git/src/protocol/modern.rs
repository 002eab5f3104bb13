//! Version 2: commands and their answers.
//!
//! Source: gitprotocol-v2, "ls-refs" and "fetch".

use std::collections::HashSet;
use std::io::Read;

use super::ask::{FetchAsk, ShallowChange};
use super::capabilities::AGENT;
use super::error::ProtocolError;
use super::greeting::Greeting;
use super::packet::{Packet, PacketReader, ProtocolLimits, Request};
use super::refs::{RefGatherer, RefList, matches_any, parse_id};
use crate::id::HashKind;

/// Names of parts in errors.
const REFS: &str = "its list of refs";
const ANSWER: &str = "its answer to a fetch";

/// Most lines of sections that say nothing here. None are due, as every request says `done`.
const IDLE_LINES_MAX: u64 = 10_000;

/// The request for refs whose names begin with one of `prefixes`; all where there is none.
pub(super) fn write_list(greeting: &Greeting, prefixes: &[&str]) -> Request {
    let mut request = command("ls-refs", greeting);
    request.line("peel");
    request.line("symrefs");
    if greeting.capabilities.has_feature("ls-refs", "unborn") {
        request.line("unborn");
    }
    for prefix in prefixes {
        request.line(&format!("ref-prefix {prefix}"));
    }
    request.flush();
    request
}

/// Reads the answer. Servers may ignore the prefixes, so what does not match them is left out here.
pub(super) fn read_list(
    from: impl Read,
    hash_kind: HashKind,
    prefixes: &[&str],
    limits: &ProtocolLimits,
) -> Result<RefList, ProtocolError> {
    let mut packets = PacketReader::new(from);
    let mut gatherer = RefGatherer::new(limits);
    loop {
        match packets.next(REFS)? {
            Packet::Data => {}
            Packet::Flush => return Ok(gatherer.finish()),
            Packet::Delimiter => return Err(ProtocolError::garbled("a stray delimiter")),
        }
        gatherer.count(packets.line())?;
        take_ref(&mut gatherer, packets.line(), hash_kind, prefixes)?;
    }
}

/// Takes `<id> <name>` or `unborn <name>`, with attributes behind.
fn take_ref(
    gatherer: &mut RefGatherer<'_>,
    line: &[u8],
    hash_kind: HashKind,
    prefixes: &[&str],
) -> Result<(), ProtocolError> {
    let mut words = line.split(|byte| *byte == b' ');
    let (Some(id), Some(name)) = (words.next(), words.next()) else {
        return Err(ProtocolError::garbled("a line that names no ref"));
    };
    let (mut peeled, mut symref) = (None, None);
    for word in words {
        if let Some(target) = word.strip_prefix(b"symref-target:") {
            symref = Some(target);
        } else if let Some(id) = word.strip_prefix(b"peeled:") {
            peeled = Some(parse_id(id, hash_kind)?);
        }
    }
    if id == b"unborn" {
        if let (b"HEAD", Some(target)) = (name, symref) {
            gatherer.set_unborn_head(target);
        }
        return Ok(());
    }
    let id = parse_id(id, hash_kind)?;
    let is_wanted = std::str::from_utf8(name).map_or(true, |name| matches_any(name, prefixes));
    if !is_wanted || id.is_null() {
        return Ok(());
    }
    gatherer.add(name, id, peeled, symref)
}

/// The request for a pack.
pub(super) fn write_fetch(greeting: &Greeting, ask: &FetchAsk<'_>) -> Request {
    let mut request = command("fetch", greeting);
    request.line("no-progress");
    request.line("ofs-delta");
    ask.write_bounds(&mut request);
    for id in ask.wants {
        request.line(&format!("want {id}"));
    }
    ask.write_haves(&mut request);
    request.flush();
    request
}

/// Reads the answer up to where its pack begins.
pub(super) fn read_sections(
    packets: &mut PacketReader<impl Read>,
    hash_kind: HashKind,
    ask: &FetchAsk<'_>,
    limits: &ProtocolLimits,
) -> Result<ShallowChange, ProtocolError> {
    let known: HashSet<_> = ask.shallow.iter().copied().collect();
    let mut change = ShallowChange::default();
    let mut idle_lines = 0;
    loop {
        match packets.next(ANSWER)? {
            Packet::Data => {}
            Packet::Flush | Packet::Delimiter => {
                return Err(ProtocolError::garbled("an answer without a pack"));
            }
        }
        match packets.line() {
            b"packfile" => return Ok(change),
            b"shallow-info" => {
                while next_of_section(packets)? {
                    change.take(packets.line(), &known, hash_kind, limits)?;
                }
            }
            // What the server has of ours is its own affair once it knows that we are done; wanted refs are never named.
            b"acknowledgments" | b"wanted-refs" => {
                while next_of_section(packets)? {
                    count_idle(&mut idle_lines)?;
                }
            }
            _other => {
                return Err(ProtocolError::garbled(
                    "a part of an answer that was not asked for",
                ));
            }
        }
        count_idle(&mut idle_lines)?;
    }
}

/// The next line of a section; `false` where another section follows.
fn next_of_section(packets: &mut PacketReader<impl Read>) -> Result<bool, ProtocolError> {
    match packets.next(ANSWER)? {
        Packet::Data => Ok(true),
        Packet::Delimiter => Ok(false),
        Packet::Flush => Err(ProtocolError::garbled("an answer without a pack")),
    }
}

fn count_idle(lines: &mut u64) -> Result<(), ProtocolError> {
    *lines += 1;
    if *lines > IDLE_LINES_MAX {
        return Err(ProtocolError::TooMuch {
            what: "lines before the pack",
            limit: IDLE_LINES_MAX,
        });
    }
    Ok(())
}

/// The beginning of a command: its name and what both sides must know.
fn command(name: &str, greeting: &Greeting) -> Request {
    let mut request = Request::default();
    request.line(&format!("command={name}"));
    if greeting.capabilities.has("agent") {
        request.line(AGENT);
    }
    if greeting.capabilities.has("object-format") {
        request.line(&format!("object-format={}", greeting.hash_kind.name()));
    }
    request.delimiter();
    request
}
