//! Paths as clients send them, and what each asks for.

use super::*;

fn parse(raw: &str) -> Result<Request, Unserved> {
    Request::parse(raw, "/go", &"dev:policy, staging, prod".parse().unwrap())
}

#[track_caller]
fn check_parse(raw: &str, want: Target) {
    let target = parse(raw).map(|request| request.target);
    assert_eq!(target, Ok(want), "{raw}");
}

#[track_caller]
fn check_unserved(raw: &str, reason_part: &str) {
    let reason = parse(raw).unwrap_err().reason;
    assert!(reason.contains(reason_part), "{raw}: {reason}");
    assert!(!reason.chars().any(char::is_control), "{raw}: {reason}");
}

fn module(path: &str) -> ModulePath {
    path.parse().unwrap()
}

fn file(of: &str, kind: FileKind) -> Target {
    Target::File(of.parse().unwrap(), kind)
}

#[test]
fn files_are_found_by_their_endings() {
    check_parse(
        "/example.com/m/@v/v1.2.3.info",
        file("example.com/m@v1.2.3", FileKind::Info),
    );
    check_parse(
        "/example.com/m/@v/v1.2.3.mod",
        file("example.com/m@v1.2.3", FileKind::GoMod),
    );
    check_parse(
        "/example.com/m/@v/v1.2.3.zip",
        file("example.com/m@v1.2.3", FileKind::Zip),
    );
    check_parse(
        "/example.com/m/@v/list",
        Target::List(module("example.com/m")),
    );
    check_parse(
        "/example.com/m/@latest",
        Target::Latest(module("example.com/m")),
    );
    check_parse(
        "/golang.org/toolchain/@v/v0.0.1-go1.21.0.linux-amd64.zip",
        file(
            "golang.org/toolchain@v0.0.1-go1.21.0.linux-amd64",
            FileKind::Zip,
        ),
    );
    check_parse(
        "/example.com/m/@v/v2.0.0+incompatible.mod",
        file("example.com/m@v2.0.0+incompatible", FileKind::GoMod),
    );
    check_parse(
        "/gopkg.in/yaml.v3/@v/v3.0.1.mod",
        file("gopkg.in/yaml.v3@v3.0.1", FileKind::GoMod),
    );
}

#[test]
fn percent_comes_off_before_the_bang() {
    let want = file("github.com/BurntSushi/toml@v1.0.0", FileKind::GoMod);
    check_parse("/github.com/!burnt!sushi/toml/@v/v1.0.0.mod", want.clone());
    check_parse(
        "/github.com/%21burnt%21sushi/toml/@v/v1.0.0.mod",
        want.clone(),
    );
    check_parse(
        "/github.com/%21burnt!sushi/toml/%40v/v1.0.0.mod",
        want.clone(),
    );
    check_parse("/github.com%2F!burnt!sushi%2ftoml/@v/v1.0.0.mod", want);
    check_parse(
        "/example.com/m/@v/v1.0.0-!r!c1.info",
        file("example.com/m@v1.0.0-RC1", FileKind::Info),
    );
}

#[test]
fn prefixes_come_off() {
    let want = Target::List(module("example.com/m"));
    check_parse("/r/prod/example.com/m/@v/list", want.clone());
    check_parse("/go/example.com/m/@v/list", want.clone());
    check_parse("/go/r/prod/example.com/m/@v/list", want.clone());
    check_parse("/r/staging/example.com/m/@v/list", want);
    for (raw, stage) in [
        ("/r/dev/example.com/m/@latest", 0),
        ("/go/r/staging/x.y/@latest", 1),
        ("/x.y/@latest", 2),
    ] {
        assert_eq!(parse(raw).unwrap().stage, stage, "{raw}");
    }
    check_parse("/go/", Target::Root);
    check_parse("/go", Target::Root);
    check_parse("/", Target::Root);
    check_parse("/r/prod", Target::Root);
    check_parse("/go/livez", Target::Live);
    check_unserved("/r/test/example.com/m/@v/list", "no view \"test\"");
    check_unserved("/r/gate-1/example.com/m/@v/list", "no view");
    check_unserved("/r//example.com/m/@v/list", "no view \"\"");
    check_unserved("/r", "nothing is served");
    check_unserved("/gopher/x", "nothing is served");
}

#[test]
fn own_names_are_no_modules() {
    check_parse("/readyz", Target::Ready);
    check_parse("/version", Target::Version);
    check_parse("/metrics", Target::Metrics);
    for name in FIXED_FILES {
        check_parse(&format!("/{name}"), Target::Fixed(name));
        // The list is of first elements that could be mistaken for a module's.
        assert!(name.contains('.'), "{name}");
    }
    check_parse(
        "/sumdb/sum.example.com/a/b/supported",
        Target::Sumdb("sum.example.com/a/b/supported".into()),
    );
    check_parse("/r/prod/sumdb/x/latest", Target::Sumdb("x/latest".into()));
}

