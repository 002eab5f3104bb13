//! Branches, hashes and HEAD: what a name that is no version resolves to, and what must not be found at all.

use crate::diff_go::case::Case;
use crate::diff_go::theme::Theme;

pub fn list() -> Vec<Case> {
    let mut t = Theme::new("commits");
    branches(&mut t);
    histories(&mut t);
    hashes(&mut t);
    reach(&mut t);
    heads(&mut t);
    times(&mut t);
    formats(&mut t);
    t.cases
}

fn branches(t: &mut Theme) {
    t.case("no-tags", |r, q| {
        r.commit("a")
            .file("b.go", "x")
            .commit("b")
            .branch("dev")
            .file("c.go", "x")
            .commit("c");
        q.ask("{a:12}").ask("{b:12}").ask("HEAD").ask("main");
    });
    t.case("branches-and-tags", |r, q| {
        r.commit("a")
            .tag("v1.0.0")
            .branch("dev")
            .file("b.go", "x")
            .commit("b")
            .tag("v1.1.0-rc.1")
            .file("c.go", "x")
            .commit("c");
        r.branch("master").file("d.go", "x").commit("d");
        q.ask("dev").ask("master").ask("HEAD").ask("{c:12}");
    });
    t.case("branch-names", |r, q| {
        r.commit("a")
            .branch("feature/x")
            .file("b.go", "x")
            .commit("b")
            .branch("1.x")
            .branch("x_y")
            .branch("Upper")
            .branch("v1.9.0");
        r.branch("release.1")
            .branch("v2")
            .branch("dot.v1")
            .branch("a+b");
        q.ask("Upper")
            .ask("upper")
            .ask("v1.9.0")
            .ask("x_y")
            .ask("none");
    });
    t.case("branch-called-like-a-hash", |r, q| {
        r.commit("a")
            .branch("abcdef012345")
            .file("b.go", "x")
            .commit("b");
        q.ask("abcdef012345").ask("abcdef0");
    });
    t.case("branch-of-an-old-commit", |r, _| {
        r.commit("a")
            .tag("v1.0.0")
            .branch("old")
            .branch("master")
            .file("b.go", "x")
            .commit("b")
            .tag("v1.1.0");
    });
}

fn histories(t: &mut Theme) {
    t.case("merges", |r, q| {
        r.commit("a")
            .tag("v1.0.0")
            .branch("one")
            .file("1.go", "x")
            .commit("b")
            .branch("master")
            .branch("two")
            .file("2.go", "x")
            .commit("c")
            .tag("v1.1.0");
        r.branch("one")
            .merge("m", "two")
            .branch("master")
            .merge("n", "one")
            .file("d.go", "x")
            .commit("d");
        q.ask("{m:12}").ask("{n:12}").ask("{d:12}").ask("{b:12}");
    });
    t.case("unrelated-histories", |r, q| {
        r.commit("a")
            .tag("v1.0.0")
            .orphan("other")
            .file("b.go", "x")
            .commit("b")
            .tag("v1.1.0")
            .file("c.go", "x")
            .commit("c");
        r.branch("master").file("d.go", "x").commit("d");
        q.ask("{c:12}")
            .ask("{d:12}")
            .pseudo("v1.0.1-0.", "c")
            .pseudo("v1.1.1-0.", "c");
    });
    t.case("long-history", |r, q| {
        r.commit("a").tag("v1.0.0");
        for n in 0..120 {
            r.file("n.go", &format!("package a // {n}\n"))
                .commit(&format!("c{n}"));
        }
        q.ask("{c0:12}")
            .ask("{c60:12}")
            .ask("{c119:12}")
            .pseudo("v1.0.1-0.", "c60");
    });
}

