//! Nothing in the tree may depend on the machine it was written on: no registry's host, no absolute path of this machine.
//!
//! What to look for comes from the environment at run time, so that no such name stands here either.

use std::path::Path;
use std::process::Command;

use crate::finding::Finding;
use crate::tree::Tree;

/// Folders that every machine has: naming them gives nothing away.
const EVERYWHERE: &[&str] = &[
    "/", "/tmp", "/var/tmp", "/home", "/mnt", "/srv", "/opt", "/usr", "/usr/src", "/data",
];

/// A text that must not stand in the tree, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The text.
    pub text: String,
    /// What it is, in words.
    pub kind: &'static str,
}

/// What gives this machine away: the hosts of its registries and its folders.
pub fn here(root: &Path) -> Vec<Place> {
    let mut places = Vec::new();
    let proxies = ask("go", &["env", "GOPROXY"]).unwrap_or_default();
    places.extend(hosts(&proxies).into_iter().map(|text| Place {
        text,
        kind: "the module proxy's host",
    }));
    let home = std::env::var("HOME").unwrap_or_default();
    let cargo = std::env::var("CARGO_HOME").unwrap_or_else(|_| format!("{home}/.cargo"));
    let settings = std::fs::read_to_string(format!("{cargo}/config.toml")).unwrap_or_default();
    places.extend(hosts(&settings).into_iter().map(|text| Place {
        text,
        kind: "the crate registry's host",
    }));
    let parent = root.parent().unwrap_or(root).to_string_lossy().into_owned();
    for folder in [root.to_string_lossy().into_owned(), parent, home] {
        if folder.starts_with('/') && !EVERYWHERE.contains(&folder.as_str()) {
            places.push(Place {
                text: format!("{folder}/"),
                kind: "a folder of this machine",
            });
        }
    }
    places
}

/// Checks every file but the lock file, whose registry is cargo's own affair.
pub fn check(tree: &Tree, places: &[Place]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|f| f.path != "Cargo.lock") {
        for (i, line) in file.text.lines().enumerate() {
            for place in places.iter().filter(|p| stands_in(line, &p.text)) {
                let why = "the tree must work and read the same on every machine";
                let advice = "read it from the environment, or take a made-up name";
                findings.push(Finding::new(
                    &file.path,
                    i + 1,
                    format!("{} here", place.kind),
                    why,
                    advice,
                ));
            }
        }
    }
    findings
}

/// Whether the text stands in the line, not as the end of a longer name or path.
fn stands_in(line: &str, text: &str) -> bool {
    line.match_indices(text).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| {
            !c.is_alphanumeric() && !matches!(c, '.' | '-' | '_' | '}' | '>' | ')' | '*')
        })
    })
}

/// The hosts of all web addresses in a text, this machine's own left out.
fn hosts(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for part in text.split("://").skip(1) {
        let authority: String = part
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '@' | ':' | '_'))
            .collect();
        let host = authority
            .rsplit('@')
            .next()
            .unwrap_or_default()
            .split(':')
            .next()
            .unwrap_or_default();
        // The index of the public registry lies on a forge that documentation must be able to name.
        let named =
            host.contains('.') && host.parse::<std::net::IpAddr>().is_err() && host != "github.com";
        if named && !found.iter().any(|h| h == host) {
            found.push(host.to_owned());
        }
    }
    found
}

fn ask(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_from_lists_and_settings() {
        assert_eq!(
            hosts("https://a.example|https://u:p@b.example:8443/x,direct"),
            ["a.example", "b.example"]
        );
        assert_eq!(
            hosts("registry = \"sparse+https://c.example/index/\""),
            ["c.example"]
        );
        assert_eq!(hosts("http://127.0.0.1:3000,off"), Vec::<String>::new());
    }

    #[test]
    fn a_place_is_found_but_not_inside_a_longer_name() {
        let places = [
            Place {
                text: "mirror.example".to_owned(),
                kind: "host",
            },
            Place {
                text: "/made-up/".to_owned(),
                kind: "folder",
            },
        ];
        let lines = "https://mirror.example/x\nmy-mirror.example\n/made-up/y\n$HOME/made-up/y\na/made-up/y\n";
        let found = check(
            &Tree::of(&[("README.md", lines), ("Cargo.lock", lines)]),
            &places,
        );
        let lines: Vec<usize> = found.iter().map(|f| f.line).collect();
        assert_eq!(lines, [1, 3]);
    }
}
