//! HTTP of what is stored: headers, HEAD, ranges, conditions, compression, and the switch that forbids fetching.

use crate::rig::database::Database;
use crate::rig::granary::{Granary, Setup};
use crate::rig::module::{Made, noise};
use crate::rig::raw;
use crate::rig::upstream::Upstream;

fn stage() -> (Upstream, Granary, Made) {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let requires: String = (0..200)
        .map(|i| format!("\nrequire example.com/dep{i} v1.0.0\n"))
        .collect();
    let go_mod = format!("module example.com/Served\n\ngo 1.21\n{requires}");
    let made = upstream.publish(
        "example.com/Served",
        "v1.0.0",
        &[("go.mod", &go_mod), ("s.txt", &noise(5, 300_000))],
    );
    let granary = Setup::with(&upstream, &database).start();
    for extension in ["info", "mod", "zip"] {
        assert_eq!(
            granary.must_get(&made.file(extension)),
            made.bytes(extension)
        );
    }
    (upstream, granary, made)
}

#[test]
fn files_say_what_they_are_and_that_they_never_change() {
    let (_upstream, granary, made) = stage();
    for (extension, content_type) in [
        ("info", "application/json"),
        ("mod", "text/plain; charset=utf-8"),
        ("zip", "application/zip"),
    ] {
        let answer = granary.get(&made.file(extension));
        assert_eq!(answer.header("content-type"), Some(content_type));
        assert!(
            answer
                .header("cache-control")
                .unwrap()
                .contains("immutable"),
            "{answer:?}"
        );
        assert!(
            answer.header("etag").is_some_and(|t| t.starts_with('"')),
            "{extension}"
        );
        assert!(answer.header("last-modified").is_some(), "{extension}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(
            answer.header("content-length"),
            Some(&*made.bytes(extension).len().to_string())
        );
    }
    let list = granary.get("/example.com/!served/@v/list");
    assert!(
        !list.header("cache-control").unwrap().contains("immutable"),
        "{list:?}"
    );
    let absent = granary.get("/example.com/absent/@v/v1.0.0.info");
    assert_eq!(
        absent.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
}

#[test]
fn capitals_are_escaped_and_the_mark_may_be_percent_encoded() {
    let (_upstream, granary, made) = stage();
    assert_eq!(made.file("mod"), "/example.com/!served/@v/v1.0.0.mod");
    assert_eq!(
        granary.must_get("/example.com/%21served/@v/v1.0.0.mod"),
        made.go_mod
    );
    assert_eq!(
        granary.must_get("/example.com/%21%73erved/%40v/v1.0.0.mod"),
        made.go_mod
    );
}

#[test]
fn head_is_get_without_the_body() {
    let (_upstream, granary, made) = stage();
    for extension in ["info", "mod", "zip"] {
        let path = made.file(extension);
        let (get, head) = (
            granary.get(&path),
            raw::ask(granary.address, "HEAD", &path, &[]),
        );
        assert_eq!(head.status, 200);
        assert!(head.body.is_empty());
        for name in [
            "content-type",
            "content-length",
            "etag",
            "cache-control",
            "last-modified",
        ] {
            assert_eq!(head.header(name), get.header(name), "{name} of {path}");
        }
    }
    assert_eq!(
        raw::ask(granary.address, "HEAD", "/example.com/absent/@v/list", &[]).status,
        404
    );
}

#[test]
fn conditions_are_answered_with_304_or_the_bytes() {
    let (_upstream, granary, made) = stage();
    let path = made.file("zip");
    let first = granary.get(&path);
    let tag = first.header("etag").unwrap();
    let date = first.header("last-modified").unwrap();
    let ask = |name: &str, value: &str| raw::get_with(granary.address, &path, &[(name, value)]);
    for (name, value, want) in [
        ("If-None-Match", tag, 304),
        ("If-None-Match", "*", 304),
        ("If-None-Match", &*format!("\"x\", W/{tag}"), 304),
        ("If-None-Match", "\"x\"", 200),
        ("If-Modified-Since", date, 304),
        ("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT", 200),
        ("If-Modified-Since", "nonsense", 200),
    ] {
        let answer = ask(name, value);
        assert_eq!(answer.status, want, "{name}: {value}");
        assert_eq!(answer.body.is_empty(), want == 304);
    }
}

#[test]
fn ranges_are_parts_of_the_zip() {
    let (_upstream, granary, made) = stage();
    let (path, length) = (made.file("zip"), made.zip.len());
    let ask = |range: &str| raw::get_with(granary.address, &path, &[("Range", range)]);
    for (range, from, to) in [
        ("bytes=0-99".to_owned(), 0, 100),
        ("bytes=100-".to_owned(), 100, length),
        ("bytes=-50".to_owned(), length - 50, length),
        (
            format!("bytes={}-{}", length - 1, length + 100),
            length - 1,
            length,
        ),
    ] {
        let answer = ask(&range);
        assert_eq!(answer.status, 206, "{range}");
        assert_eq!(answer.body, &made.zip[from..to], "{range}");
        assert_eq!(
            answer.header("content-range"),
            Some(&*format!("bytes {from}-{}/{length}", to - 1))
        );
    }
    assert_eq!(ask(&format!("bytes={length}-")).status, 416);
    // A range that makes no sense is no range; many small ones are not worth their headers.
    assert_eq!(ask("lines=1-2").status, 200);
    let many: String = (0..1000).map(|i| format!("{i}-{i},")).collect();
    let answer = ask(&format!("bytes={}", many.trim_end_matches(',')));
    assert!(
        matches!(answer.status, 200 | 206 | 416),
        "{}",
        answer.status
    );
    assert!(answer.body.len() <= length + 200_000);
}

#[test]
fn text_is_compressed_for_clients_that_take_it() {
    let (_upstream, granary, made) = stage();
    let path = made.file("mod");
    let plain = granary.get(&path);
    let small = raw::get_with(granary.address, &path, &[("Accept-Encoding", "gzip")]);
    assert_eq!(small.header("content-encoding"), Some("gzip"));
    assert!(small.body.len() < plain.body.len() / 2);
    assert!(
        small
            .header("vary")
            .is_some_and(|v| v.to_lowercase().contains("accept-encoding"))
    );
    assert_ne!(
        small.header("etag"),
        plain.header("etag"),
        "a strong tag names exact bytes"
    );
    let refused = raw::get_with(granary.address, &path, &[("Accept-Encoding", "gzip;q=0")]);
    assert_eq!(refused.body, made.go_mod);
    let zip = raw::get_with(
        granary.address,
        &made.file("zip"),
        &[("Accept-Encoding", "gzip")],
    );
    assert_eq!(zip.header("content-encoding"), None);
}

#[test]
fn a_request_may_forbid_fetching() {
    let (upstream, granary, made) = stage();
    let other = upstream.publish(
        "example.com/other",
        "v1.0.0",
        &[("o.go", "package other\n")],
    );
    let forbid = [("Disable-Module-Fetch", "true")];
    for path in [
        other.file("info"),
        other.file("mod"),
        other.file("zip"),
        "/example.com/other/@latest".to_owned(),
    ] {
        let answer = raw::get_with(granary.address, &path, &forbid);
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        assert_eq!(upstream.count(&path), 0, "{path}");
    }
    assert_eq!(
        raw::get_with(granary.address, &made.file("zip"), &forbid).body,
        made.zip
    );
    let list = raw::get_with(granary.address, "/example.com/!served/@v/list", &forbid);
    assert_eq!((list.status, list.text().trim()), (200, "v1.0.0"));
    assert_eq!(upstream.count("/example.com/!served/@v/list"), 0);
    // And a no of this kind is not remembered for those who allow it.
    assert_eq!(granary.must_get(&other.file("info")), other.info);
}

#[test]
fn health_version_and_metrics_are_there() {
    let (_upstream, granary, _made) = stage();
    assert_eq!(granary.get("/livez").status, 200);
    assert_eq!(granary.get("/readyz").status, 200);
    assert!(
        granary
            .get("/version")
            .text()
            .contains(env!("CARGO_PKG_VERSION"))
    );
    let metrics = granary.get("/metrics");
    assert!(metrics.text().contains("# TYPE "), "{}", metrics.text());
    assert!(
        granary.get("/livez").header("x-request-id").is_some()
            || granary.get("/").header("x-request-id").is_some()
    );
}
