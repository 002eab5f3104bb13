//! Backups: taken while clients capture and read, cut off by kill -9, damaged in every way, and restored on empty folders,
//! where the bytes must be the ones that were served.

mod damaged;
mod evidence;
mod interrupted;
mod refused;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use gomod::hash::ContentDigest;
use serde_json::Value;

use crate::by_hand::{WAYS, lines_of, run};
use crate::postgres::server;
use crate::rig::database::Database;
use crate::rig::go::Go;
use crate::rig::granary::Setup;
use crate::rig::module::{Made, noise};
use crate::rig::raw;
use crate::rig::upstream::Upstream;

/// Where a blob lies below a store or a backup.
fn blob(root: &Path, bytes: &[u8]) -> PathBuf {
    let hex = ContentDigest::of(bytes).to_string();
    root.join("blob/sha256").join(&hex[..2]).join(&hex[2..])
}

/// How many blobs lie below a store or a backup.
fn count_blobs(root: &Path) -> usize {
    let Ok(shards) = std::fs::read_dir(root.join("blob/sha256")) else {
        return 0;
    };
    shards
        .flatten()
        .filter_map(|shard| std::fs::read_dir(shard.path()).ok())
        .flat_map(Iterator::flatten)
        // What a kill leaves of a folder that is made ready for its sync is no blob.
        .filter(|file| !file.file_name().as_encoded_bytes().starts_with(b"."))
        .count()
}

/// The figures of a command's last line.
fn figures(setup: &Setup, arguments: &[&str], code: i32) -> Value {
    let mut with_json = arguments.to_vec();
    with_json.push("--json");
    let out = run(setup, &with_json, code);
    lines_of(&out, "done").remove(0)["data"].take()
}

fn publish(upstream: &Upstream, names: std::ops::Range<usize>) -> Vec<Made> {
    names
        .map(|n| {
            // Every eighth is larger than what is copied in one piece.
            let bytes = if n % 8 == 7 { 1_500_000 } else { 3_000 };
            // And no two have the same `.info`, which would be one blob.
            let (path, version) = (format!("example.com/Kept{n}"), format!("v1.0.{n}"));
            upstream.publish(&path, &version, &[("x.txt", &noise(n as u64, bytes))])
        })
        .collect()
}

/// A folder with these versions, taken from an upstream.
fn stored(count: usize) -> (Setup, Upstream, Database, Vec<Made>) {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let made = publish(&upstream, 0..count);
    let setup = Setup::with(&upstream, &database);
    get_all(&setup, &made);
    (setup, upstream, database, made)
}

fn get_all(setup: &Setup, made: &[Made]) {
    let names: Vec<String> = made.iter().map(|one| one.of.to_string()).collect();
    let mut arguments = vec!["get"];
    arguments.extend(names.iter().map(String::as_str));
    run(setup, &arguments, 0);
}

/// What is served by a Granary without any upstream must be these versions, byte for byte.
#[track_caller]
fn check_serves(setup: &Setup, made: &[Made]) {
    let server = setup.start();
    for one in made {
        for extension in ["info", "mod", "zip"] {
            let body = server.must_get(&one.file(extension));
            assert_eq!(body, one.bytes(extension), "{extension} of {}", one.of);
        }
    }
}

