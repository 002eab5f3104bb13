//! For `granary policy test` and `granary policy dry-run`: a folder's tests with what they printed, as conftest runs them,
//! and what another set of policies would have refused.

use super::apart::JudgeCommand;
use super::facts::Facts;
use super::fault::{Fault, PolicyError};
use super::finding::Finding;
use super::rego::TestResult;
use super::set::{Folder, PolicySet, read};
use super::shipped::Settings;

/// How one test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestOutcome {
    /// The file it stands in; `shipped/…` for those that come with Granary.
    pub file: String,
    /// Its package and name, e.g. `granary.cooldown_test.test_waits`.
    pub name: String,
    /// How it ended.
    pub result: TestResult,
    /// What it printed, each line with its place; cut after [`super::limits::PRINT_BYTES_MAX`].
    pub printed: String,
}

/// A rule of a set, as a report names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleLine {
    /// Its name.
    pub name: String,
    /// The file it stands in; `shipped/…` for those that come with Granary.
    pub file: String,
}

/// What a folder of policies is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The rules that it makes, with those that come with Granary and are not replaced.
    pub rules: Vec<RuleLine>,
    /// Rules that cannot be evaluated on an example of the facts.
    pub faults: Vec<Fault>,
    /// The tests, in the order of their files.
    pub tests: Vec<TestOutcome>,
}

impl Report {
    /// Whether a server would take the folder.
    pub fn is_good(&self) -> bool {
        let failed = |test: &TestOutcome| matches!(test.result, TestResult::Failed(_));
        self.faults.is_empty() && !self.tests.iter().any(failed)
    }
}

/// Runs the tests of a folder and of what comes with Granary; without a folder only the latter. `command` starts a process
/// that evaluates.
///
/// # Errors
/// [`PolicyError`] if the policies cannot be read or understood, so that there is nothing to run.
pub fn check(
    settings: &Settings,
    folder: Option<&std::path::Path>,
    command: &JudgeCommand,
) -> Result<Report, PolicyError> {
    let texts = read(settings, folder)?;
    let set = PolicySet::open(&texts, Some(command))?;
    let outcome = |(index, result, printed): (usize, TestResult, String)| {
        let test = set.tests().get(index)?;
        Some(TestOutcome {
            file: test.file.clone(),
            name: test.name.clone(),
            result,
            printed,
        })
    };
    Ok(Report {
        rules: set
            .rules()
            .iter()
            .map(|rule| RuleLine {
                name: rule.name.clone(),
                file: rule.file.clone(),
            })
            .collect(),
        faults: set.try_rules(),
        tests: set
            .run_tests(true)?
            .into_iter()
            .filter_map(outcome)
            .collect(),
    })
}

/// What a new set says otherwise than the running one of one candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The new set refuses what the running one admits, for these reasons.
    Refused(Vec<Finding>),
    /// The new set admits what the running one refuses, for these reasons.
    Admitted(Vec<Finding>),
}

/// Compares a new set with the running one.
pub struct DryRun<'a> {
    running: &'a PolicySet,
    new: PolicySet,
}

impl<'a> DryRun<'a> {
    /// Loads the new set from a folder as a server would, tests and all.
    ///
    /// # Errors
    /// [`PolicyError`], as [`PolicySet::load`].
    pub fn new(
        running: &'a PolicySet,
        settings: &Settings,
        folder: &Folder,
    ) -> Result<Self, PolicyError> {
        Ok(Self {
            running,
            new: PolicySet::load(settings, Some(folder))?,
        })
    }

    /// Judges one candidate by both. Waivers are not known here: whoever asks leaves out the reasons that one covers.
    /// Blocks as [`PolicySet::judge`] does, twice.
    pub fn compare(&self, facts: &Facts) -> Option<Difference> {
        let (new, running) = (self.new.judge(facts), self.running.judge(facts));
        match (running.admits(), new.admits()) {
            (true, false) => Some(Difference::Refused(new.denials().cloned().collect())),
            (false, true) => Some(Difference::Admitted(running.denials().cloned().collect())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
