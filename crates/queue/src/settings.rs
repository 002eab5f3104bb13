//! Every bound and delay of the queue, with the reason for its default. Pure values.

use std::time::Duration;

/// Bounds and delays. The defaults fit one server; tests make them small.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Jobs of one kind that may be in line; more are refused with "queue is full". Jobs nobody waits for are refused when
    /// nine tenths are taken, so that they cannot shut out those somebody waits for. Default 100,000: about 100 MB at worst.
    pub queued_per_kind_max: usize,
    /// Durable jobs of one kind that may wait for their next try. One more that failed is given up instead; once one more
    /// is put off, no other of its kind starts before it is due, but those a client waits for. Default 10,000.
    pub waiting_per_kind_max: usize,
    /// When a failed durable job runs again.
    pub retry: RetryPlan,
    /// How long changes gather before they are written; also how quick a durable job must be to leave no row at all.
    /// Default 15 ms: with the write itself a row is there within about 20 ms.
    pub flush_every: Duration,
    /// Longest wait for one write before the database counts as down. Default 5 s.
    pub write_budget: Duration,
    /// How long the outcome of an acknowledged job can still be asked for. Default 10 minutes.
    pub kept_for: Duration,
    /// How many such outcomes are kept. Default 10,000.
    pub kept_max: usize,
    /// How many bytes such outcomes may take together. Default 16 MiB.
    pub kept_bytes_max: usize,
    /// How often a job that another process has is looked at again. Default 500 ms.
    pub poll_every: Duration,
    /// How long a process that says nothing is still taken for alive by the others on its database; it says so three times
    /// in that span. Default 10 s: after a kill -9 the next process waits that long for the rows of the last one.
    /// At most a minute: what reaches further is taken for a clock that was set back.
    pub lease: Duration,
    /// Dead rows kept, newest first. Default 10,000.
    pub dead_max: u32,
    /// How long dead rows are kept. Default 30 days.
    pub dead_kept_for: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            queued_per_kind_max: 100_000,
            waiting_per_kind_max: 10_000,
            retry: RetryPlan::default(),
            flush_every: Duration::from_millis(15),
            write_budget: Duration::from_secs(5),
            kept_for: Duration::from_secs(10 * 60),
            kept_max: 10_000,
            kept_bytes_max: 16 * 1024 * 1024,
            poll_every: Duration::from_millis(500),
            lease: Duration::from_secs(10),
            dead_max: 10_000,
            dead_kept_for: Duration::from_secs(30 * 24 * 3600),
        }
    }
}

/// When a failed durable job runs again: `first`, then `factor` times longer each time, never longer than `longest`.
#[derive(Clone, Debug)]
pub struct RetryPlan {
    /// Delay after the first failure. Default 1 s.
    pub first: Duration,
    /// How many times longer each next delay is. Default 4.
    pub factor: u32,
    /// Longest delay. Default 15 minutes.
    pub longest: Duration,
    /// Runs after which the job is given up. Default 8.
    pub attempts_max: u32,
}

impl Default for RetryPlan {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            factor: 4,
            longest: Duration::from_secs(15 * 60),
            attempts_max: 8,
        }
    }
}

impl RetryPlan {
    /// The delay after the `attempt`-th failure (1 is the first): between three quarters of the plan's delay and all of it.
    /// `roll` is any number; it spreads jobs that failed together.
    pub fn delay(&self, attempt: u32, roll: u64) -> Duration {
        let full = self
            .factor
            .checked_pow(attempt.saturating_sub(1))
            .and_then(|times| self.first.checked_mul(times));
        let full = full.unwrap_or(self.longest).min(self.longest);
        let quarter = full / 4;
        full - quarter.mul_f64((roll % 1000) as f64 / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_delay(attempt: u32, roll: u64, want_ms: u64) {
        let delay = RetryPlan::default().delay(attempt, roll);
        assert_eq!(
            delay,
            Duration::from_millis(want_ms),
            "attempt {attempt}, roll {roll}"
        );
    }

    #[test]
    fn delays_grow_fourfold_up_to_fifteen_minutes() {
        check_delay(1, 0, 1_000);
        check_delay(2, 0, 4_000);
        check_delay(3, 0, 16_000);
        check_delay(4, 0, 64_000);
        check_delay(5, 0, 256_000);
        check_delay(6, 0, 900_000);
        check_delay(u32::MAX, 0, 900_000);
        check_delay(0, 0, 1_000);
    }

    #[test]
    fn jitter_shortens_by_less_than_a_quarter() {
        check_delay(1, 500, 875);
        check_delay(1, 1_500, 875);
        check_delay(3, 500, 14_000);
        for roll in 0..2_000 {
            let delay = RetryPlan::default().delay(2, roll);
            assert!(
                delay > Duration::from_secs(3) && delay <= Duration::from_secs(4),
                "{delay:?}"
            );
        }
    }
}
