//! How jobs come to the board otherwise than by being submitted: from the table, after a delay, from another process.

use std::sync::Arc;
use std::time::Duration;

use super::{Board, Phase};
use crate::entry::{Acts, Now};
use crate::job::{Durability, Job, JobId, Priority};
use crate::lane::Place;
use crate::table::Row;

impl Board {
    /// Takes in rows read from the table.
    pub(crate) fn adopt(&mut self, rows: Vec<Row>, now: Now) -> Acts {
        for row in rows {
            if self.phase == Phase::Draining {
                break;
            }
            match self.jobs.get(&row.id).map(|entry| entry.spot.place) {
                Some(Place::Elsewhere(_)) => {
                    self.changes.found(&row.id);
                    self.shift(&row.id, Place::Ready);
                }
                Some(_) => self.changes.found(&row.id),
                None if !self.changes.knows(&row.id) => self.adopt_one(row, now),
                None => {}
            }
        }
        self.fill_all()
    }

    fn adopt_one(&mut self, row: Row, now: Now) {
        let id = row.id.clone();
        self.changes.found(&id);
        let job = Job {
            id: row.id,
            kind: row.kind,
            payload: row.payload,
            // The client that waited has gone with the process that served it.
            priority: row.priority.max(Priority::Request),
            durability: Durability::Durable,
        };
        let plan = self.settings.retry.clone();
        let entry = self.insert(job, row.acknowledged);
        entry.attempts = row.attempts;
        entry.attempts_written = row.attempts;
        entry.message = row.message;
        if entry.attempts >= plan.attempts_max {
            entry.message = "the process ended while it ran, too often".to_owned();
            self.bury(&id, now);
            return;
        }
        // One death of the process is nobody's fault; a job that was under way at several of them may be their cause.
        let delay_ms = if row.attempts < 2 {
            0
        } else {
            plan.delay(row.attempts, now.roll).as_millis() as i64
        };
        let due_ms = row
            .run_at_ms
            .saturating_sub(now.unix_ms)
            .max(if row.run_at_ms == 0 { delay_ms } else { 0 });
        // A clock that was set back must not hold a job for years.
        let due = Duration::from_millis(u64::try_from(due_ms).unwrap_or(0)).min(plan.longest);
        let place = if due.is_zero() {
            Place::Ready
        } else {
            Place::Waiting(now.instant + due)
        };
        self.shift(&id, place);
    }

    /// Notes that rows were written, or could not be: jobs that waited for that get in line.
    pub(crate) fn claimed<'a>(&mut self, ids: impl Iterator<Item = &'a JobId>) -> Acts {
        for id in ids {
            if self
                .jobs
                .get(id)
                .is_some_and(|entry| entry.spot.place == Place::Claiming)
            {
                self.shift(id, Place::Ready);
            }
        }
        self.fill_all()
    }

    /// Notes that another process has these rows.
    pub(crate) fn park(&mut self, ids: &[JobId], now: Now) {
        for id in ids {
            self.changes.forget(id);
            if self
                .jobs
                .get(id)
                .is_some_and(|entry| entry.spot.place == Place::Claiming)
            {
                self.shift(id, Place::Elsewhere(now.instant + self.settings.poll_every));
            }
        }
    }

    /// Looks at what is due: jobs to be tried again, jobs that another process had.
    pub(crate) fn wake(&mut self, now: Now) -> Acts {
        while let Some(((at, _), id)) = self.wakes.first_key_value() {
            if *at > now.instant {
                break;
            }
            let id = id.clone();
            let Some(entry) = self.jobs.get_mut(&id) else {
                self.wakes.pop_first();
                continue;
            };
            match entry.spot.place {
                Place::Elsewhere(_) if Arc::strong_count(&entry.flight) == 1 => {
                    // Nobody waits here, and the other process does it.
                    self.shift(&id, Place::Out);
                    self.jobs.remove(&id);
                }
                Place::Elsewhere(_) => {
                    let row = entry.claim_row();
                    self.changes.save(row, None);
                    self.changes.hurry();
                    self.shift(&id, Place::Claiming);
                }
                _ => self.shift(&id, Place::Ready),
            }
        }
        self.fill_all()
    }
}
