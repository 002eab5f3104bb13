//! The end of a server, as its connections see it.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Open while the server takes requests; closed once, for good.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    closed: AtomicBool,
    changed: Notify,
}

impl Gate {
    /// Tells every connection to end when its request in flight has.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// A future that wakes its task when the gate closes.
    pub fn closing(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Runs a connection of hyper to its end; tells it to finish when the gate closes.
    pub async fn drive<C, E>(&self, connection: C, finish: impl Fn(Pin<&mut C>)) -> Result<(), E>
    where
        C: Future<Output = Result<(), E>>,
    {
        let mut connection = pin!(connection);
        let mut closing = pin!(self.closing());
        let mut told = false;
        std::future::poll_fn(|context: &mut Context<'_>| {
            // Enrolled before the look at the flag, so that a close in between is not missed.
            let woken = !told && closing.as_mut().poll(context).is_ready();
            if !told && (woken || self.is_closed()) {
                told = true;
                finish(connection.as_mut());
            }
            match connection.as_mut().poll(context) {
                Poll::Ready(outcome) => Poll::Ready(outcome),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }
}
