//! `granary policy dry-run`: other policies on everything that is stored, with a server and without one.

use std::fs;
use std::path::PathBuf;
use std::process::Output;
use std::time::{Duration, Instant};

use gomod::hash::ContentDigest;
use serde_json::Value;

use crate::rig::database::Database;
use crate::rig::granary::{Granary, Setup};
use crate::rig::module::Made;
use crate::rig::upstream::Upstream;

/// A licence that everybody knows.
const LICENCE: &str = include_str!("../../../../../LICENSE");

/// What the server's own folder says.
const NO_BAD: &str =
    "package granary.no_bad\n\ndeny contains \"it is bad\" if endswith(input.version, \"-bad\")\n";

/// What another folder says.
const NO_OLD: &str =
    "package granary.no_old\n\ndeny contains \"it is old\" if input.version == \"v1.0.0\"\n";

/// Far above what any of these takes on a busy machine.
const WITHIN: Duration = Duration::from_secs(120);

struct Rig {
    upstream: Upstream,
    setup: Setup,
}

impl Rig {
    fn new() -> Self {
        let database = Database::new();
        let upstream = Upstream::start_with(&database);
        let setup = Setup::with(&upstream, &database);
        Self { upstream, setup }
    }

    fn publish(&self, version: &str, licence: bool) -> Made {
        let mut files = vec![("m.go", "package m\n")];
        if licence {
            files.push(("LICENSE", LICENCE));
        }
        self.upstream.publish("example.com/m", version, &files)
    }

    fn folder(&self, name: &str, policy: &str) -> PathBuf {
        let folder = self.setup.folder(name);
        fs::write(folder.join("own.rego"), policy).unwrap();
        folder
    }

    fn dry_run(&self, arguments: &[&str]) -> Said {
        let begun = Instant::now();
        let output = self
            .setup
            .run(&[["policy", "dry-run"].as_slice(), arguments].concat());
        assert!(begun.elapsed() < WITHIN, "{:?}", begun.elapsed());
        Said::of(&output)
    }

    /// A server that stores one version which its policies admit, one that they refuse and one that they warn of.
    fn with_three(mut self) -> (Self, Granary, [Made; 3]) {
        let own = self.folder("policies", NO_BAD);
        self.setup = self.setup.set("policy.folder", own.to_str().unwrap());
        let made = [
            self.publish("v1.0.0", true),
            self.publish("v1.1.0-bad", true),
            self.publish("v1.2.0", false),
        ];
        let granary = self.setup.start();
        for (made, status) in made.iter().zip([200, 403, 200]) {
            assert_eq!(granary.get(&made.file("zip")).status, status);
        }
        (self, granary, made)
    }
}

/// What a command said.
struct Said {
    code: Option<i32>,
    text: String,
    errors: String,
}

impl Said {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self {
            code: output.status.code(),
            text: text(&output.stdout),
            errors: text(&output.stderr),
        }
    }

    #[track_caller]
    fn check(&self, code: i32, parts: &[&str]) {
        let all = format!("{}{}", self.text, self.errors);
        assert_eq!(self.code, Some(code), "{all}");
        for part in parts {
            assert!(all.contains(part), "{part:?} is not in {all}");
        }
    }

    fn lines(&self) -> Vec<Value> {
        let lines = self.text.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The figures at the end.
    fn figures(&self) -> Value {
        self.lines().last().unwrap()["data"].clone()
    }
}

fn verdicts(granary: &Granary) -> Vec<String> {
    let metrics = String::from_utf8(granary.must_get("/metrics")).unwrap();
    let lines = metrics.lines();
    lines
        .filter(|line| line.starts_with("granary_verdicts_total"))
        .map(ToOwned::to_owned)
        .collect()
}

#[test]
fn a_new_folder_is_tried_on_everything_stored_and_changes_nothing() {
    let (rig, granary, made) = Rig::new().with_three();
    let before = verdicts(&granary);
    let new = rig.folder("new", NO_OLD);
    let over_the_socket = rig.dry_run(&[new.to_str().unwrap()]);
    over_the_socket.check(
        0,
        &[
            "refused (so far admitted): example.com/m@v1.0.0\n    no-old: it is old\n    it is in staging and stays there\n",
            "admitted (so far refused): example.com/m@v1.1.0-bad\n",
            "warned: example.com/m@v1.2.0\n    open-source-licence: ",
            "3 versions, for staging: 1 refused, 1 warned of, 1 admitted\n",
            "other than so far: 1 refused that are admitted, 1 admitted that are refused\n",
            "  no-old: 1 refused, 0 warned of\n",
        ],
    );
    assert_eq!(verdicts(&granary), before, "a dry run is no verdict");
    for (made, status) in made.iter().zip([200, 403, 200]) {
        assert_eq!(granary.get(&made.file("zip")).status, status);
    }
    // The folder in use says what stands.
    let as_it_is = rig.dry_run(&[]);
    as_it_is.check(
        0,
        &[
            "refused: example.com/m@v1.1.0-bad\n    no-bad: it is bad\n",
            "other than so far: 0 refused that are admitted, 0 admitted that are refused\n",
        ],
    );
    granary.kill();
    let on_the_folder = rig.dry_run(&[new.to_str().unwrap()]);
    assert_eq!(on_the_folder.text, over_the_socket.text);
    assert_eq!(on_the_folder.code, Some(0));
}

