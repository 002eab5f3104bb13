//! A conversation with one repository.

use std::io::Read;

use super::ask::{FetchAsk, Fetched};
use super::band::PackReader;
use super::error::{FetchError, ProtocolError};
use super::greeting::Greeting;
use super::packet::{PacketReader, ProtocolLimits};
use super::refs::RefList;
use super::wire::Wire;
use super::{modern, older};
use crate::id::HashKind;

/// An open conversation. Dropping it ends it.
#[derive(Debug)]
pub struct Session<W> {
    wire: W,
    limits: ProtocolLimits,
    greeting: Greeting,
    /// Whether the server waits for a request. On a stream it does not behind a failure, nor in the older versions
    /// behind a fetch: the next request then begins anew.
    is_ready: bool,
}

impl<W: Wire> Session<W> {
    /// Begins, and hears what the server can do.
    ///
    /// # Errors
    /// [`ProtocolError`].
    pub fn open(mut wire: W, limits: &ProtocolLimits) -> Result<Self, ProtocolError> {
        let greeting = Greeting::read(wire.greet().map_err(ProtocolError::Wire)?, limits)?;
        Ok(Self {
            wire,
            limits: *limits,
            greeting,
            is_ready: true,
        })
    }

    /// The object format of the repository.
    pub fn hash_kind(&self) -> HashKind {
        self.greeting.hash_kind
    }

    /// The version of the protocol that is spoken: 0, 1 or 2.
    pub fn version(&self) -> u8 {
        match &self.greeting.older {
            Some(older) => older.version,
            None => 2,
        }
    }

    /// Whether objects can be left out of packs.
    pub fn can_filter(&self) -> bool {
        self.can("filter")
    }

    /// Whether history can be cut off.
    pub fn can_deepen(&self) -> bool {
        self.can("shallow")
    }

    /// Whether any commit that refs lead to may be wanted, and not only what the refs themselves name. In version 2 that
    /// is the rule of the protocol, though a server may still refuse.
    pub fn can_want_any(&self) -> bool {
        let words = ["allow-reachable-sha1-in-want", "allow-any-sha1-in-want"];
        self.greeting.older.is_none()
            || words
                .into_iter()
                .any(|word| self.greeting.capabilities.has(word))
    }

    /// The refs whose names begin with one of `prefixes`; all where there is none. In the older versions they are those
    /// of when the conversation began.
    ///
    /// # Errors
    /// [`ProtocolError`].
    pub fn list_refs(&mut self, prefixes: &[&str]) -> Result<RefList, ProtocolError> {
        if let Some(older) = &self.greeting.older {
            return Ok(older.refs.select(prefixes));
        }
        self.make_ready()?;
        let request = modern::write_list(&self.greeting, prefixes);
        self.is_ready = self.wire.is_stateless();
        let answer = self
            .wire
            .ask(request.as_bytes())
            .map_err(ProtocolError::Wire)?;
        let list = modern::read_list(answer, self.greeting.hash_kind, prefixes, &self.limits)?;
        self.is_ready = true;
        Ok(list)
    }

    /// Asks for a pack, hands it to `take` as it comes and says where history is cut off now. The pack is never thin. It
    /// ends where the reader does, and `take` must read all of it.
    ///
    /// # Errors
    /// [`FetchError`]; [`ProtocolError::is_unsupported`] where this server cannot do what is asked.
    pub fn fetch<T, E>(
        &mut self,
        ask: &FetchAsk<'_>,
        take: impl FnOnce(&mut dyn Read) -> Result<T, E>,
    ) -> Result<Fetched<T>, FetchError<E>> {
        self.make_ready()?;
        self.check(ask)?;
        let hash_kind = self.greeting.hash_kind;
        let is_modern = self.greeting.older.is_none();
        let request = if is_modern {
            modern::write_fetch(&self.greeting, ask)
        } else {
            older::write_fetch(&self.greeting.capabilities, hash_kind, ask)
        };
        let is_stateless = self.wire.is_stateless();
        self.is_ready = is_stateless;
        let answer = self
            .wire
            .ask(request.as_bytes())
            .map_err(ProtocolError::Wire)?;
        let mut packets = PacketReader::new(answer);
        let change = if is_modern {
            modern::read_sections(&mut packets, hash_kind, ask, &self.limits)?
        } else {
            older::read_acknowledgments(&mut packets, hash_kind, ask, &self.limits)?
        };
        let mut pack = PackReader::new(&mut packets, &self.limits);
        let taken = match take(&mut pack) {
            Ok(taken) => taken,
            // A taker that was cut short cannot know why.
            Err(error) => {
                return Err(match pack.take_failure() {
                    Some(failure) => FetchError::Protocol(failure),
                    None => FetchError::Taken(error),
                });
            }
        };
        pack.finish()?;
        drop(packets);
        self.is_ready = is_stateless || is_modern;
        Ok(Fetched { taken, change })
    }

    fn make_ready(&mut self) -> Result<(), ProtocolError> {
        if self.is_ready {
            return Ok(());
        }
        let words = self.wire.greet().map_err(ProtocolError::Wire)?;
        let greeting = Greeting::read(words, &self.limits)?;
        if greeting.hash_kind != self.greeting.hash_kind {
            return Err(ProtocolError::garbled(
                "the object format of the repository changed between two requests",
            ));
        }
        self.greeting = greeting;
        self.is_ready = true;
        Ok(())
    }

    /// Finds out before anything is sent whether the server can do this.
    fn check(&self, ask: &FetchAsk<'_>) -> Result<(), ProtocolError> {
        let hash_kind = self.greeting.hash_kind;
        let mut ids = ask.wants.iter().chain(ask.haves).chain(ask.shallow);
        if ask.wants.is_empty() || ids.any(|id| id.kind() != hash_kind) {
            return Err(ProtocolError::unsupported(
                "was to be asked for nothing, or for objects of another format than its own",
            ));
        }
        if ask.needs_shallow() && !self.can_deepen() {
            return Err(ProtocolError::unsupported("cannot cut history off"));
        }
        if ask.filter.is_some() && !self.can_filter() {
            return Err(ProtocolError::unsupported(
                "cannot leave objects out of a pack",
            ));
        }
        let Some(older) = &self.greeting.older else {
            return Ok(());
        };
        if !self.greeting.capabilities.has("side-band-64k") {
            return Err(ProtocolError::unsupported(
                "cannot tell a pack from its messages (no side-band-64k)",
            ));
        }
        let is_given = |id| self.can_want_any() || older.tips.contains(id);
        match ask.wants.iter().find(|id| !is_given(id)) {
            Some(id) => Err(ProtocolError::unsupported(format!(
                "gives only what its refs name, and none names {id}"
            ))),
            None => Ok(()),
        }
    }

    fn can(&self, word: &str) -> bool {
        match self.greeting.older {
            Some(_) => self.greeting.capabilities.has(word),
            None => self.greeting.capabilities.has_feature("fetch", word),
        }
    }
}
