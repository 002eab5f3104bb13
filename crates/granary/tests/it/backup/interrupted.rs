//! kill -9 and a full disk in the midst: what was whole stays whole, and the next run goes on.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{check_serves, count_blobs, figures, said_by, stored};
use crate::by_hand::{Process, Way, may_mount, run};
use crate::rig::granary::Setup;
use crate::rig::wait_until;

/// Starts a command and kills it once so many blobs lie below `root`.
fn kill_at(setup: &Setup, arguments: &[&str], root: &Path, blobs: usize) {
    let log = setup.folder("logs").join("killed");
    let process = Process::start(&mut setup.command(arguments), &log);
    let begun = Instant::now();
    while count_blobs(root) < blobs {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{}",
            process.log()
        );
        std::thread::yield_now();
    }
    process.kill();
}

#[test]
fn kill_9_in_the_midst_of_a_backup_harms_no_generation_and_the_next_run_goes_on() {
    let (setup, _upstream, _database, made) = stored(40);
    let backup = setup.folder("backup");
    let place = backup.to_str().unwrap();
    let mut cut = 0;
    for blobs in [1, 10, 30, 60] {
        kill_at(&setup, &["backup", place], &backup, blobs);
        if backup.join("generations/000001/manifest.json").exists() {
            break; // it was quicker
        }
        cut += 1;
        let said = said_by(&Setup::new(), &["restore", place], 1);
        assert!(
            said.contains("no whole generation"),
            "{blobs} blobs: {said}"
        );
    }
    assert!(
        cut > 0,
        "every backup was done before it was killed: the test shows nothing"
    );
    let there = count_blobs(&backup) as u64;
    let done = figures(&setup, &["backup", place], 0);
    assert_eq!(done["blobs"], 120, "{done}");
    assert!(
        done["copied"].as_u64().unwrap() <= 120 - there,
        "{there}: {done}"
    );
    let whole = figures(&setup, &["rehearse", place], 0);

    // With a server the server does the work, and its death is the one that counts.
    std::fs::remove_dir_all(backup.join("blob")).unwrap();
    let server = Way::Socket.enter(&setup).unwrap();
    let log = setup.folder("logs").join("through");
    let command = Process::start(&mut setup.command(&["backup", place]), &log);
    wait_until(Duration::from_secs(60), "some blobs", || {
        count_blobs(&backup) > 5
    });
    drop(server.kill());
    drop(command);
    let done = figures(&setup, &["backup", place], 0);
    assert_eq!(done["blobs"], 120, "{done}");
    assert_eq!(
        figures(&setup, &["rehearse", place], 0)["h1s"],
        whole["h1s"]
    );
    let restored = Setup::new();
    run(&restored, &["restore", place], 0);
    check_serves(&restored, &made);
}

#[test]
fn kill_9_in_the_midst_of_a_restore_lets_nobody_serve_half_of_it() {
    let (setup, _upstream, _database, made) = stored(40);
    let backup = setup.folder("backup");
    let place = backup.to_str().unwrap();
    run(&setup, &["backup", place], 0);
    let restored = Setup::new();
    let store = restored.data().join("store");
    let mut cut = 0;
    for blobs in [1, 10, 30, 60] {
        kill_at(&restored, &["restore", place], &store, blobs);
        if !restored.data().join("restore.unfinished").exists() {
            break; // it was quicker
        }
        cut += 1;
        for arguments in [&["serve"][..], &["verify"], &["get", "example.com/m"]] {
            let said = said_by(&restored, arguments, 1);
            assert!(said.contains("granary restore"), "{arguments:?}: {said}");
        }
        let said = said_by(&restored, &["doctor"], 1);
        assert!(said.contains("same `granary restore` again"), "{said}");
    }
    assert!(
        cut > 0,
        "every restore was done before it was killed: the test shows nothing"
    );
    run(&restored, &["restore", place], 0);
    check_serves(&restored, &made);
    assert_eq!(figures(&restored, &["verify"], 0)["extra"], 0);
    // And it is not done twice.
    assert!(said_by(&restored, &["restore", place], 1).contains("not empty"));
}

/// A rehearsal leaves as much room as it found, however it ends.
#[test]
fn a_rehearsal_that_is_ended_or_killed_leaves_nothing_for_long() {
    let (setup, _upstream, _database, _made) = stored(40);
    let beside = setup.folder("beside");
    let backup = beside.join("backup");
    let place = backup.to_str().unwrap();
    run(&setup, &["backup", place], 0);
    let left = || std::fs::read_dir(&beside).unwrap().count() - 1;
    // Killed before that, nobody can tell whose the folder is: it is named and stays.
    let is_marked = || {
        std::fs::read_dir(&beside).unwrap().flatten().any(|entry| {
            let lock = entry.path().join("rehearsal.lock");
            std::fs::metadata(lock).is_ok_and(|lock| lock.len() > 0)
        })
    };
    let log = setup.folder("logs").join("rehearsal");
    let (mut cut, mut killed) = (0, 0);
    for signal in ["TERM", "INT", "TERM", "INT", "KILL", "KILL"] {
        let mut rehearsal = setup.command(&["rehearse", place]);
        let mut process = Process::start(&mut rehearsal, &log);
        wait_until(Duration::from_secs(60), "its folder", || {
            is_marked() || process.ended()
        });
        let id = process.id().to_string();
        Command::new("kill")
            .args(["-s", signal, &id])
            .output()
            .unwrap();
        wait_until(Duration::from_secs(60), "its end", || process.ended());
        if signal == "KILL" {
            let before = left();
            let said = run(&setup, &["rehearse", place], 0);
            assert_eq!(said.contains("it is removed"), before > 0, "{said}");
            killed += before;
        } else {
            cut += usize::from(process.log().contains("nothing of it is left"));
        }
        assert_eq!(left(), 0, "{signal}: {}", process.log());
    }
    assert!(
        cut > 0 && killed > 0,
        "every rehearsal was quicker: the test shows nothing"
    );
}

#[test]
fn a_full_disk_below_the_backup_is_told_and_the_next_run_goes_on() {
    if !may_mount("a backup to a full disk") {
        return;
    }
    let (setup, _upstream, _database, made) = stored(9);
    let backup = setup.folder("backup");
    // The large one alone needs 1.5 MB.
    let script = format!(
        "mount -t tmpfs -o size=1200k tmpfs {b} && {{ \"$0\" backup {b}; code=$?; mount -o remount,size=20m {b} && \"$0\" backup {b} --json && \"$0\" rehearse {b} --into {into}; echo \"first $code then $?\"; }}",
        b = backup.display(),
        into = setup.folder("into").display()
    );
    let plain = setup.command(&[]);
    let output = Command::new("unshare")
        .args(["-m", "sh", "-c", &script])
        .arg(plain.get_program())
        .env_clear()
        .envs(
            plain
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .output()
        .unwrap();
    let said = crate::by_hand::said(&output);
    assert!(said.contains("first 1 then 0"), "{said}");
    assert!(
        said.contains("no room left in") && said.contains("goes on where it stopped"),
        "{said}"
    );
    assert!(said.contains(&format!("{} h1:", made.len() * 2)), "{said}");
}
