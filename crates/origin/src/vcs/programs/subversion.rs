//! Subversion repositories through `svn`, which asks the server each time: there is no clone.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use gomod::zip::{Kind, Tree, TreeFile};
use jiff::Timestamp;

use super::address::Address;
use super::revision::{pad_number, reference};
use super::run::Ended;
use super::tools::{Needed, Order, Scratch, Tools};
use super::xml::{self, Element};
use crate::upstream::UpstreamClass;
use crate::vcs::code::{Code, CodeError, Revision, Tag};

/// The program.
pub const NEEDED: Needed = Needed {
    names: &["svn"],
    install: "Subversion (Debian package subversion)",
};

/// Schemes that `svn` can speak by itself.
pub const SCHEMES: &[&str] = &["https", "http", "svn", "file"];

/// Options of every command; the empty folder of configuration follows them.
const OPTIONS: &[&str] = &["--non-interactive", "--no-auth-cache", "--config-dir"];

/// A part of a Subversion repository.
pub struct Subversion {
    tools: Tools,
    address: Arc<Address>,
}

impl Subversion {
    /// The repository, or the part of it, at `address`.
    pub fn new(tools: Tools, address: Arc<Address>) -> Self {
        Self { tools, address }
    }

    /// Runs one command of `svn` on the origin.
    fn ask(
        &self,
        scratch: &Scratch,
        command: &str,
        rest: &[&str],
        bound: impl FnOnce(Order<'_>) -> Order<'_>,
    ) -> Result<Ended, CodeError> {
        self.address.check_host()?;
        let folder = scratch.home().join("subversion");
        let config = folder.to_string_lossy();
        let mut arguments = vec![command];
        arguments.extend(OPTIONS);
        arguments.push(&config);
        arguments.extend(rest);
        let order = self.tools.transfer(scratch, arguments);
        self.tools.run(scratch, bound(order))
    }

    /// The revision in which this part of the repository last changed, at `peg` or now.
    fn find(&self, rev: &str, peg: Option<&str>) -> Result<Option<Revision>, CodeError> {
        let scratch = self.tools.scratch()?;
        let target = match peg {
            Some(peg) => format!("{}@{peg}", self.address.text()),
            None => self.address.text().to_owned(),
        };
        let rest = ["--limit=1", "--xml", "--", &target];
        let ended = self.ask(&scratch, "log", &rest, |order| order)?;
        if ended.is_success {
            let text = ended.text();
            let found = parse_log(rev, &text).ok_or_else(|| self.tools.unexpected(&text))?;
            return Ok(Some(found));
        }
        match find_fault(&ended.complaint) {
            Fault::NoRevision | Fault::NoPath if peg.is_some() => Ok(None),
            fault => Err(self.tools.said(fault.class(), &ended)),
        }
    }

    fn below(&self, directory: &str) -> String {
        if directory.is_empty() {
            self.address.text().to_owned()
        } else {
            format!("{}/{directory}", self.address.text())
        }
    }

    fn list_files(
        &self,
        scratch: &Scratch,
        revision: &Revision,
        directory: &str,
    ) -> Result<Vec<TreeFile>, CodeError> {
        let target = self.below(directory);
        let rest = [
            "--xml",
            "--incremental",
            "--recursive",
            "--revision",
            &revision.name,
            "--",
            &target,
        ];
        let ended = self.ask(scratch, "list", &rest, |order| order)?;
        if !ended.is_success {
            return Err(self
                .tools
                .said(find_fault(&ended.complaint).class(), &ended));
        }
        let text = ended.text();
        parse_list(&text).ok_or_else(|| self.tools.unexpected(&text))
    }
}

impl Code for Subversion {
    fn vcs(&self) -> &'static str {
        "svn"
    }

    fn url(&self) -> &str {
        self.address.text()
    }

    /// What lies in the folder `tags` beside `trunk`, directories with a slash at their end, which is no version: cmd/go
    /// sees them so, and finds no tagged versions in Subversion.
    fn list_tags(&self, prefix: &str) -> Result<Vec<Tag>, CodeError> {
        let scratch = self.tools.scratch()?;
        let address = self.address.text();
        let tags = format!("{}/tags", address.strip_suffix("/trunk").unwrap_or(address));
        let ended = self.ask(&scratch, "list", &["--", &tags], |order| order)?;
        if !ended.is_success {
            return match find_fault(&ended.complaint) {
                Fault::NoPath => Ok(Vec::new()),
                fault => Err(self.tools.said(fault.class(), &ended)),
            };
        }
        let mut names: Vec<String> = ended
            .text()
            .lines()
            .filter(|line| !line.is_empty() && line.starts_with(prefix))
            .map(str::to_owned)
            .collect();
        names.sort();
        names.dedup();
        let tags = names.into_iter().map(|name| Tag {
            name,
            id: String::new(),
        });
        Ok(tags.collect())
    }

