//! What came of an act on one version or waiver, in words.

use catalog::work::DeedOutcome;
use catalog::{ActOutcome, CatalogError};
use gomod::version::ModuleVersion;
use tracing::error;

/// What came of an act on one thing.
pub(super) struct Done {
    pub outcome: DeedOutcome,
    pub text: String,
    pub seqs: Vec<u64>,
}

impl Done {
    pub fn now(text: impl Into<String>, seqs: Vec<u64>) -> Self {
        let (outcome, text) = (DeedOutcome::Done, text.into());
        Self {
            outcome,
            text,
            seqs,
        }
    }

    pub fn already(text: impl Into<String>) -> Self {
        let (outcome, text) = (DeedOutcome::Already, text.into());
        Self {
            outcome,
            text,
            seqs: Vec::new(),
        }
    }

    pub fn refused(text: impl Into<String>) -> Self {
        let (outcome, text) = (DeedOutcome::Refused, text.into());
        Self {
            outcome,
            text,
            seqs: Vec::new(),
        }
    }
}

/// What the catalog did, as the line of an answer.
pub(super) fn of_outcome(
    of: &ModuleVersion,
    what: &str,
    outcome: Result<ActOutcome, CatalogError>,
) -> Done {
    match outcome {
        Ok(ActOutcome::Done { landings }) => {
            let views: Vec<&str> = landings
                .iter()
                .map(|landing| landing.view.as_str())
                .collect();
            let seqs = landings.iter().map(|landing| landing.seq).collect();
            Done::now(format!("{of} is {what} ({})", views.join(", ")), seqs)
        }
        Ok(ActOutcome::Already { seq }) => {
            Done::already(format!("{of} is {what} since landing {seq}"))
        }
        Ok(ActOutcome::Withheld { landing }) => Done::refused(format!(
            "{of} was withdrawn by {}: {}",
            landing.by, landing.why
        )),
        Ok(ActOutcome::NothingToRelease) => {
            Done::refused(format!("{of} is neither withdrawn nor in quarantine"))
        }
        Err(CatalogError::NoVersion { .. }) => Done::refused(format!("{of} is not stored here")),
        Err(cause) => trouble(&of.to_string(), &cause),
    }
}

/// A catalog that cannot be used, as the line of an answer.
pub(super) fn trouble(of: &str, cause: &CatalogError) -> Done {
    error!(of, error = %cause, "an act could not be carried out");
    Done::refused(format!(
        "{of}: the catalog cannot be used now: {}",
        cause.for_clients()
    ))
}
