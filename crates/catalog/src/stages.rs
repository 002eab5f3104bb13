//! The stages of a realm: the views that a version passes through, one after the other, and what holds it back in each.

use std::fmt;
use std::str::FromStr;

/// Longest name of a stage, in bytes: it is an element of URLs.
const NAME_BYTES_MAX: usize = 32;

/// Most stages: each is a view that every landing may have a row in.
const STAGES_MAX: usize = 8;

/// Something that a version has to pass before it leaves a stage for the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gate {
    /// The operator's policies admit it.
    Policy,
    /// A person approves of it.
    Approval,
}

impl Gate {
    /// Its name in the setting.
    pub fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Approval => "approval",
        }
    }
}

/// One view on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Name of the view.
    pub name: String,
    /// What holds a version back in it, in the order in which it is asked. The last stage has none.
    pub gates: Vec<Gate>,
}

/// The stages in their order: what is verified lands in the first one, and `/` serves the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stages(Vec<Stage>);

/// A text that names no stages.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}; write stages as dev:policy, staging:approval, prod")]
pub struct InvalidStages {
    reason: String,
}

impl Stages {
    /// The stages, first to last; never empty.
    pub fn list(&self) -> &[Stage] {
        &self.0
    }

    /// Names of the views, first to last.
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(|stage| stage.name.clone()).collect()
    }

    /// Where verified versions land.
    pub fn first(&self) -> &str {
        self.0.first().map_or("", |stage| &stage.name)
    }

    /// What clients are served when they name no view.
    pub fn last(&self) -> &str {
        self.0.last().map_or("", |stage| &stage.name)
    }

    /// Where a stage stands in the order, from 0.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|stage| stage.name == name)
    }
}

impl Default for Stages {
    /// One stage without gates.
    fn default() -> Self {
        let name = "prod".to_owned();
        let gates = Vec::new();
        Self(vec![Stage { name, gates }])
    }
}

impl FromStr for Stages {
    type Err = InvalidStages;

    /// Parses `name[:gate[+gate]]`, comma separated.
    fn from_str(text: &str) -> Result<Self, InvalidStages> {
        let mut stages: Vec<Stage> = Vec::new();
        for part in text.split(',') {
            let (name, gates) = part.split_once(':').unwrap_or((part, ""));
            let stage = Stage {
                name: parse_name(name.trim())?,
                gates: parse_gates(gates)?,
            };
            if stages.iter().any(|known| known.name == stage.name) {
                return Err(invalid(format!("stage {} is named twice", stage.name)));
            }
            stages.push(stage);
        }
        if stages.len() > STAGES_MAX {
            return Err(invalid(format!("there are more than {STAGES_MAX} stages")));
        }
        match stages.last() {
            Some(last) if !last.gates.is_empty() => Err(invalid(format!(
                "the last stage, {}, has gates that lead nowhere",
                last.name
            ))),
            _ => Ok(Self(stages)),
        }
    }
}

impl fmt::Display for Stages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.0.iter().map(|stage| {
            let gates: Vec<&str> = stage.gates.iter().map(|gate| gate.name()).collect();
            match gates.is_empty() {
                true => stage.name.clone(),
                false => format!("{}:{}", stage.name, gates.join("+")),
            }
        });
        f.write_str(&parts.collect::<Vec<_>>().join(", "))
    }
}

fn parse_name(name: &str) -> Result<String, InvalidStages> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_name = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name.bytes().all(is_plain)
        && name.as_bytes()[0].is_ascii_lowercase();
    if is_name {
        return Ok(name.to_owned());
    }
    Err(invalid(format!(
        "{name:?} is no name for a stage: it has small letters, digits and dashes, a letter first, {NAME_BYTES_MAX} at most"
    )))
}

fn parse_gates(text: &str) -> Result<Vec<Gate>, InvalidStages> {
    let mut gates = Vec::new();
    for name in text
        .split('+')
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        let gate = match name {
            "policy" => Gate::Policy,
            "approval" => Gate::Approval,
            other => {
                return Err(invalid(format!(
                    "no gate is called {other:?}; there are policy and approval"
                )));
            }
        };
        if !gates.contains(&gate) {
            gates.push(gate);
        }
    }
    Ok(gates)
}

fn invalid(reason: String) -> InvalidStages {
    InvalidStages { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_stages(text: &str, shown: &str) {
        let stages: Stages = text.parse().unwrap();
        assert_eq!(stages.to_string(), shown);
        assert_eq!(shown.parse::<Stages>().unwrap(), stages);
    }

    #[test]
    fn stages_have_an_order_and_gates() {
        check_stages("dev:policy, staging, prod", "dev:policy, staging, prod");
        check_stages("prod", "prod");
        check_stages(" a : policy + approval ,b", "a:policy+approval, b");
        let stages: Stages = "dev:policy,staging,prod".parse().unwrap();
        assert_eq!((stages.first(), stages.last()), ("dev", "prod"));
        assert_eq!(stages.position("staging"), Some(1));
        assert_eq!(stages.position("gate-1"), None);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            ",",
            "dev,dev",
            "Dev",
            "d e v",
            "1dev",
            "dev:police,prod",
            "dev,prod:policy",
            "a,b,c,d,e,f,g,h,i",
            "r/x",
        ] {
            assert!(text.parse::<Stages>().is_err(), "{text:?}");
        }
    }
}
