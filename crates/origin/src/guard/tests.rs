//! Tables over URLs, names and addresses: who is let past.

use super::*;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn guard(allow: &[&str]) -> Guard {
    Guard::new(
        AllowList::new(allow.iter().copied()).unwrap(),
        ["proxy.corp.test".to_owned()],
    )
}

#[test]
fn literals_are_refused_in_every_form() {
    for target in [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://017700000001/",
        "http://127.0.0.1./",
        "http://0/",
        "http://0.0.0.0:80/",
        "https://10.0.0.1/",
        "https://192.168.1.1:8443/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[fd00:ec2::254]/",
        "http://[fe80::1]/",
        "http://[ff02::1]/",
        "http://100.100.100.200/",
        "http://168.63.129.16/",
        "http://224.0.0.1/",
        "http://%31%32%37.0.0.1/",
        "http://１２７.0.0.1/",
    ] {
        let judged = guard(&[]).judge(&url(target));
        assert!(
            matches!(judged, Err(GuardRefusal::Special { .. })),
            "{target}: {judged:?}"
        );
    }
}

#[test]
fn names_and_public_literals_wait_for_the_resolver() {
    for target in [
        "http://example.com/",
        "https://1.1.1.1/",
        "http://localhost/",
    ] {
        assert_eq!(
            guard(&[]).judge(&url(target)),
            Ok(Trust::Guarded),
            "{target}"
        );
    }
    assert!(matches!(
        guard(&[]).judge(&url("ftp://example.com/")),
        Err(GuardRefusal::Scheme { .. })
    ));
    assert!(matches!(
        guard(&[]).judge(&url("file:///etc/passwd")),
        Err(GuardRefusal::Scheme { .. })
    ));
}

#[test]
fn trust_is_bound_to_scheme_host_and_port() {
    let guard = guard(&[]);
    guard.trust(&url("http://127.0.0.1:8081/base"));
    assert_eq!(
        guard.judge(&url("http://127.0.0.1:8081/other")),
        Ok(Trust::Configured)
    );
    assert!(guard.judge(&url("http://127.0.0.1:8082/")).is_err());
    assert!(guard.judge(&url("https://127.0.0.1:8081/")).is_err());
    assert!(guard.judge(&url("http://127.0.0.2:8081/")).is_err());
}

#[test]
fn allowed_networks_and_hosts_pass() {
    let guard = guard(&["10.0.0.0/8", "fd00::/8", "git.corp.test", " 127.0.0.1 "]);
    for target in [
        "http://10.9.8.7/",
        "http://[fd00::1]/",
        "http://127.0.0.1/",
        "http://[::ffff:10.0.0.1]/",
    ] {
        assert_eq!(guard.judge(&url(target)), Ok(Trust::Guarded), "{target}");
    }
    assert!(guard.judge(&url("http://192.168.0.1/")).is_err());
    let private = vec!["192.168.0.9:0".parse().unwrap()];
    assert_eq!(
        guard.filter("GIT.corp.test.", private.clone()),
        Ok(private.clone())
    );
    let refused = guard
        .filter("other.corp.test", private)
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("other.corp.test") && refused.contains("origin.allow"),
        "{refused}"
    );
}

#[test]
fn of_mixed_answers_only_the_public_ones_are_dialled() {
    let answers = vec![
        "10.0.0.1:0".parse().unwrap(),
        "1.1.1.1:0".parse().unwrap(),
        "[::1]:0".parse().unwrap(),
    ];
    assert_eq!(
        guard(&[]).filter("two-faced.test", answers),
        Ok(vec!["1.1.1.1:0".parse().unwrap()])
    );
}

#[test]
fn the_outgoing_proxy_is_dialled_but_not_named_by_strangers() {
    let guard = guard(&[]);
    let inside = vec!["10.0.0.5:0".parse().unwrap()];
    assert_eq!(guard.filter("proxy.corp.test", inside.clone()), Ok(inside));
    assert!(matches!(
        guard.judge(&url("http://proxy.corp.test:9/")),
        Err(GuardRefusal::OutgoingProxy { .. })
    ));
}

#[test]
fn disguised_literals_in_redirects_are_refused() {
    let from = url("https://example.com/");
    for written in [
        "http://134744072/",
        "http://0x08080808/x",
        "//010.8.8.8/",
        "http://8.8.2056/",
    ] {
        let target = from.join(written).unwrap();
        assert!(
            check_undisguised(written, &from, &target).is_err(),
            "{written}"
        );
    }
    for written in ["http://8.8.8.8/", "/path", "https://example.org/134744072"] {
        let target = from.join(written).unwrap();
        assert_eq!(
            check_undisguised(written, &from, &target),
            Ok(()),
            "{written}"
        );
    }
}

#[test]
fn allow_entries_are_checked() {
    for bad in [
        "10.0.0.0/33",
        "::/129",
        "http://x",
        "host:80",
        "a b",
        "10.0.0/8",
        "*",
    ] {
        assert!(AllowList::new([bad]).is_err(), "{bad}");
    }
    for good in ["", "10.0.0.0/0", "[::1]", "::1/128", "host", "a_b.c-d.test"] {
        assert!(AllowList::new([good]).is_ok(), "{good}");
    }
}
