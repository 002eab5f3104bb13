//! A checksum database over a tree, as static files: any file server can answer it.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use anyhow::Result;
use gomod::hash::{H1, hash_go_mod};
use gomod::zip::hash_zip;
use tlog::memory_log::{MemoryLog, lookup_key};
use tlog::note::Signer;
use tlog::record::RecordHashes;
use tlog::tile::{TILE_WIDTH, Tile, TileLevel};

use crate::tree::{find, with_ending};

/// Name of the database.
const NAME: &str = "bench.example/db";

/// The same key every time: the files are made anew for every run and trusted by nobody else.
const SEED: [u8; 32] = [7; 32];

/// Writes `supported`, `latest`, every lookup and every tile below `tree/sumdb`, and prints the key.
pub fn make(tree: &Path) -> Result<()> {
    let mut log = MemoryLog::new(Signer::from_seed(NAME, SEED)?);
    let versions = find(tree)?;
    for found in &versions {
        let go_mod = hash_go_mod(&fs::read(with_ending(&found.stem, ".mod"))?);
        log.append_module(
            &found.of,
            &RecordHashes {
                zip: zip_hash(&found.stem)?,
                go_mod,
            },
        )?;
    }
    let root = tree.join("sumdb").join(NAME);
    let put = |path: &str| -> Result<()> {
        let Some(body) = log.answer(path) else {
            return Ok(());
        };
        let file = root.join(path);
        fs::create_dir_all(file.parent().unwrap_or(&root))?;
        Ok(fs::write(file, body)?)
    };
    fs::create_dir_all(&root)?;
    fs::write(root.join("supported"), "")?;
    put("latest")?;
    for found in &versions {
        put(&format!("lookup/{}", lookup_key(&found.of)))?;
    }
    put_tiles(log.size(), &put)?;
    writeln!(std::io::stdout(), "{}", log.signer().vkey())?;
    Ok(())
}

/// Full tiles and the partial ones of the newest head, level by level.
fn put_tiles(size: u64, put: &dyn Fn(&str) -> Result<()>) -> Result<()> {
    let (mut level, mut width) = (0, size);
    while width > 0 {
        for n in 0..=width / u64::from(TILE_WIDTH) {
            let left = (width - n * u64::from(TILE_WIDTH)).min(u64::from(TILE_WIDTH));
            if left > 0 {
                put(&Tile::new(TileLevel::Hashes(level), n, left as u16)?.to_string())?;
            }
        }
        width /= u64::from(TILE_WIDTH);
        level += 1;
    }
    Ok(())
}

/// The hash that the module cache keeps beside a zip, else the hash of the zip.
fn zip_hash(stem: &Path) -> Result<H1> {
    if let Ok(kept) = fs::read_to_string(with_ending(stem, ".ziphash")) {
        return Ok(kept.trim().parse()?);
    }
    Ok(hash_zip(&mut File::open(with_ending(stem, ".zip"))?)?)
}
