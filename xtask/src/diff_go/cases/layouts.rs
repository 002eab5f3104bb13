//! Where modules lie in a repository: in folders, on branches, in `vN` folders, and in two of these at once.

use crate::diff_go::case::Case;
use crate::diff_go::theme::Theme;

pub fn list() -> Vec<Case> {
    let mut t = Theme::new("layouts");
    majors(&mut t);
    major_conflicts(&mut t);
    folders(&mut t);
    folders_of_odd_names(&mut t);
    folder_majors(&mut t);
    incompatible(&mut t);
    incompatible_late(&mut t);
    t.cases
}

fn majors(t: &mut Theme) {
    t.case("major-branch", |r, q| {
        r.commit("a").tag("v1.0.0");
        r.branch("v2")
            .module("", "/v2")
            .commit("b")
            .tags(&["v2.0.0", "v2.0.1-rc.1"]);
        r.branch("master")
            .file("x.go", "x")
            .commit("c")
            .tag("v1.1.0");
        q.module("/v2")
            .module("/v3")
            .ask_of("/v2", "v1.0.0")
            .ask("{b:12}")
            .ask_of("/v2", "{b:12}");
        q.ask_of("/v2", "{c:12}")
            .ask_of("/v2", "v2")
            .ask_of("/v2", "v2.0.0+incompatible");
    });
    t.case("major-folder", |r, q| {
        r.commit("a").tag("v1.0.0");
        r.module("v2", "/v2")
            .file("v2/b.go", "package b\n")
            .commit("b")
            .tags(&["v2.0.0", "v1.1.0"]);
        q.module("/v2")
            .ask_of("/v2", "{b:12}")
            .ask_of("/v2", "{a:12}")
            .ask("v2.0.0+incompatible");
    });
    t.bare("major-folder-without-root", |r, q| {
        r.file("a.go", "package a\n")
            .module("v2", "/v2")
            .commit("a")
            .tags(&["v1.0.0", "v2.0.0"]);
        q.module("/v2").module("/v3");
    });
    t.bare("major-on-the-default-branch", |r, q| {
        r.module("", "/v4")
            .commit("a")
            .tags(&["v4.0.0", "v3.9.0", "v1.0.0"]);
        r.file("x.go", "x").commit("b");
        q.module("/v4")
            .module("/v3")
            .pseudo("v4.0.1-0.", "b")
            .ask_of("/v4", "{b:12}");
        q.ask_of("/v4", "v4.0.1-0.{b:time}-{b:12}");
    });
    t.bare("path-major-0-and-1", |r, q| {
        r.module("", "").commit("a").tags(&["v0.1.0", "v1.0.0"]);
        q.module("/v0").module("/v1").module("/v01").module("/v2.0");
    });
    t.bare("path-of-a-very-large-major", |r, q| {
        r.module("", "/v99999999999999999999")
            .commit("a")
            .tags(&["v99999999999999999999.0.0"]);
        q.module("/v99999999999999999999");
    });
}

fn major_conflicts(t: &mut Theme) {
    t.bare("major-branch-and-folder", |r, q| {
        r.module("", "/v2")
            .module("v2", "/v2")
            .commit("a")
            .tag("v2.0.0");
        q.module("/v2").ask_of("/v2", "{a:12}");
    });
    t.bare("major-folder-names-another-path", |r, q| {
        r.module("", "/v2")
            .module("v2", "")
            .commit("a")
            .tag("v2.0.0");
        q.module("/v2");
    });
    t.bare("major-folder-names-another-major", |r, q| {
        r.module("", "/v2")
            .module("v2", "/v3")
            .commit("a")
            .tags(&["v2.0.0", "v3.0.0"]);
        q.module("/v2").module("/v3");
    });
    t.bare("major-folder-of-a-fork", |r, q| {
        r.file("v2/go.mod", "module other.example/x/v2\n")
            .commit("a")
            .tag("v2.0.0");
        q.module("/v2");
    });
    t.bare("major-by-dot", |r, q| {
        r.file("go.mod", "module other.example/x.v2\n")
            .commit("a")
            .tag("v2.0.0");
        q.module("/v2");
    });
    t.bare("major-folder-with-a-broken-go-mod", |r, q| {
        r.module("", "/v2")
            .file("v2/go.mod", "")
            .commit("a")
            .tag("v2.0.0");
        q.module("/v2");
    });
    t.bare("major-folder-with-a-link", |r, q| {
        r.module("", "/v2")
            .link("v2/go.mod", "../go.mod")
            .commit("a")
            .tag("v2.0.0");
        q.module("/v2");
    });
    t.bare("major-wrong-on-the-branch", |r, q| {
        r.module("", "/v3")
            .commit("a")
            .tags(&["v2.0.0", "v3.0.0", "v1.0.0"]);
        q.module("/v2").module("/v3");
    });
    t.bare("major-without-suffix-in-go-mod", |r, q| {
        r.module("", "").commit("a").tags(&["v1.0.0", "v2.0.0"]);
        q.module("/v2").ask("v2.0.0+incompatible");
    });
}

