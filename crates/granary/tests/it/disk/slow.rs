//! A disk that takes seconds for a sync: captures take as long as they take, hits do not wait for them.

use std::thread;

use super::place::{Server, Strace, plain};
use super::{RECOVERY, check_recovers, check_served, publish};
use crate::by_hand::run;
use crate::rig::database::Database;
use crate::rig::granary::Setup;
use crate::rig::upstream::Upstream;
use crate::rig::{raw, wait_until};

/// Hits asked for while one capture waits for the disk.
const HITS: usize = 10;

#[test]
fn hits_do_not_wait_for_a_disk_that_syncs_slowly() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let there = publish(&upstream, "there", 100_000);
    let cold = publish(&upstream, "cold", 100_000);
    let new = publish(&upstream, "new", 100_000);
    let setup = Setup::with(&upstream, &database).set("capture.zips", "asked");
    drop({
        let before = Server::start(&setup, plain);
        check_served(before.address, &there);
        check_served(before.address, &cold);
        before
    });
    // What was captured by an earlier process is in nobody's memory.
    let server = Server::start(&setup, plain);
    let address = server.address;
    check_served(address, &there);
    let rule = "fsync,fdatasync:delay_enter=4000000";
    let Some(strace) = Strace::inject("a slow disk", &server, rule, &[]) else {
        return;
    };
    let path = new.file("info");
    let client = thread::spawn(move || raw::get(address, &path));
    wait_until(RECOVERY, "the upstream is asked", || {
        upstream.count(&new.file("mod")) == 1
    });
    for _ in 0..HITS {
        check_served(address, &there);
    }
    check_served(address, &cold);
    assert!(!client.is_finished(), "the disk was not slow at all");
    // A look at what can be written takes too long, which is no reason to be taken out of service.
    wait_until(RECOVERY, "said where one looks", || {
        let ready = raw::get(address, "/readyz");
        assert_eq!(ready.status, 200, "{}", ready.text());
        ready.text().contains("no answer within")
    });
    assert_eq!(client.join().unwrap().status, 200);
    drop(strace);
    check_recovers(address, &new);
    run(&setup, &["verify"], 0);
}
