//! `granary policy test`: folders of policies as an operator would write them, good and bad, without a server. Below it:
//! what they would say of what is stored, and folders that come late or are bad.

mod dry_run;
mod trouble;

use std::fs;
use std::process::Output;
use std::time::{Duration, Instant};

use crate::rig::granary::Setup;

/// A folder is judged within this, whatever stands in it: loading, trying and testing have their bounds.
const WITHIN: Duration = Duration::from_secs(60);

const RULE: (&str, &str) = (
    "own.rego",
    "package granary.own\n\ndeny contains \"too new a go\" if input.go_version == \"1.26\"\n",
);

/// Tests a folder with these files; gives the exit code and what was said.
fn tested(files: &[(&str, &str)]) -> (Option<i32>, String) {
    let setup = Setup::new();
    let folder = setup.folder("policies");
    fs::create_dir_all(&folder).unwrap();
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
    let from = Instant::now();
    let Output {
        status,
        stdout,
        stderr,
    } = setup.run(&["policy", "test", folder.to_str().unwrap()]);
    assert!(from.elapsed() < WITHIN, "{:?}", from.elapsed());
    assert!(!setup.data().exists(), "it needs no data folder");
    let said = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (status.code(), said.concat())
}

#[track_caller]
fn check_bad(text: &str, words: &str) {
    let (code, said) = tested(&[("own.rego", text)]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(words), "{said}");
}

#[test]
fn a_good_folder_passes_and_its_tests_are_told() {
    let tests = "package granary.own_test\n\nimport data.granary.own\n\ntest_refused if count(own.deny) == 1 with input as {\"go_version\": \"1.26\"}\n";
    let (code, said) = tested(&[RULE, ("own_test.rego", tests)]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("ok    own_test.rego granary.own_test.test_refused\n"),
        "{said}"
    );
    assert!(said.contains("rule  own (own.rego)\n"), "{said}");
    assert!(said.contains(" 0 failed, 0 skipped\n"), "{said}");
}

#[test]
fn what_comes_with_granary_passes() {
    let output = Setup::new().run(&["policy", "test", "--json"]);
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    for rule in [
        "allow-deny",
        "checksum-verified",
        "cooldown",
        "open-source-licence",
        "size",
    ] {
        assert!(said.contains(&format!("\"rule\":\"{rule}\"")), "{said}");
    }
}

#[test]
fn a_test_that_fails_is_told_with_what_it_printed() {
    let tests = "package granary.own_test\n\ntest_wrong if {\n\tprint(\"look here\")\n\tfalse\n}\n";
    let (code, said) = tested(&[RULE, ("own_test.rego", tests)]);
    assert_eq!(code, Some(1), "{said}");
    let want =
        "FAIL  own_test.rego granary.own_test.test_wrong\n      own_test.rego:4: look here\n";
    assert!(said.contains(want), "{said}");
}

#[test]
fn bad_policies_are_told_with_their_place() {
    check_bad(
        "package granary.own\n\ndeny contains msg if {\n",
        "FAIL  own.rego:",
    );
    check_bad(
        "package granary.own\n\ndeny contains \"x\" if http.send({}).status_code == 200\n",
        "FAIL  own.rego:3:22: http.send is forbidden",
    );
    check_bad(
        "package granary.own\n\ndeny contains \"x\" if not input.licenses\n",
        "there is no input.licenses; input has ",
    );
}

#[test]
fn policies_without_measure_end_in_time_and_are_named() {
    check_bad(
        "package granary.own\n\ndeny contains \"x\" if {\n\tsome i in numbers.range(1, 10000)\n\tsome j in numbers.range(1, 10000)\n\ti * j == -1\n}\n",
        "FAIL  own.rego: rule own could not be evaluated on an example: ",
    );
    let gigabyte = "package granary.own\n\ndeny contains msg if {\n\ta := \"0123456789012345678901234567890123456789012345678901234567890123\"\n\tb := replace(a, \"0\", a)\n\tc := replace(b, \"1\", b)\n\td := replace(c, \"2\", c)\n\te := replace(d, \"3\", d)\n\tmsg := replace(e, \"4\", e)\n}\n";
    check_bad(gigabyte, "320 MiB of memory");
}
