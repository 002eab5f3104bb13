//! A log line whose cause may come a thousand times a second and that is said once in a while.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time between two lines: often enough to be seen, seldom enough that a flood does not fill the disk with its own story.
const EVERY: Duration = Duration::from_secs(10);

/// Says when it is time for the line again.
#[derive(Debug, Default)]
pub(crate) struct Seldom {
    last: Mutex<Option<Instant>>,
    times: AtomicU64,
}

impl Seldom {
    /// Notes that it happened; gives how often since the last line, when it is time for one.
    pub fn note(&self, now: Instant) -> Option<u64> {
        self.times.fetch_add(1, Ordering::Relaxed);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = last.is_none_or(|last| now.saturating_duration_since(last) >= EVERY);
        is_time.then(|| {
            *last = Some(now);
            self.times.swap(0, Ordering::Relaxed)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_times_a_second_are_a_line_every_ten_seconds() {
        let seldom = Seldom::default();
        let begun = Instant::now();
        let lines: Vec<u64> = (0..25_000)
            .filter_map(|ms| seldom.note(begun + Duration::from_millis(ms)))
            .collect();
        assert_eq!(lines, [1, 10_000, 10_000]);
    }
}
