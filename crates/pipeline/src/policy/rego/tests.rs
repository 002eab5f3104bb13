//! Tests of reading policies and of asking them, in this process.

use std::time::Instant;

use serde_json::Map;

use super::super::facts::Facts;
use super::super::limits::{FINDINGS_MAX, GRACE, TEXT_BYTES_MAX};
use super::super::shipped::{self, Settings};
use super::*;

/// Texts of an operator, with what comes with Granary.
fn with(files: &[(&str, &str)]) -> Sources {
    let mut sources = shipped::sources(&Settings::default());
    sources
        .files
        .extend(files.iter().map(|(name, text)| SourceFile {
            name: (*name).to_owned(),
            text: (*text).to_owned(),
            shipped: false,
        }));
    sources
}

#[track_caller]
fn check_refused(text: &str, want: &str) {
    let faults = match compile(&with(&[("own.rego", text)])) {
        Ok(_) => panic!("taken: {text}"),
        Err(faults) => faults,
    };
    let told: Vec<String> = faults.iter().map(Fault::to_string).collect();
    assert!(
        told.iter().any(|fault| fault.starts_with(want)),
        "{told:#?}"
    );
}

fn now() -> Timestamp {
    let example: Facts = serde_json::from_str(EXAMPLE).unwrap();
    Timestamp::from_second(example.now_seconds).unwrap()
}

/// What a rule of one file says on the example.
fn said(text: &str) -> Result<Vec<Finding>, String> {
    let compiled = compile(&with(&[("own.rego", text)])).unwrap_or_else(|f| panic!("{f:?}"));
    let rule = compiled
        .rules
        .iter()
        .find(|rule| rule.file == "own.rego")
        .unwrap();
    compiled.judge(rule, &read_facts(EXAMPLE).unwrap(), now())
}

#[test]
fn what_comes_with_granary_is_good() {
    let compiled = compile(&with(&[])).unwrap_or_else(|f| panic!("{f:#?}"));
    let names: Vec<&str> = compiled.rules.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "allow-deny",
            "checksum-verified",
            "cooldown",
            "open-source-licence",
            "size"
        ]
    );
    let bench = compiled.test_bench().unwrap();
    assert!(compiled.tests.len() > 20);
    for test in &compiled.tests {
        let (result, printed) = Compiled::run_test(&bench, test);
        assert_eq!(result, TestResult::Passed, "{} {printed}", test.name);
    }
    let facts = read_facts(EXAMPLE).unwrap();
    for rule in &compiled.rules {
        assert_eq!(compiled.judge(rule, &facts, now()), Ok(Vec::new()));
    }
}

#[test]
fn every_rule_that_comes_with_granary_has_tests() {
    let compiled = compile(&with(&[])).unwrap();
    for rule in &compiled.rules {
        let tests = rule.file.replace(".rego", "_test.rego");
        assert!(
            compiled.tests.iter().any(|test| test.file == tests),
            "{tests}"
        );
    }
}

#[test]
fn what_does_not_compile_is_told_with_its_place() {
    check_refused(
        "package granary.own\n\ndeny contains msg if {",
        "own.rego:3:",
    );
    check_refused("", "own.rego");
    check_refused(
        "package granary.own\n\ndeny contains msg if {\n\tinput.private\n}\n",
        "own.rego:3:1: nothing gives msg a value",
    );
    check_refused(
        "package granary.own\n\ndeny contains {\"msg\": sprintf(\"%s\", [name]), \"until\": later} if {\n\tinput.private\n\tlater := 3\n}\n",
        "own.rego:3:1: nothing gives name a value",
    );
    check_refused(
        "package granary.own\n\ndeny[msg] { msg := \"v0\" }\n",
        "own.rego:3:",
    );
}

#[test]
fn functions_that_do_not_exist_or_reach_outside_are_refused() {
    let call = |call: &str| {
        format!("package granary.own\n\ndeny contains \"x\" if {{\n\tinput.private\n\t{call}\n}}\n")
    };
    check_refused(
        &call("unheard.of(1)"),
        "own.rego:5:2: there is no function unheard.of",
    );
    check_refused(
        &call("frobnicate(1)"),
        "own.rego:5:2: there is no function frobnicate",
    );
    check_refused(
        &call("http.send({\"method\": \"get\", \"url\": \"http://example.com\"})"),
        "own.rego:5:2: http.send is forbidden",
    );
    check_refused(
        &call("opa.runtime().env"),
        "own.rego:5:2: opa.runtime is forbidden",
    );
    check_refused(
        &call("time.now_ns() > 0"),
        "own.rego:5:2: time.now_ns is forbidden",
    );
    check_refused(
        &call("rand.intn(\"x\", 2) == 1"),
        "own.rego:5:2: rand.intn is forbidden",
    );
    check_refused(
        &call("every x in [1] { count([y | y := uuid.rfc4122(x)]) == 1 }"),
        "own.rego:5:",
    );
    check_refused(
        "package granary.own\n\nimport data.lib.x\n\ndeny contains \"x\" if x.f(1)\n",
        "own.rego:5:22: there is no function x.f; a function of another file is called by its whole name",
    );
    check_refused(
        "package granary.own\n\ndeny contains \"x\" if f(1) with input as http.send({})\n\nf(_) := true\n",
        "own.rego:3:",
    );
}

