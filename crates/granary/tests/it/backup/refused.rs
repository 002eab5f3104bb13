//! What backup and restore do not do, and say so.

use super::{check_serves, said_by, stored};
use crate::by_hand::run;
use crate::rig::granary::Setup;

#[track_caller]
fn check_said(setup: &Setup, arguments: &[&str], code: i32, words: &str) {
    let said = said_by(setup, arguments, code);
    assert!(said.contains(words), "{arguments:?}: {said}");
}

#[test]
fn places_that_cannot_be_are_refused_with_what_to_do() {
    let (setup, _upstream, _database, made) = stored(1);
    check_said(
        &setup,
        &["backup", "s3://bucket/granary"],
        2,
        "not to object stores",
    );
    check_said(&setup, &["backup"], 2, "<DIR>");
    let data = setup.data();
    let inside = data.join("backup");
    for place in [&data, &inside, &data.join("store")] {
        check_said(
            &setup,
            &["backup", place.to_str().unwrap()],
            1,
            "must lie apart",
        );
    }
    let foreign = setup.folder("foreign");
    std::fs::write(foreign.join("thesis.doc"), "x").unwrap();
    check_said(
        &setup,
        &["backup", foreign.to_str().unwrap()],
        1,
        "thesis.doc",
    );
    check_said(
        &setup,
        &["restore", foreign.to_str().unwrap()],
        1,
        "no backup of Granary",
    );
    check_said(
        &setup,
        &["rehearse", "/nowhere/at/all"],
        1,
        "no backup of Granary",
    );
    let nowhere = Setup::new();
    check_said(
        &nowhere,
        &["backup", foreign.to_str().unwrap()],
        1,
        "there is no Granary in",
    );

    let backup = setup.folder("backup");
    let place = backup.to_str().unwrap();
    run(&setup, &["backup", place], 0);
    check_said(
        &setup,
        &["restore", place, "--generation", "7"],
        1,
        "no generation 7",
    );
    // Into a folder in use, into one that holds something, into one that holds something else.
    let server = setup.start();
    check_said(&setup, &["restore", place], 1, "in use by process");
    drop(server);
    check_said(&setup, &["restore", place], 1, "is not empty");
    let other = foreign.to_str().unwrap();
    check_said(
        &setup,
        &["restore", place, "--data", other],
        1,
        "thesis.doc",
    );
    let apart = Setup::new().set("store", &format!("file://{}", data.join("store").display()));
    check_said(&apart, &["restore", place], 1, "is not empty");

    // The operator's own file and policies may be there before.
    let prepared = Setup::new();
    std::fs::create_dir_all(prepared.data().join("policies")).unwrap();
    std::fs::write(
        prepared.data().join("granary.toml"),
        "client_wait = \"7s\"\n",
    )
    .unwrap();
    run(&prepared, &["restore", place], 0);
    check_serves(&prepared, &made);
}

#[test]
fn two_backups_to_one_folder_do_not_meet() {
    let (setup, _upstream, _database, _made) = stored(1);
    let backup = setup.folder("backup");
    let place = backup.to_str().unwrap();
    run(&setup, &["backup", place], 0);
    let lock = std::fs::File::options()
        .write(true)
        .open(backup.join("backup.lock"))
        .unwrap();
    lock.lock().unwrap();
    check_said(
        &setup,
        &["backup", place],
        1,
        "another backup is being written",
    );
    lock.unlock().unwrap();
    run(&setup, &["backup", place], 0);
}
