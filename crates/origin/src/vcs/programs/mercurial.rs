//! Mercurial repositories through `hg`.
//!
//! The clone is what cmd/go makes too: an empty repository into which everything is pulled. Revisions are handed over as
//! quoted strings, never as expressions of Mercurial's own language, which can start programs and ask other places.

mod words;

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use gomod::zip::Tree;

use self::words::{TIP, find_highest, is_unknown, parse_names, parse_stat, quote};
use super::address::Address;
use super::archive;
use super::kept::{Held, Kept, Recipe};
use super::tools::{Needed, Scratch, Tools};
use crate::upstream::UpstreamClass;
use crate::vcs::code::{Code, CodeError, Revision, Tag};

/// The program.
pub const NEEDED: Needed = Needed {
    names: &["hg"],
    install: "Mercurial (Debian package mercurial)",
};

/// Schemes that `hg` can speak by itself.
pub const SCHEMES: &[&str] = &["https", "http", "file"];

/// Settings that stand before every command. Nothing but these is read: see the environment.
///
/// A server could name clone bundles anywhere in the world, private places included.
const SETTINGS: &[&str] = &[
    "--noninteractive",
    "--config=ui.ssh=false",
    "--config=ui.clonebundles=false",
    "--config=subrepos.allowed=false",
    "--config=ui.timeout=5",
];

/// What is asked of a revision, and how [`parse_stat`] reads it.
const STAT_TEMPLATE: &str = "--template={node} {date|hgdate} {tags}";

/// A Mercurial repository.
pub struct Mercurial {
    kept: Kept,
    lists: Mutex<Lists>,
}

/// What does not change until the clone does.
#[derive(Default)]
struct Lists {
    /// Of which state of the clone they are.
    state: u64,
    tags: Option<Arc<[String]>>,
    branches: Option<Arc<[String]>>,
}

impl Mercurial {
    /// The repository at `address`.
    pub fn new(tools: Tools, address: Arc<Address>) -> Self {
        Self {
            kept: Kept::new("hg", tools, address, Box::new(HgRecipe)),
            lists: Mutex::default(),
        }
    }

    fn tools(&self) -> &Tools {
        self.kept.tools()
    }

    /// What the clone says of a revision; `None` where it knows none of that name.
    fn find(&self, held: &Held<'_>, rev: &str) -> Result<Option<Revision>, CodeError> {
        let Some(quoted) = quote(rev) else {
            return Ok(None);
        };
        let arguments = command([
            "log",
            "--limit=1",
            &format!("--rev={quoted}"),
            STAT_TEMPLATE,
        ]);
        let order = self
            .tools()
            .local(held.scratch(), arguments)
            .at(held.folder());
        let ended = self.tools().run(held.scratch(), order)?;
        if !ended.is_success {
            return if is_unknown(&ended.complaint) {
                Ok(None)
            } else {
                Err(held.distrust(self.tools().trouble(&ended)))
            };
        }
        let text = ended.text();
        let found = parse_stat(rev, &text).ok_or_else(|| self.tools().unexpected(&text))?;
        // Every repository has a revision before the first one and one for what is not committed yet; both hold nothing.
        let is_real = |digit: u8| found.name.bytes().any(|it| it != digit);
        Ok((is_real(b'0') && is_real(b'f')).then_some(found))
    }

    fn list_lines(&self, held: &Held<'_>, arguments: &[&str]) -> Result<Vec<String>, CodeError> {
        let order = self
            .tools()
            .local(held.scratch(), command(arguments.iter().copied()))
            .at(held.folder());
        let ended = self.tools().run(held.scratch(), order)?;
        if !ended.is_success {
            return Err(held.distrust(self.tools().trouble(&ended)));
        }
        Ok(parse_names(&ended.text()))
    }

