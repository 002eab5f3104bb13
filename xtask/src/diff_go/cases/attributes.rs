//! What `.gitattributes` do to the files of an archive: ends of lines, `$Id$`, encodings; and what they must not do.

use crate::diff_go::case::Case;
use crate::diff_go::repository::Entry;
use crate::diff_go::samples::{ATTRIBUTES, write_texts};
use crate::diff_go::theme::Theme;

pub fn list() -> Vec<Case> {
    let mut t = Theme::new("attributes");
    for (name, lines) in ATTRIBUTES {
        t.files(name, |r| {
            write_texts(r);
            r.file(".gitattributes", lines);
        });
    }
    in_folders(&mut t);
    in_odd_places(&mut t);
    t.cases
}

fn in_folders(t: &mut Theme) {
    t.files("nested", |r| {
        write_texts(r);
        r.file("sub/.gitattributes", "lf.txt eol=crlf\n* ident\n");
    });
    t.files("nested-beats-root", |r| {
        write_texts(r);
        r.file(".gitattributes", "* eol=crlf ident\n")
            .file("sub/.gitattributes", "* eol=lf\n")
            .file("sub/deep/.gitattributes", "* -ident -text\n");
    });
    t.files("nested-pattern-with-slash", |r| {
        write_texts(r);
        r.file(
            "sub/.gitattributes",
            "/lf.txt eol=crlf\ndeep/lf.txt eol=crlf\nsub/lf.txt ident\n",
        );
    });
    t.files("nested-macro-does-not-count", |r| {
        write_texts(r);
        r.file("sub/.gitattributes", "[attr]dos text eol=crlf\n* dos\n");
    });
    t.files("macro-of-root-used-below", |r| {
        write_texts(r);
        r.file(".gitattributes", "[attr]dos text eol=crlf\n")
            .file("sub/.gitattributes", "lf.txt dos\n");
    });
    t.bare("of-the-parent-of-a-module", |r, q| {
        write_texts(r);
        r.file(".gitattributes", "* eol=crlf\nsub/id.txt ident\n")
            .module("sub", "/sub")
            .commit("a")
            .tag("sub/v1.0.0");
        q.module("/sub");
    });
    t.bare("of-a-module-in-a-folder", |r, q| {
        write_texts(r);
        r.file("sub/.gitattributes", "lf.txt eol=crlf\n/id.txt ident\n")
            .module("sub", "/sub")
            .commit("a")
            .tag("sub/v1.0.0");
        q.module("/sub");
    });
    t.case("that-come-and-go", |r, _| {
        write_texts(r);
        r.commit("a").tag("v1.0.0");
        r.file(".gitattributes", "* eol=crlf\n")
            .commit("b")
            .tag("v1.1.0");
        r.remove(".gitattributes").commit("c").tag("v1.2.0");
    });
}

fn in_odd_places(t: &mut Theme) {
    t.files("as-a-link", |r| {
        write_texts(r);
        r.link(".gitattributes", "* eol=crlf");
    });
    t.files("as-a-link-to-a-file", |r| {
        write_texts(r);
        r.link(".gitattributes", "real")
            .file("real", "* eol=crlf\n");
    });
    t.files("executable", |r| {
        write_texts(r);
        r.executable(".gitattributes", "* eol=crlf\n");
    });
    t.files("as-a-folder", |r| {
        write_texts(r);
        r.file(".gitattributes/x", "* eol=crlf\n");
    });
    t.files("as-a-submodule", |r| {
        write_texts(r);
        r.entry(b".gitattributes", Entry::Submodule);
    });
    t.files("other-case", |r| {
        write_texts(r);
        r.file(".GitAttributes", "* eol=crlf\n");
    });
    t.files("line-too-long", |r| {
        write_texts(r);
        let long = "x".repeat(3000);
        r.file(
            ".gitattributes",
            &format!("{long} ident\nlf.txt eol=crlf {long}\nmixed.txt eol=crlf\n"),
        );
    });
    t.files("on-links-and-executables", |r| {
        r.file(".gitattributes", "* text eol=crlf ident\n")
            .executable("run.sh", "#!/bin/sh\necho $Id$\n")
            .link("link.txt", "lf.txt\n");
    });
    t.files("big-and-streamed", |r| {
        let line = "0123456789abcdef0123456789abcdef0123456789abcdef\n";
        r.file(".gitattributes", "crlf-* text eol=crlf\nid-* ident\n")
            .file("crlf-big.txt", &line.repeat(30_000))
            .file("id-big.txt", &format!("{}$Id$\n", line.repeat(30_000)))
            .file("plain-big.txt", &line.repeat(30_001));
    });
}
