//! Tests of checking a folder.

use std::fs;

use super::super::apart::tests::command;
use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

const OWN: (&str, &str) = (
    "own.rego",
    "package granary.own\n\ndeny contains \"too new a go\" if input.go_version == \"1.24\"\n",
);

#[test]
fn without_a_folder_what_comes_with_granary_is_tested() {
    let report = check(&Settings::default(), None, &command()).unwrap();
    assert!(report.is_good());
    assert_eq!(report.rules.len(), 5);
    assert!(report.tests.iter().all(|t| t.result == TestResult::Passed));
    assert!(report.tests.len() > 20);
}

#[test]
fn a_test_that_fails_is_told_with_what_it_printed() {
    let tests = "package granary.own_test\n\ntest_good if true\n\ntest_bad if {\n\tprint(\"look here\")\n\tfalse\n}\n";
    let folder = folder(&[OWN, ("own_test.rego", tests)]);
    let report = check(&Settings::default(), Some(folder.path()), &command()).unwrap();
    assert!(!report.is_good());
    let own: Vec<&TestOutcome> = report
        .tests
        .iter()
        .filter(|test| test.file == "own_test.rego")
        .collect();
    assert_eq!(own[0].result, TestResult::Passed);
    assert_eq!(own[1].name, "granary.own_test.test_bad");
    assert_eq!(own[1].result, TestResult::Failed(String::new()));
    assert_eq!(own[1].printed, "own_test.rego:6: look here");
}

#[test]
fn a_rule_that_cannot_be_evaluated_is_told() {
    let rule = ("own.rego", "package granary.own\n\ndeny contains 7\n");
    let report = check(
        &Settings::default(),
        Some(folder(&[rule]).path()),
        &command(),
    )
    .unwrap();
    assert!(!report.is_good());
    assert_eq!(report.faults[0].file, "own.rego");
}
