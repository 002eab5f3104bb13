//! Stages: each is a view of its own, a version goes as far as the gates let it, and a person can be a gate.

use super::{MODULE, Rig, check, must_run};
use crate::rig::wait_until;
use std::time::Duration;

#[test]
fn what_passes_is_served_at_once_and_what_is_refused_stays_in_the_first_stage() {
    let rig = Rig::refusing_bad();
    let (good, bad) = (rig.publish("v1.0.0"), rig.publish("v1.1.0-bad"));
    let granary = rig.setup.start();
    assert_eq!(granary.must_get(&good.file("zip")), good.zip);
    check(
        &granary,
        &bad.file("zip"),
        403,
        &[
            "example.com/gated@v1.1.0-bad is refused",
            "no-bad: it is bad",
            "granary waive",
            "v1.0.0",
            "/v1/why/",
        ],
    );
    // Others' version selection needs its go.mod; nobody needs its .info.
    assert_eq!(granary.must_get(&bad.file("mod")), bad.bytes("mod"));
    check(&granary, &bad.file("info"), 403, &["no-bad: it is bad"]);
}

#[test]
fn every_stage_is_a_proxy_of_its_own() {
    let rig = Rig::refusing_bad().set("public_stages", "dev,staging");
    let (good, bad) = (rig.publish("v1.0.0"), rig.publish("v1.1.0-bad"));
    let granary = rig.setup.start();
    granary.must_get(&good.file("zip"));
    check(&granary, &bad.file("zip"), 403, &["no-bad"]);
    for view in ["dev", "staging", "prod"] {
        assert_eq!(
            granary.must_get(&format!("/r/{view}{}", good.file("zip"))),
            good.zip
        );
    }
    assert_eq!(
        granary.must_get(&format!("/r/dev{}", bad.file("zip"))),
        bad.zip
    );
    check(
        &granary,
        &format!("/r/staging{}", bad.file("zip")),
        403,
        &["refused in staging"],
    );
    check(
        &granary,
        &format!("/r/dev/{MODULE}/@v/list"),
        200,
        &["v1.0.0", "v1.1.0-bad"],
    );
    check(
        &granary,
        "/r/test/example.com/gated/@v/list",
        404,
        &["no view \"test\""],
    );
}

#[test]
fn a_person_can_be_a_gate() {
    let rig = Rig::new()
        .set("stages", "dev:policy, staging:approval, prod")
        .set("public_stages", "staging");
    let made = rig.publish("v1.0.0");
    let granary = rig.setup.start();
    check(&granary, &made.file("zip"), 404, &["is not in prod yet"]);
    assert_eq!(
        granary.must_get(&format!("/r/staging{}", made.file("zip"))),
        made.zip
    );
    let of = "example.com/gated@v1.0.0";
    let said = must_run(
        &rig.setup,
        &["approve", of, "--view", "prod", "--why", "looked at"],
    );
    assert!(said.contains("is in prod now"), "{said}");
    wait_until(Duration::from_secs(10), "it is served", || {
        granary.get(&made.file("zip")).status == 200
    });
    let again = must_run(
        &rig.setup,
        &["approve", of, "--view", "prod", "--why", "looked at"],
    );
    assert!(again.contains("is in prod"), "{again}");
}

#[test]
fn one_stage_has_no_gates() {
    let rig = Rig::refusing_bad().set("stages", "prod");
    let bad = rig.publish("v1.1.0-bad");
    let granary = rig.setup.start();
    assert_eq!(granary.must_get(&bad.file("zip")), bad.zip);
}

#[test]
fn what_prod_holds_stays_when_policies_change() {
    let mut rig = Rig::new();
    rig.add_policy(
        "empty.rego",
        "package granary.empty\n\nwarn contains \"so be it\" if false\n",
    );
    let held = rig.publish("v1.1.0-bad");
    let granary = rig.setup.start();
    assert_eq!(granary.must_get(&held.file("zip")), held.zip);
    rig.add_policy("no_bad.rego", super::NO_BAD);
    let mut tries = 0;
    wait_until(Duration::from_secs(60), "the new policy refuses", || {
        tries += 1;
        let later = rig.publish(&format!("v1.2.{tries}-bad"));
        granary.get(&later.file("zip")).status == 403
    });
    // One that cannot be read changes nothing.
    rig.add_policy("broken.rego", "package granary.broken\n\ndeny contains\n");
    wait_until(Duration::from_secs(60), "it is told", || {
        granary.log().contains("broken.rego")
    });
    let later = rig.publish("v1.3.0-bad");
    check(&granary, &later.file("zip"), 403, &["no-bad: it is bad"]);
    assert_eq!(granary.must_get(&held.file("zip")), held.zip);
}
