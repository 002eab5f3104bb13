//! `granary get`: what a query names, the graph behind it, and what is said when part of it is not to be had.

use crate::by_hand::{WAYS, Way, lines_of, run};
use crate::rig::database::Database;
use crate::rig::granary::Setup;
use crate::rig::module::{Made, go_mod};
use crate::rig::upstream::Upstream;

/// An upstream with `app`, which needs `left` and `right`, which both need `base`, the right one a higher version.
fn diamond(database: &Database) -> (Upstream, Vec<Made>) {
    let upstream = Upstream::start_with(database);
    let publish = |name: &str, version: &str, requires: &[(&str, &str)]| {
        let path = format!("example.com/{name}");
        let mut text = go_mod(&path, requires);
        if name == "left" {
            // From before pruning: what it requires is read although a higher version is selected.
            text = text.replace("go 1.21", "go 1.16");
        }
        upstream.publish(
            &path,
            version,
            &[("go.mod", &text), ("x.go", "package x\n")],
        )
    };
    let made = vec![
        publish("base", "v1.0.0", &[]),
        publish("base", "v1.2.0", &[]),
        publish("left", "v0.1.0", &[("example.com/base", "v1.0.0")]),
        publish("right", "v0.1.0", &[("example.com/base", "v1.2.0")]),
        publish(
            "app",
            "v1.0.0",
            &[
                ("example.com/left", "v0.1.0"),
                ("example.com/right", "v0.1.0"),
            ],
        ),
    ];
    (upstream, made)
}

#[test]
fn the_graph_comes_whole_and_the_zips_of_what_a_build_selects() {
    for way in WAYS {
        let database = Database::new();
        let (upstream, made) = diamond(&database);
        let setup = Setup::with(&upstream, &database).set("capture.zips", "asked");
        let server = way.enter(&setup);
        let out = run(&setup, &["get", "--json", "example.com/app@v1.0.0"], 0);
        let done = &lines_of(&out, "done")[0];
        assert_eq!(done["well"], true, "{way:?}: {done}");
        assert_eq!(done["data"]["selected"], 4, "{way:?}: {done}");
        assert_eq!(done["data"]["roots"][0], "example.com/app@v1.0.0");
        for one in &made {
            let is_selected = one.of.to_string() != "example.com/base@v1.0.0";
            assert_eq!(upstream.count(&one.file("mod")), 1, "{way:?} {}", one.of);
            assert_eq!(
                upstream.count(&one.file("zip")),
                usize::from(is_selected),
                "{way:?} {}",
                one.of
            );
        }
        drop(server);
        upstream.stop();
        let server = setup.start();
        for one in made.iter().skip(1) {
            assert_eq!(server.must_get(&one.file("zip")), one.zip);
        }
    }
}

#[test]
fn no_zips_leaves_them_out() {
    let database = Database::new();
    let (upstream, made) = diamond(&database);
    let setup = Setup::with(&upstream, &database);
    run(&setup, &["get", "--no-zips", "example.com/app"], 0);
    for one in &made {
        assert_eq!(upstream.count(&one.file("mod")), 1, "{}", one.of);
        assert_eq!(upstream.count(&one.file("zip")), 0, "{}", one.of);
    }
}

#[test]
fn a_version_asked_for_comes_with_its_zip_although_the_graph_selects_a_higher_one() {
    let database = Database::new();
    let (upstream, made) = diamond(&database);
    let setup = Setup::with(&upstream, &database);
    let queries = ["get", "example.com/base@v1.0.0", "example.com/right@v0.1.0"];
    run(&setup, &queries, 0);
    assert_eq!(upstream.count(&made[0].file("zip")), 1);
    assert_eq!(upstream.count(&made[1].file("zip")), 1);
}

#[test]
fn queries_name_versions_as_they_do_for_go() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let publish = |version: &str, text: &str| {
        upstream.publish(
            "example.com/lib",
            version,
            &[("go.mod", text), ("l.go", "package lib\n")],
        )
    };
    let plain = "module example.com/lib\n\ngo 1.21\n";
    publish("v1.0.0", plain);
    publish("v1.1.0", plain);
    let retracts = format!("{plain}\nretract v1.2.0 // published by mistake\n");
    publish("v1.2.0", &retracts);
    publish("v1.3.0-rc.1", plain);
    let pseudo = publish("v1.2.1-0.20240506070809-abcdefabcdef", plain);
    upstream.name_query(&pseudo, "main");
    upstream.name_query(&pseudo, "abcdefabcdef");
    let setup = Setup::with(&upstream, &database);
    for (query, want) in [
        ("example.com/lib", "v1.1.0"),
        ("example.com/lib@latest", "v1.1.0"),
        ("example.com/lib@v1.2.0", "v1.2.0"),
        (
            "example.com/lib@main",
            "v1.2.1-0.20240506070809-abcdefabcdef",
        ),
        (
            "example.com/lib@abcdefabcdef",
            "v1.2.1-0.20240506070809-abcdefabcdef",
        ),
    ] {
        let out = run(&setup, &["get", "--json", query], 0);
        let done = &lines_of(&out, "done")[0];
        let want = format!("example.com/lib@{want}");
        assert_eq!(done["data"]["roots"][0], want.as_str(), "{query}: {done}");
    }
}

#[test]
fn what_is_missing_is_named_and_the_rest_is_kept() {
    for way in WAYS {
        let database = Database::new();
        let (upstream, made) = diamond(&database);
        upstream.forget("example.com/right");
        let setup = Setup::with(&upstream, &database);
        let server = way.enter(&setup);
        let out = run(&setup, &["get", "--json", "example.com/app@latest"], 1);
        let findings = lines_of(&out, "finding");
        assert_eq!(findings.len(), 1, "{out}");
        assert_eq!(findings[0]["of"], "example.com/right@v0.1.0", "{out}");
        assert!(!findings[0]["detail"].as_str().unwrap().is_empty(), "{out}");
        let done = &lines_of(&out, "done")[0];
        assert_eq!(done["well"], false, "{done}");
        assert_eq!(done["data"]["missing"], 1, "{done}");
        drop(server);
        upstream.stop();
        let server = setup.start();
        assert_eq!(
            server.must_get(&made[2].file("zip")),
            made[2].zip,
            "{way:?}"
        );
    }
}

#[test]
fn a_query_that_makes_no_sense_is_named_and_nothing_is_asked() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let setup = Setup::with(&upstream, &database);
    for query in [
        "nodot@v1.0.0",
        "example.com/../x@v1.0.0",
        "example.com/m@",
        "example.com/m@v2.0.0",
        "example.com/m@a/../b",
    ] {
        let out = run(&setup, &["get", query], 1);
        assert!(
            out.contains(query.split('@').next().unwrap()),
            "{query}: {out}"
        );
    }
    assert!(upstream.counts().is_empty(), "{:?}", upstream.counts());
    run(&setup, &["get"], 2);
}

#[test]
fn the_way_of_a_command_does_not_show() {
    let texts = WAYS.map(|way: Way| {
        let database = Database::new();
        let (upstream, _made) = diamond(&database);
        let setup = Setup::with(&upstream, &database);
        let _server = way.enter(&setup);
        run(&setup, &["get", "example.com/app@v1.0.0"], 0)
    });
    assert_eq!(texts[0], texts[1]);
}
