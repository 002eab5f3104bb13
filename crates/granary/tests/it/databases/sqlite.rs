//! The catalog's file held by another program, taken away, or made by a later Granary.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::stage::{Stage, asked, check_refusal, metric};
use crate::by_hand::{run, said};
use crate::rig::{raw, skip, wait_until};

/// SQLite is waited for 5 s; a write that came while another one waited waits twice.
const ANSWER_WAIT: Duration = Duration::from_secs(25);

/// How long it may take until a file that is free is written again.
const HEAL_WAIT: Duration = Duration::from_secs(10);

/// The shell of SQLite, as an operator has it open; none, said aloud, where it is not installed.
struct Shell(Child);

impl Shell {
    fn open(file: &Path) -> Option<Self> {
        let shell = Command::new("sqlite3")
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        match shell {
            Ok(shell) => Some(Self(shell)),
            Err(cause) => {
                skip(
                    "a catalog held by another program",
                    &format!("sqlite3: {cause}"),
                );
                None
            }
        }
    }

    /// Runs statements to their end.
    fn run(&mut self, statements: &str, scratch: &Path) {
        let done = scratch.join("done");
        fs::remove_file(&done).ok();
        let mut input = self.0.stdin.as_ref().unwrap();
        writeln!(
            input,
            ".timeout 10000\n{statements}\n.system touch {}",
            done.display()
        )
        .unwrap();
        wait_until(ANSWER_WAIT, statements, || done.exists());
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn a_file_held_by_another_program_is_waited_for_and_then_said() {
    let stage = Stage::new(0);
    let (setup, scratch) = (&stage.setup, stage.setup.folder("shell"));
    let granary = setup.start();
    let files = stage.warm(&granary);
    let Some(mut shell) = Shell::open(&setup.data().join("catalog.db")) else {
        return;
    };

    // For a moment: nobody notices.
    shell.run("begin exclusive;", &scratch);
    let (address, made) = (granary.address, stage.fresh());
    let path = made.file("info");
    let waiting = std::thread::spawn(move || raw::get(address, &path));
    std::thread::park_timeout(Duration::from_millis(700));
    assert!(!waiting.is_finished(), "it waits for the file");
    shell.run("commit;", &scratch);
    let answer = waiting.join().unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());

    // For long: it is said, and reading goes on.
    shell.run("begin exclusive;", &scratch);
    let held_until =
        Instant::now() + Duration::from_secs(asked("GRANARY_DATABASE_AWAY_SECONDS", 0));
    let late = stage.fresh();
    loop {
        let begun = Instant::now();
        let answer = granary.get(&late.file("info"));
        check_refusal(&answer);
        assert!(
            answer.text().contains("another program holds its file"),
            "{}",
            answer.text()
        );
        assert!(begun.elapsed() < ANSWER_WAIT, "took {:?}", begun.elapsed());
        for (path, bytes) in &files {
            assert_eq!(granary.must_get(path), *bytes);
        }
        assert_eq!(granary.must_get(&made.file("mod")), made.bytes("mod"));
        if Instant::now() >= held_until {
            break;
        }
    }
    let ready = granary.get("/readyz").text();
    assert!(ready.contains("not captured: catalog"), "{ready}");
    shell.run("commit;", &scratch);
    wait_until(HEAL_WAIT, "the file is free", || {
        granary.get(&late.file("zip")).status == 200
    });
    wait_until(HEAL_WAIT, "it is ready", || {
        granary.get("/readyz").status == 200
    });
    assert!(metric(&granary, "granary_catalog_busy_total") > 0);
    let log = granary.log();
    assert!(log.contains("find the program that holds it"), "{log}");
}

#[test]
fn a_file_taken_away_stops_writing_until_it_is_back() {
    let stage = Stage::new(0);
    let (data, away) = (stage.setup.data(), stage.setup.folder("away"));
    let granary = stage.setup.start();
    let files = stage.warm(&granary);
    for name in ["catalog.db", "catalog.db-wal", "catalog.db-shm"] {
        fs::rename(data.join(name), away.join(name)).unwrap();
        let answer = granary.get(&stage.fresh().file("info"));
        check_refusal(&answer);
        assert!(
            answer.text().contains("file was taken away"),
            "{}",
            answer.text()
        );
        for (path, bytes) in &files {
            assert_eq!(granary.must_get(path), *bytes);
        }
        assert!(!data.join(name).exists(), "{name} was made anew");
        let saved = stage.setup.folder("saved").join(name);
        run(
            &stage.setup,
            &["export", "prod", saved.to_str().unwrap()],
            0,
        );
        assert!(saved.join("example.com/m0/@v/v1.0.0.zip").exists());
        fs::rename(away.join(name), data.join(name)).unwrap();
        let fresh = stage.fresh();
        assert_eq!(granary.must_get(&fresh.file("zip")), fresh.bytes("zip"));
    }
    // A copy is another file, however equal.
    fs::copy(data.join("catalog.db"), away.join("copy")).unwrap();
    fs::rename(data.join("catalog.db"), away.join("catalog.db")).unwrap();
    fs::rename(away.join("copy"), data.join("catalog.db")).unwrap();
    check_refusal(&granary.get(&stage.fresh().file("info")));
    wait_until(HEAL_WAIT, "it says that it is not ready", || {
        granary
            .get("/readyz")
            .text()
            .contains("was deleted or replaced")
    });
    fs::rename(away.join("catalog.db"), data.join("catalog.db")).unwrap();
    wait_until(HEAL_WAIT, "it is ready", || {
        granary.get("/readyz").status == 200
    });
    assert!(
        granary.log().contains("catalog.db was deleted or replaced"),
        "{}",
        granary.log()
    );

    // At rest: what only the log held is captured again, and is the same.
    let setup = granary.kill();
    fs::remove_file(data.join("catalog.db-wal")).unwrap();
    let again = setup.start();
    for (path, bytes) in &files {
        assert_eq!(again.must_get(path), *bytes);
    }
    drop(again);
    let verified = setup.run(&["verify"]);
    assert!(verified.status.success(), "{}", said(&verified));
}

#[test]
fn a_catalog_of_a_later_granary_is_refused_with_what_to_do() {
    let stage = Stage::new(0);
    drop(stage.setup.start());
    let file = stage.setup.data().join("catalog.db");
    let Some(mut shell) = Shell::open(&file) else {
        return;
    };
    shell.run(
        "insert into catalog_migrations (version, description, success, checksum, execution_time) \
         values (9001, 'later', true, '', 0);",
        &stage.setup.folder("shell"),
    );
    drop(shell);
    for arguments in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["verify"],
        &["doctor"],
    ] {
        let refused = stage.setup.run(arguments);
        let said = said(&refused);
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains("written by a newer Granary"), "{said}");
        assert!(said.contains("start that version again"), "{said}");
    }
}
