//! In which directory a module lies, and whether it is one.

use super::fake::Fake;
use super::{ROOT, check_said, check_stat, module, said, stated};
use crate::vcs::code::Code;

/// Asks for the commit with these `go.mod` files. Gives the directory, a colon and the `.mod` file.
fn home_of(path: &str, go_mods: &[(&str, &str)]) -> String {
    let fake = Fake::new().commit(go_mods);
    let answer = module(&fake, path).latest();
    said(answer.map(|stated| {
        let go_mod = String::from_utf8(stated.go_mod.to_vec()).unwrap();
        format!("{}:{go_mod}", stated.directory)
    }))
}

#[track_caller]
fn check_home(path: &str, go_mods: &[(&str, &str)], want: &str) {
    check_said(&home_of(path, go_mods), want);
}

const X: &str = "module example.test/x\n";
const X2: &str = "module example.test/x/v2\n";
const D2: &str = "module example.test/x/d/v2\n";

#[test]
fn trap_t12_major_version_lies_in_one_of_two_places() {
    let path = "example.test/x/d/v2";
    check_home(path, &[("d/go.mod", D2)], &format!("d:{D2}"));
    check_home(path, &[("d/v2/go.mod", D2)], &format!("d/v2:{D2}"));
    check_home(
        path,
        &[("d/go.mod", X), ("d/v2/go.mod", D2)],
        &format!("d/v2:{D2}"),
    );
    check_home(
        path,
        &[("d/go.mod", D2), ("d/v2/go.mod", D2)],
        "!absent both claim /v2",
    );
    check_home(
        path,
        &[("d/go.mod", D2), ("d/v2/go.mod", X)],
        "!absent d/v2/go.mod has the module path",
    );
    check_home(
        path,
        &[("d/go.mod", D2), ("d/v2/go.mod", "go 1.20\n")],
        "!absent d/v2/go.mod is missing",
    );
    check_home(path, &[("d/go.mod", X)], "!absent does not end in /v2");
    check_home(
        path,
        &[("go.mod", D2)],
        "!absent missing d/go.mod and d/v2/go.mod",
    );
    check_home(
        "example.test/x/v2",
        &[("v2/go.mod", X2)],
        &format!("v2:{X2}"),
    );
    check_home(
        "example.test/x/v2",
        &[],
        "!absent missing go.mod and v2/go.mod",
    );
}

#[test]
fn trap_t12_only_the_suffix_of_the_declared_path_counts() {
    let declared =
        |path: &str, declared: &str| home_of(path, &[("go.mod", &format!("module {declared}\n"))]);
    for (path, fits) in [
        ("other.test/fork/v2", true),
        ("gopkg.in/fork.v2", true),
        ("example.test/x", false),
        ("example.test/x/v3", false),
        ("gopkg.in/fork.v2-unstable", false),
        ("example.test/x/v2/sub", false),
        ("(", false),
    ] {
        let found = declared("example.test/x/v2", path);
        assert_eq!(!found.starts_with('!'), fits, "{path}: {found}");
    }
    for (path, fits) in [
        ("other.test/fork", true),
        ("gopkg.in/fork.v0", true),
        ("gopkg.in/fork.v1", true),
        ("gopkg.in/fork.v1-unstable", true),
        ("gopkg.in/fork.v2", true), // golang.org/issue/34254
        ("example.test/x/v2", false),
        ("example.test/x/v1", false),
        ("(", true),
    ] {
        let found = declared(ROOT, path);
        assert_eq!(!found.starts_with('!'), fits, "{path}: {found}");
    }
    check_said(
        &declared(ROOT, "example.test/x/v2"),
        "!absent later major versions",
    );
    check_said(&declared(ROOT, "example.test/x/v1"), "!absent malformed");
}

#[test]
fn trap_t12_whole_path_as_root_has_one_place() {
    let fake = Fake::new().commit(&[("v2/go.mod", X2)]);
    let path = "example.test/x/v2";
    let whole = |fake: &Fake| {
        super::Module::new(
            std::sync::Arc::new(fake.clone()),
            path,
            None,
            path.parse().unwrap(),
        )
        .unwrap()
    };
    check_said(
        &said(whole(&fake).latest().map(|stated| stated.directory)),
        "!absent missing go.mod",
    );
    let fake = Fake::new().commit(&[("go.mod", X2), ("v2/go.mod", X2)]);
    assert_eq!(whole(&fake).latest().unwrap().directory, "");
    assert_eq!(fake.questions(), ["latest", "tags v", "read 1:go.mod"]);
}

