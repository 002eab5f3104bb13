//! One thing that is not as the rules say.

use std::fmt;

/// A broken rule: where, what, why that matters, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Path from the root of the tree, `/` between the parts.
    pub path: String,
    /// Line, from 1; 1 also where the whole file is meant.
    pub line: usize,
    /// What was found.
    pub what: String,
    /// The reason of the rule.
    pub why: String,
    /// What to do.
    pub advice: String,
}

impl Finding {
    /// A finding at a line.
    pub fn new(path: &str, line: usize, what: impl Into<String>, why: &str, advice: &str) -> Self {
        Self {
            path: path.to_owned(),
            line,
            what: what.into(),
            why: why.to_owned(),
            advice: advice.to_owned(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}: {}, {}, {}",
            self.path, self.line, self.what, self.why, self.advice
        )
    }
}
