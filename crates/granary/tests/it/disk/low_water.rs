//! The low-water mark: captures stop while there still is room for everything else, and go on by themselves.

use std::thread;
use std::time::Duration;

use super::place::{Filler, Place};
use super::{RECOVERY, check_recovers, check_refused, check_served, figure, is_stored, publish};
use crate::rig::database::Database;
use crate::rig::granary::Setup;
use crate::rig::upstream::Upstream;
use crate::rig::{raw, wait_until};

#[test]
fn captures_stop_before_the_disk_is_full_and_go_on_by_themselves() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let there = publish(&upstream, "there", 100_000);
    let new = publish(&upstream, "new", 200_000);
    let large = publish(&upstream, "large", 12 << 20);
    let setup = Setup::with(&upstream, &database)
        .set("capture.zips", "asked")
        .set("disk.reserve", "16MiB");
    let data = setup.data();
    let mounts = [(&*data, "size=40m")];
    let Some(place) = Place::mount("the low-water mark", &setup, &mounts) else {
        return;
    };
    let server = place.start();
    let address = server.address;
    check_served(address, &there);
    assert_eq!(figure(address, "granary_disk_captures_stopped"), 0);
    assert_eq!(figure(address, "granary_disk_reserve_bytes"), 16 << 20);
    let (_, said) = place.doctor();
    assert!(said.contains("captures stop below 16 MiB"), "{said}");

    // What alone would eat into the reserve is refused alone, and is not even fetched whole.
    let filler = Filler::leaving(&place.inside(&data), 24 << 20);
    check_refused(address, &large, "zip", &["do not fit", "disk.reserve"]);
    assert!(is_stored(address, &large, "info"));
    drop(filler);

    let filler = Filler::leaving(&place.inside(&data), 10 << 20);
    wait_until(Duration::from_secs(10), "captures stop", || {
        figure(address, "granary_disk_captures_stopped") == 1
    });
    check_refused(address, &new, "info", &["16 MiB are kept in reserve"]);
    check_refused(address, &new, "zip", &["16 MiB are kept in reserve"]);
    assert_eq!(upstream.count(&new.file("info")), 0, "nobody was asked");
    check_served(address, &there);
    let list = raw::get(address, "/example.com/there/@v/list");
    assert_eq!((list.status, list.text()), (200, "v1.0.0\n".to_owned()));
    let list = raw::get(address, "/example.com/new/@v/list");
    assert_eq!((list.status, list.text()), (200, "v1.0.0\n".to_owned()));
    assert_eq!(raw::get(address, "/readyz").status, 200);
    assert!(figure(address, "granary_disk_refusals_total") >= 2);
    assert!(figure(address, "granary_disk_free_bytes") < 16 << 20);
    let (code, said) = place.doctor();
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("WRONG  disk") && said.contains("make room"),
        "{said}"
    );

    drop(filler);
    check_recovers(address, &new);
    assert_eq!(figure(address, "granary_disk_captures_stopped"), 0);
    let log = server.log();
    let told = |what: &str| log.lines().filter(|line| line.contains(what)).count();
    assert_eq!(
        (told("captures stop:"), told("captures go on: ")),
        (1, 1),
        "{log}"
    );
    place.check_verified();
}

#[test]
fn what_follows_behind_waits_for_room_and_is_not_lost() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let made = publish(&upstream, "follows", 200_000);
    let setup = Setup::with(&upstream, &database).set("disk.reserve", "16MiB");
    let data = setup.data();
    let mounts = [(&*data, "size=40m")];
    let Some(place) = Place::mount("a job that waits for room", &setup, &mounts) else {
        return;
    };
    let server = place.start();
    let address = server.address;
    // The capture of the small files is let in; the disk fills up while the upstream takes its time.
    upstream.set_delay(Duration::from_secs(2));
    let path = made.file("info");
    let client = thread::spawn(move || raw::get(address, &path));
    wait_until(RECOVERY, "the upstream is asked", || {
        upstream.count(&made.file("info")) == 1
    });
    let filler = Filler::leaving(&place.inside(&data), 10 << 20);
    assert_eq!(client.join().unwrap().status, 200);
    upstream.set_delay(Duration::ZERO);
    wait_until(RECOVERY, "the zip waits", || {
        figure(address, "granary_disk_refusals_total") >= 1
    });
    check_refused(address, &made, "zip", &["kept in reserve"]);
    assert_eq!(upstream.count(&made.file("zip")), 0, "nobody was asked");
    let refused = figure(address, "granary_disk_refusals_total");
    assert_eq!(refused, 1, "one capture, however often it is tried");

    // Its row outlives the process too.
    drop(server);
    let server = place.start();
    let address = server.address;
    wait_until(RECOVERY, "the zip waits again", || {
        figure(address, "granary_disk_refusals_total") >= 1
    });
    drop(filler);
    wait_until(RECOVERY, "the zip comes by itself", || {
        is_stored(address, &made, "zip")
    });
    assert_eq!(upstream.count(&made.file("zip")), 1);
    place.check_verified();
}

#[test]
fn file_nodes_have_a_reserve_too() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let there = publish(&upstream, "there", 1_000);
    let new = publish(&upstream, "new", 1_000);
    let setup = Setup::with(&upstream, &database).set("capture.zips", "asked");
    let data = setup.data();
    let mounts = [(&*data, "size=40m,nr_inodes=1000")];
    let Some(place) = Place::mount("a reserve of file nodes", &setup, &mounts) else {
        return;
    };
    let server = place.start();
    let address = server.address;
    check_served(address, &there);
    let files = place.inside(&data).join("files");
    std::fs::create_dir(&files).unwrap();
    let free = figure(address, "granary_disk_free_files");
    for n in 0..free - 30 {
        std::fs::write(files.join(n.to_string()), "").unwrap();
    }
    wait_until(Duration::from_secs(10), "captures stop", || {
        figure(address, "granary_disk_captures_stopped") == 1
    });
    check_refused(address, &new, "info", &["50 are kept in reserve"]);
    check_served(address, &there);
    std::fs::remove_dir_all(&files).unwrap();
    check_recovers(address, &new);
    place.check_verified();
}
