//! Who may take much memory, and when: trees of many names are opened a few at a time, large contents one by one.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use git::archive::ArchiveLimits;

/// Shares that are given out. One is 40 MiB or so, the whole 160 MiB: with everything else the process stays below 512.
const SHARES: u32 = 4;

/// What may be opened at what price, from the usual repository to the largest. A file costs some 300 bytes while its
/// tree is open, rules of attributes 40 times their length.
const CLASSES: [(u32, ArchiveLimits); 3] = [
    // So small that as many as there are workers fit.
    (0, limits(20_000, 2 << 20, 64 << 10)),
    (1, limits(100_000, 10 << 20, 512 << 10)),
    (SHARES, ArchiveLimits::MAX),
];

const fn limits(entries: u64, path_bytes: u64, attributes_bytes: u64) -> ArchiveLimits {
    ArchiveLimits {
        entries_max: entries,
        path_bytes_max: path_bytes,
        attributes_bytes_max: attributes_bytes,
        ..ArchiveLimits::MAX
    }
}

/// The memory for trees and contents, shared by all repositories.
#[derive(Debug)]
pub struct Load {
    line: Mutex<Line>,
    moved: Condvar,
    content: Mutex<()>,
}

/// First come, first served: else those who need all would wait for as long as those who need little keep coming.
#[derive(Debug)]
struct Line {
    free: u32,
    next: u64,
    served: u64,
}

/// Shares that are given back when this is dropped.
#[derive(Debug)]
pub struct Taken {
    load: Arc<Load>,
    shares: u32,
}

impl Load {
    /// Nothing taken yet.
    pub fn new() -> Self {
        Self {
            line: Mutex::new(Line {
                free: SHARES,
                next: 0,
                served: 0,
            }),
            moved: Condvar::new(),
            content: Mutex::default(),
        }
    }

    /// Runs `open` under limits that grow as long as it `is_too_large`, each time with the shares that these need.
    pub fn open<T, E>(
        self: &Arc<Self>,
        is_too_large: impl Fn(&E) -> bool,
        mut open: impl FnMut(&ArchiveLimits) -> Result<T, E>,
    ) -> Result<(T, Taken), E> {
        let [first, others @ ..] = &CLASSES;
        let mut class = first;
        let mut left = others.iter();
        loop {
            let taken = self.take(class.0);
            match (open(&class.1), left.next()) {
                (Ok(opened), _) => return Ok((opened, taken)),
                (Err(error), Some(next)) if is_too_large(&error) => class = next,
                (Err(error), _) => return Err(error),
            }
        }
    }

    /// Waits until nobody else holds a large content.
    pub fn content(&self) -> MutexGuard<'_, ()> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(self: &Arc<Self>, shares: u32) -> Taken {
        let taken = Taken {
            load: Arc::clone(self),
            shares,
        };
        if shares == 0 {
            return taken;
        }
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = line.next;
        line.next += 1;
        while line.served != mine || line.free < shares {
            line = self
                .moved
                .wait(line)
                .unwrap_or_else(PoisonError::into_inner);
        }
        line.served += 1;
        line.free -= shares;
        drop(line);
        self.moved.notify_all();
        taken
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if self.shares > 0 {
            let mut line = self
                .load
                .line
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            line.free += self.shares;
            drop(line);
            self.load.moved.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_grow_and_shares_come_back() {
        let load = Arc::new(Load::new());
        let open = |names: u64| {
            load.open(
                |_: &()| true,
                |limits| {
                    if names > limits.entries_max {
                        Err(())
                    } else {
                        Ok(())
                    }
                },
            )
        };
        let shares = |names| open(names).map(|(_, taken)| taken.shares);
        assert_eq!(shares(20_000), Ok(0));
        assert_eq!(shares(20_001), Ok(1));
        assert_eq!(shares(100_001), Ok(SHARES));
        assert_eq!(shares(ArchiveLimits::MAX.entries_max + 1), Err(()));
        assert_eq!(load.line.lock().unwrap().free, SHARES);
    }

    #[test]
    fn who_needs_all_waits_for_all_and_comes_before_those_behind() {
        let load = Arc::new(Load::new());
        let small = load.take(1);
        std::thread::scope(|scope| {
            let whole = scope.spawn(|| drop(load.take(SHARES)));
            while load.line.lock().unwrap().next < 2 {
                std::thread::yield_now();
            }
            let behind = scope.spawn(|| drop(load.take(1)));
            while load.line.lock().unwrap().next < 3 {
                std::thread::yield_now();
            }
            assert!(!whole.is_finished() && !behind.is_finished());
            drop(small);
        });
        assert_eq!(load.line.lock().unwrap().free, SHARES);
    }
}
