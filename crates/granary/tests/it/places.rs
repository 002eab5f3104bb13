//! Data folders that cannot be used: said at the start. Those that stop being usable are in `disk`.

use std::process::Command;

use crate::by_hand::{may_mount, run, said};
use crate::rig::address::free_address;
use crate::rig::database::Database;
use crate::rig::granary::Setup;
use crate::rig::upstream::Upstream;

/// `serve` in a mount namespace of its own, where `mounting` was run before; nothing of it outlives the server.
fn serve_behind(setup: &Setup, mounting: &str, address: std::net::SocketAddr) -> Command {
    let plain = setup.command(&[]);
    let script = format!("{mounting} && exec \"$0\" serve --listen {address}");
    let mut command = Command::new("unshare");
    command
        .args(["-m", "sh", "-c", &script])
        .arg(plain.get_program())
        .env_clear();
    for (name, value) in plain.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    command
}

#[test]
fn a_read_only_folder_is_said_at_the_start() {
    let setup = Setup::new();
    drop(setup.start());
    let folder = setup.data().display().to_string();
    let output = if may_mount("a read-only folder") {
        let mounting =
            format!("mount --bind {folder} {folder} && mount -o remount,ro,bind {folder}");
        serve_behind(&setup, &mounting, free_address())
            .output()
            .unwrap()
    } else {
        return;
    };
    assert_eq!(output.status.code(), Some(1));
    let text = said(&output);
    assert!(
        text.contains(&folder) && text.contains("read-only"),
        "{text}"
    );
}

#[test]
fn a_folder_of_someone_else_is_said_at_the_start() {
    let is_root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|o| o.stdout == b"0\n");
    let there = Command::new("setpriv")
        .arg("--version")
        .output()
        .is_ok_and(|o| o.status.success());
    if !is_root || !there {
        crate::rig::skip(
            "a folder of someone else",
            "it needs root and setpriv to become someone else",
        );
        return;
    }
    // The scratch folder itself is only root's; this one is open to look at and closed to write in.
    let folder = tempfile::Builder::new()
        .prefix("granary-it-root-")
        .tempdir()
        .unwrap();
    std::fs::set_permissions(
        folder.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    // So must be the program.
    let program = folder.path().join("granary");
    std::fs::copy(env!("CARGO_BIN_EXE_granary"), &program).unwrap();
    let setup = Setup::new();
    for data in [folder.path().join("new"), folder.path().to_owned()] {
        let output = Command::new("setpriv")
            .args([
                "--reuid",
                "65534",
                "--regid",
                "65534",
                "--clear-groups",
                "--",
            ])
            .arg(&program)
            .args([
                "serve",
                "--listen",
                &free_address().to_string(),
                "--data",
                data.to_str().unwrap(),
            ])
            .env_clear()
            .env("GOPROXY", "off")
            .env("HOME", folder.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(
            said(&output).contains(data.to_str().unwrap()),
            "{}",
            said(&output)
        );
    }
    drop(setup);
}

#[test]
fn commands_refuse_a_foreign_folder_and_leave_it_alone() {
    let setup = Setup::new();
    std::fs::create_dir_all(setup.data()).unwrap();
    std::fs::write(setup.data().join("thesis.txt"), "mine").unwrap();
    for arguments in [
        &["get", "example.com/m@v1.0.0"][..],
        &["import", "/tmp"][..],
    ] {
        let output = setup.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(said(&output).contains("thesis.txt"), "{}", said(&output));
    }
    assert_eq!(std::fs::read_dir(setup.data()).unwrap().count(), 1);
}

#[test]
fn a_fresh_file_system_is_no_foreign_folder() {
    let setup = Setup::new();
    std::fs::create_dir_all(setup.data().join("lost+found")).unwrap();
    let server = setup.start();
    assert_eq!(server.get("/readyz").status, 200);
}

/// A catalog that belongs to another program, or to none, is never written into.
#[test]
fn a_broken_catalog_is_named_by_commands_too() {
    let setup = Setup::new();
    drop(setup.start());
    let catalog = setup.data().join("catalog.db");
    std::fs::remove_file(setup.data().join("catalog.db-wal")).ok();
    std::fs::remove_file(setup.data().join("catalog.db-shm")).ok();
    let garbage = vec![0x5a; 64 << 10];
    std::fs::write(&catalog, &garbage).unwrap();
    let output = setup.run(&["verify"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("catalog"), "{}", said(&output));
    assert_eq!(std::fs::read(&catalog).unwrap(), garbage);
}

#[test]
fn a_store_apart_is_used_and_named() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let made = upstream.publish("example.com/apart", "v1.0.0", &[("x.go", "package x\n")]);
    let setup = Setup::with(&upstream, &database);
    let store = setup.folder("apart").join("blobs");
    let setup = setup.set("store", &format!("file://{}", store.display()));
    run(&setup, &["get", "example.com/apart"], 0);
    assert!(store.join("blob/sha256").is_dir());
    assert!(!setup.data().join("store").exists());
    upstream.stop();
    assert_eq!(setup.start().must_get(&made.file("zip")), made.zip);
}
