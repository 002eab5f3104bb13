//! How much one host is asked at once, and when it is left alone.
//!
//! A host that answers 429 with `Retry-After` is not asked again before that time: calls fail at once, so no
//! client waits for an answer that is known. Knows nothing of URLs or HTTP.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::guard::Site;

/// Longest time that a host's own `Retry-After` closes it: a mistaken "next year" must not cut us off for ever.
const CLOSED_MAX: Duration = Duration::from_secs(300);

/// Hosts remembered at once. Entries that nobody uses are forgotten first; redirects could otherwise fill memory.
const HOSTS_MAX: usize = 1024;

/// How many times as many places as are left free after it a share may hold. One upstream answers for the modules of many
/// hosts; those that it cannot get from a host that hangs must not take the places of all others. (The workers of captures
/// are shared out by the same rule.)
const SHARE_OVER_FREE: usize = 3;

/// Why a host was not asked now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// The host asked to be left alone for this long.
    Closed(Duration),
    /// All places for this host were taken until the caller's deadline.
    Full,
}

/// One budget for each host.
#[derive(Debug)]
pub struct Budgets {
    places_per_host: usize,
    hosts: Mutex<HashMap<Site, Arc<HostBudget>>>,
}

/// What one host is asked at once.
#[derive(Debug)]
pub struct HostBudget {
    places: Mutex<Places>,
    closed_until: Mutex<Option<Instant>>,
}

/// The places at a host, and who waits for one.
#[derive(Debug)]
struct Places {
    free: usize,
    taken_of: HashMap<Box<str>, usize>,
    line: VecDeque<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    share: Option<Box<str>>,
    tell: oneshot::Sender<Place>,
}

/// A place at a host; given back when dropped.
#[derive(Debug)]
pub struct Place {
    budget: Arc<HostBudget>,
    share: Option<Box<str>>,
}

impl Budgets {
    /// Budgets of `places_per_host` calls at once (at least one).
    pub fn new(places_per_host: usize) -> Self {
        Self {
            places_per_host: places_per_host.max(1),
            hosts: Mutex::default(),
        }
    }

    /// The budget of a host.
    pub fn of(&self, site: &Site) -> Arc<HostBudget> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(budget) = hosts.get(site) {
            return Arc::clone(budget);
        }
        if hosts.len() >= HOSTS_MAX {
            hosts
                .retain(|_, budget| Arc::strong_count(budget) > 1 || budget.closed_for().is_some());
        }
        let budget = Arc::new(HostBudget {
            places: Mutex::new(Places {
                free: self.places_per_host,
                taken_of: HashMap::new(),
                line: VecDeque::new(),
            }),
            closed_until: Mutex::new(None),
        });
        if hosts.len() < HOSTS_MAX {
            hosts.insert(site.clone(), Arc::clone(&budget));
        }
        budget
    }
}

impl HostBudget {
    /// Takes a place, waiting for one until `deadline`. Calls with one `share` never take all places.
    ///
    /// # Errors
    /// [`Denied`]; a closed host denies at once.
    pub async fn enter(
        self: &Arc<Self>,
        share: Option<&str>,
        deadline: Instant,
    ) -> Result<Place, Denied> {
        self.check_open()?;
        let told = {
            let mut places = self.places();
            if places.take(share) {
                return Ok(self.place(share.map(Box::from)));
            }
            let (tell, told) = oneshot::channel();
            let share = share.map(Box::from);
            places.line.push_back(Waiter { share, tell });
            told
        };
        match tokio::time::timeout_at(deadline, told).await {
            Ok(Ok(place)) => {
                // The host may have closed itself while we stood in line.
                self.check_open()?;
                Ok(place)
            }
            Ok(Err(_)) | Err(_) => Err(Denied::Full),
        }
    }

    fn place(self: &Arc<Self>, share: Option<Box<str>>) -> Place {
        Place {
            budget: Arc::clone(self),
            share,
        }
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves the host alone for `wait`, at most five minutes. A later end wins over an earlier one.
    pub fn close_for(&self, wait: Duration) {
        let until = Instant::now() + wait.min(CLOSED_MAX);
        let mut closed = self
            .closed_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *closed = Some(closed.map_or(until, |already| already.max(until)));
    }

    fn check_open(&self) -> Result<(), Denied> {
        self.closed_for()
            .map_or(Ok(()), |wait| Err(Denied::Closed(wait)))
    }

    fn closed_for(&self) -> Option<Duration> {
        let closed = *self
            .closed_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let left = closed?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }
}

impl Places {
    /// Takes a place for a share, if one is free for it. The first of a share always is, while there is one.
    fn take(&mut self, share: Option<&str>) -> bool {
        if self.free == 0 {
            return false;
        }
        if let Some(share) = share {
            let taken = self.taken_of.get(share).copied().unwrap_or(0);
            if taken > 0 && taken >= SHARE_OVER_FREE * (self.free - 1) {
                return false;
            }
            self.taken_of.insert(share.into(), taken + 1);
        }
        self.free -= 1;
        true
    }

