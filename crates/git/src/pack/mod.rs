//! Packs: taking one from a stranger, and reading what was taken.

mod limits;
pub use limits::{PackError, PackLimits};

pub(crate) mod delta;
pub(crate) mod entry;
pub(crate) mod inflate;

mod entries;
mod index;
mod map;

mod receive;

mod task;

mod walk;

mod resolve;

mod take;
pub use take::{Taken, sweep, take_pack, take_pack_while};

mod mapped;
pub(crate) use mapped::{MappedError, MappedPack, Prefix};

#[cfg(test)]
pub(crate) mod builder;
