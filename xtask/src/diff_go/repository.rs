//! A git repository in the making: files, commits, branches and tags as values, in the order in which they were made.
//!
//! The calls read like work in a checkout: change files, commit, tag, switch. Nothing touches the disk here; `stream`
//! writes the whole of it with one process.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Committer time of the first commit unless told otherwise: 2020-09-13 12:26:40 UTC.
const FIRST_TIME: i64 = 1_600_000_000;
/// From one commit to the next: a bit more than a day, so that neither day nor second stays the same.
const TIME_STEP: i64 = 100_003;
/// The author wrote each change this long before it was committed. A version that carries it has read the wrong time.
const AUTHOR_LAG: i64 = 4_321;

/// The files of a tree by their path, which need not be UTF-8.
pub type Files = BTreeMap<Vec<u8>, Entry>;

/// One entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A regular file.
    File(Arc<[u8]>),
    /// A regular file with the executable bit.
    Executable(Arc<[u8]>),
    /// A symbolic link and the text it holds.
    Link(Arc<[u8]>),
    /// A submodule at some commit that exists nowhere.
    Submodule,
}

/// One commit.
#[derive(Clone, Debug)]
pub struct Commit {
    /// What questions call it: `{name}` is its hash.
    pub name: String,
    /// Places of its parents in [`Repository::commits`].
    pub parents: Vec<usize>,
    /// Committer time in Unix seconds.
    pub time: i64,
    /// Author time in Unix seconds.
    pub author_time: i64,
    /// Zone of both, as `+0530`.
    pub zone: String,
    /// The whole tree.
    pub files: Files,
}

/// What a tag points to.
#[derive(Clone, Debug)]
pub enum Target {
    /// A commit, by its place.
    Commit(usize),
    /// An annotated tag, by its name.
    Tag(String),
    /// The tree of a commit.
    Tree(usize),
    /// A blob of its own.
    Blob(Arc<[u8]>),
}

/// One tag.
#[derive(Clone, Debug)]
pub struct Tag {
    /// Name below `refs/tags/`.
    pub name: String,
    /// What it points to.
    pub target: Target,
    /// Has an object of its own.
    pub annotated: bool,
}

/// How objects and references lie on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// One pack, one file for each reference.
    Packed,
    /// One file for each object, one for each reference.
    Loose,
    /// One pack, references in `packed-refs`.
    PackedRefs,
}

/// A repository: what [`super::stream::write`] makes.
#[derive(Clone, Debug)]
pub struct Repository {
    /// Module path of its root. `$M` in files stands for it.
    pub root: String,
    /// In the order in which they were made; parents come first.
    pub commits: Vec<Commit>,
    /// Full reference names and the commits they point to.
    pub branches: BTreeMap<String, usize>,
    /// In the order in which they were made.
    pub tags: Vec<Tag>,
    /// Content of `HEAD`; `{name}` in it stands for a commit's hash.
    pub head: String,
    /// Hashes of 64 digits.
    pub sha256: bool,
    /// How it lies on the disk.
    pub storage: Storage,
    files: Files,
    branch: String,
    current: Option<usize>,
    next_time: i64,
    zone: String,
}

impl Repository {
    /// An empty repository whose root is the module path `root`.
    pub fn new(root: &str) -> Self {
        Self {
            root: root.to_owned(),
            commits: Vec::new(),
            branches: BTreeMap::new(),
            tags: Vec::new(),
            head: "ref: refs/heads/master".to_owned(),
            sha256: false,
            storage: Storage::Packed,
            files: Files::new(),
            branch: "refs/heads/master".to_owned(),
            current: None,
            next_time: FIRST_TIME,
            zone: "+0000".to_owned(),
        }
    }

    /// Writes a file; `$M` in it becomes the root's module path.
    pub fn file(&mut self, path: &str, content: &str) -> &mut Self {
        let content = content.replace("$M", &self.root);
        self.entry(path.as_bytes(), Entry::File(content.into_bytes().into()))
    }

    /// Writes a file of any bytes.
    pub fn bytes(&mut self, path: &str, content: &[u8]) -> &mut Self {
        self.entry(path.as_bytes(), Entry::File(content.into()))
    }

    /// Writes an executable file.
    pub fn executable(&mut self, path: &str, content: &str) -> &mut Self {
        self.entry(
            path.as_bytes(),
            Entry::Executable(content.as_bytes().into()),
        )
    }

    /// Writes a symbolic link.
    pub fn link(&mut self, path: &str, target: &str) -> &mut Self {
        self.entry(path.as_bytes(), Entry::Link(target.as_bytes().into()))
    }

    /// Writes any entry at any path.
    pub fn entry(&mut self, path: &[u8], entry: Entry) -> &mut Self {
        self.files.insert(path.to_vec(), entry);
        self
    }

    /// Writes a `go.mod` into a folder (empty for the root) that declares the root's path followed by `suffix`.
    pub fn module(&mut self, folder: &str, suffix: &str) -> &mut Self {
        let path = if folder.is_empty() {
            "go.mod".to_owned()
        } else {
            format!("{folder}/go.mod")
        };
        self.file(&path, &format!("module $M{suffix}\n\ngo 1.21\n"))
    }

    /// Removes a file.
    pub fn remove(&mut self, path: &str) -> &mut Self {
        self.files.remove(path.as_bytes());
        self
    }