fn hashes(t: &mut Theme) {
    t.case("prefixes", |r, q| {
        r.commit("a")
            .file("b.go", "x")
            .commit("b")
            .file("c.go", "x")
            .commit("c");
        for digits in [4, 5, 6, 7, 8, 11, 12, 13, 20, 39, 40] {
            q.ask(&format!("{{b:{digits}}}"));
        }
        q.ask("{b:7u}")
            .ask("{b:12u}")
            .ask("{b:40u}")
            .ask("{b}0")
            .ask("0000000")
            .ask("{a:7}")
            .ask("{c:7}");
    });
    t.case("prefixes-of-tagged-commits", |r, q| {
        r.commit("a")
            .tag("v1.0.0")
            .file("b.go", "x")
            .commit("b")
            .annotated("v1.1.0");
        q.ask("{a:7}")
            .ask("{b:7}")
            .ask("{a}")
            .ask("{b}")
            .ask("{tag:v1.1.0:7}")
            .ask("{tag:v1.1.0}");
    });
    // The hashes of these two commits begin with the same eight digits, 596b1e01.
    t.case("ambiguous-prefix", |r, q| {
        r.time(1_600_000_000)
            .commit("n4760")
            .orphan("other")
            .time(1_600_000_000)
            .commit("n62136");
        for digits in [7, 8, 9, 12] {
            q.ask(&format!("{{n4760:{digits}}}"))
                .ask(&format!("{{n62136:{digits}}}"));
        }
    });
    t.case("ambiguous-prefix-below-the-tips", |r, q| {
        r.time(1_600_000_000)
            .commit("one")
            .file("x", "x")
            .commit("two");
        q.ask("{one:4}").ask("{two:7}");
    });
}

fn reach(t: &mut Theme) {
    t.case("pull-request", |r, q| {
        r.commit("a")
            .tag("v1.0.0")
            .branch("refs/pull/1/head")
            .file("b.go", "x")
            .commit("b")
            .branch("master")
            .file("c.go", "x")
            .commit("c");
        q.ask("{b:12}")
            .ask("{b}")
            .pseudo("v1.0.1-0.", "b")
            .pseudo("v0.0.0-", "b")
            .ask("{c:12}");
    });
    t.case("pull-request-of-a-tip", |r, q| {
        r.commit("a")
            .branch("refs/pull/1/head")
            .branch("refs/changes/01/1/1")
            .file("b.go", "x")
            .commit("b");
        q.ask("{a:12}").ask("{b:12}").ask("{b}");
    });
    t.case("forgotten", |r, q| {
        r.commit("a")
            .tag("v1.0.0")
            .branch("gone")
            .file("b.go", "x")
            .commit("b")
            .branch("master")
            .forget("gone");
        q.ask("{b:12}")
            .ask("{b}")
            .ask("gone")
            .pseudo("v1.0.1-0.", "b");
    });
    t.case("reached-by-a-tag-only", |r, q| {
        r.commit("a")
            .branch("gone")
            .file("b.go", "x")
            .commit("b")
            .file("c.go", "x")
            .commit("c")
            .tag("keep")
            .branch("master")
            .forget("gone");
        q.ask("{b:12}").ask("{c:12}").ask("keep");
    });
    t.case("reached-by-head-only", |r, q| {
        r.commit("a")
            .branch("gone")
            .file("b.go", "x")
            .commit("b")
            .file("c.go", "x")
            .commit("c")
            .head("{c}")
            .branch("master")
            .forget("gone");
        q.ask("{b:12}").ask("{c:12}").ask("HEAD");
    });
}

fn heads(t: &mut Theme) {
    t.bare("empty-repository", |_, q| {
        q.module("/sub")
            .ask("master")
            .ask("v1.0.0")
            .ask("HEAD")
            .ask("0123456789ab");
    });
    t.case("head-on-another-branch", |r, q| {
        r.commit("a")
            .branch("trunk")
            .file("b.go", "x")
            .commit("b")
            .head("ref: refs/heads/trunk");
        q.ask("HEAD");
    });
    t.case("head-detached", |r, q| {
        r.commit("a")
            .tag("v0.1.0")
            .file("b.go", "x")
            .commit("b")
            .file("c.go", "x")
            .commit("c")
            .head("{b}");
        q.ask("HEAD").ask("{c:12}");
    });
    t.case("head-on-no-branch", |r, q| {
        r.commit("a").head("ref: refs/heads/none");
        q.ask("HEAD").ask("{a:12}");
    });
    t.case("head-on-no-branch-with-tags", |r, q| {
        r.commit("a").tag("v1.0.0").head("ref: refs/heads/none");
        q.ask("HEAD");
    });
    t.case("no-branches-at-all", |r, q| {
        r.commit("a").tag("v1.0.0").forget("master");
        q.ask("{a:12}").ask("master");
    });
    t.case("head-on-a-tag", |r, q| {
        r.commit("a")
            .tag("v1.0.0")
            .file("b.go", "x")
            .commit("b")
            .head("ref: refs/tags/v1.0.0");
        q.ask("HEAD").ask("{b:12}");
    });
}

