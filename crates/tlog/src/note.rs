//! Signed notes: a text, a blank line, and lines of signatures.
//!
//! Only Ed25519 keys are known here. Cosignatures of witnesses have key types of their own and count as
//! signatures of unknown signers.
//!
//! Source: golang.org/x/mod, `sumdb/note`; C2SP signed-note.

use std::collections::HashSet;

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};

pub use crate::key::{KeyError, Signer, Verifier};

use crate::key::is_name;

/// Longest note that is looked at. A tree head is under 300 bytes; a hundred cosignatures are under 20 KiB.
pub const NOTE_BYTES_MAX: usize = 1 << 20;

/// Most signature lines a note may have: each known one costs a verification, and a note comes from strangers.
pub const SIGNATURES_MAX: usize = 100;

/// What a signature line begins with: an em dash (U+2014) and a space.
const SIGNATURE_PREFIX: &str = "\u{2014} ";

/// Reads signatures as the Go client does, which ignores left-over bits in the last base64 digit: a signer we do not
/// know may write what it likes there.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// One signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The signer's name.
    pub name: String,
    /// Which of the name's keys.
    pub key_hash: u32,
    /// Key hash and signature, as written.
    pub base64: String,
}

/// A text at least one known signer stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The signed text, its last newline included.
    pub text: String,
    /// Signatures that were checked; at least one.
    pub verified: Vec<Signature>,
    /// Signatures by signers that are not known here.
    pub unverified: Vec<Signature>,
}

impl Note {
    /// Reads a note and checks its signatures by `known`.
    ///
    /// Signatures of signers not in `known` are kept unchecked; a repeated line of one key counts once. Cost: a pass
    /// over the bytes and one verification a known key.
    ///
    /// # Errors
    /// [`NoteError::Malformed`] also for more than [`NOTE_BYTES_MAX`] bytes or [`SIGNATURES_MAX`] lines;
    /// [`NoteError::BadSignature`] if one of a known key does not hold, whatever the others say;
    /// [`NoteError::AmbiguousKey`] if two of `known` share name and key hash and a line names them;
    /// [`NoteError::NotSigned`] if no known signer signed.
    ///
    /// Source: golang.org/x/mod, `sumdb/note`, `Open`.
    pub fn open(bytes: &[u8], known: &[Verifier]) -> Result<Self, NoteError> {
        let (text, lines) = split(bytes)?;
        let mut note = Self {
            text: text.to_owned(),
            verified: Vec::new(),
            unverified: Vec::new(),
        };
        let mut seen_keys = HashSet::new();
        let mut seen_unknown = HashSet::new();
        for (count, line) in lines.split_terminator('\n').enumerate() {
            if count >= SIGNATURES_MAX {
                return Err(NoteError::Malformed("more than 100 signatures"));
            }
            let (signature, raw) = parse_signature(line)?;
            let mut candidates = known.iter().filter(|key| is_key(key, &signature));
            let Some(verifier) = candidates.next() else {
                if seen_unknown.insert(line) {
                    note.unverified.push(signature);
                }
                continue;
            };
            if candidates.next().is_some() {
                return Err(NoteError::AmbiguousKey {
                    name: signature.name,
                    key_hash: signature.key_hash,
                });
            }
            if !seen_keys.insert((verifier.name(), verifier.key_hash())) {
                continue;
            }
            if !verifier.is_signature(text.as_bytes(), &raw) {
                return Err(NoteError::BadSignature {
                    name: signature.name,
                    key_hash: signature.key_hash,
                });
            }
            note.verified.push(signature);
        }
        if note.verified.is_empty() {
            return Err(NoteError::NotSigned);
        }
        Ok(note)
    }

    /// Writes the note again with further signatures at its end; those of the same keys are replaced.
    ///
    /// # Errors
    /// [`NoteError::Malformed`] as [`sign`].
    pub fn sign_again(&self, signers: &[&Signer]) -> Result<Vec<u8>, NoteError> {
        let kept = self
            .verified
            .iter()
            .chain(&self.unverified)
            .filter(|old| !signers.iter().any(|new| is_key(new.verifier(), old)));
        format_note(&self.text, kept, signers)
    }
}