    /// Lists what `arguments` ask for, once for each state of the clone.
    fn list_once(
        &self,
        held: &Held<'_>,
        arguments: &[&str],
        slot: fn(&mut Lists) -> &mut Option<Arc<[String]>>,
    ) -> Result<Arc<[String]>, CodeError> {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if lists.state != held.state() {
            *lists = Lists {
                state: held.state(),
                ..Lists::default()
            };
        }
        if let Some(known) = slot(&mut lists) {
            return Ok(Arc::clone(known));
        }
        let found: Arc<[String]> = self.list_lines(held, arguments)?.into();
        Ok(Arc::clone(slot(&mut lists).insert(found)))
    }

    fn stat_fresh(&self, rev: &str) -> Result<Revision, CodeError> {
        let held = self.kept.hold_fresh()?;
        let arguments = ["branches", "--closed", "--quiet"];
        let branches = self.list_once(&held, &arguments, |lists| &mut lists.branches)?;
        let mut found = self
            .find(&held, rev)?
            .ok_or_else(|| self.tools().unknown_revision(rev))?;
        if rev == TIP || branches.iter().any(|branch| branch == rev) {
            found.version.clone_from(&found.name);
        }
        Ok(found)
    }
}

impl Code for Mercurial {
    fn vcs(&self) -> &'static str {
        "hg"
    }

    fn url(&self) -> &str {
        self.kept.address().text()
    }

    fn list_tags(&self, prefix: &str) -> Result<Vec<Tag>, CodeError> {
        let held = self.kept.hold_fresh()?;
        let all = self.list_once(&held, &["tags", "--quiet"], |lists| &mut lists.tags)?;
        let fitting = |name: &&String| *name != TIP && name.starts_with(prefix);
        let mut names: Vec<String> = all.iter().filter(fitting).cloned().collect();
        names.sort();
        names.dedup();
        let tags = names.into_iter().map(|name| Tag {
            name,
            id: String::new(),
        });
        Ok(tags.collect())
    }

    fn latest(&self) -> Result<Revision, CodeError> {
        self.stat_fresh(TIP)
    }

    fn stat(&self, rev: &str) -> Result<Revision, CodeError> {
        // A full hash never means anything else.
        if rev.len() == 40
            && rev
                .bytes()
                .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
        {
            let held = self.kept.hold()?;
            if let Some(found) = self.find(&held, rev)? {
                return Ok(found);
            }
        }
        self.stat_fresh(rev)
    }

    fn read_file(
        &self,
        revision: &Revision,
        path: &str,
        limit_bytes: u64,
    ) -> Result<Option<Bytes>, CodeError> {
        let held = self.kept.hold()?;
        let file = format!("path:{path}");
        let rev = format!("--rev={}", revision.name);
        let order = self
            .tools()
            .local(held.scratch(), command(["cat", &rev, "--", &file]))
            .at(held.folder())
            .up_to(limit_bytes);
        let ended = self.tools().run(held.scratch(), order)?;
        if ended.is_success {
            Ok(Some(ended.output.into()))
        } else if ended.complaint.contains("no such file in rev") {
            Ok(None)
        } else {
            Err(held.distrust(self.tools().trouble(&ended)))
        }
    }

    fn recent_tag(
        &self,
        revision: &Revision,
        prefix: &str,
        is_allowed: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Option<String>, CodeError> {
        let lines = {
            let held = self.kept.hold()?;
            let rev = format!("--rev=ancestors({}) and tag()", revision.name);
            self.list_lines(&held, &["log", &rev, "--template={tags}\\n"])?
        };
        Ok(find_highest(&lines, prefix, is_allowed))
    }

    fn descends_from(&self, revision: &Revision, tag: &str) -> Result<bool, CodeError> {
        let unknown = || self.tools().unknown_revision(tag);
        let held = self.kept.hold()?;
        let quoted = quote(tag).ok_or_else(unknown)?;
        let rev = format!("--rev=ancestors({}) and {quoted}", revision.name);
        let order = self
            .tools()
            .local(
                held.scratch(),
                command(["log", &rev, "--template={node}\\n"]),
            )
            .at(held.folder());
        let ended = self.tools().run(held.scratch(), order)?;
        if ended.is_success {
            Ok(!ended.text().trim().is_empty())
        } else if is_unknown(&ended.complaint) {
            Err(unknown())
        } else {
            Err(held.distrust(self.tools().trouble(&ended)))
        }
    }

    fn open_tree(
        &self,
        revision: &Revision,
        directory: &str,
    ) -> Result<Box<dyn Tree + Send>, CodeError> {
        let held = self.kept.hold()?;
        let zip = held.scratch().path().join("tree.zip");
        let mut arguments = command([
            "archive",
            "--type=zip",
            "--no-decode",
            &format!("--rev={}", revision.name),
            "--prefix=prefix/",
        ]);
        if !directory.is_empty() {
            arguments.push(format!("--include=path:{directory}").into());
        }
        arguments.extend(["--".into(), zip.clone().into_os_string()]);
        let bounds = &self.tools().settings().bounds;
        let order = self
            .tools()
            .local(held.scratch(), arguments)
            .at(held.folder())
            .watch(&zip, bounds.tree_bytes, 1);
        let ended = self.tools().run(held.scratch(), order)?;
        if !ended.is_success {
            // An empty repository or directory has nothing to be packed.
            return if ended.complaint.contains("no files match") {
                Err(CodeError::absent(format!(
                    "{}: no files in {directory:?}",
                    self.tools().what()
                )))
            } else {
                Err(held.distrust(self.tools().trouble(&ended)))
            };
        }
        let prefix = archive::prefix(directory);
        archive::open(self.tools(), held.into_scratch(), File::open(zip), &prefix)
    }
}

