//! Flipped bits in the database: turned back where the seal tells which it was, refused in words where not.

use super::{EXTENSIONS, Rig, blob, check_whole, counted, flip, stop, stored, wait_for_count};
use crate::by_hand::{lines_of, run};
use crate::rig::granary::Setup;
use gomod::hash::ContentDigest;

/// Where these bytes stand in the catalog's file.
fn find(rig: &Rig, bytes: &[u8]) -> u64 {
    let file = std::fs::read(rig.setup.data().join("catalog.db")).unwrap();
    let at: Vec<usize> = file
        .windows(bytes.len())
        .enumerate()
        .filter(|(_, window)| *window == bytes)
        .map(|(at, _)| at)
        .collect();
    assert_eq!(at.len(), 1, "once in the file");
    at[0] as u64
}

fn flip_row(rig: &Rig, of: &[u8], bit: u64) {
    let at = find(rig, ContentDigest::of(of).as_bytes());
    flip(&rig.setup.data().join("catalog.db"), at * 8 + bit);
}

#[test]
fn one_flipped_bit_in_a_row_is_turned_back() {
    let rig = stored(3);
    flip_row(&rig, &rig.made[0].info, 3);
    flip_row(&rig, &rig.made[1].go_mod, 100);
    flip_row(&rig, &rig.made[2].zip, 255);
    let mut server = rig.setup.start();
    rig.made.iter().for_each(|made| check_whole(&server, made));
    assert_eq!(counted(&server, "granary_healed_blobs"), 0);
    let out = run(&rig.setup, &["verify", "--json"], 1);
    assert_eq!(lines_of(&out, "done")[0]["data"]["rotten"], 3, "{out}");
    stop(&mut server);
    // The scrubber writes the rows again as they were.
    let mut server = rig.setup.clone().set("scrub.period", "1s").start();
    wait_for_count(&server, "granary_rotten_rows", 3);
    wait_for_count(&server, "granary_scrub_passes", 2);
    assert_eq!(counted(&server, "granary_rotten_rows"), 3);
    run(&rig.setup, &["verify"], 0);
    stop(&mut server);
    flip_row(&rig, &rig.made[0].info, 4);
    run(&rig.setup, &["verify", "--repair"], 0);
    run(&rig.setup, &["verify"], 0);
}

#[test]
fn more_than_one_is_refused_in_words_and_never_absent() {
    let rig = stored(2);
    flip_row(&rig, &rig.made[0].info, 3);
    find(&rig, ContentDigest::of(&rig.made[0].go_mod).as_bytes());
    flip_row(&rig, &rig.made[0].go_mod, 7);
    let server = rig.setup.start();
    for extension in EXTENSIONS {
        let answer = server.get(&rig.made[0].file(extension));
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(answer.text().contains("has rotted"), "{}", answer.text());
    }
    check_whole(&server, &rig.made[1]);
    assert_eq!(counted(&server, "granary_rotten_rows"), 1);
    let out = run(&rig.setup, &["verify", "--repair", "--json"], 1);
    let findings = lines_of(&out, "finding");
    let rotten = findings.iter().find(|f| f["what"] == "rotten row");
    assert_eq!(rotten.unwrap()["of"], "example.com/m0@v1.0.0", "{out}");
    // The files of that version are in use, whatever the rest of the rows names.
    assert!(
        findings.iter().all(|finding| finding["what"] != "extra"),
        "{out}"
    );
    let done = lines_of(&out, "done").remove(0);
    assert!(done["data"]["extra"].is_null(), "{done}");
    assert!(
        done["text"]
            .as_str()
            .unwrap()
            .contains("extra not looked for"),
        "{done}"
    );
}

#[test]
fn a_backup_has_rows_as_they_were_written() {
    let rig = stored(3);
    let backup = rig.setup.folder("backup");
    let place = backup.to_str().unwrap();
    run(&rig.setup, &["backup", place], 0);
    flip_row(&rig, &rig.made[2].zip, 77);
    let said = run(&rig.setup, &["backup", place], 0);
    assert!(
        said.contains("flipped bit: example.com/m2@v1.2.0"),
        "{said}"
    );
    let rows = |generation: u32| {
        let path = backup.join(format!("generations/00000{generation}/catalog.jsonl"));
        let text = std::fs::read_to_string(path).unwrap();
        // When the last backup was made is a row too.
        let kept = text.lines().filter(|line| !line.contains("last_backup"));
        kept.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(rows(1), rows(2));

    // More than a bit: the rest is backed up, and it is said what is not.
    flip_row(&rig, &rig.made[1].info, 3);
    flip_row(&rig, &rig.made[1].go_mod, 7);
    let said = run(&rig.setup, &["backup", place], 1);
    assert!(said.contains("left out: example.com/m1@v1.1.0"), "{said}");
    assert!(said.contains("rows have rotted"), "{said}");
    for command in ["restore", "rehearse"] {
        let said = run_to(command, place, 1);
        assert!(said.contains("example.com/m1@v1.1.0"), "{command}: {said}");
    }
    let restored = Setup::new();
    run(&restored, &["restore", place, "--incomplete"], 1);
    run(&restored, &["verify"], 0);
    let server = restored.start();
    check_whole(&server, &rig.made[0]);
    check_whole(&server, &rig.made[2]);
    drop(server);
    let older = Setup::new();
    run(&older, &["restore", place, "--generation", "2"], 0);
    check_whole(&older.start(), &rig.made[1]);
}

fn run_to(command: &str, place: &str, code: i32) -> String {
    let output = Setup::new().run(&[command, place]);
    let said = crate::by_hand::said(&output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

/// A flipped top bit makes a text none, here in a key. The scrubber names the row, ends its pass and begins the next one.
#[test]
fn a_row_that_cannot_be_read_keeps_nobody_from_the_blobs() {
    let rig = stored(3);
    let made = &rig.made[0];
    let key = b"mainexample.com/m0v1.0.0";
    let row = [&key[..], ContentDigest::of(&made.info).as_bytes()].concat();
    let last = find(&rig, &row) + key.len() as u64 - 1;
    flip(&rig.setup.data().join("catalog.db"), last * 8 + 7);
    let mut server = rig.setup.clone().set("scrub.period", "1s").start();
    wait_for_count(&server, "granary_scrub_passes", 1);
    assert!(counted(&server, "granary_rotten_rows") > 0);
    flip(&blob(&rig.setup, &rig.made[2].zip), 200);
    wait_for_count(&server, "granary_healed_blobs", 1);
    check_whole(&server, &rig.made[2]);
    stop(&mut server);
    flip(&blob(&rig.setup, &rig.made[1].zip), 200);
    let out = run(&rig.setup, &["verify", "--json"], 1);
    let findings = lines_of(&out, "finding");
    let named = findings.iter().any(|finding| {
        let text = finding["detail"].as_str().unwrap_or_default();
        text == "a version that never landed: example.com/m0@v1.0.\u{fffd}"
    });
    assert!(named, "{out}");
    assert!(findings.iter().any(|f| f["what"] == "wrong"), "{out}");
}
