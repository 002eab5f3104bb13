//! What a pack may cost, and why one is refused.

use std::io;

/// What taking a pack may cost. Whatever exceeds it is [`PackError::Limit`].
#[derive(Clone, Copy, Debug)]
pub struct PackLimits {
    /// Length of the pack.
    pub pack_bytes_max: u64,
    /// Objects in the pack.
    pub objects_max: u32,
    /// Size of one object.
    pub object_bytes_max: u64,
    /// Deltas between an object and one that is stored whole.
    pub delta_depth_max: u16,
    /// Memory: the table of entries (50 to 62 bytes each) and the objects held while deltas are resolved. Deltas whose
    /// base and result cannot be held together are refused.
    pub memory_bytes_max: u64,
    /// Bytes inflated when the pack is received, and again bytes inflated and put together while deltas are resolved: the
    /// most work that a pack can ask for. A small one is held to less.
    pub work_bytes_max: u64,
}

/// Work that any pack may ask for: some ten versions of the largest object, or a hundred of one that is unusually large.
const WORK_BYTES_FREE: u64 = 8 << 30;

/// Work that each byte of a pack may ask for beyond that. git's own history asks for 70.
const WORK_BYTES_PER_BYTE: u64 = 256;

impl PackLimits {
    /// The work that a pack of this length may ask for: a small one that asks for much is a bomb.
    pub(super) fn work_bytes_max(&self, pack_bytes: u64) -> u64 {
        let earned = pack_bytes.saturating_mul(WORK_BYTES_PER_BYTE);
        self.work_bytes_max
            .min(WORK_BYTES_FREE.saturating_add(earned))
    }
}

impl Default for PackLimits {
    fn default() -> Self {
        Self {
            // The largest public repositories that hold Go modules come to 1.5 GiB; their modules need a fraction of it.
            pack_bytes_max: 2 << 30,
            // Those hold 1.5 million objects. The table of 2.5 million takes three quarters of the memory below.
            objects_max: 2_500_000,
            // A module's zip ends at 500 MiB, and git itself stops making deltas here.
            object_bytes_max: 512 << 20,
            // What git writes at most, whatever depth it is asked for.
            delta_depth_max: 4095,
            // With two packs at a time the process stays below 512 MiB.
            memory_bytes_max: 192 << 20,
            // git's own history needs 17 GiB for 850,000 objects; two cores do this in two minutes.
            work_bytes_max: 64 << 30,
        }
    }
}

/// Why a pack was not taken. Nothing of it is kept then.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The source failed.
    #[error("the pack cannot be received")]
    Source(#[source] io::Error),
    /// The source ended before the pack did.
    #[error("the pack ends too early")]
    Truncated,
    /// The bytes are no pack of version 2 as git writes it.
    #[error("malformed pack at byte {offset}: {what}")]
    Malformed {
        /// Where the entry begins.
        offset: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The bytes are not those that were sent.
    #[error("the pack does not match its checksum")]
    Checksum,
    /// An object was made to collide with another one under SHA-1.
    #[error("the object at byte {offset} of the pack was made to collide under SHA-1")]
    Collision {
        /// Where its entry begins.
        offset: u64,
    },
    /// It costs more than [`PackLimits`] allow.
    #[error("the pack exceeds a limit: {what}, at most {max}")]
    Limit {
        /// Which one, with its unit.
        what: &'static str,
        /// Its value.
        max: u64,
    },
    /// Deltas of objects that the pack does not hold, or of each other in a circle.
    #[error("{objects} objects of the pack are deltas without a base")]
    Unresolved {
        /// How many.
        objects: u64,
    },
    /// The caller gave up.
    #[error("the pack was given up before all of its deltas were resolved")]
    Stopped,
    /// Another pack has the same checksum.
    #[error("another pack is there already with the checksum of pack {name}")]
    Conflict {
        /// The checksum.
        name: String,
    },
    /// The objects folder cannot be written or read.
    #[error("the pack cannot be kept")]
    Disk(#[source] io::Error),
}
