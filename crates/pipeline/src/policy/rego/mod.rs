//! Rego, version 1, by regorus: the only folder that knows it. Texts in, findings and outcomes of tests out.
//!
//! Every rule runs in an interpreter of its own, a cheap copy of one that has never run: what an evaluation leaves behind,
//! above all one that ended in an error, no other meets. An error of a function is an error of the rule, and not, as
//! elsewhere, "undefined": a rule that meets something unforeseen must not fall silent.
//!
//! The interpreter bounds the time of a rule, looking at the clock between its steps. Its stack, its memory and a single
//! long step it does not bound: for policies that did not come with Granary that is what [`super::apart`] is for.

mod words;

mod functions;
mod messages;
mod walk;

mod reading;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use catalog::Level;
use jiff::Timestamp;
use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value};
use serde::{Deserialize, Serialize};

use super::facts::EXAMPLE;
use super::fault::Fault;
use super::finding::{Finding, level_name};
use super::limits::{PRINT_BYTES_MAX, RULE_TIME_MAX, STEPS_PER_LOOK, TEST_TIME_MAX, TESTS_MAX};
use super::sources::{SourceFile, Sources};
use messages::read_findings;
use reading::{Kind, Reading, check_recursion};
use words::{cut, cut_at, fault_of, one_line};

/// What the judgements depend on besides the texts: it goes into their digest.
pub const LANGUAGE: &str = "rego v1, regorus 0.10.0";

/// One rule of a set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its name in findings and waivers: the last part of its package, with `-` for `_`.
    pub name: String,
    /// The file it stands in.
    pub file: String,
    /// Whether the file comes with Granary.
    pub shipped: bool,
    /// Its package, with `data.` before it.
    package: String,
    /// Which of `deny` and `warn` it has.
    levels: Vec<Level>,
}

/// One test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Test {
    /// The file it stands in.
    pub file: String,
    /// Whether the file comes with Granary.
    pub shipped: bool,
    /// Its package and name, e.g. `granary.cooldown_test.test_waits`.
    pub name: String,
}

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TestResult {
    /// It holds.
    Passed,
    /// It does not hold, or could not be run; why, if there is more to say.
    Failed(String),
    /// Its name begins with `todo_`.
    Skipped,
}

/// Policies that are read, checked and ready.
pub struct Compiled {
    /// The rules, by name.
    pub rules: Vec<Rule>,
    /// The tests, in the order of their files.
    pub tests: Vec<Test>,
    /// Has never run, and knows no tests.
    rules_engine: Engine,
    /// For the interpreter that knows the tests too.
    files: Vec<SourceFile>,
    data: Value,
}

/// Reads and checks all files. An operator's rule takes the place of the one of the same name that comes with Granary.
///
/// # Errors
/// All faults that were found, with their places.
pub fn compile(sources: &Sources) -> Result<Compiled, Vec<Fault>> {
    let mut faults = Vec::new();
    let files = in_effect(&sources.files, &mut faults);
    let mut rules = Vec::new();
    let mut tests = Vec::new();
    if faults.is_empty() {
        (rules, tests) = check(&files, &sources.data, &mut faults);
    }
    if !faults.is_empty() {
        faults.sort();
        return Err(faults);
    }
    let data = Value::from(serde_json::Value::Object(sources.data.clone()));
    let rule_files: Vec<&SourceFile> = files.iter().filter(|file| !file.is_test()).collect();
    let rules_engine = engine(&rule_files, &data, &rules).map_err(|fault| vec![fault])?;
    Ok(Compiled {
        rules,
        tests,
        rules_engine,
        files,
        data,
    })
}

