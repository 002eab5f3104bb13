//! What a sync that failed has lost, followed through a run and the run after it.
//!
//! The kernel tells a failed sync once, gives up the pages and calls the next sync a success. So bytes that a failed sync
//! covered count as lost until they are written again (or the file is gone), and names in a folder until that folder has
//! changed again; nothing may rest on them before.
//!
//! A write-ahead log is special: what follows the end of its last commit is no part of it. That holds for the process whose
//! commit failed; the next one reads the log, finds the bytes in memory and takes them for a commit.

use std::collections::{BTreeMap, BTreeSet};

use super::calls::Call;

type Ranges = BTreeSet<(u64, u64)>;

#[derive(Default)]
struct Ledger {
    /// Written since the last sync, by file.
    dirty: BTreeMap<String, Ranges>,
    /// Covered by a sync that failed, and not written again.
    lost: BTreeMap<String, Ranges>,
    /// Where the last sync of each log ended that this process was told well of.
    ends: BTreeMap<String, u64>,
    /// Folders that have changed since their last sync.
    dirty_folders: BTreeSet<String>,
    lost_folders: BTreeSet<String>,
    /// Lost folders that were synced all the same, with that call. SQLite does so by itself and ignores what it is told;
    /// it is well if a change and a sync of ours follow.
    resynced: BTreeMap<String, String>,
}

/// Follows all calls, of one process after the other; names every one that calls something durable that is not. Where
/// the spoiled call was the last of its process, `was_killed`, a sync did not fail: it was never made.
pub fn check(calls: &[Call], was_killed: bool) -> Vec<String> {
    let mut ledger = Ledger::default();
    let mut last = 0;
    let followed = calls.iter().filter_map(|call| {
        if call.number <= last {
            ledger.ends.clear();
        }
        last = call.number;
        if call.is_spoiled && was_killed {
            return None;
        }
        let trouble = ledger.follow(call)?;
        Some(format!("{call}: {trouble}"))
    });
    let mut troubles: Vec<String> = followed.collect();
    let resynced = ledger.resynced.into_values();
    troubles.extend(resynced.map(|call| {
        format!("{call}: a folder is synced again, and never changed after its sync failed")
    }));
    troubles
}

impl Ledger {
    fn follow(&mut self, call: &Call) -> Option<&'static str> {
        let path = &call.path;
        match call.name.as_str() {
            "fsync" | "fdatasync" => return self.sync(call),
            _ if call.is_spoiled => {} // it changed nothing
            "write" | "writev" | "pwrite64" | "copy_file_range" => {
                let range = (call.from, call.from + call.bytes);
                self.dirty.entry(path.clone()).or_default().insert(range);
                if let Some(lost) = self.lost.get_mut(path) {
                    *lost = without(lost, range);
                }
            }
            "ftruncate" => {
                if let Some(lost) = self.lost.get_mut(path) {
                    *lost = without(lost, (call.from, u64::MAX));
                }
            }
            "link"
                if self
                    .lost
                    .get(&call.second)
                    .is_some_and(|lost| !lost.is_empty()) =>
            {
                return Some("a file whose sync failed is given its name");
            }
            "openat" | "link" | "unlink" | "mkdir" | "rename" | "bind" => {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                self.dirty_folders.insert(folder.to_owned());
                self.lost_folders.remove(folder);
                self.resynced.remove(folder);
                if call.name == "unlink" {
                    self.dirty.remove(path);
                    self.lost.remove(path);
                }
            }
            _ => {}
        }
        None
    }

    fn sync(&mut self, call: &Call) -> Option<&'static str> {
        let path = &call.path;
        let dirty = self.dirty.remove(path).unwrap_or_default();
        let was_dirty_folder = self.dirty_folders.remove(path);
        if call.is_spoiled {
            self.lost.entry(path.clone()).or_default().extend(dirty);
            if was_dirty_folder {
                self.lost_folders.insert(path.clone());
            }
            return None;
        }
        if self.lost_folders.contains(path) {
            self.resynced.insert(path.clone(), call.to_string());
            return None;
        }
        let end = dirty.iter().map(|(_, to)| *to).max();
        let end = end.or_else(|| self.ends.get(path).copied());
        if let Some(end) = end {
            self.ends.insert(path.clone(), end);
        }
        let lost = self.lost.get(path).filter(|lost| !lost.is_empty())?;
        let end = end.unwrap_or(u64::MAX);
        let is_beyond = lost.iter().all(|(from, _)| *from >= end);
        if path.ends_with("-wal") && is_beyond {
            return None;
        }
        Some("bytes whose sync failed are called durable without having been written again")
    }
}

