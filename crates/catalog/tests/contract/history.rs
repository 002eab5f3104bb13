//! Random acts against a model: what they answer, what each view holds, and what it held after every landing.
//!
//! `GRANARY_PROPTEST_CASES` raises the number of cases, for a long run; a hundredth of them, since each is some dozens of
//! commits.

use std::collections::{BTreeMap, BTreeSet};

use catalog::{Act, ActOutcome, Catalog, ModLanding, NewMod, Settled};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};
use tokio::runtime::Runtime;

use crate::gates::verdict_on;
use crate::rig::{Rig, module, new_mod};

/// Versions that a case is about.
const VERSIONS: usize = 3;

/// Views, of which acts name some.
const VIEWS: usize = 3;

#[derive(Clone, Debug)]
enum Ask {
    Capture {
        of: usize,
        view: usize,
        other_bytes: bool,
    },
    Settle {
        of: usize,
        views: Vec<usize>,
        admitted: Option<bool>,
    },
    Withdraw {
        of: usize,
        views: Vec<usize>,
        legal: bool,
    },
    Quarantine {
        of: usize,
        views: Vec<usize>,
    },
    Release {
        of: usize,
        views: Vec<usize>,
    },
}

fn ask() -> impl Strategy<Value = Ask> {
    let of = || 0..VERSIONS;
    let some = |least| vec(0..VIEWS, least..=VIEWS);
    prop_oneof![
        3 => (of(), 0..VIEWS, prop::bool::weighted(0.1))
            .prop_map(|(of, view, other_bytes)| Ask::Capture { of, view, other_bytes }),
        3 => (of(), some(0), any::<Option<bool>>())
            .prop_map(|(of, views, admitted)| Ask::Settle { of, views, admitted }),
        2 => (of(), some(1), any::<bool>())
            .prop_map(|(of, views, legal)| Ask::Withdraw { of, views, legal }),
        2 => (of(), some(1)).prop_map(|(of, views)| Ask::Quarantine { of, views }),
        3 => (of(), some(0)).prop_map(|(of, views)| Ask::Release { of, views }),
    ]
}

/// How a version stands in a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// It is not there, and nothing keeps it out.
    Absent,
    Member,
    /// 1: quarantine, 2: withdrawal, 3: for legal reasons.
    Out {
        force: u8,
        was_member: bool,
    },
}

/// What an ask must answer.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    NoVersion,
    Conflict,
    Withheld,
    Already,
    NothingToRelease,
    Judged,
    /// View and act of each new landing.
    Done(Vec<(usize, Act)>),
}

/// What views should hold, worked out from the rules alone.
#[derive(Default)]
struct Model {
    stored: BTreeSet<usize>,
    places: BTreeMap<(usize, usize), Place>,
    released: BTreeSet<(usize, usize)>,
    /// Landings before the last one of a version in a view.
    moved_after: BTreeMap<(usize, usize), usize>,
    /// Members of all views before the first landing and after each: version and view.
    held: Vec<BTreeSet<(usize, usize)>>,
}

impl Model {
    fn new() -> Self {
        Self {
            held: vec![BTreeSet::new()],
            ..Self::default()
        }
    }

    fn place(&self, of: usize, view: usize) -> Place {
        let place = self.places.get(&(of, view));
        place.copied().unwrap_or(Place::Absent)
    }

    fn force_anywhere(&self, of: usize) -> u8 {
        let forces = (0..VIEWS).map(|view| match self.place(of, view) {
            Place::Out { force, .. } => force,
            Place::Absent | Place::Member => 0,
        });
        forces.max().unwrap_or(0)
    }

    fn move_to(&mut self, of: usize, view: usize, place: Place) {
        self.places.insert((of, view), place);
        self.released.remove(&(of, view));
        self.moved_after.insert((of, view), self.held.len());
        let members = self
            .places
            .iter()
            .filter(|(_, place)| **place == Place::Member);
        self.held.push(members.map(|(key, _)| *key).collect());
    }

