//! Tests of the document of facts.

use super::*;

/// What the example is made from.
fn known() -> Known {
    Known {
        module: "example.com/group/lib@v1.4.2".parse().unwrap(),
        view: "staging".to_owned(),
        now: "2026-11-22T08:30:00Z".parse().unwrap(),
        profile: Profile::Private,
        private: false,
        first_seen: "2026-11-20T08:30:00Z".parse().unwrap(),
        commit_time: Some("2026-11-19T17:02:11Z".parse().unwrap()),
        origin: Origin {
            kind: "git".to_owned(),
            url: "https://example.com/group/lib".to_owned(),
            commit: "5c4f1e0d6b0b6f5f2d4f8a3b8a1f4c0d9e7b6a51".to_owned(),
            reference: "refs/tags/v1.4.2".to_owned(),
        },
        go_version: Some("1.24".to_owned()),
        requirements: [
            ("golang.org/x/text", "v0.14.0", false),
            ("golang.org/x/tools", "v0.21.0", true),
        ]
        .map(|(module, version, indirect)| Requirement {
            module: module.to_owned(),
            version: version.to_owned(),
            indirect,
        })
        .to_vec(),
        licences: Licences {
            redistributable: true,
            list: vec!["MIT".to_owned()],
            files: vec![LicenceFile {
                path: "LICENSE".to_owned(),
                licences: vec!["MIT".to_owned()],
                coverage_percent: 98.5,
            }],
            why: "LICENSE is MIT, which allows redistribution".to_owned(),
        },
        size: Size {
            zip_bytes: 48_213,
            files: 37,
            unpacked_bytes: 163_840,
            mod_bytes: 412,
        },
        sumdb: Sumdb {
            verified_by: "record".to_owned(),
            name: "sum.golang.org".to_owned(),
            record: Some(31_415_926),
        },
        retracted: None,
        deprecated: None,
    }
}

#[test]
fn the_example_is_a_document_in_full() {
    let made = serde_json::to_value(Facts::new(known())).unwrap();
    let example: serde_json::Value = serde_json::from_str(EXAMPLE).unwrap();
    assert_eq!(made, example);
}

#[test]
fn every_field_stands_in_the_page_for_operators() {
    fn check(value: &serde_json::Value, at: &str, page: &str) {
        for (name, inner) in value.as_object().into_iter().flatten() {
            let at = format!("{at}.{name}");
            assert!(page.contains(&format!("`{at}`")), "{at} is not explained");
            check(inner, &at, page);
            if let Some(first) = inner.as_array().and_then(|list| list.first()) {
                check(first, &format!("{at}[]"), page);
            }
        }
    }
    let page = include_str!("../../../../../docs/policies.md");
    check(&serde_json::from_str(EXAMPLE).unwrap(), "input", page);
}

#[test]
fn a_clock_that_is_behind_gives_no_negative_age() {
    let mut known = known();
    known.first_seen = "2026-11-22T08:30:05Z".parse().unwrap();
    let facts = Facts::new(known);
    assert_eq!(facts.age_seconds, 0);
    assert_eq!(facts.first_seen, facts.now);
}

#[test]
fn what_is_not_known_is_there_and_says_so() {
    let mut known = known();
    known.commit_time = None;
    known.go_version = None;
    known.retracted = Some(String::new());
    known.deprecated = Some("use v2".to_owned());
    let made = serde_json::to_value(Facts::new(known)).unwrap();
    assert_eq!(made["commit_time"], serde_json::Value::Null);
    assert_eq!(made["go_version"], "");
    assert_eq!(made["retracted"], true);
    assert_eq!(made["deprecated_why"], "use v2");
}

#[test]
fn each_way_of_verifying_has_its_word() {
    let of = |verified: Verification| {
        let sumdb = Sumdb::from(&verified);
        (sumdb.verified_by, sumdb.name, sumdb.record)
    };
    let is = |by: &str, name: &str, record| (by.to_owned(), name.to_owned(), record);
    let name = || "sum.example.com".to_owned();
    let record = Verification::Record {
        database: name(),
        record_id: 7,
        tree_size: 9,
    };
    assert_eq!(of(record), is("record", "sum.example.com", Some(7)));
    let private = Verification::Private {
        pattern: "*.corp.example".to_owned(),
    };
    assert_eq!(of(private), is("private", "*.corp.example", None));
    let absent = Verification::Absent { database: name() };
    assert_eq!(of(absent), is("absent", "sum.example.com", None));
    assert_eq!(of(Verification::Off), is("off", "", None));
}

#[test]
fn a_verdict_on_licences_becomes_facts() {
    let file = insight::licence::LicenceFile {
        path: "LICENSE".to_owned(),
        licences: vec!["MIT".to_owned()],
        coverage_percent: 98.5,
        ..Default::default()
    };
    let licences = Licences::from(LicenceVerdict {
        redistributable: true,
        licences: vec!["MIT".to_owned()],
        files: vec![file],
        why: "LICENSE is MIT, which allows redistribution".to_owned(),
    });
    assert_eq!(licences, known().licences);
}

#[test]
fn the_digest_is_that_of_the_text() {
    let (text, digest) = Facts::new(known()).document().unwrap();
    assert_eq!(digest, ContentDigest::of(text.as_bytes()));
    assert!(!text.contains('\n'));
}
