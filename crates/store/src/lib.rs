//! Artifact bytes by content, created once.
//!
//! A blob is named by the SHA-256 of its bytes and lives at `blob/sha256/<first two hex digits>/<the rest>` under the
//! store's root. It is created once and never changed: there is no overwrite, no rename and no truncation, so whoever
//! has a name has the bytes. When [`Store::publish`] or [`Store::put_small`] returns, the blob survives a power loss.
//!
//! Beside the blobs lies a bounded cache of the tiles of external logs. It is the one thing here that may be lost or
//! torn: a tile that is not what was put counts as absent.
//!
//! Bytes rot on every disk. What is opened is hashed once after each start, and again whenever somebody scrubs it; a blob
//! that holds other bytes than its name promises is set aside into `rotten/` ([`Store::set_aside`]), where it is kept as
//! evidence, so that its name is free for the right bytes.
//!
//! What does not live here: which blob belongs to which module (that is the catalog's), and any HTTP.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod error;

mod hashing;

pub mod blob;

mod rot;

mod folder;

pub mod space;

mod local;

mod staged;

mod tiles;

mod keeper;

pub use blob::Blob;
pub use error::StoreError;
pub use gomod::hash::ContentDigest as Digest;
pub use keeper::Store;
pub use rot::SetAside;
pub use staged::Staged;
