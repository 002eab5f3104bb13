//! Objects: what a commit, a tag and a tree say.

use bytes::Bytes;

use crate::id::ObjectId;

/// The four kinds of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// A commit.
    Commit,
    /// A directory.
    Tree,
    /// A file's content, or a symbolic link's target.
    Blob,
    /// An annotated tag.
    Tag,
}

/// An object with its content, without the header that its id is made over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// What it is.
    pub kind: ObjectKind,
    /// The content.
    pub bytes: Bytes,
}

/// What Granary needs of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The root directory.
    pub tree: ObjectId,
    /// Parents in order; empty for a first commit.
    pub parents: Vec<ObjectId>,
    /// Committer time, seconds since 1970, UTC (`%ct`).
    pub committer_seconds: i64,
}

/// What Granary needs of an annotated tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// What it points to.
    pub target: ObjectId,
    /// What that is.
    pub kind: ObjectKind,
}

/// What stands at a name of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A file; whether it is executable does not matter to modules.
    File,
    /// A symbolic link, its target as the blob's content.
    Symlink,
    /// A directory.
    Directory,
    /// A submodule (gitlink): a commit of another repository.
    Submodule,
}

/// One name of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeEntry<'a> {
    /// What it is.
    pub kind: EntryKind,
    /// The name, any bytes but NUL and slash; not checked for anything else.
    pub name: &'a [u8],
    /// The object.
    pub id: ObjectId,
}
