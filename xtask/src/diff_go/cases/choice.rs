//! Which files of a tree get into the zip: vendored packages, nested modules, licences, links, submodules.

use crate::diff_go::case::Case;
use crate::diff_go::repository::{Entry, Repository};
use crate::diff_go::theme::Theme;

pub fn list() -> Vec<Case> {
    let mut t = Theme::new("choice");
    vendored(&mut t);
    nested_modules(&mut t);
    module_files(&mut t);
    licences(&mut t);
    links(&mut t);
    submodules(&mut t);
    t.cases
}

fn vendor_folders(r: &mut Repository) {
    r.file("vendor/modules.txt", "# x\n")
        .file("vendor/x.go", "package vendor\n")
        .file("vendor/README", "x\n")
        .file("vendor/example.com/x/x.go", "package x\n")
        .file("vendor/vendor/x.go", "package x\n")
        .file("pkg/vendor/vendor.go", "package vendor\n")
        .file("pkg/vendor/x.go", "package vendor\n")
        .file("pkg/vendor/a/b.go", "package a\n")
        .file("pkg/vendor/modules.txt", "# x\n")
        .file("p/vendor/vendor/x.go", "package x\n")
        .file("p/vendor/x", "x\n")
        .file("a/b/c/d/vendor/modules.txt", "x\n")
        .file("vendors/a/b.go", "package a\n")
        .file("vendor.go", "package a\n")
        .file("notvendor/a/b.go", "package a\n")
        .file("Vendor/a/b.go", "package a\n");
}

fn vendored(t: &mut Theme) {
    for (name, go_mod) in [
        ("vendor-without-go-line", "module $M\n"),
        ("vendor-1.17", "module $M\ngo 1.17\n"),
        ("vendor-1.23", "module $M\ngo 1.23.9\n"),
        ("vendor-1.24", "module $M\ngo 1.24\n"),
        ("vendor-1.24rc1", "module $M\ngo 1.24rc1\n"),
        ("vendor-1.24.1", "module $M\ngo 1.24.1\n"),
        ("vendor-1.25", "module $M\n\ngo 1.25.0 // x\n"),
        ("vendor-lax-go-line", "module $M\ngo 1.24-beta\n"),
        ("vendor-bad-go-line", "module $M\ngo v1.24\n"),
        ("vendor-bad-require", "module $M\ngo 1.24\nrequire x\n"),
        (
            "vendor-unknown-directive",
            "module $M\nfuture x y\ngo 1.24\n",
        ),
        ("vendor-bad-replace", "module $M\ngo 1.24\nreplace x\n"),
        ("vendor-go-block", "module $M\ngo (\n\t1.24\n)\n"),
        ("vendor-crlf-go-line", "module $M\r\ngo 1.24\r\n"),
    ] {
        t.files(name, |r| {
            vendor_folders(r);
            r.file("go.mod", go_mod);
        });
    }
    t.bare("vendor-without-go-mod", |r, _| {
        vendor_folders(r);
        r.commit("a").tag("v1.0.0");
    });
    t.bare("vendor-of-a-nested-module", |r, q| {
        r.file("go.mod", "module $M\ngo 1.24\n")
            .file("sub/go.mod", "module $M/sub\ngo 1.20\n");
        for folder in ["", "sub/"] {
            r.file(&format!("{folder}vendor/modules.txt"), "x\n")
                .file(&format!("{folder}vendor/a/b.go"), "package a\n")
                .file(&format!("{folder}pkg/vendor/x.go"), "package x\n");
        }
        r.commit("a").tag("v1.0.0").tag("sub/v1.0.0");
        q.module("/sub");
    });
}

