//! What a server says that it can do.

use super::error::ProtocolError;
use crate::id::HashKind;

/// Most capabilities of a server; git itself has about thirty.
const CAPABILITIES_MAX: usize = 1000;

/// What is sent to servers as the name of the program.
pub(super) const AGENT: &str = "agent=granary";

/// Words that a server says about itself, each with a value or without.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Capabilities {
    words: Vec<(String, Option<String>)>,
}

impl Capabilities {
    /// Reads the words behind the first ref of an older server, divided by blanks.
    pub(super) fn parse(words: &[u8]) -> Result<Self, ProtocolError> {
        let mut capabilities = Self::default();
        for word in words.split(|byte| *byte == b' ').filter(|w| !w.is_empty()) {
            capabilities.add(word)?;
        }
        Ok(capabilities)
    }

    /// Adds `name` or `name=value`. Words that are no text are none that matter here.
    pub(super) fn add(&mut self, word: &[u8]) -> Result<(), ProtocolError> {
        if self.words.len() >= CAPABILITIES_MAX {
            return Err(ProtocolError::TooMuch {
                what: "capabilities",
                limit: CAPABILITIES_MAX as u64,
            });
        }
        if let Ok(word) = std::str::from_utf8(word) {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word, None),
            };
            self.words.push((name.to_owned(), value));
        }
        Ok(())
    }

    /// Whether the server says this word, with a value or without.
    pub(super) fn has(&self, name: &str) -> bool {
        self.words.iter().any(|(found, _)| found == name)
    }

    /// The values of a word, one for each time that it stands there.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.words
            .iter()
            .filter(move |(found, _)| found == name)
            .filter_map(|(_, value)| value.as_deref())
    }

    /// Whether the value of a command of version 2 lists a feature.
    pub(super) fn has_feature(&self, command: &str, feature: &str) -> bool {
        self.values(command)
            .any(|features| features.split(' ').any(|found| found == feature))
    }

    /// The format of the repository's ids. An older server may list several, the repository's own first.
    pub(super) fn hash_kind(&self) -> Result<HashKind, ProtocolError> {
        match self.values("object-format").next() {
            None | Some("sha1") => Ok(HashKind::Sha1),
            Some("sha256") => Ok(HashKind::Sha256),
            Some(_other) => Err(ProtocolError::unsupported(
                "has a repository whose object format is neither sha1 nor sha256",
            )),
        }
    }
}
