//! What `granary doctor` has found so far, as it is printed.

use std::io::Write;

use serde_json::json;

/// How one check ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Grade {
    /// As it should be.
    Well,
    /// Worth knowing.
    Note,
    /// In the way of something.
    Wrong,
}

/// Prints checks as they end and remembers whether any was wrong.
pub struct Report {
    json: bool,
    well: bool,
}

impl Report {
    /// Nothing is wrong yet.
    pub fn new(json: bool) -> Self {
        Self { json, well: true }
    }

    /// Whether nothing was wrong so far.
    pub fn is_well(&self) -> bool {
        self.well
    }

    /// Prints how a check ended, and what is to be done about it unless all is well.
    pub fn say(&mut self, grade: Grade, check: &str, found: &str, advice: &str) {
        self.well &= grade != Grade::Wrong;
        let word = match grade {
            Grade::Well => "ok",
            Grade::Note => "note",
            Grade::Wrong => "WRONG",
        };
        let mut out = std::io::stdout().lock();
        if self.json {
            writeln!(
                out,
                "{}",
                json!({ "check": check, "grade": word, "found": found, "advice": advice })
            )
            .ok();
            return;
        }
        writeln!(out, "{word:5}  {check}: {found}").ok();
        if !advice.is_empty() && grade != Grade::Well {
            writeln!(out, "       → {advice}").ok();
        }
    }
}
