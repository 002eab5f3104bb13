//! The walk over the list of upstreams: who is asked next, and whose "no" is the answer.
//!
//! Pure: it is told what each entry said. Source: cmd/go, `modfetch`, `TryProxies`.

use std::sync::atomic::{AtomicBool, Ordering};

use super::error::{UpstreamClass, UpstreamError};
use super::list::{Entry, Next, UpstreamList};

/// An entry of the list, for the life of the process.
#[derive(Debug)]
pub(super) struct Stop {
    pub(super) entry: Entry,
    next: Next,
    is_dropped: AtomicBool,
}

/// Where one walk stands.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    stops: std::slice::Iter<'a, Stop>,
    best: Option<UpstreamError>,
    end: End,
    reached_direct: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    Exhausted,
    Off,
    Stopped,
}

impl Stop {
    pub(super) fn new(entry: Entry, next: Next) -> Self {
        Self {
            entry,
            next,
            is_dropped: AtomicBool::new(false),
        }
    }

    pub(super) fn list(list: &UpstreamList) -> Vec<Self> {
        let entries = list.entries().iter();
        entries
            .map(|(entry, next)| Self::new(entry.clone(), *next))
            .collect()
    }

    /// Takes the entry out of every further walk. Gives whether this call was the one that did it.
    pub(super) fn drop_for_good(&self) -> bool {
        !self.is_dropped.swap(true, Ordering::Relaxed)
    }

    pub(super) fn is_dropped(&self) -> bool {
        self.is_dropped.load(Ordering::Relaxed)
    }

    /// Whether it is an upstream that can be asked.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.entry, Entry::Remote(_) | Entry::Tree(_)) && !self.is_dropped()
    }
}

impl<'a> Walk<'a> {
    pub(super) fn over(stops: &'a [Stop]) -> Self {
        Self {
            stops: stops.iter(),
            best: None,
            end: End::Exhausted,
            reached_direct: false,
        }
    }

    /// The next entry to ask: a proxy, a folder or version control.
    pub(super) fn next(&mut self) -> Option<&'a Stop> {
        while self.end == End::Exhausted {
            let stop = self.stops.next()?;
            match stop.entry {
                Entry::Direct => {
                    self.reached_direct = true;
                    return Some(stop);
                }
                Entry::Off => self.end = End::Off,
                _ if stop.is_dropped() => {}
                _ => return Some(stop),
            }
        }
        None
    }

    /// Hears why an entry gave nothing.
    ///
    /// The most helpful error is kept: anything but an absence beats an absence, and of two alike the later one
    /// stays. A full disk here is nobody else's fault, so nobody else is asked.
    pub(super) fn failed(&mut self, stop: &Stop, error: UpstreamError) {
        if stop.is_dropped() {
            return;
        }
        let is_absence = error.class.is_absence();
        if error.class == UpstreamClass::Storage || (stop.next == Next::AfterAbsence && !is_absence)
        {
            self.end = End::Stopped;
        }
        if !is_absence
            || self
                .best
                .as_ref()
                .is_none_or(|best| best.class.is_absence())
        {
            self.best = Some(error);
        }
    }

    /// Whether the walk came to `direct`.
    pub(super) fn reached_direct(&self) -> bool {
        self.reached_direct
    }

    /// Whether an entry failed with anything but an absence.
    pub(super) fn has_trouble(&self) -> bool {
        self.best
            .as_ref()
            .is_some_and(|best| !best.class.is_absence())
    }

    /// The answer after all: `asked` says what was wanted.
    pub(super) fn end(self, asked: &str) -> UpstreamError {
        if let Some(best) = self.best {
            return best;
        }
        match self.end {
            End::Off => UpstreamError::new(
                UpstreamClass::Forbidden,
                &format!(
                    "{asked}: not stored here, and the list of upstreams says off: nothing new is fetched"
                ),
                Some("off"),
            ),
            End::Exhausted | End::Stopped => UpstreamError::new(
                UpstreamClass::Loop,
                &format!(
                    "{asked}: every upstream leads back to this server; set another one (setting upstream)"
                ),
                None,
            ),
        }
    }
}

