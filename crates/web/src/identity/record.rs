//! Refusals on the record: who was not let in, and what who has a token may not do. Anybody can cause them, so their number
//! is bounded.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use catalog::work::DeedOutcome;
use catalog::{Catalog, NewDeed};
use serde_json::json;

use crate::identity::bucket::Bucket;
use crate::identity::principal::Principal;

/// Wrong tokens: twenty at once, then one in half a minute. A year of a flood is a million rows of some 200 bytes.
const STRANGERS: (u32, Duration) = (20, Duration::from_secs(30));

/// What holders of tokens may not do: a place of its own, so that no flood of strangers hides it.
const HOLDERS: (u32, Duration) = (100, Duration::from_secs(5));

/// What was attempted and refused.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    /// What would have been done: `read`, `promote`, …
    pub verb: String,
    /// To what.
    pub subject: String,
    pub view: Option<String>,
    /// Why it was refused.
    pub why: String,
}

/// Writes refusals to the catalog, behind whoever gets the answer.
#[derive(Debug)]
pub(crate) struct Record {
    catalog: Catalog,
    strangers: Bucket,
    holders: Bucket,
}

impl Record {
    pub fn new(catalog: Catalog) -> Self {
        Self {
            catalog,
            strangers: Bucket::new(STRANGERS.0, STRANGERS.1),
            holders: Bucket::new(HOLDERS.0, HOLDERS.1),
        }
    }

    /// Writes a refusal down, unless there were too many; the next one that is written says how many were not.
    pub fn note(&self, by: &Principal, client: Option<IpAddr>, attempt: Attempt) {
        let bucket = match by {
            Principal::Nobody => &self.strangers,
            Principal::Local { .. } | Principal::Token { .. } => &self.holders,
        };
        let Some(left_out) = bucket.take(Instant::now()) else {
            return;
        };
        let client = client.map(|client| client.to_string());
        tracing::warn!(
            by = by.by(),
            client,
            verb = attempt.verb,
            of = attempt.subject,
            left_out,
            "refused: {}",
            attempt.why
        );
        let deed = NewDeed {
            verb: attempt.verb,
            subject: attempt.subject,
            view: attempt.view,
            by: by.by(),
            why: attempt.why,
            outcome: DeedOutcome::Refused,
            detail: json!({ "client": client, "left_out": left_out }),
        };
        let catalog = self.catalog.clone();
        tokio::spawn(async move {
            if let Err(error) = catalog.save_deed(deed).await {
                tracing::debug!(%error, "a refusal could not be recorded");
            }
        });
    }
}
