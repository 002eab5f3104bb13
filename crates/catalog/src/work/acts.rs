//! Jobs that carry out an act, and how what came of it is said.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Kind of a job that carries out an act: what changes the catalog because someone asked for it.
pub const ACT: &str = "act";

/// Payload of [`ACT`] jobs. What an act does not need is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActAsk {
    /// What is to be done.
    pub act: ActVerb,
    /// With what: `module@version`, patterns of module paths (quarantine, release, waive), the numbers of waivers
    /// (end-waiver).
    pub of: Vec<String>,
    /// The view concerned; without one, all stages.
    #[serde(default)]
    pub view: Option<String>,
    /// Whether it is a withdrawal for legal reasons.
    #[serde(default)]
    pub legal: bool,
    /// The rule that a waiver is about.
    #[serde(default)]
    pub rule: Option<String>,
    /// Who answers for a waiver.
    #[serde(default)]
    pub owner: Option<String>,
    /// When a waiver runs out.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// Why.
    pub why: String,
    /// The principal who asks, such as `local:<user>` or `token:<name>`.
    pub by: String,
}

impl ActAsk {
    /// The id of an act's job, of which no two are alike: each act is carried out and told by itself.
    pub fn job_id(unique: impl fmt::Display) -> String {
        format!("{ACT}:{unique}")
    }
}

/// What can be asked for by [`ActAsk`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActVerb {
    /// Let a version into a view, past gates that have not spoken.
    Promote,
    /// Take versions out of all views for good.
    Withdraw,
    /// Take versions out of all views because of what they are suspected of.
    Quarantine,
    /// End withdrawals and quarantines.
    Release,
    /// Pass the gate that waits for a person.
    Approve,
    /// Let pass what a rule refuses.
    Waive,
    /// End a waiver before it runs out.
    EndWaiver,
}

impl ActVerb {
    /// As in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Promote => "promote",
            Self::Withdraw => "withdraw",
            Self::Quarantine => "quarantine",
            Self::Release => "release",
            Self::Approve => "approve",
            Self::Waive => "waive",
            Self::EndWaiver => "end-waiver",
        }
    }
}

impl fmt::Display for ActVerb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Answer of [`ACT`] jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActAnswer {
    /// One for each version or waiver that the act was about.
    pub outcomes: Vec<ActOutcomeLine>,
}

/// What came of an act on one version or waiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActOutcomeLine {
    /// The version or waiver.
    pub of: String,
    /// What came of it.
    pub outcome: DeedOutcome,
    /// The same in words for people.
    pub text: String,
    /// Numbers of the landings that say so.
    pub seqs: Vec<u64>,
}

/// What came of something that someone asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeedOutcome {
    /// It was done.
    Done,
    /// It was so before.
    Already,
    /// It was not done.
    Refused,
}

impl DeedOutcome {
    /// As in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Already => "already",
            Self::Refused => "refused",
        }
    }
}

impl fmt::Display for DeedOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text names no outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no outcome of an act")]
pub struct NoOutcome {
    /// The text.
    pub text: String,
}

impl FromStr for DeedOutcome {
    type Err = NoOutcome;

    fn from_str(text: &str) -> Result<Self, NoOutcome> {
        [Self::Done, Self::Already, Self::Refused]
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
            .ok_or_else(|| NoOutcome {
                text: text.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acts_are_said_the_same_everywhere() {
        let ask: ActAsk = serde_json::from_str(
            r#"{"act":"end-waiver","of":["17"],"why":"the module has a licence now","by":"local:ann"}"#,
        )
        .unwrap();
        assert_eq!(
            (ask.act, ask.legal, ask.view),
            (ActVerb::EndWaiver, false, None)
        );
        for verb in [
            ActVerb::Promote,
            ActVerb::Withdraw,
            ActVerb::Quarantine,
            ActVerb::Release,
            ActVerb::Approve,
            ActVerb::Waive,
            ActVerb::EndWaiver,
        ] {
            assert_eq!(serde_json::to_value(verb).unwrap(), verb.as_str());
        }
        for outcome in [
            DeedOutcome::Done,
            DeedOutcome::Already,
            DeedOutcome::Refused,
        ] {
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.as_str());
            assert_eq!(outcome.as_str().parse(), Ok(outcome));
        }
        assert!("".parse::<DeedOutcome>().is_err());
    }
}
