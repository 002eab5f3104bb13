//! Gates before the real go client: what policies refuse is not served, in words that go prints; what they let through is.

mod cooldown;
mod history;
mod interleaved;
mod licences;
mod modes;
mod nonsense;
mod promotions;
mod shown;
mod stages;
mod withdrawals;

use std::path::Path;

use crate::rig::database::Database;
use crate::rig::granary::{Granary, Setup};
use crate::rig::module::{Made, go_mod};
use crate::rig::upstream::Upstream;

/// A licence that everybody knows.
const LICENCE: &str = include_str!("../../../../LICENSE");

/// The module that the tests are about.
const MODULE: &str = "example.com/gated";

/// A policy of an operator's own: nothing whose commit says `bad` in a file of that name.
const NO_BAD: &str = r#"# Refuses the versions that the test calls bad.
package granary.no_bad

deny contains msg if {
	endswith(input.version, "-bad")
	msg := "it is bad"
}
"#;

/// A server with an upstream, a checksum database and, if given, a folder of policies.
struct Rig {
    upstream: Upstream,
    database: Database,
    setup: Setup,
}

impl Rig {
    fn new() -> Self {
        let database = Database::new();
        let upstream = Upstream::start_with(&database);
        // Lists are asked for again at once, as clients of another day would.
        let setup = Setup::with(&upstream, &database).set("list.fresh", "1s");
        Self {
            upstream,
            database,
            setup,
        }
    }

    /// With a policy that refuses versions whose name ends in `-bad`.
    fn refusing_bad() -> Self {
        let mut rig = Self::new();
        rig.add_policy("no_bad.rego", NO_BAD);
        rig
    }

    fn set(mut self, key: &str, value: &str) -> Self {
        self.setup = self.setup.set(key, value);
        self
    }

    fn add_policy(&mut self, name: &str, text: &str) {
        let folder = self.setup.folder("policies");
        put(&folder.join(name), text);
        self.setup = self
            .setup
            .clone()
            .set("policy.folder", &folder.display().to_string());
    }

    fn publish(&self, version: &str) -> Made {
        let code = format!("package gated\n\nconst Version = {version:?}\n");
        let files = [
            ("gated.go", code.as_str()),
            ("go.mod", &go_mod(MODULE, &[])),
        ];
        self.upstream.publish(MODULE, version, &files)
    }
}

/// Replaces a file whole, as editors do.
fn put(path: &Path, text: &str) {
    let next = path.with_extension("next~");
    std::fs::write(&next, text).unwrap();
    std::fs::rename(next, path).unwrap();
}

/// Checks a status and that the answer's text has all of these in it.
#[track_caller]
fn check(granary: &Granary, path: &str, status: u16, parts: &[&str]) {
    let answer = granary.get(path);
    assert_eq!(answer.status, status, "{path}: {}", answer.text());
    for part in parts {
        assert!(
            answer.text().contains(part),
            "{path}: {part:?} is not in {}",
            answer.text()
        );
    }
}

/// Runs a command on the server that must succeed.
#[track_caller]
fn must_run(setup: &Setup, arguments: &[&str]) -> String {
    let output = setup.run(arguments);
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{arguments:?}: {text}");
    text
}
