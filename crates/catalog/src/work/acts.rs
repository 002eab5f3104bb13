//! Jobs that carry out an act, and how what came of it is said.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Kind of a job that carries out an act: what changes the catalog because someone asked for it.
pub const ACT: &str = "act";

/// Most versions, patterns or numbers that one act names.
pub const OF_MAX: usize = 1_000;

/// Longest one of them, in bytes: as long as the id of a job may be, which carries a version.
pub const OF_BYTES_MAX: usize = 2_048;

/// Longest reason or name that comes from outside, in bytes.
pub const TEXT_BYTES_MAX: usize = 2_000;

/// Characters of a malformed name that are told.
const SHOWN_MAX: usize = 80;

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

    /// Checks what makes no sense whatever the catalog holds and whatever time it is: bounds, and nothing that could be
    /// read in two ways (a comma would make one pattern two).
    ///
    /// # Errors
    /// [`MalformedAct`], in words for whoever asked.
    pub fn check_shape(&self) -> Result<(), MalformedAct> {
        if self.of.is_empty() || self.of.len() > OF_MAX {
            return Err(MalformedAct::Count {
                count: self.of.len(),
            });
        }
        if let Some(of) = self.of.iter().find(|of| !is_name(of)) {
            let shown = of.chars().take(SHOWN_MAX).collect();
            return Err(MalformedAct::Name { shown });
        }
        if self.why.trim().is_empty() {
            return Err(MalformedAct::NoReason);
        }
        let texts = [
            ("why", Some(&self.why)),
            ("view", self.view.as_ref()),
            ("rule", self.rule.as_ref()),
            ("owner", self.owner.as_ref()),
        ];
        let too_long = |text: &String| text.len() > TEXT_BYTES_MAX;
        if let Some((field, _)) = texts.iter().find(|(_, text)| text.is_some_and(too_long)) {
            return Err(MalformedAct::TooLong { field });
        }
        let is_said =
            |text: &Option<String>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
        let is_whole = is_said(&self.rule) && is_said(&self.owner) && self.until.is_some();
        if self.act == ActVerb::Waive && !is_whole {
            return Err(MalformedAct::HalfAWaiver);
        }
        Ok(())
    }
}

fn is_name(of: &str) -> bool {
    let is_odd = |c: char| c == ',' || c.is_whitespace() || c.is_control();
    !of.is_empty() && of.len() <= OF_BYTES_MAX && !of.contains(is_odd)
}

/// An act that makes no sense whatever the catalog holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedAct {
    /// It names nothing, or too much.
    #[error("an act names 1 to {OF_MAX} versions, patterns or numbers (`of`), not {count}")]
    Count {
        /// How many it names.
        count: usize,
    },
    /// One of the names is none.
    #[error(
        "{shown:?} is no module@version and no pattern: one of 1 to {OF_BYTES_MAX} bytes, without spaces and commas"
    )]
    Name {
        /// Its beginning.
        shown: String,
    },
    /// It gives no reason.
    #[error("`why` is empty: the record wants a reason")]
    NoReason,
    /// A text is too long.
    #[error("`{field}` is longer than {TEXT_BYTES_MAX} bytes")]
    TooLong {
        /// Which.
        field: &'static str,
    },
    /// A waiver without all that it needs.
    #[error("a waiver has a `rule`, an `owner` and an end (`until`)")]
    HalfAWaiver,
}

/// What can be asked for by [`ActAsk`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActVerb {
    /// Send a version through the gates as far as they let it.
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

    fn quarantine(of: &[&str], why: &str) -> ActAsk {
        ActAsk {
            act: ActVerb::Quarantine,
            of: of.iter().map(|of| (*of).to_owned()).collect(),
            view: None,
            legal: false,
            rule: None,
            owner: None,
            until: None,
            why: why.to_owned(),
            by: "local:ann".to_owned(),
        }
    }

    #[test]
    fn acts_have_bounds_and_reasons() {
        let at_the_bound = "a".repeat(OF_BYTES_MAX);
        for (of, why) in [
            (vec!["example.com/m@v1.0.0"], "x"),
            (vec!["a.example/*"; OF_MAX], "x"),
            (vec![at_the_bound.as_str()], "x"),
            (vec!["a.example/m"], &"x".repeat(TEXT_BYTES_MAX)),
        ] {
            assert_eq!(quarantine(&of, why).check_shape(), Ok(()));
        }
        let above = "a".repeat(OF_BYTES_MAX + 1);
        for (of, why) in [
            (vec![], "x"),
            (vec!["a.example/m"; OF_MAX + 1], "x"),
            (vec![""], "x"),
            (vec![above.as_str()], "x"),
            (vec!["a.example/m,b.example/m"], "x"),
            (vec!["a.example/m b"], "x"),
            (vec!["a.example/m\u{1b}"], "x"),
            (vec!["a.example/m"], " "),
            (vec!["a.example/m"], &"x".repeat(TEXT_BYTES_MAX + 1)),
        ] {
            let error = quarantine(&of, why).check_shape().unwrap_err();
            assert!(error.to_string().len() < 500, "{error}");
        }
    }

    #[test]
    fn a_waiver_needs_all_of_its_parts() {
        let whole = ActAsk {
            act: ActVerb::Waive,
            rule: Some("size".to_owned()),
            owner: Some("ann".to_owned()),
            until: Some(Timestamp::UNIX_EPOCH),
            ..quarantine(&["example.com/m"], "x")
        };
        assert_eq!(whole.check_shape(), Ok(()));
        let without: [fn(&mut ActAsk); 4] = [
            |ask| ask.rule = None,
            |ask| ask.owner = None,
            |ask| ask.until = None,
            |ask| ask.owner = Some(" ".to_owned()),
        ];
        for take in without {
            let mut half = whole.clone();
            take(&mut half);
            assert_eq!(half.check_shape(), Err(MalformedAct::HalfAWaiver));
        }
    }

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