    fn latest(&self) -> Result<Revision, CodeError> {
        let mut found = self
            .find("latest", None)?
            .ok_or_else(|| self.tools.unknown_revision("latest"))?;
        found.version.clone_from(&found.name);
        Ok(found)
    }

    fn stat(&self, rev: &str) -> Result<Revision, CodeError> {
        let found = if is_revision(rev) {
            self.find(rev, Some(rev))?
        } else {
            None
        };
        found.ok_or_else(|| self.tools.unknown_revision(rev))
    }

    /// Keywords and line ends are as `svn cat` gives them, a symbolic link as Subversion stores it: `link TARGET`.
    fn read_file(
        &self,
        revision: &Revision,
        path: &str,
        limit_bytes: u64,
    ) -> Result<Option<Bytes>, CodeError> {
        let scratch = self.tools.scratch()?;
        let target = format!("{}/{path}@{}", self.address.text(), revision.name);
        let ended = self.ask(&scratch, "cat", &["--", &target], |order| {
            order.up_to(limit_bytes)
        })?;
        if ended.is_success {
            return Ok(Some(ended.output.into()));
        }
        match find_fault(&ended.complaint) {
            Fault::NoPath => Ok(None),
            fault => Err(self.tools.said(fault.class(), &ended)),
        }
    }

    fn descends_from(&self, _revision: &Revision, _tag: &str) -> Result<bool, CodeError> {
        Err(self.tools.unsupported("whether a tag is an ancestor"))
    }

    /// Every listed file must be exported with its listed size. A symbolic link is not, so that it fails the module, as
    /// with cmd/go (which reads through the link where its target has the right size by chance; nothing is read through
    /// links here).
    fn open_tree(
        &self,
        revision: &Revision,
        directory: &str,
    ) -> Result<Box<dyn Tree + Send>, CodeError> {
        let scratch = self.tools.scratch()?;
        let files = self.list_files(&scratch, revision, directory)?;
        let export = scratch.path().join("export");
        let bounds = self.tools.settings().bounds.clone();
        let target = self.below(directory);
        let rest = [
            "--quiet",
            "--native-eol=LF",
            "--ignore-externals",
            "--ignore-keywords",
            "--revision",
            &revision.name,
            "--",
            &target,
            "export",
        ];
        let ended = self.ask(&scratch, "export", &rest, |order| {
            order.watch(&export, bounds.tree_bytes, bounds.tree_files)
        })?;
        if !ended.is_success {
            return Err(self
                .tools
                .said(find_fault(&ended.complaint).class(), &ended));
        }
        for file in &files {
            let found = fs::symlink_metadata(export.join(&file.path));
            let fault = match found {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    "is listed, but not exported"
                }
                Err(error) => return Err(self.tools.storage(&error)),
                Ok(found) if !found.is_file() => "is no plain file, such as a symbolic link",
                Ok(found) if found.len() != file.size_bytes => "has another size when exported",
                Ok(_) => continue,
            };
            return Err(CodeError::invalid(format!(
                "{}: {} {fault}",
                self.tools.what(),
                file.path
            )));
        }
        Ok(Box::new(ExportedTree {
            export,
            files,
            _scratch: scratch,
        }))
    }
}

struct ExportedTree {
    export: PathBuf,
    files: Vec<TreeFile>,
    /// Removed when the tree is dropped.
    _scratch: Scratch,
}

impl Tree for ExportedTree {
    fn files(&self) -> &[TreeFile] {
        &self.files
    }

    fn open(&mut self, index: usize) -> io::Result<Box<dyn Read + '_>> {
        let file = self.files.get(index).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(File::open(self.export.join(&file.path))?))
    }
}

/// What kind of no Subversion's is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// There is no such file or directory, or it is of the other kind.
    NoPath,
    /// There is no such revision.
    NoRevision,
    /// There is no repository.
    NoRepository,
    /// Anything else says nothing about what was asked for.
    Trouble,
}

impl Fault {
    fn class(self) -> UpstreamClass {
        match self {
            Self::NoPath | Self::NoRevision | Self::NoRepository => UpstreamClass::Absent,
            Self::Trouble => UpstreamClass::Unreachable,
        }
    }
}

/// Reads the codes of Subversion's complaints (svn_error_codes.h), which stay the same in every language.
fn find_fault(complaint: &str) -> Fault {
    let says = |codes: &[&str]| codes.iter().any(|code| complaint.contains(code));
    if says(&["E210005", "E180001"]) {
        Fault::NoRepository
    } else if says(&["E160006", "E205000", "E195002"]) {
        Fault::NoRevision
    } else if says(&["E160013", "W160013", "W195007", "E195012"]) {
        Fault::NoPath
    } else {
        Fault::Trouble
    }
}

/// Whether a text names a revision for Subversion: a number, with or without `r`, `HEAD`, or a date in braces. Anything
/// else would be an error, or a second revision.
fn is_revision(rev: &str) -> bool {
    let digits = rev.trim_start_matches(['r', 'R']);
    let is_number = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
    let is_date = rev
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .is_some_and(|date| {
            date.bytes()
                .all(|it| it.is_ascii_digit() || b"-:TZ.+ ".contains(&it))
        });
    is_number || is_date || rev.eq_ignore_ascii_case("HEAD")
}