impl Compiled {
    /// Asks one rule.
    ///
    /// # Errors
    /// Why it could not be evaluated. What its other half said does not count then: half a rule is no rule.
    pub fn judge(
        &self,
        rule: &Rule,
        facts: &Value,
        now: Timestamp,
    ) -> Result<Vec<Finding>, String> {
        let mut engine = self.rules_engine.clone();
        engine.set_execution_timer_config(timer(RULE_TIME_MAX));
        engine.set_input(facts.clone());
        let mut findings = Vec::new();
        for level in &rule.levels {
            let path = format!("{}.{}", rule.package, level_name(*level));
            let value = engine
                .eval_rule(path)
                .map_err(|e| cut(&one_line(&e.to_string())))?;
            findings.append(&mut read_findings(&rule.name, *level, &value, now)?);
        }
        Ok(findings)
    }

    /// Runs one test; gives how it ended, and what it printed.
    pub fn run_test(bench: &TestBench, test: &Test) -> (TestResult, String) {
        let name = test.name.rsplit('.').next().unwrap_or_default();
        if name.starts_with("todo_") {
            return (TestResult::Skipped, String::new());
        }
        let mut engine = bench.engine.clone();
        engine.set_execution_timer_config(timer(TEST_TIME_MAX));
        engine.set_gather_prints(true);
        let result = match engine.eval_rule(format!("data.{}", test.name)) {
            // As with opa and conftest: whatever is defined and not false.
            Ok(Value::Undefined | Value::Bool(false)) => TestResult::Failed(String::new()),
            Ok(_) => TestResult::Passed,
            Err(e) => TestResult::Failed(one_line(&e.to_string())),
        };
        let printed = engine.take_prints().unwrap_or_default().join("\n");
        (result, cut_at(&printed, PRINT_BYTES_MAX))
    }

    /// What tests run on: an interpreter that knows all files.
    ///
    /// # Errors
    /// The fault, where files with tests cannot be read together with the others.
    pub fn test_bench(&self) -> Result<TestBench, Fault> {
        let files: Vec<&SourceFile> = self.files.iter().collect();
        Ok(TestBench {
            engine: engine(&files, &self.data, &self.rules)?,
        })
    }
}

/// What tests run on.
pub struct TestBench {
    engine: Engine,
}

/// Reads a document of facts for [`Compiled::judge`].
///
/// # Errors
/// The reader's words, if it is no JSON.
pub fn read_facts(json: &str) -> Result<Value, String> {
    Value::from_json_str(json).map_err(|e| e.to_string())
}

/// The files that count: without those of Granary's rules, and their tests, that an operator's rule of the same package
/// takes the place of.
fn in_effect(files: &[SourceFile], faults: &mut Vec<Fault>) -> Vec<SourceFile> {
    let mut packages = Vec::new();
    for file in files {
        match package_of(file) {
            Ok(package) => packages.push(package),
            Err(fault) => faults.push(fault),
        }
    }
    if !faults.is_empty() {
        return Vec::new();
    }
    let own: BTreeSet<&String> = files
        .iter()
        .zip(&packages)
        .filter(|(file, _)| !file.shipped && !file.is_test())
        .map(|(_, package)| package)
        .collect();
    let replaced: BTreeSet<&String> = files
        .iter()
        .zip(&packages)
        .filter(|(file, package)| file.shipped && !file.is_test() && own.contains(package))
        .map(|(file, _)| &file.name)
        .collect();
    let tests: BTreeSet<String> = files
        .iter()
        .filter(|file| replaced.contains(&file.name))
        .map(SourceFile::test_name)
        .collect();
    files
        .iter()
        .filter(|file| {
            !(replaced.contains(&file.name) || file.shipped && tests.contains(&file.name))
        })
        .cloned()
        .collect()
}

/// The package that a file declares. The file is read alone, so that a fault is told with its own place.
fn package_of(file: &SourceFile) -> Result<String, Fault> {
    Engine::new()
        .add_policy(file.name.clone(), file.text.clone())
        .map_err(|e| fault_of(&file.name, &e.to_string()))
}

