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

#[cfg(test)]
mod tests {
    use super::*;

    const SHA1: HashKind = HashKind::Sha1;
    const TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

    #[track_caller]
    fn check_time(committer: &str, want: Option<i64>) {
        let text = format!("tree {TREE}\nauthor A <a> 5 +0000\ncommitter {committer}\n\ntext\n");
        let commit = parse_commit(text.as_bytes(), SHA1).unwrap();
        assert_eq!(commit.committer_seconds, want, "{committer}");
    }

    #[test]
    fn times_are_read_as_git_prints_them() {
        check_time("A <a@b> 1234567890 +0000", Some(1_234_567_890));
        check_time("A <a@b> 0 -0000", Some(0));
        check_time("A <a@b>   12\t-0730", Some(12));
        check_time("A <a@b>12+0730", Some(12));
        check_time(" <> 7 +0", Some(7));
        check_time("A > B <a@b> 7 +0000", Some(7));
        check_time("A <a>b> 99 +1> 7 +0000", Some(7));
        check_time("A <a@b> 7 +0000 and more", Some(7));
        check_time("A <a@b> 253402300799 +0000", Some(253_402_300_799));
        check_time("A <a@b> 253402300800 +0000", None);
        check_time("A <a@b> 99999999999999999999999 +0000", None);
        check_time("A <a@b> -7 +0000", None);
        check_time("A <a@b> 7", None);
        check_time("A <a@b> 7 0000", None);
        check_time("A <a@b> 7 +", None);
        check_time("A <a@b> seven +0000", None);
        check_time("A <a@b>", None);
        check_time("A <a@b 7 +0000", None);
        check_time("A a@b> 7 +0000", None);
        check_time("", None);
    }

    #[track_caller]
    fn check_commit(text: &str, want: Result<usize, &'static str>) {
        let parents = parse_commit(text.as_bytes(), SHA1).map(|commit| commit.parents.len());
        match want {
            Ok(count) => assert_eq!(parents, Ok(count)),
            Err(what) => assert_eq!(parents, Err(ObjectError::Commit(what))),
        }
    }

    #[test]
    fn commits_need_a_tree_and_whole_parents() {
        check_commit(&format!("tree {TREE}\n"), Ok(0));
        check_commit(
            &format!("tree {TREE}\nparent {TREE}\nparent {TREE}\n\n"),
            Ok(2),
        );
        // Behind another line, or in the message, it is no parent.
        check_commit(&format!("tree {TREE}\nauthor x\nparent {TREE}\n"), Ok(0));
        check_commit(&format!("tree {TREE}\n\nparent {TREE}\n"), Ok(0));
        for text in [
            "",
            "tree",
            "tree \n",
            &format!("tree {TREE}"),
            &format!("tree {TREE}0\n"),
        ] {
            check_commit(text, Err("no tree in the first line"));
        }
        let (short, long) = (&TREE[1..], TREE.repeat(2));
        for parent in [short, &long[..64], "", "x"] {
            check_commit(
                &format!("tree {TREE}\nparent {parent}\n"),
                Err("malformed parent"),
            );
        }
    }

    #[test]
    fn commits_with_two_committers_have_the_last_time() {
        let text = format!("tree {TREE}\ncommitter A <a> 1 +0000\ncommitter A <a> 2 +0000\n\n");
        let commit = parse_commit(text.as_bytes(), SHA1).unwrap();
        assert_eq!(commit.committer_seconds, Some(2));
    }

    #[test]
    fn tags_name_their_target() {
        for kind in [
            ObjectKind::Commit,
            ObjectKind::Tree,
            ObjectKind::Blob,
            ObjectKind::Tag,
        ] {
            let text = format!("object {TREE}\ntype {}\ntag v1\n\n", kind.name());
            let target = TREE.parse().unwrap();
            assert_eq!(parse_tag(text.as_bytes(), SHA1), Ok(Tag { target, kind }));
        }
        for text in [
            "",
            "object 12\n",
            &format!("object {TREE}\n"),
            "type commit\n",
        ] {
            assert!(parse_tag(text.as_bytes(), SHA1).is_err(), "{text}");
        }
        let unknown = format!("object {TREE}\ntype thing\n");
        let error = ObjectError::Tag("no known type in the second line");
        assert_eq!(parse_tag(unknown.as_bytes(), SHA1), Err(error));
    }

    fn list(tree: &[u8]) -> Vec<Result<(EntryKind, &[u8]), ObjectError>> {
        let entries = list_entries(tree, SHA1);
        entries
            .map(|entry| entry.map(|entry| (entry.kind, entry.name)))
            .collect()
    }

    #[test]
    fn modes_are_read_as_git_reads_them() {
        for (mode, want) in [
            ("100644", EntryKind::File),
            ("100755", EntryKind::File),
            ("100664", EntryKind::File),
            ("100000", EntryKind::File),
            ("0000100644", EntryKind::File),
            ("7777777100644", EntryKind::File),
            ("120000", EntryKind::Symlink),
            ("120777", EntryKind::Symlink),
            ("40000", EntryKind::Directory),
            ("040755", EntryKind::Directory),
            ("160000", EntryKind::Submodule),
            ("644", EntryKind::Submodule),
            ("0", EntryKind::Submodule),
        ] {
            let tree = [mode.as_bytes(), b" name\0", &[7; 20]].concat();
            assert_eq!(list(&tree), [Ok((want, &b"name"[..]))], "{mode}");
        }
    }

    #[test]
    fn malformed_entries_end_a_tree() {
        let good = [b"100644 a\0", &[7; 20][..]].concat();
        let id = [7; 20];
        for (bad, what) in [
            (&b"100644"[..], "a mode does not end"),
            (b"100644 a", "a name does not end"),
            (b"100644 a\0", "an id is cut off"),
            (&[b"100644 a\0", &id[1..]].concat(), "an id is cut off"),
            (&[b"100644 \0", &id[..]].concat(), "an empty name"),
            (&[b" a\0", &id[..]].concat(), "an empty mode"),
            (&[b"100648 a\0", &id[..]].concat(), "a mode is not octal"),
            (&[b"-100644 a\0", &id[..]].concat(), "a mode is not octal"),
        ] {
            let tree = [&good, bad, &good].concat();
            let entries = list(&[&good, bad].concat()).len();
            assert_eq!(entries, 2, "{what}");
            let first = list(&tree).into_iter().next();
            assert_eq!(first, Some(Ok((EntryKind::File, &b"a"[..]))));
            assert_eq!(list(bad), [Err(ObjectError::Tree(what))]);
        }
        assert_eq!(list(b""), []);
        let names = list_entries(&good, SHA1).map(|entry| entry.unwrap().id.to_string());
        assert_eq!(names.collect::<Vec<_>>(), ["07".repeat(20)]);
    }

    #[test]
    fn objects_have_the_ids_that_git_gives_them() {
        for (kind, content, hash, want) in [
            (
                ObjectKind::Blob,
                "",
                SHA1,
                "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
            ),
            (ObjectKind::Tree, "", SHA1, TREE),
            (
                ObjectKind::Blob,
                "hello\n",
                SHA1,
                "ce013625030ba8dba906f756967f9e9ca394464a",
            ),
            (
                ObjectKind::Blob,
                "",
                HashKind::Sha256,
                "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
            ),
        ] {
            let id = hash_object(kind, content.as_bytes(), hash).unwrap();
            assert_eq!(id.to_string(), want);
        }
    }
}
