//! Mercurial repositories through `hg`.
//!
//! The clone is what cmd/go makes too: an empty repository into which everything is pulled. Revisions are handed over as
//! quoted strings, never as expressions of Mercurial's own language, which can start programs and ask other places.

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
use super::revision::{full_version, reference, shorten_sha1};
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

/// The name of the newest changeset.
const TIP: &str = "tip";

/// What is asked of a revision, and how [`parse_stat`] reads it.
const STAT_TEMPLATE: &str = "--template={node} {date|hgdate} {tags}";

/// A Mercurial repository.
pub struct Mercurial {
    kept: Kept,
}

impl Mercurial {
    /// The repository at `address`.
    pub fn new(tools: Tools, address: Arc<Address>) -> Self {
        Self {
            kept: Kept::new("hg", tools, address, Box::new(HgRecipe)),
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

    fn stat_fresh(&self, rev: &str) -> Result<Revision, CodeError> {
        let held = self.kept.hold_fresh()?;
        let branches = self.list_lines(&held, &["branches", "--closed", "--quiet"])?;
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
        let mut names = self.list_lines(&held, &["tags", "--quiet"])?;
        names.retain(|name| name != TIP && name.starts_with(prefix));
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

/// A name as a raw string of Mercurial's language; `None` where no revision can be called so.
fn quote(name: &str) -> Option<String> {
    let is_plain = !name.is_empty()
        && !name.starts_with('-')
        && !name.chars().any(|c| c == '\'' || c.is_control());
    is_plain.then(|| format!("r'{name}'"))
}

fn is_unknown(complaint: &str) -> bool {
    [
        "unknown revision",
        "ambiguous identifier",
        "hidden revision",
    ]
    .iter()
    .any(|words| complaint.contains(words))
}

/// One name a line, whatever is in it.
fn parse_names(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Reads the answer to [`STAT_TEMPLATE`]: hash, seconds, offset, tags.
fn parse_stat(rev: &str, text: &str) -> Option<Revision> {
    let mut words = text.split_ascii_whitespace();
    let (hash, seconds, _offset) = (words.next()?, words.next()?, words.next()?);
    let time = Timestamp::from_second(seconds.parse().ok()?).ok()?;
    let mut tags: Vec<String> = words.filter(|tag| *tag != TIP).map(str::to_owned).collect();
    tags.sort();
    tags.dedup();
    Some(Revision {
        name: hash.to_owned(),
        short: shorten_sha1(hash).to_owned(),
        time,
        version: full_version(rev, hash).to_owned(),
        tags,
        reference: reference(rev, hash),
    })
}

/// The tag with the highest version behind `prefix`; of equal ones the first.
fn find_highest(
    lines: &[String],
    prefix: &str,
    is_allowed: &mut dyn FnMut(&str) -> bool,
) -> Option<String> {
    let mut highest = "";
    for tag in lines.iter().flat_map(|line| line.split_ascii_whitespace()) {
        let Some(version) = tag.strip_prefix(prefix) else {
            continue;
        };
        if is_allowed(tag) && gomod::semver::compare(version, highest).is_gt() {
            highest = version;
        }
    }
    (!highest.is_empty()).then(|| format!("{prefix}{highest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "3ecef3cef7685bfa1545cbf028adbd020e2932a2";

    #[track_caller]
    fn check_stat(rev: &str, rest: &str, version: &str, reference: Option<&str>, tags: &[&str]) {
        let found = parse_stat(rev, &format!("{HASH} {rest}")).unwrap();
        assert_eq!(found.name, HASH);
        assert_eq!(found.short, &HASH[..12]);
        assert_eq!(found.version, version);
        assert_eq!(found.reference.as_deref(), reference);
        assert_eq!(found.tags, tags);
    }

    #[test]
    fn stat_gives_hash_time_and_tags() {
        check_stat(
            "v1.0.0",
            "5 0 v1.0.0",
            "v1.0.0",
            Some("v1.0.0"),
            &["v1.0.0"],
        );
        check_stat("3ecef3cef768", "5 0 tip", HASH, None, &[]);
        check_stat("3ecef3c", "5 0", HASH, Some("3ecef3c"), &[]);
        check_stat(
            "tip",
            "5 0 v2 tip v1 v2\n",
            "tip",
            Some("tip"),
            &["v1", "v2"],
        );
        // Blanks inside of tags take them apart, as they do for cmd/go.
        check_stat("x", "5 0 a b", "x", Some("x"), &["a", "b"]);
        let found = parse_stat("x", &format!("{HASH} 1700000002 -7200 ")).unwrap();
        assert_eq!(found.time.to_string(), "2023-11-14T22:13:22Z");
        let found = parse_stat("x", &format!("{HASH} -1 0 ")).unwrap();
        assert_eq!(found.time.to_string(), "1969-12-31T23:59:59Z");
        for text in ["", HASH, "a 1", "a b c", "a 1.5 0", "a 99999999999999 0"] {
            assert!(parse_stat("x", text).is_none(), "{text}");
        }
    }

    #[test]
    fn names_are_quoted_or_refused() {
        for (name, want) in [
            ("v1.0.0-pre+meta", Some("r'v1.0.0-pre+meta'")),
            ("sub dir/v1", Some("r'sub dir/v1'")),
            ("remote(x, y)", Some("r'remote(x, y)'")),
            ("a\\", Some("r'a\\'")),
            ("--config=alias.log=!id", None),
            ("a') or file('b", None),
            ("a\nb", None),
            ("", None),
        ] {
            assert_eq!(quote(name).as_deref(), want, "{name:?}");
        }
    }

    #[test]
    fn highest_tag_counts_behind_the_prefix() {
        let lines = ["v1.0.0 tip", "sub/v1.9.0 v1.10.0", "v1.10.0+meta x v3"].map(str::to_owned);
        let mut all = |_: &str| true;
        assert_eq!(find_highest(&lines, "", &mut all).as_deref(), Some("v3"));
        let mut some = |tag: &str| tag != "v3";
        assert_eq!(
            find_highest(&lines, "", &mut some).as_deref(),
            Some("v1.10.0")
        );
        assert_eq!(
            find_highest(&lines, "sub/", &mut all).as_deref(),
            Some("sub/v1.9.0")
        );
        assert_eq!(find_highest(&lines, "other/", &mut all), None);
        assert_eq!(find_highest(&lines, "ti", &mut all), None);
    }
}
