//! What a process that evaluates is asked, and what it answers: one JSON object a line, one question at a time.

use std::io::{self, BufRead, Read};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::super::fault::Fault;
use super::super::finding::Finding;
use super::super::limits::LINE_BYTES_MAX;
use super::super::rego::{Rule, Test, TestResult};
use super::super::sources::Sources;

/// A question.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ask {
    /// Read these policies. Answered with [`Answer::Loaded`] or [`Answer::Refused`].
    Load(Sources),
    /// Ask the rules from this one on. Answered with an [`Answer::Rule`] each, then [`Answer::Done`].
    Judge {
        /// Number of the first rule.
        first: usize,
        /// The moment of judging, Unix seconds.
        now_seconds: i64,
        /// The document of facts.
        facts: Box<RawValue>,
    },
    /// Run the tests from this one on. Answered with an [`Answer::Test`] each, then [`Answer::Done`].
    Test {
        /// Number of the first test.
        first: usize,
        /// Those that come with Granary too.
        shipped: bool,
    },
}

/// An answer, or a part of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// The process has bounded itself and waits. Said once, unasked.
    Ready,
    /// The policies are good.
    Loaded(Loaded),
    /// The policies are not.
    Refused(Vec<Fault>),
    /// What one rule says, or why it could not be evaluated.
    Rule(usize, Result<Vec<Finding>, String>),
    /// How one test ended, and what it printed.
    Test(usize, TestResult, String),
    /// Nothing more.
    Done,
}

/// What is in a set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loaded {
    /// The rules, by name.
    pub rules: Vec<Rule>,
    /// The tests, in the order of their files.
    pub tests: Vec<Test>,
}

/// Reads a line of at most [`LINE_BYTES_MAX`]; none at the end.
pub fn read_line(from: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    let read = from
        .by_ref()
        .take(LINE_BYTES_MAX as u64)
        .read_line(&mut line)?;
    if read == 0 {
        return Ok(None);
    }
    if !line.ends_with('\n') {
        return Err(io::Error::other("a line is cut off or too long"));
    }
    Ok(Some(line))
}
