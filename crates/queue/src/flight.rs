//! One run of a job as those who wait see it: its outcome, its progress, its last log lines.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::job::{JobId, Outcome, Progress};

/// Log lines kept for a run; older ones are dropped. Enough for the story of one capture, small beside its payload.
const LINES_MAX: usize = 200;

/// Longest log line kept, in bytes; the rest is cut off.
const LINE_BYTES_MAX: usize = 1024;

/// The place of one who waits for a job. Dropping it cancels nothing; cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Ticket {
    flight: Arc<Flight>,
}

impl Ticket {
    pub(crate) fn new(flight: Arc<Flight>) -> Self {
        Self { flight }
    }

    /// The id of the job.
    pub fn id(&self) -> &JobId {
        &self.flight.id
    }

    /// Waits for the outcome, at most `budget`; `None` when that is over first. May be called again, by many at once.
    pub async fn wait(&self, budget: Duration) -> Option<Outcome> {
        if let Some(outcome) = self.outcome() {
            return Some(outcome);
        }
        tokio::time::timeout(budget, self.flight.ended()).await.ok()
    }

    /// The outcome if there is one already.
    pub fn outcome(&self) -> Option<Outcome> {
        self.flight.outcome.get().cloned()
    }

    /// The progress of the run, as a channel that holds the latest. It does not close when the run ends: wait for the
    /// outcome beside it.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.flight.progress().subscribe()
    }

    /// The last log lines of the run, oldest first; at most 200 of at most 1,024 bytes.
    pub fn lines(&self) -> Vec<String> {
        let lines = self
            .flight
            .lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect()
    }
}

/// What a run and those who wait for it share. Small while nobody looks at its progress: there may be 100,000 of them.
#[derive(Debug)]
pub(crate) struct Flight {
    id: JobId,
    outcome: OnceLock<Outcome>,
    end: Notify,
    progress: OnceLock<watch::Sender<Progress>>,
    lines: Mutex<VecDeque<String>>,
}

impl Flight {
    pub(crate) fn new(id: JobId) -> Arc<Self> {
        Arc::new(Self {
            id,
            outcome: OnceLock::new(),
            end: Notify::new(),
            progress: OnceLock::new(),
            lines: Mutex::new(VecDeque::new()),
        })
    }

    /// Gives the outcome to everyone who waits. The first one counts: a run that ends after its waiters were told that the
    /// process stops changes nothing.
    pub(crate) fn finish(&self, outcome: Outcome) {
        if self.outcome.set(outcome).is_ok() {
            self.end.notify_waiters();
        }
    }

    pub(crate) fn report(&self, progress: Progress) {
        if !progress.line.is_empty() {
            self.log(&progress.line);
        }
        self.progress().send_replace(progress);
    }

    pub(crate) fn log(&self, line: &str) {
        let line = cut(line, LINE_BYTES_MAX);
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
    }

    fn progress(&self) -> &watch::Sender<Progress> {
        self.progress
            .get_or_init(|| watch::Sender::new(Progress::default()))
    }

    async fn ended(&self) -> Outcome {
        loop {
            let mut end = pin!(self.end.notified());
            // Enrolled before the look at the outcome, so that an end in between is not missed.
            end.as_mut().enable();
            if let Some(outcome) = self.outcome.get() {
                return outcome.clone();
            }
            end.await;
        }
    }
}

/// Cuts text to at most `bytes_max` bytes without splitting a character.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    if text.len() <= bytes_max {
        return text;
    }
    let mut end = bytes_max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_and_the_newest_stay() {
        let flight = Flight::new("x".into());
        for n in 0..250 {
            flight.log(&format!("line {n}"));
        }
        let lines = Ticket::new(flight).lines();
        assert_eq!(lines.len(), LINES_MAX);
        assert_eq!(lines.first().unwrap(), "line 50");
        assert_eq!(lines.last().unwrap(), "line 249");
    }

    #[test]
    fn cut_keeps_characters_whole() {
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("aé", 3), "aé");
        assert_eq!(cut("", 0), "");
    }

    #[tokio::test]
    async fn first_outcome_counts() {
        let flight = Flight::new("x".into());
        flight.finish(Outcome::Cancelled);
        flight.finish(Outcome::Done("late".into()));
        assert_eq!(
            Ticket::new(flight).wait(Duration::ZERO).await,
            Some(Outcome::Cancelled)
        );
    }
}
