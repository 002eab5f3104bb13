//! Objects: what a commit, a tag and a tree say.

use bytes::Bytes;

use crate::hash::{Collision, Hasher};
use crate::id::{HashKind, ObjectId};

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

impl ObjectKind {
    /// The word for it in object headers and tags.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
            Self::Tag => "tag",
        }
    }

    /// The kind that a word of [`ObjectKind::name`] stands for.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        match name {
            b"commit" => Some(Self::Commit),
            b"tree" => Some(Self::Tree),
            b"blob" => Some(Self::Blob),
            b"tag" => Some(Self::Tag),
            _ => None,
        }
    }
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
    /// Committer time, seconds since 1970, UTC: what `git log --format=%ct` prints. `None` where that prints nothing,
    /// since the line is missing or malformed, and for times behind the year 9999.
    pub committer_seconds: Option<i64>,
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

/// Why the content of an object cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// A commit's header is not as git writes it.
    #[error("malformed commit: {0}")]
    Commit(&'static str),
    /// A tag's header is not as git writes it.
    #[error("malformed tag: {0}")]
    Tag(&'static str),
    /// An entry of a tree is not as git writes it.
    #[error("malformed tree: {0}")]
    Tree(&'static str),
}

/// Parents that a commit may name. git sets no bound; the widest merge known has 66.
const PARENTS_MAX: usize = 65_536;

/// The last second of the year 9999: the times of versions have four-digit years.
const COMMITTER_SECONDS_MAX: i64 = 253_402_300_799;

/// Reads a commit's header: tree, parents, committer time. The message is not looked at.
///
/// # Errors
/// [`ObjectError::Commit`] if the tree is missing or an id is malformed. A malformed committer is no error: git walks
/// over such commits too.
pub fn parse_commit(bytes: &[u8], hash: HashKind) -> Result<Commit, ObjectError> {
    let mut lines = Lines(bytes);
    let tree = lines
        .next()
        .and_then(|line| line.strip_prefix(b"tree "))
        .and_then(|hex| parse_id(hex, hash))
        .ok_or(ObjectError::Commit("no tree in the first line"))?;
    let mut parents = Vec::new();
    let mut line = lines.next();
    while let Some(hex) = line.and_then(|line| line.strip_prefix(b"parent ")) {
        if parents.len() == PARENTS_MAX {
            return Err(ObjectError::Commit("too many parents"));
        }
        parents.push(parse_id(hex, hash).ok_or(ObjectError::Commit("malformed parent"))?);
        line = lines.next();
    }
    // The last committer counts, as in git's own formatting.
    let mut committer = None;
    while let Some(header) = line {
        committer = header.strip_prefix(b"committer ").or(committer);
        line = lines.next();
    }
    Ok(Commit {
        tree,
        parents,
        committer_seconds: committer.and_then(parse_time),
    })
}

/// Reads an annotated tag's header: its target and what kind that is.
///
/// # Errors
/// [`ObjectError::Tag`] if either is missing or malformed.
pub fn parse_tag(bytes: &[u8], hash: HashKind) -> Result<Tag, ObjectError> {
    let mut lines = Lines(bytes);
    let target = lines
        .next()
        .and_then(|line| line.strip_prefix(b"object "))
        .and_then(|hex| parse_id(hex, hash))
        .ok_or(ObjectError::Tag("no object in the first line"))?;
    let kind = lines
        .next()
        .and_then(|line| line.strip_prefix(b"type "))
        .and_then(ObjectKind::from_name)
        .ok_or(ObjectError::Tag("no known type in the second line"))?;
    Ok(Tag { target, kind })
}

/// Goes over a tree's entries in their stored order. Ends behind the first malformed one.
///
/// Modes are read as git does when it archives: the file type bits decide, so `100664` is a file like `100644`, and
/// what is neither file, link nor directory is a submodule. Names may be anything but empty: `..` and the like are the
/// caller's to refuse.
pub fn list_entries(bytes: &[u8], hash: HashKind) -> TreeEntries<'_> {
    TreeEntries { rest: bytes, hash }
}

/// The iterator of [`list_entries`].
#[derive(Clone, Debug)]
pub struct TreeEntries<'a> {
    rest: &'a [u8],
    hash: HashKind,
}

