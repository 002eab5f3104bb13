//! What lists and `@latest` show: never what is refused from the verdict on, and no version whose retraction is hidden.

use std::time::Duration;

use super::{MODULE, Rig, check, must_run};
use crate::rig::go::Go;
use crate::rig::wait_until;

#[test]
fn from_the_verdict_on_list_and_latest_omit_what_is_refused() {
    let rig = Rig::new().set("policy.deny", &format!("{MODULE}@v1.2.0"));
    let (good, refused) = (rig.publish("v1.1.0"), rig.publish("v1.2.0"));
    let granary = rig.setup.start();
    // Known, not judged: others may have it.
    check(
        &granary,
        &format!("/{MODULE}/@v/list"),
        200,
        &["v1.1.0", "v1.2.0"],
    );
    check(
        &granary,
        &refused.file("zip"),
        403,
        &["the deny list names it"],
    );
    let list = granary.get(&format!("/{MODULE}/@v/list"));
    assert_eq!(list.text(), "v1.1.0\n");
    check(&granary, &format!("/{MODULE}/@latest"), 200, &["v1.1.0"]);
    granary.must_get(&good.file("zip"));
}

#[test]
fn a_hidden_retraction_hides_what_it_retracts() {
    let rig = Rig::new().set("policy.deny", &format!("{MODULE}@v1.3.0"));
    let retracted = rig.publish("v1.2.0");
    rig.publish("v1.1.0");
    let text = format!("module {MODULE}\n\ngo 1.21\n\nretract v1.2.0 // broken\n");
    let retracting = rig.upstream.publish(
        MODULE,
        "v1.3.0",
        &[("go.mod", &text), ("m.go", "package m\n")],
    );
    let granary = rig.setup.start();
    granary.must_get(&retracted.file("zip"));
    check(&granary, &retracting.file("zip"), 403, &[]);
    assert_eq!(
        granary.get(&format!("/{MODULE}/@v/list")).text(),
        "v1.1.0\n"
    );
    check(&granary, &format!("/{MODULE}/@latest"), 200, &["v1.1.0"]);
    // Exact versions that prod holds stay served even where hidden.
    assert_eq!(granary.must_get(&retracted.file("zip")), retracted.zip);
}

#[test]
fn a_gatekeeper_lists_members_alone_and_go_get_u_works_with_them() {
    let rig = Rig::refusing_bad().set("refusal", "gatekeeper");
    let first = rig.publish("v1.0.0");
    rig.publish("v1.1.0");
    rig.publish("v1.2.0-bad");
    let granary = rig.setup.start();
    granary.must_get(&first.file("zip"));
    assert_eq!(
        granary.get(&format!("/{MODULE}/@v/list")).text(),
        "v1.0.0\n"
    );
    let Some(go) = Go::find(&granary, &rig.database) else {
        return;
    };
    let main = "package main\n\nimport _ \"example.com/gated\"\n\nfunc main() {}\n";
    let text = format!("module example.com/p\n\ngo 1.21\n\nrequire {MODULE} v1.0.0\n");
    let project = go.project("p", &[("go.mod", &text), ("main.go", main)]);
    go.must(&project, &["get", "-u", "./..."]);
    let chosen = go.must(&project, &["list", "-m", MODULE]);
    assert!(chosen.contains("v1.0.0"), "{chosen}");
    must_run(&rig.setup, &["get", &format!("{MODULE}@v1.1.0")]);
    wait_until(Duration::from_secs(20), "the list has it", || {
        granary.get(&format!("/{MODULE}/@v/list")).text() == "v1.0.0\nv1.1.0\n"
    });
    go.must(&project, &["get", "-u", "./..."]);
    let chosen = go.must(&project, &["list", "-m", MODULE]);
    assert!(chosen.contains("v1.1.0"), "{chosen}");
}

#[test]
fn where_all_members_are_hidden_go_stays_where_it_is() {
    let rig = Rig::new()
        .set("refusal", "gatekeeper")
        .set("policy.deny", &format!("{MODULE}@v1.3.0"));
    let only = rig.publish("v1.2.0");
    let text = format!("module {MODULE}\n\ngo 1.21\n\nretract [v1.0.0, v1.3.0]\n");
    let files = [("go.mod", text.as_str()), ("m.go", "package m\n")];
    let retracting = rig.upstream.publish(MODULE, "v1.3.0", &files);
    let granary = rig.setup.start();
    granary.must_get(&only.file("zip"));
    check(&granary, &retracting.file("zip"), 403, &[]);
    let list = granary.get(&format!("/{MODULE}/@v/list"));
    assert_eq!((list.status, list.text().as_str()), (200, ""));
    let Some(go) = Go::find(&granary, &rig.database) else {
        return;
    };
    let main = "package main\n\nimport _ \"example.com/gated\"\n\nfunc main() {}\n";
    let text = format!("module example.com/p\n\ngo 1.21\n\nrequire {MODULE} v1.2.0\n");
    let project = go.project("p", &[("go.mod", &text), ("main.go", main)]);
    go.must(&project, &["get", "-u", "./..."]);
    let chosen = go.must(&project, &["list", "-m", MODULE]);
    assert!(chosen.contains("v1.2.0"), "{chosen}");
}
