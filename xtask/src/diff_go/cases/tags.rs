//! Tags of every kind and name, and the lists that they make.

use crate::diff_go::case::Case;
use crate::diff_go::theme::Theme;

pub fn list() -> Vec<Case> {
    let mut t = Theme::new("tags");
    kinds(&mut t);
    on_no_commit(&mut t);
    names(&mut t);
    names_that_sort_oddly(&mut t);
    names_like_others(&mut t);
    shared(&mut t);
    retracted(&mut t);
    retracted_otherwise(&mut t);
    t.cases
}

fn kinds(t: &mut Theme) {
    t.case("kinds", |r, q| {
        r.commit("a")
            .tag("v1.0.0")
            .annotated("v1.1.0")
            .nested("v1.2.0", "v1.1.0")
            .nested("v1.3.0", "v1.2.0");
        r.file("b.go", "x").commit("b").annotated("v1.4.0");
        q.ask("{tag:v1.1.0}")
            .ask("{tag:v1.2.0:12}")
            .ask("{a:12}")
            .ask("{b:12}");
    });
    t.case("in-packed-refs", |r, _| {
        r.commit("a")
            .tag("v1.0.0")
            .annotated("v1.1.0")
            .file("b", "x")
            .commit("b")
            .annotated("v1.2.0");
        r.storage = crate::diff_go::repository::Storage::PackedRefs;
    });
    t.case("loose", |r, _| {
        r.commit("a")
            .tag("v1.0.0")
            .annotated("v1.1.0")
            .file("b", "x")
            .commit("b");
        r.storage = crate::diff_go::repository::Storage::Loose;
    });
    t.case("off-every-branch", |r, q| {
        r.commit("a").tag("v1.0.0");
        r.detach("a")
            .file("b.go", "x")
            .commit("b")
            .file("c.go", "x")
            .commit("c")
            .tag("v1.1.0");
        q.ask("{b:12}")
            .ask("{c:12}")
            .pseudo("v1.0.1-0.", "b")
            .ask("{c}");
    });
    t.case("many", |r, _| {
        for minor in 0..12 {
            r.file("n.go", &format!("package n // {minor}\n"))
                .commit(&format!("c{minor}"));
            r.tags(&[
                &format!("v1.{minor}.0"),
                &format!("v0.{minor}.{minor}"),
                &format!("v1.{minor}.1-rc.{minor}"),
            ]);
        }
    });
}

fn on_no_commit(t: &mut Theme) {
    t.case("on-a-tree", |r, _| {
        r.commit("a").tag("v1.0.0").tag_tree("v1.1.0");
    });
    t.case("on-a-blob", |r, _| {
        r.commit("a")
            .tag("v1.0.0")
            .tag_blob("v1.1.0", false)
            .tag_blob("v1.2.0", true);
    });
    t.case("on-a-blob-with-more-to-fetch-later", |r, q| {
        // A clone that takes the blob for the end of a shallow history cannot fetch anything after it.
        r.commit("a").tag("v1.0.0").tag_blob("v1.1.0", false);
        r.tag_tree("v1.2.0").tag_blob("v1.3.0", true);
        r.branch("dev").file("b.go", "x").commit("b").tag("v1.4.0");
        r.branch("master").file("c.go", "x").commit("c");
        q.ask("{b:12}").ask("{c:12}").pseudo("v1.0.1-0.", "c");
    });
    t.case("only-on-a-blob", |r, _| {
        r.commit("a").tag_blob("v1.0.0", true);
    });
}

fn names(t: &mut Theme) {
    t.case("not-canonical", |r, q| {
        r.commit("a").tags(&[
            "v1",
            "v1.2",
            "1.2.3",
            "v1.2.3+meta",
            "v01.2.3",
            "v1.02.3",
            "v1.2.3-01",
            "V1.0.0",
            "v1.2.3.4",
        ]);
        r.tags(&["release-1.0", "v1.2.3-", "v1.2.3-a..b", "v", "vx.y.z"]);
        q.ask("{a:12}")
            .ask("1.2.3")
            .ask("v1.2.3")
            .ask("V1.0.0")
            .ask("release-1.0")
            .ask("v01.2.3")
            .ask("v1.2.3.4")
            .ask("v");
    });
    t.case("canonical-and-not-on-one-commit", |r, q| {
        r.commit("a").tags(&["v1.0.0", "v1.1.0+meta", "v1.2"]);
        q.ask("{a:12}")
            .ask("v1.1.0")
            .ask("v1.1.0+meta")
            .ask("v1.1.0+other");
    });
    t.case("metadata-only", |r, q| {
        r.commit("a").tag("v1.1.0+meta");
        q.ask("{a:12}")
            .ask("v1.1.0")
            .ask("v1.1.0+meta")
            .pseudo("v1.1.1-0.", "a")
            .pseudo("v0.0.0-", "a");
    });
    t.case("metadata-as-base", |r, q| {
        r.commit("a")
            .tags(&["v1.0.0", "v1.1.0+meta"])
            .file("b.go", "x")
            .commit("b");
        q.ask("{b:12}")
            .pseudo("v1.1.1-0.", "b")
            .pseudo("v1.0.1-0.", "b");
    });
    t.case("two-metadata-for-one-version", |r, q| {
        r.commit("a")
            .tag("v1.1.0+one")
            .file("b.go", "x")
            .commit("b")
            .tag("v1.1.0+two")
            .file("c.go", "x")
            .commit("c");
        q.ask("v1.1.0+one")
            .ask("v1.1.0+two")
            .ask("v1.1.0")
            .ask("{c:12}");
    });
}

