//! Checking what was restored, from the disk again: every row has its files, every file its hashes.

use std::collections::HashSet;
use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context, Result};
use catalog::{Catalog, FileRole, NamedFile};
use futures_util::StreamExt;
use gomod::hash::hash_go_mod;
use gomod::zip::hash_zip;
use store::Store;
use tokio::task::spawn_blocking;

use super::catalog_file::{Wanted, named_files};
use super::generations::Generation;
use super::manifest::LeftOut;
use super::restore::Target;
use crate::line::{Lines, finding, progress};

/// Files hashed at once: the work is processor time, more only makes them wait for each other.
const AT_ONCE: usize = 4;

/// Versions read from the catalog at a time.
const PAGE: u64 = 500;

/// What was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Files that rows name.
    pub files: u64,
    /// Bytes of them that were hashed.
    pub size_bytes: u64,
    /// Hashes of go.mod files and zips that were made again.
    pub h1s: u64,
    /// Versions that the restored catalog shows in its view.
    pub members: u64,
    /// What is wrong.
    pub wrong: u64,
}

/// Hashes everything that a restored generation names and compares it with the rows. What was left out is known already.
pub async fn check(
    generation: &Generation,
    target: &Target,
    left_out: &[LeftOut],
    lines: &Lines,
) -> Result<Checked> {
    let store = super::blobs::open_store(&target.store)?;
    let mut checked = check_files(generation, &store, left_out, lines).await?;
    let catalog = Catalog::open(&target.catalog_url).await?;
    let members = check_members(&catalog, &mut checked, lines).await;
    catalog.close().await;
    members.map(|()| checked)
}

async fn check_files(
    generation: &Generation,
    store: &Store,
    left_out: &[LeftOut],
    lines: &Lines,
) -> Result<Checked> {
    let left_out: HashSet<&str> = left_out.iter().map(|left| left.blob.as_str()).collect();
    let mut list = named_files(generation.catalog(), Wanted::Everything);
    let files = futures_util::stream::poll_fn(move |context| list.poll_recv(context));
    let checks = files.map(|file| async {
        let file = file?;
        let outcome = check_file(store, &file).await;
        anyhow::Ok((file, outcome))
    });
    let mut checks = std::pin::pin!(checks.buffer_unordered(AT_ONCE));
    let mut checked = Checked::default();
    while let Some(done) = checks.next().await {
        let (file, outcome) = done?;
        if left_out.contains(file.digest.to_string().as_str()) {
            continue;
        }
        checked.files += 1;
        if checked.files.is_multiple_of(100) {
            progress(lines, checked.files, generation.count_named(), &file.of).await;
        }
        match outcome {
            Ok((size_bytes, h1s)) => {
                checked.size_bytes += size_bytes;
                checked.h1s += h1s;
            }
            Err(cause) => {
                checked.wrong += 1;
                let of = format!("{}{}", file.of, file.role.ending());
                finding(lines, "wrong", &of, &format!("{cause:#}")).await;
            }
        }
    }
    Ok(checked)
}

/// Hashes one file again; gives its size and how many `h1:` were compared.
async fn check_file(store: &Store, file: &NamedFile) -> Result<(u64, u64)> {
    let size_bytes = store.verify(&file.digest).await?;
    if let Some(wanted) = file.size_bytes.filter(|wanted| *wanted != size_bytes) {
        anyhow::bail!("it has {size_bytes} bytes, its row says {wanted}");
    }
    let path = store.local_path(&file.digest).unwrap_or_default();
    let (role, of) = (file.role, file.of.to_string());
    let h1s = spawn_blocking(move || check_h1(role, path))
        .await?
        .with_context(|| format!("the h1: of {of}"))?;
    Ok((size_bytes, h1s))
}

fn check_h1(role: FileRole, path: PathBuf) -> Result<u64> {
    let (found, wanted) = match role {
        FileRole::Info | FileRole::Refused => return Ok(0),
        FileRole::GoMod(wanted) => (hash_go_mod(&std::fs::read(path)?), wanted),
        FileRole::Zip(wanted) => (hash_zip(&mut File::open(path)?)?, wanted),
    };
    if found != wanted {
        anyhow::bail!("is {found}, its row says {wanted}");
    }
    Ok(1)
}

/// Reads every version the way the server does, and compares what was vouched for with what is kept.
async fn check_members(catalog: &Catalog, checked: &mut Checked, lines: &Lines) -> Result<()> {
    let mut after = 0;
    loop {
        let page = catalog.list_stored(after, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = last.landed.seq;
        for version in &page {
            checked.members += 1;
            if let (Some(vouched), Some(zip)) = (version.zip_h1_expected, &version.zip)
                && vouched != zip.h1
            {
                checked.wrong += 1;
                let why = format!("{vouched} was vouched for, {} is kept", zip.h1);
                finding(lines, "wrong", &version.module, &why).await;
            }
        }
    }
}