/// The answer of a list that may not ask version control, such as that of an import.
pub(super) fn no_direct(asked: &str) -> UpstreamError {
    UpstreamError::new(
        UpstreamClass::Absent,
        &format!("{asked}: version control is not asked here"),
        Some("direct"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Walks `list` where entries answer in turn with the classes of `says`; gives who was asked and how it ended.
    fn walk(list: &str, says: &[UpstreamClass]) -> (usize, UpstreamError) {
        let stops = Stop::list(&list.parse().unwrap());
        let mut walk = Walk::over(&stops);
        let mut asked = 0;
        while let Some(stop) = walk.next() {
            let error = UpstreamError::new(
                says[asked],
                &format!("answer {asked}"),
                Some(stop.entry.shown()),
            );
            asked += 1;
            walk.failed(stop, error);
        }
        (asked, walk.end("m"))
    }

    use UpstreamClass::{Absent, Forbidden, Gone, Invalid, Legal, Storage, TooSlow, Unreachable};

    #[track_caller]
    fn check_walk(
        list: &str,
        says: &[UpstreamClass],
        asked: usize,
        class: UpstreamClass,
        text: &str,
    ) {
        let (found, error) = walk(list, says);
        assert_eq!((found, error.class), (asked, class), "{list}");
        assert!(error.text.contains(text), "{list}: {}", error.text);
    }

    #[test]
    fn a_comma_goes_on_after_absence_only() {
        for absence in [Absent, Gone] {
            check_walk(
                "a.test,b.test",
                &[absence, Unreachable],
                2,
                Unreachable,
                "answer 1",
            );
        }
        for other in [Forbidden, Legal, Unreachable, TooSlow, Invalid] {
            check_walk("a.test,b.test", &[other], 1, other, "answer 0");
        }
    }

    #[test]
    fn a_bar_goes_on_after_anything() {
        for any in [
            Absent,
            Gone,
            Forbidden,
            Legal,
            Unreachable,
            TooSlow,
            Invalid,
        ] {
            let want = if any.is_absence() {
                (Absent, "answer 1")
            } else {
                (any, "answer 0")
            };
            check_walk("a.test|b.test", &[any, Absent], 2, want.0, want.1);
        }
    }

    #[test]
    fn the_most_helpful_error_is_reported() {
        check_walk("a.test,b.test", &[Absent, Gone], 2, Gone, "answer 1");
        check_walk(
            "a.test|b.test",
            &[Unreachable, TooSlow],
            2,
            TooSlow,
            "answer 1",
        );
        check_walk(
            "a.test|b.test|c.test",
            &[Absent, Forbidden, Gone],
            3,
            Forbidden,
            "answer 1",
        );
    }

    #[test]
    fn direct_is_an_entry_like_any_other() {
        check_walk("direct", &[Invalid], 1, Invalid, "answer 0");
        check_walk("a.test,direct", &[Gone, Absent], 2, Absent, "answer 1");
        check_walk("a.test,direct", &[Unreachable], 1, Unreachable, "answer 0");
        check_walk(
            "a.test|direct",
            &[Unreachable, Absent],
            2,
            Unreachable,
            "answer 0",
        );
    }

    #[test]
    fn off_refuses_unless_someone_said_absent() {
        check_walk("off", &[], 0, Forbidden, "off");
        check_walk("a.test,off", &[Absent], 1, Absent, "answer 0");
        check_walk("a.test|off", &[Unreachable], 1, Unreachable, "answer 0");
    }

    #[test]
    fn our_own_full_disk_ends_the_walk() {
        check_walk("a.test|b.test", &[Storage], 1, Storage, "answer 0");
    }

    #[test]
    fn dropped_entries_are_passed_over() {
        let stops = Stop::list(&"a.test,b.test".parse().unwrap());
        assert!(stops[0].drop_for_good() && !stops[0].drop_for_good());
        let mut walk = Walk::over(&stops);
        assert_eq!(walk.next().unwrap().entry.shown(), "https://b.test");
        stops[1].drop_for_good();
        walk.failed(
            &stops[1],
            UpstreamError::new(UpstreamClass::Loop, "loop", None),
        );
        assert!(walk.next().is_none());
        assert_eq!(walk.end("m").class, UpstreamClass::Loop);
    }
}
