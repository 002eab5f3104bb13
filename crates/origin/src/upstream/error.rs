//! What an upstream's "no" is, in classes that the rooms above act on.

use std::fmt;
use std::time::Duration;

use crate::outside::OutsideError;
use crate::refusal;

/// Kinds of "no" and of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamClass {
    /// Does not exist (404).
    Absent,
    /// Existed and is gone (410).
    Gone,
    /// Refused by a rule: the upstream's (403), or `off` in our own list.
    Forbidden,
    /// Not available for legal reasons (451).
    Legal,
    /// Not reached, or an answer that is none.
    Unreachable,
    /// A bound of time or speed was crossed.
    TooSlow,
    /// The upstream has too much to do.
    Overloaded {
        /// When it may be asked again, if it said so.
        retry_after: Option<Duration>,
    },
    /// Every way leads back to ourselves, or the upstream went round in a circle (508).
    Loop,
    /// An answer that breaks the rules of its file.
    Invalid,
    /// What came could not be written here.
    Storage,
}

impl UpstreamClass {
    /// Whether it means "does not exist": the only classes after which a comma goes on to the next entry.
    pub fn is_absence(self) -> bool {
        matches!(self, Self::Absent | Self::Gone)
    }
}

/// Why no upstream gave a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamError {
    /// What kind of no it is.
    pub class: UpstreamClass,
    /// Words for the go client, at most 8 lines and 648 bytes: the upstream's own where it gave some.
    pub text: String,
    /// The entry that said it, without user and password; `None` where the list itself did.
    pub entry: Option<String>,
}

impl UpstreamError {
    /// An error of an entry, its text made fit for the go client.
    pub fn new(class: UpstreamClass, text: &str, entry: Option<&str>) -> Self {
        Self {
            class,
            text: refusal::clean(text),
            entry: entry.map(str::to_owned),
        }
    }

    /// The error for a call that gave no answer; `asked` says what was wanted.
    pub(crate) fn of_outside(error: &OutsideError, asked: &dyn fmt::Display, entry: &str) -> Self {
        let class = match error {
            OutsideError::Refused(_)
            | OutsideError::Unreachable { .. }
            | OutsideError::Broken { .. }
            | OutsideError::Redirect { .. }
            | OutsideError::Encoded { .. } => UpstreamClass::Unreachable,
            OutsideError::TooSlow { .. } => UpstreamClass::TooSlow,
            OutsideError::Overloaded { retry_after, .. } => UpstreamClass::Overloaded {
                retry_after: Some(*retry_after),
            },
            OutsideError::Exhausted { .. } => UpstreamClass::Overloaded { retry_after: None },
            OutsideError::TooLarge { .. } => UpstreamClass::Invalid,
        };
        Self::new(class, &format!("{asked}: {}", error.explain()), Some(entry))
    }
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for UpstreamError {}
