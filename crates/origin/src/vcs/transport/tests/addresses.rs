//! Which URLs are taken, and as what.

use std::path::PathBuf;

use super::super::Remotes;
use super::super::address::{Address, SshPlace};

#[track_caller]
fn check_refused(url: &str, want: &str) {
    let error = Address::parse(url, false).unwrap_err();
    assert!(error.text.contains(want), "{error} does not say {want:?}");
    assert!(!error.text.contains("secret"), "{error}");
}

#[test]
fn strangers_name_few_kinds_of_places() {
    check_refused("git://h.test/r", "not asked over git:");
    check_refused("ext::sh -c x", "is no URL");
    check_refused("ext::sh", "needs a scheme");
    check_refused("ftp://h.test/r", "not asked over ftp:");
    check_refused("git@h.test:r", "needs a scheme");
    check_refused("/srv/r.git", "needs a scheme");
    check_refused("-x", "needs a scheme");
    check_refused("https://me:secret@h.test/r", "not taken from strangers");
    check_refused("https://token@h.test/r", "not taken from strangers");
    check_refused("https://h.test/r?x", "neither a query");
    check_refused("https://h.test/r#x", "neither a query");
    check_refused("https:///r", "names no host");
    check_refused("https://h.test/a b", "is no URL");
    check_refused("https://h.test/a\nb", "is no URL");
    check_refused("https://h.test\\@evil/", "is no URL");
    check_refused(&format!("https://h.test/{}", "a".repeat(2048)), "is no URL");
    check_refused("file://host/r", "not asked over file:");
    check_refused("ssh://git:secret@h.test/r", "no password");
    check_refused("ssh://-oProxyCommand=x/r", "is no");
    check_refused("ssh://-x@h.test/r", "is no repository that ssh");
    check_refused("ssh://a%20b@h.test/r", "is no repository that ssh");
    check_refused("ssh://h.test/~-x%0a", "names no path");
    check_refused("ssh://h.test", "is no repository that ssh");
    check_refused("ssh:///r", "names no host");
}

#[test]
fn ssh_places_have_their_parts() {
    let place = |user: Option<&str>, host: &str, port, path: &str| {
        Ok(Address::Ssh(SshPlace {
            user: user.map(str::to_owned),
            host: host.to_owned(),
            port,
            path: path.to_owned(),
        }))
    };
    for (url, is_configured, want) in [
        (
            "ssh://git@h.test/a/b.git",
            false,
            place(Some("git"), "h.test", None, "/a/b.git"),
        ),
        (
            "git+ssh://h.test:22/~me/b",
            false,
            place(None, "h.test", Some(22), "~me/b"),
        ),
        (
            "ssh://[::1]:2/%27x",
            false,
            place(None, "::1", Some(2), "/'x"),
        ),
        (
            "git@h.test:a/b",
            true,
            place(Some("git"), "h.test", None, "a/b"),
        ),
        ("h:/a", true, place(None, "h", None, "/a")),
    ] {
        assert_eq!(Address::parse(url, is_configured), want, "{url}");
    }
    let file = Ok(Address::File(PathBuf::from("/srv/a b")));
    assert_eq!(Address::parse("file:///srv/a%20b", true), file);
    assert!(Address::parse("/srv/r", true).is_ok());
    for bad in ["ext::sh", "git@-h:x", "-u@h:x", "git@h:-x", "git@h:", "r"] {
        assert!(Address::parse(bad, true).is_err(), "{bad}");
    }
}

#[test]
fn urls_are_shown_without_passwords() {
    for (url, want) in [
        ("https://h.test/r", "https://h.test/r"),
        ("https://me:secret@h.test/r", "https://h.test/r"),
        ("https://me@x:secret@h.test/r@v", "https://h.test/r@v"),
        ("ssh://git:secret@h.test/r", "ssh://git@h.test/r"),
        ("git@h.test:r", "git@h.test:r"),
        ("https://h.test/\n", "https://h.test/"),
    ] {
        assert_eq!(Remotes::url_of(url), want);
    }
}
