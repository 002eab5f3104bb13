//! Outcomes of acknowledged jobs, kept a while for those who come back by id. Bounded in time, number and bytes.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::time::Instant;

use crate::flight::Flight;
use crate::job::{JobId, Outcome};
use crate::settings::Settings;

/// The outcomes, oldest first.
#[derive(Default)]
pub(crate) struct Kept {
    order: VecDeque<(Instant, JobId, u64)>,
    flights: HashMap<JobId, (u64, usize, Arc<Flight>)>,
    size_bytes: usize,
    next: u64,
}

impl Kept {
    /// Keeps a flight whose outcome is `outcome`, and drops what is too old or too much.
    pub(crate) fn insert(
        &mut self,
        id: &JobId,
        flight: Arc<Flight>,
        outcome: &Outcome,
        now: Instant,
        limits: &Settings,
    ) {
        let size_bytes = match outcome {
            Outcome::Done(answer) | Outcome::Later { answer, .. } => answer.len(),
            Outcome::Failed { message, .. } => message.len(),
            Outcome::Cancelled => 0,
        };
        self.next += 1;
        self.size_bytes += size_bytes;
        self.order.push_back((now, id.clone(), self.next));
        if let Some((_, before_bytes, _)) = self
            .flights
            .insert(id.clone(), (self.next, size_bytes, flight))
        {
            self.size_bytes -= before_bytes;
        }
        self.prune(now, limits);
    }

    /// Finds a flight that is not too old.
    pub(crate) fn find(
        &mut self,
        id: &JobId,
        now: Instant,
        limits: &Settings,
    ) -> Option<Arc<Flight>> {
        self.prune(now, limits);
        self.flights
            .get(id)
            .map(|(_, _, flight)| Arc::clone(flight))
    }

    fn prune(&mut self, now: Instant, limits: &Settings) {
        while let Some((at, id, number)) = self.order.front() {
            let young = now.duration_since(*at) < limits.kept_for;
            if young
                && self.order.len() <= limits.kept_max
                && self.size_bytes <= limits.kept_bytes_max
            {
                return;
            }
            // An id that was kept anew since then has a later number and stays.
            if self
                .flights
                .get(id)
                .is_some_and(|(kept, _, _)| kept == number)
                && let Some((_, size_bytes, _)) = self.flights.remove(id)
            {
                self.size_bytes -= size_bytes;
            }
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn keep(kept: &mut Kept, id: &str, answer: &'static str, now: Instant, limits: &Settings) {
        kept.insert(
            &id.into(),
            Flight::new(id.into()),
            &Outcome::Done(answer.into()),
            now,
            limits,
        );
    }

    #[tokio::test]
    async fn kept_outcomes_are_bounded_in_time_number_and_bytes() {
        let limits = Settings {
            kept_max: 2,
            kept_bytes_max: 10,
            ..Settings::default()
        };
        let start = Instant::now();
        let mut kept = Kept::default();
        keep(&mut kept, "a", "1", start, &limits);
        keep(&mut kept, "b", "1", start, &limits);
        assert!(kept.find(&"a".into(), start, &limits).is_some());
        keep(&mut kept, "c", "1", start, &limits);
        assert!(kept.find(&"a".into(), start, &limits).is_none());
        keep(&mut kept, "d", "0123456789", start, &limits);
        assert!(kept.find(&"c".into(), start, &limits).is_none());
        assert!(kept.find(&"d".into(), start, &limits).is_some());
        assert!(
            kept.find(&"d".into(), start + Duration::from_secs(599), &limits)
                .is_some()
        );
        assert!(
            kept.find(&"d".into(), start + Duration::from_secs(600), &limits)
                .is_none()
        );
        assert_eq!(kept.size_bytes, 0);
    }

    #[tokio::test]
    async fn kept_anew_counts_from_the_second_time() {
        let limits = Settings {
            kept_max: 2,
            ..Settings::default()
        };
        let start = Instant::now();
        let mut kept = Kept::default();
        keep(&mut kept, "a", "1", start, &limits);
        keep(&mut kept, "b", "1", start, &limits);
        keep(&mut kept, "a", "22", start, &limits);
        assert!(kept.find(&"a".into(), start, &limits).is_some());
        assert_eq!(kept.size_bytes, 3);
    }
}
