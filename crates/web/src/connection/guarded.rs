//! A stream with the bounds that hyper does not keep: slow headers, idle connections, clients that take nothing.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::config::FrontConfig;
use crate::connection::alarm::Alarm;

/// Where a connection stands, told by the service to the stream under it.
#[derive(Debug, Default)]
pub(crate) struct Phase {
    in_flight: AtomicUsize,
    begun: AtomicU64,
}

/// One request in flight, from its header block to the last piece of its answer.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Phase>);

impl Phase {
    pub fn begin(self: &Arc<Self>) -> InFlight {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(self.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// See the module. Gives the bytes that were read before first.
#[derive(Debug)]
pub(crate) struct Guarded<S> {
    stream: S,
    read_before: Bytes,
    phase: Arc<Phase>,
    alarm: Alarm,
    header_wait: Option<Duration>,
    idle_wait: Duration,
    write_wait: Duration,
    moved_at: Instant,
    /// When the header block that is coming in began, and how many requests had begun by then.
    header: Option<(Instant, u64)>,
    write_stalled_at: Option<Instant>,
}

impl<S> Guarded<S> {
    /// `bound_headers`: whether the time from a request's first byte to the end of its header block is bounded. With
    /// many streams on one connection there is no such time; there the frames' own bounds hold.
    pub fn new(
        stream: S,
        read_before: Bytes,
        config: &FrontConfig,
        phase: Arc<Phase>,
        bound_headers: bool,
        idle_wait: Duration,
    ) -> Self {
        let now = Instant::now();
        Self {
            stream,
            read_before,
            phase,
            alarm: Alarm::new(now + idle_wait),
            header_wait: bound_headers.then_some(config.header_wait),
            idle_wait,
            write_wait: config.write_wait,
            moved_at: now,
            header: None,
            write_stalled_at: None,
        }
    }

    fn note_read(&mut self) {
        let now = Instant::now();
        self.moved_at = now;
        let begun = self.phase.begun.load(Ordering::Relaxed);
        if self.header.is_none_or(|(_, at)| at != begun) {
            self.header = Some((now, begun));
        }
    }

    /// When a read that waits is given up; never while a request is in flight.
    fn read_deadline(&self) -> Option<Instant> {
        if self.phase.in_flight.load(Ordering::Relaxed) > 0 {
            return None;
        }
        let idle = self.moved_at + self.idle_wait;
        let begun = self.phase.begun.load(Ordering::Relaxed);
        match (self.header, self.header_wait) {
            (Some((since, at)), Some(wait)) if at == begun => Some(idle.min(since + wait)),
            _ => Some(idle),
        }
    }

    fn note_write(
        &mut self,
        outcome: &Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> io::Result<()> {
        let now = Instant::now();
        match outcome {
            Poll::Ready(_) => {
                self.write_stalled_at = None;
                self.moved_at = now;
                // Hyper looked for the next request before this answer was out, and does not look again by itself: the
                // wake-up at the end of the idle time has to be set here.
                let _ = self.alarm.is_over(now + self.idle_wait, context);
                Ok(())
            }
            Poll::Pending => {
                let since = *self.write_stalled_at.get_or_insert(now);
                if self.alarm.is_over(since + self.write_wait, context) {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Ok(())
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.read_before.has_remaining() {
            let length = this.read_before.len().min(buffer.remaining());
            buffer.put_slice(&this.read_before.split_to(length));
            this.note_read();
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        match Pin::new(&mut this.stream).poll_read(context, buffer) {
            Poll::Ready(outcome) => {
                if buffer.filled().len() > before {
                    this.note_read();
                }
                Poll::Ready(outcome)
            }
            Poll::Pending => match this.read_deadline() {
                Some(at) if this.alarm.is_over(at, context) => {
                    Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
                }
                _ => Poll::Pending,
            },
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
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
        // Under TLS it is the flush that waits for the client.
        let as_write = match &outcome {
            Poll::Ready(_) => return outcome,
            Poll::Pending => Poll::Pending,
        };
        this.note_write(&as_write, context)?;
        Poll::Pending
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
