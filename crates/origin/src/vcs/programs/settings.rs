//! What the programs are started with: where they are, what they may reach, how much they may take.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::guard::Guard;

const MIB: u64 = 1024 * 1024;

/// Longest time of a question that a clone on this machine answers. Archives of large trees are the slowest.
const LOCAL_WITHIN: Duration = Duration::from_secs(120);

/// Longest time of a run that talks to the origin: a first clone of a repository of some 1 GB over a usual line.
const TRANSFER_WITHIN: Duration = Duration::from_secs(600);

/// A clone younger than this counts as the origin's state: the questions about one module come within seconds.
const FRESH_FOR: Duration = Duration::from_secs(10);

/// Largest clone. Go itself, one of the largest repositories with modules, has some 600 MB in Mercurial's format.
const CLONE_BYTES_MAX: u64 = 4096 * MIB;

/// Largest exported tree or archive: the 500 MiB that a module zip may hold, and room for what is left out of it.
const TREE_BYTES_MAX: u64 = 1024 * MIB;

/// Most files of an exported tree: as many as a module zip may have.
const TREE_FILES_MAX: u64 = 500_000;

/// Most bytes that a program may say: lists of 500,000 tags or files with what Subversion tells of each.
const OUTPUT_BYTES_MAX: u64 = 256 * MIB;

/// Most memory of one program for its data. Mercurial needs about three times the largest file.
const MEMORY_BYTES_MAX: u64 = 2048 * MIB;

/// How long and how large runs of programs, clones and trees may become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramBounds {
    /// Longest run that asks a clone on this machine.
    pub local_within: Duration,
    /// Longest run that talks to the origin.
    pub transfer_within: Duration,
    /// How long a clone that was just brought up to date is not brought up to date again.
    pub fresh_for: Duration,
    /// Largest clone on disk.
    pub clone_bytes: u64,
    /// Largest exported tree or archive on disk.
    pub tree_bytes: u64,
    /// Most files of an exported tree.
    pub tree_files: u64,
    /// Most output of one run, held in memory.
    pub output_bytes: u64,
    /// Most memory of one program, where the system can bound it.
    pub memory_bytes: u64,
}

impl Default for ProgramBounds {
    fn default() -> Self {
        Self {
            local_within: LOCAL_WITHIN,
            transfer_within: TRANSFER_WITHIN,
            fresh_for: FRESH_FOR,
            clone_bytes: CLONE_BYTES_MAX,
            tree_bytes: TREE_BYTES_MAX,
            tree_files: TREE_FILES_MAX,
            output_bytes: OUTPUT_BYTES_MAX,
            memory_bytes: MEMORY_BYTES_MAX,
        }
    }
}

/// How the programs are started.
#[derive(Clone, Debug)]
pub struct ProgramSettings {
    /// Holds clones and what is in the making; this process alone works in it.
    pub work_folder: PathBuf,
    /// Where programs are looked for, in the form of `PATH`, which they get too.
    pub path: OsString,
    /// Judges hosts before a program is started.
    pub guard: Arc<Guard>,
    /// Schemes that URLs may have, of `https`, `http`, `svn`, `bzr` and `file`. Strangers name these URLs: anything but
    /// `https` is for operators who ask for it. Nothing ever goes through ssh.
    pub allowed_schemes: Vec<String>,
    /// Bounds.
    pub bounds: ProgramBounds,
}