    fn ask(&mut self, ask: &Ask) -> Told {
        let of = match ask {
            Ask::Capture { of, .. }
            | Ask::Settle { of, .. }
            | Ask::Withdraw { of, .. }
            | Ask::Quarantine { of, .. }
            | Ask::Release { of, .. } => *of,
        };
        if let Ask::Capture {
            view, other_bytes, ..
        } = ask
        {
            // The first bytes are the right ones, whatever they are.
            if self.stored.contains(&of) && *other_bytes {
                return Told::Conflict;
            }
            if *other_bytes {
                return Told::NoVersion; // not asked: see `Case::ask`
            }
            self.stored.insert(of);
            return self.land(of, &[*view]);
        }
        if !self.stored.contains(&of) {
            return Told::NoVersion;
        }
        match ask {
            Ask::Settle { views, .. } if views.is_empty() => Told::Judged,
            Ask::Settle { views, .. } => self.land(of, views),
            Ask::Withdraw { views, legal, .. } => self.take_out(of, views, 2 + u8::from(*legal)),
            Ask::Quarantine { views, .. } => self.take_out(of, views, 1),
            Ask::Release { views, .. } => self.release(of, views),
            Ask::Capture { .. } => unreachable!("answered above"),
        }
    }

    fn land(&mut self, of: usize, views: &[usize]) -> Told {
        if self.force_anywhere(of) > 0 {
            return Told::Withheld;
        }
        let mut done = Vec::new();
        for view in views {
            if self.place(of, *view) == Place::Absent {
                self.move_to(of, *view, Place::Member);
                done.push((*view, Act::Land));
            }
        }
        if done.is_empty() {
            Told::Already
        } else {
            Told::Done(done)
        }
    }

    fn take_out(&mut self, of: usize, views: &[usize], by_force: u8) -> Told {
        let (before, mut done) = (self.force_anywhere(of), Vec::new());
        let act = if by_force == 1 {
            Act::Quarantine
        } else {
            Act::Withdraw
        };
        for view in views {
            let was_member = match self.place(of, *view) {
                Place::Member => true,
                Place::Out { force, was_member } if force < by_force => was_member,
                Place::Absent if Some(view) == views.last() && (by_force > 1 || before < 2) => {
                    false
                }
                Place::Out { .. } | Place::Absent => continue,
            };
            let force = by_force;
            self.move_to(of, *view, Place::Out { force, was_member });
            done.push((*view, act));
        }
        match done.is_empty() {
            false => Told::Done(done),
            true if by_force == 1 && before > 1 => Told::Withheld,
            true => Told::Already,
        }
    }

    fn release(&mut self, of: usize, views: &[usize]) -> Told {
        // Where none is named: in the order in which they were taken out.
        let mut all: Vec<usize> = (0..VIEWS).collect();
        all.sort_by_key(|view| self.moved_after.get(&(of, *view)));
        let named = if views.is_empty() { &all } else { views };
        let mut done = Vec::new();
        for view in named {
            let Place::Out { was_member, .. } = self.place(of, *view) else {
                continue;
            };
            let (place, act) = match was_member {
                true => (Place::Member, Act::Release),
                false => (Place::Absent, Act::Lift),
            };
            self.move_to(of, *view, place);
            self.released.insert((of, *view));
            done.push((*view, act));
        }
        if !done.is_empty() {
            return Told::Done(done);
        }
        let is_released = |view: &usize| self.released.contains(&(of, *view));
        if named.iter().any(is_released) {
            Told::Already
        } else {
            Told::NothingToRelease
        }
    }
}

/// Asks of one case, in views and about versions of their own: all cases share a catalog.
struct Case<'c> {
    catalog: &'c Catalog,
    number: usize,
    /// Number of the last landing before the case.
    base_seq: u64,
}

