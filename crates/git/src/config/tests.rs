//! What configurations mean, and what git itself makes of them.

use super::syntax::{Entry, parse};
use super::*;

#[track_caller]
fn check_values(text: &str, want: &[&str]) {
    let entries = parse(format!("[s]\n{text}").as_bytes()).unwrap();
    let found: Vec<_> = entries
        .into_iter()
        .map(|entry| match entry.value {
            Some(value) => format!("{}={value}", entry.key),
            None => entry.key,
        })
        .collect();
    assert_eq!(found, want, "{text:?}");
}

#[test]
fn values_lose_blanks_quotes_and_escapes() {
    check_values("a = b", &["a=b"]);
    check_values("A-1=b  c \t # comment", &["a-1=b  c"]);
    check_values("a = \" b ; c \" d ; e", &["a= b ; c  d"]);
    check_values("a = b\\\n  c", &["a=b  c"]);
    check_values("a = b \\\r\n c\r\nd = e\r\n", &["a=b  c", "d=e"]);
    check_values(r#"a = \"x\\\t\n"#, &["a=\"x\\\t\n"]);
    check_values("a", &["a"]);
    check_values("a ; x\nb # y\nc =", &["a", "b", "c="]);
    check_values("a = \"\"", &["a="]);
    check_values("a = x\"y\"z", &["a=xyz"]);
    check_values("; c\n# d\n\n  a = 1\n[t]b=2", &["a=1", "b=2"]);
}

#[test]
fn sections_have_names_and_subsections() {
    for (text, section, subsection) in [
        ("[Core]\na=1", "core", None),
        ("[url \"git@h:\"]a=1", "url", Some("git@h:")),
        ("[a  \t\"B \\\"c\\\\ \\d ]\"]a=1", "a", Some("B \"c\\ d ]")),
        ("[a.B.c]a=1", "a", Some("b.c")),
        ("\u{feff}[x-1]a=1", "x-1", None),
    ] {
        let want = Entry {
            section: section.to_owned(),
            subsection: subsection.map(str::to_owned),
            key: "a".to_owned(),
            value: Some("1".to_owned()),
        };
        assert_eq!(parse(text.as_bytes()).unwrap(), [want], "{text:?}");
    }
}

#[test]
fn bad_files_are_refused_with_their_line() {
    for (text, line) in [
        ("a = 1", 1),
        ("[s]\na = \"b\nc\"", 2),
        ("[s]\na = \\x", 2),
        ("[s]\na = b\\", 2),
        ("[s]\na b", 2),
        ("[s]\n1a = b", 2),
        ("[s]\n\n=", 3),
        ("[]", 1),
        ("[s", 1),
        ("[s \"x]", 1),
        ("[s x]", 1),
        ("[s \"x\" ]", 1),
        ("[s_t]", 1),
    ] {
        match parse(text.as_bytes()) {
            Err(GitConfigError::Syntax { line: found, .. }) => assert_eq!(found, line, "{text:?}"),
            other => panic!("{text:?}: {other:?}"),
        }
    }
    let long = vec![b'\n'; 1024 * 1024 + 1];
    assert_eq!(parse(&long), Err(GitConfigError::TooLarge));
    assert_eq!(parse(&long[1..]), Ok(Vec::new()));
    // Not UTF-8: that setting alone is left out.
    assert_eq!(parse(b"[s]\na = \xff\nb = 1\n").unwrap().len(), 1);
}

#[test]
fn the_longest_beginning_is_rewritten() {
    let config = GitConfig::parse(
        b"[url \"git@example.com:\"]\n insteadOf = https://example.com/\n insteadOf = ex:\n\
          [url \"file:///mirror/\"]\n insteadOf = https://example.com/team/\n\
          [url \"https://other.test/\"]\n insteadOf = https://example.com/\n\
          [url \"x:\"]\n insteadOf =\n insteadOf\n pushInsteadOf = https://\n\
          [url]\n insteadOf = https://a.test/\n\
          [include]\n path = /etc/passwd\n",
    )
    .unwrap();
    for (url, want) in [
        ("https://example.com/a/b", "git@example.com:a/b"),
        ("https://example.com/team/b", "file:///mirror/b"),
        ("ex:a", "git@example.com:a"),
        ("https://example.com.evil/", "https://example.com.evil/"),
        ("https://Example.com/a", "https://Example.com/a"),
        ("https://a.test/x", "https://a.test/x"),
    ] {
        assert_eq!(config.rewrite_url(url), want);
    }
    assert_eq!(GitConfig::default().rewrite_url("x"), "x");
    assert_eq!(format!("{config:?}"), "GitConfig(4 of url, 0 of http)");
}

#[test]
fn the_closest_url_says_how_a_server_is_reached() {
    let mut config = GitConfig::parse(
        b"[http]\n proxy = all\n sslCAInfo = /all.pem\n\
          [http \"https://example.com\"]\n proxy = host\n\
          [http \"https://*.example.com/\"]\n proxy = wild\n\
          [http \"https://me@example.com/\"]\n proxy = me\n\
          [http \"https://example.com/team\"]\n proxy = team\n\
          [http \"https://example.com:8443\"]\n proxy = port\n\
          [http \"nonsense\"]\n proxy = never\n",
    )
    .unwrap();
    for (url, want) in [
        ("https://example.com/x", "host"),
        ("https://EXAMPLE.com:443", "host"),
        ("https://example.com/team/a?b", "team"),
        ("https://example.com/teams", "host"),
        ("https://me:secret@example.com/x", "me"),
        ("https://you@example.com/x", "host"),
        ("https://a.example.com/x", "wild"),
        ("https://a.b.example.com/x", "all"),
        ("https://example.com:8443/team", "port"),
        ("http://example.com/", "all"),
    ] {
        assert_eq!(config.http_for(url).proxy.as_deref(), Some(want), "{url}");
    }
    assert_eq!(
        config.http_for("https://x").ssl_ca_info.unwrap(),
        "/all.pem"
    );
    assert_eq!(config.ssl_ca_files().collect::<Vec<_>>(), ["/all.pem"]);
    assert_eq!(config.http_for("nonsense"), HttpSettings::default());
    config.extend(GitConfig::parse(b"[http]\nproxy=\"\"").unwrap());
    let none = config.http_for("http://h");
    assert_eq!(none.proxy.as_deref(), Some(""));
    assert!(format!("{none:?}").contains("hidden"));
}
