//! Who may do what: tokens against every endpoint, what takes one to read, and what happens to those that are none.

mod commands;
mod explained;
mod matrix;
mod reading;
mod refusals;

use std::time::Duration;

use serde_json::{Value, json};

use crate::rig::database::Database;
use crate::rig::granary::{Granary, Setup};
use crate::rig::module::{Made, make};
use crate::rig::raw::{self, Answer};
use crate::rig::upstream::Upstream;

/// How soon a revocation is felt, by promise.
const FELT_WITHIN: Duration = Duration::from_secs(10);

/// A server with a public module and a private one, whose readers need a token.
struct House {
    granary: Granary,
    upstream: Upstream,
    database: Database,
    public: Made,
    private: Made,
    /// What `admin.token` holds.
    admin: String,
}

fn house() -> House {
    house_with(|setup| setup)
}

fn house_with(more: impl FnOnce(Setup) -> Setup) -> House {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let public = upstream.publish("example.com/m", "v1.0.0", &[("m.go", "package m\n")]);
    let private = make("corp.example/p", "v1.0.0", &[("p.go", "package p\n")]);
    upstream.add(private.clone());
    let setup = Setup::with(&upstream, &database)
        .set("goprivate", "corp.example")
        .set("gonoproxy", "none")
        .set("private_read", "token");
    let granary = more(setup).start();
    let admin = admin_token(&granary.setup);
    House {
        granary,
        upstream,
        database,
        public,
        private,
        admin,
    }
}

fn admin_token(setup: &Setup) -> String {
    let text = std::fs::read_to_string(setup.data().join("admin.token")).unwrap();
    text.trim().to_owned()
}

impl House {
    /// Sends a request with a token, if there is one, and a JSON body, if there is one.
    fn ask(&self, method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> Answer {
        let bearer = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
        self.send(method, path, &bearer.unwrap_or_default(), body)
    }

    fn send(&self, method: &str, path: &str, headers: &str, body: Option<&Value>) -> Answer {
        let to = self.granary.address;
        let text = body.map(ToString::to_string).unwrap_or_default();
        let content = match body {
            Some(_) => format!(
                "Content-Type: application/json\r\nContent-Length: {}\r\n",
                text.len()
            ),
            None => String::new(),
        };
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n");
        raw::send(to, format!("{head}{headers}{content}\r\n{text}").as_bytes())
    }

    /// Makes a token by the API.
    #[track_caller]
    fn token(&self, name: &str, scopes: &Value) -> String {
        let mut ask = scopes.clone();
        ask["name"] = json!(name);
        let answer = self.ask("POST", "/v1/tokens", Some(&self.admin), Some(&ask));
        assert_eq!(answer.status, 201, "{ask}: {}", answer.text());
        let made: Value = serde_json::from_slice(&answer.body).unwrap();
        made["token"].as_str().unwrap().to_owned()
    }

    /// All that is on the record.
    #[track_caller]
    fn deeds(&self) -> Vec<Value> {
        let headers = format!(
            "Authorization: Bearer {}\r\nAccept: application/x-ndjson\r\n",
            self.admin
        );
        let answer = self.send("GET", "/v1/deeds", &headers, None);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
        let text = answer.text();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}