fn times(t: &mut Theme) {
    for (name, time, zone) in [
        ("time-epoch", 0, "+0000"),
        ("time-one-second", 1, "-1200"),
        ("time-beyond-2038", 4_102_444_800, "+0000"),
        ("time-beyond-2106", 4_294_967_296, "+1400"),
        ("time-year-9999", 253_402_300_799, "+0000"),
        ("time-year-9999-west", 253_402_300_799, "-0800"),
        ("time-year-10000", 253_402_300_800, "+0000"),
        ("zone-half-hour", 1_600_000_000, "+0530"),
        ("zone-west", 1_600_000_000, "-0930"),
        ("zone-minus-zero", 1_600_000_000, "-0000"),
        ("zone-odd", 1_600_000_000, "+051800"),
        ("zone-beyond-a-day", 1_600_000_000, "+9959"),
    ] {
        t.case(name, |r, q| {
            r.time(time)
                .zone(zone)
                .commit("a")
                .branch("tagged")
                .file("b.go", "x")
                .time(time)
                .commit("b")
                .tag("v1.0.0");
            q.ask("{a:12}");
        });
    }
    t.case("time-runs-backwards", |r, q| {
        r.time(1_700_000_000)
            .commit("a")
            .tag("v1.0.0")
            .time(1_500_000_000)
            .file("b.go", "x")
            .commit("b")
            .tag("v1.1.0");
        r.time(1_400_000_000).file("c.go", "x").commit("c");
        q.ask("{c:12}")
            .pseudo("v1.0.1-0.", "c")
            .pseudo("v1.1.1-0.", "c");
    });
    t.case("time-all-the-same", |r, q| {
        r.time(1_600_000_000)
            .commit("a")
            .tag("v1.0.0")
            .time(1_600_000_000)
            .file("b.go", "x")
            .commit("b");
        r.time(1_600_000_000)
            .file("c.go", "x")
            .commit("c")
            .tag("v1.1.0")
            .time(1_600_000_000)
            .file("d.go", "x")
            .commit("d");
        q.ask("{b:12}").ask("{d:12}");
    });
}

fn formats(t: &mut Theme) {
    t.case("sha256", |r, q| {
        r.sha256 = true;
        r.commit("a")
            .tag("v1.0.0")
            .annotated("v1.1.0")
            .file("b.go", "x")
            .commit("b");
        q.ask("{b:12}")
            .ask("{b:7}")
            .ask("{b}")
            .ask("{b:40}")
            .pseudo("v1.1.1-0.", "b");
    });
    t.case("sha256-with-ident", |r, _| {
        r.sha256 = true;
        crate::diff_go::samples::write_texts(r);
        r.file(".gitattributes", "* ident eol=crlf\n")
            .entry(b"sub/module", crate::diff_go::repository::Entry::Submodule);
        r.commit("a").tag("v1.0.0").storage = crate::diff_go::repository::Storage::Loose;
    });
    t.case("many-files", |r, _| {
        for n in 0..600 {
            r.file(
                &format!("d{}/f{n}.go", n % 37),
                &format!("package d // {n}\n"),
            );
        }
        r.commit("a")
            .tag("v1.0.0")
            .remove("d1/f1.go")
            .file("d2/f2.go", "x")
            .commit("b")
            .tag("v1.0.1");
    });
    t.case("one-large-file", |r, _| {
        let line = "all work and no play makes a dull boy\n";
        r.file("big.txt", &line.repeat(80_000))
            .commit("a")
            .tag("v1.0.0");
        r.file("big.txt", &format!("{}x\n", line.repeat(80_000)))
            .commit("b")
            .tag("v1.0.1");
    });
}
