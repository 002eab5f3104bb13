//! What policies say of a candidate: findings, and all of them together with the digests of what they were made from.

use catalog::{Level, Reason};
use gomod::hash::ContentDigest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// After this long a verdict that could not be made properly is asked again: long enough not to burn a processor on a
/// rule that always fails, short enough that a mended rule is felt at once.
pub const ASK_AGAIN_SECONDS: i64 = 60;

/// The name of a level: also that of the set in a policy that holds its messages.
pub(super) fn level_name(level: Level) -> &'static str {
    match level {
        Level::Deny => "deny",
        Level::Warn => "warn",
    }
}

/// One thing that a rule says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's name, e.g. `cooldown`: what a waiver names.
    pub rule: String,
    /// What it does.
    pub level: Level,
    /// Why, for people; at most [`super::limits::TEXT_BYTES_MAX`].
    pub text: String,
    /// When to ask again, because the answer changes by itself; always after the facts' `now`.
    pub until: Option<Timestamp>,
}

impl Finding {
    /// The finding of a rule that could not be evaluated: it denies, since nobody knows what it would have said, and is
    /// asked again soon.
    pub fn unevaluated(rule: &str, why: &str, now: Timestamp) -> Self {
        Self {
            rule: rule.to_owned(),
            level: Level::Deny,
            text: format!("rule {rule} could not be evaluated: {why}"),
            until: Some(soon(now)),
        }
    }
}

impl From<Finding> for Reason {
    /// The finding as a verdict keeps it, not waived.
    fn from(finding: Finding) -> Self {
        Self {
            rule: finding.rule,
            level: finding.level,
            text: finding.text,
            waiver: None,
            until: finding.until,
        }
    }
}

/// All that a set of policies says of one document of facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Denials first, then by rule and text.
    pub findings: Vec<Finding>,
    /// Digest of the facts.
    pub facts: ContentDigest,
    /// Digest of the policies.
    pub policies: ContentDigest,
}

impl Judgement {
    /// Puts the findings in order: where rules contradict each other, denials win, and all are named.
    pub(super) fn new(
        mut findings: Vec<Finding>,
        facts: ContentDigest,
        policies: ContentDigest,
    ) -> Self {
        findings.sort_by_cached_key(|finding| {
            let warns = finding.level == Level::Warn;
            (warns, finding.rule.clone(), finding.text.clone())
        });
        Self {
            findings,
            facts,
            policies,
        }
    }

    /// The findings that keep the candidate out, waivers aside.
    pub fn denials(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.level == Level::Deny)
    }

    /// Whether nothing keeps the candidate out, waivers aside.
    pub fn admits(&self) -> bool {
        self.denials().next().is_none()
    }

    /// When to judge again: the earliest moment at which one of the findings may change by itself.
    pub fn until(&self) -> Option<Timestamp> {
        self.findings
            .iter()
            .filter_map(|finding| finding.until)
            .min()
    }
}

/// A moment a little after `now`.
pub(super) fn soon(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second().saturating_add(ASK_AGAIN_SECONDS)).unwrap_or(now)
}
