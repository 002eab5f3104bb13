//! PostgreSQL that is there and has nothing to give: tables locked by someone, no locks left, no connections left.

use std::time::{Duration, Instant};

use super::server::{Server, Session};
use super::stage::{Readers, Stage, check_refusal};
use crate::rig::granary::Granary;
use crate::rig::wait_until;

/// The bound on locks and the wait for a connection are 5 s each; a capture meets both at most twice.
const ANSWER_WAIT: Duration = Duration::from_secs(25);

/// How long it may take until what was held is used again.
const HEAL_WAIT: Duration = Duration::from_secs(10);

/// A request that meets what is held: it waits for a bounded time, and is told why.
#[track_caller]
fn check_told(granary: &Granary, path: &str, why: &str) {
    let begun = Instant::now();
    let answer = granary.get(path);
    let took = begun.elapsed();
    check_refusal(&answer);
    assert!(answer.text().contains(why), "{}", answer.text());
    assert!(took < ANSWER_WAIT, "{path} took {took:?}");
}

#[test]
fn a_server_without_locks_or_connections_is_waited_for() {
    let Some(server) = Server::start() else {
        return;
    };
    let stage = Stage::new(0).on(&server.fresh_database("filled"));
    let granary = stage.setup.start();
    let files = stage.warm(&granary);
    let readers = Readers::start(granary.address, &files);
    let heals = |what: &str| {
        let fresh = stage.fresh();
        wait_until(HEAL_WAIT, what, || {
            granary.get(&fresh.file("zip")).status == 200
        });
        wait_until(HEAL_WAIT, what, || granary.get("/readyz").status == 200);
    };

    // Someone alters tables in a shell and goes for lunch.
    let mut shell = server.session("filled");
    shell
        .ask("begin; lock table realms, versions, zips, landings, members in access exclusive mode")
        .unwrap();
    check_told(
        &granary,
        &stage.fresh().file("info"),
        "someone holds a lock on its tables",
    );
    drop(shell);
    heals("the tables are free");

    // All locks of the server are taken. Most of our statements need none of the shared ones, so some go on.
    let mut greedy = server.session("filled");
    let taken = greedy.ask("select count(pg_advisory_lock(i)) from generate_series(1, 1000000) i");
    assert!(taken.unwrap_err().contains("out of shared memory"));
    for _ in 0..3 {
        let answer = granary.get(&stage.fresh().file("info"));
        if answer.status != 200 {
            check_refusal(&answer);
        }
    }
    drop(greedy);
    heals("there are locks again");

    // All connections are taken, those of the running server are ended.
    server
        .session("postgres")
        .ask("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'filled'")
        .unwrap();
    let mut crowd: Vec<Session> = Vec::new();
    wait_until(HEAL_WAIT, "no place is left", || {
        while let Ok(session) = Session::open(server.port, "postgres") {
            crowd.push(session);
        }
        let answer = granary.get(&stage.fresh().file("mod"));
        if answer.status != 200 {
            check_refusal(&answer);
        }
        crowd.len() > 20
    });
    drop(crowd);
    heals("there are connections again");
    readers.stop();
}
