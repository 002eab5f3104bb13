//! A clock that jumps forward a day and back, under the running server: what is fresh stays fresh, nothing is stuck until
//! the clock has caught up.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::rig::database::Database;
use crate::rig::granary::{Granary, Setup};
use crate::rig::upstream::Upstream;
use crate::rig::{skip, wait_until};

/// How long a new version may take to show: a list is fresh for a second here, a refresh that came late is tried again
/// after five.
const SHOWN_WAIT: Duration = Duration::from_secs(30);

const MODULE: &str = "example.com/clock";

/// A clock for one process, moved by a file.
pub struct Clock {
    library: PathBuf,
    file: PathBuf,
}

impl Clock {
    /// One that goes right; none, said aloud, where libfaketime is not installed.
    pub fn new(scratch: &Path) -> Option<Self> {
        let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
        let library = folders
            .map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"))
            .find(|library| library.exists());
        let Some(library) = library else {
            skip("a clock that jumps", "libfaketime is not installed");
            return None;
        };
        let clock = Self {
            library,
            file: scratch.join("clock"),
        };
        clock.set("+0");
        Some(clock)
    }

    /// The setup with a server that goes by this clock.
    pub fn rule(&self, setup: Setup) -> Setup {
        setup
            .variable("LD_PRELOAD", &self.library.display().to_string())
            .variable("FAKETIME_TIMESTAMP_FILE", &self.file.display().to_string())
            .variable("FAKETIME_NO_CACHE", "1")
            // A clock that is set does not change how long a second is.
            .variable("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .variable("DONT_FAKE_MONOTONIC", "1")
    }

    /// Sets it so far off.
    pub fn set(&self, offset: &str) {
        let next = self.file.with_extension("next");
        fs::write(&next, format!("{offset}\n")).unwrap();
        fs::rename(next, &self.file).unwrap();
    }
}

/// The day of the month that the server believes in.
fn date(granary: &Granary) -> String {
    let answer = granary.get("/livez");
    answer.header("date").unwrap_or_default().to_owned()
}

#[track_caller]
fn check_shown(granary: &Granary, version: &str, branch: &str) {
    let has = |path: String| {
        let answer = granary.get(&path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text().contains(version)
    };
    wait_until(SHOWN_WAIT, &format!("the list has {version}"), || {
        has(format!("/{MODULE}/@v/list"))
    });
    wait_until(SHOWN_WAIT, &format!("{branch} is {version}"), || {
        has(format!("/{MODULE}/@v/{branch}.info"))
    });
    wait_until(SHOWN_WAIT, &format!("the latest is {version}"), || {
        has(format!("/{MODULE}/@latest"))
    });
}

#[test]
fn a_clock_that_jumps_a_day_and_back_holds_nothing_up() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let setup = Setup::with(&upstream, &database).set("list.fresh", "1s");
    let Some(clock) = Clock::new(&setup.folder("clock")) else {
        return;
    };
    let setup = clock.rule(setup);
    let publish = |version: &str| {
        let made = upstream.publish(MODULE, version, &[("c.go", "package c\n")]);
        upstream.name_query(&made, "main");
        made
    };
    let mut made = vec![publish("v1.0.0")];
    let granary = setup.start();
    let today = date(&granary);
    assert_eq!(granary.must_get(&made[0].file("zip")), made[0].zip);
    check_shown(&granary, "v1.0.0", "main");

    for (offset, version) in [
        ("+1d", "v1.1.0"),
        ("+0", "v1.2.0"),
        ("-1d", "v1.3.0"),
        ("+0", "v1.4.0"),
    ] {
        clock.set(offset);
        wait_until(SHOWN_WAIT, "the server sees the clock", || {
            (date(&granary)[..16] == today[..16]) == (offset == "+0")
        });
        made.push(publish(version));
        // Slower than a list waits for: what is not kept is not shown.
        upstream.set_delay(Duration::from_millis(700));
        check_shown(&granary, version, "main");
        upstream.set_delay(Duration::ZERO);
        let last = made.last().unwrap();
        assert_eq!(granary.must_get(&last.file("zip")), last.zip, "{offset}");
        // A name that was asked for in vain is asked for again after its minute, not after a day: no day is waited here,
        // a landing makes it known at once.
        assert_eq!(granary.get("/readyz").status, 200);
    }

    // Yesterday's restart of a server that lived today.
    let setup = granary.kill();
    clock.set("-1d");
    let granary = setup.start();
    for one in &made {
        assert_eq!(granary.must_get(&one.file("zip")), one.zip);
    }
    let verified = setup.run(&["verify"]);
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stdout)
    );
}
