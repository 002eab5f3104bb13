//! Which room may use which, and which room alone knows an outside crate. The table is the design's.

use crate::finding::Finding;
use crate::tree::{File, Tree};

/// A room and the rooms it may use. A room that is not in this table fails: it needs a decision first.
const ROOMS: &[(&str, &[&str])] = &[
    ("gomod", &[]),
    ("queue", &[]),
    ("git", &[]),
    ("gosource", &["gomod"]),
    ("insight", &["gomod"]),
    ("store", &["gomod"]),
    ("tlog", &["gomod", "store"]),
    ("catalog", &["gomod", "insight"]),
    ("search", &["gomod", "gosource", "catalog"]),
    ("origin", &["gomod", "tlog", "git"]),
    (
        "pipeline",
        &[
            "gomod", "gosource", "insight", "store", "queue", "tlog", "catalog", "search", "origin",
        ],
    ),
    (
        "web",
        &[
            "gomod", "gosource", "insight", "store", "queue", "tlog", "catalog", "search",
        ],
    ),
    (
        "granary",
        &[
            "gomod", "gosource", "insight", "store", "queue", "tlog", "catalog", "search",
            "origin", "pipeline", "web", "git",
        ],
    ),
];

/// Tests may reach for any room, but `web` must not meet these even there: its tests would then prove nothing about
/// what a request can cause.
const NEVER_EVEN_IN_TESTS: &[(&str, &[&str])] = &[("web", &["origin", "pipeline"])];

/// Crates of others that one room (or two) alone may know: they break their interface often, or they are the power that
/// the room stands for.
const KNOWN_TO: &[(&str, &[&str], &str)] = &[
    (
        "sqlx",
        &["catalog", "queue"],
        "SQL lives in catalog and queue alone",
    ),
    (
        "object_store",
        &["store"],
        "one room adapts to its releases",
    ),
    (
        "reqwest",
        &["origin"],
        "only origin talks to what is not ours",
    ),
    ("axum", &["web"], "every HTTP answer is made in web"),
    ("gix", &["origin"], "one room adapts to its releases"),
    ("tantivy", &["search"], "one room adapts to its releases"),
    ("regorus", &["pipeline"], "one room adapts to its releases"),
    ("spdx", &["insight"], "one room adapts to its releases"),
    ("async-nats", &["queue"], "one room adapts to its releases"),
    (
        "kube",
        &["queue", "pipeline"],
        "one room adapts to its releases",
    ),
    ("clap", &["granary"], "the command line belongs to granary"),
    (
        "anyhow",
        &["granary"],
        "libraries have errors that callers can tell apart",
    ),
];

/// Crates that a pure room must not use: they bring async, a clock, files, sockets or log lines.
const NOT_IN_PURE: &[&str] = &[
    "tokio",
    "futures-util",
    "tracing",
    "log",
    "hyper",
    "hyper-util",
    "reqwest",
    "axum",
    "sqlx",
    "memmap2",
];
/// Rooms of values: bytes in, values out.
const PURE: &[&str] = &["gomod", "gosource", "insight"];

const ADVICE: &str = "move the code to the lowest room whose noun it is about, or submit a job";

/// Checks every room's manifest against the tables.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        let Some(room) = file
            .path
            .strip_prefix("crates/")
            .and_then(|p| p.strip_suffix("/Cargo.toml"))
        else {
            continue;
        };
        if room.contains('/') {
            continue; // a fuzz or bench package of the room
        }
        check_room(tree, file, room, &mut findings);
    }
    findings
}

fn check_room(tree: &Tree, file: &File, room: &str, findings: &mut Vec<Finding>) {
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        findings.push(Finding::new(
            &file.path,
            1,
            format!("room `{room}` is not in the edge table"),
            "a room needs a decision about what it may use",
            "add it to the design, then to ROOMS in xtask/src/edges.rs",
        ));
        return;
    };
    let manifest: toml::Table = match file.text.parse() {
        Ok(manifest) => manifest,
        Err(e) => {
            let what = format!("the manifest does not parse ({})", e.message());
            findings.push(Finding::new(
                &file.path,
                1,
                what,
                "no edge can be read from it",
                "mend it",
            ));
            return;
        }
    };
    let rooms: Vec<&str> = tree
        .files
        .iter()
        .filter_map(|f| crate::tree::room(&f.path))
        .collect();
    for name in list_names(&manifest, &["dependencies", "build-dependencies"]) {
        let line = line_of(&file.text, &name);
        if rooms.contains(&name.as_str()) && !allowed.contains(&name.as_str()) {
            let what = format!("{room} uses {name}");
            findings.push(Finding::new(
                &file.path,
                line,
                what,
                "the edge table does not allow it",
                ADVICE,
            ));
        }
        check_outside(file, room, &name, line, findings);
    }
    let never = NEVER_EVEN_IN_TESTS
        .iter()
        .find(|(name, _)| *name == room)
        .map_or(&[][..], |(_, never)| never);
    for name in list_names(&manifest, &["dev-dependencies"])
        .iter()
        .filter(|n| never.contains(&n.as_str()))
    {
        let what = format!("tests of {room} use {name}");
        let why = "a request must not be able to cause it, not even in a test";
        findings.push(Finding::new(
            &file.path,
            line_of(&file.text, name),
            what,
            why,
            "put the test in granary/tests",
        ));
    }
}

