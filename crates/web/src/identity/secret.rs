//! The secret that a token is: made once, shown once, kept nowhere but as its hash.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gomod::hash::ContentDigest;
use ring::rand::{SecureRandom as _, SystemRandom};

/// How every token begins, so that scanners for leaked secrets know one when they see it.
const PREFIX: &str = "granary_";

/// Random bytes in a token: too many to be guessed, so a plain hash of them needs no salt and no slowness.
const RANDOM_BYTES: usize = 32;

/// A token as its holder has it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// The system gives no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random bytes, so no token can be made")]
pub struct NoRandomness;

impl Secret {
    /// Makes a new one.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn random() -> Result<Self, NoRandomness> {
        let mut bytes = [0; RANDOM_BYTES];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| NoRandomness)?;
        Ok(Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// Takes a text that has the form of a token; whether it is one, the catalog knows.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        (bytes.len() == RANDOM_BYTES).then(|| Self(text.to_owned()))
    }

    /// What is kept of it: the SHA-256 of its text.
    pub fn hash(&self) -> ContentDigest {
        ContentDigest::of(self.0.as_bytes())
    }

    /// The text, for the one who is to have it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(granary_...)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_told_by_their_form_and_never_shown_in_passing() {
        let secret = Secret::random().unwrap();
        assert_eq!(Secret::parse(secret.reveal()), Some(secret.clone()));
        assert_ne!(Secret::random().unwrap(), secret);
        assert!(!format!("{secret:?}").contains(&secret.reveal()[8..]));
        let text = secret.reveal();
        for wrong in [
            "",
            "granary_",
            &text[..text.len() - 1],
            &format!("{text}A"),
            &format!(" {text}"),
            &text.replace("granary_", "Granary_"),
            &text[8..],
        ] {
            assert_eq!(Secret::parse(wrong), None, "{wrong:?}");
        }
    }
}
