//! What is absent from a room on purpose: SQL, statuses, HTML, the environment, programs, and in the pure rooms any
//! effect at all.

use crate::finding::Finding;
use crate::source::Source;
use crate::tree::{File, Tree, room};

/// Words that only some places may say.
struct Rule {
    words: &'static [&'static str],
    /// Beginnings of paths where the words are allowed.
    allowed: &'static [&'static str],
    /// Where they are looked for; empty is everywhere in `crates/`.
    only: &'static [&'static str],
    why: &'static str,
    advice: &'static str,
}

const WORDS: &[Rule] = &[
    Rule {
        words: &["sqlx"],
        allowed: &["crates/catalog/", "crates/queue/"],
        only: &[],
        why: "SQL lives in catalog and queue alone",
        advice: "add a function to the catalog and call it",
    },
    Rule {
        words: &["StatusCode", "http::status"],
        allowed: &["crates/web/"],
        only: &[],
        why: "web alone turns outcomes into statuses",
        advice: "return a class of refusal; read a foreign answer's status as a number",
    },
    Rule {
        words: &[
            "env::var",
            "env::vars",
            "env::var_os",
            "env::vars_os",
            "env::set_var",
            "option_env!",
        ],
        allowed: &["crates/granary/"],
        only: &[],
        why: "environment and configuration are read only in granary",
        advice: "take the value as an argument",
    },
    Rule {
        words: &["process::Command", "tokio::process"],
        allowed: &[
            "crates/origin/src/vcs",
            "crates/pipeline/src/validator",
            "crates/granary/src/",
        ],
        only: &[],
        why: "only origin/vcs, the validator and granary's look at `go env` start programs",
        advice: "do it in process, or in one of those places",
    },
    Rule {
        words: &[
            "async fn",
            "async move",
            "async {",
            ".await",
            "tokio",
            "std::thread",
            "thread::spawn",
        ],
        allowed: &[],
        only: PURE,
        why: "this room is bytes in, values out: nothing in it waits",
        advice: "let the caller fetch and hand over the bytes",
    },
    Rule {
        words: &["SystemTime", "Instant", "Timestamp::now", "Zoned::now"],
        allowed: &[],
        only: PURE,
        why: "this room has no clock, so its answers never change by themselves",
        advice: "take `now` as an argument",
    },
    Rule {
        words: &[
            "std::fs",
            "fs::File",
            "File::open",
            "std::net",
            "TcpStream",
            "UdpSocket",
        ],
        allowed: &[],
        only: PURE,
        why: "this room knows no file and no socket",
        advice: "take `impl Read` or bytes",
    },
    Rule {
        words: &[
            "tracing",
            "log::",
            "println!",
            "eprintln!",
            "print!",
            "eprint!",
        ],
        allowed: &[],
        only: PURE,
        why: "this room writes no log line: an error is a value",
        advice: "return it",
    },
];

const PURE: &[&str] = &["crates/gomod/", "crates/gosource/", "crates/insight/"];

/// How SQL text begins; looked for in strings, in lower case.
const SQL: &[&str] = &[
    "select ",
    "insert into ",
    "delete from ",
    "create table ",
    "create index ",
    "create unique index ",
    "alter table ",
    "drop table ",
    "pragma ",
    "begin immediate",
];

/// Marks of a page; looked for in strings, in lower case.
const HTML: &[&str] = &[
    "<!doctype",
    "<html",
    "<body",
    "<table",
    "<div",
    "<span",
    "<a href",
    "text/html",
];

/// Checks all rooms.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, source) in tree.list_rust("crates/") {
        if tree.is_test_file(&file.path) || !file.path.contains("/src/") {
            continue;
        }
        for rule in WORDS {
            check_words(rule, file, source, &mut findings);
        }
        check_built_in_env(file, source, &mut findings);
        check_literals(file, source, &mut findings);
    }
    findings
}

fn check_words(rule: &Rule, file: &File, source: &Source, findings: &mut Vec<Finding>) {
    let begins = |places: &[&str]| places.iter().any(|p| file.path.starts_with(p));
    if begins(rule.allowed) || !rule.only.is_empty() && !begins(rule.only) {
        return;
    }
    for word in rule.words {
        for at in source
            .find_word(word)
            .into_iter()
            .filter(|at| !source.is_test(*at))
        {
            let what = format!("`{}` here", word.trim());
            findings.push(Finding::new(
                &file.path,
                source.line(at),
                what,
                rule.why,
                rule.advice,
            ));
        }
    }
}

