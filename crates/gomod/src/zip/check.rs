//! Checking an untrusted module zip and hashing it in the same pass.
//!
//! Source: golang.org/x/mod, `zip`, `CheckZip` and the size checks of `Unzip`; `sumdb/dirhash`, `HashZip`.

use std::io::{Read, Seek};

use super::archive::Archive;
use super::content::ContentReader;
use super::names::NameTree;
use super::source::{Slice, Source, Window};
use super::{Limits, Measure, NameFault, ZipError, h1_of, prefix};
use crate::hash::H1;
use crate::path::check_file_path;
use crate::version::ModuleVersion;

/// What is known of a module zip that passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Hash of all entries.
    pub h1: H1,
    /// Number of files; directory entries do not count.
    pub files: u64,
    /// Sum of the sizes of all files.
    pub unpacked_bytes: u64,
    /// The root `go.mod`, if there is one.
    pub go_mod: Option<Vec<u8>>,
}

/// Checks an untrusted module zip by the rules that the go command follows when it unpacks one, and hashes it in the
/// same single pass over the contents.
///
/// `size_bytes` is the length of `zip`. Names must begin with `path@version/` and be clean, valid on every file system
/// and different but for case, on every level; `go.mod` stands at the root only. Directory entries are not unpacked by
/// anybody but count in the hash. File modes say nothing: the go command unpacks a symlink entry as a plain file. Each
/// entry must hold exactly what both of its headers declare.
///
/// Time is linear in the sizes of the file and its contents, both of which are bounded; memory: the archive's directory
/// and about as much again, and two buffers of at most 1 MiB.
///
/// # Errors
/// [`ZipError::Read`] if reading failed; all others are verdicts about the bytes. Of several faults the first one found
/// is told.
pub fn check<R: Read + Seek>(
    zip: &mut R,
    size_bytes: u64,
    of: &ModuleVersion,
    limits: &Limits,
) -> Result<Checked, ZipError> {
    check_source(&mut Window::new(zip, size_bytes), of, limits)
}

/// Checks a module zip in memory, such as a mapped file; otherwise as [`check`], and a little faster.
///
/// # Errors
/// As [`check`], without [`ZipError::Read`].
pub fn check_bytes(zip: &[u8], of: &ModuleVersion, limits: &Limits) -> Result<Checked, ZipError> {
    check_source(&mut Slice(zip), of, limits)
}

/// Computes the `h1:` hash of any zip, without the rules for module zips: names are hashed as they are stored, entries
/// whose name ends in `/` included.
///
/// The archive itself is held to the same rules as by [`check`] and to the default [`Limits`].
///
/// # Errors
/// [`ZipError::Read`], [`ZipError::BadArchive`], [`ZipError::BadEntry`], [`ZipError::TooLarge`], and
/// [`ZipError::Unhashable`] if a name holds a newline.
pub fn hash_zip<R: Read + Seek>(zip: &mut R) -> Result<H1, ZipError> {
    let size_bytes = zip
        .seek(std::io::SeekFrom::End(0))
        .map_err(|source| ZipError::Read { source })?;
    hash_source(&mut Window::new(zip, size_bytes))
}

/// Computes the `h1:` hash of a zip in memory; otherwise as [`hash_zip`].
///
/// # Errors
/// As [`hash_zip`], without [`ZipError::Read`].
pub fn hash_zip_bytes(zip: &[u8]) -> Result<H1, ZipError> {
    hash_source(&mut Slice(zip))
}