#[test]
fn a_backup_taken_under_load_restores_everything_that_was_answered_before() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let made = Arc::new(publish(&upstream, 0..64));
    let server = Setup::with(&upstream, &database).start();
    let setup = server.setup.clone();
    let backup = setup.folder("backup").join("new");
    let (address, stop) = (server.address, Arc::new(AtomicBool::new(false)));
    let answered = Arc::new(Mutex::new(Vec::new()));
    let clients: Vec<_> = (0..8)
        .map(|client| {
            let (made, answered, stop) =
                (Arc::clone(&made), Arc::clone(&answered), Arc::clone(&stop));
            std::thread::spawn(move || {
                for step in 0.. {
                    let one = (client * 8 + step / 3) % made.len();
                    let extension = ["info", "mod", "zip"][step % 3];
                    let answer = raw::get(address, &made[one].file(extension));
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    assert_eq!(answer.body, made[one].bytes(extension));
                    answered.lock().unwrap().push((one, extension));
                    if stop.load(Ordering::Relaxed) && step >= 24 {
                        return;
                    }
                }
            })
        })
        .collect();
    crate::rig::wait_until(std::time::Duration::from_secs(60), "some answers", || {
        answered.lock().unwrap().len() >= 24
    });
    let before: Vec<_> = answered.lock().unwrap().clone();
    let first = figures(&setup, &["backup", backup.to_str().unwrap()], 0);
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().unwrap();
    }
    // All 64 are there now; the second run brings what the first did not see.
    let second = figures(&setup, &["backup", backup.to_str().unwrap()], 0);
    assert_eq!(second["versions"], 64, "{first} {second}");
    let metrics = String::from_utf8(server.must_get("/metrics")).unwrap();
    let last = metrics
        .lines()
        .find(|l| l.starts_with("granary_last_backup_timestamp_seconds "));
    assert!(last.is_some_and(|l| !l.ends_with(" 0")), "{metrics}");
    drop(server.kill());
    upstream.stop();

    // The first generation holds all that was answered before it was begun, and restores whole.
    let restored = Setup::new();
    let figures_of_it = figures(
        &restored,
        &["restore", backup.to_str().unwrap(), "--generation", "1"],
        0,
    );
    assert_eq!(figures_of_it["seq"], first["seq"]);
    let server = restored.start();
    for (one, extension) in before {
        let body = server.must_get(&made[one].file(extension));
        assert_eq!(body, made[one].bytes(extension));
    }
    let verified = figures(&restored, &["verify"], 0);
    assert_eq!(verified["extra"], 0, "{verified}");
    drop(server);

    // So does the second, and the real client builds from it.
    let restored = Setup::new().set("sumdb", &database.vkey());
    run(&restored, &["restore", backup.to_str().unwrap()], 0);
    check_serves(&restored, &made);
    let server = restored.start();
    if let Some(mut go) = Go::find(&server, &database) {
        go.set("GONOSUMDB", "example.com");
        let project = go.project(
            "user",
            &[("go.mod", "module example.com/user\n\ngo 1.21\n")],
        );
        let out = go.must(
            &project,
            &["mod", "download", "-json", "example.com/Kept1@v1.0.1"],
        );
        assert!(out.contains(&made[1].h1.to_string()), "{out}");
    }
}

#[test]
fn a_later_backup_copies_only_what_is_new_and_old_ones_can_be_forgotten() {
    let (setup, upstream, _database, made) = stored(3);
    let backup = setup.folder("backup");
    let place = format!("file://{}", backup.display());
    for way in WAYS {
        let _server = way.enter(&setup);
        let done = figures(&setup, &["backup", &place], 0);
        let copied = if done["generation"] == 1 { 9 } else { 0 };
        assert_eq!(done["copied"], copied, "{way:?} {done}");
        assert_eq!(
            (&done["blobs"], &done["left_out"]),
            (&9.into(), &0.into()),
            "{done}"
        );
    }
    let more = publish(&upstream, 3..4);
    get_all(&setup, &more);
    let done = figures(&setup, &["backup", &place, "--keep", "2"], 0);
    assert_eq!(
        (&done["copied"], &done["blobs"]),
        (&3.into(), &12.into()),
        "{done}"
    );
    assert_eq!(done["generations_removed"], 1, "{done}");
    // `sha256sum` is all that is needed to check it.
    let sums = std::process::Command::new("sh")
        .args([
            "-c",
            "sha256sum --strict --quiet -c generations/*/SHA256SUMS",
        ])
        .current_dir(&backup)
        .output()
        .unwrap();
    assert!(sums.status.success(), "{sums:?}");

    // Forgetting takes blobs along only when nobody names them any more.
    let other = Setup::new();
    run(&other, &["restore", &place, "--generation", "2"], 0);
    check_serves(&other, &made);
    // A catalog that knows less than an earlier generation forgets nothing, until somebody says that it is right.
    let said = said_by(&other, &["backup", &place, "--keep", "1"], 1);
    assert!(
        said.contains("generation 3 goes up to landing 12"),
        "{said}"
    );
    let third = backup.join("generations/000003");
    assert!(third.join("manifest.json").exists() && count_blobs(&backup) == 12);
    std::fs::remove_dir_all(third).unwrap();
    let done = figures(&other, &["backup", &place, "--keep", "1"], 0);
    assert_eq!(
        (&done["generations_removed"], &done["blobs_removed"]),
        (&2.into(), &3.into()),
        "{done}"
    );
    let rehearsed = figures(&other, &["rehearse", &place], 0);
    assert_eq!(
        (&rehearsed["generation"], &rehearsed["blobs"]),
        (&5.into(), &9.into()),
        "{rehearsed}"
    );
}

