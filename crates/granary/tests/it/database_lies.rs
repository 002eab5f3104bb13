//! A checksum database that lies, forks or is not there: nothing unverified is ever served. One test per lie.

use crate::rig::database::{Database, DatabaseLie};
use crate::rig::granary::{Granary, Setup};
use crate::rig::module::{Made, make};
use crate::rig::upstream::Upstream;

struct Stage {
    database: Database,
    upstream: Upstream,
    granary: Granary,
    made: Made,
}

impl Stage {
    fn new() -> Self {
        let database = Database::new();
        let upstream = Upstream::start_with(&database);
        let made = upstream.publish("example.com/sum", "v1.0.0", &[("s.go", "package sum\n")]);
        let granary = Setup::with(&upstream, &database).start();
        Self {
            database,
            upstream,
            granary,
            made,
        }
    }

    /// No file of a version may be served while the database lies; gives the reason.
    #[track_caller]
    fn check_nothing_served(&self, made: &Made, status: u16) -> String {
        let mut reason = String::new();
        for extension in ["mod", "zip", "info"] {
            let answer = self.granary.get(&made.file(extension));
            reason = answer.text();
            assert_eq!(
                answer.status,
                status,
                "{extension}: {reason}\n{}",
                self.granary.log()
            );
            assert!(
                reason.lines().count() <= 8 && reason.len() <= 648,
                "{reason:?}"
            );
        }
        reason
    }

    /// With the truth told again, everything is served, also by a restarted server.
    #[track_caller]
    fn check_recovers(self) {
        self.database.lie(DatabaseLie::None);
        let granary = self.granary.kill().start();
        for extension in ["info", "mod", "zip"] {
            assert_eq!(
                granary.must_get(&self.made.file(extension)),
                self.made.bytes(extension)
            );
        }
    }
}

#[test]
fn a_record_with_another_zip_hash() {
    let stage = Stage::new();
    let made = make(
        "example.com/moved",
        "v1.0.0",
        &[("m.go", "package moved\n")],
    );
    let other = make(
        "example.com/moved",
        "v1.0.0",
        &[("m.go", "package before\n")],
    );
    stage
        .database
        .record_hashes(&made.of, other.h1, made.go_mod_h1);
    stage.upstream.add(made.clone());
    // The go.mod is vouched for, the zip is not.
    assert_eq!(stage.granary.must_get(&made.file("mod")), made.go_mod);
    let answer = stage.granary.get(&made.file("zip"));
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(
        answer.text().contains("example.com/moved"),
        "{}",
        answer.text()
    );
    // Both hashes are kept where an administrator looks.
    let log = stage.granary.log();
    assert!(
        log.contains(&made.h1.to_string()) && log.contains(&other.h1.to_string()),
        "{log}"
    );
    assert_eq!(
        stage.granary.kill().start().get(&made.file("zip")).status,
        403,
        "forgotten by a restart"
    );
}

#[test]
fn a_record_with_another_go_mod_hash() {
    let stage = Stage::new();
    let made = make(
        "example.com/moved",
        "v1.0.0",
        &[("m.go", "package moved\n")],
    );
    let other = make(
        "example.com/moved",
        "v1.0.0",
        &[("go.mod", "module example.com/moved\n")],
    );
    stage
        .database
        .record_hashes(&made.of, made.h1, other.go_mod_h1);
    stage.upstream.add(made.clone());
    stage.check_nothing_served(&made, 403);
}

#[test]
fn a_lookup_that_shows_other_hashes_than_the_log_holds() {
    let stage = Stage::new();
    stage.database.lie(DatabaseLie::ForgedRecord);
    stage.check_nothing_served(&stage.made, 503);
    stage.check_recovers();
}

/// CVE-2026-56864: lines in a lookup's record that nothing vouches for.
#[test]
fn a_lookup_with_unrelated_hashes_in_it() {
    let stage = Stage::new();
    stage.database.lie(DatabaseLie::UnrelatedLines);
    stage.check_nothing_served(&stage.made, 503);
    stage.check_recovers();
}

