//! How little of an answer a client may take before it is given up.

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

    /// Notes that the client has no room; gives since when too little went out. How long that may last changes with how
    /// many others there are, so whoever waits has to ask again now and then.
    pub fn held_up_since(&mut self, now: Instant) -> Instant {
        let (since, _) = self.window.get_or_insert((now, 0));
        *since
    }

    /// Begins anew, with another answer.
    pub fn reset(&mut self) {
        self.window = None;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn drops_do_not_buy_time_and_a_mouthful_does() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut pace = Pace::default();
        pace.note(1 << 30);
        assert_eq!(pace.held_up_since(begun), begun);
        pace.note(BYTES_MIN - 1);
        assert_eq!(pace.held_up_since(at(50)), begun);
        pace.note(1);
        assert_eq!(pace.held_up_since(at(55)), at(55));
        pace.reset();
        assert_eq!(pace.held_up_since(at(70)), at(70));
    }
}
