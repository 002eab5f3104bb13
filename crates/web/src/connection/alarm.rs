//! A deadline that moves all the time and fires seldom.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// Watches a deadline that most polls move further away.
///
/// The timer is not set anew each time the deadline moves later (which would cost every request a visit to the timer
/// wheel): it fires at an old deadline, sees the new one, and goes to sleep again.
#[derive(Debug)]
pub(crate) struct Alarm {
    timer: Pin<Box<Sleep>>,
}

impl Alarm {
    pub fn new(at: Instant) -> Self {
        Self {
            timer: Box::pin(tokio::time::sleep_until(at)),
        }
    }

    /// Whether `at` has passed; if not, the task is woken when it does, or earlier.
    pub fn is_over(&mut self, at: Instant, context: &mut Context<'_>) -> bool {
        if at < self.timer.deadline() {
            self.timer.as_mut().reset(at);
        }
        while let Poll::Ready(()) = self.timer.as_mut().poll(context) {
            if Instant::now() >= at {
                return true;
            }
            self.timer.as_mut().reset(at);
        }
        false
    }

    /// As [`Alarm::is_over`], for a time that may come nearer while the task sleeps: `at` is asked again every `look`.
    pub fn is_over_again(
        &mut self,
        look: Duration,
        at: impl Fn() -> Instant,
        context: &mut Context<'_>,
    ) -> bool {
        loop {
            let (now, at) = (Instant::now(), at());
            if now >= at {
                return true;
            }
            if !self.is_over(at.min(now + look), context) {
                return false;
            }
        }
    }
}
