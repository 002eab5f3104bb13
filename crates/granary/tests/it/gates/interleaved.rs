//! Captures, gates, waivers, withdrawals and `go get -u` in random order, under every way to refuse and to miss.
//!
//! What a list or `@latest` names is served when it is asked for: always where members alone are shown, and from the verdict
//! on otherwise. What prod served once it goes on serving, but for withdrawals, also where lists hide it. `go get -u` fails
//! only for a version that nobody had judged, once, and never where members alone are shown.

mod seen;

use std::thread;

use super::{MODULE, Rig, must_run};
use crate::rig::go::Go;
use crate::rig::granary::Granary;
use crate::rig::module::go_mod;
use crate::rig::wait_until;
use seen::{Force, Seen, Told};

/// Steps of one run; `GRANARY_SOAK_STEPS` raises it.
const STEPS: usize = 12;

/// Refuses what the test calls bad. Releases are refused, not pre-releases: go would not choose those anyway.
const NO_THIRTEEN: &str = r#"# Refuses versions whose last number is 13.
package granary.no_thirteen

deny contains msg if {
	endswith(input.version, ".13")
	msg := "it is bad"
}
"#;

/// A generator of numbers that is the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn pick(&mut self, among: &[String]) -> Option<String> {
        let at = (!among.is_empty()).then(|| self.roll(among.len()))?;
        Some(among[at].clone())
    }
}

/// One server in one of the nine modes, and what was learned about it.
struct Run {
    rig: Rig,
    granary: Granary,
    dice: Dice,
    seen: Seen,
    /// Whether lists are asked for anew all the time.
    is_fresh: bool,
}

impl Run {
    fn new(refusal: &str, on_miss: &str, is_fresh: bool, seed: u64) -> Self {
        // Small seeds lie close together; what they roll first must not.
        let dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        // A list that was kept for long must change with a verdict as well.
        let fresh = if is_fresh { "1s" } else { "60s" };
        let mut rig = Rig::new();
        rig.add_policy("no_thirteen.rego", NO_THIRTEEN);
        let rig = rig
            .set("refusal", refusal)
            .set("on_miss", on_miss)
            .set("list.fresh", fresh);
        let granary = rig.setup.start();
        Self {
            rig,
            granary,
            dice,
            seen: Seen::new(refusal, on_miss),
            is_fresh,
        }
    }

    /// Publishes a version, bad or good, which may retract one of those before it.
    fn publish(&mut self, step: usize) {
        let is_bad = self.dice.roll(3) == 0;
        self.publish_one(step, is_bad);
    }

    fn publish_one(&mut self, step: usize, is_bad: bool) -> String {
        let version = format!("v1.{step}.{}", if is_bad { 13 } else { 0 });
        let mut text = go_mod(MODULE, &[]);
        let mut retracts = None;
        if self.dice.roll(4) == 0 {
            retracts = self.dice.pick(&self.seen.names());
        }
        if let Some(retracted) = &retracts {
            text += &format!("\nretract {retracted} // a mistake\n");
        }
        let code = format!("package gated\n\nconst Version = {version:?}\n");
        let files = [("gated.go", code.as_str()), ("go.mod", &text)];
        let made = self.rig.upstream.publish(MODULE, &version, &files);
        self.seen.add(made, is_bad, retracts);
        version
    }

    /// Has a version captured by the operator, whatever the server does for its clients.
    fn get(&mut self) {
        let Some(version) = self.dice.pick(&self.seen.names()) else {
            return;
        };
        self.rig.setup.run(&["get", &format!("{MODULE}@{version}")]);
        self.seen.settle(&self.granary, &version);
    }

    /// Asks for a zip; where it is only requested, may wait until it has come.
    fn ask(&mut self) {
        let Some(version) = self.dice.pick(&self.seen.names()) else {
            return;
        };
        let told = self.seen.ask(&self.granary, &version);
        let waits = self.dice.roll(2) == 0;
        if told == Told::Pending && self.seen.requests() && waits {
            self.seen.settle(&self.granary, &version);
        }
    }

    /// Withdraws a version or puts it into quarantine, or releases it; perhaps while clients ask for it.
    fn hold_or_release(&mut self) {
        let Some(version) = self.dice.pick(&self.seen.names()) else {
            return;
        };
        let (act, force) = match (self.seen.force(&version), self.dice.roll(2)) {
            (Some(_), _) => ("release", None),
            (None, 0) => ("withdraw", Some(Force::Withdrawn)),
            (None, _) => ("quarantine", Some(Force::Quarantined)),
        };
        let path = self.seen.path(&version, "zip");
        let clients = self.dice.roll(3);
        let (rig, granary) = (&self.rig, &self.granary);
        let output = thread::scope(|scope| {
            for _ in 0..clients {
                scope.spawn(|| granary.get(&path));
            }
            let of = format!("{MODULE}@{version}");
            rig.setup.run(&[act, &of, "--why", "a test"])
        });
        // What is not stored is not withdrawn.
        if output.status.success() {
            self.seen.hold(&self.granary, &version, force);
        }
    }

