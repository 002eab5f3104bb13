//! Hostile repositories, hostile servers, and machines without the programs.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use origin::guard::{AllowList, Guard};
use origin::upstream::UpstreamClass;
use origin::vcs::programs::Programs;

use super::place::{Place, have, names};

#[test]
fn mercurial_runs_nothing_that_a_repository_brings() {
    if !have(&["hg"]) {
        return;
    }
    let place = Place::new();
    let canary = place.join("canary");
    let touch = format!("touch {}", canary.display());
    std::fs::create_dir(place.join("r")).unwrap();
    let hg = |arguments: &[&str]| place.run("r", "hg", arguments);
    hg(&["init"]);
    place.write(
        "r",
        &[
            ("go.mod", "module m\n"),
            (".hgsub", "inner = http://127.0.0.1:1/inner\n"),
            (
                ".hgsubstate",
                "0000000000000000000000000000000000000001 inner\n",
            ),
        ],
    );
    // Sub-repositories are written down by hand: the program would want to see one.
    let plain = format!("--config=hooks.pretxncommit={}", "true");
    hg(&["add", "go.mod", &plain]);
    hg(&["commit", "-qm", "one"]);
    let tag = format!("--config=alias.log=!{touch}");
    hg(&["tag", "--", &tag]);
    hg(&[
        "branch",
        "-q",
        "--",
        &format!("--config=hooks.pre-log={touch}"),
    ]);
    hg(&["commit", "-qm", "two"]);
    // Everything that would run in the one who pulls from a folder, were its configuration read.
    let evil = format!("import os\nos.system({touch:?})\n");
    place.write(
        "r",
        &[
            (".hg/evil.py", &evil),
            (
                ".hg/hgrc",
                &format!(
                    "[hooks]\npreoutgoing = {touch}\noutgoing = {touch}\npre-pull = {touch}\n\
                     [extensions]\nevil = {}\n",
                    place.join("r/.hg/evil.py").display()
                ),
            ),
        ],
    );
    let code = place.open("hg", &format!("file://{}", place.join("r").display()));
    assert_eq!(names(&code.list_tags("").unwrap()), [&tag[..]]);
    for rev in [
        &tag[..],
        &format!("--config=hooks.pre-log={touch}"),
        "file('re:.*')",
    ] {
        assert_eq!(code.stat(rev).unwrap_err().class, UpstreamClass::Absent);
    }
    let latest = code.latest().unwrap();
    assert_eq!(latest.tags, [""; 0]);
    assert!(
        code.recent_tag(&latest, "", &mut |_| true)
            .unwrap()
            .is_none()
    );
    code.open_tree(&latest, "").unwrap();
    assert!(!canary.exists());
}

#[test]
fn servers_that_hang_cost_a_bounded_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let place = Place::new();
    let mut settings = place.settings();
    settings.bounds.transfer_within = Duration::from_millis(700);
    let programs = Programs::new(settings).unwrap();
    for (vcs, program, scheme) in [
        ("hg", "hg", "http"),
        ("svn", "svn", "svn"),
        ("svn", "svn", "http"),
        ("fossil", "fossil", "http"),
        ("bzr", "brz", "bzr"),
        ("bzr", "brz", "http"),
    ] {
        if !have(&[program]) {
            continue;
        }
        let code = programs
            .open(vcs, &format!("{scheme}://127.0.0.1:{port}/r"))
            .unwrap();
        let begun = Instant::now();
        let error = code.latest().unwrap_err();
        assert_eq!(error.class, UpstreamClass::TooSlow, "{vcs}: {error}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{vcs}");
    }
    assert!(place.kept().is_empty(), "{:?}", place.kept());
}

#[test]
fn those_who_wait_for_the_same_clone_share_its_trouble() {
    if !have(&["hg"]) {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/r", listener.local_addr().unwrap());
    let place = Place::new();
    let mut settings = place.settings();
    settings.bounds.transfer_within = Duration::from_secs(1);
    let programs = Programs::new(settings).unwrap();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| programs.open("hg", &url).unwrap().latest().unwrap_err());
        }
    });
    // Two rounds at most, and their start.
    assert!(begun.elapsed() < Duration::from_secs(6));
}

