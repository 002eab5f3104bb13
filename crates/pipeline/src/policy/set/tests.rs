//! Tests of sets: what they admit, and what goes into their digests.

use std::time::Duration;

use catalog::Level;

use super::super::apart::tests::{command, with};
use super::super::facts::Profile;
use super::*;

fn example() -> Facts {
    serde_json::from_str(EXAMPLE).unwrap()
}

fn shipped(settings: &Settings) -> PolicySet {
    PolicySet::load(settings, None).unwrap()
}

fn told(judgement: &Judgement) -> Vec<(&str, Level)> {
    judgement
        .findings
        .iter()
        .map(|finding| (finding.rule.as_str(), finding.level))
        .collect()
}

#[test]
fn by_default_a_verified_module_with_a_licence_is_admitted() {
    let judgement = shipped(&Settings::default()).judge(&example());
    assert_eq!(judgement.findings, []);
    assert!(judgement.admits());
    assert_eq!(judgement.until(), None);
    assert_eq!(judgement.facts, example().document().unwrap().1);
}

#[test]
fn without_a_licence_public_denies_and_private_warns() {
    let mut facts = example();
    facts.licences.redistributable = false;
    facts.licences.why = "it has no licence file".to_owned();
    let set = shipped(&Settings::default());
    assert_eq!(
        told(&set.judge(&facts)),
        [("open-source-licence", Level::Warn)]
    );
    facts.profile = Profile::Public;
    let judgement = set.judge(&facts);
    assert_eq!(told(&judgement), [("open-source-licence", Level::Deny)]);
    assert_eq!(
        judgement.findings[0].text,
        "no open-source licence: it has no licence file"
    );
    assert!(!judgement.admits());
    facts.private = true;
    assert!(set.judge(&facts).admits());
}

#[test]
fn a_cooldown_says_when_to_ask_again() {
    let settings = Settings {
        cooldown: Duration::from_secs(3 * 86_400),
        ..Settings::default()
    };
    let judgement = shipped(&settings).judge(&example());
    assert_eq!(told(&judgement), [("cooldown", Level::Deny)]);
    let due = example().first_seen_seconds + 3 * 86_400;
    assert_eq!(judgement.until().unwrap().as_second(), due);
    let mut later = example();
    later.now_seconds = due;
    later.age_seconds = 3 * 86_400;
    assert!(shipped(&settings).judge(&later).admits());
}

#[test]
fn every_setting_is_heard() {
    let deny = |settings: Settings| {
        let judgement = shipped(&settings).judge(&example());
        told(&judgement)
            .into_iter()
            .map(|(rule, _)| rule.to_owned())
            .collect::<Vec<_>>()
    };
    let list = |pattern: &str| vec![pattern.to_owned()];
    let none = Settings::default();
    assert_eq!(
        deny(Settings {
            deny: list("example.com"),
            ..none.clone()
        }),
        ["allow-deny"]
    );
    assert_eq!(
        deny(Settings {
            allow: list("example.org"),
            ..none.clone()
        }),
        ["allow-deny"]
    );
    assert_eq!(
        deny(Settings {
            zip_bytes_max: 48_212,
            ..none.clone()
        }),
        ["size"]
    );
    assert_eq!(
        deny(Settings {
            unpacked_bytes_max: 163_839,
            ..none.clone()
        }),
        ["size"]
    );
    assert_eq!(
        deny(Settings {
            files_max: 36,
            ..none.clone()
        }),
        ["size"]
    );
    assert_eq!(
        deny(Settings {
            zip_bytes_max: 48_213,
            files_max: 37,
            ..none
        }),
        Vec::<String>::new()
    );
}

#[test]
fn a_setting_that_makes_a_rule_fail_is_refused_at_once() {
    let settings = Settings {
        deny: vec!["[".to_owned()],
        ..Settings::default()
    };
    let error = PolicySet::load(&settings, None).err().unwrap().to_string();
    assert!(error.contains("malformed pattern"), "{error}");
}

#[test]
fn where_rules_contradict_each_other_denial_wins_and_both_are_named() {
    let texts = with(&[
        (
            "a.rego",
            "package granary.a\n\nwarn contains \"it may come in\"\n",
        ),
        (
            "b.rego",
            "package granary.b\n\ndeny contains \"it may not\"\n",
        ),
    ]);
    let judgement = PolicySet::of(&texts, Some(&command()))
        .unwrap()
        .judge(&example());
    assert_eq!(told(&judgement), [("b", Level::Deny), ("a", Level::Warn)]);
    assert!(!judgement.admits());
}

