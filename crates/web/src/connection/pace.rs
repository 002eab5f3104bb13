//! How little of an answer a client may take before it is given up.

use std::time::Duration;

use tokio::time::Instant;

/// What must go out in the time for it, in bytes. A byte a minute would hold a connection for years.
const BYTES_MIN: usize = 64 << 10;

/// Counts what goes out from the moment on that the client has no room for more.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    window: Option<(Instant, usize)>,
}

impl Pace {
    /// Notes bytes that went out.
    pub fn note(&mut self, bytes: usize) {
        if let Some((_, moved)) = &mut self.window {
            *moved += bytes;
            if *moved >= BYTES_MIN {
                self.window = None;
            }
        }
    }

    /// Notes that the client has no room; gives when it is given up, unless enough goes out before.
    pub fn give_up_at(&mut self, now: Instant, wait: Duration) -> Instant {
        let (since, _) = self.window.get_or_insert((now, 0));
        *since + wait
    }

    /// Begins anew, with another answer.
    pub fn reset(&mut self) {
        self.window = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_do_not_buy_time_and_a_mouthful_does() {
        let wait = Duration::from_secs(60);
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut pace = Pace::default();
        pace.note(1 << 30);
        assert_eq!(pace.give_up_at(begun, wait), at(60));
        pace.note(BYTES_MIN - 1);
        assert_eq!(pace.give_up_at(at(50), wait), at(60));
        pace.note(1);
        assert_eq!(pace.give_up_at(at(55), wait), at(115));
        pace.reset();
        assert_eq!(pace.give_up_at(at(70), wait), at(130));
    }
}