fn check_source(
    source: &mut dyn Source,
    of: &ModuleVersion,
    limits: &Limits,
) -> Result<Checked, ZipError> {
    let archive = Archive::open(source, limits)?;
    let prefix = prefix(of);
    let mut names = NameTree::new(limits.entries.saturating_mul(2));
    let mut checked = Checked {
        h1: H1::from_bytes([0; 32]),
        files: 0,
        unpacked_bytes: 0,
        go_mod: None,
    };
    let mut go_mod_index = None;
    for (index, entry) in archive.entries().iter().enumerate() {
        let stored_name = archive.name(entry);
        let name = check_name(stored_name, &prefix)?;
        // The module's own directory needs no further check, but it is hashed like every entry.
        if name.is_empty() {
            continue;
        }
        if let Some(directory) = name.strip_suffix('/') {
            check_path(stored_name, directory)?;
            names.add(directory, true)?;
            continue;
        }
        check_path(stored_name, name)?;
        names.add(name, false)?;
        check_go_mod_name(stored_name, name)?;
        checked.files += 1;
        checked.unpacked_bytes = checked.unpacked_bytes.saturating_add(entry.size_bytes);
        check_sizes(name, entry.size_bytes, checked.unpacked_bytes, limits)?;
        if name == "go.mod" {
            go_mod_index = Some(index);
        }
    }
    drop(names);
    let mut go_mod = Vec::new();
    checked.h1 = hash_contents(source, &archive, go_mod_index, &mut go_mod)?;
    checked.go_mod = go_mod_index.map(|_| go_mod);
    Ok(checked)
}

fn hash_source(source: &mut dyn Source) -> Result<H1, ZipError> {
    let limits = Limits::default();
    let archive = Archive::open(source, &limits)?;
    let total = archive
        .entries()
        .iter()
        .fold(0_u64, |sum, entry| sum.saturating_add(entry.size_bytes));
    if total > limits.contents_bytes {
        return Err(ZipError::TooLarge {
            what: Measure::Contents,
            limit: limits.contents_bytes,
        });
    }
    hash_contents(source, &archive, None, &mut Vec::new())
}

/// Reads all contents in the order in which they lie and hashes them in the order of their names.
/// The content of entry `copied` also goes into `copy`.
fn hash_contents(
    source: &mut dyn Source,
    archive: &Archive,
    copied: Option<usize>,
    copy: &mut Vec<u8>,
) -> Result<H1, ZipError> {
    let mut reader = ContentReader::new();
    let mut digests = Vec::with_capacity(archive.entries().len());
    for (index, entry) in archive.entries().iter().enumerate() {
        digests.push(reader.read(
            source,
            archive,
            entry,
            (copied == Some(index)).then_some(&mut *copy),
        )?);
    }
    h1_of(
        archive
            .by_name()
            .map(|index| (archive.name(&archive.entries()[index]), &digests[index])),
    )
}

/// Cuts the prefix off a name.
fn check_name<'a>(stored_name: &'a [u8], prefix: &str) -> Result<&'a str, ZipError> {
    let name = stored_name
        .strip_prefix(prefix.as_bytes())
        .ok_or_else(|| ZipError::name(stored_name, NameFault::Prefix(prefix.to_owned())))?;
    std::str::from_utf8(name).map_err(|_| ZipError::name(stored_name, NameFault::NotUtf8))
}

/// A clean path has no empty, `.` or `..` elements; the rules for file names refuse all three already, and absolute
/// paths with them.
fn check_path(stored_name: &[u8], path: &str) -> Result<(), ZipError> {
    check_file_path(path).map_err(|error| ZipError::name(stored_name, NameFault::Path(error)))
}

fn check_go_mod_name(stored_name: &[u8], name: &str) -> Result<(), ZipError> {
    let (directory, base) = name.rsplit_once('/').unwrap_or(("", name));
    if !base.eq_ignore_ascii_case("go.mod") {
        return Ok(());
    }
    if !directory.is_empty() {
        return Err(ZipError::name(stored_name, NameFault::NestedGoMod));
    }
    if base != "go.mod" {
        return Err(ZipError::name(stored_name, NameFault::GoModCase));
    }
    Ok(())
}

/// Checks what a file declares, before anything is unpacked.
pub(super) fn check_sizes(
    name: &str,
    size_bytes: u64,
    total_bytes: u64,
    limits: &Limits,
) -> Result<(), ZipError> {
    let limit = match name {
        "go.mod" => Some((Measure::GoMod, limits.go_mod_bytes)),
        "LICENSE" => Some((Measure::License, limits.license_bytes)),
        _ => None,
    };
    if let Some((what, limit)) = limit.filter(|&(_, limit)| size_bytes > limit) {
        return Err(ZipError::TooLarge { what, limit });
    }
    if total_bytes > limits.contents_bytes {
        return Err(ZipError::TooLarge {
            what: Measure::Contents,
            limit: limits.contents_bytes,
        });
    }
    Ok(())
}
