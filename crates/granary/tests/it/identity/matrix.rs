//! The table: every endpoint against nobody, every verb, and tokens that are none.

use serde_json::{Value, json};

use super::house;
use crate::rig::wait_until;

use super::FELT_WITHIN;

const VERBS: [&str; 9] = [
    "read",
    "promote",
    "withdraw",
    "quarantine",
    "approve",
    "waive",
    "policy",
    "token",
    "admin",
];

/// What an endpoint answers: to those who have one of `to` (and to `admin`), to other holders of tokens, to those who show
/// none, to those who show one that is none.
struct Row {
    method: &'static str,
    path: &'static str,
    body: Option<Value>,
    to: &'static [&'static str],
    status: u16,
    others: u16,
    nobody: u16,
    strangers: u16,
}

fn row(method: &'static str, path: &'static str, to: &'static [&'static str], status: u16) -> Row {
    Row {
        method,
        path,
        body: None,
        to,
        status,
        others: 403,
        nobody: 401,
        strangers: 401,
    }
}

fn act(act: &str, to: &'static [&'static str]) -> Row {
    let mut body = json!({ "act": act, "of": ["example.com/never@v1.9.9"], "why": "a test" });
    match act {
        "waive" => {
            body["rule"] = json!("size");
            body["owner"] = json!("ann");
            // Over long ago, and so refused.
            body["until"] = json!("2001-01-01T00:00:00Z");
        }
        "end-waiver" => body["of"] = json!(["999999"]),
        _ => {}
    }
    Row {
        body: Some(body),
        // Whoever may ask hears that there is nothing to do it to.
        ..row("POST", "/v1/acts", to, 409)
    }
}

/// Open to everyone, whatever token comes along.
fn open(method: &'static str, path: &'static str, status: u16) -> Row {
    Row {
        strangers: status,
        ..readable(method, path, status)
    }
}

/// Open to everyone who may read the module; but whoever shows a token hears whether it is one.
fn readable(method: &'static str, path: &'static str, status: u16) -> Row {
    Row {
        others: status,
        nobody: status,
        ..row(method, path, &[], status)
    }
}

fn table() -> Vec<Row> {
    const ACTS: &[&str] = &["promote", "withdraw", "quarantine", "approve", "waive"];
    const WHY: &str = "/v1/why/example.com/m@v1.0.0";
    let mint = json!({ "verbs": ["token"] });
    let mut rows = vec![
        open("GET", "/v1/openapi.json", 200),
        open("HEAD", "/v1/openapi.json", 200),
        open("GET", "/v1/nothing", 404),
        open("GET", "/v1", 404),
        open("GET", "/v1/control/operations", 404),
        open("OPTIONS", "/v1/tokens", 204),
        open("PUT", "/v1/tokens", 405),
        open("DELETE", "/v1/tokens", 405),
        open("GET", "/v1/acts", 405),
        open("POST", "/v1/deeds", 405),
        open("POST", "/v1/openapi.json", 405),
        open("BREW", "/v1/deeds", 405),
        open("POST", "/example.com/m/@v/list", 405),
        open("GET", "/example.com/m/@v/v1.0.0.info", 200),
        open("GET", "/example.com/m/@v/list", 200),
        open("GET", "/r/prod/example.com/m/@v/v1.0.0.mod", 200),
        open("GET", "/livez", 200),
        open("GET", "/version", 200),
        readable("GET", WHY, 200),
        readable("HEAD", WHY, 200),
        readable("GET", "/v1/why/example.com/m@v1.0.0?view=prod", 200),
        readable("GET", "/v1/why/example.com/m@v1.0.0?view=none", 404),
        readable("GET", "/v1/why/example.com/m@v1.0.0?of=prod", 400),
        readable("GET", "/v1/why/example.com/never@v1.9.9", 404),
        readable("GET", "/v1/why/nonsense", 400),
        row(
            "GET",
            "/v1/why/example.com/m@v1.0.0?view=dev",
            &["read"],
            200,
        ),
        row("GET", "/v1/why/corp.example/p@v1.9.9", &["read"], 404),
        row("GET", "/v1/why/corp.example/never@v1.9.9", &["read"], 404),
        row("GET", "/v1/verdicts", &["read"], 200),
        row(
            "GET",
            "/v1/verdicts?module=example.com/m&limit=1",
            &["read"],
            200,
        ),
        row("GET", "/v1/verdicts?modul=example.com/m", &["read"], 400),
        row("GET", "/v1/landings", &["read"], 200),
        row("GET", "/v1/landings?limit=0", &["read"], 400),
        open("POST", "/v1/views/prod/members", 405),
        open("GET", "/v1/views/prod", 404),
        row("GET", "/v1/views/prod/members", &["read"], 200),
        row("GET", "/v1/views/dev/members?limit=1", &["read"], 200),
        row("GET", "/v1/views/none/members", &["read"], 404),
        row("GET", "/v1/views/prod/members?at=0", &["read"], 200),
        row(
            "GET",
            "/v1/views/prod/members?at=2001-01-31T12:00:00Z",
            &["read"],
            200,
        ),
        row("GET", "/v1/views/prod/members?at=999999", &["read"], 400),
        row("GET", "/v1/views/prod/members?at=yesterday", &["read"], 400),
        row(
            "GET",
            "/v1/views/prod/members?at=2001-01-31T12:00:00",
            &["read"],
            400,
        ),
        row(
            "GET",
            "/v1/views/prod/members?at=2999-01-31T12:00:00Z",
            &["read"],
            400,
        ),
        row("GET", "/v1/views/prod/members?page=x", &["read"], 400),
        row("GET", "/v1/waivers", &["read"], 200),
        row("GET", "/v1/deeds", &[], 200),
        row("GET", "/v1/deeds?page=x", &[], 400),
        row("GET", "/v1/tokens", &["token"], 200),
        row("DELETE", "/v1/tokens/nobody-has-this", &["token"], 404),
        row("GET", "/v1/acts/act:none", ACTS, 404),
        row("GET", "/corp.example/p/@v/v1.0.0.info", &["read"], 200),
        row("GET", "/corp.example/p/@v/list", &["read"], 200),
        row("GET", "/corp.example/p/@latest", &["read"], 200),
        row("GET", "/corp.example/p/@v/v1.0.0.zip", &["read"], 200),
        row("HEAD", "/corp.example/p/@v/v1.0.0.zip", &["read"], 200),
        row("GET", "/v1/why/corp.example/p@v1.0.0", &["read"], 200),
        row("GET", "/corp.example/never/@v/list", &["read"], 404),
        row("GET", "/r/dev/example.com/m/@v/v1.0.0.info", &["read"], 200),
        row("GET", "/r/dev/example.com/m/@v/list", &["read"], 200),
        act("promote", &["promote"]),
        act("withdraw", &["withdraw"]),
        act("quarantine", &["quarantine"]),
        act("release", &["quarantine"]),
        act("approve", &["approve"]),
        act("waive", &["waive"]),
        act("end-waiver", &["waive"]),
    ];
    rows.push(Row {
        body: Some(mint),
        ..row("POST", "/v1/tokens", &["token"], 201)
    });
    rows
}

