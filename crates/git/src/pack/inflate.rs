//! Inflating zlib streams, all at once or in pieces.

use std::cell::RefCell;

use flate2::{Decompress, FlushDecompress, Status};

/// Why a stream cannot be inflated.
pub(crate) type Fault = &'static str;

const GARBAGE: Fault = "an object cannot be inflated";
const OTHER_SIZE: Fault = "an object inflates to another size than it says";

/// Output is made in pieces of this size: large enough that calls do not matter, small enough for the nearest caches.
pub(crate) const PIECE_BYTES: usize = 32 << 10;

/// What deflate reaches at best: two bits, one for length and one for distance, give 258 bytes.
const RATIO_MAX: usize = 1032;

/// Inflates the stream at the start of `deflated` to exactly `size_bytes`. What follows the stream is not looked at.
///
/// The caller has bounded `size_bytes`; a size that so many deflated bytes cannot have is refused before it is allocated.
pub(crate) fn inflate(deflated: &[u8], size_bytes: usize) -> Result<Vec<u8>, Fault> {
    thread_local! {
        static DECOMPRESSOR: RefCell<libdeflater::Decompressor> =
            RefCell::new(libdeflater::Decompressor::new());
    }
    if size_bytes / RATIO_MAX > deflated.len() {
        return Err(OTHER_SIZE);
    }
    let mut inflated = vec![0; size_bytes];
    let len = DECOMPRESSOR
        .with_borrow_mut(|decompressor| decompressor.zlib_decompress(deflated, &mut inflated))
        .map_err(|cause| match cause {
            libdeflater::DecompressionError::BadData => GARBAGE,
            libdeflater::DecompressionError::InsufficientSpace => OTHER_SIZE,
        })?;
    if len == size_bytes {
        Ok(inflated)
    } else {
        Err(OTHER_SIZE)
    }
}

/// Inflates the first bytes of a stream, as many as `start` takes. Returns how many there were.
pub(crate) fn inflate_start(deflated: &[u8], start: &mut [u8]) -> Result<usize, Fault> {
    thread_local! {
        static STATE: RefCell<Decompress> = RefCell::new(Decompress::new(true));
    }
    STATE.with_borrow_mut(|state| {
        state.reset(true);
        state
            .decompress(deflated, start, FlushDecompress::None)
            .map_err(|_| GARBAGE)?;
        Ok(state.total_out() as usize)
    })
}

/// A stream that is inflated in pieces, its input coming in pieces too.
pub(crate) struct Inflater {
    state: Decompress,
    piece: Box<[u8]>,
    left_bytes: u64,
}

impl Inflater {
    pub(crate) fn new() -> Self {
        Self {
            state: Decompress::new(true),
            piece: vec![0; PIECE_BYTES].into_boxed_slice(),
            left_bytes: 0,
        }
    }

    /// Begins a stream that has to inflate to exactly `size_bytes`.
    pub(crate) fn start(&mut self, size_bytes: u64) {
        self.state.reset(true);
        self.left_bytes = size_bytes;
    }

    /// Inflates what `input` gives and hands it on. Returns how many bytes of it were used, fewer than all only at the
    /// stream's end, and whether it ended.
    pub(crate) fn push<E: From<Fault>>(
        &mut self,
        input: &[u8],
        take: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(usize, bool), E> {
        let mut used = 0;
        loop {
            let (in_before, out_before) = (self.state.total_in(), self.state.total_out());
            let status = self
                .state
                .decompress(&input[used..], &mut self.piece, FlushDecompress::None)
                .map_err(|_| GARBAGE)?;
            let made = (self.state.total_out() - out_before) as usize;
            let eaten = (self.state.total_in() - in_before) as usize;
            used += eaten;
            self.left_bytes = self.left_bytes.checked_sub(made as u64).ok_or(OTHER_SIZE)?;
            if made > 0 {
                take(&self.piece[..made])?;
            }
            match status {
                Status::StreamEnd if self.left_bytes == 0 => return Ok((used, true)),
                Status::StreamEnd => return Err(OTHER_SIZE.into()),
                // Output may be left in the window while the piece was full.
                _ if used == input.len() && made < self.piece.len() => return Ok((used, false)),
                _ if made == 0 && eaten == 0 => return Err(GARBAGE.into()),
                _ => {}
            }
        }
    }
}
