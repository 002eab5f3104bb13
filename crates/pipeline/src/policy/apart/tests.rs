//! Tests of processes that evaluate: real ones, this test program started again.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use catalog::Level;

use super::super::facts::EXAMPLE;
use super::super::shipped::{self, Settings};
use super::super::sources::SourceFile;
use super::*;

/// The name of the test below, which is the process that evaluates.
const ITSELF: &str = "policy::apart::tests::the_process_that_evaluates";

/// Starts this program again, as the process that evaluates.
pub(in super::super) fn command() -> JudgeCommand {
    JudgeCommand {
        program: std::env::current_exe().unwrap(),
        arguments: ["--exact", ITSELF, "--ignored", "--nocapture"]
            .map(OsString::from)
            .to_vec(),
    }
}

#[test]
#[ignore = "it is the process that other tests start"]
fn the_process_that_evaluates() {
    if std::env::args().any(|argument| argument == ITSELF) {
        serve(stdin().lock(), stdout()).unwrap();
    }
}

pub(in super::super) fn with(files: &[(&str, &str)]) -> Sources {
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

fn example() -> (String, i64) {
    let facts: serde_json::Value = serde_json::from_str(EXAMPLE).unwrap();
    (facts.to_string(), facts["now_seconds"].as_i64().unwrap())
}

/// A rule that does something, between one that denies and one that warns.
fn judged_beside(bad: &str) -> Vec<Result<Vec<Finding>, String>> {
    let first = "package granary.aa_first\n\ndeny contains \"first\"\n";
    let last = "package granary.zz_last\n\nwarn contains \"last\"\n";
    let bad = format!("package granary.bad\n\n{bad}\n");
    let sources = with(&[("a.rego", first), ("bad.rego", &bad), ("z.rego", last)]);
    let (apart, loaded) = Apart::load(&command(), &sources).unwrap();
    let (facts, now) = example();
    let said = apart.judge(loaded.rules.len(), &facts, now);
    assert_eq!(said.len(), loaded.rules.len());
    let at = |name: &str| loaded.rules.iter().position(|r| r.name == name).unwrap();
    // The others are heard, whatever the bad one does.
    let text = |at: usize| said[at].as_ref().unwrap()[0].text.clone();
    assert_eq!(text(at("aa-first")), "first");
    assert_eq!(text(at("zz-last")), "last");
    vec![said[at("bad")].clone()]
}

#[track_caller]
fn check_ended(bad: &str, words: &str) {
    let from = Instant::now();
    let said = judged_beside(bad);
    let why = said[0].as_ref().unwrap_err();
    assert!(why.contains(words), "{why}");
    assert!(from.elapsed() < LOAD_TIME_MAX, "{:?}", from.elapsed());
}

#[test]
fn what_a_process_says_is_what_is_said_here() {
    let rule = "package granary.own\n\ndeny contains {\"msg\": input.module, \"until\": input.now_seconds + 9}\n\nwarn contains \"ä\\n\\\"\"\n";
    let sources = with(&[("own.rego", rule)]);
    let (apart, loaded) = Apart::load(&command(), &sources).unwrap();
    let (facts, now) = example();
    let compiled = super::super::rego::compile(&sources).unwrap();
    assert_eq!(compiled.rules, loaded.rules);
    assert_eq!(compiled.tests, loaded.tests);
    let read = super::super::rego::read_facts(&facts).unwrap();
    let at = jiff::Timestamp::from_second(now).unwrap();
    let here: Vec<_> = compiled
        .rules
        .iter()
        .map(|rule| compiled.judge(rule, &read, at))
        .collect();
    assert_eq!(apart.judge(loaded.rules.len(), &facts, now), here);
    let own = here.iter().flatten().flatten().next().unwrap();
    assert_eq!(
        (own.level, own.text.as_str()),
        (Level::Deny, "example.com/group/lib")
    );
}

#[test]
fn a_rule_that_loops_is_ended() {
    check_ended(
        "deny contains \"x\" if {\n\tsome i in numbers.range(1, 10000)\n\tsome j in numbers.range(1, 10000)\n\ti * j == -1\n}",
        "time limit",
    );
}

#[test]
fn a_single_long_step_is_ended() {
    // The product of these has millions of digits: one call, during which the interpreter looks at no clock.
    check_ended(
        "deny contains \"x\" if product(numbers.range(1, 900000)) == 3",
        "it was not done after",
    );
}

#[test]
fn a_rule_that_prints_without_end_is_ended() {
    check_ended(
        "deny contains \"x\" if {\n\tsome i in numbers.range(1, 10000)\n\tsome j in numbers.range(1, 10000)\n\tprint(\"a line that nobody reads\", i, j)\n\ti * j == -1\n}",
        "time limit",
    );
}

#[test]
fn a_message_of_a_gigabyte_is_ended() {
    check_ended(
        "deny contains msg if {\n\ta := \"0123456789012345678901234567890123456789012345678901234567890123\"\n\tb := replace(a, \"0\", a)\n\tc := replace(b, \"1\", b)\n\td := replace(c, \"2\", c)\n\te := replace(d, \"3\", d)\n\tmsg := replace(e, \"4\", e)\n}",
        "signal",
    );
}

#[test]
fn much_memory_is_ended() {
    check_ended(
        "deny contains \"x\" if count(numbers.range(1, 1000000000)) == 3",
        "signal",
    );
}

#[test]
fn deep_recursion_is_ended() {
    // The function that calls itself is only put in place while the rule runs, so that nobody sees it before.
    check_ended(
        "deny contains \"x\" if f(1)\n\nf(x) := y if y := g(x + 1) with g as f\n\ng(x) := x",
        "",
    );
}

#[test]
fn many_slow_rules_share_the_time() {
    let slow = "deny contains \"x\" if {\n\tsome i in numbers.range(1, 10000)\n\tsome j in numbers.range(1, 10000)\n\ti * j == -1\n}";
    let texts: Vec<(String, String)> = (0..20)
        .map(|i| {
            (
                format!("{i}.rego"),
                format!("package granary.slow_{i}\n\n{slow}\n"),
            )
        })
        .collect();
    let files: Vec<(&str, &str)> = texts
        .iter()
        .map(|(n, t)| (n.as_str(), t.as_str()))
        .collect();
    let (apart, loaded) = Apart::load(&command(), &with(&files)).unwrap();
    let (facts, now) = example();
    let from = Instant::now();
    let said = apart.judge(loaded.rules.len(), &facts, now);
    assert!(
        from.elapsed() < JUDGEMENT_TIME_MAX + GRACE,
        "{:?}",
        from.elapsed()
    );
    let why = said.last().unwrap().as_ref().unwrap_err();
    assert!(
        why.contains("not done after") || why.contains("used up"),
        "{why}"
    );
}

#[test]
fn a_process_that_is_gone_is_replaced() {
    let (apart, loaded) = Apart::load(&command(), &with(&[])).unwrap();
    let (facts, now) = example();
    let all_well = || {
        apart
            .judge(loaded.rules.len(), &facts, now)
            .iter()
            .all(Result::is_ok)
    };
    assert!(all_well());
    for process in &mut apart.lock().idle {
        process.end();
    }
    // The one judgement that meets the dead process says so and denies; it is asked again.
    assert!(!all_well());
    assert!(all_well());
}

#[test]
fn many_at_once_share_few_processes() {
    let (apart, loaded) = Apart::load(&command(), &with(&[])).unwrap();
    let (facts, now) = example();
    thread::scope(|scope| {
        for _ in 0..3 * PROCESSES_MAX {
            scope.spawn(|| {
                for _ in 0..20 {
                    let said = apart.judge(loaded.rules.len(), &facts, now);
                    assert!(said.iter().all(Result::is_ok), "{said:?}");
                }
            });
        }
    });
    let pool = apart.lock();
    assert!(pool.count <= PROCESSES_MAX);
    assert_eq!(pool.idle.len(), pool.count);
}

#[test]
fn a_program_that_is_none_is_told() {
    let none = JudgeCommand {
        program: PathBuf::from("/nowhere/granary"),
        arguments: Vec::new(),
    };
    let error = Apart::load(&none, &with(&[])).err().unwrap().to_string();
    assert!(error.contains("cannot be started"), "{error}");
    let other = JudgeCommand {
        program: PathBuf::from("/bin/true"),
        arguments: Vec::new(),
    };
    let error = Apart::load(&other, &with(&[])).err().unwrap().to_string();
    assert!(error.contains("ended"), "{error}");
}

#[test]
fn a_process_ends_with_whoever_asks_even_in_the_midst_of_a_rule() {
    let rule =
        "package granary.own\n\ndeny contains \"x\" if product(numbers.range(1, 3000000)) == 3\n";
    let command = command();
    let mut child = Command::new(&command.program)
        .args(&command.arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut wait_for = |word: &str| loop {
        if lines.next().unwrap().unwrap().contains(word) {
            return;
        }
    };
    wait_for("ready");
    let load = serde_json::to_string(&Ask::Load(with(&[("own.rego", rule)]))).unwrap();
    writeln!(input, "{load}").unwrap();
    wait_for("loaded");
    let (facts, now) = example();
    writeln!(input, "{}", judge_line(0, &facts, now).unwrap()).unwrap();
    // It has begun, and this rule takes minutes.
    wait_for("rule");
    drop(input);
    let deadline = Instant::now() + Duration::from_secs(10);
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "it lives on");
        thread::park_timeout(Duration::from_millis(10));
    }
}