fn folders(t: &mut Theme) {
    t.case("folders", |r, q| {
        r.module("a", "/a")
            .module("a/b/c", "/a/b/c")
            .file("a/x.go", "x")
            .file("a/b/c/x.go", "x")
            .commit("a");
        r.tags(&[
            "v1.0.0",
            "a/v0.1.0",
            "a/v0.2.0-pre",
            "a/b/c/v1.5.0",
            "b/v1.0.0",
            "a/1.0.0",
            "a/v1",
            "av9.0.0",
        ]);
        r.file("a/y.go", "y").commit("b");
        q.module("/a")
            .module("/a/b")
            .module("/a/b/c")
            .module("/b")
            .ask_of("/a", "{b:12}")
            .ask_of("/a/b/c", "{b:12}");
        q.ask_of("/a", "v0.1.1-0.{b:time}-{b:12}")
            .ask_of("/a", "v0.0.0-{b:time}-{b:12}")
            .ask_of("/a", "v1.0.0");
    });
    t.bare("folder-without-root-module", |r, q| {
        r.module("a", "/a")
            .file("a/x.go", "x")
            .file("x.go", "x")
            .commit("a")
            .tags(&["a/v1.0.0"]);
        q.module("/a");
    });
    t.bare("folder-that-came-late", |r, q| {
        r.module("", "")
            .file("a/x.go", "x")
            .commit("a")
            .tags(&["v1.0.0", "a/v0.9.0"]);
        r.module("a", "/a").commit("b").tags(&["a/v1.0.0"]);
        r.remove("a/go.mod").commit("c").tags(&["a/v1.1.0"]);
        q.module("/a")
            .ask_of("/a", "{a:12}")
            .ask_of("/a", "{b:12}")
            .ask_of("/a", "{c:12}");
    });
    t.bare("folder-of-another-path", |r, q| {
        r.file("a/go.mod", "module other.example/a\n")
            .file("b/go.mod", "module $M/b/v2\n")
            .commit("a")
            .tags(&["a/v1.0.0", "b/v1.0.0", "b/v2.0.0"]);
        q.module("/a").module("/b").module("/b/v2");
    });
}

fn folders_of_odd_names(t: &mut Theme) {
    t.bare("folder-of-another-case", |r, q| {
        r.module("Sub", "/Sub")
            .file("Sub/x", "x")
            .commit("a")
            .tags(&["Sub/v1.0.0", "sub/v1.1.0"]);
        q.module("/Sub").module("/sub");
    });
    t.bare("folder-very-deep", |r, q| {
        let deep = (0..40)
            .map(|n| format!("d{n}"))
            .collect::<Vec<_>>()
            .join("/");
        r.module(&deep, &format!("/{deep}"))
            .file(&format!("{deep}/x/y/z.go"), "x")
            .commit("a")
            .tag(&format!("{deep}/v1.0.0"));
        q.module(&format!("/{deep}"));
    });
    t.bare("folder-like-a-version", |r, q| {
        r.module("v1.0.0", "/v1.0.0")
            .commit("a")
            .tags(&["v1.0.0/v1.0.0"]);
        q.module("/v1.0.0");
    });
    t.bare("folder-called-vendor", |r, q| {
        r.module("vendor/a", "/vendor/a")
            .file("vendor/a/x", "x")
            .commit("a")
            .tags(&["vendor/a/v1.0.0"]);
        q.module("/vendor/a");
    });
}

fn folder_majors(t: &mut Theme) {
    t.bare("folder-major-branch", |r, q| {
        r.module("d", "/d/v2")
            .file("d/x", "x")
            .commit("a")
            .tags(&["d/v2.0.0", "d/v1.0.0"]);
        q.module("/d/v2").module("/d");
    });
    t.bare("folder-major-folder", |r, q| {
        r.module("d", "/d")
            .module("d/v2", "/d/v2")
            .file("d/v2/x", "x")
            .commit("a")
            .tags(&["d/v2.0.0", "d/v1.0.0", "d/v2/v2.1.0"]);
        q.module("/d").module("/d/v2").ask_of("/d/v2", "{a:12}");
    });
    t.bare("folder-major-both", |r, q| {
        r.module("d", "/d/v2")
            .module("d/v2", "/d/v2")
            .commit("a")
            .tag("d/v2.0.0");
        q.module("/d/v2");
    });
    t.bare("folder-without-go-mod-at-major-2", |r, q| {
        r.file("d/x", "x")
            .commit("a")
            .tags(&["d/v2.0.0", "d/v1.0.0"]);
        q.module("/d/v2")
            .ask_of("/d", "v2.0.0+incompatible")
            .module("/d");
    });
}

