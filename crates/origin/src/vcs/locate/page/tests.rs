//! Pure parts of asking for pages; the rest is tried against servers.

use super::*;

#[test]
fn urls_of_pages() {
    let url = |path: &str| page_url("https", path).map(|url| url.to_string());
    assert_eq!(url("h.test/a/b").unwrap(), "https://h.test/a/b?go-get=1");
    assert_eq!(url("h.test").unwrap(), "https://h.test/?go-get=1");
    assert_eq!(url("h.test/").unwrap(), "https://h.test/?go-get=1");
    assert_eq!(
        url("h.test/~a/b.v2").unwrap(),
        "https://h.test/~a/b.v2?go-get=1"
    );
    assert!(url("127.0.0.1/x").is_ok());
    for disguised in ["127.1/x", "0x7f.1/x", "0177.0.0.1/x", "1.2.3.4.5/x"] {
        assert_eq!(
            url(disguised).unwrap_err().class,
            UpstreamClass::Absent,
            "{disguised}"
        );
    }
}

#[test]
fn answers_without_tags_have_their_class() {
    let wait = Some(Duration::from_secs(1));
    for (status, retry_after, want) in [
        (204, None, UpstreamClass::Absent),
        (304, None, UpstreamClass::Absent),
        (400, None, UpstreamClass::Absent),
        (401, None, UpstreamClass::Absent),
        (403, None, UpstreamClass::Absent),
        (404, None, UpstreamClass::Absent),
        (408, None, UpstreamClass::TooSlow),
        (410, None, UpstreamClass::Gone),
        (429, wait, UpstreamClass::Overloaded { retry_after: wait }),
        (500, None, UpstreamClass::Unreachable),
        (503, wait, UpstreamClass::Overloaded { retry_after: wait }),
        (503, None, UpstreamClass::Unreachable),
        (504, None, UpstreamClass::TooSlow),
        (508, None, UpstreamClass::Loop),
    ] {
        assert_eq!(classify(status, retry_after), want, "{status}");
    }
}

#[test]
fn marks_are_seen_across_chunks() {
    let page = b"<title></HeAd>";
    for before in 0..=page.len() - 1 {
        assert_eq!(has_mark(page, before), before <= 12, "{before}");
    }
    assert!(has_mark(b"<Body", 4) && !has_mark(b"<bod", 0) && has_mark(b"<head/>", 0));
}

#[test]
fn pages_with_many_tags_are_not_remembered() {
    let page = |count: usize| Page {
        url: String::new(),
        tags: vec![
            ImportTag {
                prefix: "h.test/a".to_owned(),
                vcs: "git".to_owned(),
                repository: "https://h.test/a".to_owned(),
                subdirectory: String::new(),
            };
            count
        ],
    };
    assert!(page(100).is_small() && !page(1000).is_small());
}