#[test]
fn a_rule_that_could_say_nothing_is_refused() {
    check_refused(
        "package granary.own\n\ndenny contains \"x\" if input.private\n",
        "own.rego: it has neither",
    );
    check_refused(
        "package granary.own\n\ndeny := \"x\" if input.private\n",
        "own.rego:3:1: deny must be a set",
    );
    check_refused(
        "package granary.own\n\ndefault warn := \"x\"\n",
        "own.rego:3:1: warn must be a set",
    );
    check_refused(
        "package granary.own\n\ndeny contains \"x\" if input.private\n\nwarn_also contains \"x\" if input.private\n",
        "own.rego:5:1: nobody would ask for warn_also",
    );
    check_refused(
        "package granary.own\n\nviolation contains \"x\" if input.private\n",
        "own.rego:3:1: nobody would ask for violation",
    );
    check_refused(
        "package lib.own\n\ndeny contains \"x\" if input.private\n",
        "own.rego:3:1: only packages granary.<name>",
    );
    check_refused(
        "package main\n\ndeny contains \"x\" if input.private\n",
        "own.rego:1: the package must be granary.<name>",
    );
    check_refused(
        "package granary.own.deeper\n\ndeny contains \"x\" if input.private\n",
        "own.rego:1: the package must be",
    );
    check_refused(
        "package granary[\"Own Rule\"]\n\ndeny contains \"x\" if input.private\n",
        "own.rego:1: the package must be",
    );
}

#[test]
fn facts_and_settings_with_other_names_are_refused() {
    let use_of = |expr: &str| format!("package granary.own\n\ndeny contains \"x\" if {expr}\n");
    check_refused(
        &use_of("not input.licenses.redistributable"),
        "own.rego:3:26: there is no input.licenses; input has age_seconds, ",
    );
    check_refused(
        &use_of("input.size.bytes > 3"),
        "own.rego:3:22: there is no input.size.bytes; input.size has files, mod_bytes, ",
    );
    check_refused(
        &use_of("input[\"prviate\"]"),
        "own.rego:3:22: there is no input.prviate",
    );
    check_refused(
        &use_of("data.settings.cooldown > 3"),
        "own.rego:3:22: there is no data.settings.cooldown; data.settings has allow, ",
    );
    // What is computed, or stands in a list, is not known when it is read.
    let fine = "some key in [\"private\"]\n\tinput[key]\n\tinput.requirements[_].module == \"x\"";
    compile(&with(&[(
        "own.rego",
        &use_of(&format!("{{\n\t{fine}\n}}")),
    )]))
    .unwrap();
}

#[test]
fn functions_that_call_themselves_are_refused() {
    check_refused(
        "package granary.own\n\ndeny contains \"x\" if f(1)\n\nf(x) := f(x + 1)\n",
        "own.rego:5:9: function f calls itself",
    );
    check_refused(
        "package granary.own\n\ndeny contains \"x\" if f(1)\n\nf(x) := g(x)\n\ng(x) := data.granary.own.f(x)\n",
        "own.rego:5:9: function f calls itself",
    );
    assert!(
        said(
            "package granary.own\n\ndeny contains \"x\" if f(1)\n\nf(x) := g(x)\n\ng(x) := x > 0\n"
        )
        .is_ok()
    );
}

#[test]
fn two_files_cannot_speak_for_one_rule() {
    let text = "package granary.own\n\ndeny contains \"x\" if input.private\n";
    let Err(faults) = compile(&with(&[("a.rego", text), ("b.rego", text)])) else {
        panic!("taken");
    };
    assert_eq!(
        faults[0].to_string(),
        "b.rego: package granary.own stands in a.rego already"
    );
    // Tests may be of the rule's own package.
    let test =
        "package granary.own\n\ntest_x if count(deny) == 0 with input as {\"private\": false}\n";
    let compiled = compile(&with(&[("a.rego", text), ("a_test.rego", test)])).unwrap();
    assert_eq!(compiled.tests.last().unwrap().name, "granary.own.test_x");
}

