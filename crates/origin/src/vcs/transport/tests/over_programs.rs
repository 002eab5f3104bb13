//! Through programs.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::super::{RemoteSettings, SshSettings};
use super::{Repositories, Ways, check_conversation, standing_for};
use crate::upstream::UpstreamClass;

/// A program that is a script of the shell.
fn script(room: &Path, text: &str) -> std::path::PathBuf {
    let path = room.join("program");
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    path
}

fn ssh(program: std::path::PathBuf, base: &str) -> RemoteSettings {
    RemoteSettings {
        ssh: Some(SshSettings {
            program,
            key: Some("/keys/one".into()),
            known_hosts: Some("/keys/hosts".into()),
        }),
        ..standing_for(base)
    }
}

#[test]
fn repositories_on_this_machine_are_read_where_that_is_allowed() {
    let repositories = Repositories::shared();
    let root = format!("file://{}/", repositories.path().display());
    let ways = Ways::new(standing_for(&root));
    let mut session = ways.open("https://code.test/r.git").unwrap();
    assert_eq!(session.version(), 2);
    check_conversation(&mut session, repositories);
    let missing = "https://code.test/other.git";
    ways.check_refused(
        missing,
        UpstreamClass::Absent,
        "does not appear to be a git",
    );

    let url = format!("{root}r.git");
    let refused = UpstreamClass::Forbidden;
    ways.check_refused(&url, refused, "on this machine are not read");
    let open = RemoteSettings {
        is_file_open: true,
        ..standing_for("https://example.com/")
    };
    assert!(Ways::new(open.clone()).open(&url).is_ok());
    let without = RemoteSettings { git: None, ..open };
    Ways::new(without).check_refused(&url, refused, "needs the program git");
}

#[test]
fn ssh_is_given_nothing_to_misread() {
    let repositories = Repositories::shared();
    let room = tempfile::tempdir().unwrap();
    let path = repositories.path().display().to_string();
    let seen = room.path().join("seen");
    let program = script(
        room.path(),
        &format!(
            "env >{0}.env; for a in \"$@\"; do echo \"$a\" >>{0}; last=$a; done\nexec sh -c \"$last\"",
            seen.display()
        ),
    );
    let ways = Ways::new(ssh(program, &format!("ssh://git@code.example:2222{path}/")));
    let mut session = ways.open("https://code.test/r.git").unwrap();
    assert_eq!(session.version(), 2);
    let seen_arguments = std::fs::read_to_string(&seen).unwrap();
    let command = format!("git-upload-pack '{path}/r.git'");
    let lines: Vec<&str> = seen_arguments.lines().collect();
    assert!(lines.ends_with(&["-p", "2222", "--", "git@code.example", &command]));
    for option in [
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "ForwardAgent=no",
        "UserKnownHostsFile=/keys/hosts",
        "/keys/one",
    ] {
        assert!(lines.contains(&option), "{option}");
    }
    let variables = std::fs::read_to_string(room.path().join("seen.env")).unwrap();
    assert!(variables.contains("GIT_PROTOCOL=version=2"));
    assert!(!variables.contains("HOME=") && !variables.contains("SSH_AUTH_SOCK="));
    check_conversation(&mut session, repositories);

    let switched_off = Ways::new(standing_for("ssh://git@code.example/"));
    let refused = UpstreamClass::Forbidden;
    switched_off.check_refused("https://code.test/r", refused, "not asked over ssh:");
}

#[test]
fn strangers_hosts_are_judged_before_ssh_dials() {
    let room = tempfile::tempdir().unwrap();
    let seen = room.path().join("seen");
    let program = script(room.path(), &format!("echo \"$@\" >{}", seen.display()));
    let ways = Ways::new(ssh(program, "https://example.com/"));
    for host in ["127.0.0.1", "localhost", "10.1.2.3", "2130706433", "[::1]"] {
        let url = format!("ssh://git@{host}/r");
        ways.check_refused(&url, UpstreamClass::Unreachable, "address");
    }
    assert!(!seen.exists());
    let _ = ways.open("ssh://git@8.8.8.8/r");
    let seen = std::fs::read_to_string(seen).unwrap();
    assert!(
        seen.contains("HostName=8.8.8.8 -o HostKeyAlias=8.8.8.8"),
        "{seen}"
    );
}

#[test]
fn complaints_of_programs_are_handed_on() {
    for (text, class, want) in [
        (
            "echo 'Permission denied (publickey).' >&2; exit 255",
            UpstreamClass::Forbidden,
            "Permission denied",
        ),
        (
            "echo 'connect: Connection refused' >&2; exit 255",
            UpstreamClass::Unreachable,
            "Connection refused",
        ),
        (
            "echo 'ERROR: Repository not found.' >&2; exit 1",
            UpstreamClass::Absent,
            "Repository not found",
        ),
        (
            "exit 3",
            UpstreamClass::Unreachable,
            "ended without an answer",
        ),
        (
            "head -c 100000 /dev/zero | tr '\\0' 'x' >&2; exit 1",
            UpstreamClass::Unreachable,
            "xxxx",
        ),
    ] {
        let room = tempfile::tempdir().unwrap();
        let program = script(room.path(), text);
        let ways = Ways::new(ssh(program, "ssh://code.example/"));
        ways.check_refused("https://code.test/r", class, want);
    }
    let ways = Ways::new(ssh("/no/such/program".into(), "ssh://code.example/"));
    ways.check_refused(
        "https://code.test/r",
        UpstreamClass::Storage,
        "cannot be started",
    );
}

#[test]
fn programs_that_stall_are_killed_with_all_that_they_started() {
    let room = tempfile::tempdir().unwrap();
    let noted = room.path().join("pid");
    let text = format!("sleep 60 & echo $! >{}; printf 000; wait", noted.display());
    let mut settings = ssh(script(room.path(), &text), "ssh://code.example/");
    settings.bounds.pace.silence_max = Duration::from_millis(300);
    let began = Instant::now();
    let ways = Ways::new(settings);
    ways.check_refused(
        "https://code.test/r",
        UpstreamClass::TooSlow,
        "nothing came for",
    );
    assert!(began.elapsed() < Duration::from_secs(5));
    let pid = std::fs::read_to_string(noted).unwrap();
    // Gone, or dead and not yet taken out of the table by its new parent. A signal takes a moment to arrive.
    let is_gone = || {
        let status = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        status.map_or(true, |status| status.contains(") Z "))
    };
    while !is_gone() {
        assert!(began.elapsed() < Duration::from_secs(5), "{pid} lives on");
        std::thread::yield_now();
    }
}
