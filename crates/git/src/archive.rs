//! The files of a commit as `git archive` gives them, under the settings that cmd/go runs it with: attributes of the
//! archived tree on, `export-ignore` and `export-subst` off, no filters.
//!
//! Source: git, `archive.c`; cmd/go/internal/modfetch/codehost, `gitRepo.ReadZip`.

use crate::attributes::{Attributes, AttributesError};
use crate::conversion::Conversion;
use crate::database::{Database, DatabaseError};
use crate::id::ObjectId;
use crate::names::is_refused;
use crate::object::{EntryKind, ObjectError, ObjectKind, list_entries};

/// Largest tree object that is read. git's own trees have some 40 bytes a name; this is a directory of 400,000 names.
const TREE_BYTES_MAX: u64 = 32 << 20;

/// Largest `.gitattributes` that is honoured. Source: git, `ATTR_MAX_FILE_SIZE`.
const ATTRIBUTES_BYTES_MAX: u64 = 100 << 20;

/// How large a commit's tree may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// Names in all directories together. Trees that name one directory again and again multiply without end.
    pub entries_max: u64,
    /// Bytes of all paths together.
    pub path_bytes_max: u64,
    /// Directories inside each other.
    pub depth_max: usize,
    /// Bytes of all `.gitattributes` files together.
    pub attributes_bytes_max: u64,
}

impl ArchiveLimits {
    /// The half million files that a module zip may hold, their directories and some other modules of the repository,
    /// which are walked too; as many paths of 64 bytes. git itself stops at 4,096 directories inside each other
    /// (`core.maxTreeDepth`, 2.44).
    pub const MAX: Self = Self {
        entries_max: 600_000,
        path_bytes_max: 600_000 * 64,
        depth_max: 4096,
        attributes_bytes_max: 100 << 20,
    };
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self::MAX
    }
}

/// A file of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveFile {
    /// Path relative to the directory that was asked for.
    pub path: Vec<u8>,
    /// Whether it is a symbolic link; its content is the target.
    pub is_symlink: bool,
    /// The content as stored.
    pub id: ObjectId,
    /// What is done to the content on the way out.
    pub conversion: Conversion,
}