/// A lost catalog, another database: the server makes a fresh one, and cron goes on.
#[test]
fn a_fresh_catalog_does_not_rotate_the_real_backups_away() {
    let (setup, _upstream, _database, made) = stored(2);
    let backup = setup.folder("backup");
    let place = backup.to_str().unwrap();
    run(&setup, &["backup", place, "--keep", "2"], 0);
    run(&setup, &["backup", place, "--keep", "2"], 0);
    let (fresh, _other_upstream, _other_database, _) = stored(5);
    for _ in 0..3 {
        let said = said_by(&fresh, &["backup", place, "--keep", "2"], 1);
        for words in [
            "another catalog",
            "generation 1 is of another installation",
            "back up to another folder",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
    }
    let restored = Setup::new();
    run(&restored, &["restore", place, "--generation", "1"], 0);
    check_serves(&restored, &made);
    // Without --keep nothing is at stake: it is said, and the backup is well.
    assert!(said_by(&fresh, &["backup", place], 0).contains("another catalog"));
    for number in [1, 2] {
        std::fs::remove_dir_all(backup.join(format!("generations/00000{number}"))).unwrap();
    }
    let done = figures(&fresh, &["backup", place, "--keep", "2"], 0);
    assert_eq!(done["generations_removed"], 3, "{done}");
}

#[test]
fn a_rehearsal_checks_every_file_and_leaves_nothing() {
    let (setup, _upstream, _database, _made) = stored(3);
    let beside = setup.folder("beside");
    let backup = beside.join("backup");
    run(&setup, &["backup", backup.to_str().unwrap()], 0);
    let into = setup.folder("into");
    for arguments in [&[][..], &["--into", into.to_str().unwrap()]] {
        let mut all = vec!["rehearse", backup.to_str().unwrap()];
        all.extend(arguments);
        let done = figures(&setup, &all, 0);
        let (files, h1s) = (&done["files_checked"], &done["h1s"]);
        assert_eq!(
            (files, h1s, &done["wrong"]),
            (&9.into(), &6.into(), &0.into()),
            "{done}"
        );
        assert!(done["seconds"].as_f64().unwrap() > 0.0);
    }
    assert_eq!(
        std::fs::read_dir(&beside).unwrap().count(),
        1,
        "something stays beside the backup"
    );
    assert_eq!(std::fs::read_dir(&into).unwrap().count(), 0);
}

#[test]
fn a_backup_crosses_between_sqlite_and_postgresql() {
    let (Some(first), Some(second)) = (server::fresh_database(), server::fresh_database()) else {
        return;
    };
    let (setup, _upstream, _database, made) = stored(9);
    let backup = setup.folder("backup");
    let place = backup.to_str().unwrap();
    run(&setup, &["backup", place], 0);

    // SQLite to PostgreSQL, with the store apart.
    let there = Setup::new();
    let store = format!("file://{}", there.folder("apart").join("store").display());
    let there = there.set("store", &store);
    let said = run(&there, &["restore", place, "--database", &first], 0);
    assert!(
        said.contains("with the same `database` and `store`"),
        "{said}"
    );
    assert!(!there.data().join("catalog.db").exists());
    // Whoever forgets a setting is told, and finds no fresh catalog or store under the old name.
    let without_store = there.clone().unset("store").set("database", &first);
    for (forgetful, word) in [
        (&there, "`database` is not set"),
        (&without_store, "`store` is not set"),
    ] {
        for command in [&["serve"][..], &["verify"]] {
            let said = said_by(forgetful, command, 1);
            assert!(said.contains(word), "{command:?}: {said}");
        }
    }
    assert!(!there.data().join("catalog.db").exists());
    assert!(!there.data().join("store").exists());
    let note = std::fs::read_to_string(there.data().join("restored.elsewhere")).unwrap();
    assert!(
        note.starts_with("database ") && !note.contains('@'),
        "{note}"
    );
    let there = there.set("database", &first);
    check_serves(&there, &made);
    let mut done = figures(&there, &["verify"], 0);
    assert_eq!(
        (done["versions"].take(), done["missing"].take()),
        (9.into(), 0.into())
    );
    // A database that holds something is not restored into.
    let full = Setup::new().set("database", &first);
    assert!(said_by(&full, &["restore", place], 1).contains("not empty"));

    // PostgreSQL to PostgreSQL and back to SQLite.
    let again = there.folder("again");
    let again = again.to_str().unwrap();
    run(&there, &["backup", again], 0);
    for setup in [Setup::new().set("database", &second), Setup::new()] {
        run(&setup, &["restore", again], 0);
        check_serves(&setup, &made);
    }
}

/// Everything that a command says which ends with this code.
#[track_caller]
fn said_by(setup: &Setup, arguments: &[&str], code: i32) -> String {
    let output = setup.run(arguments);
    let said = crate::by_hand::said(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    said
}
