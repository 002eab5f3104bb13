//! The policies that a running server judges by: replaced as a whole when the folder changes, and only by a set that has
//! been read, tried and tested. A bad one changes nothing; why is kept for whoever looks, and logged once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use gomod::hash::ContentDigest;
use jiff::Timestamp;
use tokio::task;
use tracing::{error, info};

use super::facts::Facts;
use super::fault::PolicyError;
use super::finding::Judgement;
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
}

/// What the last look at the folder found.
#[derive(Default)]
struct Looked {
    /// Digest of what it held, tests and all, if that has been decided about.
    decided: Option<ContentDigest>,
    trouble: Option<Trouble>,
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
        let shipped = PolicySet::load(&settings, None)?;
        let policies = Self {
            settings,
            folder,
            set: RwLock::new(Arc::new(shipped)),
            looking: Mutex::default(),
            looked: Mutex::default(),
        };
        if let Err(error) = policies.look() {
            policies.replace(PolicySet::nobody(&error));
        }
        Ok(policies)
    }

    /// The set that judges now.
    pub fn current(&self) -> Arc<PolicySet> {
        Arc::clone(&self.set.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Judges on a thread that may block. Never fails: what cannot be evaluated denies.
    pub async fn judge(&self, facts: Facts) -> Judgement {
        let (set, facts) = (self.current(), Arc::new(facts));
        let (judge, of) = (Arc::clone(&set), Arc::clone(&facts));
        match task::spawn_blocking(move || judge.judge(&of)).await {
            Ok(judgement) => judgement,
            Err(error) => set.unjudged(&facts, &format!("the evaluation ended early: {error}")),
        }
    }

    /// Why the folder's present state is not what judges; none if it is.
    pub fn trouble(&self) -> Option<Trouble> {
        self.looked().trouble.clone()
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
                error!(folder = %folder.path.display(), error = %text, "policies are not taken over");
                let since = Timestamp::now();
                looked.trouble = Some(Trouble { since, text });
            }
        }
        result
    }

    fn take_over(&self, folder: &Folder) -> Result<(), PolicyError> {
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
                    trouble: None,
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

    fn replace(&self, set: PolicySet) {
        *self.set.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
    }

    fn looked(&self) -> MutexGuard<'_, Looked> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
