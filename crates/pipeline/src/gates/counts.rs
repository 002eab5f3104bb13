//! What policies have said at the gates, in numbers: for the operator's metrics.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use catalog::{Level, NewVerdict};

/// Rules that are counted by their names. An operator's folder holds a quarter of that; names come and go with it, and a
/// metric must not grow for ever. What is over is counted as [`OTHER`].
const RULES_MAX: usize = 1_000;

/// Where rules are counted that are too many.
const OTHER: &str = "other";

/// Counts by the values of their labels.
pub type Tally = Arc<Mutex<BTreeMap<Vec<String>, u64>>>;

/// Counts of verdicts, since the process began. A clone shares them.
#[derive(Clone, Debug)]
pub struct VerdictCounts {
    ends: Tally,
    findings: Tally,
}

impl VerdictCounts {
    /// Verdicts by how they ended: `admitted` (nothing was found), `warned` (let in with warnings), `refused`.
    pub fn ends(&self) -> Tally {
        Arc::clone(&self.ends)
    }

    /// Findings by rule and level (`deny`, `warn`), as they count: what is waived is a warning.
    pub fn findings(&self) -> Tally {
        Arc::clone(&self.findings)
    }

    pub(super) fn count(&self, verdict: &NewVerdict) {
        let end = match (verdict.admitted, verdict.reasons.is_empty()) {
            (true, true) => "admitted",
            (true, false) => "warned",
            (false, _) => "refused",
        };
        add(&self.ends, &[end]);
        for reason in &verdict.reasons {
            let level = match reason.level {
                Level::Deny => "deny",
                Level::Warn => "warn",
            };
            add(&self.findings, &[&reason.rule, level]);
        }
    }
}

impl Default for VerdictCounts {
    /// All ends are there from the beginning, so that a rate of them can be asked for.
    fn default() -> Self {
        let ends = ["admitted", "warned", "refused"].map(|end| (vec![end.to_owned()], 0));
        Self {
            ends: Arc::new(Mutex::new(BTreeMap::from(ends))),
            findings: Tally::default(),
        }
    }
}

fn add(tally: &Tally, labels: &[&str]) {
    let mut counts = tally.lock().unwrap_or_else(PoisonError::into_inner);
    let mut key: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
    // A rule has two levels.
    if counts.len() >= 2 * RULES_MAX && !counts.contains_key(&key) {
        key[0] = OTHER.to_owned();
    }
    *counts.entry(key).or_default() += 1;
}

#[cfg(test)]
mod tests {
    use catalog::Reason;
    use gomod::hash::ContentDigest;

    use super::*;

    fn verdict(admitted: bool, reasons: &[(&str, Level)]) -> NewVerdict {
        let reasons = reasons.iter().map(|(rule, level)| Reason {
            rule: (*rule).to_owned(),
            level: *level,
            text: "x".to_owned(),
            waiver: None,
            until: None,
        });
        NewVerdict {
            module: "example.com/m@v1.0.0".parse().unwrap(),
            view: "prod".to_owned(),
            admitted,
            reasons: reasons.collect(),
            facts: ContentDigest::of(b"facts"),
            policies: ContentDigest::of(b"policies"),
            until: None,
        }
    }

    fn read(tally: &Tally) -> Vec<(String, u64)> {
        let counts = tally.lock().unwrap();
        let lines = counts
            .iter()
            .map(|(labels, count)| (labels.join(" "), *count));
        lines.collect()
    }

    #[test]
    fn verdicts_are_counted_by_their_end_and_findings_by_their_rule() {
        let counts = VerdictCounts::default();
        counts.count(&verdict(true, &[]));
        counts.count(&verdict(true, &[("size", Level::Warn)]));
        counts.count(&verdict(
            false,
            &[("size", Level::Deny), ("cooldown", Level::Deny)],
        ));
        counts.count(&verdict(false, &[("size", Level::Deny)]));
        let text = |(labels, count): &(&str, u64)| ((*labels).to_owned(), *count);
        let ends = [("admitted", 1), ("refused", 2), ("warned", 1)];
        assert_eq!(
            read(&counts.ends()),
            ends.iter().map(text).collect::<Vec<_>>()
        );
        let findings = [("cooldown deny", 1), ("size deny", 2), ("size warn", 1)];
        assert_eq!(
            read(&counts.findings()),
            findings.iter().map(text).collect::<Vec<_>>()
        );
    }

    #[test]
    fn names_of_rules_do_not_pile_up() {
        let counts = VerdictCounts::default();
        for n in 0..3 * RULES_MAX {
            let rule = format!("rule-{n}");
            counts.count(&verdict(false, &[(&rule, Level::Deny)]));
        }
        let read = read(&counts.findings());
        assert_eq!(read.len(), 2 * RULES_MAX + 1);
        assert!(read.contains(&("other deny".to_owned(), RULES_MAX as u64)));
        let sum: u64 = read.iter().map(|(_, count)| count).sum();
        assert_eq!(sum, 3 * RULES_MAX as u64);
    }
}