#[test]
fn an_operators_rule_takes_the_place_of_a_shipped_one() {
    let text = "package granary.cooldown\n\nwarn contains \"mine\"\n";
    let compiled = compile(&with(&[("team/wait.rego", text)])).unwrap();
    let rules: Vec<&Rule> = compiled
        .rules
        .iter()
        .filter(|rule| rule.name == "cooldown")
        .collect();
    assert_eq!(rules.len(), 1);
    assert_eq!(rules[0].file, "team/wait.rego");
    assert!(
        !compiled
            .tests
            .iter()
            .any(|test| test.file == "shipped/cooldown_test.rego")
    );
    let facts = read_facts(EXAMPLE).unwrap();
    assert_eq!(
        compiled.judge(rules[0], &facts, now()).unwrap()[0].text,
        "mine"
    );
}

#[test]
fn rules_share_functions_by_their_whole_names() {
    let library = "package lib.hosts\n\nimport rego.v1\n\nis_known(module) if startswith(module, \"example.com/\")\n";
    let rule =
        "package granary.own\n\ndeny contains \"known\" if data.lib.hosts.is_known(input.module)\n";
    let compiled = compile(&with(&[("hosts.rego", library), ("own.rego", rule)])).unwrap();
    let rule = compiled.rules.iter().find(|r| r.name == "own").unwrap();
    let said = compiled.judge(rule, &read_facts(EXAMPLE).unwrap(), now());
    assert_eq!(said.unwrap()[0].text, "known");
}

#[test]
fn messages_are_texts_or_objects() {
    let findings = said(
        "package granary.own_rule\n\ndeny contains \"plain\"\n\nwarn contains {\"msg\": \"later\", \"until\": \"2026-12-01T00:00:00Z\"}\n\nwarn contains {\"msg\": \"seconds\", \"until\": input.now_seconds + 5}\n",
    )
    .unwrap();
    let told: Vec<_> = findings
        .iter()
        .map(|f| (f.rule.as_str(), f.level, f.text.as_str(), f.until))
        .collect();
    assert_eq!(
        told,
        [
            ("own-rule", Level::Deny, "plain", None),
            (
                "own-rule",
                Level::Warn,
                "later",
                Some("2026-12-01T00:00:00Z".parse().unwrap())
            ),
            (
                "own-rule",
                Level::Warn,
                "seconds",
                Some("2026-11-22T08:30:05Z".parse().unwrap())
            ),
        ]
    );
}

#[track_caller]
fn check_unevaluated(rule: &str, want: &str) {
    let why = said(&format!("package granary.own\n\n{rule}\n")).unwrap_err();
    assert!(why.contains(want), "{why}");
}

#[test]
fn messages_that_are_none_deny() {
    check_unevaluated("deny contains 7", "neither a text nor an object");
    check_unevaluated("deny contains {\"message\": \"x\"}", "has no text `msg`");
    check_unevaluated(
        "deny contains {\"msg\": \"x\", \"until\": \"tomorrow\"}",
        "`until` is neither",
    );
    check_unevaluated(
        "deny contains {\"msg\": \"x\", \"until\": 1e300}",
        "`until` is neither",
    );
}

#[test]
fn an_error_in_a_rule_does_not_make_it_fall_silent() {
    check_unevaluated(
        "deny contains \"x\" if to_number(input.version) > 3",
        "own.rego:3:",
    );
    check_unevaluated(
        "deny contains \"x\" if not is_new\n\nis_new if to_number(input.version) > 3",
        "own.rego:5:",
    );
    check_unevaluated(
        "deny contains \"x\" if f(input.version)\n\nf(v) if to_number(v) > 3",
        "own.rego:5:",
    );
    check_unevaluated("warn contains \"x\"\n\ndeny contains 1", "neither a text");
}

#[test]
fn a_moment_that_is_over_is_put_ahead() {
    let findings = said(
        "package granary.own\n\ndeny contains {\"msg\": \"x\", \"until\": input.now_seconds}\n",
    )
    .unwrap();
    assert_eq!(
        findings[0].until.unwrap().as_second(),
        now().as_second() + 60
    );
}