/// The ranges with one cut out.
fn without(ranges: &Ranges, (from, to): (u64, u64)) -> Ranges {
    let left = ranges
        .iter()
        .flat_map(|(a, b)| [(*a, (*b).min(from)), ((*a).max(to), *b)]);
    left.filter(|(a, b)| a < b).collect()
}

#[cfg(test)]
fn call(text: &str) -> Call {
    let words: Vec<&str> = text.split(' ').collect();
    let number = |at: usize| words.get(at).and_then(|w| w.parse().ok()).unwrap_or(0);
    Call {
        number: 1,
        name: words[0].trim_start_matches('!').to_owned(),
        path: words[1].to_owned(),
        from: number(2),
        bytes: number(3),
        is_spoiled: words[0].starts_with('!'),
        second: words.get(4).map_or(String::new(), ToString::to_string),
    }
}

#[track_caller]
fn check_ledger(calls: &[&str], troubles: usize) {
    let mut number = 0;
    let mut made = Vec::new();
    for text in calls {
        // Another process counts from 1 again.
        number = if *text == "next" { 0 } else { number + 1 };
        if number > 0 {
            made.push(Call {
                number,
                ..call(text)
            });
        }
    }
    let calls = made;
    let found = check(&calls, false);
    assert_eq!(found.len(), troubles, "{found:?}");
}

#[test]
fn what_a_failed_sync_covered_must_be_written_again() {
    check_ledger(&["write a 0 10", "fsync a", "fsync a"], 0);
    check_ledger(&["write a 0 10", "!fsync a", "fsync a"], 1);
    check_ledger(&["write a 0 10", "!fsync a", "write a 0 10", "fsync a"], 0);
    check_ledger(&["write a 0 10", "!fsync a", "write a 5 10", "fsync a"], 1);
    check_ledger(
        &[
            "write a 0 10",
            "!fsync a",
            "unlink a",
            "write a 0 1",
            "fsync a",
        ],
        0,
    );
    // A log: the same offset again is well, going on behind the lost part is not.
    check_ledger(
        &[
            "write a-wal 0 10",
            "!fsync a-wal",
            "write a-wal 0 5",
            "fsync a-wal",
        ],
        0,
    );
    check_ledger(
        &[
            "write a-wal 0 10",
            "!fsync a-wal",
            "write a-wal 10 5",
            "fsync a-wal",
        ],
        1,
    );
    // Synced again when it is closed, behind its last commit: by the same process, then by the next.
    let failed = [
        "write a-wal 0 5",
        "fsync a-wal",
        "write a-wal 5 9",
        "!fsync a-wal",
    ];
    let closed: Vec<&str> = failed.into_iter().chain(["fsync a-wal"]).collect();
    check_ledger(&closed, 0);
    let next: Vec<&str> = failed.into_iter().chain(["next", "fsync a-wal"]).collect();
    check_ledger(&next, 1);
    let next = ["next", "write a-wal 0 14", "fsync a-wal"];
    let next: Vec<&str> = failed.into_iter().chain(next).collect();
    check_ledger(&next, 0);
    check_ledger(&["write in/s 0 9", "!fsync in/s", "link b/x 0 0 in/s"], 1);
    check_ledger(&["link b/x 0 0 in/s", "!fsync b", "fsync b"], 1);
    check_ledger(
        &["link b/x 0 0 in/s", "!fsync b", "unlink b/n", "fsync b"],
        0,
    );
    check_ledger(
        &[
            "link b/x 0 0 in/s",
            "!fsync b",
            "fsync b",
            "unlink b/n",
            "fsync b",
        ],
        0,
    );
}

#[test]
fn a_sync_before_which_the_process_was_killed_has_not_failed() {
    let calls = ["write a 0 10", "!fsync a", "fsync a"].map(call);
    assert_eq!(check(&calls, true).len(), 0);
    assert_eq!(check(&calls, false).len(), 1);
}
