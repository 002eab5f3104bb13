//! Names the deltas of a pack: walks down from every whole object through the deltas made from it.
//!
//! Memory stays within a budget whatever the deltas claim, and so does the work; see [`super::walk`].

use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use super::entries::{Entries, Names};
use super::limits::{PackError, PackLimits};
use super::task::{MayGoOn, Task};
use super::walk::{Walk, WalkError};

/// Below so many deltas a second thread costs more than it saves.
const DELTAS_FOR_THREADS: usize = 2_000;

/// Threads that resolve a large pack. More would take the processor from the requests that are served meanwhile.
const THREADS: usize = 2;

/// Entries that a thread looks through at a time.
const ENTRIES_AT_ONCE: usize = 256;

/// Packs of the process whose deltas are resolved at once, each with all of the memory that its limits give it: the others
/// wait.
const AT_ONCE: usize = 2;

static RESOLVING: Mutex<usize> = Mutex::new(0);
static RESOLVED: Condvar = Condvar::new();

/// One of the [`AT_ONCE`].
struct Place;

impl Place {
    fn take() -> Self {
        let mut resolving = RESOLVING.lock().unwrap_or_else(PoisonError::into_inner);
        while *resolving >= AT_ONCE {
            let woken = RESOLVED.wait(resolving);
            resolving = woken.unwrap_or_else(PoisonError::into_inner);
        }
        *resolving += 1;
        Self
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *RESOLVING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        RESOLVED.notify_one();
    }
}

/// Names all deltas. `memory_bytes` is what objects may take.
pub(super) fn resolve(
    file: &File,
    entries: &Entries,
    names: Names,
    limits: &PackLimits,
    memory_bytes: u64,
    may_go_on: &MayGoOn<'_>,
) -> Result<Names, PackError> {
    let deltas = entries.list.iter().filter(|entry| entry.is_delta).count();
    let task = Task::new(file, entries, names, limits, may_go_on);
    if deltas > 0 {
        let _place = Place::take();
        let threads = if deltas < DELTAS_FOR_THREADS {
            1
        } else {
            THREADS
        };
        let too_large = resolve_in_shares(&task, threads, memory_bytes / threads as u64)?;
        resolve_alone(&task, &too_large, memory_bytes)?;
    }
    let names = task.into_names();
    match names.count_unresolved() {
        0 => Ok(names),
        objects => Err(PackError::Unresolved { objects }),
    }
}

/// Resolves on several threads, each with its share of the memory. Returns the whole objects below which a share was not
/// enough.
fn resolve_in_shares(
    task: &Task<'_>,
    threads: usize,
    budget_bytes: u64,
) -> Result<Vec<u32>, PackError> {
    let pool = Pool {
        next: AtomicUsize::new(0),
        stopped: AtomicBool::new(false),
        too_large: Mutex::new(Vec::new()),
    };
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        // Where the system has no thread to give, one does it all.
        let others: Vec<_> = (1..threads)
            .filter_map(|_| {
                let thread = std::thread::Builder::new().name("git-pack".to_owned());
                thread
                    .spawn_scoped(scope, || pool.work(task, budget_bytes))
                    .ok()
            })
            .collect();
        let mine = pool.work(task, budget_bytes);
        let others = others.into_iter().map(|thread| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        std::iter::once(mine).chain(others).collect()
    });
    outcomes.into_iter().collect::<Result<(), _>>()?;
    Ok(pool
        .too_large
        .into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner()))
}

/// Resolves what needs all of the memory, one after the other.
fn resolve_alone(task: &Task<'_>, roots: &[u32], budget_bytes: u64) -> Result<(), PackError> {
    let mut walk = Walk::new(task, budget_bytes);
    for &root in roots {
        walk.resolve_below(root).map_err(|error| match error {
            WalkError::Pack(error) => error,
            WalkError::OverBudget => PackError::Limit {
                what: "bytes of memory",
                max: task.limits.memory_bytes_max,
            },
        })?;
    }
    walk.flush();
    Ok(())
}

/// What is left to do, and for whom.
struct Pool {
    next: AtomicUsize,
    stopped: AtomicBool,
    too_large: Mutex<Vec<u32>>,
}

impl Pool {
    /// Walks down from whole objects until none is left.
    fn work(&self, task: &Task<'_>, budget_bytes: u64) -> Result<(), PackError> {
        let mut walk = Walk::new(task, budget_bytes);
        let entries = task.entries.list.len();
        loop {
            let start = self.next.fetch_add(ENTRIES_AT_ONCE, Ordering::Relaxed);
            if start >= entries {
                walk.flush();
                return Ok(());
            }
            for root in start..entries.min(start + ENTRIES_AT_ONCE) {
                if self.stopped.load(Ordering::Relaxed) {
                    return Ok(());
                }
                match walk.resolve_below(root as u32) {
                    Ok(()) => {}
                    Err(WalkError::OverBudget) => self.note_too_large(root as u32),
                    Err(WalkError::Pack(error)) => {
                        self.stopped.store(true, Ordering::Relaxed);
                        return Err(error);
                    }
                }
            }
        }
    }

    fn note_too_large(&self, root: u32) {
        let mut roots = self
            .too_large
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        roots.push(root);
    }
}
