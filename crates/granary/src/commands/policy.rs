//! `granary policy test`: a folder of policies and its tests, without a server; what `granary policy dry-run` asks for; and
//! the process that evaluates policies.

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result};
use pipeline::policy::check::{Report, TestOutcome, check};
use pipeline::policy::rego::TestResult;
use pipeline::policy::{PolicyError, Settings, apart};
use serde_json::json;

use crate::config::Config;
use crate::config::layers::Layers;
use crate::judge::judge_command;
use crate::operations::dry_run::{DryRunAsk, TriedSettings};

/// Is that process, until its input ends.
pub fn evaluate() -> Result<bool> {
    apart::serve(io::stdin().lock(), io::stdout()).context("policies cannot be evaluated")?;
    Ok(true)
}

/// Runs the tests of a folder and those that come with Granary.
pub fn test(folder: Option<&Path>, as_json: bool) -> Result<bool> {
    let mut out = io::stdout().lock();
    match check(&Settings::default(), folder, &judge_command()?) {
        Ok(report) => {
            if as_json {
                write_json(&mut out, &report)?;
            } else {
                write_lines(&mut out, &report)?;
            }
            Ok(report.is_good())
        }
        Err(PolicyError::Refused(faults)) => {
            for fault in faults {
                if as_json {
                    writeln!(out, "{}", json!({ "fault": fault }))?;
                } else {
                    writeln!(out, "FAIL  {fault}")?;
                }
            }
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// What `granary policy dry-run` asks for. A running server has settings of its own; of this command's only those count
/// that stand on its command line.
pub fn dry_run(
    folder: Option<&Path>,
    view: Option<&str>,
    layers: &Layers,
    config: &Config,
) -> Result<DryRunAsk> {
    let is_set = |key: &str| layers.get(key).source == "--set";
    let gates = &config.gates;
    let set_folder = gates.folder.as_deref().filter(|_| is_set("policy.folder"));
    Ok(DryRunAsk {
        folder: folder.or(set_folder).map(std::path::absolute).transpose()?,
        view: view.map(ToOwned::to_owned),
        settings: TriedSettings {
            cooldown: is_set("policy.cooldown").then_some(gates.cooldown),
            allow: is_set("policy.allow").then(|| gates.allow.clone()),
            deny: is_set("policy.deny").then(|| gates.deny.clone()),
            zip_bytes_max: is_set("policy.zip_max").then_some(gates.zip_bytes_max),
        },
    })
}

fn write_lines(out: &mut impl Write, report: &Report) -> io::Result<()> {
    for rule in &report.rules {
        writeln!(out, "rule  {} ({})", rule.name, rule.file)?;
    }
    for fault in &report.faults {
        writeln!(out, "FAIL  {fault}")?;
    }
    for test in &report.tests {
        let (word, why) = match &test.result {
            TestResult::Passed => ("ok", ""),
            TestResult::Skipped => ("skip", ""),
            TestResult::Failed(why) => ("FAIL", why.as_str()),
        };
        let colon = if why.is_empty() { "" } else { ": " };
        writeln!(out, "{word:5} {} {}{colon}{why}", test.file, test.name)?;
        for line in test.printed.lines() {
            writeln!(out, "      {line}")?;
        }
    }
    let count = |is: fn(&TestOutcome) -> bool| report.tests.iter().filter(|test| is(test)).count();
    writeln!(
        out,
        "{} tests: {} passed, {} failed, {} skipped",
        report.tests.len(),
        count(|test| test.result == TestResult::Passed),
        count(|test| matches!(test.result, TestResult::Failed(_))),
        count(|test| test.result == TestResult::Skipped),
    )
}

fn write_json(out: &mut impl Write, report: &Report) -> io::Result<()> {
    for rule in &report.rules {
        writeln!(out, "{}", json!({ "rule": rule.name, "file": rule.file }))?;
    }
    for fault in &report.faults {
        writeln!(out, "{}", json!({ "fault": fault }))?;
    }
    for test in &report.tests {
        let (result, why) = match &test.result {
            TestResult::Passed => ("passed", None),
            TestResult::Skipped => ("skipped", None),
            TestResult::Failed(why) => ("failed", Some(why)),
        };
        let line = json!({
            "test": test.name,
            "file": test.file,
            "result": result,
            "why": why,
            "printed": test.printed,
        });
        writeln!(out, "{line}")?;
    }
    Ok(())
}