    /// Gives a place back; gives those of the line whose turn it is, each with its place taken.
    fn give_back(&mut self, share: Option<&str>) -> Vec<Waiter> {
        self.free += 1;
        if let Some(share) = share
            && let Some(taken) = self.taken_of.get_mut(share)
        {
            *taken -= 1;
            if *taken == 0 {
                self.taken_of.remove(share);
            }
        }
        self.line.retain(|waiter| !waiter.tell.is_closed());
        let mut called = Vec::new();
        let mut at = 0;
        while self.free > 0 && at < self.line.len() {
            if self.take(self.line[at].share.clone().as_deref()) {
                called.extend(self.line.remove(at));
            } else {
                at += 1;
            }
        }
        called
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let called = self.budget.places().give_back(self.share.as_deref());
        for Waiter { share, tell } in called {
            // One who has left in this moment gives it back by dropping it.
            let _ = tell.send(self.budget.place(share));
        }
    }
}

/// Reads `Retry-After`: seconds or an HTTP date, the latter counted from `now`. A time already past is zero.
pub fn parse_retry_after(text: &str, now: jiff::Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text)
        .ok()?;
    Some(Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        Site::of(&url::Url::parse("http://example.com/").unwrap()).unwrap()
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now: jiff::Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        for (text, want) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(37)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("-1", None),
            ("soon", None),
            ("", None),
            ("1.5", None),
        ] {
            assert_eq!(
                parse_retry_after(text, now).map(|wait| wait.as_secs()),
                want,
                "{text}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_host_denies_at_once_and_opens_again() {
        let budget = Budgets::new(2).of(&site());
        budget.close_for(Duration::from_secs(5));
        budget.close_for(Duration::from_secs(1));
        let later = Instant::now() + Duration::from_secs(60);
        assert!(
            matches!(budget.enter(None, later).await, Err(Denied::Closed(wait)) if wait.as_secs() == 5)
        );
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(budget.enter(None, later).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_year_of_retry_after_is_five_minutes() {
        let budget = Budgets::new(1).of(&site());
        budget.close_for(Duration::from_secs(365 * 86_400));
        assert_eq!(budget.closed_for(), Some(CLOSED_MAX));
    }

    #[tokio::test(start_paused = true)]
    async fn places_are_counted_and_given_back() {
        let budgets = Budgets::new(2);
        let soon = || Instant::now() + Duration::from_secs(1);
        let first = budgets.of(&site()).enter(None, soon()).await.unwrap();
        let _second = budgets.of(&site()).enter(None, soon()).await.unwrap();
        assert_eq!(
            budgets.of(&site()).enter(None, soon()).await.unwrap_err(),
            Denied::Full
        );
        drop(first);
        assert!(budgets.of(&site()).enter(None, soon()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn one_share_never_takes_all_places() {
        let budget = Budgets::new(8).of(&site());
        let soon = || Instant::now() + Duration::from_secs(1);
        let mut slow = Vec::new();
        while let Ok(place) = budget.enter(Some("slow"), soon()).await {
            slow.push(place);
        }
        assert_eq!(slow.len(), 6);
        let other = budget.enter(Some("other"), soon()).await.unwrap();
        let third = budget.enter(Some("third"), soon()).await.unwrap();
        // All are taken now. Of those in line the one whose share has room goes first, wherever it stands.
        let late = Instant::now() + Duration::from_secs(60);
        let one = |share: &'static str| {
            let budget = Arc::clone(&budget);
            tokio::spawn(async move { budget.enter(Some(share), late).await })
        };
        let (seventh, fourth) = (one("slow"), one("fourth"));
        tokio::task::yield_now().await;
        slow.pop();
        assert!(fourth.await.unwrap().is_ok());
        assert!(!seventh.is_finished());
        drop((slow, other, third));
        assert!(seventh.await.unwrap().is_ok());
        assert_eq!(budget.places().free, 8);
    }

    #[test]
    fn hosts_are_bounded() {
        let budgets = Budgets::new(1);
        for n in 0..(HOSTS_MAX * 3) {
            let url = url::Url::parse(&format!("http://host{n}.test/")).unwrap();
            budgets.of(&Site::of(&url).unwrap());
        }
        assert!(budgets.hosts.lock().unwrap().len() <= HOSTS_MAX);
    }
}
