//! PostgreSQL that dies, is stopped, hangs, or cuts its connections, while clients read and capture.

use std::time::{Duration, Instant};

use super::cutter::Cutter;
use super::server::Server;
use super::stage::{Readers, Stage, asked, check_refused_soon, metric};
use crate::rig::granary::Granary;
use crate::rig::wait_until;

/// How long it may take until a server that is back is used again.
const HEAL_WAIT: Duration = Duration::from_secs(10);

/// How long it may take until everybody knows that a server is away; one that hangs is noticed last.
const NOTICE_WAIT: Duration = Duration::from_secs(15);

/// How long `/readyz` may go on saying that all is well.
const AWAY_TOLD_WAIT: Duration = Duration::from_secs(5);

/// Modules that the client captures on and on.
const MODULES: usize = 30;

/// What happens to the server.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Kill,
    StopAtOnce,
    Pause,
}

impl Fault {
    fn begin(self, server: &mut Server) {
        match self {
            Self::Kill => server.kill(),
            Self::StopAtOnce => server.stop_at_once(),
            Self::Pause => server.pause(),
        }
    }

    fn end(self, server: &mut Server) {
        match self {
            Self::Kill | Self::StopAtOnce => server.start_again(),
            Self::Pause => server.resume(),
        }
    }
}

#[test]
fn a_server_that_goes_away_and_comes_back_is_survived() {
    let Some(mut server) = Server::start() else {
        return;
    };
    for round in 0..asked("GRANARY_DATABASE_ROUNDS", 1) {
        for fault in [Fault::Kill, Fault::StopAtOnce, Fault::Pause] {
            survive(&mut server, fault, round);
        }
    }
}

fn survive(server: &mut Server, fault: Fault, round: u64) {
    let name = format!("{fault:?}_{round}").to_lowercase();
    let stage = Stage::new(MODULES).on(&server.fresh_database(&name));
    let granary = stage.setup.start();
    let files = stage.warm(&granary);
    let readers = Readers::start(granary.address, &files);
    let captures = stage.capture_on(&granary);
    wait_until(NOTICE_WAIT, "some captures", || captures.count() >= 4);

    fault.begin(server);
    let begun = Instant::now();
    wait_until(NOTICE_WAIT, "the server is missed", || {
        metric(&granary, "granary_database_lost_total") > 0
    });
    let noticed = begun.elapsed();
    check_away(&granary, &stage);
    std::thread::sleep(Duration::from_secs(asked(
        "GRANARY_DATABASE_AWAY_SECONDS",
        0,
    )));
    check_away(&granary, &stage);

    fault.end(server);
    let back = Instant::now();
    let fresh = stage.fresh();
    wait_until(HEAL_WAIT, "captures go on", || {
        granary.get(&fresh.file("info")).status == 200
    });
    let healed = back.elapsed();
    wait_until(HEAL_WAIT, "it is ready", || {
        granary.get("/readyz").status == 200
    });

    let (got, refusals) = captures.stop();
    let reads = readers.stop();
    check_once(server, &name);
    let log = granary.log();
    assert_eq!(
        log.matches("the database cannot be reached:").count(),
        1,
        "{log}"
    );
    assert_eq!(log.matches("can be reached again").count(), 1, "{log}");
    stage.check_kept(granary, &got);
    eprintln!(
        "{fault:?}: noticed after {noticed:?}, used again after {healed:?}; {reads} reads, all right; \
         {} files captured and kept, {refusals} refusals",
        got.len()
    );
}

/// What needs the database is refused at once, what is in memory is not.
#[track_caller]
fn check_away(granary: &Granary, stage: &Stage) {
    let fresh = stage.fresh();
    let list = format!("/{}/@v/list", fresh.of.path().escaped());
    for path in [fresh.file("info"), fresh.file("zip"), list] {
        check_refused_soon(granary, &path);
    }
    check_refused_soon(granary, "/example.com/never/@v/v1.0.0.mod");
    // Readiness is looked at once a second.
    wait_until(AWAY_TOLD_WAIT, "it says that it is not ready", || {
        let ready = granary.get("/readyz");
        ready.status == 503 && ready.text().contains("catalog cannot be reached")
    });
    assert_eq!(granary.get("/livez").status, 200);
}

/// Every version landed once in each stage, and the numbers of landings have no gap.
fn check_once(server: &Server, database: &str) {
    let counts = server.session(database).ask(
        "select count(*), max(seq), count(distinct (view, module, version)), count(distinct (module, version)), (select count(*) from versions) from landings",
    );
    let counts = counts.unwrap();
    assert!(
        counts[..3].iter().all(|count| *count == counts[0]),
        "{counts:?}"
    );
    assert_eq!(counts[3], counts[4], "{counts:?}");
}

#[test]
fn cut_connections_lose_nothing_and_repeat_nothing() {
    let Some(server) = Server::start() else {
        return;
    };
    let rounds = asked("GRANARY_DATABASE_ROUNDS", 1);
    let modules = 2 * MODULES * rounds as usize;
    let stage = Stage::new(modules).on(&server.fresh_database("cut"));
    let granary = stage.setup.start();
    let files = stage.warm(&granary);
    let readers = Readers::start(granary.address, &files);
    let captures = stage.capture_on(&granary);
    let mut session = server.session("cut");
    let cuts = 25 * rounds;
    let mut cut = 0;
    while cut < cuts && captures.count() < modules * 3 {
        let ended = session.ask(
            "select pg_terminate_backend(pid) from pg_stat_activity
              where datname = 'cut' and pid <> pg_backend_pid() and (state = 'active' or state like 'idle in%')",
        );
        cut += ended.unwrap().len() as u64;
        std::thread::park_timeout(Duration::from_millis(1));
    }
    let fresh = stage.fresh();
    wait_until(HEAL_WAIT, "captures go on", || {
        granary.get(&fresh.file("zip")).status == 200
    });
    assert!(cut > 0, "no connection was cut in the midst");
    let (got, refusals) = captures.stop();
    let reads = readers.stop();
    check_once(&server, "cut");
    let retries = metric(&granary, "granary_catalog_retries_total");
    stage.check_kept(granary, &got);
    eprintln!(
        "connections cut in the midst: {cut}; {retries} calls tried again, {reads} reads, all right; \
         {} files captured and kept, {refusals} refusals",
        got.len()
    );
}

#[test]
fn a_commit_whose_answer_is_lost_is_neither_a_failure_nor_done_twice() {
    let Some(server) = Server::start() else {
        return;
    };
    let rounds = 8 * asked("GRANARY_DATABASE_ROUNDS", 1);
    let cutter = Cutter::start(server.port);
    let direct = server.fresh_database("lost");
    let through = direct.replace(&format!(":{}/", server.port), &format!(":{}/", cutter.port));
    let stage = Stage::new(0).on(&through);
    let granary = stage.setup.start();
    for round in 0..rounds {
        let (made, before) = (stage.fresh(), cutter.cuts());
        cutter.cut_commits(1);
        assert_eq!(
            granary.must_get(&made.file("info")),
            made.bytes("info"),
            "round {round}"
        );
        cutter.cut_commits(1);
        assert_eq!(
            granary.must_get(&made.file("zip")),
            made.bytes("zip"),
            "round {round}"
        );
        assert!(cutter.cuts() > before, "no commit was cut");
    }
    check_once(&server, "lost");
    assert!(metric(&granary, "granary_catalog_retries_total") >= rounds);
    eprintln!("answers to commits lost: {}", cutter.cuts());
}