#[test]
fn tests_are_run_and_one_that_ends_its_process_has_failed() {
    let rule = "package granary.own\n\ndeny contains \"x\" if input.private\n";
    let tests = "package granary.own_test\n\nimport data.granary.own\n\ntest_a if count(own.deny) == 1 with input as {\"private\": true}\n\ntest_b if count(numbers.range(1, 1000000000)) == 3\n\ntest_c if {\n\tprint(\"hello\")\n\tfalse\n}\n\ntest_d if true\n";
    let sources = with(&[("own.rego", rule), ("own_test.rego", tests)]);
    let (apart, loaded) = Apart::load(&command(), &sources).unwrap();
    let ran = apart.run_tests(&loaded.tests, false).unwrap();
    let told: Vec<(&str, &TestResult)> = ran
        .iter()
        .map(|(index, result, _)| {
            let name = loaded.tests[*index].name.as_str();
            (name.rsplit('.').next().unwrap(), result)
        })
        .collect();
    assert_eq!(told[0], ("test_a", &TestResult::Passed));
    assert_eq!(told[1].0, "test_b");
    assert!(matches!(told[1].1, TestResult::Failed(why) if why.contains("signal")));
    assert_eq!(told[2], ("test_c", &TestResult::Failed(String::new())));
    assert_eq!(ran[2].2, "own_test.rego:10: hello");
    assert_eq!(told[3], ("test_d", &TestResult::Passed));
    let all = apart.run_tests(&loaded.tests, true).unwrap();
    assert_eq!(all.len(), loaded.tests.len());
}
