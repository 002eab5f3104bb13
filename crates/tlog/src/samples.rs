//! What the tests of several modules need: a log of numbered records, its tiles, and how many random cases to try.

use bytes::Bytes;
use proptest::test_runner::Config;

use crate::memory_log::MemoryLog;
use crate::note::Signer;
use crate::tile::{Tile, TileSet};

/// The seed of the key that the reference program used: bytes 0 to 31.
pub fn signer() -> Signer {
    let seed = std::array::from_fn(|i| i as u8);
    Signer::from_seed("example.com/db", seed).unwrap()
}

/// A log of the records `record 0\n`, `record 1\n`, ...
pub fn log(size: u64) -> MemoryLog {
    let mut log = MemoryLog::new(signer());
    for i in 0..size {
        log.append(&format!("record {i}\n")).unwrap();
    }
    log
}

/// The bytes of some tiles.
pub fn fetch(log: &MemoryLog, tiles: &[Tile]) -> TileSet {
    tiles
        .iter()
        .map(|tile| (*tile, Bytes::from(log.find_tile(tile).unwrap())))
        .collect()
}

/// Random cases for each property, from the environment.
pub fn config() -> Config {
    let cases = std::env::var("GRANARY_PROPTEST_CASES")
        .ok()
        .and_then(|n| n.parse().ok());
    Config {
        cases: cases.unwrap_or(64),
        failure_persistence: None,
        ..Config::default()
    }
}
