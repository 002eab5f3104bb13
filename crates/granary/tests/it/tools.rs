//! The commands that need no server: `h1`, `env`, `completion`, `config show`, help; and `doctor`.

use serde_json::Value;

use crate::by_hand::{run, said};
use crate::rig::database::{Database, NAME};
use crate::rig::go::Go;
use crate::rig::granary::Setup;
use crate::rig::upstream::Upstream;

#[test]
fn h1_of_a_zip_and_of_a_folder_is_what_go_says() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let files = [
        ("x.go", "package x\n"),
        ("sub/Y.txt", "y\n"),
        ("a-b/c.txt", "c\n"),
        ("a/c.txt", "d\n"),
    ];
    let made = upstream.publish("example.com/Hash", "v1.0.0", &files);
    let Some(go) = Go::find_at(&upstream.url(), Some(&database)) else {
        return;
    };
    let project = go.project("p", &[("go.mod", "module example.com/p\n\ngo 1.21\n")]);
    let text = go.must(
        &project,
        &["mod", "download", "-json", "example.com/Hash@v1.0.0"],
    );
    let downloaded: Value = serde_json::from_str(&text).unwrap();
    let of = |name: &str| downloaded[name].as_str().unwrap().to_owned();
    let setup = Setup::new();
    assert_eq!(run(&setup, &["h1", &of("Zip")], 0).trim(), of("Sum"));
    let module = made.of.to_string();
    assert_eq!(
        run(&setup, &["h1", "--of", &module, &of("Dir")], 0).trim(),
        of("Sum")
    );
    let both = run(
        &setup,
        &["h1", "--json", "--of", &module, &of("Zip"), &of("Dir")],
        0,
    );
    for line in both.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["h1"], of("Sum").as_str(), "{line}");
    }
}

#[test]
fn h1_says_what_is_wrong_with_its_arguments() {
    let setup = Setup::new();
    let folder = setup.folder("f");
    let output = setup.run(&["h1", folder.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("--of"), "{}", said(&output));
    std::fs::write(folder.join("no.zip"), "not a zip").unwrap();
    for path in [folder.join("no.zip"), folder.join("absent.zip")] {
        let output = setup.run(&["h1", path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1));
        assert!(
            said(&output).contains(path.to_str().unwrap()),
            "{}",
            said(&output)
        );
    }
}

/// What needs no configuration works with a broken one: on a build machine, in a shell's start-up file.
#[test]
fn a_broken_configuration_stands_in_the_way_of_nothing_that_needs_none() {
    let setup = Setup::new().set("listen", "nonsense");
    let zip = setup.folder("f").join("m.zip");
    std::fs::write(
        &zip,
        crate::rig::module::make("example.com/m", "v1.0.0", &[]).zip,
    )
    .unwrap();
    run(&setup, &["h1", zip.to_str().unwrap()], 0);
    assert!(run(&setup, &["completion", "bash"], 0).contains("complete -F"));
    run(&setup, &["--help"], 0);
    run(&setup, &["env"], 2);
}

#[test]
fn env_names_the_address_that_clients_see() {
    let setup = Setup::new().set("listen", "0.0.0.0:4000");
    assert!(run(&setup, &["env"], 0).contains("go env -w GOPROXY=http://127.0.0.1:4000"));
    let setup = setup.set("public_url", "https://go.example/granary/");
    let text = run(&setup, &["env"], 0);
    assert!(
        text.contains("go env -w GOPROXY=https://go.example/granary\n"),
        "{text}"
    );
    assert!(text.contains("go env -u GOPROXY"), "{text}");
    let json: Value = serde_json::from_str(&run(&setup, &["env", "--json"], 0)).unwrap();
    assert!(
        json["GOPROXY"]
            .as_str()
            .unwrap()
            .starts_with("https://go.example/granary")
    );
}

#[test]
fn help_teaches_the_way_in() {
    let setup = Setup::new();
    let text = run(&setup, &["--help"], 0);
    for word in [
        "granary serve",
        "GOPROXY=http://127.0.0.1:3000",
        "granary env",
        "Exit codes",
        "docs",
        "--data",
    ] {
        assert!(text.contains(word), "no {word} in:\n{text}");
    }
    let commands = [
        "serve",
        "get",
        "verify",
        "export",
        "import",
        "doctor",
        "config",
        "h1",
        "env",
        "completion",
    ];
    for command in commands {
        assert!(text.contains(command), "no {command} in:\n{text}");
        let own = run(&setup, &[command, "--help"], 0);
        assert!(own.lines().count() > 5, "{own}");
    }
    for command in ["get", "export", "import", "h1"] {
        let own = run(&setup, &[command, "--help"], 0);
        assert!(own.contains("Example"), "no example in:\n{own}");
    }
    assert!(run(&setup, &["--version"], 0).starts_with("granary "));
    run(&setup, &["serve", "--nonsense"], 2);
    run(&setup, &["completion", "tcsh"], 2);
    for shell in ["zsh", "fish"] {
        assert!(run(&setup, &["completion", shell], 0).contains("granary"));
    }
}

fn checks_of(text: &str) -> Vec<(String, String)> {
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let field = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
    lines
        .map(|line| (field(&line, "check"), field(&line, "grade")))
        .collect()
}

#[test]
fn doctor_checks_the_folder_the_upstream_and_the_database() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    upstream.publish("golang.org/x/mod", "v0.1.0", &[("m.go", "package mod\n")]);
    let setup = Setup::with(&upstream, &database);
    let checks = checks_of(&run(&setup, &["doctor", "--json"], 0));
    for check in [
        "data folder",
        "catalog",
        "store",
        "upstream",
        "checksum database",
    ] {
        assert!(
            checks.contains(&(check.to_owned(), "ok".to_owned())),
            "{check}: {checks:?}"
        );
    }
    upstream.stop();
    let checks = checks_of(&run(&setup, &["doctor", "--json"], 1));
    for check in ["upstream", "checksum database"] {
        assert!(
            checks.contains(&(check.to_owned(), "WRONG".to_owned())),
            "{check}: {checks:?}"
        );
    }
    let text = run(&setup, &["doctor"], 1);
    assert!(text.contains("HTTPS_PROXY"), "no advice: {text}");
}