fn names_that_sort_oddly(t: &mut Theme) {
    t.case("pre-releases", |r, _| {
        r.commit("a").tags(&[
            "v1.0.0-alpha",
            "v1.0.0-alpha.1",
            "v1.0.0-beta.11",
            "v1.0.0-beta.2",
            "v1.0.0-rc.1",
            "v1.0.0-0",
        ]);
    });
    t.case("pre-releases-and-an-old-release", |r, _| {
        r.commit("a")
            .tags(&["v0.9.0"])
            .file("b.go", "x")
            .commit("b")
            .tags(&["v1.0.0-rc.1", "v1.0.0-RC2"]);
    });
    t.case("numbers-beyond-64-bits", |r, q| {
        r.commit("a").tags(&[
            "v1.99999999999999999999.0",
            "v1.9999999999999999999.0",
            "v0.18446744073709551616.1",
        ]);
        r.file("b.go", "x").commit("b");
        q.ask("{b:12}").pseudo("v1.99999999999999999999.1-0.", "b");
    });
}

fn names_like_others(t: &mut Theme) {
    t.case("that-look-like-pseudo-versions", |r, q| {
        r.commit("a").tag("v1.0.0").file("b.go", "x").commit("b");
        r.tags(&[
            "v0.0.0-20200913122640-0123456789ab",
            "v1.0.1-0.20200913122640-0123456789ab",
            "v2.0.0-20200913122640-abcdefabcdef",
        ]);
        q.ask("{b:12}");
    });
    t.case("that-look-like-pseudo-versions-in-a-folder", |r, q| {
        r.module("d", "/d")
            .commit("a")
            .tags(&["d/v1.0.0", "d/v1.0.1-0.20200913122640-0123456789ab"]);
        r.file("d/b.go", "x").commit("b");
        q.module("/d").ask_of("/d", "{b:12}").ask_of("/d", "{a:12}");
    });
    t.case("called-like-a-hash", |r, q| {
        r.commit("a")
            .tag("v1.0.0")
            .tag("abcdef0")
            .file("b.go", "x")
            .commit("b")
            .tag("abcdef012345");
        q.ask("abcdef0").ask("abcdef012345").ask("abcdef01");
    });
    t.case("called-head", |r, q| {
        r.commit("a")
            .tag("HEAD")
            .tag("head")
            .file("b.go", "x")
            .commit("b");
        q.ask("HEAD").ask("head");
    });
}

fn shared(t: &mut Theme) {
    t.case("several-on-one-commit", |r, q| {
        r.commit("a").tags(&[
            "v1.0.0",
            "v1.0.1",
            "v1.1.0-rc.1",
            "v0.9.0",
            "v2.0.0",
            "other",
        ]);
        q.ask("{a:12}").ask("other");
    });
    t.case("newer-tag-on-an-older-commit", |r, q| {
        r.commit("a")
            .tag("v1.5.0")
            .file("b.go", "x")
            .commit("b")
            .tag("v1.2.0")
            .file("c.go", "x")
            .commit("c");
        q.ask("{b:12}").ask("{c:12}").pseudo("v1.2.1-0.", "c");
    });
    t.case("on-a-side-branch", |r, q| {
        r.commit("a").tag("v1.0.0");
        r.branch("side").file("s.go", "x").commit("s").tag("v1.5.0");
        r.branch("master").file("b.go", "x").commit("b");
        q.ask("{b:12}").pseudo("v1.5.1-0.", "b");
        r.merge("m", "side").file("c.go", "x").commit("c");
        q.ask("{m:12}").ask("{c:12}").pseudo("v1.5.1-0.", "c");
    });
    t.case("same-name-as-a-branch", |r, q| {
        r.commit("a")
            .tags(&["v1.0.0", "dev"])
            .branch("dev")
            .file("b.go", "x")
            .commit("b")
            .branch("v1.0.0")
            .file("c.go", "x")
            .commit("c");
        q.ask("dev").ask("v1.0.0");
    });
    t.case("of-a-folder-on-the-root-s-commit", |r, q| {
        r.module("d", "/d")
            .commit("a")
            .tags(&["v1.0.0", "d/v1.5.0"])
            .file("b.go", "x")
            .commit("b");
        q.module("/d")
            .ask("{b:12}")
            .ask_of("/d", "{b:12}")
            .ask_of("/d", "{a:12}");
    });
}