#[test]
fn trap_t13_quick_scanner_decides() {
    check_home(
        ROOT,
        &[("go.mod", "rubbish (\nmodule `example.test/x`\n")],
        ":rubbish (\nmodule `example.test/x`\n",
    );
    check_home(
        ROOT,
        &[("go.mod", "module (\n\texample.test/x/v2\n)\n")],
        ":module (\n\texample.test/x/v2\n)\n",
    );
    check_home(
        "example.test/x/v2",
        &[("go.mod", "module (\n\texample.test/x/v2\n)\n")],
        "!absent does not end in /v2",
    );
    check_home(
        ROOT,
        &[("go.mod", "\u{feff}module example.test/x\n")],
        "!absent is missing a module path",
    );
    check_home(ROOT, &[("go.mod", "")], "!absent is missing a module path");
    check_home(ROOT, &[("go.mod@", X)], &format!(":{X}"));
    let crlf = "module example.test/x\r\n\r\ngo 1.20\r\n";
    check_home(ROOT, &[("go.mod", crlf)], &format!(":{crlf}"));
}

#[test]
fn trap_t14_go_mod_is_made_up_at_the_root_alone() {
    check_home(ROOT, &[("a.go", "")], ":module example.test/x\n");
    check_home(
        "example.test/x/d",
        &[("d/a.go", "")],
        "!absent missing d/go.mod",
    );
    check_home(
        "example.test/x/v2",
        &[("v2/a.go", "")],
        "!absent missing go.mod and v2/go.mod",
    );
    check_home("gopkg.in/x.v1", &[], ":module gopkg.in/x.v1\n");
    check_home("gopkg.in/x.v3", &[], ":module gopkg.in/x.v3\n");
    check_home(
        "gopkg.in/x.v2-unstable",
        &[],
        ":module gopkg.in/x.v2-unstable\n",
    );
    let fake = Fake::new().commit(&[]).tag("v2.0.0");
    assert_eq!(
        stated(&fake, ROOT, "v2.0.0").go_mod,
        "module example.test/x\n"
    );
}

#[test]
fn gopkg_declares_its_own_major() {
    let gopkg =
        |path: &str, declared: &str| home_of(path, &[("go.mod", &format!("module {declared}\n"))]);
    check_said(
        &gopkg("gopkg.in/x.v2", "gopkg.in/x.v2"),
        ":module gopkg.in/x.v2\n",
    );
    check_said(
        &gopkg("gopkg.in/x.v2", "example.test/x/v2"),
        ":module example.test/x/v2\n",
    );
    check_said(
        &gopkg("gopkg.in/x.v2", "example.test/x"),
        "!absent does not end in .v2",
    );
    check_said(
        &gopkg("gopkg.in/x.v1", "example.test/x"),
        "!absent does not end in .v1",
    );
    let unstable = "gopkg.in/x.v2-unstable";
    check_said(
        &gopkg(unstable, unstable),
        ":module gopkg.in/x.v2-unstable\n",
    );
    check_said(
        &gopkg(unstable, "gopkg.in/x.v2"),
        "!absent does not end in .v2-unstable",
    );
}

#[test]
fn go_mod_of_a_version_is_that_of_its_tag() {
    let fake = Fake::new()
        .commit(&[("go.mod", "module example.test/x // one\n")])
        .tag("v1.0.0")
        .commit(&[("go.mod", "module example.test/x // two\n")])
        .tag("v1.1.0");
    let module = module(&fake, ROOT);
    let go_mod = |version: &str| module.go_mod(&version.parse().unwrap());
    assert_eq!(go_mod("v1.0.0").unwrap(), "module example.test/x // one\n");
    assert_eq!(fake.questions(), ["stat v1.0.0", "read 1:go.mod"]);
    assert_eq!(go_mod("v1.1.0").unwrap(), "module example.test/x // two\n");
    check_said(
        &said(go_mod("v1.2.0").map(|_| "")),
        "!absent unknown revision v1.2.0",
    );
}

#[test]
fn messages_are_short_whatever_the_repository_says() {
    let declared = format!("module example.test/x/v2{}\n", "/é".repeat(100_000));
    let fake = Fake::new().commit(&[("go.mod", &declared)]).tag("v1.0.0");
    let found = said(module(&fake, ROOT).stat("v1.0.0").map(|_| ""));
    assert!(found.len() < 500, "{}", found.len());
    let found = said(module(&fake, ROOT).stat(&"é".repeat(100_000)).map(|_| ""));
    check_said(&found, "!absent unknown revision");
    assert!(found.len() < 600, "{}", found.len());
}

#[test]
fn trouble_is_never_taken_for_an_answer() {
    let fake = Fake::new()
        .commit(&[("go.mod", X)])
        .tag("v1.0.0")
        .unreachable("read");
    for query in ["v1.0.0", "main", "latest"] {
        check_stat(&fake, ROOT, query, "!unreachable no route");
    }
    let fake = Fake::new()
        .commit(&[])
        .tag("v2.0.0")
        .unreachable("read 1:v2");
    check_stat(&fake, ROOT, "v2.0.0", "!unreachable no route");
    assert_eq!(fake.url(), "https://example.test/x");
}
