//! Bazaar repositories through Breezy (`brz`) or its forerunner (`bzr`).
//!
//! A branch can be stacked on another one, wherever that is; there is no option against following. So whoever lets
//! such repositories in (`GOVCS` does not by default) trusts their servers that far.

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use gomod::zip::Tree;
use jiff::Timestamp;

use super::address::Address;
use super::archive;
use super::kept::{Held, Kept, Recipe};
use super::revision::{pad_number, reference};
use super::tools::{Needed, Scratch, Tools};
use crate::upstream::UpstreamClass;
use crate::vcs::code::{Code, CodeError, Revision, Tag};

/// The program: cmd/go runs `bzr`, which is a name of `brz` wherever that is installed nowadays.
pub const NEEDED: Needed = Needed {
    names: &["brz", "bzr"],
    install: "Breezy (Debian package brz)",
};

/// Schemes that `brz` can speak by itself.
pub const SCHEMES: &[&str] = &["https", "http", "bzr", "file"];

/// Options that stand before every command: nothing but the program itself is loaded, no word means a command line.
const OPTIONS: &[&str] = &["--no-plugins", "--no-aliases"];

/// A Bazaar branch.
pub struct Bazaar {
    kept: Kept,
}

impl Bazaar {
    /// The branch at `address`.
    pub fn new(tools: Tools, address: Arc<Address>) -> Self {
        Self {
            kept: Kept::new("bzr", tools, address, Box::new(BzrRecipe)),
        }
    }

    fn tools(&self) -> &Tools {
        self.kept.tools()
    }

    /// What the clone says of a revision in Bazaar's own terms, `spec` with its kind before a colon.
    fn find(&self, held: &Held<'_>, rev: &str, spec: &str) -> Result<Option<Revision>, CodeError> {
        let revision = format!("--revision={spec}");
        let arguments = command(["log", "--limit=1", "--long", "--show-ids", &revision]);
        let order = self
            .tools()
            .local(held.scratch(), arguments)
            .at(held.folder());
        let ended = self.tools().run(held.scratch(), order)?;
        if ended.is_success {
            let text = ended.text();
            let found = parse_log(rev, &text).ok_or_else(|| self.tools().unexpected(&text))?;
            return Ok(Some(found));
        }
        let is_unknown = ["does not exist in branch", "No such tag", "invalid date"]
            .iter()
            .any(|words| ended.complaint.contains(words));
        if is_unknown {
            Ok(None)
        } else {
            Err(held.distrust(self.tools().trouble(&ended)))
        }
    }
}

impl Code for Bazaar {
    fn vcs(&self) -> &'static str {
        "bzr"
    }

    fn url(&self) -> &str {
        self.kept.address().text()
    }

    fn list_tags(&self, prefix: &str) -> Result<Vec<Tag>, CodeError> {
        let held = self.kept.hold_fresh()?;
        let order = self
            .tools()
            .local(held.scratch(), command(["tags"]))
            .at(held.folder());
        let ended = self.tools().run(held.scratch(), order)?;
        if !ended.is_success {
            return Err(held.distrust(self.tools().trouble(&ended)));
        }
        let mut names = parse_tags(&ended.text());
        names.retain(|name| name.starts_with(prefix));
        let tags = names.into_iter().map(|name| Tag {
            name,
            id: String::new(),
        });
        Ok(tags.collect())
    }

    fn latest(&self) -> Result<Revision, CodeError> {
        let held = self.kept.hold_fresh()?;
        let last = "revno:-1";
        let mut found = self
            .find(&held, last, last)?
            .ok_or_else(|| CodeError::absent(format!("{}: no commits", self.tools().what())))?;
        found.version.clone_from(&found.name);
        Ok(found)
    }

    fn stat(&self, rev: &str) -> Result<Revision, CodeError> {
        let held = self.kept.hold_fresh()?;
        for spec in list_specs(rev) {
            if let Some(found) = self.find(&held, rev, &spec)? {
                return Ok(found);
            }
        }
        Err(self.tools().unknown_revision(rev))
    }

    fn read_file(
        &self,
        revision: &Revision,
        path: &str,
        limit_bytes: u64,
    ) -> Result<Option<Bytes>, CodeError> {
        let held = self.kept.hold()?;
        let rev = format!("--revision=revno:{}", revision.name);
        // A name with a colon could be taken for a place elsewhere.
        let path = format!("./{path}");
        let order = self
            .tools()
            .local(held.scratch(), command(["cat", &rev, "--", &path]))
            .at(held.folder())
            .up_to(limit_bytes);
        let ended = self.tools().run(held.scratch(), order)?;
        if ended.is_success {
            Ok(Some(ended.output.into()))
        } else if ended.complaint.contains("is not present in revision") {
            Ok(None)
        } else {
            Err(held.distrust(self.tools().trouble(&ended)))
        }
    }

    fn descends_from(&self, _revision: &Revision, _tag: &str) -> Result<bool, CodeError> {
        Err(self.tools().unsupported("whether a tag is an ancestor"))
    }

    /// Symbolic links are files `NAME.lnk` that hold the target. The export of a subdirectory has paths relative to
    /// it, below which cmd/go looks for the subdirectory once more: it finds what lies in `D/D`, which is mostly nothing.
    fn open_tree(
        &self,
        revision: &Revision,
        directory: &str,
    ) -> Result<Box<dyn Tree + Send>, CodeError> {
        let held = self.kept.hold()?;
        let zip = held.scratch().path().join("tree.zip");
        let rev = format!("--revision=revno:{}", revision.name);
        let mut arguments = command(["export", "--format=zip", &rev, "--root=prefix/", "--"]);
        arguments.push(zip.clone().into_os_string());
        if !directory.is_empty() {
            arguments.push(format!("./{directory}").into());
        }
        let bounds = &self.tools().settings().bounds;
        let order = self
            .tools()
            .local(held.scratch(), arguments)
            .at(held.folder())
            .watch(&zip, bounds.tree_bytes, 1);
        let ended = self.tools().run(held.scratch(), order)?;
        if !ended.is_success {
            return Err(held.distrust(self.tools().trouble(&ended)));
        }
        let prefix = archive::prefix(directory);
        archive::open(self.tools(), held.into_scratch(), File::open(zip), &prefix)
    }
}

