//! Malformed requests: a 4xx with the reason, in no time, and nothing asked of any upstream.

use std::time::{Duration, Instant};

use crate::rig::database::Database;
use crate::rig::granary::{Granary, Setup};
use crate::rig::raw;
use crate::rig::upstream::Upstream;

fn stage() -> (Upstream, Granary) {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let granary = Setup::with(&upstream, &database).start();
    (upstream, granary)
}

#[track_caller]
fn check_refused(upstream: &Upstream, granary: &Granary, what: &str, request: &[u8]) {
    let begun = Instant::now();
    let answer = raw::send(granary.address, request);
    assert!(
        (400..500).contains(&answer.status),
        "{what}: {} {}",
        answer.status,
        answer.text()
    );
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{what}: took {:?}",
        begun.elapsed()
    );
    assert!(
        upstream.counts().is_empty(),
        "{what}: asked the upstream {:?}",
        upstream.counts()
    );
}

const PATHS: &[&str] = &[
    "/example.com/Hello/@v/v1.0.0.info", // a capital is written with `!`
    "/example.com/he!!llo/@v/list",
    "/example.com/he!Llo/@v/list",
    "/example.com/hello!/@v/list",
    "/example.com/hello/@v/v1.0.0-RC1.info",
    "/example.com/%21Hello/@v/list",
    "/example.com//hello/@v/list",
    "//example.com/hello/@v/list",
    "/example.com/hello//@v/list",
    "/example.com/../hello/@v/list",
    "/example.com/./hello/@v/list",
    "/example.com/%2e%2e/hello/@v/list",
    "/%2e%2e%2f%2e%2e%2fetc/passwd",
    "/%2Fetc/passwd",
    "/example.com/hello/@v/..%2f..%2fgranary.toml",
    "/example.com/hello/@v/%2e%2e%2f%2e%2e%2fcatalog.db.zip",
    "/example.com/hello%00/@v/list",
    "/example.com/hello%0a/@v/list",
    "/example.com/hello%5cworld/@v/list",
    "/example.com/hello%ff/@v/list",
    "/example.com/hello%zz/@v/list",
    "/example.com/hello%/@v/list",
    "/example.com/h\u{e9}llo/@v/list",
    "/example.com/hello world/@v/list",
    "/example.com/hello/@v/",
    "/example.com/hello/@v/list/",
    "/example.com/hello/@v/lists",
    "/example.com/hello/@v/v1.0.0",
    "/example.com/hello/@v/v1.0.0.tar",
    "/example.com/hello/@v/v1.0.0.zip.asc",
    "/example.com/hello/@v/.info",
    "/example.com/hello/@v/.zip",
    "/example.com/hello/@latest/",
    "/@v/list",
    "/@latest",
    "/nodot/hello/@v/list",
    "/-example.com/hello/@v/list",
    "/example.com/-hello/@v/.info",
    "/.example.com/hello/@v/list",
    "/example.com/hello./@v/list",
    "/example.com/con/@v/list",
    "/example.com/aux.txt/@v/list",
    "/example.com/hello~1/@v/list",
    "/example.com/hello/v1/@v/list",
    "/example.com/hello/v02/@v/list",
    "/gopkg.in/yaml/@v/list",
    // Only an .info may be asked for by a name that is no canonical version.
    "/example.com/hello/@v/main.mod",
    "/example.com/hello/@v/main.zip",
    "/example.com/hello/@v/v1.zip",
    "/example.com/hello/@v/v1.0.mod",
    "/example.com/hello/@v/v01.0.0.mod",
    "/example.com/hello/@v/v1.0.0+meta.zip",
    "/example.com/hello/@v/1.0.0.mod",
    "/example.com/hello/@v/V1.0.0.mod",
    // The major version and the path must go together.
    "/example.com/hello/@v/v2.0.0.mod",
    "/example.com/hello/v2/@v/v1.0.0.mod",
    "/gopkg.in/yaml.v2/@v/v3.0.0.mod",
    "/sumdb/",
    "/sumdb/evil.example/lookup/example.com/hello@v1.0.0",
    "/sumdb/sums.example/db/",
    "/sumdb/sums.example/db/other",
    "/sumdb/sums.example/db/lookup/example.com/hello",
    "/sumdb/sums.example/db/lookup/example.com/Hello@v1.0.0",
    "/sumdb/sums.example/db/lookup/../latest",
    "/sumdb/sums.example/db/tile/8/0/0",
    "/sumdb/sums.example/db/tile/9/0/000",
    "/sumdb/sums.example/db/tile/8/0/000.p/256",
    "/sumdb/sums.example/db/tile/8/-1/000",
    "/sumdb/sums.example/db/tile/8/0/x99/000",
];

