//! Answers that are remembered for a while, asked for once at a time.
//!
//! Knows nothing of what is asked. "No" is an answer too, remembered shortly; trouble is none: it goes to those who
//! wait for it, and an older "yes" stands in for it while that is not too old.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quick_cache::sync::Cache;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::upstream::UpstreamClass;
use crate::vcs::code::CodeError;

/// How long answers are good.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetimes {
    /// A yes.
    pub(super) found: Duration,
    /// A no, and the time for which a stale yes is not asked about again.
    pub(super) absent: Duration,
    /// A yes while there is only trouble, from when it was found.
    pub(super) stale: Duration,
}

/// Answers by question. A `T` is cloned for everyone who asks.
#[derive(Debug)]
pub(super) struct Answers<T> {
    slots: Cache<String, Arc<Slot<T>>>,
    lifetimes: Lifetimes,
}

#[derive(Debug)]
struct Slot<T> {
    /// Answers that came so far. Who sees it grow while waiting takes the newest instead of asking again.
    count: AtomicU64,
    /// Held while someone asks: the others wait for the answer.
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    known: Option<Known<T>>,
    trouble: Option<CodeError>,
}

#[derive(Debug)]
struct Known<T> {
    answer: Result<T, CodeError>,
    found_at: Instant,
    good_until: Instant,
}

impl<T: Clone> Answers<T> {
    /// Remembers `entries_max` answers.
    pub(super) fn new(entries_max: usize, lifetimes: Lifetimes) -> Self {
        Self {
            slots: Cache::new(entries_max.max(1)),
            lifetimes,
        }
    }

    /// The answer to `question`, from memory or by asking. Only answers for which `is_kept` are remembered longer than
    /// those who wait for them need.
    pub(super) async fn get(
        &self,
        question: &str,
        is_kept: impl FnOnce(&T) -> bool,
        ask: impl Future<Output = Result<T, CodeError>>,
    ) -> Result<T, CodeError> {
        let slot = self.slot(question);
        let seen = slot.count.load(Ordering::Acquire);
        let mut state = slot.state.lock().await;
        let came_meanwhile = slot.count.load(Ordering::Acquire) != seen;
        if let Some(answer) = state.current(came_meanwhile) {
            return answer;
        }
        let asked = ask.await;
        if asked.as_ref().is_ok_and(|found| !is_kept(found)) {
            self.slots.remove(question);
        }
        let answer = state.settle(asked, self.lifetimes);
        slot.count.fetch_add(1, Ordering::Release);
        answer
    }

    fn slot(&self, question: &str) -> Arc<Slot<T>> {
        let made = self
            .slots
            .get_or_insert_with::<str, Infallible>(question, || {
                Ok(Arc::new(Slot {
                    count: AtomicU64::new(0),
                    state: Mutex::new(State {
                        known: None,
                        trouble: None,
                    }),
                }))
            });
        let Ok(slot) = made;
        slot
    }
}

impl<T: Clone> State<T> {
    fn current(&self, came_meanwhile: bool) -> Option<Result<T, CodeError>> {
        if came_meanwhile && let Some(trouble) = &self.trouble {
            return Some(Err(trouble.clone()));
        }
        let known = self.known.as_ref()?;
        (came_meanwhile || Instant::now() < known.good_until).then(|| known.answer.clone())
    }

    fn settle(
        &mut self,
        asked: Result<T, CodeError>,
        lifetimes: Lifetimes,
    ) -> Result<T, CodeError> {
        let now = Instant::now();
        self.trouble = None;
        let lifetime = match &asked {
            Ok(_) => lifetimes.found,
            Err(error) if !is_trouble(error) => lifetimes.absent,
            Err(trouble) => {
                if let Some(known) = &mut self.known
                    && known.answer.is_ok()
                    && now < known.found_at + lifetimes.stale
                {
                    known.good_until = now + lifetimes.absent;
                    return known.answer.clone();
                }
                self.trouble = Some(trouble.clone());
                return asked;
            }
        };
        self.known = Some(Known {
            answer: asked.clone(),
            found_at: now,
            good_until: now + lifetime,
        });
        asked
    }
}

/// Whether an error may be another one the next time: nothing was learnt about what was asked.
pub(super) fn is_trouble(error: &CodeError) -> bool {
    matches!(
        error.class,
        UpstreamClass::Unreachable
            | UpstreamClass::TooSlow
            | UpstreamClass::Overloaded { .. }
            | UpstreamClass::Storage
    )
}

#[cfg(test)]
mod tests;
