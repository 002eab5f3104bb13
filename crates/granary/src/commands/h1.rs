//! `granary h1`: the hash that go.sum and the checksum database carry, of a zip or of a folder.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use gomod::hash::H1;
use gomod::zip::{Kind, Tree, TreeFile, hash_dir, hash_zip};
use serde_json::json;

/// Prints the hash of every path, in order; several are hashed at once.
pub fn run(paths: &[PathBuf], of: Option<&str>, as_json: bool) -> Result<bool> {
    let threads = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(paths.len());
    let chunk = paths.len().div_ceil(threads.max(1)).max(1);
    let hashes: Vec<Result<H1>> = thread::scope(|scope| {
        let workers: Vec<_> = paths
            .chunks(chunk)
            .map(|part| {
                scope.spawn(move || part.iter().map(|path| hash(path, of)).collect::<Vec<_>>())
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| {
                worker
                    .join()
                    .unwrap_or_else(|_| vec![Err(anyhow!("a hashing thread ended early"))])
            })
            .collect()
    });
    let mut out = std::io::stdout().lock();
    for (path, h1) in paths.iter().zip(hashes) {
        let h1 = h1.with_context(|| format!("cannot hash {}", path.display()))?;
        if as_json {
            writeln!(out, "{}", json!({ "path": path, "h1": h1.to_string() }))?;
        } else if paths.len() == 1 {
            writeln!(out, "{h1}")?;
        } else {
            writeln!(out, "{h1} {}", path.display())?;
        }
    }
    Ok(true)
}

fn hash(path: &Path, of: Option<&str>) -> Result<H1> {
    if path.is_dir() {
        let of = of.ok_or_else(|| {
            anyhow!("a folder's hash needs to know whose it is: --of module@version")
        })?;
        return hash_folder(path, of);
    }
    Ok(hash_zip(&mut File::open(path)?)?)
}

/// Hashes a folder as the zip of `of` would hash, all its files as they are. Links and other special files are refused:
/// a module zip has none.
fn hash_folder(folder: &Path, of: &str) -> Result<H1> {
    let mut tree = FolderTree {
        root: folder.to_owned(),
        files: Vec::new(),
    };
    let mut folders = vec![String::new()];
    while let Some(inner) = folders.pop() {
        for entry in std::fs::read_dir(folder.join(&inner))? {
            let entry = entry?;
            let name = entry
                .file_name()
                .into_string()
                .map_err(|name| anyhow!("the name {name:?} is not UTF-8"))?;
            let path = if inner.is_empty() {
                name
            } else {
                format!("{inner}/{name}")
            };
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                tree.files.push(TreeFile {
                    path,
                    kind: Kind::Regular,
                    size_bytes: entry.metadata()?.len(),
                });
            } else {
                bail!("{} is neither a file nor a folder", entry.path().display());
            }
        }
    }
    Ok(hash_dir(&mut tree, of)?)
}

/// Files below a folder.
struct FolderTree {
    root: PathBuf,
    files: Vec<TreeFile>,
}

impl Tree for FolderTree {
    fn files(&self) -> &[TreeFile] {
        &self.files
    }

    fn open(&mut self, index: usize) -> io::Result<Box<dyn Read + '_>> {
        let file = self.files.get(index).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(BufReader::with_capacity(
            1 << 16,
            File::open(self.root.join(&file.path))?,
        )))
    }
}
