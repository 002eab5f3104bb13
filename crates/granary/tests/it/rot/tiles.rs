//! Flipped bits in the cache of the checksum database's tiles: fetched again, never passed on.

use std::path::{Path, PathBuf};

use super::{check_whole, counted, flip, stored};
use crate::rig::database::NAME;

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => files.extend(files_below(&path)),
            path => files.push(path),
        }
    }
    files
}

#[test]
fn a_flipped_tile_is_fetched_again() {
    let rig = stored(3);
    let tiles = files_below(&rig.setup.data().join("store/tile"));
    assert!(!tiles.is_empty(), "no tile was cached");
    for (at, tile) in tiles.iter().enumerate() {
        let bits = std::fs::metadata(tile).unwrap().len() * 8;
        flip(tile, (at as u64 * 31 + 5) % bits);
    }
    let server = rig.setup.start();
    // Those that clients may ask for, by the path behind the hash of the log's name; the others are for captures.
    let folder = rig.setup.data().join("store/tile");
    for tile in &tiles {
        let path = tile.strip_prefix(&folder).unwrap();
        let path: PathBuf = path.iter().skip(1).collect();
        let path = format!("/sumdb/{NAME}/{}", path.display());
        let upstream = rig.upstream.url();
        let upstream = upstream.trim_start_matches("http://").parse().unwrap();
        let truth = crate::rig::raw::get(upstream, &path);
        if truth.body != b"not found\n" {
            let answer = server.get(&path);
            assert_eq!((answer.status, answer.body), (200, truth.body), "{path}");
        }
    }
    let source = [("x.go", "package x\n")];
    let late = rig.upstream.publish("example.com/late", "v1.9.0", &source);
    check_whole(&server, &late);
    assert!(counted(&server, "granary_rotten_tiles") > 0);
}