struct BzrRecipe;

impl BzrRecipe {
    fn transfer(
        tools: &Tools,
        scratch: &Scratch,
        at: &Path,
        arguments: Vec<OsString>,
    ) -> Result<(), CodeError> {
        let order = tools.transfer(scratch, arguments).at(at).watch(
            at,
            tools.settings().bounds.clone_bytes,
            u64::MAX,
        );
        let ended = tools.run(scratch, order)?;
        if ended.is_success {
            return Ok(());
        }
        Err(tools.said(
            if ended.complaint.contains("Not a branch:") {
                UpstreamClass::Absent
            } else {
                UpstreamClass::Unreachable
            },
            &ended,
        ))
    }
}

impl Recipe for BzrRecipe {
    fn make(
        &self,
        tools: &Tools,
        scratch: &Scratch,
        url: &str,
        at: &Path,
    ) -> Result<(), CodeError> {
        let arguments = command(["branch", "--use-existing-dir", "--no-tree", "--", url, "."]);
        Self::transfer(tools, scratch, at, arguments)
    }

    fn refresh(
        &self,
        tools: &Tools,
        scratch: &Scratch,
        url: &str,
        at: &Path,
    ) -> Result<(), CodeError> {
        // The state is that of the origin, as in a new clone, even where history was written anew.
        let arguments = command(["pull", "--overwrite", "--", url]);
        Self::transfer(tools, scratch, at, arguments)
    }

    fn is_sound(&self, tools: &Tools, scratch: &Scratch, at: &Path) -> Result<bool, CodeError> {
        // A lock that a killed process left would be waited for until the deadline.
        let is_locked = ["branch", "repository", "branch-lock"]
            .iter()
            .any(|part| at.join(".bzr").join(part).join("lock/held").exists());
        if is_locked {
            return Ok(false);
        }
        let order = tools.local(scratch, command(["revno"])).at(at);
        Ok(tools.run(scratch, order)?.is_success)
    }
}

fn command<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Vec<OsString> {
    OPTIONS
        .iter()
        .copied()
        .chain(arguments)
        .map(OsString::from)
        .collect()
}

/// In which ways Bazaar reads a revision without a word before it, in its order, but for the last one: a branch, which
/// may be anywhere.
fn list_specs(rev: &str) -> Vec<String> {
    let is_plain = !rev.is_empty()
        && !rev.starts_with('-')
        && !rev.contains("..")
        && !rev.chars().any(char::is_control);
    if !is_plain {
        return Vec::new();
    }
    if rev.bytes().all(|it| it.is_ascii_digit() || it == b'.') {
        return vec![format!("revno:{rev}")];
    }
    ["tag", "revid", "date"]
        .iter()
        .map(|kind| format!("{kind}:{rev}"))
        .collect()
}

