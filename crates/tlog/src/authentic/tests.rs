//! Tiles that are missing, damaged or forged, and CVE-2026-56865.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::database::tiles_for_record;
use crate::memory_log::MemoryLog;
use crate::samples;
use crate::tree::{list_subtrees, record_hash};

/// A tree with edges on three levels of tiles, and full tiles whose chain to the edge is two long.
const SIZE: u64 = 65_536 + 256 * 7 + 100;

fn log() -> MemoryLog {
    samples::log(SIZE)
}

fn leaf(id: u64) -> Place {
    Place::of_record(id)
}

#[test]
fn every_record_can_be_read() {
    let log = samples::log(1000);
    for size in [1, 2, 255, 256, 257, 511, 512, 513, 999, 1000] {
        let head = log.head_at(size).unwrap();
        for id in 0..size {
            let tiles = samples::fetch(&log, &tiles_for_record(size, id));
            let found = Authentic::new(&head, &tiles).unwrap().hash(leaf(id));
            assert_eq!(found, Ok(record_hash(format!("record {id}\n").as_bytes())));
        }
    }
}

#[test]
fn the_empty_tree_has_nothing_to_read() {
    let tiles = TileSet::new();
    let head = samples::log(0).head();
    let mut authentic = Authentic::new(&head, &tiles).unwrap();
    assert_eq!(authentic.hash(leaf(0)), Err(AuthenticError::NotInTree));
}

#[test]
fn each_tile_is_needed_and_each_byte_of_it_counts() {
    let log = log();
    let head = log.head();
    let needed = tiles_for_record(SIZE, 300);
    let full = samples::fetch(&log, &needed);
    let ask = |tiles: &TileSet| Authentic::new(&head, tiles)?.hash(leaf(300));
    ask(&full).unwrap();
    for tile in needed {
        let mut tiles = full.clone();
        tiles.remove(&tile);
        assert_eq!(ask(&tiles), Err(AuthenticError::Missing { tile }));
        for at in (0..full[&tile].len()).step_by(97) {
            let mut bytes = full[&tile].to_vec();
            bytes[at] ^= 0x80;
            tiles.insert(tile, Bytes::from(bytes));
            let want = if tile.is_full() {
                AuthenticError::Wrong { tile }
            } else {
                AuthenticError::WrongEdge
            };
            assert_eq!(ask(&tiles), Err(want));
        }
        for length in [0, 31, full[&tile].len() - 32, full[&tile].len() + 32] {
            let mut bytes = full[&tile].to_vec();
            bytes.resize(length, 0);
            tiles.insert(tile, Bytes::from(bytes));
            assert_eq!(ask(&tiles), Err(AuthenticError::Wrong { tile }));
        }
    }
}

/// The hole: a tree whose edge has more subtrees than tiles, and tiles below it that fit each other but not the edge.
/// The client checked the later tiles against the forged earlier ones and skipped those.
#[test]
fn cve_2026_56865_tiles_are_checked_against_their_parents() {
    let log = log();
    let head = log.head();
    assert!(list_subtrees(0, SIZE).len() > crate::tile::list_edge(SIZE).len() + 1);
    let id = 300;
    let honest = samples::fetch(&log, &tiles_for_record(SIZE, id));
    let forged_leaf = record_hash(b"forged\n");
    // How far up the forger makes the tiles fit: only the leaf's tile, or its parent too.
    for fitting in 1..=2 {
        let mut tiles = honest.clone();
        let (mut place, mut hash) = (leaf(id), forged_leaf);
        for _ in 0..fitting {
            let tile = Tile::holding(place, SIZE).unwrap();
            assert!(tile.is_full());
            let mut bytes = tiles[&tile].to_vec();
            let at = (place.n % 256) as usize * 32;
            bytes[at..at + 32].copy_from_slice(hash.as_bytes());
            tiles.insert(tile, Bytes::from(bytes));
            place = tile.root().unwrap();
            hash = tile.hash_at(place, &tiles[&tile]).unwrap();
        }
        let mut authentic = Authentic::new(&head, &tiles).unwrap();
        let wrong = authentic.hash(leaf(id)).unwrap_err();
        assert!(
            matches!(wrong, AuthenticError::Wrong { .. }),
            "{fitting} tiles"
        );
        // Nor does asking again believe what failed once.
        assert_eq!(authentic.hash(leaf(id)), Err(wrong));
    }
}

#[test]
fn cve_2026_56865_no_single_forged_tile_passes_in_trees_of_many_shapes() {
    let log = samples::log(1400);
    for size in (257..1400).step_by(61) {
        let head = log.head_at(size).unwrap();
        for id in (0..size).step_by(83) {
            let honest = samples::fetch(&log, &tiles_for_record(size, id));
            let tile = Tile::holding(leaf(id), size).unwrap();
            let mut bytes = honest[&tile].to_vec();
            bytes[(id % 256) as usize * 32] ^= 1;
            let mut tiles = honest.clone();
            tiles.insert(tile, Bytes::from(bytes));
            let found = Authentic::new(&head, &tiles).and_then(|mut tiles| tiles.hash(leaf(id)));
            assert!(found.is_err(), "{id} of {size}");
        }
    }
}

#[test]
fn another_size_or_hash_does_not_fit_the_tiles() {
    let log = log();
    let tiles = samples::fetch(&log, &tiles_for_record(SIZE, 300));
    let head = TreeHead {
        hash: record_hash(b"other"),
        ..log.head()
    };
    assert_eq!(
        Authentic::new(&head, &tiles).unwrap_err(),
        AuthenticError::WrongEdge
    );
    let head = TreeHead {
        size: SIZE + 1,
        ..log.head()
    };
    assert!(matches!(
        Authentic::new(&head, &tiles),
        Err(AuthenticError::Missing { .. })
    ));
}

#[test]
fn partial_tiles_that_are_not_of_the_edge_are_not_believed() {
    let log = log();
    let head = log.head();
    let narrow: Tile = "tile/8/0/001.p/50".parse().unwrap();
    let mut needed = tiles_for_record(SIZE, 300);
    needed.push(narrow);
    let tiles = samples::fetch(&log, &needed);
    let mut authentic = Authentic::new(&head, &tiles).unwrap();
    assert_eq!(authentic.believe(narrow), Err(AuthenticError::NotInTree));
}

proptest! {
    #![proptest_config(samples::config())]

    #[test]
    fn damaged_tiles_never_panic_or_lie(
        size in 1..1200_u64, id in any::<u64>(), which in any::<usize>(), at in any::<usize>(), bit in 0..8,
    ) {
        let log = samples::log(size);
        let id = id % size;
        let needed = tiles_for_record(size, id);
        let mut tiles = samples::fetch(&log, &needed);
        let tile = needed[which % needed.len()];
        let mut bytes = tiles[&tile].to_vec();
        let at = at % bytes.len();
        bytes[at] ^= 1_u8 << bit;
        tiles.insert(tile, Bytes::from(bytes));
        let head = log.head();
        let found = Authentic::new(&head, &tiles).and_then(|mut tiles| tiles.hash(leaf(id)));
        prop_assert!(found.is_err());
    }
}
