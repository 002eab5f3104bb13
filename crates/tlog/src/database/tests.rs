//! Answers, heads and forks of a small log, and the other two client bugs of 2026.

use bytes::Bytes;
use gomod::hash::hash_go_mod;
use proptest::prelude::*;

use super::*;
use crate::memory_log::MemoryLog;
use crate::note::{Signer, sign};
use crate::samples;

fn module(n: u64) -> ModuleVersion {
    format!("example.com/m{n}@v1.0.0").parse().unwrap()
}

fn hashes(n: u64) -> RecordHashes {
    let of = |what: &str| hash_go_mod(format!("{what} {n}").as_bytes());
    RecordHashes {
        zip: of("zip"),
        go_mod: of("go.mod"),
    }
}

/// A log of so many versions, `example.com/m0@v1.0.0` and so on.
fn log(size: u64) -> MemoryLog {
    let mut log = MemoryLog::new(samples::signer());
    for n in 0..size {
        log.append_module(&module(n), &hashes(n)).unwrap();
    }
    log
}

fn verifier() -> Verifier {
    samples::signer().verifier().clone()
}

fn lookup(log: &MemoryLog, n: u64) -> Vec<u8> {
    log.answer(&format!("lookup/example.com/m{n}@v1.0.0"))
        .unwrap()
}

#[test]
fn heads_count_only_with_the_right_signature() {
    let log = log(3);
    let note = log.latest().unwrap();
    assert_eq!(
        SignedHead::open(&note, &verifier()).unwrap().head,
        log.head()
    );
    let other = Signer::generate("example.com/db").unwrap();
    let found = SignedHead::open(&note, other.verifier());
    assert_eq!(found, Err(AnswerError::Note(NoteError::NotSigned)));
    let no_head = sign("hello\n", &[&samples::signer()]).unwrap();
    let found = SignedHead::open(&no_head, &verifier());
    assert_eq!(found, Err(AnswerError::Head(TreeError::MalformedHead)));
}

#[test]
fn an_honest_answer_is_proven() {
    let log = log(600);
    for n in [0, 255, 256, 511, 599] {
        let answer = LookupAnswer::parse(&lookup(&log, n), &verifier(), &module(n)).unwrap();
        assert_eq!((answer.record.id(), answer.hashes), (n, hashes(n)));
        let tiles = samples::fetch(&log, &tiles_for_record(600, n));
        assert_eq!(
            check_record(&answer.signed.head, &answer.record, &tiles),
            Ok(())
        );
        let other = Record::of_module(n, &module(n), &hashes(n + 1)).unwrap();
        let found = check_record(&answer.signed.head, &other, &tiles);
        assert_eq!(found, Err(ProofError::RecordDiffers { id: n }));
        let moved = Record::new((n + 1) % 600, answer.record.text()).unwrap();
        let tiles = samples::fetch(&log, &tiles_for_record(600, moved.id()));
        let found = check_record(&answer.signed.head, &moved, &tiles);
        assert_eq!(found, Err(ProofError::RecordDiffers { id: moved.id() }));
    }
}

#[test]
fn a_real_answer_of_the_public_database_parses() {
    let body = "28818796\n\
        golang.org/x/mod v0.20.0 h1:utOm6MM3R3dnawAiJgn0y+xvuYRsm1RKM/4giyfDgV0=\n\
        golang.org/x/mod v0.20.0/go.mod h1:hTbmBsO62+eylJbnUtE2MGJUyE7QWk4xUqPFrRgJ+7c=\n\n\
        go.sum database tree\n66327379\nxWutPmGGbpWR/1iGpo4T2OIen8osXrozOwt4QinWKyg=\n\n\
        \u{2014} sum.golang.org Az3grh7C5yhBIx4LGre+Cxy+IpZfAQbghxRv7p159h49g8+zHJS+EDmfu3UMGCrx93kygGV0LR6jZIFivT37qTUmIgM=\n";
    let key: DatabaseKey = PUBLIC_NAME.parse().unwrap();
    let wanted = "golang.org/x/mod@v0.20.0".parse().unwrap();
    let answer = LookupAnswer::parse(body.as_bytes(), key.verifier(), &wanted).unwrap();
    assert_eq!(
        (answer.record.id(), answer.signed.head.size),
        (28_818_796, 66_327_379)
    );
}

