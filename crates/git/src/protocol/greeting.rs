//! A server's first words: in version 2 what it can do, in the older ones that and all refs.

use std::collections::HashSet;
use std::io::Read;

use super::capabilities::Capabilities;
use super::error::ProtocolError;
use super::packet::{Packet, PacketReader, ProtocolLimits};
use super::refs::{RefGatherer, RefList, parse_id};
use crate::id::{HashKind, ObjectId};

/// Name of this part in errors.
const PART: &str = "its first words";

/// What stands where a name would, before the capabilities of a repository without refs.
const NO_REFS: &[u8] = b"capabilities^{}";

/// Most lines that name the service before the protocol itself begins.
const SERVICE_LINES_MAX: usize = 16;

/// What a server said first.
#[derive(Debug)]
pub(super) struct Greeting {
    pub(super) hash_kind: HashKind,
    pub(super) capabilities: Capabilities,
    /// What versions 0 and 1 say beside that; `None` in version 2.
    pub(super) older: Option<Older>,
}

/// What a server of version 0 or 1 says about its repository at once.
#[derive(Debug)]
pub(super) struct Older {
    pub(super) version: u8,
    pub(super) refs: RefList,
    /// Ids that may be asked for: what the refs name.
    pub(super) tips: HashSet<ObjectId>,
}

impl Greeting {
    /// Reads a greeting up to its end and nothing behind it.
    pub(super) fn read(from: impl Read, limits: &ProtocolLimits) -> Result<Self, ProtocolError> {
        let mut packets = PacketReader::new(from);
        let mut first = packets.next(PART)?;
        // Over HTTP the service is named before; servers of version 2 may leave that out.
        if first == Packet::Data && packets.data().starts_with(b"# service=") {
            if packets.line() != b"# service=git-upload-pack" {
                return Err(ProtocolError::garbled("it answers for another service"));
            }
            skip_to_flush(&mut packets)?;
            first = packets.next(PART)?;
        }
        if first == Packet::Data && packets.line() == b"version 2" {
            return Self::read_modern(&mut packets);
        }
        let mut version = 0;
        if first == Packet::Data && packets.line() == b"version 1" {
            version = 1;
            first = packets.next(PART)?;
        }
        Self::read_older(&mut packets, first, version, limits)
    }

    fn read_modern(packets: &mut PacketReader<impl Read>) -> Result<Self, ProtocolError> {
        let mut capabilities = Capabilities::default();
        loop {
            match packets.next(PART)? {
                Packet::Data => capabilities.add(packets.line())?,
                Packet::Flush => break,
                Packet::Delimiter => return Err(ProtocolError::garbled("a stray delimiter")),
            }
        }
        for command in ["ls-refs", "fetch"] {
            if !capabilities.has(command) {
                return Err(ProtocolError::unsupported(format!(
                    "does not offer the command {command}"
                )));
            }
        }
        Ok(Self {
            hash_kind: capabilities.hash_kind()?,
            capabilities,
            older: None,
        })
    }

    fn read_older(
        packets: &mut PacketReader<impl Read>,
        first: Packet,
        version: u8,
        limits: &ProtocolLimits,
    ) -> Result<Self, ProtocolError> {
        let mut gatherer = RefGatherer::new(limits);
        let mut tips = HashSet::new();
        let mut capabilities = Capabilities::default();
        let mut hash_kind = HashKind::Sha1;
        let mut packet = first;
        let mut is_first = true;
        loop {
            match packet {
                Packet::Data => {}
                Packet::Flush => break,
                Packet::Delimiter => return Err(ProtocolError::garbled("a stray delimiter")),
            }
            let mut line = packets.line();
            gatherer.count(line)?;
            if is_first {
                let divided = line.iter().position(|byte| *byte == 0);
                let (reference, words) = match divided {
                    Some(at) => (&line[..at], &line[at + 1..]),
                    None => (line, &line[line.len()..]),
                };
                capabilities = Capabilities::parse(words)?;
                hash_kind = capabilities.hash_kind()?;
                line = reference;
                is_first = false;
            }
            add_older(&mut gatherer, &mut tips, line, hash_kind)?;
            packet = packets.next(PART)?;
        }
        for pair in capabilities.values("symref") {
            if let Some((name, target)) = pair.split_once(':') {
                gatherer.set_symref(name, target);
            }
        }
        let older = Older {
            version,
            refs: gatherer.finish(),
            tips,
        };
        Ok(Self {
            hash_kind,
            capabilities,
            older: Some(older),
        })
    }
}

/// Takes `<id> <name>`, `<id> <name>^{}` behind it for what a tag points to, or `shallow <id>`.
fn add_older(
    gatherer: &mut RefGatherer<'_>,
    tips: &mut HashSet<ObjectId>,
    line: &[u8],
    hash_kind: HashKind,
) -> Result<(), ProtocolError> {
    let Some(blank) = line.iter().position(|byte| *byte == b' ') else {
        return Err(ProtocolError::garbled("a line that names no ref"));
    };
    let (id, name) = (&line[..blank], &line[blank + 1..]);
    if id == b"shallow" {
        // Where the server's own history is cut off. It says so again with each pack that ends there.
        return parse_id(name, hash_kind).map(|_cut| ());
    }
    let id = parse_id(id, hash_kind)?;
    if name == NO_REFS || id.is_null() {
        return Ok(());
    }
    if let Some(name) = name.strip_suffix(b"^{}") {
        gatherer.peel_last(name, id);
        return Ok(());
    }
    tips.insert(id);
    gatherer.add(name, id, None, None)
}

fn skip_to_flush(packets: &mut PacketReader<impl Read>) -> Result<(), ProtocolError> {
    for _line in 0..SERVICE_LINES_MAX {
        if packets.next(PART)? == Packet::Flush {
            return Ok(());
        }
    }
    Err(ProtocolError::garbled("too much before its first words"))
}
