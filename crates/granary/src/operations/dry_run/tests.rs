//! Tests of what is said of one version and of all.

use catalog::NewVerdict;
use gomod::hash::ContentDigest;
use serde_json::Value;

use super::*;

fn tried(admitted: bool, stands: Stands, is_member: bool, reasons: &[(&str, Level)]) -> Tried {
    let reasons = reasons.iter().map(|(rule, level)| Reason {
        rule: (*rule).to_owned(),
        level: *level,
        text: "because\nof this".to_owned(),
        waiver: None,
        until: None,
    });
    Tried {
        verdict: NewVerdict {
            module: "example.com/m@v1.0.0".parse().unwrap(),
            view: "staging".to_owned(),
            admitted,
            reasons: reasons.collect(),
            facts: ContentDigest::of(b"facts"),
            policies: ContentDigest::of(b"policies"),
            until: None,
        },
        stands,
        is_member,
    }
}

#[test]
fn a_version_is_told_with_its_rules_and_with_what_differs() {
    let both = [("size", Level::Deny), ("licence", Level::Warn)];
    assert_eq!(
        in_words(&tried(false, Stands::Admitted, true, &both)),
        "refused (so far admitted): example.com/m@v1.0.0\n    size: because\n        of this\n    licence warns: because\n        of this\n    it is in staging and stays there"
    );
    assert_eq!(
        in_words(&tried(true, Stands::Refused, false, &[])),
        "admitted (so far refused): example.com/m@v1.0.0"
    );
    assert_eq!(
        in_words(&tried(true, Stands::Unjudged, false, &both[1..])),
        "warned (not judged so far): example.com/m@v1.0.0\n    licence: because\n        of this"
    );
    assert_eq!(
        in_words(&tried(false, Stands::Refused, false, &both[..1])),
        "refused: example.com/m@v1.0.0\n    size: because\n        of this"
    );
}

#[test]
fn findings_without_number_are_cut() {
    let many = vec![("size", Level::Deny); REASONS_MAX + 3];
    let tried = tried(false, Stands::Refused, false, &many);
    assert!(in_words(&tried).ends_with("\n    and 3 more findings"));
    let json = in_json(&tried);
    assert_eq!(json["reasons"].as_array().unwrap().len(), REASONS_MAX);
    assert_eq!(json["findings"], REASONS_MAX + 3);
}

#[test]
fn the_end_counts_versions_not_findings() {
    let mut tally = Tally::default();
    let twice = [("size", Level::Deny), ("size", Level::Deny)];
    for tried in [
        tried(false, Stands::Admitted, true, &twice),
        tried(false, Stands::Refused, false, &twice[1..]),
        tried(true, Stands::Refused, false, &[]),
        tried(true, Stands::Unjudged, false, &[("licence", Level::Warn)]),
    ] {
        tally.count(&Ok(Some(tried)));
    }
    tally.count(&Ok(None));
    tally.count(&Err("its zip is lost".to_owned()));
    let Line::Done { well, text, data } = tally.done("staging") else {
        panic!("no end");
    };
    assert!(!well);
    assert_eq!(
        text,
        "6 versions, for staging: 2 refused, 1 warned of, 1 admitted; not judged: 1 without a zip, 1 that cannot be read\nother than so far: 1 refused that are admitted, 1 admitted that are refused; 1 were never judged\n  licence: 0 refused, 1 warned of\n  size: 2 refused, 0 warned of\nnothing was changed"
    );
    let count = |name: &str| data.get(name).and_then(Value::as_u64);
    assert_eq!(count("newly_refused"), Some(1));
    assert_eq!(count("newly_admitted"), Some(1));
    assert_eq!(data["rules"]["size"]["refused"], 2);
}

#[test]
fn settings_that_are_tried_stand_over_those_in_use() {
    let used = Settings {
        cooldown: Duration::from_secs(60),
        deny: vec!["example.com/bad".to_owned()],
        files_max: 7,
        ..Settings::default()
    };
    assert_eq!(TriedSettings::default().over(&used), used);
    let tried = TriedSettings {
        cooldown: Some(Duration::ZERO),
        allow: Some(vec!["example.com".to_owned()]),
        ..TriedSettings::default()
    };
    let want = Settings {
        cooldown: Duration::ZERO,
        allow: vec!["example.com".to_owned()],
        ..used.clone()
    };
    assert_eq!(tried.over(&used), want);
}
