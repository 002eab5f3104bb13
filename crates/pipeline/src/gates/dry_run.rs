//! What other policies would say of everything that is stored. Nothing is changed by it: facts are gathered and waivers
//! count as they do at the gates, and what comes of it goes to whoever asked.

use std::sync::Arc;

use catalog::work::Refusal;
use catalog::{Gate, NewVerdict, Stages, StoredVersion};
use serde::Serialize;

use super::Gates;
use crate::policy::PolicySet;
use crate::refusal;

/// The verdict that stands on a version at a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stands {
    /// It may enter; or it is behind the door without having been judged, as what came in before there were gates is.
    Admitted,
    /// It may not.
    Refused,
    /// It was never judged there.
    Unjudged,
}

/// What came of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// What the policies that are tried say.
    pub verdict: NewVerdict,
    /// What stands.
    pub stands: Stands,
    /// Whether it is behind the door. There it stays, whatever policies say.
    pub is_member: bool,
}

impl Tried {
    /// Whether the policies that are tried decide otherwise than the verdict that stands.
    pub fn differs(&self) -> bool {
        match self.stands {
            Stands::Admitted => !self.verdict.admitted,
            Stands::Refused => self.verdict.admitted,
            Stands::Unjudged => false,
        }
    }
}

/// Policies that are tried at one door.
pub struct DryRun {
    gates: Gates,
    policies: Arc<PolicySet>,
    view: String,
}

impl DryRun {
    /// Tries policies at the door of `view`, one of [`list_doors`].
    pub fn new(gates: Gates, policies: PolicySet, view: &str) -> Self {
        Self {
            gates,
            policies: Arc::new(policies),
            view: view.to_owned(),
        }
    }

    /// Judges one version; none if its zip is not here yet, without which nothing is judged. Takes as long as the gates
    /// take.
    ///
    /// # Errors
    /// A refusal that says why its facts cannot be had.
    pub async fn judge(&self, stored: &StoredVersion) -> Result<Option<Tried>, Refusal> {
        if stored.zip.is_none() {
            return Ok(None);
        }
        let of = &stored.module;
        let trouble = |cause| refusal::of_catalog(of, &cause);
        let policies = Arc::clone(&self.policies);
        let verdict = self.gates.judge(policies, stored, &self.view).await?;
        let catalog = self.gates.catalog();
        let standings = catalog.list_standings(of).await.map_err(trouble)?;
        let stages = &self.gates.stages;
        let door = stages.position(&self.view);
        let is_member = standings
            .iter()
            .any(|landing| landing.act.joins() && stages.position(&landing.view) >= door);
        let standing = catalog
            .find_verdict(&self.view, of)
            .await
            .map_err(trouble)?;
        let stands = match standing {
            Some(standing) if standing.admitted => Stands::Admitted,
            Some(_) => Stands::Refused,
            None if is_member => Stands::Admitted,
            None => Stands::Unjudged,
        };
        Ok(Some(Tried {
            verdict,
            stands,
            is_member,
        }))
    }
}

/// The views at whose doors policies are asked, in their order; where there are none, the last view: that is where
/// policies would be asked first of all.
pub fn list_doors(stages: &Stages) -> Vec<&str> {
    let doors = stages.list().windows(2).filter_map(|pair| {
        let [before, behind] = pair else { return None };
        let asked = before.gates.contains(&Gate::Policy);
        asked.then_some(behind.name.as_str())
    });
    let doors: Vec<&str> = doors.collect();
    if doors.is_empty() {
        return vec![stages.last()];
    }
    doors
}

#[cfg(test)]
mod tests {
    use catalog::{Level, Reason};
    use gomod::hash::ContentDigest;

    use super::*;

    #[track_caller]
    fn check_doors(stages: &str, want: &[&str]) {
        assert_eq!(list_doors(&stages.parse().unwrap()), want);
    }

    #[test]
    fn doors_are_those_at_which_policies_are_asked() {
        check_doors("dev:policy, staging, prod", &["staging"]);
        check_doors("dev, staging:approval+policy, prod", &["prod"]);
        check_doors("a:policy, b:policy, c", &["b", "c"]);
        check_doors("dev:approval, prod", &["prod"]);
        check_doors("prod", &["prod"]);
    }

    #[track_caller]
    fn check_differs(admitted: bool, stands: Stands, want: bool) {
        let verdict = NewVerdict {
            module: "example.com/m@v1.0.0".parse().unwrap(),
            view: "prod".to_owned(),
            admitted,
            reasons: vec![Reason {
                rule: "size".to_owned(),
                level: Level::Warn,
                text: "large".to_owned(),
                waiver: None,
                until: None,
            }],
            facts: ContentDigest::of(b"facts"),
            policies: ContentDigest::of(b"policies"),
            until: None,
        };
        let is_member = false;
        let tried = Tried {
            verdict,
            stands,
            is_member,
        };
        assert_eq!(tried.differs(), want);
    }

    #[test]
    fn what_was_never_judged_is_not_judged_otherwise() {
        check_differs(true, Stands::Admitted, false);
        check_differs(false, Stands::Admitted, true);
        check_differs(true, Stands::Refused, true);
        check_differs(false, Stands::Refused, false);
        check_differs(true, Stands::Unjudged, false);
        check_differs(false, Stands::Unjudged, false);
    }
}
