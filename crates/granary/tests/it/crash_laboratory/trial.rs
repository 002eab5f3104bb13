//! One trial: an operation with one call spoiled, then the start without repair and all that must hold after it.

use std::fmt;
use std::fs::File;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use gomod::hash::ContentDigest;
use serde_json::Value;

use super::calls::{Call, read_calls, read_trace};
use super::ledger;
use super::operations::{Answer, Operation, Step, World};
use super::spoiler::{Fault, Spoiler, arm, log};
use crate::by_hand::lines_of;
use crate::rig::address::free_address;
use crate::rig::granary::{Granary, Setup};
use crate::rig::raw;
use crate::rig::upstream::Upstream;

/// How long a server may take to be ready, to end, or to do again what has failed, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a trial has shown.
#[derive(Debug, Default)]
pub struct Verdict {
    /// The call that was spoiled; none if this run had fewer calls than the clean one.
    pub hit: Option<Call>,
    pub troubles: Vec<Trouble>,
}

/// What must not be.
#[derive(Debug)]
pub enum Trouble {
    /// A version is visible without all of its bytes.
    Partial(String),
    /// Something acknowledged is not there.
    Lost(String),
    /// Wrong bytes, a wrong answer, or durability claimed after a failed sync.
    Wrong(String),
    /// No start, no end, no success at the second try.
    Other(String),
}

impl Trouble {
    /// Its column in the report.
    pub fn what(&self) -> &'static str {
        match self {
            Self::Partial(_) => "partial",
            Self::Lost(_) => "lost",
            Self::Wrong(_) => "wrong",
            Self::Other(_) => "other",
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Partial(text) | Self::Lost(text) | Self::Wrong(text) | Self::Other(text)) = self;
        write!(f, "{}: {text}", self.what())
    }
}

/// A trial before it is made.
pub struct Trial<'w> {
    world: &'w World,
    operation: &'static Operation,
    upstream: Upstream,
    setup: Setup,
}

impl<'w> Trial<'w> {
    pub fn new(world: &'w World, operation: &'static Operation) -> Self {
        let upstream = world.lying_upstream();
        // Nobody else is served meanwhile, so nobody must be given time to turn away.
        let setup = world.setup(operation.base, &upstream).set("drain", "0s");
        Self {
            world,
            operation,
            upstream,
            setup,
        }
    }

    /// The operation with nothing spoiled, to a good end; gives its calls.
    pub fn run_clean(&self, spoiler: &Spoiler) -> Vec<Call> {
        let setup = spoiler.enter(&self.setup, None);
        self.arm_if(self.operation.from_start);
        let mut granary = setup.start();
        self.arm_if(true);
        for step in self.operation.steps {
            let answer = step.run(self.world, &granary, &self.setup);
            assert_eq!(answer, Answer::Done, "{step:?}\n{}", granary.log());
        }
        granary.terminate();
        assert!(granary.wait(PATIENCE).success(), "{}", granary.log());
        read_calls(&log(&self.setup))
    }

    /// As [`Trial::run_clean`], counted from the start and traced by strace at the same time; gives what both have seen.
    pub fn run_traced(&self, spoiler: &Spoiler) -> (Vec<Call>, Vec<(String, String)>) {
        let setup = &self.setup;
        self.arm_if(true);
        let trace = setup.folder("laboratory").join("trace");
        // The library is for the server, not for strace.
        let mut by = strace(&trace);
        by.arg("env").args(
            spoiler
                .variables(setup, None)
                .iter()
                .map(|(name, value)| format!("{name}={value}")),
        );
        let mut granary = setup.launch_under(free_address(), &mut by);
        assert!(wait_until_ready(&granary).is_ok(), "{}", granary.log());
        for step in self.operation.steps {
            let answer = step.run(self.world, &granary, &self.setup);
            assert_eq!(answer, Answer::Done, "{step:?}\n{}", granary.log());
        }
        // strace holds off SIGTERM while it traces, so the server is told by its own process id.
        let lock = std::fs::read_to_string(setup.data().join("granary.lock")).unwrap();
        let process = lock.split(' ').nth(1).unwrap();
        let told = Command::new("kill").args(["-TERM", process]).status();
        assert!(told.unwrap().success());
        assert!(granary.wait(PATIENCE).success(), "{}", granary.log());
        let traced = std::fs::read_to_string(trace).unwrap();
        let calls = read_calls(&log(&self.setup));
        (calls, read_trace(&traced, &setup.data()))
    }

    fn arm_if(&self, now: bool) {
        if now {
            File::create(arm(&self.setup)).unwrap();
        }
    }

    /// The trial.
    pub fn run(self, spoiler: &Spoiler, at: usize, fault: Fault) -> Verdict {
        let mut verdict = Verdict::default();
        let acknowledged = self.run_spoiled(spoiler, (at, fault), &mut verdict.troubles);
        let mut calls = read_calls(&log(&self.setup));
        verdict.hit = calls.iter().find(|call| call.is_spoiled).cloned();
        let upstream = self.world.lying_upstream();
        let setup = self.setup.clone().set("upstream", &upstream.url());
        let setup = spoiler.enter(&setup, None);
        let mut promised = self.operation.base.promised();
        let now = acknowledged.iter();
        promised.extend(now.flat_map(|step| step.promised(fault != Fault::Kill)));
        self.check(&setup, &upstream, &promised, &mut verdict.troubles);
        calls = read_calls(&log(&self.setup));
        let unsound = ledger::check(&calls, fault == Fault::Kill)
            .into_iter()
            .map(Trouble::Wrong);
        verdict.troubles.extend(unsound);
        verdict
    }