#[test]
fn an_answer_for_something_else_is_refused() {
    let log = log(3);
    let other = AnswerError::Record(RecordError::OtherModule);
    for wanted in [
        "example.com/m2@v1.0.0",
        "example.com/m1@v1.0.1",
        "example.com/m@v1.0.0",
    ] {
        let wanted = wanted.parse().unwrap();
        let found = LookupAnswer::parse(&lookup(&log, 1), &verifier(), &wanted);
        assert_eq!(found, Err(other.clone()));
    }
}

#[test]
fn a_record_above_the_trees_size_is_refused() {
    let mut log = log(3);
    let old = log.latest().unwrap();
    log.append_module(&module(3), &hashes(3)).unwrap();
    let body = log.find_record(3).unwrap().format_lookup(&old);
    let found = LookupAnswer::parse(&body, &verifier(), &module(3));
    assert_eq!(found, Err(AnswerError::TooOld { id: 3, size: 3 }));
}

/// The hole: lines anywhere in the answer that looked like `go.sum` lines counted, whether the log had them or not.
#[test]
fn cve_2026_56864_hashes_outside_the_record_do_not_count() {
    let log = log(3);
    let (wanted, forged) = (module(1), hashes(7));
    let lines = Record::of_module(0, &wanted, &forged)
        .unwrap()
        .text()
        .to_owned();
    let note = String::from_utf8(log.latest().unwrap()).unwrap();
    let unrelated = log.find_record(2).unwrap().text().to_owned();
    let honest = log.find_record(1).unwrap().text().to_owned();
    let refused = [
        // Behind another record, before the note.
        format!("2\n{unrelated}\n{lines}\n{note}"),
        // In the same record as an honest, unrelated one.
        format!("2\n{unrelated}{lines}\n{note}"),
        // Beside the honest lines, before and after them.
        format!("1\n{honest}{lines}\n{note}"),
        format!("1\n{lines}{honest}\n{note}"),
        // After the note, among the signatures, as a text over the head.
        format!("2\n{unrelated}\n{note}{lines}"),
        format!("2\n{unrelated}\n{note}\n{lines}"),
        format!(
            "2\n{unrelated}\n{}",
            note.replace("\n\n", &format!("\n{lines}\n"))
        ),
        // Before the id.
        format!("{lines}2\n{unrelated}\n{note}"),
        format!("{lines}\n2\n{unrelated}\n{note}"),
    ];
    for body in refused {
        assert!(
            LookupAnswer::parse(body.as_bytes(), &verifier(), &wanted).is_err(),
            "{body}"
        );
    }
    // Lines that the log itself signed below its head are allowed and say nothing.
    let signed = sign(&format!("{}{lines}", log.head()), &[&samples::signer()]).unwrap();
    let body = log.find_record(1).unwrap().format_lookup(&signed);
    let answer = LookupAnswer::parse(&body, &verifier(), &wanted).unwrap();
    assert_eq!(answer.hashes, hashes(1));
    // A forged record that is well formed fails against the log.
    let body = format!("1\n{lines}\n{note}");
    let answer = LookupAnswer::parse(body.as_bytes(), &verifier(), &wanted).unwrap();
    let tiles = samples::fetch(&log, &tiles_for_record(3, 1));
    let found = check_record(&answer.signed.head, &answer.record, &tiles);
    assert_eq!(found, Err(ProofError::RecordDiffers { id: 1 }));
}

