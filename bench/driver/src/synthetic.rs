//! Made-up modules, for sizes and numbers that no corpus has.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use anyhow::Result;
use gomod::version::ModuleVersion;
use gomod::zip::{Limits, MemoryTree, create};

/// Versions of one small module.
const VERSIONS: usize = 20;

/// What to make.
pub struct Wanted {
    /// Small versions.
    pub small: usize,
    /// Path before their names.
    pub module: String,
    /// Size of the content of big versions; 0 for none.
    pub big_mib: usize,
    /// How many big ones.
    pub big_count: usize,
}

/// Writes what is wanted into a tree.
pub fn make(tree: &Path, wanted: &Wanted) -> Result<()> {
    for n in 0..wanted.small {
        let module = &wanted.module;
        let of = format!("{module}/m{}@v1.{}.0", n / VERSIONS, n % VERSIONS).parse()?;
        write(
            tree,
            &of,
            format!("package m\n\nconst N = {n}\n").into_bytes(),
        )?;
    }
    if wanted.big_mib > 0 {
        for n in 0..wanted.big_count {
            let of = format!("example.com/big@v1.{n}.0").parse()?;
            write(tree, &of, noise(wanted.big_mib << 20))?;
        }
    }
    Ok(())
}

fn write(tree: &Path, of: &ModuleVersion, content: Vec<u8>) -> Result<()> {
    let folder = tree.join(of.path().escaped()).join("@v");
    fs::create_dir_all(&folder)?;
    let version = of.version();
    let go_mod = format!("module {}\n", of.path());
    fs::write(
        folder.join(format!("{version}.info")),
        format!("{{\"Version\":\"{version}\",\"Time\":\"2024-01-01T00:00:00Z\"}}"),
    )?;
    fs::write(folder.join(format!("{version}.mod")), &go_mod)?;
    let mut files = MemoryTree::new();
    files.add("go.mod", go_mod).add("data.go", content);
    create(
        BufWriter::new(File::create(folder.join(format!("{version}.zip")))?),
        of,
        &mut files,
        &Limits::default(),
    )?;
    Ok(())
}

/// Bytes that do not compress: a counter through a mixing function.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut out = Vec::with_capacity(bytes + 8);
    while out.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.to_le_bytes());
    }
    out.truncate(bytes);
    out
}
