//! One kind's line: who waits for a worker, in which order, and how many run. Counting only; jobs live on the board.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use crate::handler::Handler;
use crate::job::{JobId, Priority};
use crate::settings::Settings;

/// When jobs are to be looked at again; the number tells apart those of one instant.
pub(crate) type Wakes = BTreeMap<(Instant, u64), JobId>;

/// Where a job stands in its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Not in it (any more).
    Out,
    /// Its row is being claimed at a table that others share.
    Claiming,
    /// In line.
    Ready,
    /// Running.
    Running,
    /// Failed; to be tried again at that time.
    Waiting(Instant),
    /// Another process has it; to be looked at again at that time.
    Elsewhere(Instant),
}

/// Where a job stands, and what its order in line is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    pub(crate) place: Place,
    pub(crate) priority: Priority,
    /// Order of arrival.
    pub(crate) number: u64,
}

/// The line and the workers of a kind.
#[derive(Default)]
pub(crate) struct Lane {
    pub(crate) handler: Option<Arc<dyn Handler>>,
    pub(crate) workers: usize,
    running: usize,
    running_behind: usize,
    ready: BTreeMap<(Priority, u64), JobId>,
    unready: usize,
    waiting: usize,
}

impl Lane {
    /// Moves a job from where it stands to another place: the only function that changes a count.
    pub(crate) fn shift(&mut self, id: &JobId, spot: &mut Spot, to: Place, wakes: &mut Wakes) {
        match spot.place {
            Place::Out => {}
            Place::Claiming => self.unready -= 1,
            Place::Ready => drop(self.ready.remove(&(spot.priority, spot.number))),
            Place::Running => {
                self.running -= 1;
                self.running_behind -= usize::from(spot.priority == Priority::Behind);
            }
            Place::Waiting(at) => {
                self.waiting -= 1;
                wakes.remove(&(at, spot.number));
            }
            Place::Elsewhere(at) => {
                self.unready -= 1;
                wakes.remove(&(at, spot.number));
            }
        }
        match to {
            Place::Out => {}
            Place::Claiming => self.unready += 1,
            Place::Ready => drop(self.ready.insert((spot.priority, spot.number), id.clone())),
            Place::Running => {
                self.running += 1;
                self.running_behind += usize::from(spot.priority == Priority::Behind);
            }
            Place::Waiting(at) => {
                self.waiting += 1;
                wakes.insert((at, spot.number), id.clone());
            }
            Place::Elsewhere(at) => {
                self.unready += 1;
                wakes.insert((at, spot.number), id.clone());
            }
        }
        spot.place = to;
    }

    /// Raises a job's priority where it stands, keeping its order of arrival; never lowers it.
    pub(crate) fn raise(
        &mut self,
        id: &JobId,
        spot: &mut Spot,
        priority: Priority,
        wakes: &mut Wakes,
    ) {
        if priority < spot.priority {
            self.place_anew(id, spot, priority, wakes);
        }
    }

    /// Puts a job behind where it stands: nobody waits for it any more.
    pub(crate) fn put_behind(&mut self, id: &JobId, spot: &mut Spot, wakes: &mut Wakes) {
        self.place_anew(id, spot, Priority::Behind, wakes);
    }

    fn place_anew(&mut self, id: &JobId, spot: &mut Spot, priority: Priority, wakes: &mut Wakes) {
        let place = spot.place;
        self.shift(id, spot, Place::Out, wakes);
        spot.priority = priority;
        self.shift(id, spot, place, wakes);
    }

    /// The job that may start now, if any.
    pub(crate) fn next(&self) -> Option<JobId> {
        let ((priority, _), id) = self.ready.first_key_value()?;
        // A lone worker must take jobs that nobody waits for too, or they would never run.
        let behind_max = self.workers.saturating_sub(1).max(1);
        let free = self.running < self.workers
            && (*priority != Priority::Behind || self.running_behind < behind_max);
        free.then(|| id.clone())
    }

    /// Whether one more job of that priority would be too many.
    pub(crate) fn is_full(&self, priority: Priority, settings: &Settings) -> bool {
        let all = settings.queued_per_kind_max;
        let room = if priority == Priority::Behind {
            all - all / 10
        } else {
            all
        };
        self.queued() >= room
    }

    /// Whether one more job to be tried again would be too many.
    pub(crate) fn is_waiting_room_full(&self, settings: &Settings) -> bool {
        self.waiting >= settings.waiting_per_kind_max
    }

    pub(crate) fn queued(&self) -> usize {
        self.ready.len() + self.unready
    }

    pub(crate) fn running(&self) -> usize {
        self.running
    }
}
