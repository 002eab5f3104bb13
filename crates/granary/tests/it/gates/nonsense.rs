//! Acts that make no sense, or come at once: each gets a clear answer, changes nothing it should not, and is written down.

use std::collections::BTreeSet;

use super::{MODULE, Rig, must_run};

#[test]
fn acts_that_make_no_sense_are_refused_in_words_and_written_down() {
    let rig = Rig::new();
    let granary = rig.setup.start();
    let waive = |of: &'static str, rule: &'static str, until: &'static str| {
        vec![
            "waive", of, "--rule", rule, "--owner", "ann", "--until", until, "--why", "x",
        ]
    };
    let end = "2999-01-31";
    for (arguments, part) in [
        (
            waive(MODULE, "size", "2001-01-31"),
            "a waiver ends in the future",
        ),
        (
            waive(MODULE, "licence", end),
            "there is no rule licence; there are allow-deny",
        ),
        (
            waive("example.com/m@1.0", "size", end),
            "no module@version and no pattern",
        ),
        (waive("example.com/[a", "size", end), "malformed pattern"),
        (
            waive("a.example,b.example", "size", end),
            "without spaces and commas",
        ),
        (
            vec!["withdraw", "example.com/m", "--why", "x"],
            "is no module@version",
        ),
        (
            vec!["withdraw", "example.com/m@v1.0.0", "--why", "x"],
            "is not stored here",
        ),
        (
            vec![
                "promote",
                "example.com/m@v1.0.0",
                "--to",
                "none",
                "--why",
                "x",
            ],
            "there is no view none; there are dev, staging, prod",
        ),
        (
            vec!["waivers", "end", "4711", "--why", "x"],
            "there is no waiver 4711",
        ),
        (
            vec!["quarantine", "example.com/none/*", "--why", "x"],
            "nothing that is stored matches",
        ),
    ] {
        let output = rig.setup.run(&arguments);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {said}");
        let deeds = must_run(&rig.setup, &["deeds", "--json"]);
        let last = deeds.lines().rev().nth(1).unwrap();
        assert!(
            last.contains("\"outcome\":\"refused\""),
            "{arguments:?}: {last}"
        );
        assert!(last.contains(part), "{arguments:?}: {last}");
    }
    // What cannot be read as a command line is said by its exit code; nobody has asked for anything.
    for (arguments, part) in [
        (
            waive(MODULE, "size", "2031-01-31T12:00:00"),
            "write it like",
        ),
        (waive(MODULE, "size", "soon"), "write it like"),
        (
            vec!["withdraw", MODULE, "--why", " "],
            "the record wants a reason",
        ),
        (vec!["withdraw", MODULE], "--why"),
    ] {
        let output = rig.setup.run(&arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {said}");
    }
    let waivers = must_run(&rig.setup, &["waivers"]);
    assert!(waivers.contains("0 waivers"), "{waivers}");
    drop(granary);
}

#[test]
fn a_release_in_bulk_is_about_what_is_withheld() {
    let rig = Rig::new();
    let made = ["v1.0.0", "v1.1.0", "v1.2.0"].map(|version| rig.publish(version));
    let granary = rig.setup.start();
    for made in &made {
        granary.must_get(&made.file("zip"));
    }
    for version in ["v1.0.0", "v1.2.0"] {
        let of = format!("{MODULE}@{version}");
        must_run(&rig.setup, &["quarantine", &of, "--why", "suspect"]);
    }
    let said = must_run(
        &rig.setup,
        &["release", "example.com/*", "--why", "it is not"],
    );
    assert!(said.contains("release: 2 done\n"), "{said}");
    let output = rig
        .setup
        .run(&["release", "example.com/*", "--why", "again"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("nothing that is withheld matches example.com/*"),
        "{said}"
    );
}

#[test]
fn acts_on_one_version_at_once_come_one_after_the_other() {
    let rig = Rig::new();
    let made = rig.publish("v1.0.0");
    let granary = rig.setup.start();
    granary.must_get(&made.file("zip"));
    let of = format!("{MODULE}@v1.0.0");
    let acts = [
        "withdraw",
        "quarantine",
        "release",
        "withdraw",
        "quarantine",
        "promote",
    ];
    std::thread::scope(|scope| {
        for act in acts {
            let (setup, of) = (&rig.setup, &of);
            scope.spawn(move || {
                let output = setup.run(&[act, of, "--why", "at once"]);
                let said = String::from_utf8_lossy(&output.stdout).into_owned();
                assert!(matches!(output.status.code(), Some(0 | 1)), "{act}: {said}");
                assert!(said.contains(&format!("{act}: 1 ")), "{act}: {said}");
            });
        }
    });
    let deeds = must_run(&rig.setup, &["deeds", "--json"]);
    assert_eq!(
        deeds.matches("\"why\":\"at once\"").count(),
        acts.len(),
        "{deeds}"
    );
    // However they came: the version is in all views or in none.
    let held: BTreeSet<bool> = ["dev", "staging", "prod"]
        .map(|view| must_run(&rig.setup, &["members", view]).contains(&of))
        .into();
    assert_eq!(held.len(), 1, "{deeds}");
    must_run(&rig.setup, &["release", &of, "--why", "to end it"]);
    crate::rig::wait_until(super::withdrawals::WITHIN, "it is served", || {
        granary.get(&made.file("zip")).status == 200
    });
    assert_eq!(granary.must_get(&made.file("zip")), made.zip);
}

#[test]
fn the_record_is_read_in_parts_that_join() {
    let rig = Rig::new();
    let granary = rig.setup.start();
    for number in 0..5 {
        let of = format!("example.com/m@v1.{number}.0");
        rig.setup.run(&["withdraw", &of, "--why", "x"]);
    }
    let lines = |arguments: &[&str]| -> Vec<serde_json::Value> {
        let text = must_run(&rig.setup, arguments);
        let parse = |line: &str| serde_json::from_str(line).unwrap();
        text.lines().map(parse).collect()
    };
    let mut whole = lines(&["deeds", "--json"]);
    let end = whole.pop().unwrap();
    assert_eq!(end["data"]["count"], whole.len());
    let (mut joined, mut after) = (Vec::new(), 0);
    loop {
        let after_text = after.to_string();
        let mut part = lines(&["deeds", "--json", "--after", &after_text, "--limit", "2"]);
        let end = part.pop().unwrap();
        assert!(part.len() <= 2);
        if part.is_empty() {
            break;
        }
        after = end["data"]["last"].as_u64().unwrap();
        joined.extend(part);
    }
    assert_eq!(joined, whole);
    drop(granary);
}
