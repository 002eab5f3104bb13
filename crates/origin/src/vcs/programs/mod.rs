//! Mercurial, Subversion, Fossil and Bazaar repositories through their own programs.
//!
//! The programs run walled off (`tools`, `run`): with an empty home and configuration, no way to ask anybody, bounds for
//! time, memory, output and disk, and arguments that cannot be options or expressions of strangers. What they answer is
//! what cmd/go sees, its oddities included, since a version must be the same whoever makes it. Which versions follow from
//! that is not decided here.
//!
//! Source of the commands and of what is read from them: cmd/go/internal/modfetch/codehost, `vcs.go` and `svn.go`.

mod settings;

mod address;
mod revision;
pub(in crate::vcs) mod run;
mod xml;

mod tools;

mod archive;
mod kept;

mod bazaar;
mod fossil;
mod mercurial;
mod subversion;

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use self::address::Address;
use self::bazaar::Bazaar;
use self::fossil::Fossil;
use self::mercurial::Mercurial;
use self::subversion::Subversion;
use self::tools::{Needed, SCRATCH_PREFIX, Tools};
use crate::upstream::UpstreamClass;
use crate::vcs::code::{Code, CodeError};

pub use self::run::find_program;
pub use self::settings::{ProgramBounds, ProgramSettings};

/// Repositories in use, by kind and URL.
type Open = HashMap<(String, String), Weak<dyn Code>>;

/// The repositories that are read through programs. Cheap to clone; clones share repositories.
#[derive(Clone)]
pub struct Programs {
    settings: Arc<ProgramSettings>,
    /// Those in use: whoever asks for one of them gets the same, so that its clone is used by one at a time.
    open: Arc<Mutex<Open>>,
}

impl Programs {
    /// Makes the work folder ready: what a crash left half-made is removed.
    ///
    /// # Errors
    /// What keeps the folder from being made or read.
    pub fn new(settings: ProgramSettings) -> io::Result<Self> {
        fs::create_dir_all(&settings.work_folder)?;
        for entry in fs::read_dir(&settings.work_folder)? {
            let entry = entry?;
            if entry
                .file_name()
                .to_string_lossy()
                .starts_with(SCRATCH_PREFIX)
            {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(Self {
            settings: Arc::new(settings),
            open: Arc::default(),
        })
    }

    /// Whether the program for a kind of repository (`hg`, `svn`, `fossil`, `bzr`) is installed.
    pub fn is_installed(&self, vcs: &str) -> bool {
        needed_for(vcs).is_some_and(|(needed, _)| {
            Tools::new(Arc::clone(&self.settings), needed, String::new())
                .find()
                .is_ok()
        })
    }

    /// Gives the repository of kind `vcs` (`hg`, `svn`, `fossil`, `bzr`) at `url`. Nothing is asked or started yet.
    ///
    /// # Errors
    /// Class `Forbidden` for another kind, or a URL that may not be asked. A program that is not installed, or a host
    /// that may not be asked, shows itself at the first question, as class `Unreachable`.
    pub fn open(&self, vcs: &str, url: &str) -> Result<Arc<dyn Code>, CodeError> {
        let Some((needed, schemes)) = needed_for(vcs) else {
            return Err(CodeError::new(
                UpstreamClass::Forbidden,
                format!("{vcs} is no kind of repository that is read through a program"),
            ));
        };
        let settings = &self.settings;
        let address = Address::new(url, schemes, &settings.allowed_schemes, &settings.guard)?;
        let key = (vcs.to_owned(), address.text().to_owned());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(code) = open.get(&key).and_then(Weak::upgrade) {
            return Ok(code);
        }
        open.retain(|_, code| code.strong_count() > 0);
        let what = format!("{vcs} repository {}", address.text());
        let tools = Tools::new(Arc::clone(settings), needed, what);
        let address = Arc::new(address);
        let code: Arc<dyn Code> = match vcs {
            "hg" => Arc::new(Mercurial::new(tools, address)),
            "svn" => Arc::new(Subversion::new(tools, address)),
            "fossil" => Arc::new(Fossil::new(tools, address)),
            _ => Arc::new(Bazaar::new(tools, address)),
        };
        open.insert(key, Arc::downgrade(&code));
        Ok(code)
    }
}

impl fmt::Debug for Programs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Programs")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

fn needed_for(vcs: &str) -> Option<(Needed, &'static [&'static str])> {
    Some(match vcs {
        "hg" => (mercurial::NEEDED, mercurial::SCHEMES),
        "svn" => (subversion::NEEDED, subversion::SCHEMES),
        "fossil" => (fossil::NEEDED, fossil::SCHEMES),
        "bzr" => (bazaar::NEEDED, bazaar::SCHEMES),
        _ => return None,
    })
}
