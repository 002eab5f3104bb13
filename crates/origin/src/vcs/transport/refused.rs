//! Errors of the ways to a repository, in words and as a wire carries them.

use std::io;

use crate::outside::OutsideError;
use crate::refusal;
use crate::upstream::{UpstreamClass, UpstreamError};
use crate::vcs::code::CodeError;

/// An error as a wire gives it: who made the wire takes it out again.
pub(super) fn carried(error: CodeError) -> io::Error {
    io::Error::other(error)
}

/// A call that gave no answer.
pub(super) fn of_outside(error: &OutsideError, shown: &str) -> io::Error {
    let error = UpstreamError::of_outside(error, &shown, shown);
    carried(CodeError::new(error.class, error.text))
}

/// A failure in words that begin with the repository's address.
pub(super) fn failed(class: UpstreamClass, shown: &str, what: &str) -> io::Error {
    carried(CodeError::new(
        class,
        refusal::clean(&format!("{shown}: {what}")),
    ))
}
