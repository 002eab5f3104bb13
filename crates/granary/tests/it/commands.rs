//! The command line, over the socket of a running server and on a folder without one.

use crate::rig::database::Database;
use crate::rig::go::Go;
use crate::rig::granary::{Granary, Setup};
use crate::rig::module::{Made, go_mod};
use crate::rig::upstream::Upstream;

struct Stage {
    database: Database,
    upstream: Upstream,
    granary: Granary,
    app: Made,
    dependency: Made,
}

fn stage() -> Stage {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let dependency = upstream.publish("example.com/dep", "v1.4.0", &[("d.go", "package dep\n")]);
    let text = go_mod("example.com/app", &[("example.com/dep", "v1.4.0")]);
    let app = upstream.publish(
        "example.com/app",
        "v1.0.0",
        &[
            ("go.mod", &text),
            ("a.go", "package app\n\nimport _ \"example.com/dep\"\n"),
        ],
    );
    let granary = Setup::with(&upstream, &database).start();
    Stage {
        database,
        upstream,
        granary,
        app,
        dependency,
    }
}

#[track_caller]
fn must(setup: &Setup, arguments: &[&str]) -> String {
    let output = setup.run(arguments);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{arguments:?}: {said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    said
}

#[test]
fn get_captures_a_module_with_its_whole_graph() {
    let stage = stage();
    must(&stage.granary.setup, &["get", "example.com/app@latest"]);
    stage.upstream.stop();
    for made in [&stage.app, &stage.dependency] {
        for extension in ["info", "mod", "zip"] {
            assert_eq!(
                stage.granary.must_get(&made.file(extension)),
                made.bytes(extension)
            );
        }
    }
}

#[test]
fn get_works_on_the_folder_when_no_server_runs() {
    let stage = stage();
    let setup = stage.granary.kill();
    must(&setup, &["get", "example.com/app@v1.0.0"]);
    stage.upstream.stop();
    let granary = setup.start();
    assert_eq!(
        granary.must_get(&stage.dependency.file("zip")),
        stage.dependency.zip
    );
}

#[test]
fn get_of_what_does_not_exist_fails_with_the_reason() {
    let stage = stage();
    let output = stage
        .granary
        .setup
        .run(&["get", "example.com/absent@v1.0.0"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("example.com/absent"), "{said}");
}

#[test]
fn an_exported_tree_is_a_proxy_and_can_be_imported() {
    let stage = stage();
    must(&stage.granary.setup, &["get", "example.com/app@v1.0.0"]);
    let tree = stage.granary.setup.folder("exported").join("tree");
    must(
        &stage.granary.setup,
        &["export", "prod", tree.to_str().unwrap()],
    );
    for made in [&stage.app, &stage.dependency] {
        for extension in ["info", "mod", "zip"] {
            let file = tree.join(made.file(extension).trim_start_matches('/'));
            assert_eq!(
                std::fs::read(&file).unwrap(),
                made.bytes(extension),
                "{}",
                file.display()
            );
        }
    }
    if let Some(mut go) = Go::find(&stage.granary, &stage.database) {
        go.set("GOPROXY", &format!("file://{}", tree.display()));
        go.set("GONOSUMDB", "example.com");
        let project = go.project(
            "user",
            &[("go.mod", "module example.com/user\n\ngo 1.21\n")],
        );
        go.must(&project, &["get", "example.com/app@latest"]);
    }

    // Another Granary without an upstream takes the tree in, verified against the same database.
    let database_only = Upstream::start_with(&stage.database);
    let direct = format!(
        "{} {}/sumdb/{}",
        stage.database.vkey(),
        database_only.url(),
        crate::rig::database::NAME
    );
    let other = Setup::new().set("sumdb", &direct);
    must(&other, &["import", tree.to_str().unwrap()]);
    let granary = other.start();
    assert_eq!(granary.must_get(&stage.app.file("zip")), stage.app.zip);
}

#[test]
fn a_tree_with_other_bytes_is_not_imported() {
    let stage = stage();
    let tree = stage.granary.setup.folder("bad");
    let other = crate::rig::module::make(
        "example.com/app",
        "v1.0.0",
        &[("evil.go", "package evil\n")],
    );
    for extension in ["info", "mod", "zip"] {
        let file = tree.join(other.file(extension).trim_start_matches('/'));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, other.bytes(extension)).unwrap();
    }
    let output = stage.granary.setup.run(&["import", tree.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    // The real one can still be had.
    assert_eq!(
        stage.granary.must_get(&stage.app.file("zip")),
        stage.app.zip
    );
}

#[test]
fn h1_of_a_zip_is_what_go_sum_says() {
    let stage = stage();
    let file = stage.granary.setup.folder("zips").join("app.zip");
    std::fs::write(&file, &stage.app.zip).unwrap();
    let said = must(&Setup::new(), &["h1", file.to_str().unwrap()]);
    assert!(said.contains(&stage.app.h1.to_string()), "{said}");
}

#[test]
fn commands_that_need_no_server_explain_themselves() {
    let setup = Setup::new();
    assert!(must(&setup, &["env"]).contains("go env -w GOPROXY="));
    assert!(must(&setup, &["config", "show"]).contains("sumdb"));
    assert!(must(&setup, &["completion", "bash"]).contains("granary"));
    assert!(must(&setup, &["--help"]).contains("GOPROXY"));
    assert_eq!(setup.run(&["frobnicate"]).status.code(), Some(2));
    assert_eq!(setup.run(&["export"]).status.code(), Some(2));
}

#[test]
fn doctor_says_what_it_checked() {
    let stage = stage();
    let said = must(&stage.granary.setup, &["doctor"]);
    assert!(!said.trim().is_empty());
}