/// The hole: toolchains were installed without asking the database. Here they are modules like any other.
#[test]
fn cve_2026_42501_toolchains_are_looked_up_like_any_module() {
    let toolchain: ModuleVersion = "golang.org/toolchain@v0.0.1-go1.22.0.linux-amd64"
        .parse()
        .unwrap();
    let mut log = log(2);
    log.append_module(&toolchain, &hashes(5)).unwrap();
    let body = log
        .answer("lookup/golang.org/toolchain@v0.0.1-go1.22.0.linux-amd64")
        .unwrap();
    let answer = LookupAnswer::parse(&body, &verifier(), &toolchain).unwrap();
    let tiles = samples::fetch(&log, &tiles_for_record(3, 2));
    assert_eq!(
        check_record(&answer.signed.head, &answer.record, &tiles),
        Ok(())
    );
    assert!(LookupAnswer::parse(&lookup(&log, 1), &verifier(), &toolchain).is_err());
}

#[test]
fn every_head_of_a_log_agrees_with_every_other() {
    let log = log(600);
    for (old, new) in [
        (0, 1),
        (0, 600),
        (1, 600),
        (255, 256),
        (256, 257),
        (300, 600),
        (599, 600),
        (600, 600),
    ] {
        let tiles = samples::fetch(&log, &tiles_for_consistency(old, new));
        let (old, new) = (log.head_at(old).unwrap(), log.head_at(new).unwrap());
        assert_eq!(check_consistency(&old, &new, &tiles), Ok(()));
        assert_eq!(check_consistency(&new, &old, &tiles), Ok(()));
    }
}

fn forked_log() -> MemoryLog {
    let mut log = log(200);
    for n in 200..700 {
        log.append_module(&module(n), &hashes(n + 1)).unwrap();
    }
    log
}

#[test]
fn forks_are_told_from_bad_tiles() {
    let (log, fork) = (log(600), forked_log());
    let (old, new) = (log.head(), fork.head());
    let needed = tiles_for_consistency(600, 700);
    let tiles = samples::fetch(&fork, &needed);
    assert_eq!(check_consistency(&old, &new, &tiles), Err(ProofError::Fork));
    // Before the fork they agree.
    let early = log.head_at(200).unwrap();
    let tiles = samples::fetch(&fork, &tiles_for_consistency(200, 700));
    assert_eq!(check_consistency(&early, &new, &tiles), Ok(()));
    // Two heads of one size.
    let same = fork.head_at(600).unwrap();
    assert_eq!(
        check_consistency(&old, &same, &TileSet::new()),
        Err(ProofError::Fork)
    );
    // A tile that is not of the newer tree proves nothing against the log.
    let mut tiles = samples::fetch(&fork, &needed);
    let bytes = vec![0; tiles[&needed[0]].len()];
    tiles.insert(needed[0], Bytes::from(bytes));
    let found = check_consistency(&old, &new, &tiles);
    assert!(matches!(found, Err(ProofError::Tiles(_))), "{found:?}");
}

#[test]
fn a_forks_description_can_be_checked_by_anyone() {
    let (log, fork) = (log(600), forked_log());
    let open = |log: &MemoryLog| SignedHead::open(&log.latest().unwrap(), &verifier()).unwrap();
    let (old, new) = (open(&log), open(&fork));
    let tiles = samples::fetch(&fork, &tiles_for_consistency(600, 700));
    let text = describe_fork(&new, &old, &tiles);
    for note in [&old.note, &new.note] {
        let indented = String::from_utf8_lossy(note)
            .lines()
            .map(|line| format!("\t{line}\n"))
            .collect::<String>();
        assert!(text.contains(&indented), "{text}");
    }
    let within = fork.head_at(600).unwrap();
    assert!(text.contains(&format!("\t{}\n", within.hash)), "{text}");
    let proof: Vec<Hash> = text
        .rsplit_once("its consistency proof in the newer tree:\n")
        .map(|(_, lines)| {
            lines
                .lines()
                .map(|line| line.trim().parse().unwrap())
                .collect()
        })
        .unwrap();
    assert_eq!(check_tree(&proof, &new.head, &within), Ok(()));
    // Heads of one size need no proof beside their notes.
    let same = sign(&within.to_string(), &[&samples::signer()]).unwrap();
    let same = SignedHead::open(&same, &verifier()).unwrap();
    assert!(!describe_fork(&old, &same, &TileSet::new()).contains("proof"));
}

