//! What fits nowhere else: paths that are no modules, repositories that are not there, words of the go command.

use crate::diff_go::case::Case;
use crate::diff_go::theme::Theme;

pub fn list() -> Vec<Case> {
    let mut t = Theme::new("odd");
    t.case("folders-that-are-no-modules", |r, q| {
        r.file("sub/x.go", "x")
            .commit("a")
            .tags(&["v1.0.0", "sub/v1.0.0"]);
        q.module("/sub")
            .module("/sub/deeper")
            .module("/none")
            .module("/a.go")
            .ask_of("/none", "{a:12}");
    });
    t.case("commit-without-changes", |r, q| {
        r.commit("a")
            .tag("v1.0.0")
            .commit("b")
            .tag("v1.0.1")
            .commit("c");
        q.ask("{c:12}");
    });
    t.case("versions-that-are-none", |r, q| {
        r.commit("a").tag("v1.0.0");
        for query in [
            "v1.0.1",
            "v2.0.0",
            "v0.0.0",
            "v1.0.0-",
            "v1.0.0+x",
            "v1.0.0-0",
            "x",
            "v1.0.0.0",
            "1.0.0",
            "v1.00.0",
            "V1.0.0",
            "v1.0.0+incompatible",
        ] {
            q.ask(query);
        }
    });
    t.case("history-of-everything", |r, q| {
        crate::diff_go::samples::write_texts(r);
        r.commit("a")
            .tag("v0.1.0")
            .file(".gitattributes", "* eol=crlf ident\n")
            .module("d", "/d")
            .commit("b")
            .tags(&["v0.2.0", "d/v0.1.0"]);
        r.file("LICENSE", "x\n")
            .file("vendor/a/b.go", "x")
            .commit("c")
            .tag("d/v0.2.0")
            .branch("v2")
            .module("", "/v2")
            .commit("e")
            .tag("v2.0.0");
        q.module("/d")
            .module("/v2")
            .ask("{c:12}")
            .ask_of("/d", "{c:12}")
            .ask_of("/v2", "{e:12}");
    });
    t.cases
}
