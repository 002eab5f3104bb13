//! The programs of one kind of repository, and the walls that all of them run behind.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::run::{self, Ended, Run, Watched, find_program, name_of};
use super::settings::ProgramSettings;
use crate::upstream::UpstreamClass;
use crate::vcs::code::CodeError;

/// How folders in the making begin; what is left of them after a crash is removed at the next start.
pub const SCRATCH_PREFIX: &str = "making-";

/// Most of a program's complaint that is told on.
const TOLD_CHARS_MAX: usize = 300;

/// A program that is needed: how it is called, and what to install for it.
#[derive(Clone, Copy, Debug)]
pub struct Needed {
    /// Names under which it is looked for, the first one preferred.
    pub names: &'static [&'static str],
    /// What is installed to have it, e.g. `Mercurial (Debian package mercurial)`.
    pub install: &'static str,
}

/// Starts one program for one repository.
#[derive(Clone, Debug)]
pub struct Tools {
    settings: Arc<ProgramSettings>,
    needed: Needed,
    /// The repository, for errors.
    what: String,
}

/// One run to be, in the terms of the kinds of repositories.
#[derive(Debug)]
pub struct Order<'a> {
    arguments: Vec<OsString>,
    folder: &'a Path,
    within: Duration,
    output_bytes: u64,
    watched: Vec<Watched>,
}

impl<'a> Order<'a> {
    /// Where it runs.
    pub fn at(mut self, folder: &'a Path) -> Self {
        self.folder = folder;
        self
    }

    /// Bounds the output further.
    pub fn up_to(mut self, output_bytes: u64) -> Self {
        self.output_bytes = self.output_bytes.min(output_bytes);
        self
    }

    /// Looks after what a path holds.
    pub fn watch(mut self, path: &Path, limit_bytes: u64, limit_files: u64) -> Self {
        self.watched.push(Watched {
            path: path.to_owned(),
            limit_bytes,
            limit_files,
        });
        self
    }
}

/// A temporary folder, gone when dropped: an empty home for a program, and room for what it makes.
#[derive(Debug)]
pub struct Scratch {
    folder: TempDir,
}

impl Scratch {
    /// The folder itself.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The empty home.
    pub fn home(&self) -> PathBuf {
        self.path().join("home")
    }
}

impl Tools {
    /// Tools for the repository `what`.
    pub fn new(settings: Arc<ProgramSettings>, needed: Needed, what: String) -> Self {
        Self {
            settings,
            needed,
            what,
        }
    }

    /// The settings.
    pub fn settings(&self) -> &ProgramSettings {
        &self.settings
    }

    /// The repository in words.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Finds the program.
    ///
    /// # Errors
    /// Class `Unreachable`, with what to install: nothing is known of the repository then.
    pub fn find(&self) -> Result<PathBuf, CodeError> {
        self.needed
            .names
            .iter()
            .find_map(|name| find_program(name, &self.settings.path))
            .ok_or_else(|| {
                CodeError::new(
                    UpstreamClass::Unreachable,
                    format!(
                        "{}: the program {} is not installed where Granary runs; its administrator can install {}",
                        self.what,
                        self.needed.names.join(" or "),
                        self.needed.install
                    ),
                )
            })
    }

    /// Makes a scratch folder.
    ///
    /// # Errors
    /// Class `Storage`.
    pub fn scratch(&self) -> Result<Scratch, CodeError> {
        let made = tempfile::Builder::new()
            .prefix(SCRATCH_PREFIX)
            .tempdir_in(&self.settings.work_folder)
            .and_then(|folder| {
                let scratch = Scratch { folder };
                fs::create_dir(scratch.home())?;
                Ok(scratch)
            });
        made.map_err(|error| self.storage(&error))
    }