fn nested_modules(t: &mut Theme) {
    t.files("nested-module", |r| {
        r.module("sub", "/sub")
            .file("sub/x.go", "x")
            .file("sub/deep/x.go", "x")
            .file("subs/x.go", "x");
    });
    t.files("nested-other-case", |r| {
        r.file("sub/GO.MOD", "")
            .file("sub/x.go", "x")
            .file("b/Go.mod/x.go", "x")
            .file("c/go.mod/x", "x");
    });
    t.files("nested-link", |r| {
        r.link("sub/go.mod", "../go.mod").file("sub/x.go", "x");
    });
    t.files("nested-executable", |r| {
        r.executable("sub/go.mod", "module x\n")
            .file("sub/x.go", "x");
    });
    t.files("nested-in-vendor", |r| {
        r.file("vendor/go.mod", "")
            .file("vendor/README", "x")
            .file("pkg/vendor/go.mod", "")
            .file("pkg/vendor/x", "x");
    });
    t.files("nested-of-any-content", |r| {
        r.bytes("sub/go.mod", b"\0\xff").file("sub/x.go", "x");
    });
}

fn module_files(t: &mut Theme) {
    t.bare("nested-in-each-other", |r, q| {
        r.module("", "")
            .module("a", "/a")
            .module("a/b", "/a/b")
            .file("a/x", "x")
            .file("a/b/x", "x")
            .file("a/bc/x", "x");
        r.commit("a")
            .tags(&["v1.0.0", "a/v1.0.0", "a/b/v1.0.0", "a/b/c/v1.0.0"]);
        q.module("/a")
            .module("/a/b")
            .module("/a/b/c")
            .module("/a/bc");
    });
    for (name, file) in [
        ("root-go-mod-capitals", "GO.MOD"),
        ("root-go-mod-title-case", "Go.Mod"),
        ("root-go-mod-half-capitals", "go.MOD"),
    ] {
        t.bare(name, |r, _| {
            r.file(file, "module $M\n")
                .file("x.go", "x")
                .commit("a")
                .tag("v1.0.0");
        });
    }
    t.files("root-go-mod-twice", |r| {
        r.file("GO.MOD", "module $M\n");
    });
    t.files("hg-archival", |r| {
        r.file(".hg_archival.txt", "x")
            .file("sub/.hg_archival.txt", "x")
            .file(".hgtags", "x")
            .file(".gitignore", "*\n");
    });
    t.files("empty-files", |r| {
        r.file("x.go", "")
            .file(".x", "")
            .file("-x", "x")
            .file("_x", "x")
            .file("testdata/x", "x");
    });
}

fn licences(t: &mut Theme) {
    let mut case = |name: &str, build: &dyn Fn(&mut Repository)| {
        t.bare(&format!("license-{name}"), |r, q| {
            r.module("sub", "/sub")
                .file("sub/x.go", "x")
                .file("LICENSE", "root\n");
            build(r);
            r.commit("a").tag("v1.0.0").tag("sub/v1.0.0");
            q.module("/sub");
        });
    };
    case("inherited", &|_| {});
    case("own", &|r| _ = r.file("sub/LICENSE", "own\n"));
    case("own-empty", &|r| _ = r.file("sub/LICENSE", ""));
    case("deeper-only", &|r| _ = r.file("sub/x/LICENSE", "x\n"));
    case("other-names", &|r| {
        _ = r
            .remove("LICENSE")
            .file("LICENSE.md", "x")
            .file("COPYING", "x")
    });
    case("own-other-case", &|r| _ = r.file("sub/License", "x"));
    case("own-lower-case", &|r| _ = r.file("sub/license", "x"));
    case("own-with-ending", &|r| _ = r.file("sub/LICENSE.txt", "x"));
    case("own-folder", &|r| _ = r.file("sub/LICENSE/x", "x"));
    case("own-link", &|r| _ = r.link("sub/LICENSE", "../LICENSE"));
    case("own-submodule", &|r| {
        _ = r.entry(b"sub/LICENSE", Entry::Submodule)
    });
    case("root-link", &|r| {
        _ = r.link("LICENSE", "COPYING").file("COPYING", "x")
    });
    case("root-folder", &|r| {
        _ = r.remove("LICENSE").file("LICENSE/x", "x")
    });
    case("root-submodule", &|r| {
        _ = r.entry(b"LICENSE", Entry::Submodule)
    });
    case("root-executable", &|r| _ = r.executable("LICENSE", "x\n"));
    case("root-other-case", &|r| {
        _ = r.remove("LICENSE").file("License", "x")
    });
    case("root-with-crlf-attribute", &|r| {
        _ = r.file(".gitattributes", "LICENSE text eol=crlf ident\n")
    });
    case("root-ignored", &|r| {
        _ = r.file(".gitattributes", "LICENSE export-ignore\n")
    });
    case("vendored-own", &|r| _ = r.file("sub/vendor/LICENSE", "x"));
    t.bare("license-of-a-folder-between", |r, q| {
        r.file("LICENSE", "root\n")
            .file("d/LICENSE", "between\n")
            .module("d/v2", "/d/v2")
            .module("d/e", "/d/e");
        r.commit("a").tags(&["d/v2.0.0", "d/e/v1.0.0"]);
        q.module("/d/v2").module("/d/e");
    });
    t.bare("license-of-a-major-folder", |r, q| {
        r.file("LICENSE", "root\n")
            .module("", "")
            .module("v2", "/v2")
            .commit("a")
            .tags(&["v1.0.0", "v2.0.0"]);
        q.module("/v2");
    });
}

