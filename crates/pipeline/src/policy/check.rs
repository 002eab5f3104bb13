//! For `granary policy test`: a folder's tests with what they printed, as conftest runs them.

use super::apart::JudgeCommand;
use super::fault::{Fault, PolicyError};
use super::rego::TestResult;
use super::set::{PolicySet, read};
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

#[cfg(test)]
mod tests;