#[test]
fn malformed_paths_and_versions_are_refused_without_asking_anyone() {
    let (upstream, granary) = stage();
    for path in PATHS {
        let request = format!("GET {path} HTTP/1.1\r\nHost: granary\r\nConnection: close\r\n\r\n");
        check_refused(&upstream, &granary, path, request.as_bytes());
    }
}

#[test]
fn long_paths_are_refused_without_asking_anyone() {
    let (upstream, granary) = stage();
    for length in [5_000, 20_000, 70_000] {
        let path = format!("/example.com/{}/@v/list", "a".repeat(length));
        let request = format!("GET {path} HTTP/1.1\r\nHost: granary\r\nConnection: close\r\n\r\n");
        check_refused(
            &upstream,
            &granary,
            &format!("a path of {length} bytes"),
            request.as_bytes(),
        );
    }
}

#[test]
fn only_get_and_head_are_methods_here() {
    let (upstream, granary) = stage();
    for method in [
        "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get", "FROB",
    ] {
        let request = format!(
            "{method} /example.com/hello/@v/list HTTP/1.1\r\nHost: granary\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        );
        check_refused(&upstream, &granary, method, request.as_bytes());
    }
}

#[test]
fn requests_that_are_not_http_or_not_to_be_trusted() {
    let (upstream, granary) = stage();
    let path = "/example.com/hello/@v/list";
    let many: String = (0..10_000).map(|i| format!("X-{i}: y\r\n")).collect();
    let cases: Vec<(&str, String)> = vec![
        ("no HTTP at all", "hello\r\n\r\n".to_owned()),
        (
            "a version from the future",
            format!("GET {path} HTTP/9.9\r\nHost: x\r\n\r\n"),
        ),
        (
            "a length and chunks",
            format!(
                "GET {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
        ),
        (
            "two lengths",
            format!(
                "GET {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"
            ),
        ),
        (
            "a length that is no number",
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"),
        ),
        (
            "a folded header",
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n"),
        ),
        (
            "a space before the colon",
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n"),
        ),
        (
            "a NUL in a header",
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n"),
        ),
        (
            "a header of a megabyte",
            format!(
                "GET {path} HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n",
                "b".repeat(1 << 20)
            ),
        ),
        (
            "ten thousand headers",
            format!("GET {path} HTTP/1.1\r\nHost: x\r\n{many}\r\n"),
        ),
        (
            "a tunnel",
            "CONNECT internal.example:443 HTTP/1.1\r\nHost: internal.example\r\n\r\n".to_owned(),
        ),
    ];
    for (what, request) in cases {
        check_refused(&upstream, &granary, what, request.as_bytes());
    }
}

#[test]
fn a_client_that_never_finishes_its_request_is_cut_off_and_disturbs_nobody() {
    use std::io::{Read, Write};
    let (_upstream, granary) = stage();
    let mut slow: Vec<_> = (0..50)
        .map(|_| std::net::TcpStream::connect(granary.address).unwrap())
        .collect();
    for stream in &mut slow {
        stream
            .write_all(b"GET /example.com/hello/@v/list HT")
            .unwrap();
    }
    let begun = Instant::now();
    assert_eq!(granary.get("/livez").status, 200);
    assert!(begun.elapsed() < Duration::from_secs(1));
    slow[0]
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let mut rest = Vec::new();
    slow[0]
        .read_to_end(&mut rest)
        .expect("still open after 30 s");
}
