//! Bit rot: a flipped bit is found, never served, set aside, healed where the right bytes can be had, and told.

mod catalog;
mod files;
mod many;
mod scrubber;
mod tiles;
mod unreadable;

use std::fs::File;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use gomod::hash::ContentDigest;

use crate::rig::database::Database;
use crate::rig::granary::{Granary, Setup};
use crate::rig::module::{Made, noise};
use crate::rig::upstream::Upstream;
use crate::rig::wait_until;

const EXTENSIONS: [&str; 3] = ["info", "mod", "zip"];

/// A repository to which things happen.
struct Rig {
    upstream: Upstream,
    setup: Setup,
    made: Vec<Made>,
}

/// A folder with `count` versions, all files captured, nothing running. Their zips are small, middling and large in turn.
fn stored(count: usize) -> Rig {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let made: Vec<Made> = (0..count)
        .map(|at| {
            let length = [1_000, 40_000, 300_000][at % 3];
            let text = noise(at as u64, length);
            let path = format!("example.com/m{at}");
            // Versions of their own: an .info holds nothing else, and equal ones are one blob.
            upstream.publish(&path, &format!("v1.{at}.0"), &[("x.txt", &text)])
        })
        .collect();
    let setup = Setup::with(&upstream, &database);
    let mut server = setup.start();
    for one in &made {
        check_whole(&server, one);
    }
    stop(&mut server);
    Rig {
        upstream,
        setup,
        made,
    }
}

/// Stops a server in good order, so that the catalog is one file.
fn stop(server: &mut Granary) {
    server.terminate();
    server.wait(Duration::from_secs(30));
}

#[track_caller]
fn check_whole(server: &Granary, made: &Made) {
    for extension in EXTENSIONS {
        let path = made.file(extension);
        assert!(
            server.must_get(&path) == made.bytes(extension),
            "{path}: other bytes"
        );
    }
}

fn blob(setup: &Setup, bytes: &[u8]) -> PathBuf {
    let hex = ContentDigest::of(bytes).to_string();
    let path = setup.data().join("store/blob/sha256").join(&hex[..2]);
    path.join(&hex[2..])
}

/// Flips one bit of a file where it lies, as a disk would: nobody is told, no time changes.
fn flip(path: &Path, bit: u64) {
    let metadata = std::fs::metadata(path).unwrap();
    let mode = metadata.permissions();
    let mut writable = mode.clone();
    writable.set_mode(0o600);
    std::fs::set_permissions(path, writable).unwrap();
    let file = File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, bit / 8).unwrap();
    byte[0] ^= 1 << (bit % 8);
    file.write_all_at(&byte, bit / 8).unwrap();
    file.set_modified(metadata.modified().unwrap()).unwrap();
    std::fs::set_permissions(path, mode).unwrap();
}

/// A counter of `/metrics`.
fn counted(server: &Granary, name: &str) -> u64 {
    let text = server.get("/metrics").text();
    let line = format!("{name}_total ");
    let value = text.lines().find_map(|l| l.strip_prefix(&line));
    value
        .unwrap_or_else(|| panic!("no {name}:\n{text}"))
        .parse()
        .unwrap()
}

#[track_caller]
fn wait_for_count(server: &Granary, name: &str, at_least: u64) {
    wait_until(Duration::from_secs(60), name, || {
        counted(server, name) >= at_least
    });
}

fn evidence(setup: &Setup) -> usize {
    std::fs::read_dir(setup.data().join("store/rotten")).map_or(0, Iterator::count)
}