fn check_outside(file: &File, room: &str, name: &str, line: usize, findings: &mut Vec<Finding>) {
    if let Some((_, homes, why)) = KNOWN_TO.iter().find(|(known, _, _)| *known == name)
        && !homes.contains(&room)
    {
        let what = format!("{room} uses {name}, which only {} may", homes.join(" and "));
        findings.push(Finding::new(&file.path, line, what, why, ADVICE));
    }
    if PURE.contains(&room) && NOT_IN_PURE.contains(&name) {
        let what = format!("{room} uses {name}");
        let why = "this room has no async, clock, file, socket or log line";
        findings.push(Finding::new(
            &file.path,
            line,
            what,
            why,
            "take what you need as an argument",
        ));
    }
}

/// Names of packages in some sections, those of `[target.….…]` too; a renamed one by its real name.
fn list_names(manifest: &toml::Table, sections: &[&str]) -> Vec<String> {
    let mut tables: Vec<&toml::Table> = vec![manifest];
    if let Some(toml::Value::Table(targets)) = manifest.get("target") {
        tables.extend(targets.values().filter_map(toml::Value::as_table));
    }
    let mut names = Vec::new();
    for section in tables
        .iter()
        .flat_map(|t| sections.iter().filter_map(|s| t.get(*s)?.as_table()))
    {
        for (key, value) in section {
            let real = value
                .get("package")
                .and_then(toml::Value::as_str)
                .unwrap_or(key);
            names.push(real.to_owned());
        }
    }
    names
}

fn line_of(text: &str, name: &str) -> usize {
    text.lines()
        .position(|l| l.trim_start().starts_with(name))
        .map_or(1, |i| i + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_findings(files: &[(&str, &str)], want: &[&str]) {
        let got: Vec<String> = check(&Tree::of(files))
            .into_iter()
            .map(|f| f.what)
            .collect();
        assert_eq!(got, want);
    }

    #[test]
    fn an_edge_that_the_table_lacks_is_found() {
        let origin = (
            "crates/origin/Cargo.toml",
            "[dependencies]\ngomod.workspace = true\n",
        );
        check_findings(
            &[
                origin,
                (
                    "crates/web/Cargo.toml",
                    "[dependencies]\norigin.workspace = true\n",
                ),
            ],
            &["web uses origin"],
        );
        check_findings(
            &[
                origin,
                (
                    "crates/web/Cargo.toml",
                    "[dependencies]\nx = { path = \"..\", package = \"origin\" }\n",
                ),
            ],
            &["web uses origin"],
        );
        check_findings(
            &[
                origin,
                (
                    "crates/gomod/Cargo.toml",
                    "[target.'cfg(unix)'.dependencies]\norigin = \"1\"\n",
                ),
            ],
            &["gomod uses origin"],
        );
        check_findings(
            &[
                origin,
                (
                    "crates/pipeline/Cargo.toml",
                    "[dependencies]\norigin.workspace = true\n",
                ),
            ],
            &[],
        );
    }

    #[test]
    fn tests_may_reach_further_but_not_from_web() {
        let pipeline = ("crates/pipeline/Cargo.toml", "[package]\n");
        let dev = "[dev-dependencies]\npipeline.workspace = true\n";
        check_findings(&[pipeline, ("crates/store/Cargo.toml", dev)], &[]);
        check_findings(
            &[pipeline, ("crates/web/Cargo.toml", dev)],
            &["tests of web use pipeline"],
        );
    }

    #[test]
    fn crates_of_others_stay_in_their_rooms() {
        check_findings(
            &[("crates/web/Cargo.toml", "[dependencies]\nsqlx = \"1\"\n")],
            &["web uses sqlx, which only catalog and queue may"],
        );
        check_findings(
            &[("crates/gomod/Cargo.toml", "[dependencies]\ntokio = \"1\"\n")],
            &["gomod uses tokio"],
        );
    }

    #[test]
    fn an_unknown_room_needs_a_decision() {
        check_findings(
            &[("crates/drawer/Cargo.toml", "")],
            &["room `drawer` is not in the edge table"],
        );
    }
}
