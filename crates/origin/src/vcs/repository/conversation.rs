//! Talking to one repository's server: a few conversations that are used again while they are fresh, and its errors in
//! words.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use git::protocol::{FetchError, ProtocolError, ProtocolLimits, Session, Wire};

use crate::upstream::UpstreamClass;
use crate::vcs::code::CodeError;
use crate::vcs::transport::{ForProgram, Remotes};

/// How long a server's greeting is believed. What it can do changes when its operator upgrades it.
const FRESH: Duration = Duration::from_secs(600);

/// Conversations kept for later. Each is a greeting, not a connection.
const KEPT_MAX: usize = 4;

/// The lists of several repositories are in memory at once, so less is taken than the protocol's own bounds allow: 80 MiB
/// each with what is made of them. The largest repositories of modules have some 50,000 tags.
const LIMITS: ProtocolLimits = ProtocolLimits {
    refs_max: 250_000,
    names_bytes_max: 16_000_000,
    messages_max: 100_000,
};

/// A conversation that is open.
pub type Conversation = Session<Box<dyn Wire + Send>>;

/// The way to one repository.
#[derive(Debug)]
pub struct Conversations {
    remotes: Remotes,
    url: String,
    shown: String,
    limits: ProtocolLimits,
    kept: Mutex<Vec<Kept>>,
}

struct Kept {
    conversation: Conversation,
    opened_at: Instant,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kept")
    }
}

impl Conversations {
    /// Conversations with the repository at `url`. Opens nothing.
    pub fn new(remotes: Remotes, url: &str) -> Self {
        Self {
            remotes,
            url: url.to_owned(),
            shown: Remotes::url_of(url),
            limits: LIMITS,
            kept: Mutex::default(),
        }
    }

    /// The repository's address without user and password.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Runs `talk` in a conversation, an open one where there is one. A kept one that fails is given up for a new one,
    /// since its server may have been replaced in the meantime.
    ///
    /// # Errors
    /// [`TalkError`].
    pub fn talk<T>(
        &self,
        mut talk: impl FnMut(&mut Conversation) -> Result<T, TalkError>,
    ) -> Result<T, TalkError> {
        if let Some(mut kept) = self.take_kept() {
            match talk(&mut kept.conversation) {
                Ok(said) => {
                    self.keep(kept);
                    return Ok(said);
                }
                // What was wrong with its pack is wrong in every conversation.
                Err(TalkError::Code(error)) => return Err(TalkError::Code(error)),
                Err(TalkError::Protocol(cause)) if !may_be_stale(&cause) => {
                    return Err(TalkError::Protocol(cause));
                }
                Err(TalkError::Protocol(_)) => {}
            }
        }
        let wire = self.remotes.open(&self.url).map_err(TalkError::Code)?;
        let is_stateless = wire.is_stateless();
        let conversation = Session::open(wire, &self.limits)?;
        let mut opened = Kept {
            conversation,
            opened_at: Instant::now(),
        };
        let said = talk(&mut opened.conversation)?;
        // A stream is a running program; it is not left waiting for a question that may never come.
        if is_stateless {
            self.keep(opened);
        }
        Ok(said)
    }

    /// See [`Remotes::for_program`].
    ///
    /// # Errors
    /// As there.
    pub fn for_program(&self) -> Result<Option<ForProgram>, CodeError> {
        self.remotes.for_program(&self.url)
    }

    fn take_kept(&self) -> Option<Kept> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|one| one.opened_at.elapsed() < FRESH);
        kept.pop()
    }

    fn keep(&self, conversation: Kept) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_MAX {
            kept.push(conversation);
        }
    }
}

/// Whether a new conversation may fare better than one that was kept: not where the server went over a bound, or was too
/// slow, which takes as long a second time.
fn may_be_stale(cause: &ProtocolError) -> bool {
    match cause {
        ProtocolError::Wire(cause) => {
            find_code(cause).is_none_or(|error| error.class != UpstreamClass::TooSlow)
        }
        ProtocolError::TooMuch { .. } => false,
        _ => true,
    }
}

/// Why a conversation came to nothing.
#[derive(Debug)]
pub enum TalkError {
    /// In words already.
    Code(CodeError),
    /// The server or the wire.
    Protocol(ProtocolError),
}

impl TalkError {
    /// Whether git's own program may still know a way.
    pub fn is_unsupported(&self) -> bool {
        matches!(self, Self::Protocol(cause) if cause.is_unsupported())
    }

    /// Whether the server no longer has what its own list named.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Protocol(ProtocolError::Refused { .. }))
    }

    /// The error in words; `url` says whose it is.
    pub fn into_code(self, url: &str) -> CodeError {
        match self {
            Self::Code(error) => error,
            Self::Protocol(ProtocolError::Wire(cause)) => match find_code(&cause) {
                Some(error) => error,
                None => CodeError::new(
                    UpstreamClass::Unreachable,
                    format!("{url}: {}", explain(&cause)),
                ),
            },
            Self::Protocol(cause @ ProtocolError::TooMuch { .. }) => {
                CodeError::invalid(format!("{url}: {cause}"))
            }
            Self::Protocol(cause) => CodeError::new(
                UpstreamClass::Unreachable,
                format!("{url}: {}", explain(&cause)),
            ),
        }
    }
}

impl From<ProtocolError> for TalkError {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

impl From<FetchError<CodeError>> for TalkError {
    fn from(error: FetchError<CodeError>) -> Self {
        match error {
            FetchError::Protocol(error) => Self::Protocol(error),
            FetchError::Taken(error) => Self::Code(error),
        }
    }
}

/// What the wire said in words, inside the error that it had to be wrapped into.
fn find_code(cause: &io::Error) -> Option<CodeError> {
    let inner = cause.get_ref()?;
    inner.downcast_ref::<CodeError>().cloned()
}

/// An error with its causes, on one line.
pub fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
