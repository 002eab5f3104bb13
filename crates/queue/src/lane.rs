//! One kind's line: who waits for a worker, in which order, and how many run. Counting only; jobs live on the board.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use tokio::time::Instant;

use crate::handler::Handler;
use crate::job::{JobId, Priority};
use crate::settings::Settings;

/// When jobs are to be looked at again; the number tells apart those of one instant.
pub(crate) type Wakes = BTreeMap<(Instant, u64), JobId>;

/// How many times as many workers as are left free after it a share may hold. With three, one slow host gets at most three
/// quarters of all workers, a second one three quarters of the rest, and so on. All that a smaller number would keep free
/// for others is lost to a burst for one host, and most modules come from one.
const SHARE_OVER_FREE: usize = 3;

/// Whose share of the workers a job takes. Two names may by chance be one share; that only makes both wait a little more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Share(u64);

impl Share {
    pub(crate) fn named(name: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        Self(hasher.finish())
    }
}

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
    /// Whose share of the workers it takes; `None`: it is held to no share.
    pub(crate) share: Option<Share>,
}

/// The jobs in line of one share, in their order.
type Line = BTreeMap<(Priority, u64), JobId>;

/// The line and the workers of a kind.
#[derive(Default)]
pub(crate) struct Lane {
    pub(crate) handler: Option<Arc<dyn Handler>>,
    pub(crate) workers: usize,
    running: usize,
    running_behind: usize,
    running_of: HashMap<Share, usize>,
    ready: HashMap<Option<Share>, Line>,
    /// The first of every line in `ready`: as many shares can be passed over as have jobs running, however many wait.
    heads: BTreeSet<(Priority, u64, Option<Share>)>,
    ready_count: usize,
    unready: usize,
    waiting: usize,
    /// Number of the job with whose waiting the rest of the kind ends.
    rests_with: Option<u64>,
}

impl Lane {
    /// Moves a job from where it stands to another place: the only function that changes a count.
    pub(crate) fn shift(&mut self, id: &JobId, spot: &mut Spot, to: Place, wakes: &mut Wakes) {
        match spot.place {
            Place::Out => {}
            Place::Claiming => self.unready -= 1,
            Place::Ready => {
                self.edit_line(spot.share, |line| {
                    line.remove(&(spot.priority, spot.number));
                });
                self.ready_count -= 1;
            }
            Place::Running => {
                self.running -= 1;
                self.running_behind -= usize::from(spot.priority == Priority::Behind);
                self.count_share(spot.share, false);
            }
            Place::Waiting(at) => {
                self.waiting -= 1;
                if self.rests_with == Some(spot.number) {
                    self.rests_with = None;
                }
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
            Place::Ready => {
                self.edit_line(spot.share, |line| {
                    line.insert((spot.priority, spot.number), id.clone());
                });
                self.ready_count += 1;
            }
            Place::Running => {
                self.running += 1;
                self.running_behind += usize::from(spot.priority == Priority::Behind);
                self.count_share(spot.share, true);
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

    /// Changes the line of a share and keeps `heads` true.
    fn edit_line(&mut self, share: Option<Share>, edit: impl FnOnce(&mut Line)) {
        let line = self.ready.entry(share).or_default();
        if let Some(((priority, number), _)) = line.first_key_value() {
            self.heads.remove(&(*priority, *number, share));
        }
        edit(line);
        match line.first_key_value() {
            Some(((priority, number), _)) => drop(self.heads.insert((*priority, *number, share))),
            None => drop(self.ready.remove(&share)),
        }
    }

    fn count_share(&mut self, share: Option<Share>, starts: bool) {
        let Some(share) = share else { return };
        let running = self.running_of.entry(share).or_default();
        *running = if starts { *running + 1 } else { *running - 1 };
        if *running == 0 {
            self.running_of.remove(&share);
        }
    }

    /// The job that may start now, if any: the first in order whose share has room.
    pub(crate) fn next(&self) -> Option<JobId> {
        // A lone worker must take jobs that nobody waits for too, or they would never run.
        let behind_max = self.workers.saturating_sub(1).max(1);
        let free = self.workers.checked_sub(self.running).filter(|n| *n > 0)?;
        for (priority, number, share) in &self.heads {
            if *priority != Priority::Client && self.rests_with.is_some() {
                return None;
            }
            if *priority == Priority::Behind && self.running_behind >= behind_max {
                return None;
            }
            if self.has_room(*share, free) {
                return self.ready.get(share)?.get(&(*priority, *number)).cloned();
            }
        }
        None
    }

    /// Whether a share may take one of `free` workers. Its first job always may.
    fn has_room(&self, share: Option<Share>, free: usize) -> bool {
        let Some(running) = share.and_then(|share| self.running_of.get(&share)) else {
            return true;
        };
        *running < SHARE_OVER_FREE * (free - 1)
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

    /// Starts nothing more until that job has waited, but what a client waits for: too many wait for a better time.
    pub(crate) fn rest(&mut self, number: u64) {
        self.rests_with.get_or_insert(number);
    }

    pub(crate) fn queued(&self) -> usize {
        self.ready_count + self.unready
    }

    pub(crate) fn running(&self) -> usize {
        self.running
    }
}
