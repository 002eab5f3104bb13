//! What is wrong with a policy, and where: for the log, for `granary doctor`, for whoever wrote it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::limits::FAULTS_MAX;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fault {
    /// The file, relative to its folder; `shipped/…` for those that come with Granary.
    pub file: String,
    /// Line, from 1; 0 if it is about the file as a whole.
    pub line: u32,
    /// Column, from 1; 0 if it is about the line as a whole.
    pub column: u32,
    /// What is wrong, and what to do about it.
    pub text: String,
}

impl Fault {
    /// A fault of a file as a whole.
    pub fn of_file(file: &str, text: impl Into<String>) -> Self {
        Self::at(file, 0, 0, text)
    }

    /// A fault at a place.
    pub fn at(file: &str, line: u32, column: u32, text: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            column,
            text: text.into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if self.line > 0 && self.column > 0 {
            write!(f, ":{}", self.column)?;
        }
        write!(f, ": {}", self.text)
    }
}

/// Why a set of policies cannot be had. Whatever runs goes on unchanged.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The folder, or something in it, cannot be read.
    #[error("the policies in {path} cannot be read")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// Policies are wrong; the faults are in the order of their files.
    #[error("{}", list(.0))]
    Refused(Vec<Fault>),
    /// The process that evaluates cannot be started, or reading the policies ends it.
    #[error("the process that evaluates policies failed: {text}")]
    Evaluator {
        /// What happened to it.
        text: String,
    },
}

impl PolicyError {
    /// The faults, where policies are wrong.
    pub fn faults(&self) -> &[Fault] {
        match self {
            Self::Refused(faults) => faults,
            _ => &[],
        }
    }
}

/// All faults on one line, as a log wants them.
fn list(faults: &[Fault]) -> String {
    let mut text = String::from("the policies are refused");
    for (i, fault) in faults.iter().take(FAULTS_MAX).enumerate() {
        text.push_str(if i == 0 { ": " } else { "; " });
        text.push_str(&fault.to_string());
    }
    if faults.len() > FAULTS_MAX {
        text.push_str(&format!("; and {} more", faults.len() - FAULTS_MAX));
    }
    text
}