fn parse_log(rev: &str, text: &str) -> Option<Revision> {
    let log = xml::parse(text)?;
    let entry = log.child("logentry")?;
    let number: u64 = entry.attribute("revision")?.parse().ok()?;
    let time: Timestamp = entry.child("date")?.text.parse().ok()?;
    let name = number.to_string();
    Some(Revision {
        short: pad_number(number),
        time: time.into(),
        version: rev.to_owned(),
        tags: Vec::new(),
        reference: reference(rev, &name),
        name,
    })
}

/// Reads a list of files with their sizes; `None` for a path that would lead out of the exported folder.
fn parse_list(text: &str) -> Option<Vec<TreeFile>> {
    let list = xml::parse(text)?;
    let files = list
        .children
        .iter()
        .filter(|entry| entry.name == "entry" && entry.attribute("kind") == Some("file"));
    files.map(parse_entry).collect()
}

fn parse_entry(entry: &Element) -> Option<TreeFile> {
    let path = &entry.child("name")?.text;
    let stays_inside = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    stays_inside.then_some(())?;
    Some(TreeFile {
        path: path.clone(),
        kind: Kind::Regular,
        size_bytes: entry.child("size")?.text.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_gives_number_and_time() {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<log>\n<logentry\n   revision=\"27\">\n<author>a</author>\n\
                    <date>2026-11-21T15:46:47.340221Z</date>\n<msg>&lt;c&gt;</msg>\n</logentry>\n</log>\n";
        let found = parse_log("28", text).unwrap();
        assert_eq!(found.name, "27");
        assert_eq!(found.short, "000000000027");
        assert_eq!(found.time.to_string(), "2026-11-21T15:46:47.340221Z");
        assert_eq!(found.version, "28");
        assert_eq!(found.reference.as_deref(), Some("28"));
        for text in [
            "",
            "<log>\n",
            "<log>\n</log>",
            "<log><logentry revision=\"x\"><date>2026-11-21T15:46:47Z</date></logentry></log>",
            "<log><logentry revision=\"1\"></logentry></log>",
            "<log><logentry revision=\"1\"><date>yesterday</date></logentry></log>",
        ] {
            assert!(parse_log("1", text).is_none(), "{text}");
        }
    }

    #[test]
    fn list_gives_files_that_stay_inside() {
        let entry = |kind: &str, name: &str| {
            format!(
                "<entry kind=\"{kind}\"><name>{name}</name><size>17</size><commit revision=\"2\"/></entry>"
            )
        };
        let list = |entries: &str| parse_list(&format!("<list path=\"x\">{entries}</list>"));
        let files = list(&format!(
            "{}<entry kind=\"dir\"><name>sub</name></entry>{}",
            entry("file", "go.mod"),
            entry("file", "sub/a &amp; b.go")
        ))
        .unwrap();
        let shown: Vec<_> = files
            .iter()
            .map(|file| (file.path.as_str(), file.size_bytes))
            .collect();
        assert_eq!(shown, [("go.mod", 17), ("sub/a & b.go", 17)]);
        assert!(list("").unwrap().is_empty());
        for name in ["../x", "a/../../x", "/etc/passwd", "a//b", "", "."] {
            assert!(list(&entry("file", name)).is_none(), "{name}");
        }
    }

    #[test]
    fn complaints_are_told_apart_by_their_codes() {
        for (complaint, want) in [
            (
                "svn: E170013: Unable to connect\nsvn: E210005: No repository found in 'svn://x'",
                Fault::NoRepository,
            ),
            ("svn: E160006: No such revision 99", Fault::NoRevision),
            (
                "svn: E205000: Syntax error parsing peg revision 'nope'",
                Fault::NoRevision,
            ),
            (
                "svn: warning: W160013: Path '/nope' not found\nsvn: E200009: Could not",
                Fault::NoPath,
            ),
            (
                "svn: warning: W195007: URL refers to a directory",
                Fault::NoPath,
            ),
            (
                "svn: E170013: Unable to connect\nsvn: E000111: Connection refused",
                Fault::Trouble,
            ),
            ("svn: E215004: No more credentials", Fault::Trouble),
            ("", Fault::Trouble),
        ] {
            assert_eq!(find_fault(complaint), want, "{complaint}");
        }
    }

    #[test]
    fn only_revisions_are_revisions() {
        for (rev, want) in [
            ("5", true),
            ("000000000005", true),
            ("r5", true),
            ("HEAD", true),
            ("head", true),
            ("{2026-01-01}", true),
            ("{2026-01-01T10:00:00Z}", true),
            ("v1.0.0", false),
            ("5@6", false),
            ("", false),
            ("r", false),
            ("-5", false),
            ("{x}", false),
            ("BASE", false),
            ("trunk", false),
        ] {
            assert_eq!(is_revision(rev), want, "{rev:?}");
        }
    }
}
