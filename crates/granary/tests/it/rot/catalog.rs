//! Flipped bits in the database: turned back where the seal tells which it was, refused in words where not.

use super::{EXTENSIONS, Rig, check_whole, counted, flip, stop, stored, wait_for_count};
use crate::by_hand::{lines_of, run};
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
}
