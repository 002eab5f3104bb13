//! Withdrawals and quarantines: what was served is gone within seconds, with the reason, and no other bytes take its place.

use std::fs;
use std::time::Duration;

use super::{MODULE, Rig, check, must_run};
use crate::postgres::server;
use crate::rig::database::Database;
use crate::rig::granary::Setup;
use crate::rig::module::make;
use crate::rig::upstream::Upstream;
use crate::rig::{raw, wait_until};

/// Every process has it within this time.
pub const WITHIN: Duration = Duration::from_secs(10);

#[test]
fn a_withdrawn_version_is_gone_with_its_reason_and_never_comes_back_with_other_bytes() {
    let rig = Rig::new();
    let (kept, gone) = (rig.publish("v1.0.0"), rig.publish("v1.1.0"));
    let granary = rig.setup.start();
    for made in [&kept, &gone] {
        for extension in ["info", "mod", "zip"] {
            granary.must_get(&made.file(extension));
        }
    }
    let of = format!("{MODULE}@v1.1.0");
    must_run(
        &rig.setup,
        &["withdraw", &of, "--why", "the author asked for it"],
    );
    for extension in ["info", "mod", "zip"] {
        let path = gone.file(extension);
        wait_until(WITHIN, "it is gone", || granary.get(&path).status == 410);
        check(
            &granary,
            &path,
            410,
            &["was withdrawn", "the author asked for it"],
        );
    }
    wait_until(WITHIN, "the list does not have it", || {
        !granary
            .get(&format!("/{MODULE}/@v/list"))
            .text()
            .contains("v1.1.0")
    });
    check(&granary, &format!("/{MODULE}/@latest"), 200, &["v1.0.0"]);
    // Someone moves the tag: nothing of that comes in, before and after a release.
    rig.upstream
        .add(make(MODULE, "v1.1.0", &[("other.go", "package other\n")]));
    check(&granary, &gone.file("zip"), 410, &[]);
    must_run(&rig.setup, &["release", &of, "--why", "a mistake"]);
    wait_until(WITHIN, "it is back", || {
        granary.get(&gone.file("zip")).status == 200
    });
    assert_eq!(granary.must_get(&gone.file("zip")), gone.zip);
    must_run(&rig.setup, &["verify"]);
}

#[test]
fn a_legal_withdrawal_and_a_quarantine_say_what_they_are() {
    let rig = Rig::new();
    let (legal, suspect) = (rig.publish("v1.0.0"), rig.publish("v1.1.0"));
    let granary = rig.setup.start();
    granary.must_get(&legal.file("zip"));
    granary.must_get(&suspect.file("zip"));
    must_run(
        &rig.setup,
        &[
            "withdraw",
            "--legal",
            &format!("{MODULE}@v1.0.0"),
            "--why",
            "order 7",
        ],
    );
    wait_until(WITHIN, "it is gone", || {
        granary.get(&legal.file("zip")).status == 451
    });
    // In bulk: what was withdrawn stays so, which is told.
    let told = rig
        .setup
        .run(&["quarantine", MODULE, "--why", "looks like malware"]);
    assert_eq!(told.status.code(), Some(1));
    wait_until(WITHIN, "it is held", || {
        granary.get(&suspect.file("zip")).status == 403
    });
    check(
        &granary,
        &suspect.file("zip"),
        403,
        &["is in quarantine", "looks like malware"],
    );
    check(&granary, &legal.file("zip"), 451, &["order 7"]);
    must_run(
        &rig.setup,
        &["release", &format!("{MODULE}@v1.1.0"), "--why", "it is not"],
    );
    wait_until(WITHIN, "it is back", || {
        granary.get(&suspect.file("zip")).status == 200
    });
}

#[test]
fn acts_on_what_does_not_exist_are_refused_and_written_down() {
    let rig = Rig::new();
    let granary = rig.setup.start();
    for arguments in [
        ["withdraw", "example.com/none@v1.0.0", "--why", "x"].as_slice(),
        &["release", "example.com/none@v1.0.0", "--why", "x"],
        &["promote", "example.com/none@v1.0.0", "--why", "x"],
        &["quarantine", "example.com/none", "--why", "x"],
        &["withdraw", "no version", "--why", "x"],
        &[
            "waive",
            "example.com/none",
            "--rule",
            "size",
            "--owner",
            "a",
            "--until",
            "2001-01-01T00:00:00Z",
            "--why",
            "x",
        ],
    ] {
        let output = rig.setup.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    }
    let deeds = must_run(&rig.setup, &["deeds"]);
    assert!(
        deeds.contains("refused") && deeds.contains("example.com/none"),
        "{deeds}"
    );
    drop(granary);
}

#[test]
fn what_another_view_withholds_gets_around_no_gatekeeper() {
    let rig = Rig::new()
        .set("refusal", "gatekeeper")
        .set("capture.zips", "asked");
    let made = rig.publish("v1.0.0");
    let granary = rig.setup.start();
    // Captured and not asked for further: it is in dev alone.
    granary.must_get(&made.file("mod"));
    let token = fs::read_to_string(rig.setup.data().join("admin.token")).unwrap();
    let ask = format!(
        r#"{{"act":"withdraw","of":["{MODULE}@v1.0.0"],"view":"dev","why":"not this one"}}"#
    );
    let answer = raw::send(
        granary.address,
        format!(
            "POST /v1/acts HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{ask}",
            granary.address,
            token.trim(),
            ask.len()
        )
        .as_bytes(),
    );
    assert_eq!(answer.status, 200, "{}", answer.text());
    wait_until(WITHIN, "it is refused", || {
        granary.get(&made.file("zip")).status == 403
    });
    check(&granary, &made.file("zip"), 403, &["not this one"]);
}

#[test]
fn a_withdrawal_reaches_every_process_that_serves_from_one_database() {
    let Some(url) = server::fresh_database() else {
        return;
    };
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let made = upstream.publish(MODULE, "v1.0.0", &[("m.go", "package m\n")]);
    let first = Setup::with(&upstream, &database).set("database", &url);
    let store = format!("file://{}", first.folder("apart").join("blobs").display());
    let first = first.set("store", &store);
    let second = Setup::with(&upstream, &database)
        .set("database", &url)
        .set("store", &store);
    let servers = [first.start(), second.start()];
    for server in &servers {
        // Twice: the second answer comes from memory.
        for _ in 0..2 {
            assert_eq!(server.must_get(&made.file("zip")), made.zip);
        }
    }
    let of = format!("{MODULE}@v1.0.0");
    must_run(&first, &["withdraw", &of, "--why", "not this one"]);
    for server in &servers {
        wait_until(WITHIN, "it is gone", || {
            server.get(&made.file("zip")).status == 410
        });
        check(server, &made.file("zip"), 410, &["not this one"]);
    }
}
