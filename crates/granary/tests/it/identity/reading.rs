//! What takes a token to read, and what a token that reaches other modules or views hears.

use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use super::commands::create;
use super::{house, house_with};
use crate::rig::address::free_address;
use crate::rig::database::{Database, NAME};
use crate::rig::go::Go;
use crate::rig::granary::Setup;
use crate::rig::module::make;
use crate::rig::upstream::Upstream;
use crate::rig::wait_until;

/// A server starts within a second or two, on a busy machine later.
const START_WAIT: Duration = Duration::from_secs(30);

fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Authorization: Basic {pair}\r\n")
}

#[test]
fn a_private_module_is_neither_fetched_nor_shown_without_a_token() {
    let house = house();
    let zip = house.private.file("zip");
    for path in [
        &zip,
        &house.private.file("info"),
        "/corp.example/p/@v/list",
        "/corp.example/p/@latest",
    ] {
        let answer = house.ask("GET", path, None, None);
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.text().contains("netrc"), "{}", answer.text());
        // What is not there looks the same.
        let never = house.ask("GET", &path.replace("/p/", "/never/"), None, None);
        assert_eq!(never.status, 401);
        assert_eq!(never.text().replace("/never", "/p"), answer.text());
    }
    let asked = house.upstream.counts();
    assert!(
        asked.keys().all(|path| !path.contains("corp.example")),
        "{asked:?}"
    );

    let reader = house.token(
        "reader",
        &json!({ "verbs": ["read"], "modules": ["corp.example"] }),
    );
    let ways = [
        format!("Authorization: Bearer {reader}\r\n"),
        basic("go", &reader),
        basic(&reader, ""),
    ];
    for way in &ways {
        // Twice: what was read once is not kept where nobody is asked.
        for _ in 0..2 {
            let answer = house.send("GET", &zip, way, None);
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(answer.body, house.private.zip);
            assert!(
                answer
                    .header("cache-control")
                    .unwrap()
                    .starts_with("private")
            );
            assert_eq!(house.ask("GET", &zip, None, None).status, 401);
            assert_eq!(house.ask("HEAD", &zip, None, None).status, 401);
            assert_eq!(
                house
                    .ask("GET", &format!("/r/prod{zip}"), None, None)
                    .status,
                401
            );
        }
    }
}

#[test]
fn a_token_for_other_modules_hears_the_same_of_all() {
    let house = house();
    let scopes = json!({ "verbs": ["read"], "modules": ["corp.example/other"] });
    let other = house.token("other", &scopes);
    let there = house.ask("GET", &house.private.file("info"), Some(&other), None);
    let never = house.ask("GET", "/corp.example/q/@v/v1.0.0.info", Some(&other), None);
    assert_eq!((there.status, never.status), (404, 404));
    assert_eq!(there.text().replace("/p", "/q"), never.text());
    let of = |module: &str| format!("/v1/why/{module}@v1.0.0");
    house.ask("GET", &house.private.file("info"), Some(&house.admin), None);
    let there = house.ask("GET", &of("corp.example/p"), Some(&other), None);
    let never = house.ask("GET", &of("corp.example/q"), Some(&other), None);
    assert_eq!((there.status, never.status), (404, 404));
    assert_eq!(there.text().replace("example/p", "example/q"), never.text());
    let landings = house.ask("GET", "/v1/landings", Some(&other), None);
    assert!(
        !landings.text().contains("corp.example/p"),
        "{}",
        landings.text()
    );
    let landings = house.ask("GET", "/v1/landings", Some(&house.admin), None);
    assert!(
        landings.text().contains("corp.example/p@v1.0.0"),
        "{}",
        landings.text()
    );
}