impl<'a> TreeEntries<'a> {
    fn parse(&mut self) -> Result<TreeEntry<'a>, ObjectError> {
        let blank = find_byte(self.rest, b' ').ok_or(ObjectError::Tree("a mode does not end"))?;
        let kind = parse_mode(&self.rest[..blank])?;
        let behind_mode = &self.rest[blank + 1..];
        let nul = find_byte(behind_mode, 0).ok_or(ObjectError::Tree("a name does not end"))?;
        let (name, behind_name) = (&behind_mode[..nul], &behind_mode[nul + 1..]);
        if name.is_empty() {
            return Err(ObjectError::Tree("an empty name"));
        }
        let (id, rest) = behind_name
            .split_at_checked(self.hash.len_bytes())
            .ok_or(ObjectError::Tree("an id is cut off"))?;
        let id = ObjectId::from_bytes(id).ok_or(ObjectError::Tree("an id is cut off"))?;
        self.rest = rest;
        Ok(TreeEntry { kind, name, id })
    }
}

impl<'a> Iterator for TreeEntries<'a> {
    type Item = Result<TreeEntry<'a>, ObjectError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let entry = self.parse();
        if entry.is_err() {
            self.rest = &[];
        }
        Some(entry)
    }
}

/// The id that an object has.
///
/// # Errors
/// [`Collision`] if the content was made to collide under SHA-1.
pub fn hash_object(kind: ObjectKind, bytes: &[u8], hash: HashKind) -> Result<ObjectId, Collision> {
    let mut hasher = start_hash(kind, bytes.len() as u64, hash);
    hasher.update(bytes);
    hasher.finish()
}

/// A hash that has taken in the header of an object: its content makes it the id.
pub fn start_hash(kind: ObjectKind, size_bytes: u64, hash: HashKind) -> Hasher {
    let mut hasher = Hasher::new(hash);
    hasher.update(kind.name().as_bytes());
    hasher.update(format!(" {size_bytes}\0").as_bytes());
    hasher
}

/// The lines of a header, each of which must end with a newline; ends before the empty line that ends the header.
struct Lines<'a>(&'a [u8]);

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        let end = find_byte(self.0, b'\n').filter(|&end| end > 0)?;
        let line = &self.0[..end];
        self.0 = &self.0[end + 1..];
        Some(line)
    }
}

fn find_byte(bytes: &[u8], wanted: u8) -> Option<usize> {
    bytes.iter().position(|&byte| byte == wanted)
}

fn parse_id(hex: &[u8], hash: HashKind) -> Option<ObjectId> {
    let id: ObjectId = std::str::from_utf8(hex).ok()?.parse().ok()?;
    (id.kind() == hash).then_some(id)
}

/// Reads the time of `Name <address> seconds +zone` as git does: names and addresses may hold `>` themselves, so the last
/// one ends the address, and without a zone there is no time.
fn parse_time(committer: &[u8]) -> Option<i64> {
    let address = find_byte(committer, b'<')? + 1;
    let address_end = address
        + committer[address..]
            .iter()
            .rposition(|&byte| byte == b'>')?;
    let (seconds, zone) = split_digits(skip_blanks(&committer[address_end + 1..]));
    let zone = skip_blanks(zone);
    let zone_digits = zone
        .strip_prefix(b"+")
        .or_else(|| zone.strip_prefix(b"-"))?;
    if split_digits(zone_digits).0.is_empty() {
        return None;
    }
    let seconds = std::str::from_utf8(seconds).ok()?.parse().ok()?;
    (0..=COMMITTER_SECONDS_MAX)
        .contains(&seconds)
        .then_some(seconds)
}

fn skip_blanks(bytes: &[u8]) -> &[u8] {
    let blanks = bytes
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
    &bytes[blanks.count()..]
}

fn split_digits(bytes: &[u8]) -> (&[u8], &[u8]) {
    bytes.split_at(
        bytes
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count(),
    )
}

/// File type bits of a mode, as in `stat`.
const TYPE_MASK: u32 = 0o170_000;
const TYPE_DIRECTORY: u32 = 0o040_000;
const TYPE_FILE: u32 = 0o100_000;
const TYPE_SYMLINK: u32 = 0o120_000;

fn parse_mode(digits: &[u8]) -> Result<EntryKind, ObjectError> {
    if digits.is_empty() {
        return Err(ObjectError::Tree("an empty mode"));
    }
    let mut mode = 0_u32;
    for digit in digits {
        if !(b'0'..=b'7').contains(digit) {
            return Err(ObjectError::Tree("a mode is not octal"));
        }
        // git keeps the low bits too, however many digits are written.
        mode = mode << 3 | u32::from(digit - b'0');
    }
    Ok(match mode & TYPE_MASK {
        TYPE_FILE => EntryKind::File,
        TYPE_SYMLINK => EntryKind::Symlink,
        TYPE_DIRECTORY => EntryKind::Directory,
        _ => EntryKind::Submodule,
    })
}
