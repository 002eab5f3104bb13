//! Why a server gave no answer that could be used, and texts of servers made fit for people.

use std::io;

/// Most bytes of a server's own words that are kept: a few lines, as git prints them.
pub(super) const WORDS_BYTES_MAX: usize = 600;

/// Why a conversation with a server failed.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// The wire failed. What it said is kept whole, so that the one who made the wire can look into it.
    #[error("the server could not be asked")]
    Wire(#[source] io::Error),
    /// The answer ended where more had to come.
    #[error("the server's answer broke off in {part}")]
    Truncated {
        /// Which part of the answer.
        part: &'static str,
    },
    /// The answer is none of git's protocol.
    #[error("the server breaks git's protocol: {what}")]
    Garbled {
        /// What is wrong with it.
        what: String,
    },
    /// The server refused, in its own words, cut and cleaned.
    #[error("the server refuses: {words}")]
    Refused {
        /// Its words.
        words: String,
    },
    /// The server cannot do what is needed here; the git program may have other ways.
    #[error("the server {what}")]
    Unsupported {
        /// What it cannot do.
        what: String,
    },
    /// A bound was crossed.
    #[error("the server sent more than {limit} {what}")]
    TooMuch {
        /// What there was too much of.
        what: &'static str,
        /// How much is taken.
        limit: u64,
    },
}

impl ProtocolError {
    /// Whether the server is sound and only cannot do this: another way of asking may still work. Also where the wire
    /// itself said so, as for a server that only has files to give.
    pub fn is_unsupported(&self) -> bool {
        match self {
            Self::Unsupported { .. } => true,
            Self::Wire(cause) => cause.kind() == io::ErrorKind::Unsupported,
            _ => false,
        }
    }

    pub(super) fn garbled(what: impl Into<String>) -> Self {
        Self::Garbled { what: what.into() }
    }

    pub(super) fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into() }
    }

    pub(super) fn refused(words: &[u8]) -> Self {
        Self::Refused {
            words: clean(words),
        }
    }
}

/// Why a fetch failed: the conversation, or the one who took the pack.
#[derive(Debug, thiserror::Error)]
pub enum FetchError<E> {
    /// The conversation. Said also where the taker failed only because the server's answer did.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The taker's own error.
    #[error("the pack could not be taken")]
    Taken(E),
}

/// Words of a server for people: the first 600 bytes as text on one line, without control characters and without
/// those that reorder what a terminal shows.
pub(super) fn clean(words: &[u8]) -> String {
    let words = &words[..words.len().min(WORDS_BYTES_MAX)];
    let mut cleaned = String::with_capacity(words.len());
    for character in String::from_utf8_lossy(words).chars() {
        let shown = match character {
            c if c.is_control() || c.is_whitespace() => ' ',
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => continue,
            c => c,
        };
        if shown != ' ' || !(cleaned.is_empty() || cleaned.ends_with(' ')) {
            cleaned.push(shown);
        }
    }
    cleaned.truncate(cleaned.trim_end().len());
    cleaned
}
