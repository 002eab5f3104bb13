//! Module zips: checking untrusted ones, creating our own, hashing both.
//!
//! [`check`] and [`check_bytes`] decide whether a zip from elsewhere may be served, [`create`] makes one from the files
//! of a module, [`PackedTree`] shows the files of an archive for that, [`hash_zip`] and [`hash_dir`] only compute `h1:`.
//! They read archives with a reader of their own, the only one in Granary: bounded in time and memory whatever the
//! bytes are, and stricter than most, so that no two readers can see different files in an archive that passed. An
//! archive that passes is one the go command accepts.
//!
//! Not here: finding the files of a module (a LICENSE that a subdirectory inherits included), comparing hashes with
//! the checksum database, downloading, storing.
//!
//! Source: golang.org/x/mod, `zip` and `sumdb/dirhash`; PKWARE APPNOTE.TXT 6.3 for the format.

use std::io;

use crate::hash::{H1, HashError};

mod fold;
mod names;
mod source;

mod archive;
mod content;
mod prepared;

mod tree;

mod packed;

mod check;
mod select;
mod writer;

mod create;

pub use check::{Checked, check, check_bytes, hash_zip, hash_zip_bytes};
pub use create::{Created, create};
pub use packed::PackedTree;
pub use prepared::{Deflated, PREPARED_BYTES_MAX, Prepared, Preparer, prepare};
pub use select::{Omission, Omitted};
pub use tree::{Kind, MemoryTree, Tree, TreeFile, hash_dir};

/// How large a module zip and its parts may be; the default is what the go command allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the zip file: 500 MiB.
    pub zip_bytes: u64,
    /// Sum of the bytes of all files, unpacked: 500 MiB.
    pub contents_bytes: u64,
    /// Bytes of the root `go.mod`: 16 MiB.
    pub go_mod_bytes: u64,
    /// Bytes of the root `LICENSE`: 16 MiB.
    pub license_bytes: u64,
    /// Files and directory entries: 500,000. Go knows no such limit. Under 500 MiB that is 1 KiB a file; the largest
    /// modules in public hold some 50,000. Twice as many directories are allowed. Bounds the memory (about 100 MB).
    pub entries: u64,
    /// Bytes of the archive's central directory, which is held in memory: 64 MiB, or 134 bytes for each entry. The
    /// largest in public have some 10 MiB.
    pub directory_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            zip_bytes: 500 * MIB,
            contents_bytes: 500 * MIB,
            go_mod_bytes: 16 * MIB,
            license_bytes: 16 * MIB,
            entries: 500_000,
            directory_bytes: 64 * MIB,
        }
    }
}

/// No answer about a zip, or a zip that is refused.
///
/// `BadArchive`, `BadEntry`, `BadName`, `TooLarge` and `Unhashable` tell of the bytes and stay the same however often
/// they are asked for; `Read`, `ReadFile` and `Write` are trouble of the moment.
#[derive(Debug, thiserror::Error)]
pub enum ZipError {
    /// The archive could not be read.
    #[error("zip cannot be read")]
    Read {
        /// What the reader said.
        #[source]
        source: io::Error,
    },
    /// A file that belongs into a new archive could not be read.
    #[error("file {name:?} cannot be read")]
    ReadFile {
        /// Path of the file inside the module.
        name: String,
        /// What the reader said.
        #[source]
        source: io::Error,
    },
    /// The new archive could not be written.
    #[error("zip cannot be written")]
    Write {
        /// What the writer said.
        #[source]
        source: io::Error,
    },
    /// The bytes are no zip archive, or one that could be read in two ways.
    #[error("bad zip archive: {fault}")]
    BadArchive {
        /// What is wrong.
        fault: ArchiveFault,
    },
    /// One entry of the archive is damaged, or tells two stories about itself.
    #[error("bad zip entry {name:?}: {fault}")]
    BadEntry {
        /// Name of the entry, shortened, invalid UTF-8 replaced.
        name: String,
        /// What is wrong with it.
        fault: EntryFault,
    },
    /// The archive, or the tree to make one from, breaks a rule of module zips.
    #[error("bad file {name:?} in module: {fault}")]
    BadName {
        /// The name, shortened, invalid UTF-8 replaced.
        name: String,
        /// The rule.
        fault: NameFault,
    },
    /// Something is over its limit.
    #[error("{what} larger than {limit} ({unit})", unit = what.unit())]
    TooLarge {
        /// What is too large.
        what: Measure,
        /// The limit, in bytes or entries.
        limit: u64,
    },
    /// The files have no `h1:` hash.
    #[error(transparent)]
    Unhashable(#[from] HashError),
}

/// What [`Limits`] bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The zip file.
    Zip,
    /// All files together, unpacked.
    Contents,
    /// The root `go.mod`.
    GoMod,
    /// The root `LICENSE`.
    License,
    /// The number of files and directory entries.
    Entries,
    /// The number of different directories and files.
    Directories,
    /// The archive's central directory.
    Directory,
}