#[test]
fn doctor_asks_a_running_server_and_notices_a_broken_folder() {
    let setup = Setup::new();
    let server = setup.start();
    let checks = checks_of(&run(&setup, &["doctor", "--json"], 0));
    assert!(
        checks.contains(&("server".to_owned(), "ok".to_owned())),
        "{checks:?}"
    );
    drop(server);
    std::fs::remove_file(setup.data().join("catalog.db-wal")).ok();
    std::fs::write(setup.data().join("catalog.db"), vec![0x5a; 64 << 10]).unwrap();
    let text = run(&setup, &["doctor"], 1);
    assert!(text.contains("WRONG") && text.contains("catalog"), "{text}");
    let foreign = Setup::new();
    std::fs::create_dir_all(foreign.data()).unwrap();
    std::fs::write(foreign.data().join("thesis.txt"), "mine").unwrap();
    assert!(run(&foreign, &["doctor"], 1).contains("thesis.txt"));
}

#[test]
fn config_show_tells_values_and_sources_but_no_secrets() {
    let setup = Setup::new()
        .set("upstream", "https://user:hunter2@proxy.example")
        .set("database", "postgres://granary:hunter3@db.example/granary")
        .set(
            "sumdb",
            &format!("{NAME}+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"),
        )
        .unset("sumdb");
    std::fs::create_dir_all(setup.data()).unwrap();
    let file = setup.data().join("granary.toml");
    std::fs::write(&file, "client_wait = \"7s\"\n[list]\nfresh = \"3s\"\n").unwrap();
    let set = ["config", "show", "--set", "list.fresh=4s"];
    let text = run(&setup, &set, 0);
    let json = run(
        &setup,
        &["config", "show", "--json", "--set", "list.fresh=4s"],
        0,
    );
    for shown in [&text, &json] {
        assert!(!shown.contains("hunter"), "{shown}");
        assert!(shown.contains("(secret)"), "{shown}");
    }
    let lines: Vec<Value> = json
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let find = |key: &str| lines.iter().find(|l| l["key"] == key).unwrap().clone();
    assert_eq!(find("list.fresh")["value"], "4s");
    assert_eq!(find("list.fresh")["source"], "--set");
    assert_eq!(find("client_wait")["value"], "7s");
    assert_eq!(find("client_wait")["source"], file.to_str().unwrap());
    assert_eq!(find("upstream")["source"], "GRANARY_UPSTREAM");
    assert_eq!(find("capture.zips")["source"], "default");
    assert_eq!(find("data")["value"], setup.data().to_str().unwrap());
    assert!(text.contains("GRANARY_LIST_FRESH"), "{text}");
}
