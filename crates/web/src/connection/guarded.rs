//! A stream with the bounds that hyper does not keep: slow headers, idle connections, clients that take nothing, clients
//! that say much and ask for nothing.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::body::Watch;
use crate::connection::abort::Abort;
use crate::connection::alarm::Alarm;
use crate::connection::pace::Pace;
use crate::front::{Front, IDLE_WAIT_CROWDED};
use crate::metrics::Cut;

/// Bytes that a client with many streams may send between two steps (see [`Phase`]): thousands of pings or settings, far
/// more than any client has a use for, and less than what would keep a thread busy.
const SAID_BYTES_MAX: usize = 256 << 10;

/// Where a connection stands, told by the service to the stream under it.
///
/// A step is whatever shows that the client takes part: a request begun, an answer begun, a piece of it taken, an answer
/// over. Bytes show nothing where there are many streams: a client that opens no window can answer pings for ever.
#[derive(Debug, Default)]
pub(crate) struct Phase {
    in_flight: AtomicUsize,
    /// Of those, answers that are on their way: the client has to take them.
    sending: AtomicUsize,
    begun: AtomicU64,
    steps: AtomicU64,
}

/// One request in flight, from its header block to the last piece of its answer.
#[derive(Debug)]
pub(crate) struct InFlight {
    phase: Arc<Phase>,
    is_sending: bool,
}

impl Phase {
    pub fn begin(self: &Arc<Self>) -> InFlight {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.steps.fetch_add(1, Ordering::Relaxed);
        InFlight {
            phase: self.clone(),
            is_sending: false,
        }
    }
}

impl InFlight {
    /// The answer is there; from now on it is the client's turn.
    pub fn sending(mut self) -> Self {
        self.is_sending = true;
        self.phase.sending.fetch_add(1, Ordering::Relaxed);
        self.phase.steps.fetch_add(1, Ordering::Relaxed);
        self
    }
}

impl Watch for InFlight {
    fn note_taken(&self) {
        self.phase.steps.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.phase.in_flight.fetch_sub(1, Ordering::Relaxed);
        if self.is_sending {
            self.phase.sending.fetch_sub(1, Ordering::Relaxed);
        }
        self.phase.steps.fetch_add(1, Ordering::Relaxed);
    }
}

/// See the module. Gives the bytes that were read before first.
#[derive(Debug)]
pub(crate) struct Guarded<S> {
    stream: S,
    read_before: Bytes,
    phase: Arc<Phase>,
    front: Arc<Front>,
    /// Whether there are many streams on it. Then no time is bounded from a header block's first byte to its end: the
    /// frames' own bounds hold.
    is_http2: bool,
    alarm: Alarm,
    moved_at: Instant,
    /// When the header block that is coming in began, and how many requests had begun by then.
    header: Option<(Instant, u64)>,
    /// When the last step was seen, which it was, and how much was read since.
    step: (Instant, u64),
    said_bytes: usize,
    pace: Pace,
    /// Which request [`Guarded::pace`] is about.
    paced: u64,
}

impl<S: Abort> Guarded<S> {
    pub fn new(
        stream: S,
        read_before: Bytes,
        front: Arc<Front>,
        phase: Arc<Phase>,
        is_http2: bool,
    ) -> Self {
        let now = Instant::now();
        Self {
            stream,
            read_before,
            phase,
            is_http2,
            alarm: Alarm::new(now + IDLE_WAIT_CROWDED),
            front,
            moved_at: now,
            header: None,
            step: (now, 0),
            said_bytes: 0,
            pace: Pace::default(),
            paced: 0,
        }
    }

    fn note_read(&mut self, bytes: usize) -> io::Result<()> {
        let now = Instant::now();
        self.moved_at = now;
        if self.is_http2 {
            self.note_step(now);
            self.said_bytes += bytes;
            if self.said_bytes > SAID_BYTES_MAX {
                return Err(self.cut(Cut::Flood));
            }
            return Ok(());
        }
        let begun = self.phase.begun.load(Ordering::Relaxed);
        if self.header.is_none_or(|(_, at)| at != begun) {
            self.header = Some((now, begun));
        }
        Ok(())
    }

