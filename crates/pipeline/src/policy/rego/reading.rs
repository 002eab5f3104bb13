//! What a file declares, and what is wrong with it that the language itself would only find out while a rule runs, or
//! never: a rule that can refuse nothing, a function that does not exist, a fact that has another name.

use std::collections::{BTreeMap, BTreeSet};

use catalog::Level;
use regorus::unstable::{Module, Rule, RuleHead};
use serde_json::Value;

use super::super::fault::Fault;
use super::super::finding::level_name;
use super::functions;
use super::walk::{Found, Reference, head_name, list_unbound, place_of, walk};

/// Packages of rules: `granary.<name>`.
const RULES: &str = "granary";
/// Packages of functions and lists that rules share: `lib.<name>`.
const LIBRARIES: &str = "lib";

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A rule, with the name under which findings and waivers know it.
    Rule(String),
    /// Functions and lists for rules.
    Library,
    /// Tests.
    Tests,
}

/// A file that the language can read.
pub struct Reading<'a> {
    /// Its name.
    pub file: &'a str,
    /// Its package, with `data.` before it.
    pub package: String,
    /// What it is.
    pub kind: Kind,
    /// Which of `deny` and `warn` it has.
    pub levels: Vec<Level>,
    /// Names of its tests, in order.
    pub tests: Vec<String>,
    module: &'a Module,
    found: Found,
}

impl<'a> Reading<'a> {
    /// Reads what a file declares. Faults that it has alone are added to `faults`.
    pub fn new(
        file: &'a str,
        is_test: bool,
        package: String,
        module: &'a Module,
        faults: &mut Vec<Fault>,
    ) -> Self {
        let kind = match kind(&package, is_test) {
            Ok(kind) => kind,
            Err(text) => {
                faults.push(Fault::at(file, module.package.span.line, 0, text));
                Kind::Library
            }
        };
        let mut reading = Self {
            file,
            package,
            kind,
            levels: Vec::new(),
            tests: Vec::new(),
            module,
            found: walk(module),
        };
        match reading.kind {
            Kind::Tests => reading.read_tests(),
            _ => reading.read_levels(faults),
        }
        reading
    }

    fn read_tests(&mut self) {
        for rule in &self.module.policy {
            let name = head_name(rule);
            let has_arguments = matches!(
                &**rule,
                Rule::Spec {
                    head: RuleHead::Func { .. },
                    ..
                }
            );
            let is_test = name.starts_with("test_") || name.starts_with("todo_test_");
            if is_test && !has_arguments && !self.tests.contains(&name) {
                self.tests.push(name);
            }
        }
    }

    fn read_levels(&mut self, faults: &mut Vec<Fault>) {
        let is_rule = matches!(self.kind, Kind::Rule(_));
        let mut is_faulty = false;
        for rule in &self.module.policy {
            let name = head_name(rule);
            let is_set = matches!(
                &**rule,
                Rule::Spec {
                    head: RuleHead::Set { .. },
                    ..
                }
            );
            let (line, column) = place_of(rule.span());
            let mut fault = |text: String| {
                faults.push(Fault::at(self.file, line, column, text));
                is_faulty = true;
            };
            for unbound in list_unbound(self.module, rule) {
                fault(format!("nothing gives {unbound} a value"));
            }
            match [Level::Deny, Level::Warn]
                .into_iter()
                .find(|level| level_name(*level) == name)
            {
                Some(_) if !is_rule => fault(format!(
                    "only packages {RULES}.<name> may have {name}: nobody would ask this one"
                )),
                Some(level) if is_set && !self.levels.contains(&level) => self.levels.push(level),
                Some(_) if is_set => {}
                Some(_) => fault(format!(
                    "{name} must be a set of messages: write `{name} contains msg if ...`"
                )),
                None if is_set && is_lookalike(&name) => fault(format!(
                    "nobody would ask for {name}: a rule says `deny contains msg if ...` or `warn contains msg if ...`, in a package of its own"
                )),
                None => {}
            }
        }
        if is_rule && self.levels.is_empty() && !is_faulty {
            let text = "it has neither `deny contains msg if ...` nor `warn contains msg if ...`, so it could say nothing";
            faults.push(Fault::of_file(self.file, text));
        }
    }

