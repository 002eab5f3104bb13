//! The manifest of a generation: what it holds, with hashes. It is written last, so that what has one is whole.
//!
//! The file is two lines of JSON: the manifest, and the SHA-256 of the first line.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use catalog::SpoiledRow;
use gomod::hash::ContentDigest;
use serde::{Deserialize, Serialize};

/// The newest format, the one that is written.
pub const FORMAT: u32 = 1;
/// Rows of the catalog.
pub const CATALOG: &str = "catalog.jsonl";
/// Hashes of all files, in the shape that `sha256sum -c` reads.
pub const SUMS: &str = "SHA256SUMS";

const NAME: &str = "manifest.json";
/// Room for the names of some hundred thousand damaged files; what is larger is no manifest.
const BYTES_MAX: u64 = 64 << 20;

/// What a generation holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Of this file and of what lies beside it.
    pub format: u32,
    /// The program that wrote it.
    pub granary: String,
    /// Its number.
    pub generation: u64,
    /// When it was begun.
    pub made_at: String,
    /// Id of the installation whose catalog it is; earlier releases did not say it.
    #[serde(default)]
    pub instance: Option<String>,
    /// Number of the newest migration that the catalog had seen.
    pub schema: i64,
    /// Number of the last landing.
    pub seq: u64,
    /// Rows by table.
    pub rows: BTreeMap<String, u64>,
    /// Blobs that the rows name, those left out not counted.
    pub blobs: u64,
    /// Their size.
    pub blobs_size_bytes: u64,
    /// The files beside the manifest.
    pub files: BTreeMap<String, FileSum>,
    /// Files that the rows name and that the store had not, or had damaged.
    pub left_out: Vec<LeftOut>,
    /// Rows that are not here, because they had rotted.
    #[serde(default)]
    pub rows_left_out: Vec<SpoiledRow>,
}

/// Size and hash of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSum {
    /// Its size.
    pub size_bytes: u64,
    /// Of its bytes, in hex.
    pub sha256: String,
}

/// A file that is not in the backup although the catalog names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Its SHA-256.
    pub blob: String,
    /// The file, by a version that names it.
    pub of: String,
    /// Why.
    pub why: String,
}

#[derive(Serialize, Deserialize)]
struct Seal {
    sha256: String,
}

#[derive(Deserialize)]
struct AnyFormat {
    format: u32,
}

impl Manifest {
    /// Writes it durably, all at once.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let text = serde_json::to_string(self)?;
        let seal = Seal {
            sha256: ContentDigest::of(text.as_bytes()).to_string(),
        };
        let beside = folder.join("manifest.json.new");
        let mut file = File::create(&beside)?;
        writeln!(file, "{text}\n{}", serde_json::to_string(&seal)?)?;
        file.sync_all()?;
        std::fs::rename(&beside, folder.join(NAME))?;
        Ok(())
    }

    /// Reads it; none where the generation was cut off.
    ///
    /// # Errors
    /// A manifest that is damaged, is another generation's, or that a newer Granary wrote.
    pub fn find(folder: &Path, generation: u64) -> Result<Option<Self>> {
        let path = folder.join(NAME);
        let text = match read(&path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
            Err(cause) => {
                return Err(cause).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        let manifest = Self::parse(&text, generation)
            .with_context(|| format!("the manifest {}", path.display()))?;
        Ok(Some(manifest))
    }

    /// Takes a manifest's entry away, with which the generation is none any more.
    pub fn remove(folder: &Path) -> std::io::Result<()> {
        std::fs::remove_file(folder.join(NAME))?;
        File::open(folder)?.sync_all()
    }

    fn parse(text: &str, generation: u64) -> Result<Self> {
        let (manifest, seal) = text.split_once('\n').unwrap_or((text, ""));
        let seal: Seal = serde_json::from_str(seal).context("is damaged: it is cut off")?;
        if seal.sha256 != ContentDigest::of(manifest.as_bytes()).to_string() {
            bail!("is damaged: its first line is not what its hash says");
        }
        let any: AnyFormat = serde_json::from_str(manifest).context("says no format")?;
        if any.format != FORMAT {
            bail!(
                "has format {}, and this Granary ({}) knows {FORMAT}: restore it with the Granary that wrote it, or a newer one",
                any.format,
                env!("CARGO_PKG_VERSION")
            );
        }
        let manifest: Self = serde_json::from_str(manifest).context("is none of Granary's")?;
        if manifest.generation != generation {
            bail!("is that of generation {}", manifest.generation);
        }
        if !manifest.files.keys().eq([SUMS, CATALOG]) {
            let names: Vec<&String> = manifest.files.keys().collect();
            bail!("names the files {names:?}, not {SUMS} and {CATALOG}");
        }
        Ok(manifest)
    }

    /// Whether every row is there, and every file that the rows name.
    pub fn is_complete(&self) -> bool {
        self.left_out.is_empty() && self.rows_left_out.is_empty()
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    if !std::fs::symlink_metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is no file"));
    }
    let mut text = String::new();
    File::open(path)?
        .take(BYTES_MAX)
        .read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let sum = FileSum {
            size_bytes: 1,
            sha256: "00".repeat(32),
        };
        Manifest {
            format: FORMAT,
            granary: "0".to_owned(),
            generation: 7,
            made_at: "2026-01-01T00:00:00Z".to_owned(),
            instance: None,
            schema: 1,
            seq: 3,
            rows: BTreeMap::from([("versions".to_owned(), 3)]),
            blobs: 9,
            blobs_size_bytes: 900,
            files: [CATALOG, SUMS]
                .map(|name| (name.to_owned(), sum.clone()))
                .into(),
            left_out: Vec::new(),
            rows_left_out: Vec::new(),
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Manifest::find(dir.path(), 7).unwrap(), None);
        manifest().write(dir.path()).unwrap();
        assert_eq!(Manifest::find(dir.path(), 7).unwrap(), Some(manifest()));
        assert!(Manifest::find(dir.path(), 8).is_err());
        let path = dir.path().join(NAME);
        let whole = std::fs::read(&path).unwrap();
        // The newline at the end says nothing.
        for at in 0..whole.len() - 1 {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            std::fs::write(&path, &flipped).unwrap();
            assert!(Manifest::find(dir.path(), 7).is_err(), "byte {at}");
            std::fs::write(&path, &whole[..at]).unwrap();
            assert!(Manifest::find(dir.path(), 7).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn what_is_well_sealed_and_hostile_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path_out = |manifest: &mut Manifest| {
            let sum = manifest.files.remove(CATALOG).unwrap();
            manifest.files.insert("../../../etc/passwd".to_owned(), sum);
        };
        let changes: [&dyn Fn(&mut Manifest); 3] =
            [&path_out, &|manifest| manifest.format = 2, &|manifest| {
                drop(manifest.files.remove(SUMS))
            }];
        for change in changes {
            let mut hostile = manifest();
            change(&mut hostile);
            hostile.write(dir.path()).unwrap();
            assert!(Manifest::find(dir.path(), 7).is_err());
        }
    }
}
