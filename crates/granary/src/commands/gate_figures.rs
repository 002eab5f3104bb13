//! What is counted of the gates and of the policies that judge there.

use web::metrics::{CounterFamily, Gauge};

use crate::parts::Parts;

/// Counts of verdicts.
pub(super) fn gate_counters(parts: &Parts) -> Vec<CounterFamily> {
    let counts = &parts.gates.counts;
    vec![
        CounterFamily {
            name: "granary_verdicts",
            help: "Verdicts of policies at the gates, by how they ended",
            labels: &["end"],
            values: counts.ends(),
        },
        CounterFamily {
            name: "granary_findings",
            help: "What rules found, by rule and level; what is waived is a warning",
            labels: &["rule", "level"],
            values: counts.findings(),
        },
    ]
}

/// Whether the operator's policies are those that judge.
pub(super) fn gate_gauge(parts: &Parts) -> Gauge {
    Gauge {
        name: "granary_policies_not_taken_over",
        help: "1 while the folder of policies is bad and is not what judges; `granary doctor` says why",
        value: parts.gates.policies.has_trouble(),
    }
}
