//! Names of files that a module cannot hold, or only nearly.

use crate::diff_go::case::Case;
use crate::diff_go::repository::Entry;
use crate::diff_go::theme::Theme;

/// Each name goes beside a `go.mod`, in a case of its own.
const NAMES: &[(&str, &[u8])] = &[
    ("colon", b"a:b"),
    ("backslash", b"a\\b"),
    ("star", b"a*b"),
    ("question-mark", b"a?b"),
    ("angle", b"a<b"),
    ("pipe", b"a|b"),
    ("quote", b"a'b"),
    ("double-quote", b"a\"b"),
    ("back-quote", b"a`b"),
    ("semicolon", b"a;b"),
    ("control", b"a\x01b"),
    ("newline", b"a\nb"),
    ("tab", b"a\tb"),
    ("delete", b"a\x7fb"),
    ("not-utf-8", b"a\xffb"),
    ("latin-1-bytes", b"caf\xe9"),
    ("device", b"con"),
    ("device-with-ending", b"sub/Aux.go"),
    ("device-com0", b"com0"),
    ("device-com9", b"x/COM9/y"),
    ("trailing-dot", b"a./b"),
    ("trailing-space", b"a "),
    ("leading-space", b" a"),
    ("only-dots", b".../a"),
    ("leading-dot", b".a/.b"),
    ("leading-dash", b"-a/-b"),
    ("tilde-digits", b"abc~1.txt"),
    ("allowed-punctuation", b"!#$%&()+,-.=@[]^_{}~ a"),
    ("letter", "\u{e9}t\u{e9}/\u{43f}\u{440}/\u{3042}".as_bytes()),
    ("combining", "e\u{301}".as_bytes()),
    ("emoji", "\u{1f600}".as_bytes()),
    ("other-digit", "\u{0663}".as_bytes()),
    ("letter-of-a-new-script", "\u{10d4a}".as_bytes()),
    ("not-a-letter-superscript", "x\u{b2}".as_bytes()),
    ("modifier-letter", "x\u{2b0}".as_bytes()),
    ("no-break-space", "a\u{a0}b".as_bytes()),
    ("long", &[b'x'; 250]),
    ("bad-in-vendor", b"vendor/a/b:c"),
    ("bad-in-a-nested-module", b"nested/b:c"),
    ("bad-directory", b"a:b/c"),
];

/// Pairs of names that are one to a file system that ignores case, or only nearly.
const PAIRS: &[(&str, &str, &str)] = &[
    ("files", "x/y.go", "x/Y.go"),
    ("folders", "x/y.go", "X/z.go"),
    ("folder-deep", "a/b/c/d", "a/B/e/f"),
    ("file-and-folder", "x", "X/y"),
    ("long-s", "s.go", "\u{17f}.go"),
    ("kelvin", "k.go", "\u{212a}.go"),
    ("sharp-s-does-not", "ss.go", "\u{df}.go"),
    ("greek-sigmas", "\u{3c3}.go", "\u{3c2}.go"),
    ("capital-sharp-s", "\u{df}.go", "\u{1e9e}.go"),
    ("turkish-does-not", "i.go", "\u{130}.go"),
    ("cyrillic", "\u{436}.go", "\u{416}.go"),
    ("digraph", "\u{1c4}.go", "\u{1c5}.go"),
    ("in-vendor", "vendor/a/b.go", "vendor/a/B.go"),
    ("in-a-nested-module", "nested/x", "nested/X"),
    ("with-go-mod", "go.mod", "Go.mod/x"),
    ("with-vendor", "vendor/a", "VENDOR/b"),
    ("of-a-dropped-file", "vendor/a/b.go", "Vendor/a/b.go"),
];

pub fn list() -> Vec<Case> {
    let mut t = Theme::new("names");
    for (name, path) in NAMES {
        t.files(name, |r| {
            r.file("nested/go.mod", "")
                .entry(path, Entry::File(b"x\n".as_slice().into()));
        });
    }
    for (name, one, other) in PAIRS {
        t.files(&format!("collision-{name}"), |r| {
            r.file("nested/go.mod", "")
                .file(one, "x\n")
                .file(other, "y\n");
        });
    }
    for (name, path) in [("go-mod", "go.mod"), ("license", "LICENSE")] {
        t.bare(&format!("{name}-over-16-mib"), |r, _| {
            let comment = format!("module $M // {}\n", "x".repeat(1 << 24));
            r.module("", "")
                .file(path, &comment)
                .commit("a")
                .tag("v1.0.0");
        });
    }
    t.case("bad-and-then-mended", |r, _| {
        r.file("a:b", "x").commit("a").tag("v1.0.0");
        r.remove("a:b").commit("b").tag("v1.0.1");
        r.file("A.go", "x").commit("c");
    });
    t.cases
}
