//! A pack inside an answer: band 1 carries it, band 2 words for people, band 3 the words of a failure.
//!
//! Source: gitprotocol-pack, "Packfile Data".

use std::io::{self, Read};

use super::error::{ProtocolError, WORDS_BYTES_MAX, clean};
use super::packet::{Packet, PacketReader, ProtocolLimits};

/// Name of this part in errors.
const PART: &str = "its pack";

/// Gives the bytes of band 1 up to the end of the pack and nothing behind it.
pub(super) struct PackReader<'a, R> {
    packets: &'a mut PacketReader<R>,
    limits: &'a ProtocolLimits,
    at: usize,
    is_over: bool,
    messages: u64,
    words: Vec<u8>,
    failure: Option<ProtocolError>,
}

impl<'a, R: Read> PackReader<'a, R> {
    pub(super) fn new(packets: &'a mut PacketReader<R>, limits: &'a ProtocolLimits) -> Self {
        Self {
            packets,
            limits,
            at: usize::MAX,
            is_over: false,
            messages: 0,
            words: Vec::new(),
            failure: None,
        }
    }

    /// What went wrong on the server's side while the pack was read.
    pub(super) fn take_failure(&mut self) -> Option<ProtocolError> {
        self.failure.take()
    }

    /// Reads what comes behind the pack: words and the end, but no byte of a pack any more.
    pub(super) fn finish(mut self) -> Result<(), ProtocolError> {
        match self.fill()? {
            true => Err(ProtocolError::garbled("bytes behind the pack")),
            false => Ok(()),
        }
    }

    /// Makes sure that there are bytes of the pack to give; `false` at its end.
    fn fill(&mut self) -> Result<bool, ProtocolError> {
        loop {
            if self.is_over {
                return Ok(false);
            }
            if self.at < self.packets.data().len() {
                return Ok(true);
            }
            match self
                .packets
                .next(PART)
                .map_err(|error| self.explained(error))?
            {
                Packet::Data => self.sort()?,
                Packet::Flush => self.is_over = true,
                Packet::Delimiter => {
                    return Err(ProtocolError::garbled("a delimiter within the pack"));
                }
            }
        }
    }

    fn sort(&mut self) -> Result<(), ProtocolError> {
        let Some((band, content)) = self.packets.data().split_first() else {
            return Err(ProtocolError::garbled("a line of no band within the pack"));
        };
        self.at = usize::MAX;
        match band {
            // Without content it is a sign of life.
            1 if !content.is_empty() => {
                self.at = 1;
                return Ok(());
            }
            1 => {}
            2 => {
                let room = WORDS_BYTES_MAX.saturating_sub(self.words.len());
                self.words.extend(content.iter().take(room));
            }
            3 => return Err(ProtocolError::refused(content)),
            other => {
                return Err(ProtocolError::garbled(format!(
                    "a line of band {other} within the pack"
                )));
            }
        }
        self.messages += 1;
        if self.messages > self.limits.messages_max {
            return Err(ProtocolError::TooMuch {
                what: "messages beside the pack",
                limit: self.limits.messages_max,
            });
        }
        Ok(())
    }

    /// Where an answer breaks off, what the server said before tells best why.
    fn explained(&self, error: ProtocolError) -> ProtocolError {
        match error {
            ProtocolError::Truncated { .. } if !self.words.is_empty() => ProtocolError::Refused {
                words: format!("its pack broke off after it said: {}", clean(&self.words)),
            },
            other => other,
        }
    }
}

impl<R: Read> Read for PackReader<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.failure.is_some() {
            return Err(io::Error::other("the pack could not be read on"));
        }
        match self.fill() {
            Ok(true) => {
                let rest = &self.packets.data()[self.at..];
                let given = rest.len().min(into.len());
                into[..given].copy_from_slice(&rest[..given]);
                self.at += given;
                Ok(given)
            }
            Ok(false) => Ok(0),
            Err(failure) => {
                let told = io::Error::other(failure.to_string());
                self.failure = Some(failure);
                Err(told)
            }
        }
    }
}
