//! The body of an answer that hyper sends: bytes that are all there, handed over in pieces.
//!
//! In pieces, because hyper may copy what it is given: a mapped file of 100 MB must never become 100 MB of memory.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// One piece: large enough that a system call is cheap beside it, small enough that 1,000 slow clients are 256 MB of
/// address space and, as hyper keeps no more than a piece or two, bounded memory.
pub(crate) const PIECE_BYTES: usize = 256 << 10;

/// One piece where the next one is taken only when the client has room for it: what a slow client must manage in its time.
pub(crate) const PIECE_BYTES_HTTP2: usize = 64 << 10;

/// Hears of every piece that is taken.
pub(crate) trait Watch {
    /// The client's side has taken a piece.
    fn note_taken(&self);
}

/// See the module. `watch` is dropped when the last piece has been taken or the body is given up.
#[derive(Debug)]
pub(crate) struct Pieces<W> {
    rest: Bytes,
    piece_bytes: usize,
    watch: W,
}

impl<W> Pieces<W> {
    pub fn new(bytes: Bytes, piece_bytes: usize, watch: W) -> Self {
        Self {
            rest: bytes,
            piece_bytes,
            watch,
        }
    }
}

impl<W: Watch + Unpin> Body for Pieces<W> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        self.watch.note_taken();
        let length = self.rest.len().min(self.piece_bytes);
        let piece = self.rest.split_to(length);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
