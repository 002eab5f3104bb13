//! What is known from outside of every version, and what that allows the next answer to be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use gomod::version::Version;

use crate::gates::MODULE;
use crate::gates::withdrawals::WITHIN;
use crate::rig::granary::Granary;
use crate::rig::module::Made;
use crate::rig::raw::Answer;
use crate::rig::wait_until;

/// How a version is kept out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    Withdrawn,
    Quarantined,
}

/// What an answer says, by its status and its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Served,
    Refused,
    Pending,
    /// Never captured, and nobody will.
    Absent,
    Out(Force),
}

#[derive(Debug)]
struct One {
    made: Made,
    /// The policy refuses it, and no waiver lets it in.
    is_bad: bool,
    retracts: Option<String>,
    was_served: bool,
    was_refused: bool,
    force: Option<Force>,
}

/// Everything that a run has learned.
pub struct Seen {
    refusal: String,
    on_miss: String,
    all: BTreeMap<String, One>,
    answers: usize,
    refusals: usize,
    acts: usize,
    upgrades: usize,
    /// Upgrades that met a version which nobody had judged.
    stopped: usize,
}

impl Seen {
    pub fn new(refusal: &str, on_miss: &str) -> Self {
        Self {
            refusal: refusal.to_owned(),
            on_miss: on_miss.to_owned(),
            all: BTreeMap::new(),
            answers: 0,
            refusals: 0,
            acts: 0,
            upgrades: 0,
            stopped: 0,
        }
    }

    pub fn add(&mut self, made: Made, is_bad: bool, retracts: Option<String>) {
        let one = One {
            made,
            is_bad,
            retracts,
            was_served: false,
            was_refused: false,
            force: None,
        };
        self.all.insert(one.made.of.version().to_string(), one);
    }

    pub fn requests(&self) -> bool {
        self.on_miss == "request"
    }

    /// Whether prod's list and `@latest` are of its members alone.
    pub fn shows_members_alone(&self) -> bool {
        self.refusal == "gatekeeper" || self.on_miss != "capture"
    }

    pub fn names(&self) -> Vec<String> {
        self.all.keys().cloned().collect()
    }

    fn names_of(&self, which: impl Fn(&One) -> bool) -> Vec<String> {
        let found = self.all.iter().filter(|(_, one)| which(one));
        found.map(|(name, _)| name.clone()).collect()
    }

    /// What prod holds and must serve.
    pub fn held(&self) -> Vec<String> {
        self.names_of(|one| one.was_served && one.force.is_none())
    }

    pub fn refused(&self) -> Vec<String> {
        self.names_of(|one| one.was_refused && one.force.is_none())
    }

    /// What will be refused, and has not been yet as far as anyone knows.
    pub fn unjudged(&self) -> Vec<String> {
        self.names_of(|one| one.is_bad && !one.was_refused)
    }

    pub fn force(&self, version: &str) -> Option<Force> {
        self.all[version].force
    }

    pub fn path(&self, version: &str, extension: &str) -> String {
        self.all[version].made.file(extension)
    }

    pub fn counts(&self) -> String {
        format!(
            "{} versions, {} answers, {} versions refused, {} acts, {} upgrades by go, {} stopped by what nobody had judged",
            self.all.len(),
            self.answers,
            self.refusals,
            self.acts,
            self.upgrades,
            self.stopped
        )
    }

    /// Asks for a zip and holds the answer to what was learned before.
    #[track_caller]
    pub fn ask(&mut self, granary: &Granary, version: &str) -> Told {
        let answer = granary.get(&self.path(version, "zip"));
        let told = self.read(version, "zip", &answer);
        let one = &self.all[version];
        let is_allowed = match told {
            Told::Out(force) => one.force == Some(force),
            _ if one.force.is_some() => false,
            Told::Served => !one.is_bad,
            _ if one.was_served => false,
            Told::Refused => one.is_bad,
            Told::Pending => !one.was_refused && self.on_miss != "capture",
            Told::Absent => !one.was_refused && self.on_miss == "off",
        };
        assert!(is_allowed, "{version}: {told:?}, {}\n{self}", answer.text());
        let one = self.all.get_mut(version).unwrap();
        self.refusals += usize::from(told == Told::Refused && !one.was_refused);
        one.was_served |= told == Told::Served;
        one.was_refused |= told == Told::Refused;
        told
    }

    /// Takes an answer for what it says; its status must be the one of the mode, its bytes those that were published.
    #[track_caller]
    fn read(&mut self, version: &str, extension: &str, answer: &Answer) -> Told {
        self.answers += 1;
        let text = answer.text();
        let says = |words: &str| text.contains(&format!("{MODULE}@{version} {words}"));
        let is_gatekeeper = self.refusal == "gatekeeper";
        let (told, status) = if answer.status == 200 {
            let made = &self.all[version].made;
            assert!(
                answer.body == made.bytes(extension),
                "{version}: other bytes"
            );
            (Told::Served, 200)
        } else if says("was withdrawn") {
            (
                Told::Out(Force::Withdrawn),
                if is_gatekeeper { 403 } else { 410 },
            )
        } else if says("is in quarantine") {
            (Told::Out(Force::Quarantined), 403)
        } else if says("is refused in") {
            (
                Told::Refused,
                if self.refusal == "advisory" { 404 } else { 403 },
            )
        } else if says("was not captured") {
            (Told::Absent, if is_gatekeeper { 403 } else { 404 })
        } else if says("is not in prod") {
            (Told::Pending, if is_gatekeeper { 503 } else { 404 })
        } else {
            panic!("{version}.{extension}: {} {text}\n{self}", answer.status);
        };
        assert_eq!(answer.status, status, "{version}.{extension}: {text}");
        told
    }

