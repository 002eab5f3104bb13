//! How jobs leave the board: done, set back, given up, or because the process stops.

use std::sync::Arc;
use std::time::Duration;

use super::{Board, Phase};
use crate::entry::{Acts, Entry, Now};
use crate::flight::{Flight, cut};
use crate::job::{JobId, Outcome};
use crate::lane::Place;

/// Longest failure message kept in a row, in bytes.
const MESSAGE_BYTES_MAX: usize = 4096;

impl Board {
    /// Notes how a run ended.
    pub(crate) fn complete(&mut self, id: &JobId, outcome: Outcome, now: Now) -> Acts {
        let draining = self.phase == Phase::Draining;
        let Some(entry) = self.jobs.get_mut(id) else {
            return Acts::default();
        };
        let kind = entry.job.kind.clone();
        let flight = Arc::clone(&entry.flight);
        let durable = entry.durable;
        match &outcome {
            Outcome::Failed {
                message,
                retry: true,
            } if durable => {
                entry.message = cut(message, MESSAGE_BYTES_MAX).to_owned();
                self.set_back(id, &outcome, now);
            }
            Outcome::Later { after, why, .. } if durable => {
                entry.message = cut(why, MESSAGE_BYTES_MAX).to_owned();
                entry.was_put_off = true;
                match after {
                    None => self.set_back(id, &outcome, now),
                    Some(after) => self.put_off(id, *after, now),
                }
            }
            // Its row stays: it runs again after the restart.
            Outcome::Cancelled if draining => {
                if let Some(entry) = self.remove(id) {
                    self.give_back(entry);
                }
            }
            _ => {
                if let Some(entry) = self.remove(id)
                    && entry.durable
                {
                    self.changes.delete(id);
                    self.keep(&entry, &outcome, now);
                }
            }
        }
        Acts {
            starts: self.fill(&kind),
            finished: vec![(flight, outcome)],
        }
    }

    /// Makes a job that failed wait for its next try, or gives it up.
    fn set_back(&mut self, id: &JobId, outcome: &Outcome, now: Now) {
        let draining = self.phase == Phase::Draining;
        let Board {
            jobs,
            lanes,
            wakes,
            changes,
            settings,
            ..
        } = self;
        let Some(entry) = jobs.get_mut(id) else {
            return;
        };
        let lane = lanes.entry(entry.job.kind.clone()).or_default();
        if entry.attempts >= settings.retry.attempts_max || lane.is_waiting_room_full(settings) {
            if let Some(entry) = self.bury(id, now) {
                self.keep(&entry, outcome, now);
            }
            return;
        }
        let delay = settings.retry.delay(entry.attempts, now.roll);
        changes.save(
            entry.row(now.unix_ms.saturating_add(delay.as_millis() as i64), None),
            None,
        );
        lane.shift(
            id,
            &mut entry.spot,
            Place::Waiting(now.instant + delay),
            wakes,
        );
        entry.counts = true;
        // Whoever waited for this run has its outcome; the next one has waiters of its own.
        entry.flight = Flight::new(id.clone());
        if draining {
            self.remove(id);
        }
    }

    /// Makes a job wait for a better time. That is nobody's failure, so it is never given up for it; and where its row is
    /// known already nothing is written, because what is waited for may be room on the disk. Where too many wait already,
    /// it is the last one for now: others of its kind wait in line instead.
    fn put_off(&mut self, id: &JobId, after: Duration, now: Now) {
        let draining = self.phase == Phase::Draining;
        let Board {
            jobs,
            lanes,
            wakes,
            changes,
            settings,
            ..
        } = self;
        let Some(entry) = jobs.get_mut(id) else {
            return;
        };
        let lane = lanes.entry(entry.job.kind.clone()).or_default();
        if lane.is_waiting_room_full(settings) {
            lane.rest(entry.spot.number);
        }
        entry.attempts = entry.attempts.saturating_sub(u32::from(entry.counts));
        if draining || !changes.knows(id) {
            changes.save(entry.row(0, None), None);
        }
        lane.shift(
            id,
            &mut entry.spot,
            Place::Waiting(now.instant + after),
            wakes,
        );
        entry.counts = true;
        entry.flight = Flight::new(id.clone());
        if draining {
            self.remove(id);
        }
    }

    /// Gives a job up: its row stays, with what was said last.
    pub(super) fn bury(&mut self, id: &JobId, now: Now) -> Option<Entry> {
        let entry = self.remove(id)?;
        self.changes.save(entry.row(0, Some(now.unix_ms)), None);
        tracing::warn!(job_id = %id, kind = %entry.job.kind, attempts = entry.attempts, "job given up: {}", entry.message);
        Some(entry)
    }

    fn keep(&mut self, entry: &Entry, outcome: &Outcome, now: Now) {
        if entry.acknowledged {
            self.kept.insert(
                &entry.job.id,
                Arc::clone(&entry.flight),
                outcome,
                now.instant,
                &self.settings,
            );
        }
    }

    /// Stops taking jobs and takes those out that do not run; durable ones keep their rows. Gives who is to be told.
    pub(crate) fn drain(&mut self) -> Acts {
        self.phase = Phase::Draining;
        let still = |place| place == Place::Running;
        let idle: Vec<JobId> = self
            .jobs
            .iter()
            .filter(|(_, e)| !still(e.spot.place))
            .map(|(id, _)| id.clone())
            .collect();
        let mut finished = Vec::with_capacity(idle.len());
        for id in &idle {
            let Some(entry) = self.remove(id) else {
                continue;
            };
            // Its row still counts a run that was none: a few stops within one outage would use up all its tries.
            if entry.durable && entry.was_put_off && entry.attempts < entry.attempts_written {
                self.changes.save(entry.row(0, None), None);
            }
            finished.push((entry.flight, Outcome::Cancelled));
        }
        Acts {
            starts: Vec::new(),
            finished,
        }
    }

    /// Takes out what still runs: those who wait are told that the process stops, rows stay, handlers are let go of. Gives
    /// how many jobs that were.
    pub(crate) fn abandon(&mut self) -> (usize, Acts) {
        let running: Vec<JobId> = self.jobs.keys().cloned().collect();
        let mut finished = Vec::new();
        for id in &running {
            if let Some(entry) = self.remove(id) {
                finished.push((Arc::clone(&entry.flight), Outcome::Cancelled));
                self.give_back(entry);
            }
        }
        // Handlers may hold the queue: without this neither would ever be freed.
        self.lanes.values_mut().for_each(|lane| lane.handler = None);
        (
            running.len(),
            Acts {
                starts: Vec::new(),
                finished,
            },
        )
    }

    /// Writes down that a run was cut short by an orderly stop, which does not count against the job.
    fn give_back(&mut self, mut entry: Entry) {
        if entry.durable {
            entry.attempts = entry.attempts.saturating_sub(1);
            self.changes.save(entry.row(0, None), None);
        }
    }
}
