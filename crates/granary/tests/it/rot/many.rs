//! Flipped bits at random places of a folder with everything in it. `GRANARY_ROT_FLIPS` says how many (12).

use std::path::PathBuf;

use super::{EXTENSIONS, Rig, blob, counted, evidence, flip, stop, stored};
use crate::by_hand::{lines_of, run};

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

fn flips() -> usize {
    let set = std::env::var("GRANARY_ROT_FLIPS").ok();
    set.map_or(12, |text| text.parse().unwrap())
}

/// Says what came of it, also when the test passes: the soak script reads it.
fn report(line: &str) {
    eprintln!("rot: {line}");
}

/// Asks for everything; gives how many answers were neither right nor trouble.
fn wrong_answers(rig: &Rig, server: &crate::rig::granary::Granary) -> (u64, u64) {
    let (mut wrong, mut trouble) = (0, 0);
    for made in &rig.made {
        for extension in EXTENSIONS {
            let answer = server.get(&made.file(extension));
            match answer.status {
                200 if answer.body == made.bytes(extension) => {}
                500..600 => trouble += 1,
                _ => wrong += 1,
            }
        }
    }
    (wrong, trouble)
}

/// Blobs of all kinds and sizes, each flipped at a random place.
#[test]
fn every_flipped_blob_is_found_and_healed() {
    let flips = flips();
    let rig = stored(flips.div_ceil(3));
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut files: Vec<PathBuf> = Vec::new();
    for made in &rig.made {
        files.extend(EXTENSIONS.map(|extension| blob(&rig.setup, made.bytes(extension))));
    }
    for file in files.iter().take(flips) {
        flip(file, dice.below(std::fs::metadata(file).unwrap().len() * 8));
    }
    let out = run(&rig.setup, &["verify", "--json"], 1);
    let found = lines_of(&out, "done")[0]["data"]["wrong"].as_u64().unwrap();
    let server = rig.setup.start();
    let (wrong, trouble) = wrong_answers(&rig, &server);
    let healed = counted(&server, "granary_healed_blobs");
    report(&format!(
        "{flips} bits in blobs: {found} found, {healed} healed, {} kept as evidence, {wrong} wrong answers, {trouble} troubles",
        evidence(&rig.setup)
    ));
    assert_eq!((found, healed), (flips as u64, flips as u64));
    assert_eq!((wrong, trouble), (0, 0));
    run(&rig.setup, &["verify"], 0);
}

/// The catalog's file, each bit flipped in a fresh copy: whatever happens, no wrong answer, and never "does not exist" for
/// what the catalog still knows.
#[test]
fn no_flipped_bit_of_the_database_makes_a_wrong_answer() {
    let flips = flips() / 3;
    let rig = stored(6);
    // Nothing is to be captured again: an answer comes from the folder or not at all.
    rig.upstream.stop();
    let file = rig.setup.data().join("catalog.db");
    let whole = std::fs::read(&file).unwrap();
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let (mut named, mut unstarted, mut unused, mut troubles) = (0, 0, 0, 0);
    for _ in 0..flips {
        std::fs::write(&file, &whole).unwrap();
        for journal in ["catalog.db-wal", "catalog.db-shm"] {
            std::fs::remove_file(rig.setup.data().join(journal)).ok();
        }
        // Most of a young database is empty pages: only bytes with something in them are worth a try.
        let mut bit = dice.below(whole.len() as u64 * 8);
        while whole[(bit / 8) as usize] == 0 {
            bit = dice.below(whole.len() as u64 * 8);
        }
        flip(&file, bit);
        let verified = rig.setup.run(&["verify"]);
        match verified.status.code() {
            Some(0) => unused += 1,
            Some(1) => named += 1,
            code => panic!("{code:?}: {}", crate::by_hand::said(&verified)),
        }
        let mut server = rig.setup.launch(crate::rig::address::free_address());
        if !server.is_up() {
            let log = server.log();
            assert!(log.contains("catalog"), "it does not say why: {log}");
            unstarted += 1;
            continue;
        }
        let (wrong, trouble) = wrong_answers(&rig, &server);
        assert_eq!(wrong, 0, "{}", server.log());
        assert!(
            trouble == 0 || verified.status.code() == Some(1),
            "trouble that verify does not name: {}",
            server.log()
        );
        troubles += u64::from(trouble > 0);
        stop(&mut server);
    }
    report(&format!(
        "{flips} bits in the database: {named} named by verify, {unused} in bytes that decide nothing, {unstarted} kept the server from starting in words, {troubles} with answers of 503, 0 wrong answers"
    ));
}
