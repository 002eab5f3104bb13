//! Writes a repository to the disk: the folder by hand, the objects with one `git fast-import`.
//!
//! References are written here, too: fast-import knows none that point to a tree, and leaves no choice of how they lie.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, bail};

use super::names::{Named, Names};
use super::repository::{Entry, Repository, Storage, Target};

/// Marks of commits and tags begin far above those of blobs.
const COMMIT_MARKS: usize = 1_000_000;
const TAG_MARKS: usize = 2_000_000;
/// The one reference that fast-import commits to; it is removed in the end.
const IMPORT: &str = "refs/import";
/// A commit that is nowhere, for submodules.
const NOWHERE: &str = "1234567890123456789012345678901234567890123456789012345678901234";

/// Makes a bare repository in `folder`, which must not exist.
///
/// # Errors
/// Where the folder cannot be written or git refuses the stream; its words are in the text.
pub fn write(repository: &Repository, folder: &Path, git_config: &Path) -> anyhow::Result<Names> {
    for part in ["objects/pack", "objects/info", "refs/heads", "refs/tags"] {
        std::fs::create_dir_all(folder.join(part))?;
    }
    let config = if repository.sha256 {
        "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectformat = sha256\n"
    } else {
        "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
    };
    std::fs::write(folder.join("config"), config)?;
    std::fs::write(folder.join("HEAD"), "ref: refs/heads/master\n")?;
    let mut stream = Stream::new(repository);
    stream.write_all();
    let trees = import(repository, folder, git_config, stream.bytes)?;
    let marks = read_marks(&folder.join("marks"))?;
    std::fs::remove_file(folder.join("marks"))?;
    std::fs::remove_file(folder.join(IMPORT)).ok(); // a repository without commits has none
    let names = list_names(repository, &marks)?;
    let hash_of = |mark: usize| {
        let found = marks.get(&mark).cloned();
        found.with_context(|| format!("git gave no object for mark {mark}"))
    };
    let mut references = BTreeMap::new();
    for (name, place) in &repository.branches {
        references.insert(name.clone(), hash_of(COMMIT_MARKS + place)?);
    }
    for (place, tag) in repository.tags.iter().enumerate() {
        let hash = match (&tag.target, tag.annotated) {
            (_, true) => hash_of(TAG_MARKS + place)?,
            (Target::Commit(commit), _) => hash_of(COMMIT_MARKS + commit)?,
            (Target::Tree(commit), _) => trees.get(commit).context("git named no tree")?.clone(),
            (Target::Blob(content), _) => hash_of(stream.blobs[content])?,
            (Target::Tag(_), false) => bail!("a lightweight tag on a tag is that tag"),
        };
        references.insert(format!("refs/tags/{}", tag.name), hash);
    }
    references.remove("refs/detached");
    write_references(folder, &references, repository.storage)?;
    let head = super::names::expand(&repository.head, &names).unwrap_or_default();
    std::fs::write(folder.join("HEAD"), format!("{head}\n"))?;
    Ok(names)
}

/// Runs fast-import and gives the tree of every commit whose tree is tagged.
fn import(
    repository: &Repository,
    folder: &Path,
    git_config: &Path,
    stream: Vec<u8>,
) -> anyhow::Result<HashMap<usize, String>> {
    let limit = match repository.storage {
        Storage::Loose => "1000000",
        Storage::Packed | Storage::PackedRefs => "0",
    };
    let mut child = Command::new("git")
        .arg("-c")
        .arg(format!("fastimport.unpackLimit={limit}"))
        .args([
            "fast-import",
            "--quiet",
            "--force",
            "--date-format=raw-permissive",
        ])
        .arg(format!("--export-marks={}", folder.join("marks").display()))
        .current_dir(folder)
        .env("GIT_DIR", folder)
        .env("GIT_CONFIG_GLOBAL", git_config)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting git")?;
    let mut input = child.stdin.take().context("git has no standard input")?;
    // The answers to `ls` are a few lines, which fit the pipe; so writing everything before reading cannot block.
    let written = input.write_all(&stream);
    drop(input);
    let (mut answers, mut words) = (String::new(), String::new());
    if let (Some(mut out), Some(mut err)) = (child.stdout.take(), child.stderr.take()) {
        out.read_to_string(&mut answers)?;
        err.read_to_string(&mut words)?;
    }
    if !child.wait()?.success() || written.is_err() {
        std::fs::write(folder.join("stream"), &stream)?;
        bail!("git fast-import refused the stream: {words}");
    }
    let tagged = repository.tags.iter().filter_map(|tag| match tag.target {
        Target::Tree(commit) => Some(commit),
        _ => None,
    });
    let hashes = answers.lines().filter_map(|l| l.split_whitespace().nth(2));
    Ok(tagged.zip(hashes.map(str::to_owned)).collect())
}

