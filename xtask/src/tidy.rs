//! All checks in one.

use crate::finding::Finding;
use crate::places::Place;
use crate::tree::Tree;
use crate::{cycles, docs, edges, lock, names, places, rooms, sizes};

/// Runs every check; findings in order of path and line.
pub fn check(tree: &Tree, here: &[Place]) -> Vec<Finding> {
    let mut findings = edges::check(tree);
    findings.extend(cycles::check(tree));
    findings.extend(docs::check(tree));
    findings.extend(sizes::check(tree));
    findings.extend(rooms::check(tree));
    findings.extend(names::check(tree));
    findings.extend(lock::check(tree));
    findings.extend(places::check(tree, here));
    findings.sort();
    findings
}
