//! Hashing in either object format. SHA-1 is watched for collisions, as git does since SHAttered.

use sha1_checked::{CollisionResult, Digest as _, Sha1};
use sha2::Sha256;

use crate::id::{HashKind, ObjectId};

/// The bytes show the marks of a SHA-1 collision attack: their hash names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes were made to collide under SHA-1")]
pub struct Collision;

/// A hash in the making.
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Sha1(Box<Sha1>),
    Sha256(Box<Sha256>),
}

impl Hasher {
    /// A hash that names an object: SHA-1 with collision detection, or SHA-256.
    pub fn new(kind: HashKind) -> Self {
        Self(match kind {
            HashKind::Sha1 => State::Sha1(Box::default()),
            HashKind::Sha256 => State::Sha256(Box::default()),
        })
    }

    /// A hash that only finds transmission errors, several times faster under SHA-1: nobody is named by it.
    pub fn for_checksum(kind: HashKind) -> Self {
        match kind {
            HashKind::Sha1 => Self(State::Sha1(Box::new(
                Sha1::builder().detect_collision(false).build(),
            ))),
            HashKind::Sha256 => Self::new(kind),
        }
    }

    /// Takes the next bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha1(sha1) => sha1.update(bytes),
            State::Sha256(sha256) => sha2::Digest::update(&mut **sha256, bytes),
        }
    }

    /// The hash.
    ///
    /// # Errors
    /// [`Collision`] if the bytes carry the marks of an attack (SHA-1 only).
    pub fn finish(self) -> Result<ObjectId, Collision> {
        let id = match self.0 {
            State::Sha1(sha1) => match sha1.try_finalize() {
                CollisionResult::Ok(hash) => ObjectId::from_bytes(&hash),
                CollisionResult::Mitigated(_) | CollisionResult::Collision(_) => None,
            },
            State::Sha256(sha256) => ObjectId::from_bytes(&sha2::Digest::finalize(*sha256)),
        };
        id.ok_or(Collision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_the_known_ones() {
        for (kind, want) in [
            (HashKind::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                HashKind::Sha256,
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
        ] {
            for mut hasher in [Hasher::new(kind), Hasher::for_checksum(kind)] {
                hasher.update(b"a");
                hasher.update(b"bc");
                assert_eq!(hasher.finish().unwrap().to_string(), want);
            }
        }
    }
}
