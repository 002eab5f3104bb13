//! Fossil repositories through `fossil`: one file each, cloned.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use gomod::zip::Tree;
use jiff::civil::DateTime;

use super::address::Address;
use super::archive;
use super::kept::{Held, Kept, Recipe};
use super::revision::{full_version, reference, shorten_sha1};
use super::tools::{Needed, Scratch, Tools};
use crate::upstream::UpstreamClass;
use crate::vcs::code::{Code, CodeError, Revision, Tag};
use crate::vcs::commit_time::CommitTime;

/// The program.
pub const NEEDED: Needed = Needed {
    names: &["fossil"],
    install: "Fossil (Debian package fossil)",
};

/// Schemes that `fossil` can speak by itself.
pub const SCHEMES: &[&str] = &["https", "http", "file"];

/// What cmd/go takes for the newest revision; repositories whose main branch has another name have none for it.
const TRUNK: &str = "trunk";

/// The repository inside of the clone's folder.
const FILE: &str = ".fossil";

/// A Fossil repository.
pub struct Fossil {
    kept: Kept,
}

impl Fossil {
    /// The repository at `address`.
    pub fn new(tools: Tools, address: Arc<Address>) -> Self {
        Self {
            kept: Kept::new("fossil", tools, address, Box::new(FossilRecipe)),
        }
    }

    fn tools(&self) -> &Tools {
        self.kept.tools()
    }

    fn find(&self, held: &Held<'_>, rev: &str) -> Result<Option<Revision>, CodeError> {
        if !is_name(rev) {
            return Ok(None);
        }
        let arguments = with_file("info", held.folder(), ["--", rev]);
        let order = self.tools().local(held.scratch(), arguments);
        let ended = self.tools().run(held.scratch(), order)?;
        if ended.is_success {
            let text = ended.text();
            let found = parse_info(rev, &text).ok_or_else(|| self.tools().unexpected(&text))?;
            return Ok(Some(found));
        }
        let is_unknown = ["cannot resolve name", "not found", "ambiguous"]
            .iter()
            .any(|words| ended.complaint.contains(words));
        if is_unknown {
            Ok(None)
        } else {
            Err(held.distrust(self.tools().trouble(&ended)))
        }
    }
}

impl Code for Fossil {
    fn vcs(&self) -> &'static str {
        "fossil"
    }

    fn url(&self) -> &str {
        self.kept.address().text()
    }

    /// None: cmd/go sees none either. A tag that is asked for by its name is found all the same.
    fn list_tags(&self, _prefix: &str) -> Result<Vec<Tag>, CodeError> {
        self.kept.hold_fresh()?;
        Ok(Vec::new())
    }

    fn latest(&self) -> Result<Revision, CodeError> {
        self.stat(TRUNK)
    }

    fn stat(&self, rev: &str) -> Result<Revision, CodeError> {
        let held = self.kept.hold_fresh()?;
        self.find(&held, rev)?
            .ok_or_else(|| self.tools().unknown_revision(rev))
    }

    fn read_file(
        &self,
        revision: &Revision,
        path: &str,
        limit_bytes: u64,
    ) -> Result<Option<Bytes>, CodeError> {
        let held = self.kept.hold()?;
        let rev = format!("-r={}", revision.name);
        let arguments = with_file("cat", held.folder(), [rev.as_str(), "--", path]);
        let order = self
            .tools()
            .local(held.scratch(), arguments)
            .up_to(limit_bytes);
        let ended = self.tools().run(held.scratch(), order)?;
        if ended.is_success {
            Ok(Some(ended.output.into()))
        } else if ended.complaint.contains("does not exist in check-in") {
            Ok(None)
        } else {
            Err(held.distrust(self.tools().trouble(&ended)))
        }
    }

    fn descends_from(&self, _revision: &Revision, _tag: &str) -> Result<bool, CodeError> {
        Err(self.tools().unsupported("whether a tag is an ancestor"))
    }

    /// The directory is a pattern for whole paths, as cmd/go hands it over: that of a directory fits no file, so that
    /// modules in subdirectories have no files but what they inherit.
    fn open_tree(
        &self,
        revision: &Revision,
        directory: &str,
    ) -> Result<Box<dyn Tree + Send>, CodeError> {
        let held = self.kept.hold()?;
        let mut arguments = with_file("zip", held.folder(), ["--name", "prefix"]);
        if !directory.is_empty() && !directory.contains(['*', '?', '[', ']', ',']) {
            arguments.push(format!("--include={directory}").into());
        }
        // A path of several parts would make fossil look for a folder of that name.
        arguments.extend(["--", &revision.name, "tree.zip"].map(OsString::from));
        let zip = held.scratch().path().join("tree.zip");
        let bounds = &self.tools().settings().bounds;
        let order = self
            .tools()
            .local(held.scratch(), arguments)
            .watch(&zip, bounds.tree_bytes, 1);
        let ended = self.tools().run(held.scratch(), order)?;
        if !ended.is_success {
            return Err(held.distrust(self.tools().trouble(&ended)));
        }
        let prefix = archive::prefix(directory);
        archive::open(self.tools(), held.into_scratch(), File::open(zip), &prefix)
    }
}

struct FossilRecipe;

