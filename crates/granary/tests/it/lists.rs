//! `/@v/list` and `/@latest`: what is stored and what the upstream has, without pseudo-versions, never held up by a slow
//! origin once something is here.

use std::time::{Duration, Instant};

use crate::rig::database::Database;
use crate::rig::granary::{Granary, Setup};
use crate::rig::upstream::{Lie, Upstream};

const LIST: &str = "/example.com/list/@v/list";

fn stage() -> (Upstream, Setup) {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    for version in ["v1.0.0", "v1.2.0", "v1.10.0", "v1.3.0-rc.1"] {
        upstream.publish("example.com/list", version, &[("l.go", "package list\n")]);
    }
    let setup = Setup::with(&upstream, &database).set("list.fresh", "1ms");
    (upstream, setup)
}

fn lines(granary: &Granary) -> Vec<String> {
    let mut lines: Vec<String> = String::from_utf8(granary.must_get(LIST))
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    lines.sort();
    lines
}

#[test]
fn pseudo_versions_and_nonsense_are_dropped_and_retracted_ones_kept() {
    let (upstream, setup) = stage();
    let retract = "module example.com/list\n\ngo 1.21\n\nretract [v1.0.0, v1.2.0]\n";
    upstream.publish("example.com/list", "v1.11.0", &[("go.mod", retract)]);
    upstream.add_list_lines(
        "example.com/list",
        &[
            "v1.0.1-0.20240506070809-abcdefabcdef",
            "v1.2.0 2024-05-06T07:08:09Z",
            "nonsense",
            "",
            "v1",
            "v2.0.0",
            "v1.0.0",
        ],
    );
    let granary = setup.start();
    assert_eq!(
        lines(&granary),
        ["v1.0.0", "v1.10.0", "v1.11.0", "v1.2.0", "v1.3.0-rc.1"]
    );
}

#[test]
fn what_is_stored_stays_in_the_list_when_the_upstream_forgets_it() {
    let (upstream, setup) = stage();
    let granary = setup.start();
    granary.must_get("/example.com/list/@v/v1.2.0.mod");
    upstream.forget("example.com/list");
    upstream.publish("example.com/list", "v1.20.0", &[("l.go", "package list\n")]);
    crate::rig::wait_until(Duration::from_secs(10), "the new version is listed", || {
        lines(&granary).contains(&"v1.20.0".to_owned())
    });
    assert!(
        lines(&granary).contains(&"v1.2.0".to_owned()),
        "{:?}",
        lines(&granary)
    );
    upstream.stop();
    assert!(lines(&granary).contains(&"v1.2.0".to_owned()));
}

#[test]
fn a_slow_origin_delays_no_list_once_something_is_stored() {
    let (upstream, setup) = stage();
    let granary = setup.start();
    granary.must_get("/example.com/list/@v/v1.0.0.mod");
    assert_eq!(lines(&granary).len(), 4);
    upstream.set_delay(Duration::from_secs(10));
    for _ in 0..3 {
        let begun = Instant::now();
        assert_eq!(lines(&granary).len(), 4);
        assert!(
            begun.elapsed() < Duration::from_secs(2),
            "{:?}",
            begun.elapsed()
        );
    }
    // After a restart nothing of the list is in memory.
    let restarted = granary.kill().start();
    let begun = Instant::now();
    assert!(lines(&restarted).contains(&"v1.0.0".to_owned()));
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn a_module_that_does_not_exist_is_a_404_and_trouble_is_not() {
    let (upstream, setup) = stage();
    let granary = setup.start();
    assert_eq!(granary.get("/example.com/absent/@v/list").status, 404);
    assert_eq!(granary.get("/example.com/absent/@latest").status, 404);
    upstream.lie("/example.com/gone/@v/list", Lie::Status(410, "gone\n"));
    assert_eq!(granary.get("/example.com/gone/@v/list").status, 410);
    upstream.lie("/example.com/broken/@v/list", Lie::Status(500, "broken\n"));
    assert!(granary.get("/example.com/broken/@v/list").status >= 500);
}

#[test]
fn latest_is_the_upstreams_and_survives_it() {
    let (upstream, setup) = stage();
    let granary = setup.start();
    let text = String::from_utf8(granary.must_get("/example.com/list/@latest")).unwrap();
    assert!(text.contains("\"v1.10.0\""), "{text}");
    granary.must_get("/example.com/list/@v/v1.10.0.mod");
    upstream.stop();
    let text = String::from_utf8(granary.must_get("/example.com/list/@latest")).unwrap();
    assert!(text.contains("\"v1.10.0\""), "{text}");
}