/// CVE-2026-56865: tiles that do not follow from the signed head.
#[test]
fn tiles_that_do_not_follow_from_the_head() {
    let stage = Stage::new();
    stage.database.lie(DatabaseLie::TamperedTile);
    stage.check_nothing_served(&stage.made, 503);
    stage.check_recovers();
}

#[test]
fn heads_signed_by_another_key() {
    let stage = Stage::new();
    stage.database.lie(DatabaseLie::WrongKey);
    stage.check_nothing_served(&stage.made, 503);
    stage.check_recovers();
}

#[test]
fn answers_that_are_nothing_at_all() {
    let stage = Stage::new();
    stage.database.lie(DatabaseLie::Garbage);
    stage.check_nothing_served(&stage.made, 503);
    stage.check_recovers();
}

#[test]
fn a_database_that_cannot_be_reached() {
    let stage = Stage::new();
    stage.database.lie(DatabaseLie::Unreachable);
    stage.check_nothing_served(&stage.made, 503);
    stage.check_recovers();
}

#[test]
fn a_database_without_a_record() {
    let stage = Stage::new();
    stage.database.lie(DatabaseLie::NoRecord);
    let reason = stage.check_nothing_served(&stage.made, 403);
    assert!(
        reason.contains("sumdb_absent"),
        "the reason names no way out: {reason}"
    );
    let allowed = stage.granary.kill().set("sumdb_absent", "allow").start();
    assert_eq!(allowed.must_get(&stage.made.file("zip")), stage.made.zip);
}

#[test]
fn two_heads_that_do_not_agree_stop_all_captures() {
    let stage = Stage::new();
    for extension in ["info", "mod", "zip"] {
        assert_eq!(
            stage.granary.must_get(&stage.made.file(extension)),
            stage.made.bytes(extension)
        );
    }
    let late = make("example.com/late", "v1.0.0", &[("l.go", "package late\n")]);
    stage.upstream.add(late.clone());
    stage.database.fork(&[&stage.made, &late]);
    stage.check_nothing_served(&late, 503);
    let log = stage.granary.log();
    assert!(
        log.to_lowercase().contains("fork") || log.contains("do not agree"),
        "nothing loud in the log:\n{log}"
    );

    // What was verified before stays served; nothing new comes in, not even after a restart.
    assert_eq!(
        stage.granary.must_get(&stage.made.file("zip")),
        stage.made.zip
    );
    let other = stage.upstream.publish(
        "example.com/other-late",
        "v1.0.0",
        &[("o.go", "package o\n")],
    );
    let restarted = stage.granary.kill().start();
    assert_eq!(restarted.get(&other.file("mod")).status, 503);
    assert_eq!(restarted.must_get(&stage.made.file("zip")), stage.made.zip);
}

#[test]
fn only_known_databases_are_passed_on() {
    let stage = Stage::new();
    let name = crate::rig::database::NAME;
    assert_eq!(
        stage
            .granary
            .get(&format!("/sumdb/{name}/supported"))
            .status,
        200
    );
    assert_eq!(
        stage.upstream.count(&format!("/sumdb/{name}/supported")),
        0,
        "`supported` is answered here"
    );
    let lookup = stage
        .granary
        .must_get(&format!("/sumdb/{name}/lookup/example.com/sum@v1.0.0"));
    assert!(String::from_utf8_lossy(&lookup).contains(&stage.made.h1.to_string()));
    assert_eq!(
        stage.granary.get(&format!("/sumdb/{name}/latest")).status,
        200
    );
    assert_eq!(
        stage.granary.get("/sumdb/evil.example/supported").status,
        404
    );
    assert_eq!(stage.granary.get("/sumdb/evil.example/latest").status, 404);
}
