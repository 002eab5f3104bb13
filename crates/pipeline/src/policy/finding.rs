//! What policies say of a candidate: findings, and all of them together with the digests of what they were made from.

use std::fmt;

use gomod::hash::ContentDigest;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// After this long a verdict that could not be made properly is asked again: long enough not to burn a processor on a
/// rule that always fails, short enough that a mended rule is felt at once.
pub const ASK_AGAIN_SECONDS: i64 = 60;

/// What a finding does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It keeps the candidate out, unless a waiver stands against it.
    Deny,
    /// It is told, and keeps nothing out.
    Warn,
}

impl Level {
    /// `deny` or `warn`: also the name of the rule in the policy.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Warn => "warn",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that a rule says. As JSON its time is RFC 3339 text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's name, e.g. `cooldown`: what a waiver names.
    pub rule: String,
    /// What it does.
    pub level: Level,
    /// Why, for people; at most [`super::limits::TEXT_BYTES_MAX`].
    pub text: String,
    /// When to ask again, because the answer changes by itself; always after the facts' `now`.
    #[serde(serialize_with = "write_moment", deserialize_with = "read_moment")]
    pub until: Option<Timestamp>,
}

fn write_moment<S: Serializer>(until: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
    until.map(|at| at.to_string()).serialize(to)
}

fn read_moment<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    Option::<String>::deserialize(from)?
        .map(|text| text.parse().map_err(de::Error::custom))
        .transpose()
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
        findings.sort_by(|a, b| (a.level, &a.rule, &a.text).cmp(&(b.level, &b.rule, &b.text)));
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