    /// Waives the rule for a version that was refused.
    fn waive(&mut self) {
        let Some(version) = self.dice.pick(&self.seen.refused()) else {
            return;
        };
        let of = format!("{MODULE}@{version}");
        let rule = ["--rule", "no-thirteen", "--owner", "ann", "--for", "1h"];
        let mut arguments = vec!["waive", &of];
        arguments.extend(rule);
        arguments.extend(["--why", "a test"]);
        must_run(&self.rig.setup, &arguments);
        self.seen.waive(&self.granary, &version);
    }

    /// `go get -u` in a project that requires something prod holds, perhaps while other clients capture.
    fn go_get(&mut self, step: usize) {
        let Some(required) = self.dice.pick(&self.seen.held()) else {
            return;
        };
        let meanwhile: Vec<String> = (0..self.dice.roll(4))
            .filter_map(|_| self.dice.pick(&self.seen.names()))
            .map(|version| self.seen.path(&version, "zip"))
            .collect();
        // Nobody asks for it before go does: `@latest` alone would have it judged.
        if self.is_fresh && !self.seen.shows_members_alone() && self.dice.roll(2) == 0 {
            let version = self.publish_one(step, true);
            wait_until(super::withdrawals::WITHIN, "it is listed", || {
                seen::list(&self.granary).contains(&version)
            });
        }
        let mut unjudged = self.seen.unjudged();
        loop {
            let Some(go) = Go::find(&self.granary, &self.rig.database) else {
                return;
            };
            let main = format!("package main\n\nimport _ {MODULE:?}\n\nfunc main() {{}}\n");
            let text = go_mod("example.com/p", &[(MODULE, &required)]);
            let project = go.project("p", &[("go.mod", &text), ("main.go", &main)]);
            let granary = &self.granary;
            let said = thread::scope(|scope| {
                for path in &meanwhile {
                    scope.spawn(|| granary.get(path));
                }
                go.run(&project, &["get", "-u", "./..."])
            });
            if said.ok {
                let chosen = go.must(&project, &["list", "-m", "-f", "{{.Version}}", MODULE]);
                self.seen.chosen(&self.granary, &required, chosen.trim());
                return;
            }
            let told = |version: &String| said.err.contains(&format!("{MODULE}@{version}"));
            let blamed = unjudged.iter().position(told);
            assert!(
                blamed.is_some() && !self.seen.shows_members_alone(),
                "go get -u from {required}: {}\n{}",
                said.err,
                self.seen
            );
            let blamed = unjudged.remove(blamed.unwrap());
            self.seen.stopped(&self.granary, &blamed);
        }
    }

    fn step(&mut self, step: usize) {
        match self.dice.roll(12) {
            0..=2 => self.publish(step),
            3 => self.get(),
            4 | 5 => self.hold_or_release(),
            6 => self.waive(),
            7 | 8 => self.go_get(step),
            _ => self.ask(),
        }
        let exact = self.dice.pick(&self.seen.held());
        if let Some(version) = exact {
            self.seen.check_held(&self.granary, &version);
        }
        self.seen.check_shown(&self.granary);
    }
}

fn steps() -> usize {
    let given = std::env::var("GRANARY_SOAK_STEPS").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(STEPS)
}

fn check(refusal: &str, first_seed: u64) {
    let ways = [
        ("capture", true),
        ("capture", false),
        ("request", true),
        ("off", false),
    ];
    for (seed, (on_miss, is_fresh)) in (first_seed..).zip(ways) {
        let mut run = Run::new(refusal, on_miss, is_fresh, seed);
        run.publish(0);
        for step in 1..=steps() {
            run.step(step);
        }
        // At the end nothing is missing that was served once, and all bytes are those that were published.
        for version in run.seen.held() {
            run.seen.check_held(&run.granary, &version);
        }
        wait_until(super::withdrawals::WITHIN, "the lists are whole", || {
            run.seen.lacks(&run.granary).is_empty()
        });
        must_run(&run.rig.setup, &["verify"]);
        eprintln!(
            "gates: row\trefusal {refusal}, on_miss {on_miss}, lists fresh for {}\t{} steps\t{}",
            if is_fresh { "1 s" } else { "60 s" },
            steps(),
            run.seen.counts()
        );
    }
}

#[test]
fn what_redundancy_lists_it_serves_from_the_verdict_on() {
    check("redundancy", 10);
}

#[test]
fn what_a_gatekeeper_lists_it_serves() {
    check("gatekeeper", 20);
}

#[test]
fn what_an_advisor_lists_it_serves_from_the_verdict_on() {
    check("advisory", 30);
}
