//! A set of policies: loaded, tried, and asked what it says of a candidate.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use gomod::hash::ContentDigest;
use jiff::Timestamp;
use tokio::task;

use super::apart::{Apart, JudgeCommand, Loaded, Ran};
use super::facts::{EXAMPLE, Facts};
use super::fault::{Fault, PolicyError};
use super::finding::{Finding, Judgement};
use super::limits::{FACTS_BYTES_MAX, JUDGEMENT_TIME_MAX};
use super::rego::{Compiled, LANGUAGE, Rule, Test, TestResult, compile, read_facts};
use super::shipped::{Settings, sources};
use super::sources::Sources;

/// The name under which findings stand that no rule of the set made.
const NOBODYS_RULE: &str = "policies";

/// An operator's folder of policies.
#[derive(Clone, Debug)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    /// How to start a process that evaluates what stands in it.
    pub command: JudgeCommand,
}

/// Policies that are ready to judge.
pub struct PolicySet {
    judge: Judge,
    loaded: Loaded,
    digest: ContentDigest,
}

/// Who evaluates.
enum Judge {
    /// This process: only what comes with Granary, which is tested with it.
    Here(Box<Compiled>),
    /// Processes of their own, as soon as a stranger's rule is among them.
    Apart(Apart),
    /// Nobody: the operator's policies could not be read when the server started, and this says why.
    Nobody(String),
}

impl PolicySet {
    /// Loads what comes with Granary and, if given, what stands in the operator's folder; tries every rule on an example,
    /// and runs the folder's own tests. Blocks for as long as that takes, at most
    /// [`super::limits::LOAD_TIME_MAX`] and [`super::limits::TESTS_TIME_MAX`].
    ///
    /// # Errors
    /// [`PolicyError`]; nothing is left behind then.
    pub fn load(settings: &Settings, folder: Option<&Folder>) -> Result<Self, PolicyError> {
        let texts = read(settings, folder.map(|folder| folder.path.as_path()))?;
        Self::of(&texts, folder.map(|folder| &folder.command))
    }

    /// As [`PolicySet::load`], of texts that are read already.
    pub(super) fn of(texts: &Sources, command: Option<&JudgeCommand>) -> Result<Self, PolicyError> {
        let set = Self::open(texts, command)?;
        let mut faults = set.try_rules();
        if faults.is_empty() {
            faults = set.failed_tests()?;
        }
        if faults.is_empty() {
            Ok(set)
        } else {
            Err(PolicyError::Refused(faults))
        }
    }

    /// Loads texts without trying them.
    pub(super) fn open(
        texts: &Sources,
        command: Option<&JudgeCommand>,
    ) -> Result<Self, PolicyError> {
        let (judge, loaded) = match command {
            Some(command) => {
                let (apart, loaded) = Apart::load(command, texts)?;
                (Judge::Apart(apart), loaded)
            }
            None => {
                let compiled = compile(texts).map_err(PolicyError::Refused)?;
                let loaded = Loaded {
                    rules: compiled.rules.clone(),
                    tests: compiled.tests.clone(),
                };
                (Judge::Here(Box::new(compiled)), loaded)
            }
        };
        Ok(Self {
            judge,
            loaded,
            digest: digest(texts),
        })
    }

    /// A set that admits nothing, because the operator's policies are not known: `why` is in every refusal.
    pub(super) fn nobody(why: &PolicyError) -> Self {
        Self {
            judge: Judge::Nobody(why.to_string()),
            loaded: Loaded {
                rules: Vec::new(),
                tests: Vec::new(),
            },
            digest: ContentDigest::of(why.to_string().as_bytes()),
        }
    }

    /// Whether it admits nothing, because the operator's policies could not be read when the server started.
    pub fn is_nobody(&self) -> bool {
        matches!(self.judge, Judge::Nobody(_))
    }

    /// Digest of everything that the judgements depend on besides the facts: texts, data, settings, the language.
    pub fn digest(&self) -> ContentDigest {
        self.digest
    }

    /// The rules, by name.
    pub fn rules(&self) -> &[Rule] {
        &self.loaded.rules
    }

    /// The tests, in the order of their files.
    pub fn tests(&self) -> &[Test] {
        &self.loaded.tests
    }

    /// Asks every rule. Never fails: what cannot be evaluated denies and is asked again soon. Usually blocks for less than
    /// a millisecond; at most for [`JUDGEMENT_TIME_MAX`], and [`super::limits::LOAD_TIME_MAX`] for each process that must
    /// be started.
    pub fn judge(&self, facts: &Facts) -> Judgement {
        let now = Timestamp::from_second(facts.now_seconds).unwrap_or(Timestamp::UNIX_EPOCH);
        let (text, facts) = match facts.document() {
            Ok(document) => document,
            Err(e) => {
                let why = format!("the facts cannot be written: {e}");
                return self.refusal(&why, ContentDigest::of(b""), now);
            }
        };
        if text.len() > FACTS_BYTES_MAX {
            let why = format!("the facts are larger than {} MiB", FACTS_BYTES_MAX >> 20);
            return self.refusal(&why, facts, now);
        }
        let findings = match self.ask_rules(&text, now) {
            Ok(said) => said
                .into_iter()
                .zip(&self.loaded.rules)
                .flat_map(|(said, rule)| {
                    said.unwrap_or_else(|why| vec![Finding::unevaluated(&rule.name, &why, now)])
                })
                .collect(),
            Err(why) => vec![Finding::unevaluated(NOBODYS_RULE, &why, now)],
        };
        Judgement::new(findings, facts, self.digest)
    }