impl Measure {
    fn unit(self) -> &'static str {
        match self {
            Self::Entries | Self::Directories => "entries",
            _ => "bytes",
        }
    }
}

impl std::fmt::Display for Measure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Zip => "module zip file",
            Self::Contents => "sum of the module's files",
            Self::GoMod => "go.mod",
            Self::License => "LICENSE",
            Self::Entries => "number of zip entries",
            Self::Directories => "number of files and directories",
            Self::Directory => "directory of the zip",
        })
    }
}

/// Why bytes are no acceptable zip archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveFault {
    /// No end record, or bytes after it.
    #[error("no end of central directory at the end of the file")]
    NoEnd,
    /// More than one end record could be meant.
    #[error("more than one end of central directory")]
    TwoEnds,
    /// Part of a set of archives.
    #[error("archive spans several disks")]
    SeveralDisks,
    /// The two end records contradict each other, or the second one is damaged.
    #[error("zip64 end of central directory is inconsistent")]
    BadZip64,
    /// The directory does not end where the end record begins.
    #[error("central directory is not where its end says")]
    DirectoryElsewhere,
    /// A record of the directory is damaged.
    #[error("central directory is damaged")]
    BadDirectory,
    /// The directory holds more or fewer records than its end says.
    #[error("central directory has another number of entries than declared")]
    WrongCount,
    /// Something lies outside the archive.
    #[error("archive is truncated")]
    Truncated,
}

/// Why an entry of an archive is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryFault {
    /// Needs a password, or hides its header.
    #[error("encrypted")]
    Encrypted,
    /// The data is a patch to the entry of some other archive.
    #[error("holds patch data")]
    Patch,
    /// Neither stored nor deflated.
    #[error("unsupported compression method {0}")]
    Method(u16),
    /// Shares bytes with another entry or with the directory.
    #[error("overlaps another entry")]
    Overlap,
    /// Two entries of one name.
    #[error("duplicate name")]
    Duplicate,
    /// There is no header where the directory says.
    #[error("no local header")]
    NoHeader,
    /// Local header and directory disagree (CVE-2024-24789).
    #[error("local header and central directory disagree about the {0}")]
    Disagree(&'static str),
    /// The record behind the data does not fit.
    #[error("data descriptor does not match")]
    BadDescriptor,
    /// The extra field of a large entry is missing or damaged.
    #[error("zip64 extra field is missing or damaged")]
    BadZip64,
    /// A name that ends in a slash, and bytes with it.
    #[error("directory with content")]
    DirectoryWithContent,
    /// The data is no deflate stream, or it ends early.
    #[error("compressed data is damaged")]
    BadData,
    /// More or fewer bytes than declared.
    #[error("content does not have the declared size")]
    WrongSize,
    /// Other bytes than declared.
    #[error("checksum error")]
    WrongChecksum,
}

/// Which rule of module zips a name breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// An entry outside the module.
    #[error("path does not have prefix {0:?}")]
    Prefix(String),
    /// Not UTF-8.
    #[error("name is not valid UTF-8")]
    NotUtf8,
    /// Holds `.` or `..` elements, empty elements or a trailing slash, or is empty.
    #[error("file path is not clean")]
    NotClean,
    /// Begins with a slash.
    #[error("file path is not relative")]
    NotRelative,
    /// A name that some file system cannot hold.
    #[error(transparent)]
    Path(crate::path::PathError),
    /// Two names that differ in case only.
    #[error("case-insensitive file name collision with {0:?}")]
    CaseCollision(String),
    /// A name that is used for both.
    #[error("both a file and a directory")]
    FileAndDirectory,
    /// A file given twice.
    #[error("multiple entries for one file")]
    Twice,
    /// `GO.MOD` and the like.
    #[error("go.mod files must have lowercase names")]
    GoModCase,
    /// A nested module.
    #[error("go.mod file not in module root directory")]
    NestedGoMod,
    /// A file holds more than its listing says.
    #[error("file is larger than declared size")]
    Grew,
}

impl From<ArchiveFault> for ZipError {
    fn from(fault: ArchiveFault) -> Self {
        Self::BadArchive { fault }
    }
}

impl ZipError {
    fn entry(name: &[u8], fault: EntryFault) -> Self {
        Self::BadEntry {
            name: shown(name),
            fault,
        }
    }

    fn name(name: &[u8], fault: NameFault) -> Self {
        Self::BadName {
            name: shown(name),
            fault,
        }
    }
}

/// Makes a name from an archive fit for a message.
fn shown(name: &[u8]) -> String {
    crate::path::shorten(&String::from_utf8_lossy(name))
}

/// The beginning of every name in a module zip: `path@version/`, with nothing escaped.
fn prefix(of: &crate::version::ModuleVersion) -> String {
    format!("{of}/")
}

/// Gives a hash to callers that compare it with what `go.sum` says; kept here so that the acts share one way.
fn h1_of<'a>(files: impl Iterator<Item = (&'a [u8], &'a [u8; 32])>) -> Result<H1, ZipError> {
    Ok(crate::hash::hash_sorted(files)?)
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
