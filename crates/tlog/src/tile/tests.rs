//! Tiles, their paths and which are needed, against the reference implementation.

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;
use crate::database::{tiles_for_consistency, tiles_for_record};
use crate::samples;

fn tile(path: &str) -> Tile {
    path.parse().unwrap()
}

#[track_caller]
fn check_path(level: TileLevel, n: u64, width: u16, want: &str) {
    let tile = Tile::new(level, n, width).unwrap();
    assert_eq!(tile.to_string(), want);
    assert_eq!(want.parse(), Ok(tile));
}

#[track_caller]
fn check_no_path(path: &str) {
    assert!(path.parse::<Tile>().is_err(), "{path}");
}

#[test]
fn paths_are_those_of_the_reference() {
    check_path(TileLevel::Hashes(0), 0, 256, "tile/8/0/000");
    check_path(TileLevel::Hashes(0), 1, 5, "tile/8/0/001.p/5");
    check_path(TileLevel::Hashes(1), 999, 256, "tile/8/1/999");
    check_path(TileLevel::Hashes(2), 1000, 1, "tile/8/2/x001/000.p/1");
    check_path(
        TileLevel::Hashes(0),
        1_234_067,
        256,
        "tile/8/0/x001/x234/067",
    );
    check_path(TileLevel::Hashes(7), 0, 127, "tile/8/7/000.p/127");
}

#[test]
fn t30_data_tiles_have_paths_of_their_own() {
    check_path(TileLevel::Data, 256_000, 255, "tile/8/data/x256/000.p/255");
    check_path(TileLevel::Data, 0, 256, "tile/8/data/000");
    check_no_path("tile/8/-1/000");
    check_no_path("tile/8/Data/000");
}

#[test]
fn only_canonical_paths_are_read() {
    for path in [
        "",
        "tile",
        "tile/8",
        "tile/8/0",
        "tile/8/0/",
        "/tile/8/0/000",
        "tile/8/0/000/",
        "tile/8/0/0",
        "tile/8/0/00",
        "tile/8/0/0000",
        "tile/8/0/1000",
        "tile/8/0/x000",
        "tile/8/0/x000/001",
        "tile/8/0/001/000",
        "tile/8/0/xx01/000",
        "tile/8/0/x001/x000",
        "tile/8/0/+01",
        "tile/8/0/-01",
        "tile/8/00/000",
        "tile/8/+0/000",
        "tile/08/0/000",
        "tile/8/0/000.p",
        "tile/8/0/000.p/",
        "tile/8/0/000.p/0",
        "tile/8/0/000.p/01",
        "tile/8/0/000.p/256",
        "tile/8/0/000.p/257",
        "tile/8/0/000.p/65536",
        "tile/8/0/000.p/-1",
        "tile/8/0/000.p/1/",
        "tile/8/0/000.p/1.p/1",
        "tile/8/0/000.p/+1",
        "tile/8/0/..",
        "tile/8/0/x001/../000",
        "tile/8/0/\u{661}\u{661}\u{661}",
        "tile/8/0//000",
    ] {
        check_no_path(path);
    }
}

#[test]
fn only_height_8_is_read() {
    for height in ["1", "2", "7", "9", "30", "0", "-8"] {
        check_no_path(&format!("tile/{height}/0/000"));
    }
}

#[test]
fn tiles_beyond_every_tree_have_no_path() {
    check_no_path("tile/8/8/000");
    check_no_path("tile/8/63/000");
    check_no_path("tile/8/7/001");
    check_no_path("tile/8/7/000"); // 2^64 records
    check_no_path("tile/8/7/000.p/129");
    assert!("tile/8/7/000.p/128".parse::<Tile>().is_ok());
    let last = (TREE_SIZE_END >> 8) - 1;
    assert!(Tile::new(TileLevel::Hashes(0), last, 256).is_ok());
    assert!(Tile::new(TileLevel::Hashes(0), last + 1, 1).is_err());
    check_no_path("tile/8/0/x999/x999/x999/x999/x999/x999/999");
    check_no_path(&format!("tile/8/0/{}000", "x999/".repeat(40)));
    assert!(Tile::new(TileLevel::Hashes(0), 0, 0).is_err());
    assert!(Tile::new(TileLevel::Hashes(0), 0, 257).is_err());
}

/// The tiles as the reference program printed them: sorted paths.
fn sorted(tiles: &[Tile]) -> String {
    let mut paths: Vec<String> = tiles.iter().map(Tile::to_string).collect();
    paths.sort();
    paths.join(" ")
}

