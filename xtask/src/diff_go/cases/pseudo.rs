//! Pseudo-versions that are right, and ones that are forged in every way.

use crate::diff_go::case::{Case, Questions};
use crate::diff_go::repository::Repository;
use crate::diff_go::theme::Theme;

pub fn list() -> Vec<Case> {
    let mut t = Theme::new("pseudo");
    t.case("forged", |r, q| {
        history(r);
        forge(q);
    });
    t.bare("forged-without-go-mod", |r, q| {
        r.file("a.go", "package a\n");
        history(r);
        forge(q);
        for start in ["v1.1.1-0.", "v2.0.1-0.", "v1.0.0-", "v2.0.0-"] {
            q.ask(&format!("{start}{{d:time}}-{{d:12}}+incompatible"));
        }
        q.pseudo("v2.0.1-0.", "d").pseudo("v2.0.0-", "d");
    });
    bases(&mut t);
    bases_of_odd_names(&mut t);
    exact(&mut t);
    majors(&mut t);
    t.cases
}

/// `a` is v1.0.0, `b` v1.1.0-rc.1, `c` v1.1.0; `d` has no tag; `s`, on a side branch, is v1.5.0.
fn history(r: &mut Repository) {
    r.commit("a")
        .tag("v1.0.0")
        .branch("side")
        .file("s.go", "x")
        .commit("s")
        .tag("v1.5.0");
    r.branch("master")
        .file("b.go", "x")
        .commit("b")
        .tag("v1.1.0-rc.1")
        .file("c.go", "x")
        .commit("c")
        .tag("v1.1.0");
    r.file("d.go", "x")
        .commit("d")
        .file("e.go", "x")
        .commit("e");
}

fn forge(q: &mut Questions) {
    // Right: the highest base, a lower one, none; a pre-release as base.
    for start in ["v1.1.1-0.", "v1.0.1-0.", "v0.0.0-", "v1.1.0-rc.1.0."] {
        q.pseudo(start, "d");
    }
    // Wrong bases: not an ancestor, no such tag, no such patch, another form.
    for start in [
        "v1.5.1-0.",
        "v1.2.1-0.",
        "v1.1.0-0.",
        "v1.1.2-0.",
        "v1.0.0-",
        "v2.0.0-",
        "v1.1.1-",
        "v1.1.0-rc.2.0.",
        "v0.0.1-0.",
        "v9.0.1-0.",
    ] {
        q.pseudo(start, "d");
    }
    // Wrong times.
    for time in [
        "{d:+1}",
        "{d:+-1}",
        "{c:time}",
        "20200230000000",
        "00000000000000",
        "99999999999999",
        "2020091312264",
        "202009131226400",
    ] {
        q.ask(&format!("v1.1.1-0.{time}-{{d:12}}"))
            .ask(&format!("v0.0.0-{time}-{{d:12}}"));
    }
    // Wrong revisions: short, long, capitals, unknown, of another commit.
    for hash in [
        "{d:7}",
        "{d:11}",
        "{d:13}",
        "{d}",
        "{d:12u}",
        "{c:12}",
        "000000000000",
        "master",
        "d",
    ] {
        q.ask(&format!("v1.1.1-0.{{d:time}}-{hash}"))
            .ask(&format!("v0.0.0-{{d:time}}-{hash}"));
    }
    // Wrong endings.
    for end in ["+incompatible", "+meta", "-x", ".1"] {
        q.ask(&format!("v1.1.1-0.{{d:time}}-{{d:12}}{end}"));
    }
    // On commits that have tags themselves, and before any tag.
    q.pseudo("v1.1.1-0.", "c")
        .pseudo("v1.1.0-rc.1.0.", "c")
        .pseudo("v0.0.0-", "c")
        .pseudo("v1.0.1-0.", "c");
    q.pseudo("v1.0.1-0.", "a")
        .pseudo("v0.0.0-", "a")
        .pseudo("v1.5.1-0.", "s")
        .pseudo("v1.0.1-0.", "s");
    q.pseudo("v1.1.0-rc.1.0.", "b")
        .pseudo("v1.1.1-0.", "b")
        .ask("{d:12}")
        .ask("{e:12}")
        .ask("{b:12}");
}

fn bases(t: &mut Theme) {
    t.case("base-annotated", |r, q| {
        r.commit("a")
            .annotated("v1.0.0")
            .nested("v1.1.0", "v1.0.0")
            .file("b.go", "x")
            .commit("b");
        q.pseudo("v1.1.1-0.", "b")
            .pseudo("v1.0.1-0.", "b")
            .ask("{b:12}");
    });
    t.case("base-on-a-tree-or-blob", |r, q| {
        r.commit("a")
            .tag_tree("v1.0.0")
            .tag_blob("v1.1.0", true)
            .file("b.go", "x")
            .commit("b");
        q.pseudo("v1.1.1-0.", "b")
            .pseudo("v1.0.1-0.", "b")
            .ask("{b:12}");
    });
    t.case("base-without-the-module", |r, q| {
        r.remove("go.mod")
            .commit("a")
            .tag("v1.0.0")
            .module("", "")
            .commit("b")
            .file("b.go", "x")
            .commit("c");
        q.pseudo("v1.0.1-0.", "c").ask("{c:12}");
    });
    t.case("base-of-another-folder", |r, q| {
        r.module("d", "/d")
            .commit("a")
            .tags(&["v1.5.0", "d/v1.0.0"])
            .file("d/b.go", "x")
            .commit("b");
        q.module("/d");
        for start in ["v1.5.1-0.", "v1.0.1-0.", "v0.0.0-"] {
            q.pseudo(start, "b")
                .ask_of("/d", &format!("{start}{{b:time}}-{{b:12}}"));
        }
    });
}