/// `env!` may name what cargo says about the package, nothing else.
fn check_built_in_env(file: &File, source: &Source, findings: &mut Vec<Finding>) {
    if room(&file.path) == Some("granary") {
        return;
    }
    for at in source
        .find_word("env!")
        .into_iter()
        .filter(|at| !source.is_test(*at))
    {
        let literal = source.literals.iter().find(|l| l.at > at);
        if !literal.is_some_and(|l| l.text.starts_with("CARGO_")) {
            let why = "environment and configuration are read only in granary";
            let advice = "take the value as an argument";
            findings.push(Finding::new(
                &file.path,
                source.line(at),
                "`env!` here",
                why,
                advice,
            ));
        }
    }
}

fn check_literals(file: &File, source: &Source, findings: &mut Vec<Finding>) {
    let room = room(&file.path).unwrap_or_default();
    for literal in source.literals.iter().filter(|l| !source.is_test(l.at)) {
        let text = literal.text.trim_start().to_lowercase();
        let line = source.line(literal.at);
        let is_update = text.starts_with("update ") && text.contains(" set ");
        if !matches!(room, "catalog" | "queue")
            && (is_update || SQL.iter().any(|s| text.starts_with(s)))
        {
            let advice = "add a function to the catalog and call it";
            let why = "SQL lives in catalog and queue alone";
            findings.push(Finding::new(&file.path, line, "SQL text here", why, advice));
        }
        if room != "web" && HTML.iter().any(|mark| text.contains(mark)) {
            let advice = "return values and let web draw them";
            findings.push(Finding::new(
                &file.path,
                line,
                "HTML here",
                "pages are made in web alone",
                advice,
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_what(path: &str, text: &str, want: &[&str]) {
        let got: Vec<String> = check(&Tree::of(&[(path, text)]))
            .into_iter()
            .map(|f| f.what)
            .collect();
        assert_eq!(got, want);
    }

    #[test]
    fn sql_stays_in_its_rooms() {
        let text = "const Q: &str = \"\n  select v from t\";";
        check_what("crates/web/src/a.rs", text, &["SQL text here"]);
        check_what("crates/catalog/src/a.rs", text, &[]);
        check_what("crates/web/src/a.rs", "const Q: &str = \"selected\";", &[]);
        check_what(
            "crates/web/src/a.rs",
            "const Q: &str = \"update t set a = 1\";",
            &["SQL text here"],
        );
        check_what(
            "crates/web/src/a.rs",
            "const Q: &str = \"update the go.mod\";",
            &[],
        );
        check_what(
            "crates/pipeline/src/a.rs",
            "use sqlx::Row;",
            &["`sqlx` here"],
        );
    }

    #[test]
    fn statuses_and_pages_stay_in_web() {
        check_what(
            "crates/origin/src/a.rs",
            "use http::StatusCode;",
            &["`StatusCode` here"],
        );
        check_what("crates/web/src/a.rs", "use http::StatusCode;", &[]);
        check_what("crates/pipeline/src/a.rs", "f(\"<html>\")", &["HTML here"]);
        check_what("crates/origin/src/a.rs", "f(\"<meta name=go-import\")", &[]);
    }

    #[test]
    fn the_environment_is_read_in_granary() {
        check_what(
            "crates/origin/src/a.rs",
            "std::env::var(\"X\")",
            &["`env::var` here"],
        );
        check_what(
            "crates/origin/src/a.rs",
            "std::env::vars()",
            &["`env::vars` here"],
        );
        check_what("crates/origin/src/a.rs", "env!(\"CARGO_PKG_VERSION\")", &[]);
        check_what("crates/origin/src/a.rs", "env!(\"HOME\")", &["`env!` here"]);
        check_what("crates/granary/src/a.rs", "std::env::var(\"X\")", &[]);
        check_what(
            "crates/origin/src/a.rs",
            "#[cfg(test)]\nmod t { fn f() { std::env::var(\"X\") } }",
            &[],
        );
    }

    #[test]
    fn programs_are_started_in_few_places() {
        check_what(
            "crates/store/src/a.rs",
            "use std::process::Command;",
            &["`process::Command` here"],
        );
        check_what(
            "crates/origin/src/vcs/git.rs",
            "use tokio::process::Command;",
            &[],
        );
        check_what(
            "crates/granary/src/main.rs",
            "use std::process::ExitCode;",
            &[],
        );
    }

    #[test]
    fn pure_rooms_have_no_effects() {
        check_what(
            "crates/gomod/src/a.rs",
            "async fn f() {}",
            &["`async fn` here"],
        );
        check_what(
            "crates/gomod/src/a.rs",
            "let t = jiff::Timestamp::now();",
            &["`Timestamp::now` here"],
        );
        check_what("crates/gomod/src/a.rs", "use std::fs;", &["`std::fs` here"]);
        check_what("crates/gomod/src/a.rs", "println!()", &["`println!` here"]);
        check_what("crates/store/src/a.rs", "use std::fs; println!()", &[]);
        check_what("crates/gomod/src/a/tests.rs", "use std::fs;", &[]);
    }
}
