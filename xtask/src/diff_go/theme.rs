//! Short words for making the cases of one theme.

use super::case::{Case, Questions};
use super::repository::Repository;

/// The cases of one theme in the making.
pub struct Theme {
    name: &'static str,
    /// As far as they are made.
    pub cases: Vec<Case>,
}

impl Theme {
    /// A theme without cases; its name begins theirs.
    pub fn new(name: &'static str) -> Self {
        let cases = Vec::new();
        Self { name, cases }
    }

    /// A case that begins with a `go.mod` at the root.
    pub fn case(&mut self, name: &str, build: impl FnOnce(&mut Repository, &mut Questions)) {
        self.bare(name, |r, q| {
            r.module("", "").file("a.go", "package a\n");
            build(r, q);
        });
    }

    /// A case that begins with nothing.
    pub fn bare(&mut self, name: &str, build: impl FnOnce(&mut Repository, &mut Questions)) {
        let name = format!("{}-{name}", self.name);
        self.cases.push(Case::new(&name, build));
    }

    /// A case about files only: one commit, `v1.0.0`.
    pub fn files(&mut self, name: &str, build: impl FnOnce(&mut Repository)) {
        self.case(name, |r, _| {
            build(r);
            r.commit("a").tag("v1.0.0");
        });
    }
}
