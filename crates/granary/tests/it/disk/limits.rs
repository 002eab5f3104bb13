//! Limits that no look at the file system shows: the size of files (`ulimit -f`), which stands for quotas too.

use std::process::Command;

use super::place::{Server, plain};
use super::{RECOVERY, check_recovers, check_refused, check_served, publish};
use crate::by_hand::{run, said};
use crate::rig::database::Database;
use crate::rig::granary::Setup;
use crate::rig::upstream::Upstream;
use crate::rig::{raw, wait_until};

/// Sets the limit of a running process; nothing is none.
fn limit(server: &Server, size_bytes: Option<u64>) {
    let soft = size_bytes.map_or("unlimited".to_owned(), |size| size.to_string());
    let output = Command::new("prlimit")
        .args(["--pid", &server.id().to_string()])
        .arg(format!("--fsize={soft}:unlimited"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn the_size_of_files_bounds_captures_and_ends_nobody() {
    if Command::new("prlimit").arg("--version").output().is_err() {
        crate::rig::skip("a limit on file sizes", "there is no prlimit");
        return;
    }
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let there = publish(&upstream, "there", 100_000);
    let large = publish(&upstream, "large", 4 << 20);
    let new = publish(&upstream, "new", 100_000);
    let setup = Setup::with(&upstream, &database).set("capture.zips", "asked");
    let server = Server::start(&setup, plain);
    let address = server.address;
    check_served(address, &there);

    // Room for databases and small zips, not for the large one.
    limit(&server, Some(2 << 20));
    assert_eq!(raw::get(address, &large.file("info")).status, 200);
    check_refused(address, &large, "zip", &[]);
    // What is stored already says nothing about what can be stored.
    run(&setup, &["get", &there.of.to_string()], 0);
    check_refused(address, &large, "zip", &[]);
    check_served(address, &there);
    assert!(server.log().contains("ulimit -f"), "{}", server.log());
    assert_eq!(server.log().matches("could not be stored").count(), 1);
    assert!(!server.log().contains("can be stored again"));
    limit(&server, None);
    check_recovers(address, &large);
    assert_eq!(server.log().matches("can be stored again").count(), 1);

    // Not even the databases can be written: nothing new, and all of the old.
    limit(&server, Some(100));
    let answer = raw::get(address, &new.file("info"));
    assert!(matches!(answer.status, 503 | 507), "{}", answer.text());
    check_served(address, &there);
    check_served(address, &large);
    let list = raw::get(address, "/example.com/there/@v/list");
    assert_eq!(list.status, 200);
    limit(&server, None);
    check_recovers(address, &new);
    wait_until(RECOVERY, "well again", || {
        raw::get(address, "/readyz").text() == "ready\n"
    });
    run(&setup, &["verify"], 0);
}
