//! Whatever a client sends: no panic, and answers within their bounds.
//!
//! `GRANARY_PROPTEST_CASES` raises the number of cases, for a long run.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::answer::{REFUSAL_BYTES_MAX, REFUSAL_LINES_MAX, refusal_text};
use crate::conditional::{RangeAsk, accepts_gzip, is_listed, parse_range};
use crate::target::{Request, Target, hot_file_path, hot_path};

fn check<S: Strategy>(strategy: S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let cases = std::env::var("GRANARY_PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(2_000);
    let config = Config {
        failure_persistence: None,
        ..Config::with_cases(cases)
    };
    TestRunner::new(config).run(&strategy, test).unwrap();
}

/// Paths that are nearly right.
fn path() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("/@v/"),
        Just("/@latest"),
        Just("list"),
        Just(".info"),
        Just(".mod"),
        Just(".zip"),
        Just("v1.2.3"),
        Just("v2.0.0+incompatible"),
        Just("example.com"),
        Just("/r/prod"),
        Just("/r/dev"),
        Just("/sumdb/"),
        Just("!a"),
        Just("!"),
        Just("%21a"),
        Just("%2f"),
        Just("%25"),
        Just("%"),
        Just(".."),
        Just("/"),
        Just("gopkg.in/yaml.v3"),
        Just("-"),
        Just("\u{e9}"),
    ];
    prop_oneof![
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat()),
        "[ -~]{0,60}",
        any::<String>(),
    ]
}

#[test]
fn any_path_parses_or_has_a_reason() {
    let parse = |raw: &str| {
        let stages = "dev:policy, prod".parse().unwrap();
        Request::parse(raw, "/go", &stages).map(|request| request.target)
    };
    check(path(), |raw| {
        match parse(&raw) {
            Err(unserved) => prop_assert!(!refusal_text(&unserved.reason).is_empty()),
            // What is kept under a path is found by that path.
            Ok(Target::File(of, kind)) => {
                let again = parse(&hot_file_path(&of, kind));
                prop_assert_eq!(again, Ok(Target::File(of, kind)));
            }
            Ok(Target::List(module)) => {
                let again = parse(&hot_path(&module, "@v/list"));
                prop_assert_eq!(again, Ok(Target::List(module)));
            }
            Ok(_) => {}
        }
        Ok(())
    });
}

#[test]
fn any_reason_is_cut() {
    check(any::<String>(), |reason| {
        for reason in [reason.clone(), reason.repeat(100)] {
            let text = refusal_text(&reason);
            prop_assert!(text.len() <= REFUSAL_BYTES_MAX);
            prop_assert!(text.lines().count() <= REFUSAL_LINES_MAX);
            prop_assert!(text.lines().all(|line| !line.trim().is_empty()));
            let is_plain = |character: char| !character.is_control() || "\n\t".contains(character);
            prop_assert!(text.chars().all(is_plain));
        }
        Ok(())
    });
}

#[test]
fn any_range_lies_in_the_body() {
    let header = prop_oneof!["bytes=[0-9,-]{0,12}", "[ -~]{0,30}"];
    check((header, 0usize..1000), |(header, length)| {
        if let RangeAsk::Part(range) = parse_range(&header, length) {
            prop_assert!(range.start < range.end && range.end <= length);
        }
        Ok(())
    });
}

#[test]
fn any_header_can_be_read() {
    check("[ -~]{0,40}", |header| {
        let _ = accepts_gzip(&header);
        let _ = is_listed(&header, &["\"a\""]);
        Ok(())
    });
}
