//! What the fuzz targets of this crate do with bytes; the corpora are replayed through the same functions by an ordinary
//! test. None may panic, and what is accepted must be what was meant.

use std::sync::OnceLock;

use bytes::Bytes;
use gomod::hash::hash_go_mod;
use gomod::version::ModuleVersion;
use tlog::database::{
    LookupAnswer, SignedHead, check_consistency, check_record, tiles_for_consistency,
    tiles_for_record, tiles_for_tile,
};
use tlog::database_key::{DatabaseKey, PUBLIC_KEY};
use tlog::key::{Signer, Verifier};
use tlog::memory_log::MemoryLog;
use tlog::note::Note;
use tlog::record::{Record, RecordHashes};
use tlog::tile::{Tile, TileLevel, TileSet, parse_data};
use tlog::tree::{Place, TreeHead};

/// Tiles that any one proof can need: eight at the edge, seven above a record, seven more above each end of an old tree.
const TILES_OF_A_RECORD_MAX: usize = 15;

fn signer() -> Signer {
    Signer::from_seed("example.com/db", std::array::from_fn(|i| i as u8)).unwrap()
}

fn verifiers() -> [Verifier; 2] {
    [
        signer().verifier().clone(),
        Verifier::from_vkey(PUBLIC_KEY).unwrap(),
    ]
}

/// A note, and the keys in front of it.
pub fn note(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(key) = Verifier::from_vkey(text) {
            // Hexadecimal capitals are read, but not written.
            assert!(key.vkey().eq_ignore_ascii_case(text));
        }
        let _ = Signer::from_skey(text);
        if let Ok(key) = text.parse::<DatabaseKey>() {
            assert!(key.direct_url().starts_with("http"));
        }
        if let Ok(head) = TreeHead::parse(text) {
            assert_eq!(TreeHead::parse(&head.to_string()), Ok(head));
        }
    }
    if let Ok(note) = Note::open(bytes, &verifiers()) {
        let again = Note::open(&note.sign_again(&[]).unwrap(), &verifiers()).unwrap();
        assert_eq!(again, note);
    }
}

/// A tile's path, and a tile's bytes after three numbers.
pub fn tile(bytes: &[u8]) {
    if let Ok(path) = std::str::from_utf8(bytes)
        && let Ok(tile) = path.parse::<Tile>()
    {
        assert_eq!(tile.to_string(), path);
        assert!(tile.width() > 0);
    }
    let Some((numbers, bytes)) = bytes.split_first_chunk::<18>() else {
        return;
    };
    let number = |at: usize| u64::from_be_bytes(std::array::from_fn(|i| numbers[at + i]));
    let (size, n) = (number(0), number(8));
    assert!(tiles_for_record(size, n).len() <= TILES_OF_A_RECORD_MAX);
    // Above each of the at most 63 subtrees of the old tree there are no more tiles than levels.
    assert!(tiles_for_consistency(n, size).len() <= 8 + 7);
    let place = Place {
        level: numbers[16],
        n,
    };
    let _ = place
        .stored_index()
        .map(|index| assert_eq!(Place::from_stored_index(index), Some(place)));
    let width = u16::from(numbers[17]) + 1;
    let _ = parse_data(bytes, width);
    for level in 0..9 {
        let Ok(tile) = Tile::new(TileLevel::Hashes(level), n >> 16, width) else {
            continue;
        };
        let _ = tile.hash_at(place, bytes);
        if let Some(needed) = tiles_for_tile(size, &tile) {
            assert!(needed.contains(&tile.as_in(size).unwrap()));
        }
    }
}

/// The answer to a look-up. One that is proven says what the log says, whatever was done to it.
pub fn lookup(bytes: &[u8]) {
    if let Ok((record, note)) = Record::parse_lookup(bytes) {
        assert_eq!(record.format_lookup(note), bytes);
    }
    let (log, module, hashes) = log();
    let Ok(answer) = LookupAnswer::parse(bytes, signer().verifier(), module) else {
        return;
    };
    let head = answer.signed.head;
    let fetch = |tiles: Vec<Tile>| -> TileSet {
        tiles
            .into_iter()
            .filter_map(|tile| Some((tile, Bytes::from(log.find_tile(&tile)?))))
            .collect()
    };
    let tiles = fetch(tiles_for_record(head.size, answer.record.id()));
    if check_record(&head, &answer.record, &tiles).is_ok() {
        assert_eq!(answer.hashes, *hashes);
    }
    let known = SignedHead::open(&log.latest().unwrap(), signer().verifier())
        .unwrap()
        .head;
    let tiles = fetch(tiles_for_consistency(head.size, known.size));
    assert!(
        check_consistency(&head, &known, &tiles).is_ok(),
        "nobody else has the key"
    );
}

/// A log with one version among others.
fn log() -> &'static (MemoryLog, ModuleVersion, RecordHashes) {
    static LOG: OnceLock<(MemoryLog, ModuleVersion, RecordHashes)> = OnceLock::new();
    LOG.get_or_init(|| {
        let mut log = MemoryLog::new(signer());
        let module = "example.com/a@v1.0.0".parse().unwrap();
        let hashes = RecordHashes {
            zip: hash_go_mod(b"zip"),
            go_mod: hash_go_mod(b"mod"),
        };
        for n in 0..400 {
            match n {
                300 => log.append_module(&module, &hashes).unwrap(),
                n => log.append(&format!("record {n}\n")).unwrap(),
            };
        }
        (log, module, hashes)
    })
}

/// The honest answer that `lookup` starts from, for making corpora.
#[allow(dead_code, reason = "the fuzz targets do not use it")]
pub fn honest_answer() -> Vec<u8> {
    log().0.answer("lookup/example.com/a@v1.0.0").unwrap()
}