    /// Gives the steps that were acknowledged. The server is dead when this returns.
    fn run_spoiled(
        &self,
        spoiler: &Spoiler,
        spoil: (usize, Fault),
        troubles: &mut Vec<Trouble>,
    ) -> Vec<Step> {
        let setup = spoiler.enter(&self.setup, Some(spoil));
        let is_kill = spoil.1 == Fault::Kill;
        self.arm_if(self.operation.from_start);
        let granary = setup.launch(free_address());
        let mut acknowledged = Vec::new();
        match wait_until_ready(&granary) {
            Ok(()) => {}
            Err(NotReady::Ended(status)) => {
                // By the signal, or with an error that says why; never as if all were well.
                if status.success() || (!is_kill && status.code() != Some(1)) {
                    troubles.push(Trouble::Other(format!(
                        "ended with {status}: {}",
                        granary.log()
                    )));
                }
                return acknowledged;
            }
            Err(NotReady::Silent) => {
                troubles.push(Trouble::Other(format!("hangs at start: {}", granary.log())));
                return acknowledged;
            }
        }
        self.arm_if(true);
        let mut missing = Vec::new();
        for step in self.operation.steps {
            match step.run(self.world, &granary, &self.setup) {
                Answer::Done => acknowledged.push(*step),
                Answer::Trouble(_) => missing.push(*step),
                Answer::Wrong(what) => troubles.push(Trouble::Wrong(format!("{step:?}: {what}"))),
            }
        }
        if !is_kill {
            for step in missing {
                match self.insist(step, &granary) {
                    Ok(()) => acknowledged.push(step),
                    Err(trouble) => troubles.push(trouble),
                }
            }
        }
        let is_hit = read_calls(&log(&self.setup)).iter().any(|c| c.is_spoiled);
        if !is_hit {
            granary.terminate();
            let begun = Instant::now();
            while granary.ended().is_none() {
                if begun.elapsed() > PATIENCE {
                    troubles.push(Trouble::Other(format!(
                        "hangs at its end: {}",
                        granary.log()
                    )));
                    break;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        acknowledged
    }

    /// Asks until it is done.
    fn insist(&self, step: Step, granary: &Granary) -> Result<(), Trouble> {
        let begun = Instant::now();
        loop {
            let why = match step.run(self.world, granary, &self.setup) {
                Answer::Done => return Ok(()),
                Answer::Wrong(what) => return Err(Trouble::Wrong(format!("{step:?}: {what}"))),
                Answer::Trouble(why) => why,
            };
            if begun.elapsed() > PATIENCE {
                return Err(Trouble::Other(format!(
                    "{step:?} does not succeed at another try: {why}\n{}",
                    granary.log()
                )));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Starts without repair and looks at everything.
    fn check(
        &self,
        setup: &Setup,
        upstream: &Upstream,
        promised: &[Step],
        troubles: &mut Vec<Trouble>,
    ) {
        let granary = setup.launch(free_address());
        if wait_until_ready(&granary).is_err() {
            let log = granary.log();
            return troubles.push(Trouble::Lost(format!("does not start any more: {log}")));
        }
        let output = self.setup.run(&["verify", "--json"]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let done = lines_of(&said, "done").first().cloned().unwrap_or_default();
        let number = |what: &str| done["data"].get(what).and_then(Value::as_u64);
        match (number("missing"), number("wrong")) {
            (Some(0), Some(0)) => {}
            (Some(0), Some(_)) => troubles.push(Trouble::Wrong(said.clone())),
            (Some(_), Some(_)) => troubles.push(Trouble::Partial(said.clone())),
            _ => troubles.push(Trouble::Other(format!(
                "verify says {said}{}",
                granary.log()
            ))),
        }
        for step in promised {
            if let Step::Refusal(_) = step {
                let digest = ContentDigest::of(&self.world.changed_zip()).to_string();
                let blob = format!("store/blob/sha256/{}/{}", &digest[..2], &digest[2..]);
                let is_kept = self.setup.data().join(blob).exists();
                if !is_kept || number("extra") != Some(0) {
                    troubles.push(Trouble::Lost(format!("the quarantine has no row: {said}")));
                }
                continue;
            }
            let answer = step.run(self.world, &granary, &self.setup);
            let asked = step
                .path(self.world)
                .map_or(0, |path| upstream.count(&path));
            if answer != Answer::Done || asked > 0 {
                troubles.push(Trouble::Lost(format!(
                    "{step:?}: {answer:?}, upstream asked {asked} times"
                )));
            }
        }
        for step in self.operation.steps {
            if let Err(trouble) = self.insist(*step, &granary) {
                troubles.push(trouble);
            }
        }
        let _ = &self.upstream; // it was there for as long as the first server ran
    }
}

enum NotReady {
    Ended(ExitStatus),
    Silent,
}

fn wait_until_ready(granary: &Granary) -> Result<(), NotReady> {
    let begun = Instant::now();
    while raw::get(granary.address, "/readyz").status != 200 {
        if let Some(status) = granary.ended() {
            return Err(NotReady::Ended(status));
        }
        if begun.elapsed() > PATIENCE {
            return Err(NotReady::Silent);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn strace(trace: &std::path::Path) -> Command {
    let mut strace = Command::new("strace");
    let calls = "trace=/^(open|creat|write|pwrite|copy_file_range|f?sync|fdatasync|ftruncate|truncate|fallocate|unlink|\
                 rmdir|mkdir|rename|link|symlink|f?chmod|bind|sendfile)";
    strace
        .args(["-f", "-y", "-qq", "-s", "300", "-o"])
        .arg(trace)
        .args(["-e", calls]);
    strace
}
