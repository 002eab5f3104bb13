//! Where settings come from, and what is said about those that make no sense.

use std::time::Duration;

use crate::by_hand::{Process, check, said};
use crate::rig::address::free_address;
use crate::rig::granary::Setup;
use crate::rig::{raw, wait_until};

#[track_caller]
fn check_refused(setup: &Setup, arguments: &[&str], words: &[&str]) {
    let output = setup.run(arguments);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
    for word in words {
        assert!(text.contains(word), "no {word} in: {text}");
    }
}

#[test]
fn an_unknown_key_in_the_file_is_refused_by_name() {
    let setup = Setup::new();
    std::fs::create_dir_all(setup.data()).unwrap();
    let file = setup.data().join("granary.toml");
    for (text, key) in [
        ("lissten = \"127.0.0.1:1\"\n", "lissten"),
        ("[list]\nfrsh = \"1s\"\n", "list.frsh"),
        ("[list.fresh]\nx = 1\n", "list.fresh"),
        ("listen = 1979-05-27\n", "listen"),
        ("listen = \"127.0.0.1:1\nb", "granary.toml"),
    ] {
        std::fs::write(&file, text).unwrap();
        for arguments in [&["serve"][..], &["verify"][..], &["config", "show"][..]] {
            check_refused(&setup, arguments, &[key, file.to_str().unwrap()]);
        }
    }
    let absent = setup.folder("x").join("absent.toml");
    check_refused(
        &setup,
        &["verify", "--config", absent.to_str().unwrap()],
        &["absent.toml"],
    );
}

#[test]
fn values_that_make_no_sense_are_refused_with_code_2_before_anything_is_made() {
    for (key, value) in [
        ("listen", "nowhere"),
        ("upstream", "ftp://example.com"),
        ("sumdb", "name+nokey"),
        ("sumdb_also", "name+nokey"),
        ("origin.allow", "10.0.0.0/99"),
        ("trusted_proxies", "everyone"),
        ("goprivate", "[a-"),
        ("log.level", "=="),
        ("database", "mysql://x"),
        ("tls.cert", "/only/one.pem"),
    ] {
        let setup = Setup::new().set(key, value);
        check_refused(&setup, &["serve"], &[key]);
        assert!(!setup.data().exists(), "{key}: the folder was made");
    }
    let setup = Setup::new();
    check_refused(&setup, &["verify", "--set", "nokey=1"], &["nokey", "--set"]);
    check_refused(&setup, &["verify", "--set", "list.fresh"], &["KEY=VALUE"]);
}

#[test]
fn a_certificate_that_cannot_be_used_is_said_at_the_start() {
    let setup = Setup::new();
    let folder = setup.folder("tls");
    std::fs::write(folder.join("c.pem"), "no certificate").unwrap();
    std::fs::write(folder.join("k.pem"), "no key").unwrap();
    for (cert, key) in [("c.pem", "k.pem"), ("absent.pem", "k.pem")] {
        let setup = setup
            .clone()
            .set("tls.cert", folder.join(cert).to_str().unwrap())
            .set("tls.key", folder.join(key).to_str().unwrap());
        let output = setup.run(&["serve", "--listen", &free_address().to_string()]);
        assert!(!output.status.success());
        assert!(said(&output).contains(cert), "{}", said(&output));
    }
}

#[test]
fn unknown_variables_are_one_warning() {
    let setup = Setup::new();
    let address = free_address();
    let mut command = setup.command(&["serve", "--listen", &address.to_string()]);
    command
        .env("GRANARY_LISSTEN", "x")
        .env("GRANARY_LIST_FRSH", "y");
    let server = Process::start(&mut command, &setup.folder("l").join("log"));
    wait_until(Duration::from_secs(30), "ready", || {
        raw::get(address, "/readyz").status == 200
    });
    let log = server.log();
    let warnings: Vec<_> = log
        .lines()
        .filter(|l| l.contains("GRANARY_LISSTEN"))
        .collect();
    assert_eq!(warnings.len(), 1, "{log}");
    assert!(warnings[0].contains("GRANARY_LIST_FRSH"), "{log}");
    server.kill();

    let output = setup
        .command(&["config", "show", "--json"])
        .env("GRANARY_LISSTEN", "x")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(text.matches("GRANARY_LISSTEN").count(), 1, "{text}");
}

#[test]
fn a_secret_may_come_from_a_file_and_is_never_shown() {
    let setup = Setup::new();
    let file = setup.folder("secrets").join("database");
    std::fs::write(&file, "postgres://granary:hunter2@127.0.0.1:1/none\n").unwrap();
    let with_file = |arguments: &[&str]| {
        let mut command = setup.command(arguments);
        command.env("GRANARY_DATABASE_FILE", &file);
        command
    };
    let out = check(&mut with_file(&["config", "show"]), 0);
    assert!(
        out.contains("GRANARY_DATABASE_FILE") && !out.contains("hunter2"),
        "{out}"
    );
    // Nobody listens there: the error names what cannot be opened, without the password.
    let output = with_file(&["serve", "--listen", &free_address().to_string()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = said(&output);
    assert!(
        text.contains("catalog") && !text.contains("hunter2"),
        "{text}"
    );

    let output = with_file(&["verify"])
        .env("GRANARY_DATABASE", "postgres://x/y")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = said(&output);
    assert!(
        text.contains("GRANARY_DATABASE_FILE") && !text.contains("hunter2"),
        "{text}"
    );
    let output = setup
        .command(&["verify"])
        .env("GRANARY_UPSTREAM_FILE", "/nonexistent")
        .env_remove("GRANARY_UPSTREAM")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("GRANARY_UPSTREAM_FILE"));
}

#[test]
fn the_file_that_granary_config_names_is_read_and_flags_win() {
    let setup = Setup::new();
    let file = setup.folder("conf").join("my.toml");
    std::fs::write(&file, "client_wait = \"7s\"\nprofile = \"public\"\n").unwrap();
    let mut command = setup.command(&["config", "show", "--set", "client_wait=9s"]);
    let out = check(command.env("GRANARY_CONFIG", &file), 0);
    assert!(out.contains("client_wait = \"9s\""), "{out}");
    assert!(out.contains("profile = \"public\""), "{out}");
}
