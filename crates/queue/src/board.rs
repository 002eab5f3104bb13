//! Which job runs next: every job in flight, one lane per kind, the rows that are due. One value behind one lock, without I/O
//! and without a clock, so that every decision is one function that ends in microseconds.

mod endings;
mod returns;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::time::Instant;

use crate::changes::Changes;
use crate::entry::{Acts, Asked, Entry, Now, Refusal, Start, check_sizes};
use crate::flight::Flight;
use crate::handler::Handler;
use crate::job::{Durability, Job, JobId, JobState, Priority};
use crate::kept::Kept;
use crate::lane::{Lane, Place, Share, Spot, Wakes};
use crate::settings::Settings;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Opening,
    Running,
    Draining,
}

/// Everything the queue knows.
pub(crate) struct Board {
    settings: Settings,
    phase: Phase,
    jobs: HashMap<JobId, Entry>,
    lanes: HashMap<String, Lane>,
    wakes: Wakes,
    kept: Kept,
    next_number: u64,
    pub(crate) changes: Changes,
}

impl Board {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            phase: Phase::Opening,
            jobs: HashMap::new(),
            lanes: HashMap::new(),
            wakes: BTreeMap::new(),
            kept: Kept::default(),
            next_number: 0,
            changes: Changes::default(),
        }
    }

    /// Takes a job in, or joins the one of its id that is in flight.
    pub(crate) fn submit(&mut self, asked: Asked) -> Result<(Arc<Flight>, Acts), Refusal> {
        if self.phase == Phase::Draining {
            return Err(Refusal::Draining);
        }
        if self.jobs.contains_key(&asked.job.id) {
            return Ok(self.join(asked));
        }
        check_sizes(&asked.job)?;
        let Asked {
            job,
            claim,
            acknowledge,
        } = asked;
        let lane = self.lanes.entry(job.kind.clone()).or_default();
        if lane.is_full(job.priority, &self.settings) {
            return Err(Refusal::Full);
        }
        let durable = job.durability == Durability::Durable;
        let kind = job.kind.clone();
        let id = job.id.clone();
        let entry = self.insert(job, durable && acknowledge.is_some());
        let flight = Arc::clone(&entry.flight);
        let claim = durable && claim;
        if durable {
            let row = if claim {
                entry.claim_row()
            } else {
                entry.row(0, None)
            };
            self.changes.save(row, acknowledge);
        }
        if claim {
            self.changes.hurry();
        }
        self.shift(&id, if claim { Place::Claiming } else { Place::Ready });
        let starts = self.fill(&kind);
        Ok((
            flight,
            Acts {
                starts,
                finished: Vec::new(),
            },
        ))
    }

    fn insert(&mut self, job: Job, acknowledged: bool) -> &mut Entry {
        self.next_number += 1;
        let handler = self.lanes.get(&job.kind).and_then(|l| l.handler.as_ref());
        let share = handler.and_then(|handler| handler.share_of(&job));
        let spot = Spot {
            place: Place::Out,
            priority: job.priority,
            number: self.next_number,
            share: share.map(Share::named),
        };
        let entry = Entry {
            spot,
            durable: job.durability == Durability::Durable,
            acknowledged,
            attempts: 0,
            attempts_written: 0,
            counts: true,
            was_put_off: false,
            message: String::new(),
            flight: Flight::new(job.id.clone()),
            job: Arc::new(job),
        };
        self.jobs
            .entry(entry.job.id.clone())
            .insert_entry(entry)
            .into_mut()
    }

    fn join(&mut self, asked: Asked) -> (Arc<Flight>, Acts) {
        let Asked {
            job, acknowledge, ..
        } = asked;
        let Board {
            jobs,
            lanes,
            wakes,
            changes,
            ..
        } = self;
        let Some(entry) = jobs.get_mut(&job.id) else {
            return (Flight::new(job.id), Acts::default());
        };
        let kind = entry.job.kind.clone();
        let lane = lanes.entry(kind.clone()).or_default();
        lane.raise(&job.id, &mut entry.spot, job.priority, wakes);
        if matches!(entry.spot.place, Place::Waiting(_)) && job.priority != Priority::Behind {
            // Somebody waits now: the delay spares an origin from us, not from its users, who would ask it themselves.
            entry.counts = false;
            lane.shift(&job.id, &mut entry.spot, Place::Ready, wakes);
        }
        let newly_durable = job.durability == Durability::Durable && !entry.durable;
        entry.durable |= newly_durable;
        entry.acknowledged |= acknowledge.is_some();
        if newly_durable || acknowledge.is_some() {
            changes.save(entry.row(0, None), acknowledge);
        }
        let flight = Arc::clone(&entry.flight);
        let starts = self.fill(&kind);
        (
            flight,
            Acts {
                starts,
                finished: Vec::new(),
            },
        )
    }

    /// Sets who runs a kind, and how many of it at once.
    pub(crate) fn register(
        &mut self,
        kind: &str,
        workers: usize,
        handler: Arc<dyn Handler>,
    ) -> Acts {
        let lane = self.lanes.entry(kind.to_owned()).or_default();
        lane.handler = Some(handler);
        lane.workers = workers;
        Acts {
            starts: self.fill(kind),
            finished: Vec::new(),
        }
    }

    /// Lets jobs run.
    pub(crate) fn open(&mut self) -> Acts {
        if self.phase == Phase::Opening {
            self.phase = Phase::Running;
        }
        self.fill_all()
    }

    /// When something is to be looked at next.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.wakes.first_key_value().map(|((at, _), _)| *at)
    }

    pub(crate) fn running(&self) -> usize {
        self.lanes.values().map(Lane::running).sum()
    }

    /// Finds the flight of a job that is in flight or was kept.
    pub(crate) fn find_flight(&mut self, id: &JobId, now: Now) -> Option<Arc<Flight>> {
        match self.jobs.get(id) {
            Some(entry) => Some(Arc::clone(&entry.flight)),
            None => self.kept.find(id, now.instant, &self.settings),
        }
    }

    /// Where a job stands; `None` for one that was never here or whose outcome is no longer kept.
    pub(crate) fn find_state(&self, id: &JobId, now: Now) -> Option<JobState> {
        let entry = self.jobs.get(id)?;
        Some(match entry.spot.place {
            Place::Running => JobState::Running,
            Place::Elsewhere(_) => JobState::Elsewhere,
            Place::Waiting(at) => JobState::Waiting {
                attempts: entry.attempts,
                retry_in: at.saturating_duration_since(now.instant),
            },
            Place::Out | Place::Claiming | Place::Ready => JobState::Queued,
        })
    }

    /// Every kind with how many of its jobs are in line and how many run, by name.
    pub(crate) fn depths(&self) -> Vec<(String, usize, usize)> {
        let depth = |(kind, lane): (&String, &Lane)| (kind.clone(), lane.queued(), lane.running());
        let mut depths: Vec<_> = self.lanes.iter().map(depth).collect();
        depths.sort();
        depths
    }

    fn shift(&mut self, id: &JobId, to: Place) {
        if let Some(entry) = self.jobs.get_mut(id) {
            let lane = self.lanes.entry(entry.job.kind.clone()).or_default();
            lane.shift(id, &mut entry.spot, to, &mut self.wakes);
        }
    }

    fn remove(&mut self, id: &JobId) -> Option<Entry> {
        self.shift(id, Place::Out);
        self.jobs.remove(id)
    }

    /// Starts what may start of a kind. A job whose clients have all gone is still run, but behind those that somebody
    /// waits for: else clients that ask and leave could hold up all others for hours.
    fn fill(&mut self, kind: &str) -> Vec<Start> {
        let mut starts = Vec::new();
        if self.phase != Phase::Running {
            return starts;
        }
        let Board {
            jobs,
            lanes,
            wakes,
            changes,
            ..
        } = self;
        let Some(lane) = lanes.get_mut(kind) else {
            return starts;
        };
        let Some(handler) = lane.handler.clone() else {
            return starts;
        };
        while let Some(id) = lane.next()
            && let Some(entry) = jobs.get_mut(&id)
        {
            if entry.is_abandoned() {
                lane.put_behind(&id, &mut entry.spot, wakes);
                continue;
            }
            lane.shift(&id, &mut entry.spot, Place::Running, wakes);
            entry.attempts += u32::from(entry.counts);
            if entry.durable && entry.attempts_written != entry.attempts {
                entry.attempts_written = entry.attempts;
                // The row says that a run began: a job that takes the process down with it is not tried for ever.
                changes.save(entry.row(0, None), None);
            }
            let (job, flight) = (Arc::clone(&entry.job), Arc::clone(&entry.flight));
            starts.push(Start {
                job,
                flight,
                handler: Arc::clone(&handler),
                was_put_off: entry.was_put_off,
            });
        }
        starts
    }

    fn fill_all(&mut self) -> Acts {
        let kinds: Vec<String> = self.lanes.keys().cloned().collect();
        Acts {
            starts: kinds.iter().flat_map(|kind| self.fill(kind)).collect(),
            finished: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