/// The first word of every line.
fn parse_tags(text: &str) -> Vec<String> {
    let mut names: Vec<String> = text
        .lines()
        .filter(|line| !line.starts_with(char::is_whitespace))
        .filter_map(|line| line.split_ascii_whitespace().next())
        .filter(|name| !name.starts_with("revno:-"))
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Reads the header of a log's first entry. Revisions with dotted numbers, merged ones, are refused as cmd/go does.
fn parse_log(rev: &str, text: &str) -> Option<Revision> {
    let (mut number, mut time, mut tags) = (None, None, Vec::new());
    for line in text.split('\n') {
        if line.is_empty() || line.starts_with([' ', '\t']) {
            break;
        }
        if line.starts_with('-') {
            continue;
        }
        let Some((key, value)) = line.split_once(':') else {
            break;
        };
        let value = value.trim();
        match key {
            "revno" => {
                let first = value.split(' ').next().unwrap_or_default();
                number = Some(first.parse::<u64>().ok().filter(|number| *number > 0)?);
            }
            "timestamp" => {
                let (_weekday, at) = value.split_once(' ')?;
                time = Some(Timestamp::strptime("%Y-%m-%d %H:%M:%S %z", at).ok()?.into());
            }
            "tags" => tags = value.split(", ").map(str::to_owned).collect(),
            _ => {}
        }
    }
    let (number, time) = (number?, time?);
    tags.sort();
    tags.dedup();
    let name = number.to_string();
    Some(Revision {
        short: pad_number(number),
        time,
        version: rev.to_owned(),
        tags,
        reference: reference(rev, &name),
        name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "------------------------------------------------------------
revno: 12 [merge]
tags: v1.0.0, sub/v1.0.0
revision-id: me@x-20261121154204-uyywpms9wlwa1fz1
committer: me <me@x>
branch nick: bz
timestamp: Sat 2026-11-21 15:42:04 +0130
message:
  revno: 99
";

    #[test]
    fn log_gives_number_time_and_tags() {
        let found = parse_log("v1.0.0", LOG).unwrap();
        assert_eq!(found.name, "12");
        assert_eq!(found.short, "000000000012");
        assert_eq!(found.time.to_string(), "2026-11-21T14:12:04Z");
        assert_eq!(found.version, "v1.0.0");
        assert_eq!(found.tags, ["sub/v1.0.0", "v1.0.0"]);
        let bare = "revno: 1\ntimestamp: Thu 1970-01-01 00:00:00 +0000\nmessage:\n  x\n";
        assert!(parse_log("1", bare).unwrap().tags.is_empty());
    }

    #[test]
    fn log_of_another_shape_is_refused() {
        for text in [
            "",
            "message:\n  x\n",
            "revno: 1\n",
            "revno: 0\ntimestamp: Thu 1970-01-01 00:00:00 +0000\n",
            "revno: 1.2.3\ntimestamp: Thu 1970-01-01 00:00:00 +0000\n",
            "revno: 1\ntimestamp: 1970-01-01\n",
            "revno: 1\ntimestamp: Thu 1970-01-01 00:00:00\n",
            "\nrevno: 1\ntimestamp: Thu 1970-01-01 00:00:00 +0000\n",
        ] {
            assert!(parse_log("x", text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn tags_are_first_words() {
        let text = "v1.0.0               1\nsub/v2 ?\nrevno:-1  3\n  odd 4\nv1.0.0 2\n";
        assert_eq!(parse_tags(text), ["sub/v2", "v1.0.0"]);
        assert!(parse_tags("").is_empty());
    }

    #[test]
    fn revisions_become_specs_that_stay_here() {
        for (rev, want) in [
            ("5", &["revno:5"][..]),
            ("000000000005", &["revno:000000000005"]),
            ("1.2.3", &["revno:1.2.3"]),
            ("v1.0.0", &["tag:v1.0.0", "revid:v1.0.0", "date:v1.0.0"]),
            (
                "branch:/srv",
                &["tag:branch:/srv", "revid:branch:/srv", "date:branch:/srv"],
            ),
            ("-1", &[]),
            ("1..5", &[]),
            ("--help", &[]),
            ("", &[]),
        ] {
            assert_eq!(list_specs(rev), want, "{rev:?}");
        }
    }
}
