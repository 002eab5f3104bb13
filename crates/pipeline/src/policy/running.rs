//! The policies that a running server judges by: replaced as a whole when the folder changes, and only by a set that has
//! been read, tried and tested. A bad one changes nothing; why is kept for whoever looks, and logged once.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use gomod::hash::ContentDigest;
use jiff::Timestamp;
use tokio::task;
use tracing::{error, info};

use super::fault::PolicyError;
use super::set::{Folder, PolicySet, read};
use super::shipped::Settings;

/// How often the folder is looked at. Reading a few files is nothing; a change is felt within a breath.
pub const LOOK_EVERY: Duration = Duration::from_secs(3);

/// Why the folder's present state is not what judges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Since when.
    pub since: Timestamp,
    /// Why, on one line.
    pub text: String,
}

/// The running set.
pub struct Policies {
    settings: Settings,
    folder: Option<Folder>,
    set: RwLock<Arc<PolicySet>>,
    /// Held while the folder is looked at: loading takes its time, and two at once would race.
    looking: Mutex<()>,
    looked: Mutex<Looked>,
    /// 1 while there is trouble, for the operator's metrics.
    has_trouble: Arc<AtomicU64>,
}

/// What the last look at the folder found.
#[derive(Default)]
struct Looked {
    /// Digest of what it held, tests and all, if that has been decided about.
    decided: Option<ContentDigest>,
    trouble: Option<Trouble>,
    /// Whether it need not be there: it was not when this began, and nothing of it has judged since.
    may_be_missing: bool,
}

impl Policies {
    /// Loads the policies. Blocks as [`PolicySet::load`] does.
    ///
    /// If the operator's folder is bad there is nothing to fall back to, and to judge without the operator's rules would
    /// let in what they keep out: until the folder is mended nothing is admitted, what is stored is served, and
    /// [`Policies::trouble`] says why.
    ///
    /// # Errors
    /// [`PolicyError`] if not even what comes with Granary can be loaded, e.g. for a setting that is no pattern.
    pub fn start(settings: Settings, folder: Option<Folder>) -> Result<Self, PolicyError> {
        Self::start_with(settings, folder, false)
    }

    /// As [`Policies::start`], with a folder that need not be there: once it is, what stands in it is taken over. From
    /// then on it may not go away; an empty one has no policies.
    ///
    /// # Errors
    /// As [`Policies::start`].
    pub fn start_before(settings: Settings, folder: Folder) -> Result<Self, PolicyError> {
        let may_be_missing = is_missing(&folder.path);
        Self::start_with(settings, Some(folder), may_be_missing)
    }

    fn start_with(
        settings: Settings,
        folder: Option<Folder>,
        may_be_missing: bool,
    ) -> Result<Self, PolicyError> {
        let shipped = PolicySet::load(&settings, None)?;
        let policies = Self {
            settings,
            folder,
            set: RwLock::new(Arc::new(shipped)),
            looking: Mutex::default(),
            looked: Mutex::new(Looked {
                may_be_missing,
                ..Looked::default()
            }),
            has_trouble: Arc::default(),
        };
        if let Err(error) = policies.look() {
            error!(
                "until the folder of policies is mended nothing is admitted; what is stored is served"
            );
            policies.looked().may_be_missing = false; // it has a say: to remove it mends nothing
            policies.replace(PolicySet::nobody(&error));
        }
        Ok(policies)
    }

    /// The settings that policies read.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The operator's folder, if it is there or was there once.
    pub fn folder(&self) -> Option<&Folder> {
        let folder = self.folder.as_ref()?;
        (!self.is_awaited(folder)).then_some(folder)
    }

    /// The set that judges now.
    pub fn current(&self) -> Arc<PolicySet> {
        Arc::clone(&self.set.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Why the folder's present state is not what judges; none if it is.
    pub fn trouble(&self) -> Option<Trouble> {
        self.looked().trouble.clone()
    }

    /// 1 while [`Policies::trouble`] says something, else 0.
    pub fn has_trouble(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.has_trouble)
    }

    /// Looks at the folder now and then, for as long as it is polled.
    pub async fn watch(self: Arc<Self>) {
        while self.folder.is_some() {
            tokio::time::sleep(LOOK_EVERY).await;
            let policies = Arc::clone(&self);
            // What it finds is kept and logged.
            task::spawn_blocking(move || policies.look().ok())
                .await
                .ok();
        }
    }

    /// Looks at the folder, and takes over what has changed there if it is good. Blocks as [`PolicySet::load`] does, if
    /// something has changed; otherwise for as long as reading it takes.
    ///
    /// # Errors
    /// Why what stands there now is not taken over; known by [`Policies::trouble`] and logged already.
    pub fn look(&self) -> Result<(), PolicyError> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let looking = self.looking.lock();
        let result = self.take_over(folder);
        drop(looking);
        if let Err(error) = &result {
            let text = error_text(error);
            let mut looked = self.looked();
            if looked.trouble.as_ref().map(|known| &known.text) != Some(&text) {
                error!(folder = %folder.path.display(), error = %text, "policies are not taken over, what was taken over before goes on: mend the folder, `granary policy test` tells whether it is good");
                let since = Timestamp::now();
                looked.trouble = Some(Trouble { since, text });
            }
        }
        let has_trouble = u64::from(self.looked().trouble.is_some());
        self.has_trouble.store(has_trouble, Ordering::Relaxed);
        result
    }

    fn take_over(&self, folder: &Folder) -> Result<(), PolicyError> {
        if self.is_awaited(folder) {
            let mut looked = self.looked();
            looked.decided = None;
            looked.trouble = None; // a bad one was made, and removed again
            return Ok(());
        }
        let texts = match read(&self.settings, Some(&folder.path)) {
            Ok(texts) => texts,
            Err(error) => {
                self.looked().decided = None;
                return Err(error);
            }
        };
        let digest = texts.digest();
        if self.looked().decided == Some(digest) {
            return Ok(()); // taken over already, or refused already
        }
        match PolicySet::of(&texts, Some(&folder.command)) {
            Ok(set) => {
                info!(folder = %folder.path.display(), rules = set.rules().len(), digest = %set.digest(), "policies are taken over");
                self.replace(set);
                *self.looked() = Looked {
                    decided: Some(digest),
                    ..Looked::default()
                };
                Ok(())
            }
            Err(error) => {
                // A process that cannot be started may start the next time; bad policies stay bad.
                let is_final = matches!(error, PolicyError::Refused(_));
                self.looked().decided = is_final.then_some(digest);
                Err(error)
            }
        }
    }

    /// Whether the folder is not there and need not be.
    fn is_awaited(&self, folder: &Folder) -> bool {
        self.looked().may_be_missing && is_missing(&folder.path)
    }

    fn replace(&self, set: PolicySet) {
        *self.set.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
    }

    fn looked(&self) -> MutexGuard<'_, Looked> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether nothing has that name. What cannot be looked at is there, and so is a link to nothing.
fn is_missing(path: &Path) -> bool {
    let found = path.symlink_metadata();
    found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// The error with its cause, on one line.
fn error_text(error: &PolicyError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