#[test]
fn queries_are_infos_of_what_is_no_canonical_version() {
    for query in [
        "master",
        "v1",
        "v1.2",
        "a1b2c3d",
        "v1.2.3+meta",
        "latest",
        "v1.2.3-",
    ] {
        check_parse(
            &format!("/example.com/m/@v/{query}.info"),
            Target::Query(module("example.com/m"), query.into()),
        );
    }
    // The answer may be v2.0.0+incompatible.
    check_parse(
        "/example.com/m/@v/v2.0.0.info",
        Target::Query(module("example.com/m"), "v2.0.0".into()),
    );
    check_parse(
        "/example.com/m/@v/.info.info",
        Target::Query(module("example.com/m"), ".info".into()),
    );
    check_unserved("/example.com/m/@v/master.mod", "no canonical version");
    check_unserved("/example.com/m/@v/v1.2.zip", "no canonical version");
    check_unserved("/example.com/m/@v/v2.0.0.zip", "v2.0.0");
    check_unserved("/example.com/m/v2/@v/v1.0.0.mod", "v1.0.0");
}

#[test]
fn the_last_separator_splits() {
    // `@` is no character of a module path, so what stands before the last separator is refused.
    check_unserved("/example.com/m/@v/x/@v/list", "malformed module path");
    check_unserved("/example.com/m/@v/feature/x.info", "malformed version");
}

#[test]
fn bad_paths_are_named() {
    for path in [
        "/example.com//m/@v/list",
        "//example.com/m/@v/list",
        "/example.com/m//@v/list",
        "/example.com/../etc/@v/list",
        "/%2e%2e/%2e%2e%2fetc/@v/list",
        "/..%2F..%2Fetc%2fpasswd/@v/list",
        "/%2F%2Fexample.com/m/@v/list",
        "/example.com\\m/@v/list",
        "/example.com%5Cm/@v/list",
        "/Example.com/m/@v/list",
        "/example.com/!!m/@v/list",
        "/example.com/m!/@v/list",
        "/example.com/!M/@v/list",
        "/example.com/%2521burnt/@v/list",
        "/example.com/con/@v/list",
        "/example.com/aux.txt/@v/list",
        "/example.com/m./@v/list",
        "/example.com/m~1/@v/list",
        "/-oProxyCommand=x/@v/list",
        "/example/@v/list",
        "/ex\u{e4}mple.com/m/@v/list",
        "/ex%C3%A4mple.com/m/@v/list",
        "/example.com/v1/@v/list",
        "/example.com/m/v2.0/@v/list",
        "/gopkg.in/yaml/@v/list",
        "/@v/@v/list",
        "/example.com/m/@latest/@latest",
    ] {
        check_unserved(path, "malformed module path");
    }
    check_unserved("/@v/list", "nothing is served");
    check_unserved("/@latest", "nothing is served");
}

#[test]
fn bad_escapes_are_named() {
    check_unserved("/example.com/m%/@v/list", "percent escape");
    check_unserved("/example.com/m%2/@v/list", "percent escape");
    check_unserved("/example.com/m/@v/list%", "percent escape");
    check_unserved("/example.com/m/@v/list%4", "percent escape");
    check_unserved("/example.com/%zz/@v/list", "percent escape");
    check_unserved("/example.com/m%00/@v/list", "control character");
    check_unserved("/example.com/m%0a/@v/list", "control character");
    check_unserved("/example.com/m%ff/@v/list", "not UTF-8");
    check_unserved("/example.com/%+1/@v/list", "percent escape");
}

#[test]
fn bad_versions_are_named() {
    for version in [
        "!!a",
        "v1!",
        "V1.0.0",
        "v1.0.0-!R",
        "a%2Fb",
        "..",
        "a%5Cb",
        "con",
        "a:b",
        "a*",
        "",
    ] {
        check_unserved(
            &format!("/example.com/m/@v/{version}.info"),
            "malformed version",
        );
    }
    check_unserved("/example.com/m/@v/--upload-pack=x.info", "leading dash");
    check_unserved("/example.com/m/@v/v1.0.0.ziphash", "no file");
    check_unserved("/example.com/m/@v/", "no file");
    check_unserved("/example.com/m/@v/LIST", "no file");
}

#[test]
fn long_paths_end_early() {
    let at_limit = format!("/{}", "a".repeat(PATH_BYTES_MAX - 1));
    check_unserved(&at_limit, "nothing is served");
    check_unserved(&format!("{at_limit}a"), "longer than 4096 bytes");
    check_unserved(&"/%41".repeat(16_384), "longer than");
}

#[test]
fn hot_paths_are_the_escaped_ones() {
    let of: ModuleVersion = "github.com/BurntSushi/toml@v1.0.0-RC1".parse().unwrap();
    assert_eq!(
        hot_file_path(&of, FileKind::Zip),
        "/github.com/!burnt!sushi/toml/@v/v1.0.0-!r!c1.zip"
    );
    assert_eq!(
        hot_path(of.path(), "@v/list"),
        "/github.com/!burnt!sushi/toml/@v/list"
    );
}
