//! Attributes: what the `.gitattributes` files of a commit say about each file's way into an archive.
//!
//! These are the rules of `git archive` in a bare repository that has no attributes of its own besides
//! `* -export-subst -export-ignore`, without a user's or a system's attributes: the files of the archived tree and git's
//! built-in `binary`. Only the attributes that change content are kept: `text`, `crlf`, `eol`, `ident` and
//! `working-tree-encoding`, and macros that set one of them. Filters such as `lfs` are not configured, so they do nothing.
//!
//! Trees come from strangers: the rules in force at a time and the work of a walk are bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::conversion::Conversion;

mod line;

mod glob;
mod pattern;

mod setting;

mod rules;

mod decisions;

use decisions::Decisions;
use rules::{Macros, Rules, TooManyRules};

/// Files of this size and more are passed over by git.
pub const FILE_BYTES_MAX: usize = 100 << 20;

/// Rules in force in one directory, by the bytes of their lines. Large real repositories have some kilobytes; compiled,
/// these take up to 40 times as much memory.
const RULES_BYTES_MAX: usize = 2 << 20;

/// Work of one walk, in bytes read and positions tried. Some seconds on one core; 20,000 files under 1,000 patterns need a
/// fifth of it.
const STEPS_MAX: u64 = 2_000_000_000;

/// Why it cannot be said what is to be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttributesError {
    /// More rules in force at once than Granary keeps.
    #[error(
        "the .gitattributes files hold more than {RULES_BYTES_MAX} bytes of rules for one directory"
    )]
    TooManyRules,
    /// The rules ask for more work than any real repository.
    #[error("the patterns of the .gitattributes files take too long to match")]
    TooMuchWork,
}

impl From<TooManyRules> for AttributesError {
    fn from(_: TooManyRules) -> Self {
        Self::TooManyRules
    }
}

/// The attributes in force in one directory of a tree; a walk takes it down with [`Self::enter`] and up with
/// [`Self::leave`].
#[derive(Clone, Debug)]
pub struct Attributes {
    /// From the root, with a slash behind each name.
    path: Vec<u8>,
    /// The length of `path` before each directory below the root was entered.
    parents: Vec<usize>,
    /// From the root's downwards; a directory whose file says nothing about content has none.
    files: Vec<File>,
    macros: Arc<Macros>,
    /// Of this walk and all its clones.
    steps: Arc<AtomicU64>,
}

/// The rules of one `.gitattributes` file.
#[derive(Clone, Debug)]
struct File {
    /// Length of the path of its directory.
    path_len: usize,
    /// How many directories are above its own.
    depth: usize,
    rules: Arc<Rules>,
    /// Whether a rule of this file or of one above it can lead to a conversion.
    may_convert: bool,
    /// With those above.
    size_bytes: usize,
}

impl Attributes {
    /// Begins a walk at the root. `gitattributes` is the content of the root's `.gitattributes`: of the blob of that name,
    /// be it a file or a symbolic link, whose target then counts as its text. `None` if there is none or it is a directory.
    ///
    /// # Errors
    /// If the bounds are exceeded.
    pub fn at_root(gitattributes: Option<&[u8]>) -> Result<Self, AttributesError> {
        let text = heeded(gitattributes);
        let mut attributes = Self {
            path: Vec::new(),
            parents: Vec::new(),
            files: Vec::new(),
            macros: Arc::new(Macros::new(text, RULES_BYTES_MAX)?),
            steps: Arc::default(),
        };
        attributes.read(text, true)?;
        Ok(attributes)
    }

    /// Goes down into the directory `name` of the present one, with the content of its `.gitattributes` if there is one.
    /// Costs next to nothing if there is none.
    ///
    /// # Errors
    /// If the bounds are exceeded; the walk cannot go on then.
    pub fn enter(
        &mut self,
        name: &[u8],
        gitattributes: Option<&[u8]>,
    ) -> Result<(), AttributesError> {
        self.parents.push(self.path.len());
        self.path.extend_from_slice(name);
        self.path.push(b'/');
        self.read(heeded(gitattributes), false)
    }

    /// Goes up again; without effect at the root.
    pub fn leave(&mut self) {
        let Some(len) = self.parents.pop() else {
            return;
        };
        self.path.truncate(len);
        self.files.pop_if(|file| file.depth > self.parents.len());
    }

    /// What git does to the content of the file `name` of the present directory. Only regular files are converted, with
    /// or without the executable bit; symbolic links are not.
    ///
    /// # Errors
    /// If the bounds are exceeded.
    pub fn conversion_of(&self, name: &[u8]) -> Result<Conversion, AttributesError> {
        if !self.files.last().is_some_and(|file| file.may_convert) {
            return Ok(Conversion::default());
        }
        let mut path = Vec::with_capacity(self.path.len() + name.len());
        path.extend_from_slice(&self.path);
        path.extend_from_slice(name);
        let mut decisions = Decisions::new(&self.macros);
        for file in self.files.iter().rev() {
            for rule in file.rules.list.iter().rev() {
                let mut steps = 0;
                if rule
                    .pattern
                    .matches(&path[file.path_len..], name, &mut steps)
                {
                    decisions.take(&rule.settings, &mut steps);
                }
                self.spend(steps)?;
                if decisions.are_complete() {
                    return Ok(decisions.conversion());
                }
            }
        }
        Ok(decisions.conversion())
    }

    fn read(&mut self, text: &[u8], is_root: bool) -> Result<(), AttributesError> {
        if text.is_empty() {
            return Ok(());
        }
        self.spend(text.len() as u64)?;
        let (may_convert, size_bytes) = match self.files.last() {
            Some(above) => (above.may_convert, above.size_bytes),
            None => (false, self.macros.size_bytes),
        };
        let rules = Rules::new(text, is_root, &self.macros, RULES_BYTES_MAX - size_bytes)?;
        if rules.list.is_empty() {
            return Ok(());
        }
        self.files.push(File {
            path_len: self.path.len(),
            depth: self.parents.len(),
            may_convert: may_convert || rules.may_convert,
            size_bytes: size_bytes + rules.size_bytes,
            rules: Arc::new(rules),
        });
        Ok(())
    }

    fn spend(&self, steps: u64) -> Result<(), AttributesError> {
        if self.steps.fetch_add(steps, Ordering::Relaxed) > STEPS_MAX {
            return Err(AttributesError::TooMuchWork);
        }
        Ok(())
    }
}

fn heeded(gitattributes: Option<&[u8]>) -> &[u8] {
    gitattributes
        .filter(|text| text.len() < FILE_BYTES_MAX)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
