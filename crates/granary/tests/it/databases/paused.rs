//! The process itself stops for a while and goes on, as on a machine that was suspended: with requests and fetches under
//! way, on both databases.

use std::time::Duration;

use super::server::{Server, signal};
use super::stage::{Stage, asked, check_refusal};
use crate::rig::{raw, wait_until};

/// How long it may take until everything works again.
const HEAL_WAIT: Duration = Duration::from_secs(10);

fn check_pause(stage: &Stage) {
    let granary = stage.setup.start();
    let files = stage.warm(&granary);
    stage.upstream.set_delay(Duration::from_millis(700));
    let captures = stage.capture_on(&granary);
    let slow = stage.fresh();
    let (address, path) = (granary.address, slow.file("zip"));
    let waiting = std::thread::spawn(move || raw::get(address, &path));
    wait_until(HEAL_WAIT, "a fetch is under way", || {
        stage.upstream.count(&slow.file("zip")) > 0
    });

    signal("STOP", &[granary.process_id()]);
    std::thread::sleep(Duration::from_secs(asked(
        "GRANARY_DATABASE_PAUSE_SECONDS",
        2,
    )));
    signal("CONT", &[granary.process_id()]);

    // What was under way ends well, or says when to come back.
    let answer = waiting.join().unwrap();
    match answer.status {
        200 => assert_eq!(answer.body, slow.zip),
        504 => {}
        _ => check_refusal(&answer),
    }
    for (path, bytes) in &files {
        assert_eq!(granary.must_get(path), *bytes);
    }
    stage.upstream.set_delay(Duration::ZERO);
    let fresh = stage.fresh();
    for made in [&slow, &fresh] {
        wait_until(HEAL_WAIT, "captures go on", || {
            granary.get(&made.file("zip")).status == 200
        });
    }
    wait_until(HEAL_WAIT, "it is ready", || {
        granary.get("/readyz").status == 200
    });
    let (got, refusals) = captures.stop();
    eprintln!(
        "paused: the fetch under way got {}, {} files captured and kept, {refusals} refusals",
        answer.status,
        got.len()
    );
    stage.check_kept(granary, &got);
}

#[test]
fn a_paused_process_goes_on_with_sqlite() {
    check_pause(&Stage::new(10));
}

#[test]
fn a_paused_process_goes_on_with_postgresql() {
    if let Some(server) = Server::start() {
        check_pause(&Stage::new(10).on(&server.fresh_database("paused")));
    }
}
