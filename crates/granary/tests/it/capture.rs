//! From an empty folder to a finished build, with the real go client and its checks switched on.

use crate::rig::database::Database;
use crate::rig::go::Go;
use crate::rig::granary::Setup;
use crate::rig::module::{go_mod, make};
use crate::rig::upstream::Upstream;

const MAIN: &str = "package main

import (
\t\"fmt\"

\t\"example.com/Upper/greet\"
)

func main() { fmt.Println(greet.Hello()) }
";

/// `greet` needs `words`, which needs `letters` that no package imports: only its go.mod is asked for.
fn publish_three(upstream: &Upstream) {
    upstream.publish(
        "example.com/letters",
        "v0.1.0",
        &[("l.go", "package letters\n")],
    );
    let words = go_mod("example.com/words/v2", &[("example.com/letters", "v0.1.0")]);
    upstream.publish(
        "example.com/words/v2",
        "v2.0.1",
        &[
            ("go.mod", &words),
            (
                "w.go",
                "package words\n\nfunc World() string { return \"world\" }\n",
            ),
        ],
    );
    let greet = go_mod(
        "example.com/Upper/greet",
        &[("example.com/words/v2", "v2.0.1")],
    );
    let source = "package greet\n\nimport words \"example.com/words/v2\"\n\nfunc Hello() string { return \"hello \" + words.World() }\n";
    upstream.publish(
        "example.com/Upper/greet",
        "v1.2.3",
        &[("go.mod", &greet), ("g.go", source)],
    );
}

#[test]
fn a_build_from_nothing_then_again_with_the_upstream_gone() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    publish_three(&upstream);
    let granary = Setup::with(&upstream, &database).start();
    let Some(go) = Go::find(&granary, &database) else {
        return;
    };
    let files = [
        ("go.mod", "module example.com/app\n\ngo 1.21\n"),
        ("main.go", MAIN),
    ];

    let project = go.project("app", &files);
    go.must(&project, &["mod", "tidy"]);
    assert_eq!(go.must(&project, &["run", "."]).trim(), "hello world");
    let sums = std::fs::read_to_string(project.join("go.sum")).unwrap();
    assert!(
        sums.contains("example.com/Upper/greet v1.2.3 h1:"),
        "{sums}"
    );

    upstream.stop();
    let fresh = Go::find(&granary, &database).unwrap();
    let again = fresh.project("app", &files);
    fresh.must(&again, &["mod", "tidy"]);
    assert_eq!(fresh.must(&again, &["run", "."]).trim(), "hello world");
    assert_eq!(std::fs::read_to_string(again.join("go.sum")).unwrap(), sums);

    let restarted = granary.kill().start();
    let third = Go::find(&restarted, &database).unwrap();
    let project = third.project("app", &[files[0], files[1], ("go.sum", &sums)]);
    third.must(&project, &["get", "example.com/Upper/greet@v1.2.3"]);
    assert_eq!(third.must(&project, &["run", "."]).trim(), "hello world");
}