/// A repository whose newest `go.mod` says `retract` in some way; versions `v1.0.0` to `v1.3.0`.
fn with_retraction(t: &mut Theme, name: &str, retract: &str) {
    t.case(name, |r, q| {
        r.commit("a")
            .tags(&["v1.0.0", "v1.1.0"])
            .file("b.go", "x")
            .commit("b")
            .tag("v1.2.0");
        r.file("go.mod", &format!("module $M\n\ngo 1.21\n\n{retract}\n"))
            .commit("c")
            .tag("v1.3.0");
        r.file("d.go", "x").commit("d");
        q.ask("{a:12}")
            .ask("{b:12}")
            .ask("{c:12}")
            .ask("{d:12}")
            .pseudo("v1.2.1-0.", "c");
    });
}

fn retracted(t: &mut Theme) {
    with_retraction(t, "retract-one", "retract v1.1.0 // wrong");
    with_retraction(t, "retract-range", "retract [v1.0.0, v1.2.0]");
    with_retraction(t, "retract-itself", "retract v1.3.0");
    with_retraction(t, "retract-all", "retract [v0.0.0, v1.99.0]");
    with_retraction(
        t,
        "retract-block",
        "// all\nretract (\n\tv1.0.0 // a\n\t[v1.2.0, v1.3.0]\n)",
    );
    with_retraction(
        t,
        "retract-nonsense",
        "retract [v1.2.0\nretract x y\nretract v1.1.0 z",
    );
    with_retraction(t, "retract-not-canonical", "retract v1.3\nretract v1.2");
    with_retraction(t, "retract-reversed", "retract [v1.3.0, v1.0.0]");
    with_retraction(t, "retract-the-base", "retract v1.3.0\nretract v1.2.0");
    t.case("deprecated", |r, _| {
        r.file("go.mod", "// Deprecated: use another.\nmodule $M\n")
            .commit("a")
            .tag("v1.0.0");
    });
}

fn retracted_otherwise(t: &mut Theme) {
    t.case("retract-by-a-pre-release", |r, q| {
        r.commit("a").tags(&["v1.0.0", "v1.1.0"]);
        r.file("go.mod", "module $M\nretract v1.1.0\n")
            .commit("b")
            .tag("v1.2.0-rc.1");
        q.ask("{a:12}").ask("{b:12}");
    });
    t.case("retract-by-the-only-pre-release", |r, q| {
        r.file("go.mod", "module $M\nretract v1.0.0-alpha\n")
            .commit("a")
            .tags(&["v1.0.0-alpha", "v1.0.0-beta"]);
        q.ask("{a:12}");
    });
    t.case("retract-by-an-older-version", |r, q| {
        r.file("go.mod", "module $M\nretract v1.1.0\n")
            .commit("a")
            .tag("v1.0.0");
        r.module("", "").commit("b").tags(&["v1.1.0", "v1.2.0"]);
        q.ask("{b:12}");
    });
    t.case("retract-by-the-branch-only", |r, q| {
        r.commit("a").tags(&["v1.0.0", "v1.1.0"]);
        r.file("go.mod", "module $M\nretract v1.1.0\n").commit("b");
        q.ask("{a:12}").ask("{b:12}");
    });
    t.case("retract-by-a-broken-go-mod", |r, q| {
        r.commit("a").tags(&["v1.0.0", "v1.1.0"]);
        r.file("go.mod", "module $M\nretract v1.1.0\nrequire x\n")
            .commit("b")
            .tag("v1.2.0");
        q.ask("{a:12}");
    });
    t.bare("retract-incompatible", |r, q| {
        r.file("a.go", "package a\n")
            .commit("a")
            .tags(&["v1.0.0", "v2.0.0", "v3.0.0"])
            .file("b.go", "x")
            .commit("b");
        r.file("go.mod", "module $M\nretract v2.0.0+incompatible\n")
            .commit("c");
        q.ask("{a:12}").ask("{b:12}");
    });
    t.bare("retract-in-a-major-branch", |r, q| {
        r.module("", "/v2").commit("a").tags(&["v2.0.0", "v2.0.1"]);
        r.file("go.mod", "module $M/v2\nretract v2.0.1\n")
            .commit("b")
            .tag("v2.0.2")
            .file("x", "x")
            .commit("c");
        q.module("/v2")
            .ask_of("/v2", "{a:12}")
            .ask_of("/v2", "{c:12}");
    });
    t.bare("retract-in-a-folder", |r, q| {
        r.module("d", "/d")
            .commit("a")
            .tags(&["d/v1.0.0", "d/v1.1.0"]);
        r.file("d/go.mod", "module $M/d\nretract v1.1.0\n")
            .commit("b")
            .tag("d/v1.1.1");
        q.module("/d").ask_of("/d", "{a:12}");
    });
}