fn links(t: &mut Theme) {
    t.files("links", |r| {
        r.link("link", "a.go")
            .link("out", "/etc/passwd")
            .link("up", "../..")
            .link("dir", "sub")
            .file("sub/x", "x")
            .link("sub/empty", "x y");
    });
    t.bare("link-as-root-go-mod", |r, _| {
        r.link("go.mod", "real.mod")
            .file("real.mod", "module $M\n")
            .file("x.go", "x")
            .commit("a")
            .tag("v1.0.0")
            .tag("v2.0.0");
    });
    t.bare("link-text-is-a-go-mod", |r, _| {
        r.entry(
            b"go.mod",
            Entry::Link(
                b"module diff.example.test/choice-link-text-is-a-go-mod.git\n"
                    .as_slice()
                    .into(),
            ),
        );
        r.file("x.go", "x").commit("a").tag("v1.0.0");
    });
    t.bare("link-as-folder-go-mod", |r, q| {
        r.module("", "")
            .link("sub/go.mod", "../go.mod")
            .file("sub/x", "x")
            .commit("a")
            .tags(&["v1.0.0", "sub/v1.0.0"]);
        q.module("/sub");
    });
    t.files("link-with-a-bad-name", |r| {
        r.link("a:b", "x");
    });
    t.files("link-that-collides", |r| {
        r.link("A.go", "a.go");
    });
    t.files("link-in-vendor-with-a-bad-name", |r| {
        r.link("vendor/a/b:c", "x");
    });
}

fn submodules(t: &mut Theme) {
    t.files("submodule", |r| {
        r.entry(b"third/party", Entry::Submodule).file(
            ".gitmodules",
            "[submodule \"x\"]\n\tpath = third/party\n\turl = https://example.com/x\n",
        );
    });
    t.files("submodule-without-gitmodules", |r| {
        r.entry(b"sub", Entry::Submodule);
    });
    t.files("submodule-with-an-odd-url", |r| {
        r.entry(b"sub", Entry::Submodule).file(
            ".gitmodules",
            "[submodule \"x\"]\n\tpath = sub\n\turl = ext::sh -c touch% x\n",
        );
    });
    t.files("submodule-with-a-bad-name", |r| {
        r.entry(b"a:b", Entry::Submodule);
    });
    t.files("submodule-that-collides", |r| {
        r.entry(b"A.GO", Entry::Submodule);
    });
    t.bare("submodule-as-go-mod", |r, _| {
        r.entry(b"go.mod", Entry::Submodule)
            .file("x.go", "x")
            .commit("a")
            .tag("v1.0.0");
    });
    t.bare("submodule-as-a-module", |r, q| {
        r.module("", "")
            .entry(b"sub", Entry::Submodule)
            .commit("a")
            .tags(&["v1.0.0", "sub/v1.0.0"]);
        q.module("/sub");
    });
    t.files("lfs-pointer", |r| {
        r.file(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n").file(
            "x.bin",
            "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n",
        );
    });
}
