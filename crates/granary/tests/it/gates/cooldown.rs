//! A cooldown: what was first seen today is hidden, whatever its commit says, and shows by itself when its time has come.

use std::time::Duration;

use super::{MODULE, Rig, check};
use crate::databases::clock::Clock;
use crate::rig::go::Go;
use crate::rig::wait_until;

/// The sweep looks every few seconds, and lists are fresh for one.
const SOON: Duration = Duration::from_secs(60);

#[test]
fn a_version_of_today_shows_when_its_time_has_come() {
    let rig = Rig::new()
        .set("policy.cooldown", "7d")
        .set("refusal", "gatekeeper");
    let Some(clock) = Clock::new(&rig.setup.folder("clock")) else {
        return;
    };
    // A commit of long ago proves nothing: whoever makes it writes its time.
    let made = rig.publish("v1.0.0");
    let granary = clock.rule(rig.setup.clone()).start();
    check(
        &granary,
        &made.file("zip"),
        403,
        &["cooldown", "it is judged again at"],
    );
    check(&granary, &format!("/{MODULE}/@v/list"), 404, &[]);
    let Some(go) = Go::find(&granary, &rig.database) else {
        return;
    };
    let project = go.project("p", &[("go.mod", "module example.com/p\n\ngo 1.21\n")]);
    let said = go.run(&project, &["mod", "download", &format!("{MODULE}@v1.0.0")]);
    assert!(!said.ok && said.err.contains("cooldown"), "{}", said.err);

    clock.set("+6d");
    check(&granary, &made.file("zip"), 403, &["cooldown"]);
    clock.set("+8d");
    // Nobody asks for it meanwhile.
    wait_until(SOON, "the list has it", || {
        granary.get(&format!("/{MODULE}/@v/list")).text() == "v1.0.0\n"
    });
    assert_eq!(granary.must_get(&made.file("zip")), made.zip);
    go.must(&project, &["mod", "download", &format!("{MODULE}@v1.0.0")]);
}