#[test]
fn texts_and_findings_are_cut() {
    let findings = said(
        "package granary.own\n\ndeny contains sprintf(\"%d two\\nlines\", [i]) if some i in numbers.range(1, 1000)\n",
    )
    .unwrap();
    assert_eq!(findings.len(), FINDINGS_MAX + 1);
    assert_eq!(findings[0].text, "1 two lines");
    assert_eq!(findings[FINDINGS_MAX].text, "and 950 findings more");
    let findings = said(
        "package granary.own\n\ndeny contains msg if msg := concat(\"ä\", [\"\" | some i in numbers.range(1, 5000)])\n",
    )
    .unwrap();
    assert!(findings[0].text.len() <= TEXT_BYTES_MAX + "…".len());
    assert!(findings[0].text.ends_with('…'));
}

#[test]
fn a_rule_that_loops_ends_in_time() {
    let from = Instant::now();
    check_unevaluated(
        "deny contains \"x\" if {\n\tsome i in numbers.range(1, 10000)\n\tsome j in numbers.range(1, 10000)\n\ti * j == -1\n}",
        "time limit",
    );
    assert!(from.elapsed() < RULE_TIME_MAX + GRACE);
    check_unevaluated(
        "deny contains \"x\" if not f(1)\n\nf(_) if {\n\tsome i in numbers.range(1, 10000)\n\tsome j in numbers.range(1, 10000)\n\ti * j == -1\n}",
        "time limit",
    );
}

#[test]
fn a_rule_that_depends_on_itself_cannot_be_evaluated() {
    check_unevaluated(
        "deny contains \"x\" if not warn[\"x\"]\n\nwarn contains \"x\" if not deny[\"x\"]",
        "recursion",
    );
}

#[test]
fn after_an_error_the_next_rule_meets_nothing_of_it() {
    let bad = "package granary.a_bad\n\ndeny contains \"x\" if f(1) with input as {\"module\": \"other\"} with count as 7\n\nf(_) if to_number(\"x\") > 1\n";
    let good =
        "package granary.b_good\n\ndeny contains sprintf(\"%s %d\", [input.module, count([1])])\n";
    let compiled = compile(&with(&[("a.rego", bad), ("b.rego", good)])).unwrap();
    let facts = read_facts(EXAMPLE).unwrap();
    let said: Vec<_> = compiled
        .rules
        .iter()
        .map(|rule| compiled.judge(rule, &facts, now()))
        .collect();
    assert!(said[0].is_err());
    let good = compiled
        .rules
        .iter()
        .position(|r| r.name == "b-good")
        .unwrap();
    assert_eq!(
        said[good].as_ref().unwrap()[0].text,
        "example.com/group/lib 1"
    );
}

#[test]
fn tests_are_run_as_conftest_does() {
    let rule = "package granary.own\n\ndeny contains \"x\" if input.private\n";
    let tests = "package granary.own_test\n\nimport data.granary.own\n\ntest_true if count(own.deny) == 1 with input as {\"private\": true}\n\ntest_false if count(own.deny) == 1 with input as {\"private\": false}\n\ntest_value := false\n\ntest_printed if {\n\tprint(\"seen\", [1, \"two\"])\n\tfalse\n}\n\ntodo_test_later if false\n\ntest_broken if to_number(\"x\") == 1\n\nhelper if false\n\ntest_function(x) := x\n";
    let compiled = compile(&with(&[("own.rego", rule), ("own_test.rego", tests)])).unwrap();
    let bench = compiled.test_bench().unwrap();
    let ran: Vec<(&str, TestResult, String)> = compiled
        .tests
        .iter()
        .filter(|test| !test.shipped)
        .map(|test| {
            let (result, printed) = Compiled::run_test(&bench, test);
            (
                test.name.strip_prefix("granary.own_test.").unwrap(),
                result,
                printed,
            )
        })
        .collect();
    let failed = || TestResult::Failed(String::new());
    assert_eq!(ran[0], ("test_true", TestResult::Passed, String::new()));
    assert_eq!(ran[1], ("test_false", failed(), String::new()));
    assert_eq!(ran[2], ("test_value", failed(), String::new()));
    assert_eq!(
        ran[3],
        (
            "test_printed",
            failed(),
            "own_test.rego:12: seen [1, \"two\"]".to_owned()
        )
    );
    assert_eq!(
        ran[4],
        ("todo_test_later", TestResult::Skipped, String::new())
    );
    assert_eq!(ran[5].0, "test_broken");
    assert!(matches!(&ran[5].1, TestResult::Failed(why) if why.contains("own_test.rego:18")));
    assert_eq!(ran.len(), 6);
}

#[test]
fn what_does_not_belong_to_the_texts_is_no_part_of_a_set() {
    let none = Sources {
        files: Vec::new(),
        data: Map::new(),
    };
    let compiled = compile(&none).unwrap();
    assert!(compiled.rules.is_empty());
}