impl Recipe for FossilRecipe {
    fn make(
        &self,
        tools: &Tools,
        scratch: &Scratch,
        url: &str,
        at: &Path,
    ) -> Result<(), CodeError> {
        let arguments = [
            "clone",
            "--once",
            "--no-open",
            "--admin-user",
            "granary",
            "--ssh-command",
            "false",
            "--",
            url,
            FILE,
        ];
        let order = tools.transfer(scratch, arguments).at(at).watch(
            at,
            tools.settings().bounds.clone_bytes,
            u64::MAX,
        );
        let ended = tools.run(scratch, order)?;
        if ended.is_success {
            return Ok(());
        }
        let is_absent = ended.complaint.contains("404 Not Found")
            || ended.text().contains("404 Not Found")
            || ended.complaint.contains("repository does not exist");
        Err(tools.said(
            if is_absent {
                UpstreamClass::Absent
            } else {
                UpstreamClass::Unreachable
            },
            &ended,
        ))
    }

    fn refresh(
        &self,
        tools: &Tools,
        scratch: &Scratch,
        url: &str,
        at: &Path,
    ) -> Result<(), CodeError> {
        let mut arguments: Vec<OsString> = vec!["pull".into(), url.into(), "-R".into()];
        arguments.push(file_in(at).into_os_string());
        arguments.extend(["--once", "--ssh-command", "false"].map(OsString::from));
        let order = tools.transfer(scratch, arguments).watch(
            at,
            tools.settings().bounds.clone_bytes,
            u64::MAX,
        );
        let ended = tools.run(scratch, order)?;
        // Its status says that all went well even where nobody answered.
        let is_done = ended.complaint.trim().is_empty() && ended.text().contains("Round-trips:");
        if ended.is_success && is_done {
            Ok(())
        } else {
            Err(tools.trouble(&ended))
        }
    }

    fn is_sound(&self, tools: &Tools, scratch: &Scratch, at: &Path) -> Result<bool, CodeError> {
        let arguments = with_file("branch", at, ["list"]);
        let order = tools.local(scratch, arguments);
        Ok(tools.run(scratch, order)?.is_success)
    }
}

fn file_in(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

fn with_file<const N: usize>(command: &str, folder: &Path, rest: [&str; N]) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec![command.into(), "-R".into()];
    arguments.push(file_in(folder).into_os_string());
    arguments.extend(rest.map(OsString::from));
    arguments
}

/// Whether a text may be a name for fossil, which would take others for options or for files.
fn is_name(rev: &str) -> bool {
    !rev.is_empty()
        && !rev.starts_with(['-', '.'])
        && !rev.contains(['\\'])
        && !rev.chars().any(char::is_control)
        && !rev.starts_with('/')
}

/// Reads the one line that matters: `hash: <40 digits> <date> <time> UTC`. Longer hashes, which cmd/go cannot read, are
/// not read here either, so that nobody gets a version which others cannot make.
fn parse_info(rev: &str, text: &str) -> Option<Revision> {
    let line = text
        .lines()
        .find(|line| line.starts_with("uuid:") || line.starts_with("hash:"))?;
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let [_, hash, date, time, "UTC"] = words[..] else {
        return None;
    };
    if hash.len() != 40 || date.len() != 10 || time.len() != 8 {
        return None;
    }
    let at: DateTime = format!("{date} {time}").parse().ok()?;
    Some(Revision {
        name: hash.to_owned(),
        short: shorten_sha1(hash).to_owned(),
        time: CommitTime::from_utc(at),
        version: full_version(rev, hash).to_owned(),
        tags: Vec::new(),
        reference: reference(rev, hash),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "3231c2eb1d52b1d2a094281360f8735ea76e490c";

    #[test]
    fn info_gives_hash_and_time() {
        let text = format!(
            "hash:         {HASH} 2026-11-21 15:42:53 UTC\nparent:  9b2be7 2026-11-21 15:42:52 UTC\ntags:  trunk\n"
        );
        let found = parse_info("trunk", &text).unwrap();
        assert_eq!(found.name, HASH);
        assert_eq!(found.short, "3231c2eb1d52");
        assert_eq!(found.time.to_string(), "2026-11-21T15:42:53Z");
        assert_eq!(found.version, "trunk");
        assert_eq!(found.reference.as_deref(), Some("trunk"));
        let found = parse_info("3231c2eb1d52", &text.replace("hash:", "uuid:")).unwrap();
        assert_eq!((found.version.as_str(), found.reference), (HASH, None));
    }

    #[test]
    fn info_of_another_shape_is_refused() {
        for line in [
            "".to_owned(),
            "project-name: x".to_owned(),
            format!("hash: {HASH}"),
            format!("hash: {HASH} 2026-11-21 15:42:53"),
            format!("hash: {HASH} 2026-11-21 15:42:53 CET"),
            format!("hash: {HASH} 2026-11-31 15:42:53 UTC"),
            format!("hash: {HASH}{} 2026-11-21 15:42:53 UTC", &HASH[..24]),
        ] {
            assert!(parse_info("trunk", &line).is_none(), "{line}");
        }
    }

    #[test]
    fn options_and_files_are_no_names() {
        for (rev, want) in [
            ("v1.0.0", true),
            ("sub/v1.0.0", true),
            ("", false),
            ("--repository", false),
            ("/etc/passwd", false),
            ("../x", false),
            ("a\nb", false),
        ] {
            assert_eq!(is_name(rev), want, "{rev:?}");
        }
    }
}
