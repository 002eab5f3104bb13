//! Requests that are no good: other names, other types, too much, too often; and tokens that want more than they may.

use serde_json::{Value, json};

use super::house;
use crate::rig::raw;

#[test]
fn the_api_answers_under_names_of_this_server_only() {
    let house = house();
    let to = house.granary.address;
    let ask = |host: &str, path: &str| {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
            house.admin
        );
        raw::send(to, request.as_bytes()).status
    };
    let own = to.to_string();
    for (host, want) in [
        (own.as_str(), 200),
        ("localhost", 200),
        ("127.0.0.1:1", 200),
        ("[::1]", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("evil.example@127.0.0.1", 421),
        ("10.1.2.3", 421),
    ] {
        assert_eq!(ask(host, "/v1/deeds"), want, "{host}");
    }
    assert_eq!(ask("evil.example", "/v1/openapi.json"), 421);
    // go asks under whatever name leads here.
    assert_eq!(ask("evil.example", &house.public.file("info")), 200);
}

#[test]
fn only_json_of_bounded_length_changes_anything() {
    let house = house();
    let to = house.granary.address;
    let post = |headers: &str, body: &str| {
        let request = format!(
            "POST /v1/tokens HTTP/1.1\r\nHost: {to}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n{headers}\r\n{body}",
            house.admin
        );
        raw::send(to, request.as_bytes())
    };
    let sized = |kind: &str, body: &str| {
        post(
            &format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len()),
            body,
        )
    };
    let good = r#"{"name":"t1","verbs":["read"]}"#;
    let long = format!(
        r#"{{"name":"t2","verbs":["read"],"why":"{}"}}"#,
        "x".repeat(200 << 10)
    );
    for (kind, body, want) in [
        ("application/x-www-form-urlencoded", good, 415),
        ("text/plain", good, 415),
        ("multipart/form-data; boundary=x", good, 415),
        ("application/json", "", 400),
        ("application/json", "{", 400),
        ("application/json", "[]", 400),
        (
            "application/json",
            r#"{"name":"t3","verbs":["read"],"admin":true}"#,
            400,
        ),
        ("application/json", r#"{"name":"T3","verbs":["read"]}"#, 400),
        ("application/json", r#"{"name":"t3","verbs":[]}"#, 400),
        ("application/json", r#"{"name":"t3","verbs":["root"]}"#, 400),
        (
            "application/json",
            r#"{"name":"t3","verbs":["read"],"expires_at":"2001-01-01T00:00:00Z"}"#,
            400,
        ),
        ("application/json", &long, 413),
        ("Application/JSON; charset=utf-8", good, 201),
        ("application/json", good, 409),
    ] {
        let answer = sized(kind, body);
        let shown: String = body.chars().take(80).collect();
        assert_eq!(answer.status, want, "{kind} {shown}: {}", answer.text());
        if want >= 400 {
            assert_eq!(
                answer.header("content-type"),
                Some("application/problem+json"),
                "{shown}"
            );
            let problem: Value = serde_json::from_slice(&answer.body).unwrap();
            assert_eq!(problem["status"], want);
        }
    }
    let chunked = post(
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n",
        "1e\r\n{\"name\":\"t4\",\"verbs\":[\"read\"]}\r\n0\r\n\r\n",
    );
    assert_eq!(chunked.status, 400);
    let tokens = house
        .ask("GET", "/v1/tokens", Some(&house.admin), None)
        .text();
    for name in ["t2", "t3", "t4"] {
        assert!(!tokens.contains(&format!("\"{name}\"")), "{name} was made");
    }
}

#[test]
fn nobody_hands_out_or_ends_more_than_they_may() {
    let house = house();
    let scopes =
        json!({ "verbs": ["token", "read"], "views": ["prod"], "modules": ["corp.example"] });
    let minter = house.token("minter", &scopes);
    let mint = |name: &str, mut scopes: Value| {
        scopes["name"] = json!(name);
        house
            .ask("POST", "/v1/tokens", Some(&minter), Some(&scopes))
            .status
    };
    let prod = |verb: &str, module: &str| json!({ "verbs": [verb], "views": ["prod"], "modules": [module] });
    assert_eq!(mint("a", prod("read", "corp.example/team")), 201);
    assert_eq!(mint("b", prod("admin", "corp.example")), 403);
    assert_eq!(mint("b", prod("promote", "corp.example")), 403);
    assert_eq!(mint("b", prod("read", "*")), 403);
    assert_eq!(mint("b", prod("read", "example.com")), 403);
    assert_eq!(
        mint(
            "b",
            json!({ "verbs": ["read"], "modules": ["corp.example"] })
        ),
        403
    );
    let end = |name: &str| {
        let path = format!("/v1/tokens/{name}");
        house.ask("DELETE", &path, Some(&minter), None).status
    };
    // It does not even hear that there is such a one.
    assert_eq!(end("admin"), 404);
    assert_eq!(end("never"), 404);
    assert_eq!(end("a"), 204);
    assert_eq!(end("a"), 204);
    let seen = house.ask("GET", "/v1/tokens", Some(&minter), None).text();
    assert!(
        seen.contains("\"minter\"") && !seen.contains("\"admin\","),
        "{seen}"
    );
    assert_eq!(
        house
            .ask("GET", "/v1/deeds", Some(&house.admin), None)
            .status,
        200
    );
    let refused: Vec<Value> = house
        .deeds()
        .into_iter()
        .filter(|deed| deed["outcome"] == "refused")
        .collect();
    assert!(
        refused
            .iter()
            .any(|deed| deed["verb"] == "token-create" && deed["by"] == "token:minter"),
        "{refused:?}"
    );
    let reader = house.token("reader", &json!({ "verbs": ["read"] }));
    let act = json!({ "act": "promote", "of": ["example.com/m@v1.0.0"], "why": "x" });
    let answer = house.ask("POST", "/v1/acts", Some(&reader), Some(&act));
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(
        answer.text().contains("one of promote, withdraw"),
        "{}",
        answer.text()
    );
    crate::rig::wait_until(super::FELT_WITHIN, "the refusal is recorded", || {
        let tried =
            |deed: &Value| deed["by"] == "token:reader" && deed["subject"] == "POST /v1/acts";
        house.deeds().iter().any(tried)
    });
    assert!(
        refused
            .iter()
            .any(|deed| deed["verb"] == "token-revoke" && deed["subject"] == "admin"),
        "{refused:?}"
    );
}

#[test]
fn a_flood_of_wrong_tokens_fills_nothing_and_hides_nothing() {
    let house = house();
    let few = house.token(
        "few",
        &json!({ "verbs": ["read"], "modules": ["corp.example/few"] }),
    );
    for number in 0..600 {
        let wrong = format!("granary_{number:043}");
        let path = if number % 2 == 0 {
            "/v1/deeds"
        } else {
            "/corp.example/p/@v/list"
        };
        let answer = house.ask("GET", path, Some(&wrong), None);
        assert_eq!(answer.status, 401, "{}", answer.text());
        assert!(!answer.text().contains("granary_0"), "{}", answer.text());
    }
    assert_eq!(
        house
            .ask("GET", "/corp.example/p/@v/list", Some(&few), None)
            .status,
        404
    );
    let mut refused = Vec::new();
    crate::rig::wait_until(super::FELT_WITHIN, "refusals are recorded", || {
        let deeds = house.deeds().into_iter();
        refused = deeds.filter(|deed| deed["outcome"] == "refused").collect();
        refused.iter().any(|deed| deed["by"] == "token:few")
    });
    let strangers = refused.iter().filter(|deed| deed["by"] == "nobody").count();
    assert!((1..=30).contains(&strangers), "{strangers} rows of 600");
    assert!(
        refused
            .iter()
            .all(|deed| !deed.to_string().contains("granary_0")),
        "{refused:?}"
    );
}