    /// Waits until a version that is on its way has come through the gates or not.
    #[track_caller]
    pub fn settle(&mut self, granary: &Granary, version: &str) {
        wait_until(WITHIN * 3, "it has come", || {
            !matches!(self.ask(granary, version), Told::Pending | Told::Absent)
        });
    }

    /// Has been taken out, or released: waits until that is known everywhere.
    #[track_caller]
    pub fn hold(&mut self, granary: &Granary, version: &str, force: Option<Force>) {
        wait_until(WITHIN, "the act is known", || {
            let answer = granary.get(&self.path(version, "zip"));
            let told = match self.read(version, "zip", &answer) {
                Told::Out(force) => Some(force),
                _ => None,
            };
            let names = |path: &str| granary.get(path).text().contains(version);
            told == force
                && (force.is_none()
                    || !names(&format!("/{MODULE}/@v/list"))
                        && !names(&format!("/{MODULE}/@latest")))
        });
        self.acts += 1;
        self.all.get_mut(version).unwrap().force = force;
        self.ask(granary, version);
    }

    /// Has been waived: it comes in, and stays.
    #[track_caller]
    pub fn waive(&mut self, granary: &Granary, version: &str) {
        let one = self.all.get_mut(version).unwrap();
        (one.is_bad, one.was_refused) = (false, false);
        let path = self.path(version, "zip");
        wait_until(WITHIN, "the waiver counts", || {
            granary.get(&path).status == 200
        });
        self.ask(granary, version);
    }

    /// Stopped `go get -u`: now there is a verdict, so it is refused, and shown no more.
    #[track_caller]
    pub fn stopped(&mut self, granary: &Granary, version: &str) {
        self.stopped += 1;
        assert_eq!(self.ask(granary, version), Told::Refused);
        self.check_shown(granary);
    }

    /// Was chosen by `go get -u` of a project that required a version of prod's.
    #[track_caller]
    pub fn chosen(&mut self, granary: &Granary, required: &str, chosen: &str) {
        self.upgrades += 1;
        let parsed = |text: &str| text.parse::<Version>().unwrap();
        assert!(parsed(chosen) >= parsed(required), "{required} to {chosen}");
        assert_eq!(self.ask(granary, chosen), Told::Served);
    }

    /// Exact versions that prod holds are served, hidden or not.
    #[track_caller]
    pub fn check_held(&mut self, granary: &Granary, version: &str) {
        for extension in ["info", "mod", "zip"] {
            let answer = granary.get(&self.path(version, extension));
            let told = self.read(version, extension, &answer);
            assert_eq!(told, Told::Served, "{version}.{extension}\n{self}");
        }
    }

    /// What a list and `@latest` name is not out and not refused; where they are of members alone, it is served.
    #[track_caller]
    pub fn check_shown(&mut self, granary: &Granary) {
        let mut shown = list(granary);
        let latest = granary.get(&format!("/{MODULE}/@latest"));
        if latest.status == 200 {
            let info: serde_json::Value = serde_json::from_slice(&latest.body).unwrap();
            shown.insert(info["Version"].as_str().unwrap().to_owned());
        } else {
            assert!(
                shown.is_empty(),
                "no @latest of {shown:?}: {}",
                latest.text()
            );
        }
        for version in shown {
            let one = &self.all[&version];
            assert!(one.force.is_none(), "{version} is out and shown\n{self}");
            assert!(!one.was_refused, "{version} is refused and shown\n{self}");
            if self.shows_members_alone() {
                let told = self.ask(granary, &version);
                assert_eq!(told, Told::Served, "{version} is shown\n{self}");
            }
        }
    }

    /// What prod holds and its list lacks, though nothing retracts it.
    pub fn lacks(&self, granary: &Granary) -> Vec<String> {
        let listed = list(granary);
        let retracted: BTreeSet<&String> = self
            .all
            .values()
            .filter_map(|one| one.retracts.as_ref())
            .collect();
        let mut held = self.held();
        held.retain(|version| !listed.contains(version) && !retracted.contains(version));
        held
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "refusal {}, on_miss {}:", self.refusal, self.on_miss)?;
        for (version, one) in &self.all {
            write!(f, "  {version}:")?;
            for (word, holds) in [
                ("bad", one.is_bad),
                ("served", one.was_served),
                ("refused", one.was_refused),
            ] {
                write!(f, "{}{word}", if holds { " " } else { " not " })?;
            }
            writeln!(f, ", out: {:?}, retracts: {:?}", one.force, one.retracts)?;
        }
        Ok(())
    }
}

/// What prod's list names.
pub fn list(granary: &Granary) -> BTreeSet<String> {
    let answer = granary.get(&format!("/{MODULE}/@v/list"));
    match answer.status {
        200 => answer.text().lines().map(str::to_owned).collect(),
        404 => BTreeSet::new(),
        status => panic!("the list: {status} {}", answer.text()),
    }
}
