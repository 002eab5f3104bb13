//! Tokens and the record on the command line, with a server and without one; the administrator's file.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;

use serde_json::Value;

use super::{FELT_WITHIN, admin_token, house};
use crate::by_hand::said;
use crate::rig::granary::Setup;
use crate::rig::{raw, wait_until};

/// Runs a command that must succeed, as JSON; gives its lines.
#[track_caller]
fn must(setup: &Setup, arguments: &[&str]) -> Vec<Value> {
    let output = setup.run(&[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[track_caller]
pub fn create(setup: &Setup, arguments: &[&str]) -> String {
    let lines = must(setup, &[&["token", "create"], arguments].concat());
    lines.last().unwrap()["data"]["token"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn tokens_are_made_listed_and_revoked_by_commands() {
    let house = house();
    let setup = &house.granary.setup;
    let private = house.private.file("info");
    let token = create(
        setup,
        &[
            "ci",
            "--verbs",
            "read,approve",
            "--modules",
            "corp.example",
            "--for",
            "90d",
        ],
    );
    assert_eq!(house.ask("GET", &private, Some(&token), None).status, 200);
    let listed = must(setup, &["token", "list"]);
    let ci = listed
        .iter()
        .find(|line| line["data"]["name"] == "ci")
        .unwrap();
    assert_eq!(ci["data"]["state"], "valid");
    assert_eq!(
        ci["data"]["scopes"]["verbs"],
        serde_json::json!(["read", "approve"])
    );
    assert!(listed.iter().all(|line| !line.to_string().contains(&token)));

    let output = setup.run(&["token", "create", "ci", "--verbs", "read"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("take another name"),
        "{}",
        said(&output)
    );
    for wrong in [
        &["token", "create", "x", "--verbs", "root"][..],
        &["token", "create", "x"][..],
        &[
            "token",
            "create",
            "x",
            "--verbs",
            "read",
            "--for",
            "1d",
            "--until",
            "2030-01-31",
        ][..],
    ] {
        assert_eq!(setup.run(wrong).status.code(), Some(2), "{wrong:?}");
    }
    must(
        setup,
        &["token", "revoke", "ci", "--why", "the laptop is lost"],
    );
    wait_until(FELT_WITHIN, "the revocation is felt", || {
        house.ask("GET", &private, Some(&token), None).status == 401
    });
    must(setup, &["token", "revoke", "ci"]);
    assert_eq!(
        setup.run(&["token", "revoke", "never"]).status.code(),
        Some(1)
    );

    let deeds = must(setup, &["deeds"]);
    let revoked = deeds
        .iter()
        .find(|line| line["data"]["verb"] == "token-revoke" && line["data"]["outcome"] == "done")
        .unwrap();
    assert_eq!(revoked["data"]["why"], "the laptop is lost");
    let by = revoked["data"]["by"].as_str().unwrap();
    assert!(
        by.starts_with("local:") && by.len() > "local:".len(),
        "{by}"
    );
}

#[test]
fn users_of_the_socket_may_do_everything_under_their_name() {
    let house = house();
    let socket = house.granary.setup.data().join("granary.sock");
    let ask = |method: &str, path: &str, body: &str| {
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream.set_read_timeout(Some(FELT_WITHIN)).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: any\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let made = ask(
        "POST",
        "/v1/tokens",
        r#"{"name":"by-socket","verbs":["read"]}"#,
    );
    assert!(made.starts_with("HTTP/1.1 201 "), "{made}");
    let private = ask("GET", &house.private.file("info"), "");
    assert!(private.starts_with("HTTP/1.1 200 "), "{private}");
    let deeds = ask("GET", "/v1/deeds", "");
    assert!(deeds.starts_with("HTTP/1.1 200 "), "{deeds}");
    let deed = house
        .deeds()
        .into_iter()
        .find(|deed| deed["subject"] == "by-socket")
        .unwrap();
    assert!(deed["by"].as_str().unwrap().starts_with("local:"), "{deed}");
}

#[test]
fn commands_work_on_the_folder_when_no_server_runs() {
    let house = house();
    house.granary.must_get(&house.public.file("zip"));
    let setup = house.granary.kill();
    let token = create(&setup, &["later", "--verbs", "read"]);
    let why = must(&setup, &["why", "example.com/m@v1.0.0"]);
    assert!(
        why.last().unwrap()["text"]
            .as_str()
            .unwrap()
            .contains("prod: served"),
        "{why:?}"
    );
    let output = setup.run(&["why", "example.com/never@v1.0.0"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    must(&setup, &["waivers"]);
    assert!(
        must(&setup, &["deeds"])
            .iter()
            .any(|line| line["data"]["subject"] == "later")
    );
    let granary = setup.start();
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str())];
    let answer = raw::get_with(granary.address, "/corp.example/p/@v/v1.0.0.info", &headers);
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn commands_make_no_folder_out_of_a_mistyped_name() {
    let setup = Setup::new();
    for arguments in [
        &["token", "list"][..],
        &["deeds"][..],
        &["withdraw", "example.com/m@v1.0.0", "--why", "x"][..],
    ] {
        let output = setup.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(
            said(&output).contains("there is no Granary in"),
            "{}",
            said(&output)
        );
        assert!(!setup.data().exists());
    }
}

#[test]
fn the_administrators_file_is_private_and_lasts() {
    let house = house();
    let path = house.granary.setup.data().join("admin.token");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let first = house.admin.clone();
    let setup = house.granary.kill();
    let is_valid = |granary: &crate::rig::granary::Granary, token: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", bearer.as_str())];
        raw::get_with(granary.address, "/v1/deeds", &headers).status == 200
    };
    let granary = setup.start();
    assert_eq!(admin_token(&setup), first, "a restart makes no new one");
    assert!(is_valid(&granary, &first));
    must(
        &setup,
        &["token", "revoke", "admin", "--why", "it was in a chat"],
    );
    wait_until(FELT_WITHIN, "the revocation is felt", || {
        !is_valid(&granary, &first)
    });
    granary.kill();
    let granary = setup.start();
    let second = admin_token(&setup);
    assert!(second != first && is_valid(&granary, &second) && !is_valid(&granary, &first));
    granary.kill();
    // Whoever takes the file away has not ended the token.
    std::fs::remove_file(&path).unwrap();
    let granary = setup.start();
    let third = admin_token(&setup);
    assert!(is_valid(&granary, &third) && is_valid(&granary, &second));
    assert!(
        granary.log().contains("granary token revoke admin"),
        "{}",
        granary.log()
    );
}