#[test]
fn every_endpoint_answers_every_token_as_the_table_says() {
    let house = house();
    house.granary.must_get(&house.public.file("zip"));
    let holders = VERBS.map(|verb| {
        (
            verb,
            house.token(&format!("may-{verb}"), &json!({ "verbs": [verb] })),
        )
    });
    let revoked = house.token("revoked", &json!({ "verbs": ["admin"] }));
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_millis(1500);
    let expired = house.token(
        "expired",
        &json!({ "verbs": ["admin"], "expires_at": end.to_string() }),
    );
    let gone = house.ask("DELETE", "/v1/tokens/revoked", Some(&house.admin), None);
    assert_eq!(gone.status, 204, "{}", gone.text());
    wait_until(FELT_WITHIN, "a token expires", || {
        house.ask("GET", "/v1/deeds", Some(&expired), None).status == 401
    });
    let wrong = format!("granary_{}", "A".repeat(43));
    let mut failures = Vec::new();
    let mut asked = 0;
    for row in table() {
        let mut check = |who: &str, token: Option<&str>, want: u16| {
            asked += 1;
            let mut body = row.body.clone();
            if row.path == "/v1/tokens"
                && let Some(body) = &mut body
            {
                body["name"] = json!(format!("made-{asked}"));
            }
            let answer = house.ask(row.method, row.path, token, body.as_ref());
            if answer.status != want {
                failures.push(format!(
                    "{} {} by {who}: {} instead of {want}: {}",
                    row.method,
                    row.path,
                    answer.status,
                    answer.text()
                ));
            }
            if answer.status == 401 {
                assert!(
                    answer.header("www-authenticate").is_some(),
                    "{} {}",
                    row.method,
                    row.path
                );
            }
            if answer.status == 405 {
                assert!(
                    answer.header("allow").is_some(),
                    "{} {}",
                    row.method,
                    row.path
                );
            }
        };
        check("nobody", None, row.nobody);
        check("a wrong token", Some(&wrong), row.strangers);
        check("no token of ours", Some("hunter2"), row.strangers);
        check("a revoked token", Some(&revoked), row.strangers);
        check("an expired token", Some(&expired), row.strangers);
        check("the token in the file", Some(&house.admin), row.status);
        for (verb, token) in &holders {
            let has = *verb == "admin" || row.to.contains(verb);
            check(verb, Some(token), if has { row.status } else { row.others });
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {asked}:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(asked > 700, "{asked}");
    let log = house.granary.log();
    assert!(
        !log.contains(&wrong) && !log.contains("hunter2"),
        "a token is in the log"
    );
    assert!(!log.contains(&house.admin), "a token is in the log");
}
