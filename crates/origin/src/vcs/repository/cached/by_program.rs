//! Fetching through the program `git`: for servers that are sound and cannot do what the native way needs, such as one
//! that only has files to give.
//!
//! The program runs walled off as those of other kinds of repositories do: no configuration but what stands here, no
//! hooks, no helpers, no questions, an address that was judged before. It fetches everything, which the native way then
//! reads.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use git::protocol::{ProtocolLimits, RefList, read_listing};
use tracing::warn;

use super::super::conversation::{TalkError, explain};
use super::super::notes::Fact;
use super::{Cached, lock};
use crate::upstream::UpstreamClass;
use crate::vcs::code::CodeError;
use crate::vcs::programs::run::{Ended, Run, Watched, run};
use crate::vcs::transport::ForProgram;

/// Longest listing and longest fetch. The second is that of a first clone of a large repository.
const LIST_WITHIN: Duration = Duration::from_secs(60);
const FETCH_WITHIN: Duration = Duration::from_secs(600);

/// Most output of a listing: a million refs.
const OUTPUT_BYTES_MAX: u64 = 128 << 20;

/// Most memory of the program for its data.
const MEMORY_BYTES_MAX: u64 = 1 << 30;

/// Most files that it may leave: a server of files may give every object on its own.
const FILES_MAX: u64 = 500_000;

/// Begins the names of folders that the program works in; what a crash leaves of them is removed at the next start.
pub const SCRATCH: &str = "program-";

impl Cached {
    /// Lists the refs through the program.
    ///
    /// # Errors
    /// `why` itself where the program cannot help; else what it says.
    pub(super) fn list_by_program(&self, why: TalkError) -> Result<RefList, CodeError> {
        let place = self.place_for_program(why)?;
        let scratch = self.scratch()?;
        let ended = self.run_git(
            &place,
            &scratch,
            LIST_WITHIN,
            &["ls-remote", "-q", "--end-of-options", &place.url],
        )?;
        let listing = read_listing(&ended.output, &ProtocolLimits::default());
        let (kind, list) = listing.map_err(|cause| {
            CodeError::new(
                UpstreamClass::Unreachable,
                format!("{}: {}", self.url(), explain(&cause)),
            )
        })?;
        // An empty page is a list without refs to the program, and so may be a page about maintenance.
        if list.refs().is_empty() && !lock(&self.notes).list_complete(1).is_empty() {
            let text = format!(
                "{}: lists nothing, though there was something before",
                self.url()
            );
            return Err(CodeError::new(UpstreamClass::Unreachable, text));
        }
        self.database(kind)?;
        Ok(list)
    }

    /// Fetches everything that branches and tags lead to through the program.
    ///
    /// # Errors
    /// As [`Self::list_by_program`].
    pub(super) fn fetch_by_program(&self, why: TalkError) -> Result<(), CodeError> {
        let place = self.place_for_program(why)?;
        let refs = self.refs()?;
        let scratch = self.scratch()?;
        self.run_git(&place, &scratch, LIST_WITHIN, &["init", "-q", "--bare"])?;
        let fetch = [
            "fetch",
            "-q",
            "-f",
            "--no-tags",
            "--no-write-fetch-head",
            "--end-of-options",
            &place.url,
            "+refs/heads/*:refs/heads/*",
            "+refs/tags/*:refs/tags/*",
        ];
        self.run_git(&place, &scratch, FETCH_WITHIN, &fetch)?;
        self.has_grown.store(true, Ordering::Relaxed);
        if let Some(database) = self.database.get() {
            database.refresh().map_err(|cause| self.corrupt(&cause))?;
        }
        self.note(Fact::Whole, &refs.list_objects());
        Ok(())
    }

    /// Says that the program is needed, counts it, and finds out whether it may be used.
    fn place_for_program(&self, why: TalkError) -> Result<ForProgram, CodeError> {
        let Some(place) = self.conversations.for_program()? else {
            return Err(why.into_code(self.url()));
        };
        self.fallbacks.fetch_add(1, Ordering::Relaxed);
        let reason = why.into_code(self.url()).text;
        warn!(repository = self.url(), reason, "left to the program git");
        Ok(place)
    }

    /// An empty folder to be the program's repository and home; its objects go where ours are.
    fn scratch(&self) -> Result<tempfile::TempDir, CodeError> {
        tempfile::Builder::new()
            .prefix(SCRATCH)
            .tempdir_in(&self.folder)
            .map_err(|cause| {
                CodeError::new(UpstreamClass::Storage, format!("{}: {cause}", self.url()))
            })
    }

    fn run_git(
        &self,
        place: &ForProgram,
        scratch: &tempfile::TempDir,
        within: Duration,
        arguments: &[&str],
    ) -> Result<Ended, CodeError> {
        let mut all: Vec<OsString> = Vec::new();
        for setting in [
            "core.hooksPath=/dev/null",
            "credential.helper=",
            "http.followRedirects=false",
            "fetch.unpackLimit=1",
            "gc.auto=0",
            "maintenance.auto=false",
            "protocol.version=2",
        ] {
            all.extend(["-c".into(), setting.into()]);
        }
        if let Some(pin) = &place.pin {
            all.extend(["-c".into(), format!("http.curloptResolve={pin}").into()]);
        }
        all.extend(arguments.iter().map(OsString::from));
        let ended = run(&Run {
            program: &place.git,
            arguments: all,
            folder: scratch.path(),
            environment: environment(scratch.path(), &self.folder, place),
            within,
            output_bytes: OUTPUT_BYTES_MAX,
            memory_bytes: MEMORY_BYTES_MAX,
            watched: vec![Watched {
                path: self.folder.join("objects"),
                limit_bytes: self.pack_limits.pack_bytes_max.saturating_mul(2),
                limit_files: FILES_MAX,
            }],
            what: self.url(),
        })?;
        if ended.is_success {
            return Ok(ended);
        }
        Err(CodeError::new(
            UpstreamClass::Unreachable,
            format!("{}: git: {}", self.url(), ended.complaint.trim()),
        ))
    }
}

fn environment(scratch: &Path, folder: &Path, place: &ForProgram) -> Vec<(&'static str, OsString)> {
    let objects =
        fs::canonicalize(folder.join("objects")).unwrap_or_else(|_| folder.join("objects"));
    vec![
        ("PATH", place.path.clone()),
        ("HOME", scratch.into()),
        ("GIT_DIR", scratch.into()),
        ("GIT_OBJECT_DIRECTORY", objects.into()),
        ("GIT_CONFIG_NOSYSTEM", "1".into()),
        ("GIT_CONFIG_GLOBAL", "/dev/null".into()),
        ("GIT_TERMINAL_PROMPT", "0".into()),
        ("GIT_ALLOW_PROTOCOL", "https:http".into()),
        ("LANG", "C".into()),
    ]
}