/// Why a tree cannot be archived.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// An object that is not here; it may have to be fetched.
    #[error("object {0} is not here")]
    Missing(ObjectId),
    /// An object that should be a directory and is none.
    #[error("object {0} is not a directory")]
    NotATree(ObjectId),
    /// A directory whose entries cannot be read.
    #[error("directory {id} cannot be read")]
    BadTree {
        /// The directory.
        id: ObjectId,
        /// What is wrong with it.
        #[source]
        cause: ObjectError,
    },
    /// A name that git takes into no index.
    #[error("git refuses the path {path:?}")]
    RefusedName {
        /// The path, bytes that are no UTF-8 replaced.
        path: String,
    },
    /// Attributes that ask for more work than any real repository.
    #[error(transparent)]
    Attributes(#[from] AttributesError),
    /// A bound was crossed.
    #[error("the tree has more than {limit} {what}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// The objects could not be read.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Finds what stands at `path` below a tree: kind and id.
///
/// # Errors
/// [`ArchiveError::Missing`] for a directory on the way that is not here; a name that is not there is `None`.
pub fn find_path(
    database: &Database,
    root: &ObjectId,
    path: &str,
) -> Result<Option<(EntryKind, ObjectId)>, ArchiveError> {
    let mut at = (EntryKind::Directory, *root);
    for name in path.split('/').filter(|name| !name.is_empty()) {
        if at.0 != EntryKind::Directory {
            return Ok(None);
        }
        let tree = read_tree(database, &at.1)?;
        match find_entry(&tree, &at.1, name.as_bytes())? {
            Some(found) => at = found,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}

/// Lists the files below `directory` (empty for the root) of a commit's tree, in the order of the trees.
///
/// The whole tree is walked, as git does: a name that git refuses anywhere, or a `.gitattributes` above `directory`,
/// counts. Nothing but trees and `.gitattributes` files is read. `None` where there is no such directory or it is empty.
///
/// # Errors
/// [`ArchiveError`].
pub fn list_files(
    database: &Database,
    root: &ObjectId,
    directory: &str,
    limits: &ArchiveLimits,
) -> Result<Option<Vec<ArchiveFile>>, ArchiveError> {
    let mut walk = Walk {
        database,
        limits,
        prefix: if directory.is_empty() {
            Vec::new()
        } else {
            format!("{directory}/").into_bytes()
        },
        attributes: None,
        path: Vec::new(),
        entries: 0,
        path_bytes: 0,
        attributes_bytes: 0,
        has_directory: directory.is_empty(),
        files: Vec::new(),
    };
    walk.run(root)?;
    Ok(walk.has_directory.then_some(walk.files))
}

struct Walk<'a> {
    database: &'a Database,
    limits: &'a ArchiveLimits,
    /// Path of the directory that was asked for, with a slash at its end.
    prefix: Vec<u8>,
    /// `None` before the root was entered.
    attributes: Option<Attributes>,
    /// Path of the current directory, with a slash at its end.
    path: Vec<u8>,
    entries: u64,
    path_bytes: u64,
    attributes_bytes: u64,
    has_directory: bool,
    files: Vec<ArchiveFile>,
}

/// A directory that is being walked: what is left of it, and how long the path was when it was entered.
struct Level {
    entries: std::vec::IntoIter<(EntryKind, Vec<u8>, ObjectId)>,
    path_len: usize,
}

impl ArchiveError {
    /// Whether larger limits could help.
    pub fn is_too_large(&self) -> bool {
        matches!(self, Self::TooLarge { .. })
    }
}

impl Walk<'_> {
    /// Walks without recursion: a tree may be thousands of directories deep.
    fn run(&mut self, root: &ObjectId) -> Result<(), ArchiveError> {
        let mut levels = vec![self.enter(root, b"")?];
        while let Some(level) = levels.last_mut() {
            self.path.truncate(level.path_len);
            let Some((kind, name, id)) = level.entries.next() else {
                levels.pop();
                if let Some(attributes) = &mut self.attributes {
                    attributes.leave();
                }
                continue;
            };
            self.check_name(&name, kind)?;
            match kind {
                EntryKind::Directory if levels.len() >= self.limits.depth_max => {
                    return Err(too_large(
                        "directories inside each other",
                        self.limits.depth_max as u64,
                    ));
                }
                EntryKind::Directory => {
                    self.path.extend_from_slice(&name);
                    self.path.push(b'/');
                    levels.push(self.enter(&id, &name)?);
                }
                EntryKind::File | EntryKind::Symlink => self.add(&name, kind, id)?,
                EntryKind::Submodule => {}
            }
        }
        Ok(())
    }

    /// Reads a directory whose path is already `self.path`, and the attributes that hold in it.
    fn enter(&mut self, id: &ObjectId, name: &[u8]) -> Result<Level, ArchiveError> {
        let tree = read_tree(self.database, id)?;
        let mut entries = Vec::new();
        let mut attributes = None;
        for entry in list_entries(&tree, id.kind()) {
            let entry = entry.map_err(|cause| ArchiveError::BadTree { id: *id, cause })?;
            self.count(entry.name)?;
            if entry.name == b".gitattributes"
                && matches!(entry.kind, EntryKind::File | EntryKind::Symlink)
            {
                attributes = Some(entry.id);
            }
            entries.push((entry.kind, entry.name.to_vec(), entry.id));
        }
        if !self.path.is_empty() && self.path == self.prefix && !entries.is_empty() {
            self.has_directory = true;
        }
        let text = match attributes {
            Some(id) => self.read_attributes(&id)?,
            None => None,
        };
        match &mut self.attributes {
            Some(attributes) => attributes.enter(name, text.as_deref())?,
            slot => *slot = Some(Attributes::at_root(text.as_deref())?),
        }
        Ok(Level {
            entries: entries.into_iter(),
            path_len: self.path.len(),
        })
    }

    fn count(&mut self, name: &[u8]) -> Result<(), ArchiveError> {
        self.entries += 1;
        self.path_bytes += (self.path.len() + name.len()) as u64;
        if self.entries > self.limits.entries_max {
            return Err(too_large("files and directories", self.limits.entries_max));
        }
        if self.path_bytes > self.limits.path_bytes_max {
            return Err(too_large("bytes of paths", self.limits.path_bytes_max));
        }
        Ok(())
    }

    /// A file of attributes; too large a one counts as none, as it does for git.
    fn read_attributes(&mut self, id: &ObjectId) -> Result<Option<bytes::Bytes>, ArchiveError> {
        let (_, size_bytes) = self
            .database
            .find_header(id)?
            .ok_or(ArchiveError::Missing(*id))?;
        if size_bytes > ATTRIBUTES_BYTES_MAX {
            return Ok(None);
        }
        self.attributes_bytes += size_bytes;
        if self.attributes_bytes > self.limits.attributes_bytes_max {
            return Err(too_large(
                "bytes of .gitattributes files",
                self.limits.attributes_bytes_max,
            ));
        }
        let object = self
            .database
            .find(id, ATTRIBUTES_BYTES_MAX)?
            .ok_or(ArchiveError::Missing(*id))?;
        Ok((object.kind == ObjectKind::Blob).then_some(object.bytes))
    }

    fn check_name(&self, name: &[u8], kind: EntryKind) -> Result<(), ArchiveError> {
        if !is_refused(name, kind == EntryKind::Symlink) {
            return Ok(());
        }
        let path = [&self.path[..], name].concat();
        Err(ArchiveError::RefusedName {
            path: String::from_utf8_lossy(&path).into_owned(),
        })
    }

    fn add(&mut self, name: &[u8], kind: EntryKind, id: ObjectId) -> Result<(), ArchiveError> {
        let Some(below) = self.path.strip_prefix(&self.prefix[..]) else {
            return Ok(());
        };
        let is_symlink = kind == EntryKind::Symlink;
        let conversion = match &self.attributes {
            Some(attributes) if !is_symlink => attributes.conversion_of(name)?,
            _ => Conversion::default(),
        };
        self.files.push(ArchiveFile {
            path: [below, name].concat(),
            is_symlink,
            id,
            conversion,
        });
        Ok(())
    }
}

fn too_large(what: &'static str, limit: u64) -> ArchiveError {
    ArchiveError::TooLarge { what, limit }
}

fn read_tree(database: &Database, id: &ObjectId) -> Result<bytes::Bytes, ArchiveError> {
    let object = database
        .find(id, TREE_BYTES_MAX)?
        .ok_or(ArchiveError::Missing(*id))?;
    if object.kind != ObjectKind::Tree {
        return Err(ArchiveError::NotATree(*id));
    }
    Ok(object.bytes)
}

fn find_entry(
    tree: &[u8],
    id: &ObjectId,
    name: &[u8],
) -> Result<Option<(EntryKind, ObjectId)>, ArchiveError> {
    for entry in list_entries(tree, id.kind()) {
        let entry = entry.map_err(|cause| ArchiveError::BadTree { id: *id, cause })?;
        if entry.name == name {
            return Ok(Some((entry.kind, entry.id)));
        }
    }
    Ok(None)
}
