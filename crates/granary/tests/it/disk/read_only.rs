//! File systems that turn read-only under a running server, as ext4 does after an error.

use std::process::Command;

use super::place::{Place, Server, Strace, plain, take_over};
use super::{RECOVERY, check_recovers, check_refused, check_served, figure, publish};
use crate::by_hand::{may_mount, run, said};
use crate::rig::database::Database;
use crate::rig::granary::Setup;
use crate::rig::upstream::Upstream;
use crate::rig::{raw, wait_until};

#[test]
fn a_store_that_turns_read_only_serves_and_recovers() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let there = publish(&upstream, "there", 100_000);
    let new = publish(&upstream, "new", 100_000);
    let setup = Setup::with(&upstream, &database).set("capture.zips", "asked");
    let store = setup.data().with_file_name("apart");
    let setup = setup.set("store", &format!("file://{}", store.display()));
    let mounts = [(&*store, "size=40m")];
    let Some(place) = Place::mount("a store that turns read-only", &setup, &mounts) else {
        return;
    };
    let server = place.start();
    let address = server.address;
    check_served(address, &there);
    // The kernel refuses for as long as a file is open for writing.
    wait_until(RECOVERY, "read-only", || place.remount(&store, "ro"));
    wait_until(RECOVERY, "captures stop", || {
        figure(address, "granary_disk_captures_stopped") == 1
    });
    check_refused(address, &new, "info", &["read-only"]);
    check_served(address, &there);
    let ready = raw::get(address, "/readyz");
    assert_eq!(ready.status, 200, "{}", ready.text());
    let (code, said) = place.doctor();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("mounted read-only"), "{said}");

    assert!(place.remount(&store, "rw"));
    check_recovers(address, &new);
    assert_eq!(server.log().matches("captures stop:").count(), 1);
    place.check_verified();
}

/// A database that is open for writing keeps the kernel from turning its file system read-only in good order, so the
/// answers of one that did it in an emergency are injected.
#[test]
fn databases_that_turn_read_only_serve_and_recover() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let there = publish(&upstream, "there", 100_000);
    let new = publish(&upstream, "new", 100_000);
    let setup = Setup::with(&upstream, &database).set("capture.zips", "asked");
    let server = Server::start(&setup, plain);
    let address = server.address;
    check_served(address, &there);
    let file = |name: &str| setup.data().join(name);
    let files = ["catalog.db", "catalog.db-wal", "queue.db", "queue.db-wal"].map(file);
    let rule = "pwrite64,ftruncate,fallocate:error=EROFS";
    let paths: Vec<_> = files.iter().map(|path| path.as_path()).collect();
    let Some(strace) = Strace::inject("databases that turn read-only", &server, rule, &paths)
    else {
        return;
    };
    let answer = raw::get(address, &new.file("info"));
    assert!(matches!(answer.status, 503 | 507), "{}", answer.text());
    check_served(address, &there);
    let ready = raw::get(address, "/readyz");
    assert_eq!(ready.status, 200, "{}", ready.text());
    drop(strace);
    check_recovers(address, &new);
    run(&setup, &["verify"], 0);
}

/// A rescue: the server goes on, so it can still be asked for what it has. The command alone sees the folder as read-only.
#[test]
fn commands_ask_the_server_where_the_folder_cannot_be_written() {
    if !may_mount("a folder that only a command sees as read-only") {
        return;
    }
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let there = publish(&upstream, "there", 100_000);
    let setup = Setup::with(&upstream, &database).set("capture.zips", "asked");
    let mount = "mount --bind $0 $0 && mount -o remount,ro,bind $0 && exec \"$@\"";
    let verify = setup.command(&["verify"]);
    let mut beside = Command::new("unshare");
    beside.args(["-m", "sh", "-c", mount]);
    beside.arg(setup.data()).arg(verify.get_program());
    take_over(&mut beside, &verify);

    let granary = setup.start();
    check_served(granary.address, &there);
    let output = beside.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    drop(granary.kill());
    let output = beside.output().unwrap();
    let text = said(&output);
    assert!(!output.status.success(), "{text}");
    assert!(text.contains("cannot write in the data folder"), "{text}");
}
