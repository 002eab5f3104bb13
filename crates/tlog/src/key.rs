//! Keys of those who sign notes: names with Ed25519 keys, public and private, in their written forms.
//!
//! Source: golang.org/x/mod, `sumdb/note`, `NewVerifier` and `NewSigner`.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use sha2::{Digest, Sha256};

/// The only algorithm of this module, as the byte that stands before the key.
const ALGORITHM_ED25519: u8 = 1;

/// A public key with its name: says whether a signature is that signer's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    key_hash: u32,
    key: [u8; 32],
}

impl Verifier {
    /// Reads the form `NAME+HEX8+BASE64`, as checksum databases publish it.
    ///
    /// # Errors
    /// [`KeyError`]: malformed, another algorithm than Ed25519, or a key hash that is not the key's.
    pub fn from_vkey(vkey: &str) -> Result<Self, KeyError> {
        let (name, rest) = vkey.split_once('+').ok_or(KeyError::Malformed)?;
        let (key_hash, key) = parse_key(name, rest)?;
        let found = Self::new(name, key);
        if found.key_hash != key_hash {
            return Err(KeyError::HashDiffers);
        }
        Ok(found)
    }

    /// Invariant: `name` was checked by [`is_name`].
    fn new(name: &str, key: [u8; 32]) -> Self {
        let key_hash = key_hash(name, &key);
        Self {
            name: name.to_owned(),
            key_hash,
            key,
        }
    }

    /// The signer's name, as it stands in signature lines.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// First four bytes of the hash over name and key, big-endian: tells keys of one name apart.
    pub fn key_hash(&self) -> u32 {
        self.key_hash
    }

    /// The form [`Verifier::from_vkey`] reads.
    pub fn vkey(&self) -> String {
        format_key(&self.name, self.key_hash, &self.key)
    }

    /// Whether `signature` (64 bytes, without key hash) is this signer's over `text`.
    pub fn is_signature(&self, text: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.key)
            .verify(text, signature)
            .is_ok()
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.vkey())
    }
}

/// A private key with its name: signs notes.
pub struct Signer {
    seed: [u8; 32],
    pair: Ed25519KeyPair,
    verifier: Verifier,
}

impl Signer {
    /// Makes a new key from the system's randomness.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if `name` is empty or holds white space or `+`; [`KeyError::NoRandomness`].
    pub fn generate(name: &str) -> Result<Self, KeyError> {
        let mut seed = [0; 32];
        SystemRandom::new()
            .fill(&mut seed)
            .map_err(|_| KeyError::NoRandomness)?;
        Self::from_seed(name, seed)
    }

    /// Makes the key that the 32 bytes of an Ed25519 seed stand for.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if `name` is empty or holds white space or `+`.
    pub fn from_seed(name: &str, seed: [u8; 32]) -> Result<Self, KeyError> {
        if !is_name(name) {
            return Err(KeyError::Malformed);
        }
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| KeyError::Malformed)?;
        let public = pair
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| KeyError::Malformed)?;
        let verifier = Verifier::new(name, public);
        Ok(Self {
            seed,
            pair,
            verifier,
        })
    }

    /// Reads the form `PRIVATE+KEY+NAME+HEX8+BASE64`.
    ///
    /// # Errors
    /// [`KeyError`]: malformed, another algorithm than Ed25519, or a key hash that is not the public key's.
    pub fn from_skey(skey: &str) -> Result<Self, KeyError> {
        let rest = skey
            .strip_prefix("PRIVATE+KEY+")
            .ok_or(KeyError::Malformed)?;
        let (name, rest) = rest.split_once('+').ok_or(KeyError::Malformed)?;
        let (key_hash, seed) = parse_key(name, rest)?;
        let found = Self::from_seed(name, seed)?;
        if found.verifier.key_hash != key_hash {
            return Err(KeyError::HashDiffers);
        }
        Ok(found)
    }

    /// The form [`Signer::from_skey`] reads. It is the secret itself.
    pub fn skey(&self) -> String {
        let key = format_key(&self.verifier.name, self.verifier.key_hash, &self.seed);
        format!("PRIVATE+KEY+{key}")
    }

    /// The public form, to hand out.
    pub fn vkey(&self) -> String {
        self.verifier.vkey()
    }

    /// The public half.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Signs `text`: the key hash and the 64 bytes of the signature, as they stand in a note in base64.
    pub fn sign(&self, text: &[u8]) -> Vec<u8> {
        let mut raw = self.verifier.key_hash.to_be_bytes().to_vec();
        raw.extend_from_slice(self.pair.sign(text).as_ref());
        raw
    }
}

/// Leaves the seed out: debug output ends in logs.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("verifier", &self.verifier)
            .finish_non_exhaustive()
    }
}

/// Why a key was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not of the form.
    #[error("malformed key")]
    Malformed,
    /// The algorithm byte is not 1.
    #[error("key of an unknown algorithm")]
    UnknownAlgorithm,
    /// A typing error, or a key of another name.
    #[error("the key hash is not the key's")]
    HashDiffers,
    /// The system gives no random bytes.
    #[error("no randomness to be had")]
    NoRandomness,
}

/// Reads `HEX8+BASE64(algorithm || 32 bytes)`.
fn parse_key(name: &str, rest: &str) -> Result<(u32, [u8; 32]), KeyError> {
    let (hash, base64) = rest.split_once('+').ok_or(KeyError::Malformed)?;
    let hex = hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !hex || !is_name(name) {
        return Err(KeyError::Malformed);
    }
    let hash = u32::from_str_radix(hash, 16).map_err(|_| KeyError::Malformed)?;
    let raw = STANDARD.decode(base64).map_err(|_| KeyError::Malformed)?;
    match raw.split_first() {
        Some((&ALGORITHM_ED25519, key)) => {
            Ok((hash, key.try_into().map_err(|_| KeyError::Malformed)?))
        }
        Some(_) => Err(KeyError::UnknownAlgorithm),
        None => Err(KeyError::Malformed),
    }
}

fn format_key(name: &str, key_hash: u32, key: &[u8; 32]) -> String {
    let mut raw = vec![ALGORITHM_ED25519];
    raw.extend_from_slice(key);
    format!("{name}+{key_hash:08x}+{}", STANDARD.encode(raw))
}

/// First four bytes of SHA-256 over name, newline, algorithm and public key.
fn key_hash(name: &str, key: &[u8; 32]) -> u32 {
    let mut hash = Sha256::new();
    hash.update(name);
    hash.update([b'\n', ALGORITHM_ED25519]);
    hash.update(key);
    let [a, b, c, d, ..] = hash.finalize().0;
    u32::from_be_bytes([a, b, c, d])
}

/// A name stands between spaces in signatures and between pluses in keys.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

#[cfg(test)]
mod tests;
