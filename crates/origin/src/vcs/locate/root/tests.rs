//! Which addresses are asked.

use super::*;

fn settings(git_allow_protocol: Option<&str>, has_ssh: bool) -> LocateSettings {
    LocateSettings {
        git_allow_protocol: git_allow_protocol.map(str::to_owned),
        has_ssh,
        ..LocateSettings::default()
    }
}

#[track_caller]
fn check_schemes(vcs: Vcs, is_insecure: bool, allow: Option<&str>, has_ssh: bool, want: &str) {
    let settings = settings(allow, has_ssh);
    let found: Vec<&str> = list_schemes(vcs, is_insecure, &settings).collect();
    assert_eq!(
        found.join(" "),
        want,
        "{vcs} {is_insecure} {allow:?} {has_ssh}"
    );
}

#[test]
fn schemes_are_tried_in_the_order_of_the_go_command() {
    check_schemes(Vcs::Git, false, None, false, "https");
    check_schemes(Vcs::Git, false, None, true, "https git+ssh ssh");
    check_schemes(Vcs::Git, true, None, true, "https http git+ssh ssh");
    check_schemes(Vcs::Git, true, None, false, "https http");
    check_schemes(Vcs::Mercurial, true, None, true, "https http ssh");
    check_schemes(Vcs::Mercurial, false, None, true, "https ssh");
    check_schemes(Vcs::Subversion, true, None, true, "https http svn svn+ssh");
    check_schemes(Vcs::Subversion, false, None, true, "https svn+ssh");
    check_schemes(Vcs::Bazaar, true, None, true, "https http bzr bzr+ssh");
    check_schemes(Vcs::Fossil, true, None, true, "https http");
    check_schemes(Vcs::Fossil, false, None, true, "https");
    check_schemes(Vcs::Mod, false, None, true, "https");
}

#[test]
fn git_allow_protocol_replaces_what_is_secure_for_git() {
    check_schemes(Vcs::Git, false, Some("http:https"), true, "https http");
    check_schemes(Vcs::Git, false, Some("ssh"), true, "ssh");
    check_schemes(Vcs::Git, false, Some("ssh"), false, "");
    check_schemes(Vcs::Git, false, Some("file:ext:git"), true, "");
    check_schemes(Vcs::Git, false, Some(""), false, "https");
    check_schemes(Vcs::Mercurial, false, Some("ssh"), false, "https");
}

#[track_caller]
fn check(address: &str, vcs: Vcs, is_insecure: bool, has_ssh: bool, want: Option<UpstreamClass>) {
    let found = check_address(address, vcs, is_insecure, &settings(None, has_ssh));
    assert_eq!(
        found.as_ref().err().map(|error| error.class),
        want,
        "{address}: {found:?}"
    );
}

#[test]
fn what_is_encrypted_is_asked() {
    for good in [
        "https://h.test/a",
        "HTTPS://h.test/a",
        "https://h.test",
        "https://h.test:8443/a/b.git",
        "https://h.test/~u/a%20b/-c",
        "https://h.test/a/../b",
        "https://203.0.113.7/a",
        "https://203.0.113.7:8443/a",
        "https://[2001:db8::1]:8443/a",
        "https://xn--bcher-kva.test/a",
        "https://h.test./a",
    ] {
        check(good, Vcs::Git, false, false, None);
        check(good, Vcs::Mod, false, false, None);
    }
    for ssh in [
        "ssh://git@h.test/a",
        "git+ssh://h.test:22/a",
        "ssh://h.test/-a",
    ] {
        check(ssh, Vcs::Git, false, true, None);
        check(ssh, Vcs::Git, false, false, Some(UpstreamClass::Forbidden));
    }
    check("svn+ssh://h.test/a", Vcs::Subversion, false, true, None);
    check(
        "ssh://h.test/a",
        Vcs::Subversion,
        false,
        true,
        Some(UpstreamClass::Forbidden),
    );
    check(
        "ssh://h.test/a",
        Vcs::Mod,
        false,
        true,
        Some(UpstreamClass::Forbidden),
    );
}

#[test]
fn what_is_not_encrypted_is_asked_where_the_operator_says_so() {
    for (address, vcs) in [
        ("http://h.test/a", Vcs::Git),
        ("http://h.test:8080/a", Vcs::Mod),
        ("http://h.test/a", Vcs::Mercurial),
        ("svn://h.test/a", Vcs::Subversion),
        ("bzr://h.test/a", Vcs::Bazaar),
    ] {
        check(address, vcs, true, false, None);
        check(address, vcs, false, false, Some(UpstreamClass::Forbidden));
    }
    let error = check_address("http://h.test/a", Vcs::Git, false, &settings(None, false));
    assert!(error.unwrap_err().text.contains("GOINSECURE"));
    check(
        "git://h.test/a",
        Vcs::Git,
        true,
        true,
        Some(UpstreamClass::Forbidden),
    );
}

#[test]
fn what_no_go_command_takes_is_no_module() {
    for bad in [
        "h.test/a",
        "git@h.test/a",
        "/srv/a",
        "../a",
        ":a",
        "1https://h.test/a",
        "file:///srv/a",
        "FILE:///srv/a",
        "https:a",
        "https:/h.test/a",
        "https://",
        "https:///a",
        "https://h.test:port/a",
        "https://h.test/%zz",
        "https://h.test/%4",
        "https://h.test/%",
    ] {
        check(bad, Vcs::Git, true, true, Some(UpstreamClass::Absent));
    }
}

#[test]
fn what_a_server_must_not_ask_is_refused() {
    for bad in [
        "ext::sh -c id",
        "ext::sh",
        "ext://h.test/a",
        "git@h.test:a/b",
        "git://h.test/a",
        "ftp://h.test/a",
        "rsync://h.test/a",
        "javascript:1",
        "data:text/plain,x",
        "https+x://h.test/a",
        "https://user@h.test/a",
        "https://user:pass@h.test/a",
        "https://@h.test/a",
        "ssh://user:pass@h.test/a",
        "ssh://-oProxyCommand=id/a",
        "ssh://-l@h.test/a",
        "ssh://@h.test/a",
        "ssh://a;b@h.test/a",
        "https://-h.test/a",
        "https://2130706433/a",
        "https://0x7f000001/a",
        "https://0x7f.1/a",
        "https://0177.0.0.1/a",
        "https://127.1/a",
        "https://127.0.0.1./a",
        "https://%31%32%37.0.0.1/a",
        "ssh://2130706433/a",
        "ssh://0x7f.1/a",
        "ssh://127.1/a",
        "ssh://%2doProxyCommand/a",
        "https://h.test\\a",
        "https:\\\\h.test/a",
        "https://h.test/a\nb",
        "https://h.test/a b",
        "https://h.test/a\"b",
        "https://h.test/$(id)`id`",
        "https://b\u{fc}cher.test/a",
        "https://h.test/a?b",
        "https://h.test/a#b",
        "https://h.test#@127.0.0.1/a",
    ] {
        let found = check_address(bad, Vcs::Git, true, &settings(None, true)).unwrap_err();
        let is_refusal = matches!(
            found.class,
            UpstreamClass::Forbidden | UpstreamClass::Absent
        );
        assert!(is_refusal, "{bad}: {found:?}");
        assert!(
            !found.text.contains('\n') && found.text.len() < 400,
            "{found}"
        );
    }
}

#[test]
fn a_refusal_is_short() {
    let long = format!("git://h.test/{}", "a".repeat(100_000));
    let error = check_address(&long, Vcs::Git, false, &settings(None, false)).unwrap_err();
    assert!(error.text.len() < 400, "{}", error.text.len());
}