impl Case<'_> {
    fn name(&self, of: usize) -> String {
        format!("example.com/case{}/m{of}@v1.0.0", self.number)
    }

    fn view(&self, view: usize) -> String {
        format!("{view}-of-{}", self.number)
    }

    fn views(&self, views: &[usize]) -> Vec<String> {
        views.iter().map(|view| self.view(*view)).collect()
    }

    async fn ask(&self, ask: &Ask) -> Told {
        let before = self.catalog.last_seq().await.unwrap();
        let (catalog, by) = (self.catalog, "admin");
        let settled = match ask {
            Ask::Capture {
                of,
                view,
                other_bytes,
            } => {
                let name = self.name(*of);
                let is_stored = catalog.find_stored(&module(&name)).await.unwrap().is_some();
                if *other_bytes && !is_stored {
                    return Told::NoVersion;
                }
                let bytes = if *other_bytes { "y" } else { "x" };
                let view = self.view(*view);
                let landed = catalog
                    .land_mod(NewMod {
                        view,
                        ..new_mod(&name, bytes)
                    })
                    .await;
                match landed.unwrap() {
                    ModLanding::Conflict { .. } => Told::Conflict,
                    ModLanding::Withheld { .. } => Told::Withheld,
                    ModLanding::Landed { first: false, .. } => Told::Already,
                    ModLanding::Landed { first: true, .. } => Told::Done(Vec::new()),
                }
            }
            Ask::Settle {
                of,
                views,
                admitted,
            } => {
                let (name, views) = (self.name(*of), self.views(views));
                let verdict =
                    admitted.map(|admitted| verdict_on(&name, &self.view(0), admitted, "x"));
                match catalog
                    .settle(verdict, &views, &module(&name), by, "")
                    .await
                {
                    Ok(Settled::Judged) => Told::Judged,
                    Ok(Settled::Withheld { .. }) => Told::Withheld,
                    Ok(Settled::Landed { first: false, .. }) => Told::Already,
                    Ok(Settled::Landed { first: true, .. }) => Told::Done(Vec::new()),
                    Err(_) => Told::NoVersion,
                }
            }
            Ask::Withdraw { of, views, legal } => {
                let (of, views) = (module(&self.name(*of)), self.views(views));
                told(catalog.withdraw(&of, &views, *legal, by, "").await.ok())
            }
            Ask::Quarantine { of, views } => {
                let (of, views) = (module(&self.name(*of)), self.views(views));
                told(catalog.quarantine(&of, &views, by, "").await.ok())
            }
            Ask::Release { of, views } => {
                let (of, views) = (module(&self.name(*of)), self.views(views));
                told(catalog.release(&of, &views, by, "").await.ok())
            }
        };
        let made = catalog.landings_since(before, 100).await.unwrap();
        let made = made.iter().map(|landing| {
            let view = landing.view.split('-').next().unwrap();
            (view.parse().unwrap(), landing.act)
        });
        let made: Vec<(usize, Act)> = made.collect();
        match settled {
            Told::Done(_) => Told::Done(made),
            other => {
                assert_eq!(made, [], "{other:?}");
                other
            }
        }
    }

    /// What a view held after a landing of the case, by pages.
    async fn held(&self, view: usize, landing: usize) -> BTreeSet<(usize, usize)> {
        let (mut after, mut held) = (0, BTreeSet::new());
        loop {
            let seq = self.base_seq + landing as u64;
            let page = self
                .catalog
                .members_at(&self.view(view), seq, after, 2)
                .await
                .unwrap();
            let Some(last) = page.last() else { return held };
            assert!(last.seq > after && last.seq <= seq);
            after = last.seq;
            for member in page {
                let of = (0..VERSIONS).find(|of| module(&self.name(*of)) == member.module);
                assert!(held.insert((of.unwrap(), view)), "told twice: {member:?}");
            }
        }
    }

    async fn check_history(&self, model: &Model) {
        let landings = self
            .catalog
            .landings_since(self.base_seq, 1000)
            .await
            .unwrap();
        assert_eq!(landings.len() + 1, model.held.len());
        for (at, want) in model.held.iter().enumerate() {
            let mut held = BTreeSet::new();
            for view in 0..VIEWS {
                held.extend(self.held(view, at).await);
            }
            assert_eq!(held, *want, "after {at} landings");
        }
        let mut now = BTreeSet::new();
        for view in 0..VIEWS {
            for member in self
                .catalog
                .list_all(&self.view(view), 0, 100)
                .await
                .unwrap()
            {
                let of = (0..VERSIONS).find(|of| module(&self.name(*of)) == member.module);
                now.insert((of.unwrap(), view));
            }
        }
        assert_eq!(Some(&now), model.held.last());
    }
}

