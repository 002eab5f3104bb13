//! Checks and hashes every module zip of a module cache and compares with the hashes that the go command left there.
//!
//!     cargo run --release -p gomod --example hash_zips -- ~/go/pkg/mod
//!
//! Serves as an example of use and measures: once from memory, once through a reader, one core.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gomod::hash::H1;
use gomod::path::ModulePath;
use gomod::version::{ModuleVersion, Version};
use gomod::zip::{Limits, check, check_bytes};

fn main() -> Result<(), Box<dyn Error>> {
    let cache = std::env::args_os()
        .nth(1)
        .ok_or("usage: hash_zips <module cache>")?;
    let root = Path::new(&cache).join("cache/download");
    let mut zips = Vec::new();
    list_zips(&root, &mut zips)?;
    zips.sort();
    let limits = Limits::default();
    let (mut from_memory, mut through_reader) = (Duration::ZERO, Duration::ZERO);
    let (mut packed_bytes, mut unpacked_bytes, mut files, mut differing) = (0, 0, 0, 0);
    for path in &zips {
        let module = module_of(&root, path)?;
        let bytes = fs::read(path)?;
        let begin = Instant::now();
        let checked =
            check_bytes(&bytes, &module, &limits).map_err(|error| format!("{module}: {error}"))?;
        from_memory += begin.elapsed();
        let begin = Instant::now();
        let again = check(&mut File::open(path)?, bytes.len() as u64, &module, &limits)?;
        through_reader += begin.elapsed();
        let known: H1 = fs::read_to_string(path.with_extension("ziphash"))?
            .trim()
            .parse()?;
        if checked.h1 != known || again != checked {
            differing += 1;
            println!("{module}: {} instead of {known}", checked.h1);
        }
        packed_bytes += bytes.len() as u64;
        unpacked_bytes += checked.unpacked_bytes;
        files += checked.files;
    }
    println!(
        "{} zips, {files} files, {packed_bytes} bytes packed, {unpacked_bytes} unpacked",
        zips.len()
    );
    println!("{differing} differ");
    for (way, time) in [
        ("from memory", from_memory),
        ("through a reader", through_reader),
    ] {
        let rate = |bytes: u64| bytes as f64 / 1e6 / time.as_secs_f64();
        println!(
            "{way}: {time:.2?}, {:.0} MB/s packed, {:.0} unpacked",
            rate(packed_bytes),
            rate(unpacked_bytes)
        );
    }
    Ok(())
}

/// Finds all zips below `directory`.
fn list_zips(directory: &Path, zips: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            list_zips(&path, zips)?;
        } else if path.extension().is_some_and(|extension| extension == "zip") {
            zips.push(path);
        }
    }
    Ok(())
}

/// Reads the module from the name of its file, `<escaped path>/@v/<escaped version>.zip`.
fn module_of(root: &Path, zip: &Path) -> Result<ModuleVersion, Box<dyn Error>> {
    let name = zip
        .strip_prefix(root)?
        .to_str()
        .ok_or("name is not UTF-8")?;
    let (path, version) = name.split_once("/@v/").ok_or("no @v in name")?;
    let version = version.strip_suffix(".zip").ok_or("no .zip in name")?;
    Ok(ModuleVersion::new(
        ModulePath::from_escaped(path)?,
        Version::from_escaped(version)?,
    )?)
}
