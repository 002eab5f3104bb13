//! What an act has to capture first: versions that are to be let through and were never captured, or never whole. They
//! come by the same jobs as for clients, so they are verified as everything is.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use catalog::Catalog;
use catalog::work::{ActAsk, ActVerb, CaptureAnswer};
use gomod::version::ModuleVersion;
use queue::{Priority, Queue, Ticket};

use crate::jobs::{read_capture, zip_job};

/// How long an act waits for all of its captures: few acts run at once, and a withdrawal must not wait long behind those
/// that wait for a slow origin. The captures go on.
const CAPTURES_WAIT: Duration = Duration::from_secs(60);

/// The captures of one act, all begun at once.
pub(super) struct Captures {
    tickets: HashMap<ModuleVersion, Ticket>,
    end: Instant,
}

impl Captures {
    /// Begins those that an act needs; `of` is what it is about, spelled out.
    pub async fn begin(catalog: &Catalog, queue: &Queue, ask: &ActAsk, of: &[String]) -> Self {
        let mut tickets = HashMap::new();
        if matches!(ask.act, ActVerb::Promote | ActVerb::Approve) {
            for of in of.iter().filter_map(|of| of.parse::<ModuleVersion>().ok()) {
                if is_to_come(catalog, &of).await {
                    let ticket = queue.submit(zip_job(&of, Priority::Request));
                    tickets.insert(of, ticket);
                }
            }
        }
        Self {
            tickets,
            end: Instant::now() + CAPTURES_WAIT,
        }
    }

    /// Whether a version is captured for this act.
    pub fn has(&self, of: &ModuleVersion) -> bool {
        self.tickets.contains_key(of)
    }

    /// Waits until a version is here, if it had to be captured. What the gates say of it is for the gates to say.
    ///
    /// # Errors
    /// Why it is not here, in words.
    pub async fn wait_for(&self, of: &ModuleVersion) -> Result<(), String> {
        let Some(ticket) = self.tickets.get(of) else {
            return Ok(());
        };
        let left = self.end.saturating_duration_since(Instant::now());
        let Some(outcome) = ticket.wait(left).await else {
            return Err(format!(
                "{of} is still being captured; that goes on, ask again when it is here"
            ));
        };
        match read_capture(outcome, of) {
            CaptureAnswer::Landed => Ok(()),
            CaptureAnswer::Refused(refusal) if refusal.class.is_of_gates() => Ok(()),
            CaptureAnswer::Passed { refusal, .. } | CaptureAnswer::Refused(refusal) => {
                Err(refusal.text)
            }
        }
    }
}

/// Whether a version is not here whole, and may come. Nothing is fetched of what is withheld.
async fn is_to_come(catalog: &Catalog, of: &ModuleVersion) -> bool {
    // Where the catalog cannot be read, the act itself says so.
    let Ok(stored) = catalog.find_stored(of).await else {
        return false;
    };
    let Ok(standings) = catalog.list_standings(of).await else {
        return false;
    };
    let is_withheld = standings.iter().any(|landing| landing.act.withholds());
    stored.is_none_or(|stored| stored.zip.is_none()) && !is_withheld
}