/// Checks what files declare and use; gives the rules by name, and the tests.
fn check(
    files: &[SourceFile],
    data: &serde_json::Map<String, serde_json::Value>,
    faults: &mut Vec<Fault>,
) -> (Vec<Rule>, Vec<Test>) {
    let mut engine = Engine::new();
    let mut packages = Vec::new();
    for file in files {
        match engine.add_policy(file.name.clone(), file.text.clone()) {
            Ok(package) => packages.push(package),
            Err(e) => faults.push(fault_of(&file.name, &e.to_string())),
        }
    }
    if !faults.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let modules = engine.get_modules();
    let readings: Vec<Reading<'_>> = files
        .iter()
        .zip(packages)
        .zip(modules)
        .map(|((file, package), module)| {
            Reading::new(&file.name, file.is_test(), package, module, faults)
        })
        .collect();
    check_packages(&readings, faults);
    let declared: BTreeSet<String> = readings.iter().flat_map(Reading::functions).collect();
    let example = serde_json::from_str(EXAMPLE).unwrap_or_default();
    let data = serde_json::Value::Object(data.clone());
    for reading in &readings {
        reading.check_uses(&declared, &example, &data, faults);
    }
    check_recursion(&readings, &declared, faults);
    list(files, &readings, faults)
}

/// Two files must not speak for one rule.
fn check_packages(readings: &[Reading<'_>], faults: &mut Vec<Fault>) {
    for (i, reading) in readings.iter().enumerate() {
        if reading.kind == Kind::Tests {
            continue;
        }
        let first = readings[..i]
            .iter()
            .find(|other| other.kind != Kind::Tests && other.package == reading.package);
        if let Some(first) = first {
            let package = reading.package.trim_start_matches("data.");
            let text = format!("package {package} stands in {} already", first.file);
            faults.push(Fault::of_file(reading.file, text));
        }
    }
}

fn list(
    files: &[SourceFile],
    readings: &[Reading<'_>],
    faults: &mut Vec<Fault>,
) -> (Vec<Rule>, Vec<Test>) {
    let mut rules = Vec::new();
    let mut tests = Vec::new();
    for (file, reading) in files.iter().zip(readings) {
        if let Kind::Rule(name) = &reading.kind {
            rules.push(Rule {
                name: name.clone(),
                file: file.name.clone(),
                shipped: file.shipped,
                package: reading.package.clone(),
                levels: reading.levels.clone(),
            });
        }
        let package = reading.package.trim_start_matches("data.");
        tests.extend(reading.tests.iter().map(|test| Test {
            file: file.name.clone(),
            shipped: file.shipped,
            name: format!("{package}.{test}"),
        }));
    }
    if tests.len() > TESTS_MAX {
        let text = format!("with it there are more than {TESTS_MAX} tests");
        faults.push(Fault::of_file(&tests[TESTS_MAX].file, text));
    }
    rules.sort_by(|a, b| a.name.cmp(&b.name));
    (rules, tests)
}

/// An interpreter that has read and understood the files and has not run.
fn engine(files: &[&SourceFile], data: &Value, rules: &[Rule]) -> Result<Engine, Fault> {
    let whole = |text: String| fault_of("policies", &text);
    let mut engine = Engine::new();
    functions::add_own(&mut engine).map_err(whole)?;
    for file in files {
        engine
            .add_policy(file.name.clone(), file.text.clone())
            .map_err(|e| fault_of(&file.name, &e.to_string()))?;
    }
    engine
        .add_data(data.clone())
        .map_err(|e| whole(e.to_string()))?;
    // Understanding comes before the first evaluation, whichever rule that is of.
    if let Some(rule) = rules.first()
        && let Some(level) = rule.levels.first()
    {
        let path = format!("{}.{}", rule.package, level_name(*level));
        engine
            .compile_with_entrypoint(&path.into())
            .map_err(|e| whole(e.to_string()))?;
    }
    Ok(engine)
}

fn timer(limit: Duration) -> ExecutionTimerConfig {
    ExecutionTimerConfig {
        limit,
        check_interval: NonZeroU32::new(STEPS_PER_LOOK).unwrap_or(NonZeroU32::MIN),
    }
}