    /// The committer time of the next commit; those after it follow in steps.
    pub fn time(&mut self, unix_seconds: i64) -> &mut Self {
        self.next_time = unix_seconds;
        self
    }

    /// The zone of all commits from now on.
    pub fn zone(&mut self, zone: &str) -> &mut Self {
        self.zone = zone.to_owned();
        self
    }

    /// Commits the files as they are on the current branch.
    pub fn commit(&mut self, name: &str) -> &mut Self {
        let parents = self.current.into_iter().collect();
        self.commit_on(name, parents)
    }

    /// Commits the files as they are, with the tip of another branch as second parent.
    pub fn merge(&mut self, name: &str, other: &str) -> &mut Self {
        let other = self.branches.get(&full_name(other)).copied();
        let parents = self.current.into_iter().chain(other).collect();
        self.commit_on(name, parents)
    }

    fn commit_on(&mut self, name: &str, parents: Vec<usize>) -> &mut Self {
        let place = self.commits.len();
        self.commits.push(Commit {
            name: name.to_owned(),
            parents,
            time: self.next_time,
            author_time: (self.next_time - AUTHOR_LAG).max(0),
            zone: self.zone.clone(),
            files: self.files.clone(),
        });
        self.next_time += TIME_STEP;
        self.current = Some(place);
        self.branches.insert(self.branch.clone(), place);
        self
    }

    /// Switches to a branch, or makes it where the current one stands. A name that begins with `refs/` is taken whole.
    pub fn branch(&mut self, name: &str) -> &mut Self {
        self.branch = full_name(name);
        match self.branches.get(&self.branch) {
            Some(place) => {
                self.current = Some(*place);
                self.files = self.commits[*place].files.clone();
            }
            None => {
                if let Some(place) = self.current {
                    self.branches.insert(self.branch.clone(), place);
                }
            }
        }
        self
    }

    /// Begins a branch that has no history; the files stay.
    pub fn orphan(&mut self, name: &str) -> &mut Self {
        self.branch = full_name(name);
        self.current = None;
        self
    }

    /// Forgets a branch; its commits stay.
    pub fn forget(&mut self, name: &str) -> &mut Self {
        self.branches.remove(&full_name(name));
        self
    }

    /// Goes to a commit on a branch that will not be kept: commits from here on are reachable only by what is tagged.
    pub fn detach(&mut self, commit: &str) -> &mut Self {
        if let Some(place) = self.commits.iter().position(|c| c.name == commit) {
            self.branch = "refs/detached".to_owned();
            self.current = Some(place);
            self.files = self.commits[place].files.clone();
        }
        self
    }

    /// Makes a lightweight tag on the current commit.
    pub fn tag(&mut self, name: &str) -> &mut Self {
        let target = self.current.map(Target::Commit);
        self.tag_on(name, target, false)
    }

    /// Makes several lightweight tags on the current commit.
    pub fn tags(&mut self, names: &[&str]) -> &mut Self {
        for name in names {
            self.tag(name);
        }
        self
    }

    /// Makes an annotated tag on the current commit.
    pub fn annotated(&mut self, name: &str) -> &mut Self {
        let target = self.current.map(Target::Commit);
        self.tag_on(name, target, true)
    }

    /// Makes an annotated tag on another annotated tag.
    pub fn nested(&mut self, name: &str, of: &str) -> &mut Self {
        self.tag_on(name, Some(Target::Tag(of.to_owned())), true)
    }

    /// Makes a tag on the tree of the current commit.
    pub fn tag_tree(&mut self, name: &str) -> &mut Self {
        let target = self.current.map(Target::Tree);
        self.tag_on(name, target, false)
    }

    /// Makes a tag on a blob, annotated or not.
    pub fn tag_blob(&mut self, name: &str, annotated: bool) -> &mut Self {
        let blob = Target::Blob(b"a blob with a name\n".as_slice().into());
        self.tag_on(name, Some(blob), annotated)
    }

    fn tag_on(&mut self, name: &str, target: Option<Target>, annotated: bool) -> &mut Self {
        if let Some(target) = target {
            self.tags.push(Tag {
                name: name.to_owned(),
                target,
                annotated,
            });
        }
        self
    }

    /// The content of `HEAD`, such as `ref: refs/heads/none` or `{a}`.
    pub fn head(&mut self, content: &str) -> &mut Self {
        self.head = content.to_owned();
        self
    }

    /// The files as they are now.
    pub fn files(&self) -> &Files {
        &self.files
    }
}

fn full_name(branch: &str) -> String {
    if branch.starts_with("refs/") {
        return branch.to_owned();
    }
    format!("refs/heads/{branch}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switching_brings_back_the_files_of_the_branch() {
        let mut r = Repository::new("m");
        r.file("a", "$M\n")
            .commit("a")
            .branch("dev")
            .file("b", "")
            .commit("b");
        r.branch("master");
        assert_eq!(r.files().len(), 1);
        assert_eq!(
            r.files()[b"a".as_slice()],
            Entry::File(b"m\n".as_slice().into())
        );
        r.merge("c", "dev").tag("v1.0.0");
        assert_eq!(r.commits[2].parents, [0, 1]);
        assert_eq!(r.branches["refs/heads/dev"], 1);
        assert!(matches!(r.tags[0].target, Target::Commit(2)));
    }
}
