//! History: what a view held at any moment, by the number of a landing and by the clock, over the API and as a command.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{MODULE, Rig, check, must_run};
use crate::rig::granary::Granary;
use crate::rig::raw::{self, Answer};

/// Asks the API as the administrator.
fn ask(granary: &Granary, path: &str) -> Answer {
    let token = std::fs::read_to_string(granary.setup.data().join("admin.token")).unwrap();
    let bearer = format!("Bearer {}", token.trim());
    raw::get_with(granary.address, path, &[("Authorization", &bearer)])
}

#[track_caller]
fn ask_json(granary: &Granary, path: &str) -> Value {
    let answer = ask(granary, path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    serde_json::from_slice(&answer.body).unwrap()
}

fn versions(items: &[Value]) -> BTreeSet<String> {
    let of = |item: &Value| item["module"].as_str().unwrap().to_owned();
    items.iter().map(of).collect()
}

/// The members of a view at a moment, page by page.
#[track_caller]
fn members(granary: &Granary, view: &str, at: &str, limit: u64) -> (u64, BTreeSet<String>) {
    let first = format!("/v1/views/{view}/members?limit={limit}");
    let mut path = match at {
        "" => first.clone(),
        at => format!("{first}&at={at}"),
    };
    let (mut held, mut moment) = (BTreeSet::new(), None);
    loop {
        let page = ask_json(granary, &path);
        let items = page["items"].as_array().unwrap();
        assert!(items.len() as u64 <= limit);
        held.extend(versions(items));
        let landing = page["landing"].as_u64().unwrap();
        assert_eq!(
            *moment.get_or_insert(landing),
            landing,
            "all pages are of one moment"
        );
        match page["next"].as_str() {
            Some(next) => path = format!("{first}&page={next}"),
            None => return (landing, held),
        }
    }
}

#[test]
fn what_a_view_held_at_any_moment_can_be_asked() {
    let rig = Rig::refusing_bad().set("capture.zips", "asked");
    let granary = rig.setup.start();
    let of = |version: &str| format!("{MODULE}@{version}");
    let made = ["v1.0.0", "v1.1.0", "v1.2.0", "v1.3.0-bad"].map(|version| rig.publish(version));
    let why = ["--why", "a test"];
    let mut seen = vec![(0, BTreeSet::new(), BTreeSet::new())];
    let note = |seen: &mut Vec<(u64, BTreeSet<String>, BTreeSet<String>)>| {
        let (landing, prod) = members(&granary, "prod", "", 100);
        let (same, dev) = members(&granary, "dev", "", 100);
        assert_eq!(landing, same, "nothing happens meanwhile");
        seen.push((landing, prod, dev));
    };
    for made in &made[..3] {
        granary.must_get(&made.file("zip"));
        note(&mut seen);
    }
    check(&granary, &made[3].file("zip"), 403, &[]);
    note(&mut seen);
    must_run(&rig.setup, &["withdraw", &of("v1.1.0"), why[0], why[1]]);
    note(&mut seen);
    must_run(&rig.setup, &["quarantine", &of("v1.0.0"), why[0], why[1]]);
    note(&mut seen);
    must_run(&rig.setup, &["release", &of("v1.1.0"), why[0], why[1]]);
    note(&mut seen);

    let held: Vec<usize> = seen.iter().map(|(_, prod, _)| prod.len()).collect();
    assert_eq!(held, [0, 1, 2, 3, 3, 2, 1, 2], "what the acts say");
    assert!(seen[4].2.contains(&of("v1.3.0-bad")) && !seen[4].1.contains(&of("v1.3.0-bad")));

    let landings = ask_json(&granary, "/v1/landings");
    let landings = landings["items"].as_array().unwrap();
    for (landing, prod, dev) in &seen {
        for limit in [1, 2, 100] {
            let at = landing.to_string();
            assert_eq!(
                members(&granary, "prod", &at, limit),
                (*landing, prod.clone())
            );
            assert_eq!(
                members(&granary, "dev", &at, limit),
                (*landing, dev.clone())
            );
        }
        let number = |row: &&Value| row["seq"].as_u64() == Some(*landing);
        let Some(row) = landings.iter().find(number) else {
            assert_eq!(*landing, 0);
            continue;
        };
        let at = row["at"].as_str().unwrap();
        assert_eq!(members(&granary, "prod", at, 100).1, *prod, "{at}");
        let listed = must_run(&rig.setup, &["members", "prod", "--at", at, "--json"]);
        let lines = listed
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let items: Vec<Value> = lines
            .filter(|line| line["type"] == "item")
            .map(|mut line| line["data"].take())
            .collect();
        assert_eq!(versions(&items), *prod);
    }
    let now = must_run(&rig.setup, &["members", "prod"]);
    assert!(now.contains("2 versions in prod as of landing"), "{now}");
}

#[test]
fn a_moment_that_is_none_is_refused_in_words() {
    let rig = Rig::new();
    let made = rig.publish("v1.0.0");
    let granary = rig.setup.start();
    granary.must_get(&made.file("zip"));
    for (view, at, status, part) in [
        ("prod", "2026-01-31T12:00:00", 400, "a time with its zone"),
        ("prod", "2026-01-31", 400, "a time with its zone"),
        ("prod", "2026-01-31T12:00:00+02:00", 400, "%2B"),
        ("prod", "-1", 400, "names no moment"),
        ("prod", "yesterday", 400, "names no moment"),
        ("prod", "2999-01-31T12:00:00Z", 400, "lies in the future"),
        ("prod", "4711", 400, "the last one is"),
        ("none", "1", 404, "only dev, staging, prod"),
    ] {
        let answer = ask(&granary, &format!("/v1/views/{view}/members?at={at}"));
        assert_eq!(answer.status, status, "{at}: {}", answer.text());
        let problem: Value = serde_json::from_slice(&answer.body).unwrap();
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(part), "{at}: {detail}");
        if at.contains('+') {
            continue; // nothing is wrong with it on a command line
        }
        let output = rig.setup.run(&["members", view, &format!("--at={at}")]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{at}: {said}");
        assert!(said.contains(part), "{at}: {said}");
    }
    let zoned = "2026-01-31T12:00:00%2B02:00";
    assert_eq!(members(&granary, "prod", zoned, 10), (0, BTreeSet::new()));
    must_run(
        &rig.setup,
        &["members", "prod", "--at", "2026-01-31T12:00:00+02:00"],
    );
}