fn told(outcome: Option<ActOutcome>) -> Told {
    match outcome {
        Some(ActOutcome::Done { .. }) => Told::Done(Vec::new()),
        Some(ActOutcome::Already { .. }) => Told::Already,
        Some(ActOutcome::Withheld { .. }) => Told::Withheld,
        Some(ActOutcome::NothingToRelease) => Told::NothingToRelease,
        None => Told::NoVersion,
    }
}

fn check(runtime: &Runtime, catalog: &Catalog) {
    let asked = std::env::var("GRANARY_PROPTEST_CASES").ok();
    let asked: Option<u32> = asked.and_then(|cases| cases.parse().ok());
    let config = Config {
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::with_cases(asked.map_or(20, |cases| (cases / 100).max(20)))
    };
    let number = std::cell::Cell::new(0);
    let outcome = TestRunner::new(config).run(&vec(ask(), 1..25), |asks| {
        number.set(number.get() + 1);
        runtime.block_on(async {
            let case = Case {
                catalog,
                number: number.get(),
                base_seq: catalog.last_seq().await.unwrap(),
            };
            let mut model = Model::new();
            for ask in &asks {
                let (want, got) = (model.ask(ask), case.ask(ask).await);
                assert_eq!(got, want, "{ask:?}");
            }
            case.check_history(&model).await;
        });
        Ok(())
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, asks)) => panic!("{why}\n{asks:#?}"),
        Err(error) => panic!("{error}"),
    }
    let loose = runtime.block_on(catalog.list_loose_ends(10)).unwrap();
    assert_eq!(loose, [""; 0]);
}

mod each_view_at_each_moment_is_what_a_model_says {
    use super::{Rig, Runtime, check};

    #[test]
    fn sqlite() {
        let runtime = Runtime::new().unwrap();
        let rig = runtime.block_on(Rig::sqlite());
        check(&runtime, &rig.catalog);
        runtime.block_on(rig.catalog.close());
    }

    #[test]
    fn postgres() {
        let runtime = Runtime::new().unwrap();
        let Some(rig) = runtime.block_on(Rig::postgres()) else {
            return;
        };
        check(&runtime, &rig.catalog);
        runtime.block_on(rig.catalog.close());
    }
}

/// Moments are told by the clock of whoever landed, which may be set back.
pub async fn a_moment_is_the_last_landing_before_it(catalog: &Catalog) {
    let first = jiff::Timestamp::now();
    assert_eq!(catalog.seq_at(first).await.unwrap(), 0);
    for n in 1..=5_u64 {
        let of = format!("example.com/m{n}@v1.0.0");
        catalog.land_mod(new_mod(&of, "x")).await.unwrap();
    }
    let micro = jiff::SignedDuration::from_micros(1);
    assert_eq!(catalog.seq_at(first - micro).await.unwrap(), 0);
    let landings = catalog.landings_since(0, 10).await.unwrap();
    for landing in &landings {
        let at = landings.iter().filter(|other| other.at <= landing.at);
        assert_eq!(catalog.seq_at(landing.at).await.unwrap(), at.count() as u64);
    }
    assert_eq!(catalog.seq_at(jiff::Timestamp::MAX).await.unwrap(), 5);
    let held = catalog.members_at("prod", 3, 0, 100).await.unwrap();
    assert_eq!(held, landings[..3]);
    assert_eq!(
        catalog.members_at("prod", 3, 1, 1).await.unwrap(),
        landings[1..2]
    );
    assert_eq!(catalog.members_at("prod", 0, 0, 100).await.unwrap(), []);
    assert_eq!(
        catalog.members_at("prod", u64::MAX, 0, 100).await.unwrap(),
        landings
    );
}