    /// Sees whether there was a step.
    fn note_step(&mut self, now: Instant) {
        let steps = self.phase.steps.load(Ordering::Relaxed);
        if steps != self.step.1 {
            self.step = (now, steps);
            self.said_bytes = 0;
        }
    }

    /// When a read that waits is given up, and why then; nothing while only we are to blame.
    fn read_deadline(&mut self) -> Option<(Instant, Option<Cut>)> {
        let in_flight = self.phase.in_flight.load(Ordering::Relaxed);
        if self.is_http2 {
            self.note_step(Instant::now());
            let sending = self.phase.sending.load(Ordering::Relaxed);
            return match (in_flight, sending) {
                (0, _) => Some((self.step.0 + self.front.idle_wait(), None)),
                (_, 0) => None,
                _ => Some((self.step.0 + self.front.write_wait(), Some(Cut::Stalled))),
            };
        }
        if in_flight > 0 {
            return None;
        }
        let idle = self.moved_at + self.front.idle_wait();
        let begun = self.phase.begun.load(Ordering::Relaxed);
        match self.header {
            Some((since, at)) if at == begun => {
                let end = since + self.front.config.header_wait;
                Some((idle.min(end), Some(Cut::SlowHeader)))
            }
            _ => Some((idle, None)),
        }
    }

    fn note_write(
        &mut self,
        outcome: &Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> io::Result<()> {
        let now = Instant::now();
        let begun = self.phase.begun.load(Ordering::Relaxed);
        if begun != self.paced {
            self.paced = begun;
            self.pace.reset();
        }
        match outcome {
            Poll::Ready(written) => {
                self.pace.note(*written.as_ref().unwrap_or(&0));
                self.moved_at = now;
                // Hyper looked for the next request before this answer was out, and does not look again by itself: the
                // wake-up at the end of the idle time has to be set here.
                let _ = self.alarm.is_over(now + self.front.idle_wait(), context);
                Ok(())
            }
            Poll::Pending => {
                let since = self.pace.held_up_since(now);
                let at = || since + self.front.write_wait();
                if self.alarm.is_over_again(IDLE_WAIT_CROWDED, at, context) {
                    return Err(self.cut(Cut::Stalled));
                }
                Ok(())
            }
        }
    }

    fn cut(&self, why: Cut) -> io::Error {
        self.front.metrics.count_cut(why);
        self.stream.abort();
        io::ErrorKind::TimedOut.into()
    }
}

impl<S: AsyncRead + Abort + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.read_before.has_remaining() {
            let length = this.read_before.len().min(buffer.remaining());
            buffer.put_slice(&this.read_before.split_to(length));
            return Poll::Ready(this.note_read(length));
        }
        let before = buffer.filled().len();
        match Pin::new(&mut this.stream).poll_read(context, buffer) {
            Poll::Ready(outcome) => {
                let read = buffer.filled().len() - before;
                if read > 0 {
                    this.note_read(read)?;
                }
                Poll::Ready(outcome)
            }
            // How long it may take changes with how many others there are.
            Poll::Pending => loop {
                let Some((at, why)) = this.read_deadline() else {
                    return Poll::Pending;
                };
                let now = Instant::now();
                if now >= at {
                    let cause = why.map(|why| this.cut(why));
                    return Poll::Ready(Err(cause.unwrap_or(io::ErrorKind::TimedOut.into())));
                }
                if !this.alarm.is_over(at.min(now + IDLE_WAIT_CROWDED), context) {
                    return Poll::Pending;
                }
            },
        }
    }
}

impl<S: AsyncWrite + Abort + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let outcome = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.note_write(&outcome, context)?;
        outcome
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let outcome = Pin::new(&mut this.stream).poll_write_vectored(context, pieces);
        this.note_write(&outcome, context)?;
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let outcome = Pin::new(&mut this.stream).poll_flush(context);
        if outcome.is_pending() {
            // Under TLS it is the flush that waits for the client.
            this.note_write(&Poll::Pending, context)?;
        } else {
            // All that there was is out. What comes later may come much later, and that is not the client's doing.
            this.pace.reset();
        }
        outcome
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let outcome = Pin::new(&mut this.stream).poll_shutdown(context);
        if outcome.is_pending() {
            this.note_write(&Poll::Pending, context)?;
        }
        Poll::Ready(ready!(outcome))
    }
}
