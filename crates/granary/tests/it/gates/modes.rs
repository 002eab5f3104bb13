//! How refusals look to go: `redundancy`, `gatekeeper` and `advisory`, each as `GOPROXY=granary,<another>`; and what happens
//! when something is not here: `capture`, `request`, `off`.

use std::time::Duration;

use super::{MODULE, Rig, check, must_run};
use crate::rig::go::Go;
use crate::rig::upstream::Lie;
use crate::rig::wait_until;

/// Whether `go mod download` gets a version when the next entry of GOPROXY has everything.
fn gets_around(rig: &Rig, granary: &crate::rig::granary::Granary, version: &str) -> Option<bool> {
    let beside = format!("{},{}", granary.url(), rig.upstream.url());
    let go = Go::find_at(&beside, Some(&rig.database))?;
    let project = go.project("p", &[("go.mod", "module example.com/p\n\ngo 1.21\n")]);
    Some(
        go.run(
            &project,
            &["mod", "download", &format!("{MODULE}@{version}")],
        )
        .ok,
    )
}

#[test]
fn a_refusal_stops_go_but_where_it_only_advises() {
    for (mode, status, is_open) in [
        ("redundancy", 403, false),
        ("gatekeeper", 403, false),
        ("advisory", 404, true),
    ] {
        let rig = Rig::refusing_bad().set("refusal", mode);
        let bad = rig.publish("v1.1.0-bad");
        let granary = rig.setup.start();
        check(&granary, &bad.file("zip"), status, &["no-bad: it is bad"]);
        if let Some(gets) = gets_around(&rig, &granary, "v1.1.0-bad") {
            assert_eq!(gets, is_open, "{mode}");
        }
    }
}

#[test]
fn what_is_not_judged_yet_is_left_to_others_but_by_a_gatekeeper() {
    for (mode, status, is_open) in [
        ("redundancy", 404, true),
        ("gatekeeper", 503, false),
        ("advisory", 404, true),
    ] {
        let rig = Rig::new()
            .set("refusal", mode)
            .set("stages", "dev:approval, prod");
        let made = rig.publish("v1.0.0");
        let granary = rig.setup.start();
        check(&granary, &made.file("zip"), status, &["is not in prod yet"]);
        if let Some(gets) = gets_around(&rig, &granary, "v1.0.0") {
            assert_eq!(gets, is_open, "{mode}");
        }
    }
}

#[test]
fn a_stalled_origin_is_out_of_reach_and_not_pending() {
    for mode in ["redundancy", "gatekeeper", "advisory"] {
        let rig = Rig::new().set("refusal", mode).set("client_wait", "1s");
        let made = rig.publish("v1.0.0");
        rig.upstream.lie(&made.file("zip"), Lie::Silent);
        let granary = rig.setup.start();
        let answer = granary.get(&made.file("zip"));
        assert!(
            answer.status >= 500,
            "{mode}: {} {}",
            answer.status,
            answer.text()
        );
    }
}

#[test]
fn a_miss_can_be_requested_and_comes_behind() {
    let rig = Rig::new().set("on_miss", "request");
    let made = rig.publish("v1.0.0");
    let granary = rig.setup.start();
    check(
        &granary,
        &made.file("zip"),
        404,
        &["requested now, job zip:main/example.com/gated@v1.0.0"],
    );
    wait_until(Duration::from_secs(30), "it came", || {
        granary.get(&made.file("zip")).status == 200
    });
    check(&granary, &format!("/{MODULE}/@v/list"), 200, &["v1.0.0"]);
}

#[test]
fn with_on_miss_off_nothing_is_asked_for() {
    let rig = Rig::new().set("on_miss", "off");
    let made = rig.publish("v1.0.0");
    let granary = rig.setup.start();
    check(&granary, &made.file("zip"), 404, &["on_miss = off"]);
    check(&granary, &format!("/{MODULE}/@v/list"), 404, &[]);
    check(&granary, &format!("/{MODULE}/@v/main.info"), 404, &[]);
    assert_eq!(rig.upstream.count(&made.file("zip")), 0);
}

#[test]
fn what_nobody_will_capture_is_absent_and_not_pending() {
    for (mode, status, is_open) in [
        ("redundancy", 404, true),
        ("gatekeeper", 403, false),
        ("advisory", 404, true),
    ] {
        let rig = Rig::new().set("on_miss", "off").set("refusal", mode);
        let made = rig.publish("v1.0.0");
        let granary = rig.setup.start();
        for extension in ["info", "mod", "zip"] {
            let answer = granary.get(&made.file(extension));
            assert_eq!(answer.status, status, "{mode}: {}", answer.text());
            assert_eq!(answer.header("retry-after"), None, "{mode}");
            assert!(answer.text().contains("on_miss = off"), "{mode}");
        }
        if let Some(gets) = gets_around(&rig, &granary, "v1.0.0") {
            assert_eq!(gets, is_open, "{mode}");
        }
        must_run(&rig.setup, &["get", &format!("{MODULE}@v1.0.0")]);
        wait_until(Duration::from_secs(30), "it is served", || {
            granary.get(&made.file("zip")).status == 200
        });
    }
}

#[test]
fn what_waits_at_a_gate_is_pending_whatever_is_done_about_misses() {
    for (mode, status) in [("redundancy", 404), ("gatekeeper", 503)] {
        let rig = Rig::new()
            .set("on_miss", "off")
            .set("refusal", mode)
            .set("stages", "dev:approval, prod");
        let made = rig.publish("v1.0.0");
        let granary = rig.setup.start();
        // Its exit code is about the gates; captured it is.
        rig.setup.run(&["get", &format!("{MODULE}@v1.0.0")]);
        check(&granary, &made.file("zip"), status, &["it waits at a gate"]);
    }
}