#[test]
fn checksums_of_private_modules_take_a_token_too() {
    let house = house_with(|setup| setup.set("gonosumdb", "none"));
    house.database.record(&house.private);
    let path = format!("/sumdb/{NAME}/lookup/corp.example/p@v1.0.0");
    assert_eq!(house.ask("GET", &path, None, None).status, 401);
    for _ in 0..2 {
        let answer = house.ask("GET", &path, Some(&house.admin), None);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(house.ask("GET", &path, None, None).status, 401);
    }
    let latest = format!("/sumdb/{NAME}/latest");
    assert_eq!(house.ask("GET", &latest, None, None).status, 200);
    let public = format!("/sumdb/{NAME}/lookup/example.com/m@v1.0.0");
    assert_eq!(house.ask("GET", &public, None, None).status, 200);
}

#[test]
fn stages_before_the_last_take_a_token_unless_they_are_public() {
    let house = house_with(|setup| setup.set("public_stages", "staging"));
    house.granary.must_get(&house.public.file("zip"));
    let dev = house.token("dev", &json!({ "verbs": ["read"], "views": ["dev"] }));
    let staging = house.token(
        "staging",
        &json!({ "verbs": ["read"], "views": ["staging"] }),
    );
    let latest = format!("/sumdb/{NAME}/latest");
    for file in [
        &house.public.file("zip"),
        "/example.com/m/@v/list",
        "/example.com/m/@latest",
        &latest,
    ] {
        let (in_dev, in_staging) = (format!("/r/dev{file}"), format!("/r/staging{file}"));
        for (path, token, want) in [
            (&in_dev, None, 401),
            (&in_dev, Some(&staging), 403),
            (&in_dev, Some(&dev), 200),
            (&in_dev, None, 401),
            (&in_staging, None, 200),
            (&in_staging, Some(&dev), 200),
        ] {
            let answer = house.ask("GET", path, token.map(String::as_str), None);
            assert_eq!(answer.status, want, "{path}: {}", answer.text());
        }
    }
}

#[test]
fn private_modules_are_open_where_the_operator_says_so() {
    let house = house_with(|setup| setup.set("private_read", "open"));
    assert_eq!(
        house.granary.must_get(&house.private.file("zip")),
        house.private.zip
    );
    // And everywhere a token that is none changes nothing about what is open.
    let answer = house.ask("GET", &house.private.file("zip"), Some("granary_x"), None);
    assert_eq!(answer.status, 200);
}

/// go hands a secret out over https only.
#[test]
fn go_sends_a_token_and_prints_why_it_needs_one() {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    upstream.add(make("corp.example/p", "v1.0.0", &[("p.go", "package p\n")]));
    let setup = Setup::with(&upstream, &database)
        .set("goprivate", "corp.example")
        .set("gonoproxy", "none")
        .set("private_read", "token");
    let folder = setup.folder("tls");
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    let setup = setup
        .set("tls.cert", certificate.to_str().unwrap())
        .set("tls.key", key.to_str().unwrap());
    let address = free_address();
    let server = setup.launch(address);
    wait_until(START_WAIT, "the server listens", || {
        TcpStream::connect(address).is_ok()
    });
    let token = create(&setup, &["go", "--verbs", "read"]);

    let Some(mut go) = Go::find_at(&format!("https://{address}"), Some(&database)) else {
        return;
    };
    go.set("SSL_CERT_FILE", certificate.to_str().unwrap());
    go.set("GONOSUMDB", "corp.example");
    let project = go.project("app", &[("go.mod", "module example.com/app\n\ngo 1.21\n")]);
    let get = ["get", "corp.example/p@v1.0.0"];
    let said = go.run(&project, &get);
    assert!(
        !said.ok && said.err.contains("takes a token"),
        "{}",
        said.err
    );
    let netrc = folder.join("netrc");
    std::fs::write(
        &netrc,
        format!("machine {address} login token password {token}\n"),
    )
    .unwrap();
    go.set("NETRC", netrc.to_str().unwrap());
    go.must(&project, &get);
    assert!(!server.log().contains(&token), "a token is in the log");
}
