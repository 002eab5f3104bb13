//! A backup that rotted or was tampered with: refused with what is wrong and what to do, never half restored.

use std::path::{Path, PathBuf};

use gomod::hash::ContentDigest;
use serde_json::Value;

use super::{blob, check_serves, count_blobs, figures, said_by, stored};
use crate::by_hand::run;
use crate::rig::granary::Setup;
use crate::rig::module::Made;

fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    put(path, &bytes);
}

fn cut(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    put(path, &bytes[..bytes.len() / 2]);
}

fn put(path: &Path, bytes: &[u8]) {
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn remove(path: &Path) {
    std::fs::remove_file(path).unwrap();
}

fn pipe(path: &Path) {
    std::fs::remove_file(path).unwrap();
    let made = std::process::Command::new("mkfifo").arg(path).status();
    assert!(made.unwrap().success());
}

/// Changes the manifest and seals it again, as an attacker would.
fn forge(generation: &Path, change: impl Fn(&mut Value)) {
    let path = generation.join("manifest.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut manifest: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    change(&mut manifest);
    let line = manifest.to_string();
    let seal = ContentDigest::of(line.as_bytes());
    put(
        &path,
        format!("{line}\n{{\"sha256\":\"{seal}\"}}\n").as_bytes(),
    );
}

/// Changes the rows and makes the manifest fit.
fn forge_rows(generation: &Path, from: &str, to: &str) {
    let path = generation.join("catalog.jsonl");
    let text = std::fs::read_to_string(&path).unwrap().replace(from, to);
    put(&path, text.as_bytes());
    forge(generation, |manifest| {
        let sum = &mut manifest["files"]["catalog.jsonl"];
        sum["size_bytes"] = text.len().into();
        sum["sha256"] = ContentDigest::of(text.as_bytes()).to_string().into();
    });
}

fn copy_folder(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .args([from, to])
        .status();
    assert!(copied.unwrap().success());
}

/// A way to harm a backup of `made`, and words that must be said of it.
type Harm = (&'static str, fn(&Path, &Made), &'static [&'static str]);

fn generation(backup: &Path) -> PathBuf {
    backup.join("generations/000001")
}

const HARMS: &[Harm] = &[
    (
        "a flipped bit in a zip",
        |b, m| flip(&blob(b, &m.zip)),
        &["is damaged", "v1.0.0.zip"],
    ),
    (
        "a flipped bit in a small file",
        |b, m| flip(&blob(b, &m.info)),
        &["is damaged", "v1.0.0.info"],
    ),
    (
        "a cut zip",
        |b, m| cut(&blob(b, &m.zip)),
        &["is damaged", "bytes instead of"],
    ),
    (
        "a missing file",
        |b, m| remove(&blob(b, &m.go_mod)),
        &["is missing", "v1.0.0.mod"],
    ),
    (
        "a pipe for a file",
        |b, m| pipe(&blob(b, &m.go_mod)),
        &["it is no file"],
    ),
    (
        "a flipped bit in the rows",
        |b, _| flip(&generation(b).join("catalog.jsonl")),
        &["catalog.jsonl is damaged"],
    ),
    (
        "cut rows",
        |b, _| cut(&generation(b).join("catalog.jsonl")),
        &["catalog.jsonl is damaged"],
    ),
    (
        "missing rows",
        |b, _| remove(&generation(b).join("catalog.jsonl")),
        &["catalog.jsonl"],
    ),
    (
        "a pipe for rows",
        |b, _| pipe(&generation(b).join("catalog.jsonl")),
        &["it is no file"],
    ),
    (
        "flipped hashes",
        |b, _| flip(&generation(b).join("SHA256SUMS")),
        &["SHA256SUMS is damaged"],
    ),
    (
        "a flipped manifest",
        |b, _| flip(&generation(b).join("manifest.json")),
        &["manifest", "is damaged"],
    ),
    (
        "a cut manifest",
        |b, _| cut(&generation(b).join("manifest.json")),
        &["manifest", "is damaged"],
    ),
    (
        "no manifest",
        |b, _| remove(&generation(b).join("manifest.json")),
        &["no whole generation"],
    ),
    (
        "a pipe for a manifest",
        |b, _| pipe(&generation(b).join("manifest.json")),
        &["it is no file"],
    ),
    (
        "a manifest that leads out",
        |b, _| {
            forge(&generation(b), |m| {
                m["files"]["../../../../etc/passwd"] = m["files"]["SHA256SUMS"].clone()
            })
        },
        &["../../../../etc/passwd"],
    ),
    (
        "a later format",
        |b, _| forge(&generation(b), |m| m["format"] = 2.into()),
        &["format 2"],
    ),
    (
        "a later schema",
        |b, _| forge(&generation(b), |m| m["schema"] = 9999.into()),
        &["newer Granary"],
    ),
    (
        "another number of landings",
        |b, _| forge(&generation(b), |m| m["seq"] = 99.into()),
        &["99"],
    ),
    (
        "rows that lead out",
        |b, _| forge_rows(&generation(b), "example.com/Kept0", "../../../../etc"),
        &["no version of a module"],
    ),
    (
        "rows of no table",
        |b, _| forge_rows(&generation(b), "{\"settings\":", "{\"sqlite_schema\":"),
        &["no table"],
    ),
    (
        "rows with a hostile column",
        |b, _| forge_rows(&generation(b), "\"why\":", "\"why) select 1 --\":"),
        &["why"],
    ),
    (
        "rows that miss others",
        |b, _| forge_rows(&generation(b), "{\"versions\":", "{\"heads\":"),
        &["row of a catalog"],
    ),
];

#[test]
fn every_harm_is_told_and_nothing_is_half_restored() {
    let (setup, _upstream, _database, made) = stored(2);
    let whole = setup.folder("whole");
    run(&setup, &["backup", whole.to_str().unwrap()], 0);
    for (what, harm, words) in HARMS {
        let folder = setup.folder("harmed");
        let harmed = folder.join("backup");
        copy_folder(&whole, &harmed);
        harm(&harmed, &made[0]);
        let restored = Setup::new();
        let said = said_by(&restored, &["restore", harmed.to_str().unwrap()], 1);
        for word in *words {
            assert!(said.contains(word), "{what}: {word:?} is not said: {said}");
        }
        let begun = restored.data().join("restore.unfinished").exists();
        let touched = restored.data().join("catalog.db").exists()
            || count_blobs(&restored.data().join("store")) > 0;
        assert!(
            begun || !touched,
            "{what}: a folder that nobody may serve looks served: {said}"
        );
        let said = said_by(&restored, &["rehearse", harmed.to_str().unwrap()], 1);
        assert_eq!(
            std::fs::read_dir(&folder).unwrap().count(),
            1,
            "{what}: a rehearsal stays: {said}"
        );
        std::fs::remove_dir_all(&folder).unwrap();
    }
    // The one that nobody harmed is as good as before.
    let restored = Setup::new();
    run(&restored, &["restore", whole.to_str().unwrap()], 0);
    check_serves(&restored, &made);
}

#[test]
fn an_older_generation_is_named_where_the_newest_is_damaged() {
    let (setup, _upstream, _database, made) = stored(2);
    let backup = setup.folder("backup");
    let place = backup.to_str().unwrap();
    run(&setup, &["backup", place], 0);
    run(&setup, &["backup", place], 0);
    for file in ["catalog.jsonl", "manifest.json"] {
        flip(&backup.join("generations/000002").join(file));
        let said = said_by(&Setup::new(), &["restore", place], 1);
        assert!(said.contains("--generation 1"), "{file}: {said}");
    }
    // Nothing is forgotten while it is unknown what a generation names; the new one is whole for all that.
    for _ in 0..2 {
        let said = said_by(&setup, &["backup", place, "--keep", "1"], 1);
        assert!(said.contains("could not be forgotten"), "{said}");
        assert!(said.contains("2 versions up to landing 6"), "{said}");
    }
    assert_eq!(
        figures(&Setup::new(), &["rehearse", place], 0)["generation"],
        4
    );
    assert!(backup.join("generations/000001/manifest.json").exists());
    // Nor where one that would stay is damaged in its rows alone.
    std::fs::remove_dir_all(backup.join("generations/000002")).unwrap();
    flip(&backup.join("generations/000004/SHA256SUMS"));
    let said = said_by(&setup, &["backup", place, "--keep", "2"], 1);
    assert!(
        said.contains("a generation that stays is damaged"),
        "{said}"
    );
    assert!(backup.join("generations/000001/manifest.json").exists());
    let restored = Setup::new();
    run(&restored, &["restore", place, "--generation", "1"], 0);
    check_serves(&restored, &made);
}

#[test]
fn rot_in_the_store_is_named_and_the_rest_is_backed_up() {
    let (setup, _upstream, _database, made) = stored(8);
    let store = setup.data().join("store");
    let backup = setup.folder("backup");
    let place = backup.to_str().unwrap();
    flip(&blob(&store, &made[7].zip)); // a large one
    flip(&blob(&store, &made[1].info));
    let said = said_by(&setup, &["backup", place], 1);
    for word in [
        "left out: example.com/Kept7@v1.0.7.zip",
        "left out: example.com/Kept1@v1.0.1.info",
        "granary verify",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    // The rotten ones were never copied, and the generation is only restored by who knows what is missing.
    assert_eq!(count_blobs(&backup), 22);
    let restored = Setup::new();
    let said = said_by(&restored, &["restore", place], 1);
    assert!(
        said.contains("--incomplete") && said.contains("Kept7"),
        "{said}"
    );
    assert_eq!(figures(&restored, &["rehearse", place], 1)["missing"], 2);
    let done = figures(&restored, &["restore", place, "--incomplete"], 1);
    assert_eq!(
        (&done["left_out"], &done["blobs"]),
        (&2.into(), &22.into()),
        "{done}"
    );
    check_serves(&restored, &made[2..7]);

    // With the bytes back the next backup is whole again.
    for bytes in [&made[7].zip, &made[1].info] {
        let path = blob(&store, bytes);
        std::fs::remove_file(&path).ok();
        std::fs::write(&path, bytes).unwrap();
    }
    assert_eq!(figures(&setup, &["backup", place], 0)["copied"], 2);
    let restored = Setup::new();
    run(&restored, &["restore", place], 0);
    check_serves(&restored, &made);
}

/// The sizes in the rows of an earlier release carry no seal.
#[test]
fn a_wrong_size_in_a_row_removes_no_sound_blob() {
    let (setup, _upstream, _database, made) = stored(2);
    let backup = setup.folder("backup");
    let place = backup.to_str().unwrap();
    run(&setup, &["backup", place], 0);
    let first = generation(&backup);
    let size = format!("\"mod_size\":{}", made[0].go_mod.len());
    forge_rows(&first, &size, "\"mod_size\":7");
    let restored = Setup::new();
    let store = restored.data().join("store");
    let there = blob(&store, &made[0].go_mod);
    // As if an earlier try had brought it.
    said_by(&restored, &["restore", place], 1);
    std::fs::write(&there, &made[0].go_mod).unwrap();
    let said = said_by(&restored, &["restore", place], 1);
    assert!(
        said.contains("and the right hash, its row says 7 bytes"),
        "{said}"
    );
    assert_eq!(std::fs::read(&there).unwrap(), made[0].go_mod);
    // Cut bytes make room for whole ones.
    let whole = Setup::new();
    forge_rows(&first, "\"mod_size\":7", &size);
    let there = blob(&whole.data().join("store"), &made[0].go_mod);
    flip(&blob(&backup, &made[1].zip));
    said_by(&whole, &["restore", place], 1);
    cut(&there);
    flip(&blob(&backup, &made[1].zip));
    run(&whole, &["restore", place], 0);
    check_serves(&whole, &made);
}

#[test]
fn names_that_cannot_be_made_durable_are_no_backup() {
    let (setup, _upstream, _database, _made) = stored(1);
    let backup = setup.folder("backup");
    let place = backup.to_str().unwrap();
    run(&setup, &["backup", place], 0);
    let empty = (0..256).map(|shard| backup.join(format!("blob/sha256/{shard:02x}")));
    let shard = { empty }.find(|shard| std::fs::remove_dir(shard).is_ok());
    std::fs::write(shard.unwrap(), "no folder").unwrap();
    said_by(&setup, &["backup", place], 1);
    assert!(!backup.join("generations/000002/manifest.json").exists());
}