fn incompatible(t: &mut Theme) {
    t.bare("incompatible", |r, q| {
        r.file("a.go", "package a\n")
            .commit("a")
            .tags(&["v1.0.0", "v1.1.0"]);
        r.file("b.go", "package a\n")
            .commit("b")
            .tags(&["v2.0.0", "v2.1.0-rc.1"]);
        r.file("c.go", "package a\n")
            .commit("c")
            .tags(&["v3.0.0", "v10.0.0"]);
        r.commit("d");
        q.ask("{b:12}")
            .ask("{d:12}")
            .pseudo("v10.0.1-0.", "d")
            .ask("v10.0.1-0.{d:time}-{d:12}+incompatible");
        q.ask("v3.0.1-0.{d:time}-{d:12}+incompatible")
            .ask("v1.0.0+incompatible")
            .ask("v4.0.0+incompatible");
        q.ask("v2.1.0-rc.1.0.{d:time}-{d:12}+incompatible")
            .ask("v0.0.0-{d:time}-{d:12}+incompatible");
    });
    t.bare("incompatible-hidden-by-a-go-mod", |r, q| {
        r.file("a.go", "package a\n")
            .commit("a")
            .tags(&["v2.0.0", "v3.0.0"]);
        r.module("", "").commit("b").tags(&["v1.0.0"]);
        q.ask("{a:12}").ask("{b:12}");
    });
    t.bare("incompatible-hidden-by-a-pre-release", |r, _| {
        r.file("a.go", "package a\n")
            .commit("a")
            .tags(&["v1.0.0", "v2.0.0"]);
        r.module("", "").commit("b").tags(&["v1.1.0-rc.1"]);
    });
    t.bare("incompatible-not-hidden", |r, _| {
        r.module("", "").commit("a").tags(&["v1.0.0"]);
        r.remove("go.mod")
            .file("a.go", "x")
            .commit("b")
            .tags(&["v1.1.0", "v2.0.0"]);
    });
    t.bare("incompatible-major-with-a-late-go-mod", |r, q| {
        r.file("a.go", "package a\n")
            .commit("a")
            .tags(&["v1.0.0", "v2.0.0", "v3.0.0"]);
        r.module("", "/v2").commit("b").tags(&["v2.1.0"]);
        q.module("/v2")
            .ask("v2.1.0+incompatible")
            .ask("{b:12}")
            .ask_of("/v2", "v2.0.0");
    });
    t.bare("incompatible-major-with-an-early-go-mod", |r, q| {
        r.module("", "/v2").commit("a").tags(&["v2.0.0"]);
        r.remove("go.mod")
            .file("a.go", "x")
            .commit("b")
            .tags(&["v2.1.0", "v1.0.0"]);
        q.module("/v2");
    });
}

fn incompatible_late(t: &mut Theme) {
    t.bare("incompatible-with-a-major-folder", |r, q| {
        r.file("a.go", "package a\n")
            .module("v2", "/v2")
            .commit("a")
            .tags(&["v1.0.0", "v2.0.0"]);
        q.module("/v2")
            .ask("v2.0.0")
            .ask("v2.0.0+incompatible")
            .ask("{a:12}");
    });
    t.bare("incompatible-tag-as-written", |r, q| {
        r.file("a.go", "package a\n")
            .commit("a")
            .tags(&["v1.0.0", "v3.0.0+incompatible"]);
        q.ask("v3.0.0").ask("v3.0.0+incompatible").ask("{a:12}");
    });
    t.bare("incompatible-only", |r, _| {
        r.file("a.go", "package a\n")
            .commit("a")
            .tags(&["v5.0.0", "v5.1.0"]);
    });
    t.bare("incompatible-with-a-folder-module", |r, q| {
        r.file("a.go", "package a\n")
            .module("sub", "/sub")
            .commit("a")
            .tags(&["v2.0.0", "sub/v2.0.0", "sub/v1.0.0"]);
        q.module("/sub").ask_of("/sub", "v2.0.0+incompatible");
    });
    t.bare("incompatible-base-not-ancestor", |r, q| {
        r.file("a.go", "package a\n").commit("a").tag("v1.0.0");
        r.branch("two").file("b.go", "x").commit("b").tag("v2.0.0");
        r.branch("master").file("c.go", "x").commit("c");
        q.ask("v2.0.1-0.{c:time}-{c:12}+incompatible")
            .ask("{c:12}")
            .ask("two");
    });
    t.bare("incompatible-base-beats-the-compatible", |r, q| {
        r.file("a.go", "package a\n")
            .commit("a")
            .tags(&["v1.9.0", "v10.0.0"]);
        r.file("b.go", "x").commit("b");
        r.module("", "").commit("c");
        q.ask("{b:12}").ask("{c:12}");
    });
}
