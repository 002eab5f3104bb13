//! What carries a conversation.

use std::io::{self, Read};

/// Why a wire failed. Of kind [`io::ErrorKind::Unsupported`] where the server is sound but does not speak this protocol;
/// what is inside is the wire's own error and is never looked into here.
pub type WireError = io::Error;

/// One conversation with a git server, about one repository. Time is the wire's to bound.
pub trait Wire {
    /// Begins (anew), asking for protocol version 2, and gives the server's first words: over HTTP the body of
    /// `info/refs`, on a stream what upload-pack says first.
    ///
    /// # Errors
    /// [`WireError`], also from the reader.
    fn greet(&mut self) -> Result<Box<dyn Read + '_>, WireError>;

    /// Sends a request and gives what comes back. On a stream the reader does not end behind the answer: it is read up
    /// to the answer's own end, and the next one is read on from there.
    ///
    /// # Errors
    /// [`WireError`], also from the reader.
    fn ask(&mut self, request: &[u8]) -> Result<Box<dyn Read + '_>, WireError>;

    /// Whether the server forgets everything between requests, as over HTTP.
    fn is_stateless(&self) -> bool;
}

impl<W: Wire + ?Sized> Wire for Box<W> {
    fn greet(&mut self) -> Result<Box<dyn Read + '_>, WireError> {
        (**self).greet()
    }

    fn ask(&mut self, request: &[u8]) -> Result<Box<dyn Read + '_>, WireError> {
        (**self).ask(request)
    }

    fn is_stateless(&self) -> bool {
        (**self).is_stateless()
    }
}
