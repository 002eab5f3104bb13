//! A bound on how often something is written down that anybody may cause.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lets so many through at once, and one more with every period that passes; counts those it held back.
#[derive(Debug)]
pub(crate) struct Bucket {
    size: u32,
    every: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    left: u32,
    since: Option<Instant>,
    held_back: u64,
}

impl Bucket {
    pub const fn new(size: u32, every: Duration) -> Self {
        Self {
            size,
            every,
            state: Mutex::new(State {
                left: size,
                since: None,
                held_back: 0,
            }),
        }
    }

    /// Whether this one may go through; gives how many were held back since the last one that did.
    pub fn take(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let since = *state.since.get_or_insert(now);
        let passed = now.saturating_duration_since(since).as_nanos() / self.every.as_nanos().max(1);
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        if passed > 0 {
            state.left = state.left.saturating_add(passed).min(self.size);
            state.since = Some(since + self.every.saturating_mul(passed).min(now - since));
        }
        if state.left == 0 {
            state.held_back += 1;
            return None;
        }
        state.left -= 1;
        Some(std::mem::take(&mut state.held_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_a_trickle() {
        let bucket = Bucket::new(3, Duration::from_secs(10));
        let begun = Instant::now();
        let taken: Vec<u64> = (0..60_000)
            .filter_map(|ms| bucket.take(begun + Duration::from_millis(ms)))
            .collect();
        assert_eq!(taken.len(), 3 + 5);
        assert_eq!(taken[..3], [0, 0, 0]);
        assert_eq!(taken[4], 9_999);
        let later = begun + Duration::from_secs(3600);
        assert_eq!(
            (0..10).filter_map(|_| bucket.take(later)).count(),
            3,
            "no more than its size"
        );
    }
}