fn read_marks(path: &Path) -> anyhow::Result<HashMap<usize, String>> {
    let text = std::fs::read_to_string(path).context("reading the marks of fast-import")?;
    let lines = text.lines().filter_map(|line| {
        let (mark, hash) = line.strip_prefix(':')?.split_once(' ')?;
        Some((mark.parse().ok()?, hash.to_owned()))
    });
    Ok(lines.collect())
}

fn list_names(repository: &Repository, marks: &HashMap<usize, String>) -> anyhow::Result<Names> {
    let mut names = Names::default();
    for (place, commit) in repository.commits.iter().enumerate() {
        let hash = marks.get(&(COMMIT_MARKS + place)).cloned();
        let hash = hash.with_context(|| format!("git gave no commit {}", commit.name))?;
        let time = commit.time;
        names
            .objects
            .insert(commit.name.clone(), Named { hash, time });
    }
    for (place, tag) in repository.tags.iter().enumerate() {
        if let Some(hash) = marks.get(&(TAG_MARKS + place)).cloned() {
            let name = format!("tag:{}", tag.name);
            names.objects.insert(name, Named { hash, time: 0 });
        }
    }
    Ok(names)
}

fn write_references(
    folder: &Path,
    references: &BTreeMap<String, String>,
    storage: Storage,
) -> anyhow::Result<()> {
    if storage == Storage::PackedRefs {
        std::fs::remove_dir_all(folder.join("refs/tags"))?;
        std::fs::create_dir_all(folder.join("refs/tags"))?;
        let lines = references
            .iter()
            .map(|(name, hash)| format!("{hash} {name}\n"));
        std::fs::write(folder.join("packed-refs"), lines.collect::<String>())?;
        return Ok(());
    }
    for (name, hash) in references {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, format!("{hash}\n"))?;
    }
    Ok(())
}

/// The input of fast-import.
struct Stream<'a> {
    repository: &'a Repository,
    bytes: Vec<u8>,
    /// Marks of the blobs written so far.
    blobs: HashMap<Arc<[u8]>, usize>,
}

impl<'a> Stream<'a> {
    fn new(repository: &'a Repository) -> Self {
        Self {
            repository,
            bytes: Vec::new(),
            blobs: HashMap::new(),
        }
    }

    fn write_all(&mut self) {
        for place in 0..self.repository.commits.len() {
            self.commit(place);
        }
        for (place, tag) in self.repository.tags.iter().enumerate() {
            if let Target::Blob(content) = &tag.target {
                self.blob(content);
            }
            if tag.annotated {
                self.annotated(place);
            }
        }
        for tag in &self.repository.tags {
            if let Target::Tree(commit) = tag.target {
                self.line(&format!("ls :{} \"\"", COMMIT_MARKS + commit));
            }
        }
        self.line("done");
    }

    fn line(&mut self, line: &str) {
        self.bytes.extend_from_slice(line.as_bytes());
        self.bytes.push(b'\n');
    }

    fn data(&mut self, data: &[u8]) {
        self.line(&format!("data {}", data.len()));
        self.bytes.extend_from_slice(data);
        self.bytes.push(b'\n');
    }

    fn blob(&mut self, content: &Arc<[u8]>) -> usize {
        if let Some(mark) = self.blobs.get(content) {
            return *mark;
        }
        let mark = self.blobs.len() + 1;
        self.blobs.insert(Arc::clone(content), mark);
        self.line("blob");
        self.line(&format!("mark :{mark}"));
        self.data(content);
        mark
    }

    fn commit(&mut self, place: usize) {
        let commit = &self.repository.commits[place];
        let mut entries = Vec::new();
        for (path, entry) in &commit.files {
            let (mode, name) = match entry {
                Entry::File(content) => ("100644", format!(":{}", self.blob(content))),
                Entry::Executable(content) => ("100755", format!(":{}", self.blob(content))),
                Entry::Link(content) => ("120000", format!(":{}", self.blob(content))),
                Entry::Submodule => {
                    let digits = if self.repository.sha256 { 64 } else { 40 };
                    ("160000", NOWHERE[..digits].to_owned())
                }
            };
            entries.push((path, format!("M {mode} {name} ")));
        }
        // Without the reset a commit without `from` would follow the one before it.
        self.line(&format!("reset {IMPORT}"));
        self.line(&format!("commit {IMPORT}"));
        self.line(&format!("mark :{}", COMMIT_MARKS + place));
        let zone = &commit.zone;
        self.line(&format!(
            "author Ada <ada@example.test> {} {zone}",
            commit.author_time
        ));
        self.line(&format!(
            "committer Col <col@example.test> {} {zone}",
            commit.time
        ));
        self.data(format!("{}\n", commit.name).as_bytes());
        for (nth, parent) in commit.parents.iter().enumerate() {
            let word = if nth == 0 { "from" } else { "merge" };
            self.line(&format!("{word} :{}", COMMIT_MARKS + parent));
        }
        self.line("deleteall");
        for (path, start) in entries {
            self.bytes.extend_from_slice(start.as_bytes());
            self.bytes.extend_from_slice(&quote(path));
            self.bytes.push(b'\n');
        }
        self.bytes.push(b'\n');
    }