#[test]
fn clones_over_their_bound_are_given_up() {
    if !have(&["hg"]) {
        return;
    }
    let place = Place::new();
    std::fs::create_dir(place.join("r")).unwrap();
    place.run("r", "hg", &["init"]);
    let noise: String = (0..200_000_u64)
        .map(|n| format!("{:x}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        .collect();
    place.write("r", &[("go.mod", "module m\n"), ("noise.txt", &noise)]);
    place.run("r", "hg", &["commit", "-qAm", "one"]);
    let mut settings = place.settings();
    settings.bounds.clone_bytes = 100_000;
    let programs = Programs::new(settings).unwrap();
    let url = format!("file://{}", place.join("r").display());
    let error = programs.open("hg", &url).unwrap().latest().unwrap_err();
    assert_eq!(error.class, UpstreamClass::Invalid);
    assert!(place.kept().is_empty());
    // Trees are bounded too.
    let mut settings = place.settings();
    settings.bounds.tree_bytes = 100_000;
    let programs = Programs::new(settings).unwrap();
    let code = programs.open("hg", &url).unwrap();
    let error = code.open_tree(&code.latest().unwrap(), "").err().unwrap();
    assert_eq!(error.class, UpstreamClass::Invalid);
}

#[test]
fn missing_programs_are_named() {
    let place = Place::new();
    let mut settings = place.settings();
    settings.path = "".into();
    let programs = Programs::new(settings).unwrap();
    for (vcs, names, package) in [
        ("hg", "hg", "mercurial"),
        ("svn", "svn", "subversion"),
        ("fossil", "fossil", "fossil"),
        ("bzr", "brz or bzr", "brz"),
    ] {
        assert!(!programs.is_installed(vcs));
        let code = programs.open(vcs, "https://127.0.0.1/r").unwrap();
        let error = code.latest().unwrap_err();
        assert_eq!(error.class, UpstreamClass::Unreachable);
        assert!(
            error.text.contains(names) && error.text.contains(package),
            "{error}"
        );
    }
}

#[test]
fn strangers_do_not_lead_us_to_private_places() {
    let place = Place::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut settings = place.settings();
    settings.guard = Arc::new(Guard::new(AllowList::default(), []));
    let programs = Programs::new(settings).unwrap();
    for vcs in ["hg", "svn", "fossil", "bzr"] {
        for host in ["127.0.0.1", "localhost"] {
            let code = programs
                .open(vcs, &format!("http://{host}:{port}/r"))
                .unwrap();
            let error = code.latest().unwrap_err();
            assert_eq!(error.class, UpstreamClass::Unreachable, "{vcs}: {error}");
        }
    }
    assert!(listener.accept().is_err(), "somebody was asked");

    for (vcs, url) in [
        ("svn", "svn+ssh://example.com/r"),
        ("hg", "ssh://example.com/r"),
        ("bzr", "bzr+ssh://example.com/r"),
        ("bzr", "lp:project"),
        ("hg", "static-http://example.com/r"),
        ("hg", "https://user:secret@example.com/r"),
        ("hg", "-R/r"),
        ("git", "https://example.com/r"),
    ] {
        let error = programs.open(vcs, url).err().unwrap();
        assert_eq!(error.class, UpstreamClass::Forbidden, "{url}");
    }
    let mut settings = place.settings();
    settings.allowed_schemes = vec!["https".to_owned()];
    let programs = Programs::new(settings).unwrap();
    for url in ["http://example.com/r", "file:///srv/r"] {
        let error = programs.open("hg", url).err().unwrap();
        assert_eq!(error.class, UpstreamClass::Forbidden, "{url}");
    }
}

#[test]
fn what_a_crash_left_half_made_is_removed() {
    let place = Place::new();
    place.write("work/making-x/clone", &[("half", "made")]);
    place.write("work/hg-0", &[("kept", "")]);
    Programs::new(place.settings()).unwrap();
    assert_eq!(place.kept(), ["hg-0"]);
}
