//! Conditions, ranges, encodings and HEAD on one entry.

use super::*;
use crate::entry::{Draft, Keep};
use crate::metrics::Class;

fn entry(body: impl Into<Bytes>) -> Entry {
    Entry::render(Draft {
        class: Class::GoMod,
        content_type: "text/plain; charset=utf-8",
        keep: Keep::Immutable,
        tag: "abc".into(),
        last_modified: Some("2021-03-04T05:06:07Z".parse().unwrap()),
        body: body.into(),
        mapped: false,
        gzip: true,
        until: None,
    })
}

fn ask(entry: &Entry, method: Method, headers: &[(&'static str, &str)]) -> Response<Bytes> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    render_entry(entry, &method, &map)
}

#[track_caller]
fn check_status(headers: &[(&'static str, &str)], want: u16) {
    let response = ask(&entry("0123456789"), Method::GET, headers);
    assert_eq!(response.status().as_u16(), want, "{headers:?}");
}

#[test]
fn conditions_decide_about_304() {
    check_status(&[("if-none-match", "\"abc\"")], 304);
    check_status(&[("if-none-match", "\"abc-gz\"")], 200);
    check_status(
        &[("if-none-match", "\"x\""), ("if-none-match", "W/\"abc\"")],
        304,
    );
    check_status(&[("if-none-match", "*")], 304);
    check_status(&[("if-none-match", "\"x\"")], 200);
    check_status(
        &[("if-modified-since", "Thu, 04 Mar 2021 05:06:07 GMT")],
        304,
    );
    check_status(
        &[("if-modified-since", "Thu, 04 Mar 2021 05:06:06 GMT")],
        200,
    );
    // The tag counts more than the date.
    let date = ("if-modified-since", "Thu, 04 Mar 2021 05:06:07 GMT");
    check_status(&[("if-none-match", "\"x\""), date], 200);
    // And a condition more than a range.
    check_status(&[("if-none-match", "\"abc\""), ("range", "bytes=0-1")], 304);
}

#[test]
fn answers_304_without_a_body_but_with_the_tag() {
    let response = ask(
        &entry("0123456789"),
        Method::GET,
        &[("if-none-match", "\"abc\"")],
    );
    assert!(response.body().is_empty());
    assert_eq!(response.headers()[ETAG], "\"abc\"");
    assert!(!response.headers().contains_key(CONTENT_LENGTH));
    assert!(response.headers().contains_key(CACHE_CONTROL));
}

#[test]
fn ranges_get_their_part() {
    let response = ask(&entry("0123456789"), Method::GET, &[("range", "bytes=2-4")]);
    assert_eq!(response.status(), 206);
    assert_eq!(response.body(), "234");
    assert_eq!(response.headers()[CONTENT_RANGE], "bytes 2-4/10");
    assert_eq!(response.headers()[CONTENT_LENGTH], "3");
    check_status(&[("range", "bytes=0-0,2-2")], 200);
    check_status(&[("range", "bytes=0-0"), ("range", "bytes=2-2")], 200);
    check_status(&[("range", "bytes=2-4"), ("if-range", "\"abc\"")], 206);
    check_status(&[("range", "bytes=2-4"), ("if-range", "\"x\"")], 200);
    check_status(
        &[
            ("range", "bytes=2-4"),
            ("if-range", "Thu, 04 Mar 2021 05:06:07 GMT"),
        ],
        206,
    );
}

#[test]
fn impossible_ranges_get_a_416_with_the_length() {
    let response = ask(&entry("0123456789"), Method::GET, &[("range", "bytes=10-")]);
    assert_eq!(response.status(), 416);
    assert_eq!(response.headers()[CONTENT_RANGE], "bytes */10");
}

#[test]
fn head_has_the_headers_of_get() {
    let entry = entry("0123456789");
    let get = ask(&entry, Method::GET, &[]);
    let head = ask(&entry, Method::HEAD, &[("range", "bytes=0-0")]);
    assert_eq!(head.status(), 200);
    assert_eq!(head.headers(), get.headers());
    assert!(head.body().is_empty());
}

#[test]
fn gzip_is_given_where_it_is_taken() {
    let text = "require example.com/m v1.0.0\n".repeat(100);
    let entry = entry(text.clone());
    let packed = ask(&entry, Method::GET, &[("accept-encoding", "gzip")]);
    assert_eq!(packed.headers()[CONTENT_ENCODING], "gzip");
    assert!(packed.body().len() < text.len());
    let plain = ask(&entry, Method::GET, &[]);
    assert_eq!(plain.body(), text.as_bytes());
    assert_eq!(plain.headers()[VARY], "Accept-Encoding");
    // A range is of the plain bytes, whatever else is taken.
    let ranged = [("accept-encoding", "gzip"), ("range", "bytes=0-6")];
    let part = ask(&entry, Method::GET, &ranged);
    assert_eq!(part.body(), "require");
    assert!(!part.headers().contains_key(CONTENT_ENCODING));
}
