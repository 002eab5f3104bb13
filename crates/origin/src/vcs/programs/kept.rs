//! A clone that is kept on disk: made once, brought up to date when a question needs it, made anew when it is broken.
//!
//! A clone is made under another name and renamed, so that a name in its place stands for a whole one. While it is
//! brought up to date a mark lies beside it; a mark that is found later means a crash in between, and the clone is not
//! trusted any more.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use sha2::{Digest, Sha256};

use super::address::Address;
use super::tools::{Scratch, Tools};
use crate::upstream::UpstreamClass;
use crate::vcs::code::CodeError;

/// What is different between kinds of clones.
pub trait Recipe: Send + Sync {
    /// Makes the clone at `at`, an empty folder.
    ///
    /// # Errors
    /// Any; what lies at `at` is then removed.
    fn make(&self, tools: &Tools, scratch: &Scratch, url: &str, at: &Path)
    -> Result<(), CodeError>;

    /// Brings it up to date.
    ///
    /// # Errors
    /// Any.
    fn refresh(
        &self,
        tools: &Tools,
        scratch: &Scratch,
        url: &str,
        at: &Path,
    ) -> Result<(), CodeError>;

    /// Whether it can be read at all.
    ///
    /// # Errors
    /// That of a run that did not end by itself.
    fn is_sound(&self, tools: &Tools, scratch: &Scratch, at: &Path) -> Result<bool, CodeError>;
}

/// A repository's clone, whether it is there already or not.
pub struct Kept {
    tools: Tools,
    address: Arc<Address>,
    recipe: Box<dyn Recipe>,
    folder: PathBuf,
    mark: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When it was last brought up to date: the moment before the origin was asked.
    fresh_at: Option<Instant>,
    /// Counts how often the clone changed.
    changes: u64,
    /// The last trouble with that, and when it showed itself.
    trouble: Option<(Instant, CodeError)>,
}

/// The clone, for the one who holds it, and a scratch folder for the programs that read it.
pub struct Held<'a> {
    kept: &'a Kept,
    scratch: Scratch,
    state: MutexGuard<'a, State>,
}

impl Kept {
    /// A clone of `address`, below the settings' work folder.
    pub fn new(vcs: &str, tools: Tools, address: Arc<Address>, recipe: Box<dyn Recipe>) -> Self {
        let digest = Sha256::digest(format!("{vcs}:{}", address.text()));
        let name: String = digest.iter().take(16).map(|b| format!("{b:02x}")).collect();
        let name = format!("{vcs}-{name}");
        let work_folder = &tools.settings().work_folder;
        Self {
            folder: work_folder.join(&name),
            mark: work_folder.join(format!("{name}.refreshing")),
            tools,
            address,
            recipe,
            state: Mutex::default(),
        }
    }

    /// The tools that read it.
    pub fn tools(&self) -> &Tools {
        &self.tools
    }

    /// Its address.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Gives the clone as it is, made if it is not there.
    ///
    /// # Errors
    /// Of making it.
    pub fn hold(&self) -> Result<Held<'_>, CodeError> {
        self.hold_with(false)
    }

    /// Gives the clone up to date: the origin is asked after this call began, or was asked moments ago.
    ///
    /// # Errors
    /// Of making it or bringing it up to date. Those who waited for somebody else's failed try get its error.
    pub fn hold_fresh(&self) -> Result<Held<'_>, CodeError> {
        self.hold_with(true)
    }

    fn hold_with(&self, wants_fresh: bool) -> Result<Held<'_>, CodeError> {
        let asked_at = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.tools.find()?;
        let scratch = self.tools.scratch()?;
        let is_there = self.folder.is_dir() && !self.mark.exists();
        let is_fresh = state.fresh_at.is_some_and(|at| {
            at >= asked_at || at.elapsed() < self.tools.settings().bounds.fresh_for
        });
        if !is_there || (wants_fresh && !is_fresh) {
            if let Some((failed_at, trouble)) = &state.trouble
                && *failed_at >= asked_at
            {
                return Err(trouble.clone());
            }
            let begun_at = Instant::now();
            let done = if is_there {
                self.refresh(&scratch)
            } else {
                self.make(&scratch)
            };
            match done {
                Ok(()) => {
                    state.fresh_at = Some(begun_at);
                    state.changes += 1;
                }
                Err(trouble) => {
                    state.trouble = Some((Instant::now(), trouble.clone()));
                    return Err(trouble);
                }
            }
        }
        Ok(Held {
            kept: self,
            scratch,
            state,
        })
    }

    fn make(&self, scratch: &Scratch) -> Result<(), CodeError> {
        self.address.check_host()?;
        let new = scratch.path().join("clone");
        let storage = |error: io::Error| self.tools.storage(&error);
        fs::create_dir(&new).map_err(storage)?;
        self.recipe
            .make(&self.tools, scratch, self.address.text(), &new)?;
        self.remove(scratch)?;
        fs::rename(&new, &self.folder).map_err(storage)
    }

    /// Takes a broken clone out of its place, its mark last: until then nobody trusts what is there.
    fn remove(&self, scratch: &Scratch) -> Result<(), CodeError> {
        let ignore_absent = |done: io::Result<()>| match done {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(self.tools.storage(&error))
            }
            _ => Ok(()),
        };
        ignore_absent(fs::rename(&self.folder, scratch.path().join("broken")))?;
        ignore_absent(fs::remove_file(&self.mark))
    }

    fn refresh(&self, scratch: &Scratch) -> Result<(), CodeError> {
        self.address.check_host()?;
        fs::write(&self.mark, b"").map_err(|error| self.tools.storage(&error))?;
        let url = self.address.text();
        let done = self.recipe.refresh(&self.tools, scratch, url, &self.folder);
        if let Err(trouble) = &done
            && trouble.class == UpstreamClass::Invalid
        {
            // It outgrew its bounds: nobody is served by keeping it.
            self.remove(scratch)?;
            return done;
        }
        if done.is_ok() || self.is_sound(scratch) {
            fs::remove_file(&self.mark).map_err(|error| self.tools.storage(&error))?;
            return done;
        }
        self.make(scratch)
    }

    fn is_sound(&self, scratch: &Scratch) -> bool {
        self.recipe
            .is_sound(&self.tools, scratch, &self.folder)
            .unwrap_or(false)
    }
}

impl Held<'_> {
    /// Where the clone is.
    pub fn folder(&self) -> &Path {
        &self.kept.folder
    }

    /// A number for what the clone holds: another one whenever that may have changed.
    pub fn state(&self) -> u64 {
        self.state.changes
    }

    /// Room for a program.
    pub fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// Gives the scratch folder away, with what was made there, and lets go of the clone.
    pub fn into_scratch(self) -> Scratch {
        self.scratch
    }

    /// The error for a question that a sound clone would have answered: if this one is broken, it is made anew the next
    /// time.
    pub fn distrust(&self, trouble: CodeError) -> CodeError {
        if !self.kept.is_sound(&self.scratch) {
            // If even this fails, the next question comes here again.
            let _ = fs::write(&self.kept.mark, b"");
        }
        trouble
    }
}