struct HgRecipe;

impl HgRecipe {
    fn pull(tools: &Tools, scratch: &Scratch, url: &str, at: &Path) -> Result<(), CodeError> {
        // Bookmarks become those of the origin, as in a new clone. The URL stands in a setting, where nothing can take
        // it for an option; `#` and the like are not in it.
        let mut arguments: Vec<OsString> = command([]);
        arguments.extend([
            format!("--config=paths.origin={url}").into(),
            "--config=paths.origin:bookmarks.mode=mirror".into(),
        ]);
        arguments.extend(["pull", "--force", "--", "origin"].map(OsString::from));
        let order = tools.transfer(scratch, arguments).at(at).watch(
            at,
            tools.settings().bounds.clone_bytes,
            u64::MAX,
        );
        let ended = tools.run(scratch, order)?;
        if ended.is_success {
            return Ok(());
        }
        let complaint = &ended.complaint;
        let is_absent = complaint.contains("HTTP Error 404")
            || complaint.contains("HTTP Error 410")
            || (complaint.contains("repository ") && complaint.contains(" not found!"));
        Err(tools.said(
            if is_absent {
                UpstreamClass::Absent
            } else {
                UpstreamClass::Unreachable
            },
            &ended,
        ))
    }
}

impl Recipe for HgRecipe {
    fn make(
        &self,
        tools: &Tools,
        scratch: &Scratch,
        url: &str,
        at: &Path,
    ) -> Result<(), CodeError> {
        let order = tools.local(scratch, command(["init", "."])).at(at);
        let ended = tools.run(scratch, order)?;
        if !ended.is_success {
            return Err(tools.trouble(&ended));
        }
        Self::pull(tools, scratch, url, at)
    }

    fn refresh(
        &self,
        tools: &Tools,
        scratch: &Scratch,
        url: &str,
        at: &Path,
    ) -> Result<(), CodeError> {
        Self::pull(tools, scratch, url, at)
    }

    fn is_sound(&self, tools: &Tools, scratch: &Scratch, at: &Path) -> Result<bool, CodeError> {
        // An interrupted pull can still be read, but not be pulled into.
        if at.join(".hg/store/journal").exists() {
            return Ok(false);
        }
        let arguments = command(["log", "--limit=1", "--rev=tip", "--template={files}"]);
        let order = tools.local(scratch, arguments).at(at);
        Ok(tools.run(scratch, order)?.is_success)
    }
}

fn command<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Vec<OsString> {
    SETTINGS
        .iter()
        .copied()
        .chain(arguments)
        .map(OsString::from)
        .collect()
}