#[test]
fn tiles_are_proven_at_any_width_the_tree_has() {
    let log = log(600);
    let head = log.head();
    for path in [
        "tile/8/0/000",
        "tile/8/0/001.p/3",
        "tile/8/0/002.p/88",
        "tile/8/0/002.p/7",
        "tile/8/1/000.p/2",
        "tile/8/1/000.p/1",
    ] {
        let tile: Tile = path.parse().unwrap();
        let needed = tiles_for_tile(600, &tile).unwrap();
        let tiles = samples::fetch(&log, &needed);
        assert_eq!(
            check_tile(&head, &tile, &tiles).unwrap(),
            log.find_tile(&tile).unwrap()
        );
        for tile in needed {
            let mut tiles = tiles.clone();
            let mut bytes = tiles[&tile].to_vec();
            bytes[0] ^= 1;
            tiles.insert(tile, Bytes::from(bytes));
            assert!(
                check_tile(&head, &tile, &tiles).is_err(),
                "{path} by {tile}"
            );
        }
    }
    for path in [
        "tile/8/0/002",
        "tile/8/0/002.p/89",
        "tile/8/0/003.p/1",
        "tile/8/2/000.p/1",
    ] {
        assert_eq!(tiles_for_tile(600, &path.parse().unwrap()), None, "{path}");
    }
}

#[test]
fn t30_data_tiles_are_proven_by_their_hashes() {
    let log = log(600);
    let tile: Tile = "tile/8/data/001".parse().unwrap();
    let data = log.find_tile(&tile).unwrap();
    let hashes = log.find_tile(&"tile/8/0/001".parse().unwrap()).unwrap();
    assert_eq!(check_data(&tile, &data, &hashes), Ok(()));
    assert!(matches!(
        check_data(&tile, &data, &hashes[..32 * 255]),
        Err(ProofError::Tiles(_))
    ));
    let forged = String::from_utf8(data.clone())
        .unwrap()
        .replacen("m300 v1", "m301 v1", 1);
    let found = check_data(&tile, forged.as_bytes(), &hashes);
    assert_eq!(found, Err(ProofError::RecordDiffers { id: 300 }));
    assert!(check_data(&tile, &data[..data.len() - 1], &hashes).is_err());
    let narrow = "tile/8/data/001.p/9".parse().unwrap();
    assert_eq!(
        check_data(&narrow, &log.find_tile(&narrow).unwrap(), &hashes),
        Ok(())
    );
}

proptest! {
    #![proptest_config(samples::config())]

    #[test]
    fn damaged_answers_never_panic_or_lie(at in 0..400_usize, junk in "\\PC{0,20}", cut in 0..20_usize) {
        let log = log(3);
        let body = lookup(&log, 1);
        let mut damaged = body.clone();
        let at = at.min(body.len());
        damaged.splice(at..(at + cut).min(body.len()), junk.bytes());
        if let Ok(answer) = LookupAnswer::parse(&damaged, &verifier(), &module(1)) {
            let tiles = samples::fetch(&log, &tiles_for_record(3, answer.record.id()));
            if check_record(&answer.signed.head, &answer.record, &tiles).is_ok() {
                prop_assert_eq!(answer.hashes, hashes(1));
            }
        }
    }

    #[test]
    fn heads_of_random_sizes_agree(old in 0..700_u64, new in 0..700_u64) {
        let log = samples::log(old.max(new));
        let (old, new) = (old.min(new), old.max(new));
        let tiles = samples::fetch(&log, &tiles_for_consistency(old, new));
        let (old, new) = (log.head_at(old).unwrap(), log.head_at(new).unwrap());
        prop_assert_eq!(check_consistency(&old, &new, &tiles), Ok(()));
    }
}
