//! Making the module zip of a tree.

use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

use super::prepared::{Deflated, PREPARED_BYTES_MAX, Prepared};
use super::select::{Omitted, Selection, select};
use super::tree::Tree;
use super::writer::{StreamError, ZipWriter};
use super::{Limits, Measure, NameFault, ZipError, prefix};
use crate::hash::{H1, hash_files};
use crate::version::ModuleVersion;

/// A module zip that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// Hash of the zip, computed while it was written.
    pub h1: H1,
    /// Number of files in it.
    pub files: u64,
    /// Sum of the sizes of these files.
    pub unpacked_bytes: u64,
    /// Size of the zip.
    pub zip_bytes: u64,
    /// What the tree holds and the zip does not.
    pub omitted: Vec<Omitted>,
}

/// Makes the module zip of a tree, with the very files that the go command would put there, and gives its hash.
///
/// Left out: vendored packages, nested modules, the root `.hg_archival.txt`, symbolic links and what else is no file.
/// The tree must be the whole module: a LICENSE that it inherits from the repository's root is the caller's to add.
/// A file may turn out shorter than the tree says, not longer. A path listed twice is refused, even where Go would
/// overlook the second one because it left out the first. The same tree gives the same bytes with the same build
/// of Granary, in whatever order it is listed. Files of at most [`PREPARED_BYTES_MAX`] are compressed in one piece,
/// which is faster and tighter, or taken as [`Tree::find_prepared`] has them; larger ones as they are read.
///
/// `out` is flushed at the end and holds rubbish after an error. Memory: two files of at most 4 MiB, and all names.
///
/// # Errors
/// [`ZipError::BadName`] and [`ZipError::TooLarge`] if the tree can be no module; [`ZipError::ReadFile`] and
/// [`ZipError::Write`].
///
/// Source: golang.org/x/mod, `zip`, `Create`.
pub fn create<W: Write>(
    out: W,
    of: &ModuleVersion,
    tree: &mut dyn Tree,
    limits: &Limits,
) -> Result<Created, ZipError> {
    let Selection {
        included, omitted, ..
    } = select(tree, limits)?;
    if included.len() as u64 > limits.entries {
        return Err(ZipError::TooLarge {
            what: Measure::Entries,
            limit: limits.entries,
        });
    }
    let prefix = prefix(of);
    let mut writer = ZipWriter::new(out);
    let mut content = Vec::new();
    let mut digests = Vec::with_capacity(included.len());
    let mut unpacked_bytes = 0;
    for &index in &included {
        let name = format!("{prefix}{}", tree.files()[index].path);
        let (digest, size_bytes) = add_file(&mut writer, tree, index, &name, &mut content)?;
        unpacked_bytes += size_bytes;
        check_zip_size(writer.written_bytes(), limits)?;
        digests.push((name, digest));
    }
    let (mut out, zip_bytes) = writer
        .finish()
        .map_err(|source| ZipError::Write { source })?;
    out.flush().map_err(|source| ZipError::Write { source })?;
    check_zip_size(zip_bytes, limits)?;
    let files = digests.len() as u64;
    Ok(Created {
        h1: hash_files(digests)?,
        files,
        unpacked_bytes,
        zip_bytes,
        omitted,
    })
}

/// Clients refuse a larger zip, so there is no use in making one.
fn check_zip_size(zip_bytes: u64, limits: &Limits) -> Result<(), ZipError> {
    if zip_bytes > limits.zip_bytes {
        return Err(ZipError::TooLarge {
            what: Measure::Zip,
            limit: limits.zip_bytes,
        });
    }
    Ok(())
}

/// Adds one file and gives its SHA-256 and size. `content` is a buffer.
fn add_file<W: Write>(
    writer: &mut ZipWriter<W>,
    tree: &mut dyn Tree,
    index: usize,
    name: &str,
    content: &mut Vec<u8>,
) -> Result<([u8; 32], u64), ZipError> {
    let (path, declared) = (
        tree.files()[index].path.clone(),
        tree.files()[index].size_bytes,
    );
    let read_error = |source: io::Error| ZipError::ReadFile {
        name: path.clone(),
        source,
    };
    let write_error = |source: io::Error| ZipError::Write { source };
    let grew = || ZipError::name(path.as_bytes(), NameFault::Grew);
    if declared <= PREPARED_BYTES_MAX
        && let Some(prepared) = tree.find_prepared(index).map_err(read_error)?
    {
        check_prepared(&prepared).map_err(read_error)?;
        if prepared.size_bytes > declared {
            return Err(grew());
        }
        writer.add_prepared(name, &prepared).map_err(write_error)?;
        return Ok((prepared.sha256, prepared.size_bytes));
    }
    let mut reader = tree.open(index).map_err(read_error)?;
    let (digest, size_bytes) = if declared > PREPARED_BYTES_MAX {
        writer
            .add_stream(name, &mut *reader, declared)
            .map_err(|error| match error {
                StreamError::Read(source) => read_error(source),
                StreamError::Write(source) => write_error(source),
            })?
    } else {
        content.clear();
        reader
            .take(declared + 1)
            .read_to_end(content)
            .map_err(read_error)?;
        if content.len() as u64 <= declared {
            writer.add(name, content).map_err(write_error)?;
        }
        (Sha256::digest(&*content).into(), content.len() as u64)
    };
    if size_bytes > declared {
        return Err(grew());
    }
    Ok((digest, size_bytes))
}

/// What a stored content says of its size must be so, or no reader could find the next entry.
fn check_prepared(prepared: &Prepared) -> io::Result<()> {
    match &prepared.deflated {
        Deflated::Stored(content) if content.len() as u64 != prepared.size_bytes => {
            Err(io::ErrorKind::InvalidData.into())
        }
        _ => Ok(()),
    }
}