#[test]
fn scripts_get_figures_and_one_object_a_version() {
    let (rig, _granary, _) = Rig::new().with_three();
    let new = rig.folder("new", NO_OLD);
    let said = rig.dry_run(&[new.to_str().unwrap(), "--view", "staging", "--json"]);
    said.check(0, &[]);
    let lines = said.lines();
    let of = |module: &str| {
        let found = lines.iter().find(|line| line["data"]["module"] == module);
        found.unwrap()["data"].clone()
    };
    let refused = of("example.com/m@v1.0.0");
    assert_eq!(refused["end"], "refused");
    assert_eq!(refused["stands"], "admitted");
    assert_eq!(refused["differs"], true);
    assert_eq!(refused["reasons"][0]["rule"], "no-old");
    assert_eq!(refused["reasons"][0]["text"], "it is old");
    assert_eq!(of("example.com/m@v1.2.0")["differs"], false);
    let figures = said.figures();
    for (name, count) in [("versions", 3), ("refused", 1), ("newly_admitted", 1)] {
        assert_eq!(figures[name], count, "{figures}");
    }
    assert_eq!(figures["rules"]["no-old"]["refused"], 1);
}

#[test]
fn waivers_count_as_they_do_at_the_gates() {
    let (rig, _granary, _) = Rig::new().with_three();
    let of = "example.com/m@v1.1.0-bad";
    let waive = ["waive", of, "--rule", "no-bad", "--owner", "ann"];
    let more = ["--for", "1d", "--why", "the last one that builds"];
    let waived = rig.setup.run(&[waive.as_slice(), &more].concat());
    assert!(waived.status.success(), "{waived:?}");
    rig.dry_run(&[]).check(
        0,
        &[
            "warned: example.com/m@v1.1.0-bad\n    no-bad: it is bad (waived by ann until ",
            "0 refused, 2 warned of, 1 admitted\n",
        ],
    );
}

#[test]
fn settings_can_be_tried_on_a_running_server() {
    let (rig, granary, made) = Rig::new().with_three();
    rig.dry_run(&["--set", "policy.deny=example.com/m"]).check(
        0,
        &[
            "allow-deny: ",
            "3 refused, 0 warned of, 0 admitted\n",
            "2 refused that are admitted",
        ],
    );
    assert_eq!(granary.get(&made[0].file("zip")).status, 200);
}

#[test]
fn what_cannot_be_tried_is_told() {
    let (rig, _granary, _) = Rig::new().with_three();
    let broken = rig.folder("broken", "package granary.own\n\ndeny contains msg if {\n");
    rig.dry_run(&[broken.to_str().unwrap()]).check(
        1,
        &[
            "FAIL  own.rego:",
            "these policies are refused, so nothing was judged",
        ],
    );
    let gone = rig.setup.folder("x").join("gone");
    let gone = gone.to_str().unwrap();
    rig.dry_run(&[gone])
        .check(1, &["the policies in", "cannot be read", "No such file"]);
    rig.dry_run(&["--view", "prod"]).check(
        1,
        &["policies are not asked at the door of prod, only at that of staging"],
    );
    // What loops on what is stored and not on the example refuses, in its time.
    let endless = "package granary.own\n\ndeny contains \"x\" if {\n\tinput.version == \"v1.0.0\"\n\tsome i in numbers.range(1, 10000)\n\tsome j in numbers.range(1, 10000)\n\ti * j == -1\n}\n";
    let endless = rig.folder("endless", endless);
    rig.dry_run(&[endless.to_str().unwrap()]).check(
        0,
        &[
            "refused (so far admitted): example.com/m@v1.0.0\n    own: rule own could not be evaluated: ",
            "1 refused, 1 warned of, 1 admitted\n",
        ],
    );
}

#[test]
fn a_version_that_cannot_be_read_is_named_and_the_others_are_judged() {
    let (rig, granary, made) = Rig::new().with_three();
    granary.kill();
    let digest = ContentDigest::of(&made[0].zip).to_string();
    let (first, rest) = digest.split_at(2);
    let blob = rig.setup.data().join("store/blob/sha256").join(first);
    fs::remove_file(blob.join(rest)).unwrap();
    let Rig { upstream, setup } = rig;
    drop(upstream);
    Said::of(&setup.run(&["policy", "dry-run"])).check(
        1,
        &[
            "not judged: example.com/m@v1.0.0\n",
            "1 refused, 1 warned of, 0 admitted; not judged: 0 without a zip, 1 that cannot be read\n",
        ],
    );
}

#[test]
fn every_version_of_many_is_judged_once_and_progress_is_told() {
    /// More than are read from the catalog at a time.
    const VERSIONS: usize = 205;
    let rig = Rig::new();
    let granary = rig.setup.start();
    let all: Vec<Made> = (0..VERSIONS)
        .map(|n| rig.publish(&format!("v1.{n}.0"), true))
        .collect();
    // Captures that run at once share their syncs.
    std::thread::scope(|scope| {
        for some in all.chunks(16) {
            let granary = &granary;
            scope.spawn(move || {
                some.iter()
                    .for_each(|made| drop(granary.must_get(&made.file("zip"))))
            });
        }
    });
    let said = rig.dry_run(&["--set", "policy.cooldown=7d", "--json"]);
    said.check(0, &[]);
    let lines = said.lines();
    let mut of: Vec<&str> = lines
        .iter()
        .filter_map(|line| line["data"]["module"].as_str())
        .collect();
    of.sort_unstable();
    of.dedup();
    assert_eq!(of.len(), VERSIONS);
    assert_eq!(said.figures()["refused"], VERSIONS);
    assert_eq!(said.figures()["newly_refused"], VERSIONS);
    let progress = lines.iter().find(|line| line["type"] == "progress");
    assert_eq!(progress.unwrap()["total"], VERSIONS);
}