#[test]
fn tiles_needed_are_those_of_the_reference() {
    let record = |size, id, want| assert_eq!(sorted(&tiles_for_record(size, id)), want);
    record(
        71_848_828,
        28_818_796,
        "tile/8/0/x112/573 tile/8/0/x280/659.p/124 tile/8/1/439 tile/8/1/x001/096.p/83 \
         tile/8/2/001 tile/8/2/004.p/72 tile/8/3/000.p/4",
    );
    record(256, 3, "tile/8/0/000 tile/8/1/000.p/1");
    record(
        65_537,
        1,
        "tile/8/0/000 tile/8/0/256.p/1 tile/8/1/000 tile/8/2/000.p/1",
    );
    record(1, 0, "tile/8/0/000.p/1");
    record(1, 1, "");
    let tree = |old, new, want| assert_eq!(sorted(&tiles_for_consistency(old, new)), want);
    tree(
        66_327_379,
        71_848_828,
        "tile/8/0/x259/091 tile/8/0/x280/659.p/124 tile/8/1/x001/012 tile/8/1/x001/096.p/83 \
         tile/8/2/003 tile/8/2/004.p/72 tile/8/3/000.p/4",
    );
    tree(256, 257, "tile/8/0/001.p/1 tile/8/1/000.p/1");
    tree(65_535, 65_536, "tile/8/0/255 tile/8/1/000 tile/8/2/000.p/1");
    tree(0, 5, "");
    tree(5, 5, "");
    tree(6, 5, "");
}

#[test]
fn tiles_needed_are_those_of_the_reference_for_many_sizes() {
    let mut all = Sha256::new();
    let mut size = 1;
    while size < 1 << 40 {
        let mut id = 0;
        while id < size {
            all.update(sorted(&tiles_for_record(size, id)) + "\n");
            // Asked for its own size a tree needs no more than its edge.
            let places = list_subtrees(0, id + 1);
            all.update(sorted(&list_needed(size, &places).unwrap()) + "\n");
            id = id * 5 + 3;
        }
        size = size * 3 + 7;
    }
    let digest: String = all
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        digest,
        "40902da8af661c8e8f5e1f9245f136b12342d7ca44fc1c3e5fe82ec3e1888080"
    );
}

#[test]
fn parents_come_before_children() {
    let needed = tiles_for_record(71_848_828, 28_818_796);
    for (at, tile) in needed.iter().enumerate() {
        if let Some(parent) = tile.parent(71_848_828) {
            assert!(needed[..at].contains(&parent), "{tile}");
        }
    }
}

#[test]
fn the_largest_tree_needs_few_tiles() {
    let size = TREE_SIZE_END - 1;
    assert_eq!(list_edge(size).len(), 8);
    assert_eq!(tiles_for_record(size, 0).len(), 15);
    assert!(tiles_for_record(TREE_SIZE_END, 0).is_empty());
    assert!(tiles_for_record(u64::MAX, 0).is_empty());
    assert!(tiles_for_consistency(1, u64::MAX).is_empty());
}

#[test]
fn hashes_come_out_where_they_were_put() {
    let log = samples::log(700);
    for level in 0..10 {
        for n in 0..700 >> level {
            let place = Place { level, n };
            let tile = Tile::holding(place, 700).unwrap();
            let bytes = log.find_tile(&tile).unwrap();
            assert_eq!(
                tile.hash_at(place, &bytes),
                log.read(place).map_err(|_| TileError::NotHere)
            );
        }
    }
}

#[test]
fn hashes_outside_a_tile_are_not_read_from_it() {
    let bytes = [7; 5 * 32];
    let partial = tile("tile/8/1/002.p/5");
    let at = |level, n| partial.hash_at(Place { level, n }, &bytes);
    assert!(at(8, 512).is_ok() && at(8, 516).is_ok() && at(9, 256).is_ok() && at(10, 128).is_ok());
    assert_eq!(at(8, 511), Err(TileError::NotHere));
    assert_eq!(at(8, 517), Err(TileError::NotHere));
    assert_eq!(at(9, 258), Err(TileError::NotHere));
    assert_eq!(at(7, 1024), Err(TileError::NotHere));
    assert_eq!(at(16, 2), Err(TileError::NotHere));
    assert_eq!(at(17, 1), Err(TileError::NotHere));
    assert_eq!(at(255, u64::MAX), Err(TileError::NotHere));
    assert_eq!(at(8, u64::MAX), Err(TileError::NotHere));
    let place = Place { level: 8, n: 512 };
    assert_eq!(
        partial.hash_at(place, &bytes[1..]),
        Err(TileError::WrongLength)
    );
    assert_eq!(
        partial.hash_at(place, &[7; 6 * 32]),
        Err(TileError::WrongLength)
    );
    assert_eq!(
        tile("tile/8/data/002").hash_at(place, &bytes),
        Err(TileError::NotHere)
    );
}

