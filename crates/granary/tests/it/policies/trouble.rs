//! Folders of policies that come after the start, and bad ones: what judges meanwhile, and who tells.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::rig::database::Database;
use crate::rig::granary::{Granary, Setup};
use crate::rig::upstream::Upstream;
use crate::rig::wait_until;

/// Refuses everything of one name.
const NO_BAD: &str = "package granary.no_bad\n\ndeny contains \"it is bad\" if input.module == \"example.com/bad\"\n";

/// The folder is looked at every three seconds.
const SOON: Duration = Duration::from_secs(60);

struct Rig {
    upstream: Upstream,
    setup: Setup,
    published: u64,
}

impl Rig {
    fn new() -> Self {
        let database = Database::new();
        let upstream = Upstream::start_with(&database);
        let setup = Setup::with(&upstream, &database);
        let published = 0;
        Self {
            upstream,
            setup,
            published,
        }
    }

    /// What a client gets for the next version of a module.
    fn ask_next(&mut self, granary: &Granary, module: &str) -> u16 {
        self.published += 1;
        let version = format!("v1.0.{}", self.published);
        let files = [("m.go", "package m\n")];
        let made = self.upstream.publish(module, &version, &files);
        granary.get(&made.file("zip")).status
    }
}

/// A figure of the metrics.
fn figure(granary: &Granary, of: &str) -> Option<String> {
    let metrics = granary.get("/metrics").text();
    let mut lines = metrics.lines();
    let found = lines.find_map(|line| line.strip_prefix(of)?.strip_prefix(' '));
    found.map(ToOwned::to_owned)
}

/// What `granary doctor` says of the policies, advice and all.
fn doctor(setup: &Setup) -> String {
    let output = setup.run(&["doctor"]);
    let said = String::from_utf8(output.stdout).unwrap();
    let Some((_, from)) = said.split_once("  policies: ") else {
        panic!("nothing of policies in {said}");
    };
    let before = said.len() - from.len() - "  policies: ".len();
    let grade = said[..before].lines().last().unwrap_or_default().trim();
    let told: Vec<&str> = from.lines().take(2).collect();
    assert!(grade != "WRONG" || !output.status.success(), "{said}");
    format!("{grade} {}", told.join("\n"))
}

/// Puts a folder there whole.
fn put(folder: &Path, policy: &str) {
    let next = folder.with_extension("next~");
    fs::create_dir(&next).unwrap();
    fs::write(next.join("own.rego"), policy).unwrap();
    fs::rename(next, folder).unwrap();
}

#[test]
fn a_folder_made_after_the_start_is_taken_over() {
    let mut rig = Rig::new();
    let granary = rig.setup.start();
    assert_eq!(rig.ask_next(&granary, "example.com/bad"), 200);
    let said = doctor(&rig.setup);
    assert!(
        said.starts_with("ok the 5 rules that come with Granary"),
        "{said}"
    );
    put(&rig.setup.data().join("policies"), NO_BAD);
    wait_until(SOON, "it is taken over", || {
        rig.ask_next(&granary, "example.com/bad") == 403
    });
    assert_eq!(rig.ask_next(&granary, "example.com/good"), 200);
    let said = doctor(&rig.setup);
    assert!(said.starts_with("ok no-bad from "), "{said}");
    for counted in [
        "granary_findings_total{rule=\"no-bad\",level=\"deny\"}",
        "granary_findings_total{rule=\"open-source-licence\",level=\"warn\"}",
        "granary_verdicts_total{end=\"refused\"}",
        "granary_verdicts_total{end=\"warned\"}",
    ] {
        let count = figure(&granary, counted);
        assert!(count.is_some_and(|count| count != "0"), "{counted}");
    }
    let admitted = figure(&granary, "granary_verdicts_total{end=\"admitted\"}");
    assert_eq!(admitted.as_deref(), Some("0"), "none has a licence");
}

#[test]
fn a_named_folder_that_is_missing_admits_nothing_until_it_is_made() {
    let mut rig = Rig::new();
    let folder = rig.setup.folder("x").join("own");
    rig.setup = rig.setup.set("policy.folder", folder.to_str().unwrap());
    let granary = rig.setup.start();
    assert_eq!(rig.ask_next(&granary, "example.com/good"), 403);
    let said = doctor(&rig.setup);
    for part in ["WRONG", "cannot be read", "nothing is admitted until"] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    put(&folder, NO_BAD);
    wait_until(SOON, "it is taken over", || {
        rig.ask_next(&granary, "example.com/good") == 200
    });
    assert_eq!(rig.ask_next(&granary, "example.com/bad"), 403);
    assert!(doctor(&rig.setup).starts_with("ok no-bad from "));
}

#[test]
fn a_bad_folder_is_told_by_doctor_metric_and_log_until_it_is_mended() {
    let mut rig = Rig::new();
    let folder = rig.setup.data().join("policies");
    fs::create_dir_all(rig.setup.data()).unwrap();
    put(&folder, NO_BAD);
    let granary = rig.setup.start();
    let trouble = "granary_policies_not_taken_over";
    assert_eq!(figure(&granary, trouble).as_deref(), Some("0"));
    fs::write(
        folder.join("late.rego"),
        "package granary.late\n\ndeny contains msg if {\n",
    )
    .unwrap();
    wait_until(SOON, "the metric says it", || {
        figure(&granary, trouble).as_deref() == Some("1")
    });
    let said = doctor(&rig.setup);
    for part in [
        "WRONG",
        "is not taken over since ",
        "late.rego:",
        "what was taken over before goes on",
        "granary policy test",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    let log = granary.log();
    assert!(log.contains("policies are not taken over"), "{log}");
    // What was taken over before goes on.
    assert_eq!(rig.ask_next(&granary, "example.com/bad"), 403);
    assert_eq!(rig.ask_next(&granary, "example.com/good"), 200);
    fs::remove_file(folder.join("late.rego")).unwrap();
    wait_until(SOON, "the metric says that it is well", || {
        figure(&granary, trouble).as_deref() == Some("0")
    });
    assert!(doctor(&rig.setup).starts_with("ok no-bad from "));
    // Where no server runs, doctor looks itself.
    granary.kill();
    fs::write(folder.join("late.rego"), "package granary.late\n").unwrap();
    let said = String::from_utf8(rig.setup.run(&["doctor"]).stdout).unwrap();
    assert!(said.contains("WRONG  policies: "), "{said}");
    assert!(said.contains("late.rego:"), "{said}");
}