fn bases_of_odd_names(t: &mut Theme) {
    t.case("base-short-or-v0", |r, q| {
        r.commit("a")
            .tags(&["v1", "v0.3.0"])
            .file("b.go", "x")
            .commit("b")
            .tag("v1.2");
        r.file("c.go", "x").commit("c");
        q.ask("{c:12}")
            .ask("{b:12}")
            .pseudo("v1.0.1-0.", "c")
            .pseudo("v1.2.1-0.", "c")
            .pseudo("v0.3.1-0.", "c");
    });
    t.case("base-with-a-number-of-many-digits", |r, q| {
        r.commit("a")
            .tag("v1.0.99999999999999999999")
            .file("b.go", "x")
            .commit("b");
        q.ask("{b:12}").pseudo("v1.0.100000000000000000000-0.", "b");
    });
    t.case("base-pre-release-ending-in-zero", |r, q| {
        r.commit("a")
            .tag("v1.0.0-rc.0")
            .file("b.go", "x")
            .commit("b");
        q.ask("{b:12}")
            .pseudo("v1.0.0-rc.0.0.", "b")
            .pseudo("v1.0.0-rc.0.", "b")
            .pseudo("v1.0.0-0.", "b");
    });
    t.case("base-is-a-pseudo-look-alike", |r, q| {
        r.commit("a")
            .tag("v1.0.1-0.20200913122640-0123456789ab")
            .file("b.go", "x")
            .commit("b");
        q.ask("{b:12}")
            .pseudo("v1.0.1-0.20200913122640-0123456789ab.0.", "b")
            .pseudo("v0.0.0-", "b");
    });
}

fn exact(t: &mut Theme) {
    t.case("of-a-merge", |r, q| {
        r.commit("a")
            .tag("v1.0.0")
            .branch("side")
            .file("s.go", "x")
            .commit("s")
            .tag("v1.5.0")
            .branch("master");
        r.file("b.go", "x").commit("b").merge("m", "side");
        q.pseudo("v1.5.1-0.", "m")
            .pseudo("v1.0.1-0.", "m")
            .pseudo("v1.5.1-0.", "b");
    });
    t.case("of-a-commit-with-a-bad-zip", |r, q| {
        r.commit("a").file("a:b", "x").commit("b");
        q.pseudo("v0.0.0-", "b").pseudo("v0.0.0-", "a");
    });
    t.case("of-a-commit-without-the-folder", |r, q| {
        r.commit("a").module("d", "/d").commit("b");
        q.module("/d")
            .ask_of("/d", "v0.0.0-{a:time}-{a:12}")
            .ask_of("/d", "v0.0.0-{b:time}-{b:12}");
    });
    t.case("of-a-tagged-commit-with-metadata", |r, q| {
        r.commit("a")
            .tag("v1.0.0")
            .file("b.go", "x")
            .commit("b")
            .tag("v1.1.0+meta");
        q.pseudo("v1.1.1-0.", "b")
            .pseudo("v1.0.1-0.", "b")
            .pseudo("v0.0.0-", "b")
            .ask("v1.1.0+meta");
    });
    t.case("as-one-asks-by-hand", |r, q| {
        r.commit("a").tag("v1.0.0").file("b.go", "x").commit("b");
        q.ask("v0.0.0-{b:12}")
            .ask("v0.0.0-0-{b:12}")
            .ask("{b:time}-{b:12}")
            .ask("v1.0.1-{b:12}");
        q.ask("v1.0.1-0.{b:time}-{b:12}-0.{b:time}-{b:12}")
            .ask("v0.0.0-{b:time}-{b:12}.0.{b:time}-{b:12}");
    });
}

fn majors(t: &mut Theme) {
    t.case("of-major-2", |r, q| {
        r.module("", "/v2")
            .commit("a")
            .tag("v2.0.0")
            .file("b.go", "x")
            .commit("b");
        q.module("/v2");
        for start in ["v2.0.1-0.", "v2.0.0-", "v0.0.0-", "v1.0.0-", "v3.0.0-"] {
            q.pseudo(start, "b")
                .ask_of("/v2", &format!("{start}{{b:time}}-{{b:12}}"));
        }
        q.ask_of("/v2", "{b:12}")
            .ask("{b:12}")
            .ask_of("/v2", "v2.0.1-0.{b:time}-{b:12}+incompatible");
    });
    t.case("of-major-2-without-tags", |r, q| {
        r.module("", "/v2")
            .commit("a")
            .file("b.go", "x")
            .commit("b");
        q.module("/v2")
            .ask_of("/v2", "v2.0.0-{b:time}-{b:12}")
            .ask_of("/v2", "{b:12}")
            .ask_of("/v2", "v2.0.1-0.{b:time}-{b:12}");
    });
    t.case("of-major-1-without-tags", |r, q| {
        r.commit("a");
        q.pseudo("v1.0.0-", "a")
            .pseudo("v0.0.0-", "a")
            .ask("{a:12}");
    });
}