    /// The functions it declares, by their whole names.
    pub fn functions(&self) -> impl Iterator<Item = String> + '_ {
        self.module
            .policy
            .iter()
            .filter(|rule| {
                matches!(
                    &***rule,
                    Rule::Spec {
                        head: RuleHead::Func { .. },
                        ..
                    }
                ) || matches!(&***rule, Rule::Default { args, .. } if !args.is_empty())
            })
            .map(|rule| format!("{}.{}", self.package, head_name(rule)))
    }

    /// Checks what it calls and refers to. `declared` are the functions of all files, `facts` is a document in full.
    pub fn check_uses(
        &self,
        declared: &BTreeSet<String>,
        facts: &Value,
        data: &Value,
        faults: &mut Vec<Fault>,
    ) {
        for call in &self.found.calls {
            let own = self.resolve(&call.name);
            if declared.contains(&own) {
                continue;
            }
            if let Some(why) = functions::refuse(&call.name) {
                faults.push(Fault::at(self.file, call.place.0, call.place.1, why));
            }
        }
        for reference in &self.found.references {
            if let Some(text) = check_reference(reference, facts, data) {
                let (line, column) = reference.place;
                faults.push(Fault::at(self.file, line, column, text));
            }
        }
    }

    /// The whole name of one of the policies' own functions as the interpreter finds it.
    fn resolve(&self, name: &str) -> String {
        if name.starts_with("data.") {
            name.to_owned()
        } else {
            format!("{}.{name}", self.package)
        }
    }
}

/// Finds functions that call themselves, directly or through others: the language has no such thing, and this
/// interpreter would only end with its stack.
pub fn check_recursion(
    readings: &[Reading<'_>],
    declared: &BTreeSet<String>,
    faults: &mut Vec<Fault>,
) {
    let mut calls: BTreeMap<String, Vec<(String, Fault)>> = BTreeMap::new();
    for reading in readings {
        for call in &reading.found.calls {
            let (from, to) = (reading.resolve(&call.within), reading.resolve(&call.name));
            if declared.contains(&from) && declared.contains(&to) {
                let text = format!("function {} calls itself", call.within);
                let fault = Fault::at(reading.file, call.place.0, call.place.1, text);
                calls.entry(from).or_default().push((to, fault));
            }
        }
    }
    for (from, ways) in &calls {
        for (to, fault) in ways {
            if reaches(&calls, to, from) {
                faults.push(fault.clone());
            }
        }
    }
}

/// Whether calls lead from one function to another.
fn reaches(calls: &BTreeMap<String, Vec<(String, Fault)>>, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut ahead = vec![from];
    while let Some(at) = ahead.pop() {
        if at == to {
            return true;
        }
        if seen.insert(at) {
            ahead.extend(
                calls
                    .get(at)
                    .into_iter()
                    .flatten()
                    .map(|(next, _)| next.as_str()),
            );
        }
    }
    false
}

/// What a file is, by its package and name.
fn kind(package: &str, is_test: bool) -> Result<Kind, String> {
    if is_test {
        return Ok(Kind::Tests);
    }
    let parts: Vec<&str> = package.split('.').skip(1).collect();
    match parts.as_slice() {
        [RULES, name] if is_plain(name) => Ok(Kind::Rule(name.replace('_', "-"))),
        [LIBRARIES, name] if is_plain(name) => Ok(Kind::Library),
        _ => Err(format!(
            "the package must be {RULES}.<name> for a rule, or {LIBRARIES}.<name> for functions that rules share; names are of a-z, 0-9 and _; tests stand in files that end in _test.rego"
        )),
    }
}

fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Names that conftest would ask for and Granary does not.
fn is_lookalike(name: &str) -> bool {
    name == "violation"
        || ["deny_", "warn_", "violation_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

/// What is wrong with a reference to facts or settings.
fn check_reference(reference: &Reference, facts: &Value, data: &Value) -> Option<String> {
    let parts: Vec<&str> = reference.parts.iter().map(String::as_str).collect();
    let (document, known, path) = match parts.as_slice() {
        ["input", path @ ..] => ("input", facts, path),
        ["data", "settings", path @ ..] => ("data.settings", data.get("settings")?, path),
        _ => return None,
    };
    let mut known = known;
    let mut at = document.to_owned();
    for part in path {
        let fields = known.as_object()?; // a list, or null: what is in it is not known here
        let Some(next) = fields.get(*part) else {
            let names: Vec<&str> = fields.keys().map(String::as_str).collect();
            return Some(format!(
                "there is no {at}.{part}; {at} has {}",
                names.join(", ")
            ));
        };
        known = next;
        at = format!("{at}.{part}");
    }
    None
}
