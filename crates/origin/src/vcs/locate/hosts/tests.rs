//! Paths that name their repository, and those that do not.

use super::*;

#[track_caller]
fn check(path: &str, want: &str) {
    let found = match find_named(path) {
        Ok(None) => "page".to_owned(),
        Err(why) => format!("no: {why}"),
        Ok(Some(named)) => match named.address {
            Address::Url(url) => format!("{} {} {url}", named.vcs, named.root),
            Address::Schemeless(place) => format!("{} {} ?{place}", named.vcs, named.root),
        },
    };
    if want == "no" {
        assert!(found.starts_with("no: "), "{path}: {found}");
    } else {
        assert_eq!(found, want, "{path}");
    }
}

#[test]
fn paths_of_known_hosts() {
    let github = "git github.com/O/r.x_y-z https://github.com/O/r.x_y-z";
    check("github.com/O/r.x_y-z", github);
    check("github.com/O/r.x_y-z/sub/v2", github);
    for bad in [
        "github.com",
        "github.com/o",
        "github.com/o/r.git",
        "github.com/o/r.git/sub",
        "github.com/o/r.hg",
        "github.com/o/r.fossil",
        "github.com/~o/r",
        "github.com/o/~r",
        "github.com/o/r/~s",
    ] {
        check(bad, "no");
    }
    check(
        "github.com/o.git/r",
        "git github.com/o.git/r https://github.com/o.git/r",
    );
    check(
        "github.com/o/rgit",
        "git github.com/o/rgit https://github.com/o/rgit",
    );
    check("github.community/o/r", "page");
    check("www.github.com/o/r", "page");
    check(
        "bitbucket.org/o/r/s",
        "git bitbucket.org/o/r https://bitbucket.org/o/r",
    );
    check("bitbucket.org/o/r.svn", "no");
    check("bitbucket.org/o", "no");
    check(
        "hub.jazz.net/git/u1/p/s",
        "git hub.jazz.net/git/u1/p https://hub.jazz.net/git/u1/p",
    );
    check("hub.jazz.net/git/U/p", "no");
    check("hub.jazz.net/git/u/p.bzr", "no");
    check("hub.jazz.net/git", "no");
    check("hub.jazz.net/x/y", "page");
    check(
        "git.apache.org/a_b.git/s",
        "git git.apache.org/a_b.git https://git.apache.org/a_b.git",
    );
    check("git.apache.org/a", "no");
    check("git.apache.org/A.git", "no");
    check("git.apache.org/.git", "no");
    check(
        "git.openstack.org/o/r.git/s",
        "git git.openstack.org/o/r.git https://git.openstack.org/o/r.git",
    );
    check(
        "git.openstack.org/o/r",
        "git git.openstack.org/o/r https://git.openstack.org/o/r",
    );
    check("git.openstack.org/o", "no");
    let chisel = "chiselapp.com/user/u/repository/r";
    check(chisel, &format!("fossil {chisel} https://{chisel}"));
    check("chiselapp.com/user/u/repository/r/s", "no");
    check("chiselapp.com/user/u-v/repository/r", "no");
    check("chiselapp.com/user/u/repositories/r", "no");
    check("example.net/x", "no");
    check("example.net", "no");
    check("example.network/x", "page");
    check("rsc.io", "no");
    check("rsc.io/quote", "page");
    check("gopkg.in/yaml.v3", "page");
    check("launchpad.net/p", "page");
}

#[test]
fn paths_with_an_ending() {
    check("h.test/a.git", "git h.test/a.git ?h.test/a");
    check("h.test/a/b.git/c/d", "git h.test/a/b.git ?h.test/a/b");
    check("h.test/a.hg/b.git", "git h.test/a.hg/b.git ?h.test/a.hg/b");
    check(
        "h.test/a.hg/b.git/c",
        "git h.test/a.hg/b.git ?h.test/a.hg/b",
    );
    check("h.test/~u/a.svn", "svn h.test/~u/a.svn ?h.test/~u/a");
    check("h.test/~a.bzr/~b", "bzr h.test/~a.bzr ?h.test/~a");
    check(
        "h.test/a.git.fossil/x",
        "fossil h.test/a.git.fossil ?h.test/a.git",
    );
    check("h.test/a.git.git", "git h.test/a.git.git ?h.test/a.git");
    check("gopkg.in/a.git", "git gopkg.in/a.git ?gopkg.in/a");
    check("h.test/a.git-b", "page");
    check("h.test/a.GIT", "page");
    check("h.test/agit", "page");
    check("h.test/.git", "page");
    check("h.test/~.git", "page");
    check("h.git/a", "page");
    check("h.git", "page");
    check("h.test/a.git/b~c", "page");
    check("h.test/a~b/c.git", "page");
    check("h.test/a.git/~", "page");
    // What the go command finds further back is not at the path's beginning, which it refuses.
    check("h.test/a~b/c.test/d.git", "no");
    check("h.test/a~b.test/d.git", "no");
    check("h.test/a~b./d.git", "page");
    check("h.test/a~B.c.d/d.git", "no");
    check("h.test/a~b/c.test/d", "page");
}

#[track_caller]
fn check_launchpad(path: &str, want: &str) {
    let found = match find_launchpad(path) {
        None => "none".to_owned(),
        Some(Launchpad {
            root,
            shorter: None,
        }) => root,
        Some(Launchpad {
            root,
            shorter: Some((shorter, file)),
        }) => format!("{root} else {shorter} by {file}"),
    };
    assert_eq!(found, want, "{path}");
}

#[test]
fn paths_of_launchpad() {
    check_launchpad("launchpad.net/p", "launchpad.net/p");
    let series = "launchpad.net/p/s else launchpad.net/p by https://code.launchpad.net/p/s/.bzr/branch-format";
    check_launchpad("launchpad.net/p/s", series);
    check_launchpad("launchpad.net/p/s/d/e", series);
    check_launchpad("launchpad.net/~u/p/b", "launchpad.net/~u/p/b");
    check_launchpad("launchpad.net/~u/p/b/d", "launchpad.net/~u/p/b");
    check_launchpad("launchpad.net/~u/p", "none");
    check_launchpad("launchpad.net/~u", "none");
    check_launchpad("launchpad.net/p/~s", "none");
    check_launchpad("launchpad.net/~u/p/b/~d", "none");
    check_launchpad("launchpad.net", "none");
    check_launchpad("launchpad.network/p", "none");
}