/// Signs a text.
///
/// # Errors
/// [`NoteError::Malformed`] if the text does not end in a newline, is not one a reader would take (control characters)
/// or is too long.
pub fn sign(text: &str, signers: &[&Signer]) -> Result<Vec<u8>, NoteError> {
    format_note(text, [].iter(), signers)
}

/// Why a note was not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not a note.
    #[error("malformed note: {0}")]
    Malformed(&'static str),
    /// No signature by a known signer.
    #[error("note is not signed by a known key")]
    NotSigned,
    /// A signature of a known signer that does not hold.
    #[error("bad signature by {name}+{key_hash:08x}")]
    BadSignature {
        /// The signer.
        name: String,
        /// Its key.
        key_hash: u32,
    },
    /// Two known keys answer to one name and hash.
    #[error("two known keys are called {name}+{key_hash:08x}")]
    AmbiguousKey {
        /// The name.
        name: String,
        /// The hash.
        key_hash: u32,
    },
}

/// Splits a note into its text (with the last newline) and the lines of signatures (each ending in a newline).
fn split(bytes: &[u8]) -> Result<(&str, &str), NoteError> {
    if bytes.len() > NOTE_BYTES_MAX {
        return Err(NoteError::Malformed("too long"));
    }
    let all = std::str::from_utf8(bytes).map_err(|_| NoteError::Malformed("not UTF-8"))?;
    if all.bytes().any(is_forbidden) {
        return Err(NoteError::Malformed("control character"));
    }
    // The last blank line: the text may hold others.
    let blank = all
        .rfind("\n\n")
        .ok_or(NoteError::Malformed("no blank line"))?;
    let (text, lines) = (&all[..=blank], &all[blank + 2..]);
    if lines.is_empty() {
        return Err(NoteError::Malformed("no signature"));
    }
    if !lines.ends_with('\n') {
        return Err(NoteError::Malformed("last line is not ended"));
    }
    Ok((text, lines))
}

/// Reads one line without its newline into what it says and the signature's bytes.
fn parse_signature(line: &str) -> Result<(Signature, Vec<u8>), NoteError> {
    let malformed = NoteError::Malformed("signature line");
    let Some(rest) = line.strip_prefix(SIGNATURE_PREFIX) else {
        return Err(malformed);
    };
    let Some((name, base64)) = rest.split_once(' ') else {
        return Err(malformed);
    };
    let Ok(raw) = LENIENT.decode(base64) else {
        return Err(malformed);
    };
    let Some((key_hash, raw)) = raw.split_first_chunk() else {
        return Err(malformed);
    };
    if !is_name(name) || raw.is_empty() {
        return Err(malformed);
    }
    let key_hash = u32::from_be_bytes(*key_hash);
    Ok((
        Signature {
            name: name.to_owned(),
            key_hash,
            base64: base64.to_owned(),
        },
        raw.to_vec(),
    ))
}

/// Whether a line says it is of this key.
fn is_key(verifier: &Verifier, signature: &Signature) -> bool {
    verifier.name() == signature.name && verifier.key_hash() == signature.key_hash
}

fn make_signature(signer: &Signer, text: &str) -> Signature {
    let verifier = signer.verifier();
    Signature {
        name: verifier.name().to_owned(),
        key_hash: verifier.key_hash(),
        base64: STANDARD.encode(signer.sign(text.as_bytes())),
    }
}

fn format_note<'a>(
    text: &str,
    kept: impl Iterator<Item = &'a Signature>,
    signers: &[&Signer],
) -> Result<Vec<u8>, NoteError> {
    if !text.ends_with('\n') {
        return Err(NoteError::Malformed("last line is not ended"));
    }
    if text.bytes().any(is_forbidden) {
        return Err(NoteError::Malformed("control character"));
    }
    let mut out = format!("{text}\n");
    let made: Vec<Signature> = signers
        .iter()
        .map(|signer| make_signature(signer, text))
        .collect();
    for signature in kept.cloned().chain(made) {
        out += &format!(
            "{SIGNATURE_PREFIX}{} {}\n",
            signature.name, signature.base64
        );
    }
    if out.len() > NOTE_BYTES_MAX {
        return Err(NoteError::Malformed("too long"));
    }
    Ok(out.into_bytes())
}

/// Control characters would let a text look like another one on a terminal.
fn is_forbidden(byte: u8) -> bool {
    byte < 0x20 && byte != b'\n'
}

#[cfg(test)]
mod tests;