#[test]
fn a_rule_that_cannot_be_evaluated_denies_and_is_asked_again_in_a_minute() {
    // On the example it is quick; on another module it loops.
    let rule = "package granary.own\n\ndeny contains \"x\" if {\n\tinput.module == \"example.com/loop\"\n\tsome i in numbers.range(1, 10000)\n\tsome j in numbers.range(1, 10000)\n\ti * j == -1\n}\n";
    let set = PolicySet::of(&with(&[("own.rego", rule)]), Some(&command())).unwrap();
    assert!(set.judge(&example()).admits());
    let mut facts = example();
    facts.module = "example.com/loop".to_owned();
    let judgement = set.judge(&facts);
    assert_eq!(told(&judgement), [("own", Level::Deny)]);
    let finding = &judgement.findings[0];
    assert!(
        finding
            .text
            .starts_with("rule own could not be evaluated: "),
        "{}",
        finding.text
    );
    assert_eq!(finding.until.unwrap().as_second(), facts.now_seconds + 60);
}

#[test]
fn a_rule_that_fails_on_the_example_is_refused_when_it_is_loaded() {
    let rule =
        "package granary.own\n\ndeny contains \"x\" if count(numbers.range(1, 1000000000)) == 3\n";
    let error = PolicySet::of(&with(&[("own.rego", rule)]), Some(&command()))
        .err()
        .unwrap();
    assert_eq!(error.faults()[0].file, "own.rego");
    assert!(
        error.faults()[0]
            .text
            .contains("rule own could not be evaluated on an example"),
        "{error}"
    );
}

#[test]
fn a_folder_whose_tests_fail_is_refused() {
    let rule = "package granary.own\n\ndeny contains \"x\" if input.private\n";
    let test = "package granary.own_test\n\nimport data.granary.own\n\ntest_wrong if count(own.deny) == 1 with input as {\"private\": false}\n";
    let error = PolicySet::of(
        &with(&[("own.rego", rule), ("own_test.rego", test)]),
        Some(&command()),
    )
    .err()
    .unwrap();
    assert_eq!(
        error.to_string(),
        "the policies are refused: own_test.rego: test granary.own_test.test_wrong fails"
    );
}

#[test]
fn facts_out_of_proportion_are_refused() {
    let mut facts = example();
    facts.licences.why = "x".repeat(FACTS_BYTES_MAX);
    let judgement = shipped(&Settings::default()).judge(&facts);
    assert_eq!(told(&judgement), [("policies", Level::Deny)]);
    assert!(judgement.findings[0].text.contains("larger than 8 MiB"));
}

#[test]
fn digests_are_of_what_counts() {
    let none = Settings::default();
    let cooled = Settings {
        cooldown: Duration::from_secs(1),
        ..none.clone()
    };
    assert_eq!(shipped(&none).digest(), shipped(&none).digest());
    assert_ne!(shipped(&none).digest(), shipped(&cooled).digest());
    let rule = (
        "own.rego",
        "package granary.own\n\ndeny contains \"x\" if input.private\n",
    );
    let test = (
        "own_test.rego",
        "package granary.own_test\n\ntest_x if true\n",
    );
    let of = |files: &[(&str, &str)]| PolicySet::of(&with(files), Some(&command())).unwrap();
    assert_eq!(of(&[rule]).digest(), of(&[rule, test]).digest());
    assert_ne!(of(&[rule]).digest(), shipped(&none).digest());
}

#[test]
#[ignore = "a measurement, for optimised builds: see docs/policies.md"]
fn what_a_judgement_costs() {
    let set = shipped(&Settings {
        cooldown: Duration::from_secs(86_400),
        deny: vec!["example.org".to_owned(); 100],
        ..Settings::default()
    });
    let apart = PolicySet::of(&with(&[]), Some(&command())).unwrap();
    for (name, set) in [("here", &set), ("apart", &apart)] {
        let from = Instant::now();
        for _ in 0..2_000 {
            assert!(set.judge(&example()).admits());
        }
        println!("{name}: {:?} each", from.elapsed() / 2_000);
    }
}
