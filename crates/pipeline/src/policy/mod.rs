//! Policies: rules in Rego over a document of facts, which decide whether a candidate goes on to the next stage.
//!
//! A rule says `deny contains msg if …` or `warn contains msg if …`; the last part of its package is its name. Those that
//! come with Granary stand in `crates/pipeline/policies`; an operator's folder adds to them, and replaces one of the same
//! name. Not here: where facts come from, waivers, and what becomes of a verdict. docs/policies.md is the operator's side.

pub mod limits;

pub mod facts;
pub mod fault;
pub mod finding;

pub mod sources;

pub mod shipped;

pub mod rego;

pub mod apart;

pub mod set;

pub mod check;

pub mod running;

pub use apart::JudgeCommand;
pub use facts::{Facts, Known};
pub use fault::{Fault, PolicyError};
pub use finding::{Finding, Judgement};
pub use running::{Policies, Trouble};
pub use set::{Folder, PolicySet};
pub use shipped::Settings;
