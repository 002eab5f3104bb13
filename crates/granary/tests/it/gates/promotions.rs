//! Promotions and approvals of what nobody asked for before: captured first, verified as ever, then sent through the gates.

use super::{MODULE, Rig, check, must_run};
use crate::rig::granary::Setup;
use crate::rig::module::make;

/// Runs an act that must be refused; gives what it said.
#[track_caller]
fn must_refuse(setup: &Setup, arguments: &[&str]) -> String {
    let output = setup.run(arguments);
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
    assert!(said.contains("refused: "), "{arguments:?}: {said}");
    said
}

fn promote(version: &str) -> [String; 4] {
    ["promote", &format!("{MODULE}@{version}"), "--why", "needed"].map(str::to_owned)
}

fn borrowed(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

#[test]
fn a_promotion_captures_what_was_never_captured() {
    let rig = Rig::refusing_bad().set("capture.zips", "asked");
    let made = ["v1.0.0", "v1.1.0", "v1.2.0-bad"].map(|version| rig.publish(version));
    let granary = rig.setup.start();
    // Nothing of the first is here, and of the second no zip.
    granary.must_get(&made[1].file("mod"));
    let both = [
        "promote",
        &format!("{MODULE}@v1.0.0"),
        &format!("{MODULE}@v1.1.0"),
        "--why",
        "needed",
    ];
    let said = must_run(&rig.setup, &both);
    assert!(said.contains("promote: 2 done"), "{said}");
    for made in &made[..2] {
        assert_eq!(rig.upstream.count(&made.file("zip")), 1);
        assert_eq!(granary.must_get(&made.file("zip")), made.zip);
        assert_eq!(rig.upstream.count(&made.file("zip")), 1, "it was here");
    }
    let again = must_run(&rig.setup, &both);
    assert!(again.contains("promote: 2 so before"), "{again}");
    // Gates are not skipped.
    let said = must_refuse(&rig.setup, &borrowed(&promote("v1.2.0-bad")));
    assert!(said.contains("no-bad: it is bad"), "{said}");
    check(&granary, &made[2].file("zip"), 403, &["no-bad: it is bad"]);
    let deeds = must_run(&rig.setup, &["deeds"]);
    assert!(
        deeds.contains("promote example.com/gated@v1.0.0: done (needed)"),
        "{deeds}"
    );
    assert!(
        deeds.contains("promote example.com/gated@v1.2.0-bad: refused (needed)"),
        "{deeds}"
    );
}

#[test]
fn what_a_promotion_captures_is_verified() {
    let rig = Rig::new();
    rig.publish("v1.0.0");
    // The tag moved: the database has the first bytes.
    let moved = make(MODULE, "v1.0.0", &[("other.go", "package other\n")]);
    rig.upstream.add(moved.clone());
    let granary = rig.setup.start();
    let said = must_refuse(&rig.setup, &borrowed(&promote("v1.0.0")));
    assert!(said.contains("SECURITY ERROR"), "{said}");
    check(&granary, &moved.file("zip"), 403, &["quarantine"]);
    let said = must_refuse(&rig.setup, &borrowed(&promote("v1.9.9")));
    assert!(said.contains("not found"), "{said}");
}

#[test]
fn nothing_is_fetched_of_what_is_withheld() {
    let rig = Rig::new().set("capture.zips", "asked");
    let made = rig.publish("v1.0.0");
    let granary = rig.setup.start();
    granary.must_get(&made.file("mod"));
    let of = format!("{MODULE}@v1.0.0");
    must_run(&rig.setup, &["withdraw", &of, "--why", "not this one"]);
    let said = must_refuse(&rig.setup, &borrowed(&promote("v1.0.0")));
    assert!(said.contains("was withdrawn: not this one"), "{said}");
    assert_eq!(rig.upstream.count(&made.file("zip")), 0);
}

#[test]
fn a_promotion_needs_no_server() {
    let rig = Rig::new().set("capture.zips", "asked");
    let made = rig.publish("v1.0.0");
    rig.setup.start().kill();
    let said = must_run(&rig.setup, &borrowed(&promote("v1.0.0")));
    assert!(said.contains("is in prod now"), "{said}");
    let granary = rig.setup.start();
    assert_eq!(granary.must_get(&made.file("zip")), made.zip);
    assert_eq!(rig.upstream.count(&made.file("zip")), 1);
}

#[test]
fn an_approval_captures_too_and_passes_every_gate_that_asks_where_it_names_none() {
    let rig = Rig::new()
        .set("stages", "dev:approval, staging:approval, prod")
        .set("public_stages", "staging")
        .set("capture.zips", "asked");
    let (first, second) = (rig.publish("v1.0.0"), rig.publish("v1.1.0"));
    let granary = rig.setup.start();
    let (one, two) = (format!("{MODULE}@v1.0.0"), format!("{MODULE}@v1.1.0"));
    let said = must_run(&rig.setup, &["approve", &one, "--why", "read it"]);
    assert!(said.contains("is in prod now"), "{said}");
    assert_eq!(granary.must_get(&first.file("zip")), first.zip);
    let said = must_run(
        &rig.setup,
        &["approve", &two, "--view", "staging", "--why", "read it"],
    );
    assert!(
        said.contains("is in staging now, and waits for an approval for prod"),
        "{said}"
    );
    let in_staging = format!("/r/staging{}", second.file("zip"));
    assert_eq!(granary.must_get(&in_staging), second.zip);
    check(&granary, &second.file("zip"), 404, &["it waits at a gate"]);
    let why = must_run(&rig.setup, &["why", &two]);
    assert!(
        why.contains("prod: not yet, it waits for an approval"),
        "{why}"
    );
}