#[test]
fn widths_follow_the_tree() {
    assert_eq!(
        tile("tile/8/0/001.p/5").as_in(261),
        Some(tile("tile/8/0/001.p/5"))
    );
    assert_eq!(
        tile("tile/8/0/001.p/5").as_in(300),
        Some(tile("tile/8/0/001.p/44"))
    );
    assert_eq!(
        tile("tile/8/0/001.p/5").as_in(9999),
        Some(tile("tile/8/0/001"))
    );
    assert_eq!(tile("tile/8/0/001.p/5").as_in(260), None);
    assert_eq!(tile("tile/8/0/001").as_in(511), None);
    assert_eq!(
        tile("tile/8/data/001.p/5").as_in(300),
        Some(tile("tile/8/0/001.p/44"))
    );
    assert_eq!(tile("tile/8/1/000.p/2").as_in(511), None);
    assert_eq!(
        tile("tile/8/1/000.p/2").as_in(512),
        Some(tile("tile/8/1/000.p/2"))
    );
    assert_eq!(
        tile("tile/8/1/000.p/2").widened(),
        Some(tile("tile/8/1/000"))
    );
    assert_eq!(tile("tile/8/7/000.p/2").widened(), None);
}

#[test]
fn only_full_tiles_have_parents() {
    assert_eq!(
        tile("tile/8/0/003").parent(5000),
        Some(tile("tile/8/1/000.p/19"))
    );
    assert_eq!(
        tile("tile/8/0/003").parent(70_000),
        Some(tile("tile/8/1/000"))
    );
    assert_eq!(tile("tile/8/0/003.p/9").parent(70_000), None);
    assert_eq!(tile("tile/8/data/003").parent(70_000), None);
}

#[test]
fn t30_data_tiles_are_records_without_ids_each_followed_by_a_blank_line() {
    let text = format_data(["a\nb\n", "c\n"]);
    assert_eq!(text, "a\nb\n\nc\n\n");
    assert_eq!(parse_data(text.as_bytes(), 2).unwrap(), ["a\nb\n", "c\n"]);
    assert_eq!(parse_data(text.as_bytes(), 1), Err(TileError::WrongLength));
    assert_eq!(parse_data(text.as_bytes(), 3), Err(TileError::WrongLength));
    assert_eq!(parse_data(b"a\n", 1), Err(TileError::WrongLength));
    assert_eq!(parse_data(b"", 1), Err(TileError::WrongLength));
    assert_eq!(parse_data(b"\xff\n\n", 1), Err(TileError::NotText));
}

proptest! {
    #![proptest_config(samples::config())]

    #[test]
    fn reading_paths_never_panics(path in "\\PC{0,60}", tail in "[0-9xp./]{0,40}") {
        let _ = path.parse::<Tile>();
        let tail = format!("tile/8/{tail}");
        if let Ok(tile) = tail.parse::<Tile>() {
            prop_assert_eq!(tile.to_string(), tail);
        }
    }

    #[test]
    fn paths_round_trip(level in 0..8_u8, n in any::<u64>(), width in 1..257_u16, data in any::<bool>()) {
        let level = if data { TileLevel::Data } else { TileLevel::Hashes(level) };
        for n in [n, n % 1000, n % 1_000_000] {
            if let Ok(tile) = Tile::new(level, n, width) {
                prop_assert_eq!(tile.to_string().parse(), Ok(tile));
            }
        }
    }

    #[test]
    fn reading_hashes_never_panics(
        level in 0..8_u8, n in 0..1000_u64, width in 1..257_u16, place_level in any::<u8>(),
        place_n in any::<u64>(), bytes in proptest::collection::vec(any::<u8>(), 0..9000),
    ) {
        if let Ok(tile) = Tile::new(TileLevel::Hashes(level), n, width) {
            let place = Place { level: place_level, n: place_n };
            let _ = tile.hash_at(place, &bytes);
            let _ = (tile.parent(place_n), tile.as_in(place_n), Tile::holding(place, n));
        }
        let _ = parse_data(&bytes, width);
    }
}
