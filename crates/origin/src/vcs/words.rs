//! Errors of version control in the words and classes of upstreams.

use super::code::CodeError;
use crate::upstream::{UpstreamClass, UpstreamError};

/// An error in words: `words` say what was asked.
///
/// What go itself would refuse to make is no version: that is said like an absence, with the reason, so that the go
/// command goes on as it does when it asks the repository itself.
pub fn in_words(words: &str, error: CodeError) -> UpstreamError {
    let class = match error.class {
        UpstreamClass::Invalid => UpstreamClass::Absent,
        class => class,
    };
    UpstreamError::new(class, &format!("{words}: {}", error.text), Some("direct"))
}

/// Work that ended by itself, which is our own trouble.
pub fn ended_early(words: &str, cause: &dyn std::fmt::Display) -> UpstreamError {
    UpstreamError::new(
        UpstreamClass::Storage,
        &format!("{words}: the work on it ended early: {cause}"),
        Some("direct"),
    )
}
