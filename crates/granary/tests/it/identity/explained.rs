//! What a refusal links to: readable by everyone who may read the module, and without the names and words of people.

use serde_json::{Value, json};

use super::{FELT_WITHIN, House, house_with};
use crate::rig::{raw, wait_until};

const OF: &str = "example.com/m@v1.0.0";

/// Does an act as the administrator.
#[track_caller]
fn act(house: &House, ask: &Value) {
    let answer = house.ask("POST", "/v1/acts", Some(&house.admin), Some(ask));
    assert_eq!(answer.status, 200, "{ask}: {}", answer.text());
}

/// What everyone and what the administrator read of the public version.
#[track_caller]
fn explained(house: &House) -> [Value; 2] {
    [None, Some(house.admin.as_str())].map(|token| {
        let answer = house.ask("GET", &format!("/v1/why/{OF}"), token, None);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        serde_json::from_slice(&answer.body).unwrap()
    })
}

#[test]
fn the_link_in_a_refusal_opens_for_everyone_under_the_public_address() {
    let house = house_with(|setup| {
        setup
            .set("policy.deny", OF)
            .set("public_url", "https://granary.example/go")
    });
    let refused = house.granary.get(&house.public.file("zip"));
    assert_eq!(refused.status, 403, "{}", refused.text());
    let text = refused.text();
    let link = text
        .lines()
        .find_map(|line| line.strip_prefix("why: https://granary.example"));
    let link = link.unwrap_or_else(|| panic!("no link in {text}"));
    assert_eq!(link, format!("/go/v1/why/{OF}"));
    // As a browser sends it, through whatever ends TLS.
    let request = format!(
        "GET {link} HTTP/1.1\r\nHost: granary.example\r\nAccept: text/html,*/*;q=0.8\r\nConnection: close\r\n\r\n"
    );
    let answer = raw::send(house.granary.address, request.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told: Value = serde_json::from_slice(&answer.body).unwrap();
    // The gate stands before a view that everyone may not see; what it said is in the refusal anyway.
    assert_eq!(told["views"].as_array().unwrap().len(), 1, "{told}");
    assert_eq!(told["views"][0]["view"], "prod");
    let summary = told["summary"][0].as_str().unwrap();
    assert!(
        summary.contains("prod: refused at") && summary.contains("the deny list names it"),
        "{summary}"
    );
}

#[test]
fn everyone_reads_no_names_and_no_words_of_people() {
    let house = house_with(|setup| setup.set("policy.deny", OF).set("public_stages", "staging"));
    assert_eq!(house.granary.get(&house.public.file("zip")).status, 403);
    act(
        &house,
        &json!({
            "act": "waive", "of": [OF], "rule": "allow-deny", "owner": "ann-the-owner", "why": "a word of hers",
            "until": "2999-01-31T12:00:00Z",
        }),
    );
    wait_until(FELT_WITHIN, "it is served", || {
        house.granary.get(&house.public.file("zip")).status == 200
    });
    let private = [
        "ann-the-owner",
        "a word of hers",
        "token:",
        "local:",
        "captured from",
        "gates",
    ];
    let [everyone, admin] = explained(&house).map(|told| told.to_string());
    assert!(everyone.contains("waived until 2999"), "{everyone}");
    for word in private {
        assert!(!everyone.contains(word), "{word} is in {everyone}");
    }
    for word in [
        "ann-the-owner",
        "a word of hers",
        "token:admin",
        "captured from",
        "gates",
    ] {
        assert!(admin.contains(word), "{word} is not in {admin}");
    }

    act(
        &house,
        &json!({ "act": "withdraw", "of": [OF], "why": "order 7 of the court" }),
    );
    wait_until(FELT_WITHIN, "it is gone", || {
        house.granary.get(&house.public.file("zip")).status == 410
    });
    let [everyone, admin] = explained(&house);
    let summary = everyone["summary"][0].as_str().unwrap();
    assert!(summary.contains("order 7 of the court"), "{summary}");
    for word in private {
        assert!(
            !everyone.to_string().contains(word),
            "{word} is in {everyone}"
        );
    }
    assert!(admin.to_string().contains("token:admin"), "{admin}");

    // Of the release nobody is told why.
    act(
        &house,
        &json!({ "act": "release", "of": [OF], "why": "a word of theirs" }),
    );
    let [everyone, admin] = explained(&house).map(|told| told.to_string());
    assert!(!everyone.contains("a word of theirs") && !everyone.contains("order 7"));
    assert!(admin.contains("a word of theirs"));
}

#[test]
fn a_token_shows_in_full_what_it_reaches_and_the_rest_as_to_everyone() {
    let house = house_with(|setup| setup);
    house.granary.must_get(&house.public.file("zip"));
    let scopes = json!({ "verbs": ["read"], "views": ["staging"] });
    let staging = house.token("staging", &scopes);
    let answer = house.ask("GET", &format!("/v1/why/{OF}"), Some(&staging), None);
    let told: Value = serde_json::from_slice(&answer.body).unwrap();
    let views = told["views"].as_array().unwrap();
    assert_eq!(views.len(), 2, "{told}");
    assert_eq!(views[0]["view"], "staging");
    assert_eq!(views[0]["landing"]["by"], "gates");
    assert_eq!(views[1]["view"], "prod");
    assert_eq!(views[1]["landing"]["by"], Value::Null);
}