#[test]
fn queries_versions_and_retractions_as_go_asks_for_them() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    upstream.publish("example.com/lib", "v1.0.0", &[("l.go", "package lib\n")]);
    let retracting = "module example.com/lib\n\ngo 1.21\n\nretract v1.0.0 // broken on leap days\n";
    upstream.publish(
        "example.com/lib",
        "v1.1.0",
        &[("go.mod", retracting), ("l.go", "package lib\n")],
    );
    let pseudo = upstream.publish(
        "example.com/lib",
        "v1.1.1-0.20240506070809-abcdefabcdef",
        &[("l.go", "package lib\n")],
    );
    upstream.name_query(&pseudo, "main");
    upstream.name_query(&pseudo, "abcdefabcdef");
    let granary = Setup::with(&upstream, &database).start();
    let Some(go) = Go::find(&granary, &database) else {
        return;
    };
    let project = go.project("app", &[("go.mod", "module example.com/app\n\ngo 1.21\n")]);

    let plain = go.must(&project, &["list", "-m", "-versions", "example.com/lib"]);
    assert_eq!(plain.trim(), "example.com/lib v1.1.0");
    let retracted = go.must(
        &project,
        &["list", "-m", "-versions", "-retracted", "example.com/lib"],
    );
    assert_eq!(retracted.trim(), "example.com/lib v1.0.0 v1.1.0");

    for (query, want) in [
        ("latest", "v1.1.0"),
        ("main", "v1.1.1-0.20240506070809-abcdefabcdef"),
        ("abcdefabcdef", "v1.1.1-0.20240506070809-abcdefabcdef"),
        ("v1.1", "v1.1.0"),
        ("v1.0.0", "v1.0.0"),
    ] {
        go.must(&project, &["get", &format!("example.com/lib@{query}")]);
        let text = std::fs::read_to_string(project.join("go.mod")).unwrap();
        assert!(
            text.contains(&format!("example.com/lib {want}")),
            "{query}: {text}"
        );
    }
}

#[test]
fn files_are_handed_on_unchanged_and_fetched_once() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let mut made = make(
        "example.com/origin",
        "v1.0.0",
        &[("o.go", "package origin\n")],
    );
    // Fields that Granary knows nothing about, and a layout of its own.
    made.info = b"{\n  \"Version\": \"v1.0.0\",\"Time\":\"2024-05-06T07:08:09Z\",\n  \"Origin\":{\"VCS\":\"git\",\"URL\":\"https://example.com/origin\",\"Hash\":\"0123\"},\"More\":[1]}".to_vec();
    database.record(&made);
    upstream.add(made.clone());
    let granary = Setup::with(&upstream, &database).start();
    for _ in 0..3 {
        for extension in ["info", "mod", "zip"] {
            assert_eq!(
                granary.must_get(&made.file(extension)),
                made.bytes(extension),
                "{extension}"
            );
        }
    }
    for extension in ["info", "mod", "zip"] {
        assert_eq!(
            upstream.count(&made.file(extension)),
            1,
            "{extension}: {:?}",
            upstream.counts()
        );
    }
}

#[test]
fn the_info_of_a_version_without_other_files_is_handed_on_but_never_kept() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let made = upstream.publish("example.com/half", "v1.0.0", &[("h.go", "package half\n")]);
    upstream.lie(
        &made.file("mod"),
        crate::rig::upstream::Lie::Status(404, "no such go.mod\n"),
    );
    upstream.lie(
        &made.file("zip"),
        crate::rig::upstream::Lie::Status(404, "no such zip\n"),
    );
    let granary = Setup::with(&upstream, &database).start();
    assert_eq!(granary.must_get(&made.file("info")), made.info);
    assert_eq!(granary.get(&made.file("mod")).status, 404);
    assert_eq!(granary.get(&made.file("zip")).status, 404);
    upstream.stop();
    let restarted = granary.kill().start();
    assert_ne!(restarted.get(&made.file("info")).status, 200);
}

#[test]
fn a_private_path_never_reaches_the_checksum_database() {
    let database = Database::new();
    let upstream = Upstream::start();
    let made = make(
        "corp.example/secret",
        "v1.0.0",
        &[("s.go", "package secret\n")],
    );
    upstream.add(made.clone());
    let granary = Setup::with(&upstream, &database)
        .set("goprivate", "corp.example")
        .set("gonoproxy", "none")
        .start();
    assert_eq!(granary.must_get(&made.file("zip")), made.zip);
    assert!(
        upstream.counts().keys().all(|p| !p.contains("lookup")),
        "{:?}",
        upstream.counts()
    );
    let lookup = format!(
        "/sumdb/{}/lookup/corp.example/secret@v1.0.0",
        crate::rig::database::NAME
    );
    assert_eq!(granary.get(&lookup).status, 403);
}
