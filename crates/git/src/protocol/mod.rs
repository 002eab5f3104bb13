//! The client's side of git's protocol, versions 2, 1 and 0, as far as reading from a repository needs it.
//!
//! [`Session`] lists refs and fetches packs over a [`Wire`], which carries bytes and knows nothing of their meaning. A
//! request says at once everything that the server is to know (all wants, all haves, `done`), so a fetch is one question
//! and one answer on every kind of wire. Nothing here opens a connection, reads a clock or looks into a pack. Everything
//! that a server sends is bounded by [`ProtocolLimits`] and by the constants beside what they bound; how long it may take
//! is the wire's to say.
//!
//! Sources: git's documentation, gitprotocol-common, gitprotocol-v2, gitprotocol-pack, gitprotocol-capabilities.

mod error;

mod wire;

mod packet;

mod name;

mod refs;

mod capabilities;

mod greeting;

mod band;

mod ask;

mod modern;

mod older;

mod session;

mod listing;

pub use self::ask::{Deepen, FetchAsk, Fetched, Filter, ShallowChange};
pub use self::error::{FetchError, ProtocolError};
pub use self::listing::read_listing;
pub use self::name::is_ref_name;
pub use self::packet::ProtocolLimits;
pub use self::refs::{RefList, RemoteRef};
pub use self::session::Session;
pub use self::wire::{Wire, WireError};

#[cfg(test)]
mod tests;
