//! A checksum database of the tests' own, honest until it is told to lie.

use std::sync::{Arc, Mutex};

use gomod::hash::H1;
use gomod::version::ModuleVersion;
use tlog::memory_log::{MemoryLog, lookup_key};
use tlog::note::{Signer, sign};
use tlog::record::{Record, RecordHashes};

use super::module::Made;

/// Its name has a path, as the protocol allows.
pub const NAME: &str = "sums.example/db";
const SEED: [u8; 32] = [7; 32];

/// What it says that is not so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseLie {
    /// Everything is true.
    None,
    /// Every request is a 500.
    Unreachable,
    /// Every lookup is a 404.
    NoRecord,
    /// A lookup shows other hashes than the record that the log holds at that number.
    ForgedRecord,
    /// A lookup shows the record and, in its text, a second module's lines that nothing vouches for.
    UnrelatedLines,
    /// One byte of every tile of hashes is changed.
    TamperedTile,
    /// Heads are signed by another key of the same name.
    WrongKey,
    /// Bytes that are nothing at all.
    Garbage,
}

/// A checksum database; clones are the same one.
#[derive(Clone)]
pub struct Database {
    inside: Arc<Mutex<(MemoryLog, DatabaseLie)>>,
}

impl Database {
    /// An empty one.
    pub fn new() -> Self {
        Self {
            inside: Arc::new(Mutex::new((new_log(), DatabaseLie::None))),
        }
    }

    /// What `GOSUMDB` and `GRANARY_SUMDB` are set to.
    pub fn vkey(&self) -> String {
        self.inside.lock().unwrap().0.signer().vkey()
    }

    /// Records a version as it is.
    pub fn record(&self, made: &Made) {
        self.record_hashes(&made.of, made.h1, made.go_mod_h1);
    }

    /// Records a version with hashes that need not be its own.
    pub fn record_hashes(&self, of: &ModuleVersion, zip: H1, go_mod: H1) {
        self.inside
            .lock()
            .unwrap()
            .0
            .append_module(of, &RecordHashes { zip, go_mod })
            .unwrap();
    }

    /// From now on, lies.
    pub fn lie(&self, lie: DatabaseLie) {
        self.inside.lock().unwrap().1 = lie;
    }

    /// From now on, another history: other records, signed by the same key, at least as many as before.
    pub fn fork(&self, records: &[&Made]) {
        let mut inside = self.inside.lock().unwrap();
        let mut log = new_log();
        for n in 0..=inside.0.size() {
            log.append(&format!(
                "example.com/other v0.0.{n} h1:{}\n",
                "A".repeat(43) + "="
            ))
            .unwrap();
        }
        for made in records {
            log.append_module(
                &made.of,
                &RecordHashes {
                    zip: made.h1,
                    go_mod: made.go_mod_h1,
                },
            )
            .unwrap();
        }
        inside.0 = log;
    }

    /// The answer to what follows the name in the path: status and body.
    pub fn answer(&self, path: &str) -> (u16, Vec<u8>) {
        let inside = self.inside.lock().unwrap();
        let (log, lie) = &*inside;
        match lie {
            DatabaseLie::Unreachable => return (500, b"out of order\n".to_vec()),
            DatabaseLie::Garbage if path != "supported" => return (200, vec![0xfe; 100]),
            DatabaseLie::NoRecord if path.starts_with("lookup/") => {
                return (404, b"not found\n".to_vec());
            }
            _ if path == "supported" => return (200, Vec::new()),
            _ => {}
        }
        if *lie == DatabaseLie::WrongKey && path == "latest" {
            return (200, foreign_head(log));
        }
        if let Some(key) = path.strip_prefix("lookup/")
            && let Some(body) = lying_lookup(log, *lie, key)
        {
            return (200, body);
        }
        match log.answer(path) {
            None => (404, b"not found\n".to_vec()),
            Some(mut bytes) => {
                let is_hashes = path.starts_with("tile/") && !path.contains("/data/");
                if *lie == DatabaseLie::TamperedTile && is_hashes {
                    bytes[0] ^= 1;
                }
                (200, bytes)
            }
        }
    }
}

fn new_log() -> MemoryLog {
    let mut log = MemoryLog::new(Signer::from_seed(NAME, SEED).unwrap());
    // Some company, so that a proof of one record needs more than that record.
    for n in 0..5 {
        log.append(&format!(
            "example.com/company v1.0.{n} h1:{}\n",
            "B".repeat(43) + "="
        ))
        .unwrap();
    }
    log
}

fn foreign_head(log: &MemoryLog) -> Vec<u8> {
    let other = Signer::from_seed(NAME, [8; 32]).unwrap();
    sign(&log.head().to_string(), &[&other]).unwrap()
}

fn lying_lookup(log: &MemoryLog, lie: DatabaseLie, key: &str) -> Option<Vec<u8>> {
    let record = (0..log.size())
        .filter_map(|id| log.find_record(id))
        .find(|r| names(r, key))?;
    match lie {
        DatabaseLie::ForgedRecord => {
            let forged: String = record.text().lines().map(|l| forge(l) + "\n").collect();
            Some(
                Record::new(record.id(), &forged)
                    .unwrap()
                    .format_lookup(&log.latest().unwrap()),
            )
        }
        DatabaseLie::UnrelatedLines => {
            let text = format!(
                "{}example.com/victim v1.0.0 h1:{}\n",
                record.text(),
                "C".repeat(43) + "="
            );
            Some(
                Record::new(record.id(), &text)
                    .unwrap()
                    .format_lookup(&log.latest().unwrap()),
            )
        }
        DatabaseLie::WrongKey => Some(record.format_lookup(&foreign_head(log))),
        _ => None,
    }
}

/// Whether a record's first line is about `<escaped path>@<escaped version>`.
fn names(record: &Record, key: &str) -> bool {
    let mut words = record.text().split_whitespace();
    let of = format!(
        "{}@{}",
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default()
    );
    of.parse::<ModuleVersion>()
        .is_ok_and(|of| lookup_key(&of) == key)
}

/// The same line with a hash of nothing that exists.
fn forge(line: &str) -> String {
    let (of, _) = line.rsplit_once(' ').unwrap();
    format!("{of} {}", H1::from_bytes([9; 32]))
}