    fn annotated(&mut self, place: usize) {
        let tag = &self.repository.tags[place];
        let from = match &tag.target {
            Target::Commit(commit) => COMMIT_MARKS + commit,
            Target::Blob(content) => self.blob(content),
            Target::Tag(name) => {
                let tags = &self.repository.tags;
                let of = tags.iter().position(|t| t.name == *name);
                TAG_MARKS + of.unwrap_or(place)
            }
            Target::Tree(_) => return, // fast-import has no mark for a tree
        };
        self.line(&format!("tag {}", tag.name));
        self.line(&format!("mark :{}", TAG_MARKS + place));
        self.line(&format!("from :{from}"));
        // Later than every commit: a version that carries it has read the wrong time.
        self.line("tagger Tag <tag@example.test> 1900000000 +0000");
        self.data(format!("{}\n", tag.name).as_bytes());
    }
}

/// A path as fast-import reads it, quoted as in C.
fn quote(path: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'"'];
    for byte in path {
        match byte {
            b'"' | b'\\' => quoted.extend([b'\\', *byte]),
            b' '..=b'~' => quoted.push(*byte),
            _ => quoted.extend(format!("\\{byte:03o}").bytes()),
        }
    }
    quoted.push(b'"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(folder: &Path, words: &[&str]) -> String {
        let output = Command::new("git")
            .arg("--git-dir")
            .arg(folder)
            .args(words)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// A repository with everything that can be in one, written, checked by git, asked for over HTTP, and removed.
    fn check_written(name: &str, change: impl FnOnce(&mut Repository)) {
        let folder = std::env::temp_dir().join(format!("stream-{}-{name}", std::process::id()));
        let mut r = Repository::new("m");
        r.file("a\n\"b\\", "x")
            .executable("run", "x")
            .link("link", "run")
            .entry(b"\xff", Entry::Submodule);
        r.zone("-0930")
            .commit("a")
            .tag("light")
            .annotated("v1.0.0")
            .nested("v1.1.0", "v1.0.0");
        r.tag_blob("blob", false)
            .tag_blob("blob-too", true)
            .tag_tree("tree");
        r.branch("dev")
            .file("c", "")
            .commit("b")
            .branch("master")
            .remove("run")
            .merge("m", "dev");
        r.orphan("refs/pull/1/head").commit("o").head("{b}");
        change(&mut r);
        let names = write(&r, &folder.join("r"), Path::new("/dev/null")).unwrap();
        git(&folder.join("r"), &["fsck", "--strict", "--no-dangling"]);
        let listed = git(
            &folder.join("r"),
            &["for-each-ref", "--format=%(objecttype) %(refname)"],
        );
        let want = "commit refs/heads/dev\ncommit refs/heads/master\ncommit refs/pull/1/head\nblob refs/tags/blob\n\
            tag refs/tags/blob-too\ncommit refs/tags/light\ntree refs/tags/tree\ntag refs/tags/v1.0.0\ntag refs/tags/v1.1.0\n";
        assert_eq!(listed, want);
        let address = super::super::http::serve_git(&folder).unwrap();
        let url = format!("http://{address}/r");
        let advertised = git(&folder.join("r"), &["ls-remote", &url, "HEAD"]);
        assert_eq!(advertised, format!("{}\tHEAD\n", names.objects["b"].hash));
        git(
            &folder.join("r"),
            &[
                "clone",
                "--quiet",
                "--bare",
                &url,
                &folder.join("c").display().to_string(),
            ],
        );
        let parents = git(&folder.join("c"), &["log", "-1", "--format=%P", "master"]);
        assert_eq!(
            parents.trim(),
            format!("{} {}", names.objects["a"].hash, names.objects["b"].hash)
        );
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn git_finds_nothing_wrong_and_http_gives_the_same() {
        check_written("packed", |_| ());
        check_written("loose", |r| r.storage = Storage::Loose);
        check_written("packed-refs", |r| r.storage = Storage::PackedRefs);
        check_written("sha256", |r| r.sha256 = true);
    }
}
