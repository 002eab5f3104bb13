//! What `go.mod` may hold and the module still be one: its `module` line, its quoting, its bytes; and none at all.

use crate::diff_go::case::Case;
use crate::diff_go::theme::Theme;

/// Contents of the root `go.mod`.
const CONTENTS: &[(&str, &str)] = &[
    ("empty", ""),
    ("no-module-line", "go 1.20\n"),
    ("comment-first", "// x\n\n/* x */\nmodule $M\n"),
    ("quoted", "module \"$M\"\n"),
    ("back-quoted", "module `$M`\n"),
    (
        "quoted-with-escape",
        "module \"diff.example.test\\x2f$M\"\n",
    ),
    ("quoted-badly", "module \"$M\n"),
    ("block", "module (\n\t$M\n)\n"),
    ("block-one-line", "module ( $M )\n"),
    ("comment-after", "module $M // Deprecated: use another.\n"),
    ("comment-without-blank", "module $M//x\n"),
    ("blanks", "  \t module \t $M \t \n"),
    ("carriage-returns", "module $M\r\n\r\ngo 1.20\r\n"),
    ("byte-order-mark", "\u{feff}module $M\n"),
    ("no-newline", "module $M"),
    ("two-words", "module $M x\n"),
    ("second-module-line", "module $M\nmodule other.example/x\n"),
    ("module-without-blank", "module$M\n"),
    ("modules-word-first", "modules x\nmodule $M\n"),
    ("tab-between", "module\t$M\n"),
    ("other-path", "module other.example/x\n"),
    ("other-path-of-major-2", "module other.example/x/v2\n"),
    ("own-path-of-major-2", "module $M/v2\n"),
    ("gopkg-line", "module gopkg.in/x.v3\n"),
    ("gopkg-line-v1", "module gopkg.in/x.v1\n"),
    ("bad-path", "module $M/a:b\n"),
    ("one-word-path", "module x\n"),
    ("path-v1", "module $M/v1\n"),
    ("path-dot-v2", "module other.example/x.v2\n"),
    ("broken-below", "module $M\nrequire (\n"),
    ("bad-directive", "module $M\n)(\n"),
    (
        "bad-require-version",
        "module $M\nrequire example.com/x master\n",
    ),
    ("bad-go-line", "module $M\ngo one\n"),
    ("own-toolchain", "module $M\ngo 1.21\ntoolchain go1.99.0\n"),
    ("self-replace", "module $M\nreplace $M => ../x\n"),
    ("zero-byte", "module $M\n\0\n"),
    ("not-utf-8-below", "module $M\n// caf\u{e9}\n"),
    ("requires-itself", "module $M\nrequire $M v1.0.0\n"),
];

pub fn list() -> Vec<Case> {
    let mut t = Theme::new("gomod");
    for (name, content) in CONTENTS {
        t.bare(name, |r, q| {
            r.file("go.mod", content)
                .file("a.go", "package a\n")
                .commit("a")
                .tag("v1.0.0");
            r.file("a.go", "package a // 2\n").commit("b").tag("v2.0.0");
            q.module("/v2");
        });
    }
    for (name, file) in [
        ("crlf-attribute", "go.mod text eol=crlf\n"),
        ("ident-attribute", "* ident\n"),
    ] {
        t.bare(name, |r, _| {
            r.file("go.mod", "module $M\n// $Id$\n")
                .file(".gitattributes", file)
                .commit("a")
                .tag("v1.0.0");
        });
    }
    t.bare("invalid-utf-8", |r, _| {
        r.bytes(
            "go.mod",
            b"module diff.example.test/gomod-invalid-utf-8.git\n// \xff\n",
        )
        .commit("a")
        .tag("v1.0.0");
    });
    t.bare("executable", |r, _| {
        r.executable("go.mod", "module diff.example.test/gomod-executable.git\n")
            .commit("a")
            .tag("v1.0.0");
    });
    t.bare("as-a-folder", |r, q| {
        r.file("go.mod/x", "x")
            .file("x.go", "x")
            .commit("a")
            .tag("v1.0.0")
            .tag("v2.0.0");
        q.module("/v2");
    });
    without(&mut t);
    too_new(&mut t);
    t.cases
}

/// Repositories of the time before modules.
fn without(t: &mut Theme) {
    t.bare("none", |r, q| {
        r.file("a.go", "package a\n")
            .file("sub/b.go", "package b\n")
            .commit("a")
            .tags(&["v0.1.0", "v1.0.0", "sub/v1.0.0"]);
        r.file("a.go", "package a // 2\n")
            .commit("b")
            .tags(&["v2.0.0", "v2.1.0-rc.1", "v3.0.0"]);
        q.module("/v2").module("/sub").module("/none");
    });
    t.bare("none-at-all", |r, _| {
        r.file("README", "x\n").commit("a");
    });
    t.bare("empty-tree", |r, q| {
        r.commit("a").tag("v1.0.0");
        q.module("/sub");
    });
    t.bare("none-then-some", |r, _| {
        r.file("a.go", "package a\n")
            .commit("a")
            .tags(&["v1.0.0", "v2.0.0"]);
        r.module("", "").commit("b").tag("v1.1.0");
        r.remove("go.mod").commit("c").tag("v1.2.0");
    });
    t.bare("Capitals-In-The-Path", |r, _| {
        r.file("a.go", "package a\n")
            .commit("a")
            .tags(&["v1.0.0", "v1.1.0-RC.1"]);
    });
}

/// What asks for a Go that does not exist yet. The go command refuses to zip it, so the zip is not compared.
fn too_new(t: &mut Theme) {
    t.bare("go-line-too-new", |r, _| {
        r.file("go.mod", "module $M\ngo 1.999\n")
            .file("a.go", "package a\n")
            .commit("a")
            .tag("v1.0.0");
    });
    t.bare("go-line-too-new-in-the-newest", |r, _| {
        r.module("", "").commit("a").tag("v1.0.0");
        r.file("go.mod", "module $M\ngo 1.999.1\n")
            .commit("b")
            .tag("v1.1.0");
    });
}