    /// As [`PolicySet::judge`], on a thread that may block.
    pub async fn judge_aside(self: Arc<Self>, facts: Facts) -> Judgement {
        let facts = Arc::new(facts);
        let (judge, of) = (Arc::clone(&self), Arc::clone(&facts));
        match task::spawn_blocking(move || judge.judge(&of)).await {
            Ok(judgement) => judgement,
            Err(error) => self.unjudged(&facts, &format!("the evaluation ended early: {error}")),
        }
    }

    /// The judgement of facts that nobody could judge.
    fn unjudged(&self, facts: &Facts, why: &str) -> Judgement {
        let now = Timestamp::from_second(facts.now_seconds).unwrap_or(Timestamp::UNIX_EPOCH);
        let digest = facts
            .document()
            .map_or(ContentDigest::of(b""), |(_, digest)| digest);
        self.refusal(why, digest, now)
    }

    fn refusal(&self, why: &str, facts: ContentDigest, now: Timestamp) -> Judgement {
        let finding = Finding::unevaluated(NOBODYS_RULE, why, now);
        Judgement::new(vec![finding], facts, self.digest)
    }

    /// What each rule says, in the order of the rules, or why it could not be evaluated.
    fn ask_rules(
        &self,
        facts: &str,
        now: Timestamp,
    ) -> Result<Vec<Result<Vec<Finding>, String>>, String> {
        match &self.judge {
            Judge::Apart(apart) => Ok(apart.judge(self.loaded.rules.len(), facts, now.as_second())),
            Judge::Here(compiled) => {
                let facts = read_facts(facts)?;
                let deadline = Instant::now() + JUDGEMENT_TIME_MAX;
                let ask = |rule| match Instant::now() < deadline {
                    true => compiled.judge(rule, &facts, now),
                    false => Err("the time for all rules was used up before it".to_owned()),
                };
                Ok(compiled.rules.iter().map(ask).collect())
            }
            Judge::Nobody(why) => Err(why.clone()),
        }
    }

    /// Tries every rule on a document in full; gives the rules that cannot be evaluated even on that.
    pub(super) fn try_rules(&self) -> Vec<Fault> {
        let now = serde_json::from_str::<Facts>(EXAMPLE)
            .ok()
            .and_then(|facts| Timestamp::from_second(facts.now_seconds).ok())
            .unwrap_or(Timestamp::UNIX_EPOCH);
        // On one line, as the document of a candidate is.
        let example = serde_json::from_str::<serde_json::Value>(EXAMPLE).unwrap_or_default();
        match self.ask_rules(&example.to_string(), now) {
            Ok(said) => said
                .into_iter()
                .zip(&self.loaded.rules)
                .filter_map(|(said, rule)| {
                    let why = said.err()?;
                    Some(Fault::of_file(
                        &rule.file,
                        format!(
                            "rule {} could not be evaluated on an example: {why}",
                            rule.name
                        ),
                    ))
                })
                .collect(),
            Err(why) => vec![Fault::of_file(NOBODYS_RULE, why)],
        }
    }

    /// Runs tests; those that come with Granary only if asked for.
    ///
    /// # Errors
    /// A file with tests cannot be understood.
    pub(super) fn run_tests(&self, shipped: bool) -> Result<Vec<Ran>, PolicyError> {
        let refused = |fault| PolicyError::Refused(vec![fault]);
        match &self.judge {
            Judge::Apart(apart) => apart
                .run_tests(&self.loaded.tests, shipped)
                .map_err(refused),
            Judge::Here(compiled) => {
                let bench = compiled.test_bench().map_err(refused)?;
                let wanted = compiled.tests.iter().enumerate();
                Ok(wanted
                    .filter(|(_, test)| shipped || !test.shipped)
                    .map(|(index, test)| {
                        let (result, printed) = Compiled::run_test(&bench, test);
                        (index, result, printed)
                    })
                    .collect())
            }
            Judge::Nobody(_) => Ok(Vec::new()),
        }
    }

    /// The operator's own tests that fail, as faults.
    fn failed_tests(&self) -> Result<Vec<Fault>, PolicyError> {
        let failed = |(index, result, _): Ran| {
            let TestResult::Failed(why) = result else {
                return None;
            };
            let test = self.loaded.tests.get(index)?;
            let text = match why.as_str() {
                "" => format!("test {} fails", test.name),
                why => format!("test {} fails: {why}", test.name),
            };
            Some(Fault::of_file(&test.file, text))
        };
        Ok(self
            .run_tests(false)?
            .into_iter()
            .filter_map(failed)
            .collect())
    }
}

/// The texts of a set.
///
/// # Errors
/// The folder cannot be read, or is refused as a folder.
pub(super) fn read(settings: &Settings, folder: Option<&Path>) -> Result<Sources, PolicyError> {
    let shipped = sources(settings);
    match folder {
        Some(folder) => shipped.with_folder(folder),
        None => Ok(shipped),
    }
}

/// Digest of what judgements depend on: tests change none.
fn digest(texts: &Sources) -> ContentDigest {
    let rules = Sources {
        files: texts
            .files
            .iter()
            .filter(|file| !file.is_test())
            .cloned()
            .collect(),
        data: texts.data.clone(),
    };
    ContentDigest::of(format!("{LANGUAGE}\n{}", rules.digest()).as_bytes())
}

#[cfg(test)]
mod tests;