    /// An order that a clone on this machine answers.
    pub fn local<'a, A: Into<OsString>>(
        &self,
        scratch: &'a Scratch,
        arguments: impl IntoIterator<Item = A>,
    ) -> Order<'a> {
        let bounds = &self.settings.bounds;
        Order {
            arguments: arguments.into_iter().map(Into::into).collect(),
            folder: scratch.path(),
            within: bounds.local_within,
            output_bytes: bounds.output_bytes,
            watched: Vec::new(),
        }
    }

    /// An order that talks to the origin.
    pub fn transfer<'a, A: Into<OsString>>(
        &self,
        scratch: &'a Scratch,
        arguments: impl IntoIterator<Item = A>,
    ) -> Order<'a> {
        Order {
            within: self.settings.bounds.transfer_within,
            ..self.local(scratch, arguments)
        }
    }

    /// Runs the program to its end.
    ///
    /// # Errors
    /// [`Tools::find`], and those of a run that did not end by itself. A program that says no is no error here.
    pub fn run(&self, scratch: &Scratch, order: Order<'_>) -> Result<Ended, CodeError> {
        let program = self.find()?;
        run::run(&Run {
            program: &program,
            arguments: order.arguments,
            folder: order.folder,
            environment: environment(&self.settings.path, scratch),
            within: order.within,
            output_bytes: order.output_bytes,
            memory_bytes: self.settings.bounds.memory_bytes,
            watched: order.watched,
            what: &self.what,
        })
    }

    /// The error for a run that ended with trouble which says nothing about what was asked for.
    pub fn trouble(&self, ended: &Ended) -> CodeError {
        self.said(UpstreamClass::Unreachable, ended)
    }

    /// An error with the words of the program.
    pub fn said(&self, class: UpstreamClass, ended: &Ended) -> CodeError {
        let program = self.find().map(|it| name_of(&it)).unwrap_or_default();
        let words = last_words(&ended.complaint);
        CodeError::new(class, format!("{}: {program} says: {words}", self.what))
    }

    /// The error for output that cannot be what the program prints.
    pub fn unexpected(&self, output: &str) -> CodeError {
        let shown: String = output.chars().take(TOLD_CHARS_MAX).collect();
        CodeError::invalid(format!("{}: unexpected answer: {shown:?}", self.what))
    }

    /// The error for a revision that does not exist.
    pub fn unknown_revision(&self, revision: &str) -> CodeError {
        let shown: String = revision.chars().take(TOLD_CHARS_MAX).collect();
        CodeError::absent(format!("{}: unknown revision {shown:?}", self.what))
    }

    /// The error for what kinds of repositories other than Mercurial cannot be asked.
    pub fn unsupported(&self, what: &str) -> CodeError {
        CodeError::invalid(format!(
            "{}: {what} cannot be asked of such a repository",
            self.what
        ))
    }

    /// The error for files that could not be written or read here.
    pub fn storage(&self, error: &dyn std::fmt::Display) -> CodeError {
        CodeError::new(
            UpstreamClass::Storage,
            format!("{}: the folder for repositories: {error}", self.what),
        )
    }
}

/// All that the programs see of us. Homes and configuration are empty, nothing asks or shows anything, English is
/// spoken, and what could start another program starts nothing.
fn environment(path: &OsString, scratch: &Scratch) -> Vec<(&'static str, OsString)> {
    let home = scratch.home();
    let at_home = |name: &str| home.join(name).into_os_string();
    let mut environment = vec![
        ("PATH", path.clone()),
        ("HOME", home.clone().into_os_string()),
        ("TMPDIR", scratch.path().into()),
        ("XDG_CONFIG_HOME", at_home("config")),
        ("XDG_CACHE_HOME", at_home("cache")),
        ("XDG_DATA_HOME", at_home("data")),
        ("FOSSIL_HOME", home.clone().into_os_string()),
        ("BRZ_HOME", at_home("brz")),
        ("BZR_HOME", at_home("bzr")),
    ];
    let fixed = [
        // English, and file names of UTF-8 as a user's own locale would take them.
        ("LC_ALL", "C.UTF-8"),
        ("LANG", "C"),
        ("TZ", "UTC"),
        // Fossil wants to know who makes the clone.
        ("USER", "granary"),
        ("HGRCPATH", "/dev/null"),
        ("HGRCSKIPREPO", "1"),
        ("HGPLAIN", "+strictflags"),
        ("HGENCODING", "UTF-8"),
        ("HGEDITOR", "false"),
        ("BRZ_LOG", "/dev/null"),
        ("BZR_LOG", "/dev/null"),
        ("BRZ_PLUGIN_PATH", "-user:-core:-site"),
        ("BZR_PLUGIN_PATH", "-user:-core:-site"),
        ("BRZ_PROGRESS_BAR", "none"),
        ("BZR_PROGRESS_BAR", "none"),
        ("BRZ_SSH", "false"),
        ("BZR_SSH", "false"),
        ("SVN_SSH", "false"),
        ("EDITOR", "false"),
        ("PAGER", "cat"),
    ];
    environment.extend(fixed.map(|(name, value)| (name, value.into())));
    environment
}

/// The end of what a program says about its trouble: the beginning is often a warning or progress.
fn last_words(complaint: &str) -> String {
    let mut lines: Vec<&str> = complaint
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .rev()
        .take(3)
        .collect();
    lines.reverse();
    let words: String = lines
        .join("; ")
        .chars()
        .filter(|c| !c.is_control())
        .take(TOLD_CHARS_MAX)
        .collect();
    if words.is_empty() {
        "nothing".to_owned()
    } else {
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_short_and_plain() {
        for (complaint, want) in [
            ("", "nothing"),
            ("\n \n", "nothing"),
            (
                "abort: unknown revision 'x'\n",
                "abort: unknown revision 'x'",
            ),
            ("a\nb\n\nc\u{1b}[1m\nd\n", "b; c[1m; d"),
        ] {
            assert_eq!(last_words(complaint), want);
        }
        assert_eq!(last_words(&"x".repeat(900)).len(), TOLD_CHARS_MAX);
    }
}
