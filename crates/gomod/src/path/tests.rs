//! Tests, see the parent module.

use super::*;

/// Checks one path against the rules of all three kinds; `""` stands for valid.
#[track_caller]
fn check_kinds(path: &str, module: &str, import: &str, file: &str) {
    for (kind, found, want) in [
        ("module", check_path(path), module),
        ("import", check_import_path(path), import),
        ("file", check_file_path(path), file),
    ] {
        let found = found.err().map(|error| {
            assert_eq!(error.kind.to_string(), kind);
            error.reason.to_string()
        });
        assert_eq!(
            found.as_deref().unwrap_or_default(),
            want,
            "{kind} path {path:?}"
        );
    }
}

#[track_caller]
fn check_module_path(path: &str, want: &str) {
    let found = check_path(path).err().map(|error| error.reason.to_string());
    assert_eq!(found.as_deref().unwrap_or_default(), want, "{path:?}");
}

#[track_caller]
fn check_split(path: &str, want: Option<(&str, &str)>) {
    assert_eq!(split_path_version(path), want, "{path}");
}

#[track_caller]
fn check_major(version: &str, path_major: &str, want: Result<(), &str>) {
    let found = check_path_major(version, path_major).map_err(|error| error.to_string());
    assert_eq!(
        found,
        want.map_err(str::to_owned),
        "{version} {path_major:?}"
    );
}

#[test]
fn elements() {
    check_kinds("x.y/z", "", "", "");
    check_kinds("", "empty string", "empty string", "empty string");
    check_kinds("x.y/", "trailing slash", "trailing slash", "trailing slash");
    check_kinds("x.y//z", "double slash", "double slash", "double slash");
    check_kinds(
        "/x.y/z",
        "empty path element",
        "empty path element",
        "empty path element",
    );
    check_kinds("/", "trailing slash", "trailing slash", "trailing slash");
    for dots in [".", "..", "..."] {
        let want = format!("invalid path element {dots:?}");
        check_kinds(&format!("x.y/{dots}"), &want, &want, &want);
        check_kinds(&format!("x.y/{dots}/z"), &want, &want, &want);
    }
    check_kinds(
        "x.y/z.",
        "trailing dot in path element",
        "trailing dot in path element",
        "trailing dot in path element",
    );
    check_kinds("x.y/.z", "leading dot in path element", "", "");
    check_kinds("-x.y/z", "leading dash", "leading dash", "");
    check_kinds("x.y/-z", "", "", "");
}

#[test]
fn characters() {
    for c in "abzABZ019-._~".chars() {
        check_kinds(&format!("x.y/a{c}b"), "", "", "");
    }
    check_kinds("x.y/a+b", "invalid char '+'", "", "");
    for c in " !#$%&(),=@[]^{}".chars() {
        let want = format!("invalid char {c:?}");
        check_kinds(&format!("x.y/a{c}b"), &want, &want, "");
    }
    for c in "\"'*:;<>?\\`|\0\t\n\x7f".chars() {
        let want = format!("invalid char {c:?}");
        check_kinds(&format!("x.y/a{c}b"), &want, &want, &want);
    }
    for c in "éſ世ʰǅא".chars() {
        let want = format!("invalid char {c:?}");
        check_kinds(&format!("x.y/a{c}b"), &want, &want, "");
    }
}

#[test]
fn trap_t02_file_names_with_other_than_letters_fail() {
    for c in [
        '\u{301}', '٣', 'Ⅷ', '😀', '\'', '"', '\\', ':', '*', '?', '<', '>', '|', '`', '\u{a0}',
        '\u{feff}',
    ] {
        let want = Reason::Char(c);
        assert_eq!(
            check_file_path(&format!("a{c}b.go")).map_err(|error| error.reason),
            Err(want),
            "{c:?}"
        );
    }
    assert!(
        check_file_path("e\u{301}.go").is_err(),
        "a letter and its combining accent"
    );
    assert_eq!(
        check_file_path("\u{e9}.go"),
        Ok(()),
        "the same letter in one piece"
    );
}

#[test]
fn windows_device_names() {
    for name in [
        "con", "CON", "Con", "prn", "aux", "nul", "com1", "COM9", "lpt1", "LpT9",
    ] {
        for element in [name.to_owned(), format!("{name}.x"), format!("{name}.x.y")] {
            let want = format!("{name:?} disallowed as path element component on Windows");
            check_kinds(&format!("x.y/{element}"), &want, &want, &want);
            check_kinds(&format!("x.y/{element}/z"), &want, &want, &want);
        }
    }
    for name in [
        "con1", "co", "com0", "com", "com10", "lpt", "xcon", "x.con", "con-x", "conin",
    ] {
        check_kinds(&format!("x.y/{name}"), "", "", "");
    }
    check_kinds(
        "con.y/z",
        "\"con\" disallowed as path element component on Windows",
        "\"con\" disallowed as path element component on Windows",
        "\"con\" disallowed as path element component on Windows",
    );
}

#[test]
fn windows_short_names() {
    const FAULT: &str = "trailing tilde and digits in path element";
    check_kinds("x.y/PROGRA~1", FAULT, FAULT, "");
    check_kinds("x.y/a~0", FAULT, FAULT, "");
    check_kinds("x.y/a~12.b", FAULT, FAULT, "");
    check_kinds("x.y/~1/z", FAULT, FAULT, "");
    check_kinds("x.y/a~b~1", FAULT, FAULT, "");
    check_kinds("x.y/a~", "", "", "");
    check_kinds("x.y/a~1b", "", "", "");
    check_kinds("x.y/a~1~", "", "", "");
    check_kinds("x.y/a.b~1", "", "", "");
}

#[test]
fn first_element_of_a_module_path() {
    check_module_path("x.y", "");
    check_module_path("1.2", "");
    check_module_path("127.0.0.1/x", ""); // not an address to contact, but a valid path
    check_module_path("x-y.z/a", "");
    check_module_path("x..y/a", "");
    check_module_path("xy", "missing dot in first path element");
    check_module_path("xy/a.b", "missing dot in first path element");
    check_module_path("std", "missing dot in first path element");
    check_module_path("X.y/a", "invalid char 'X' in first path element");
    check_module_path("x_y.z/a", "invalid char '_' in first path element");
    check_module_path("x~y.z/a", "invalid char '~' in first path element");
}

#[test]
fn length_of_a_module_path() {
    let longest = format!("x.y/{}", "a".repeat(MODULE_PATH_BYTES_MAX - 4));
    check_module_path(&longest, "");
    check_module_path(&format!("{longest}a"), "1025 bytes are more than 1024");
    assert!(longest.parse::<ModulePath>().is_ok());
    assert!(format!("{longest}a").parse::<ModulePath>().is_err());
    assert_eq!(check_import_path(&format!("{longest}a")), Ok(()));
}

#[test]
fn major_suffix_of_a_module_path() {
    check_module_path("x.y/v2", "");
    check_module_path("x.y/z/v10", "");
    for path in [
        "x.y/v1",
        "x.y/v0",
        "x.y/v01",
        "x.y/v02",
        "x.y/v2.0",
        "x.y/v1.2.3",
        "x.y/v2/v1",
    ] {
        check_module_path(path, "invalid version");
    }
    check_module_path("gopkg.in/yaml.v2", "");
    for path in [
        "gopkg.in/yaml",
        "gopkg.in/yaml/v2",
        "gopkg.in/yaml.v02",
        "gopkg.in/yaml.v0-unstable",
        "gopkg.in/yaml.v2.1",
    ] {
        check_module_path(path, "invalid version");
    }
}

#[test]
fn splitting_off_the_major_suffix() {
    check_split("x.y/z", Some(("x.y/z", "")));
    check_split("x.y/z/v2", Some(("x.y/z", "/v2")));
    check_split("x.y/z/v10", Some(("x.y/z", "/v10")));
    check_split("x.y/v2", Some(("x.y", "/v2")));
    check_split("x.y/z/v2/w", Some(("x.y/z/v2/w", "")));
    check_split("x.y/zv2", Some(("x.y/zv2", "")));
    check_split("x.y/z.v2", Some(("x.y/z.v2", "")));
    check_split("x.y/z/V2", Some(("x.y/z/V2", "")));
    check_split("x.y/z/v", Some(("x.y/z/v", "")));
    check_split("x.y/z/v2-unstable", Some(("x.y/z/v2-unstable", "")));
    check_split("x.y/z/2", Some(("x.y/z/2", "")));
    check_split("v2", Some(("v2", "")));
    check_split("", Some(("", "")));
    check_split("/v2", Some(("", "/v2")));
    for path in [
        "x.y/z/v1",
        "x.y/z/v0",
        "x.y/z/v01",
        "x.y/z/v2.0",
        "x.y/z/v.",
        "x.y/z/v2.",
        "x.y/z/v00",
    ] {
        check_split(path, None);
    }
}

#[test]
fn splitting_on_gopkg_in() {
    check_split("gopkg.in/yaml.v2", Some(("gopkg.in/yaml", ".v2")));
    check_split("gopkg.in/yaml.v0", Some(("gopkg.in/yaml", ".v0")));
    check_split("gopkg.in/yaml.v1", Some(("gopkg.in/yaml", ".v1")));
    check_split(
        "gopkg.in/go-yaml/yaml.v10",
        Some(("gopkg.in/go-yaml/yaml", ".v10")),
    );
    check_split(
        "gopkg.in/yaml.v2-unstable",
        Some(("gopkg.in/yaml", ".v2-unstable")),
    );
    for path in [
        "gopkg.in/yaml",
        "gopkg.in/yaml/v2",
        "gopkg.in/yaml.v00",
        "gopkg.in/yaml.v01",
        "gopkg.in/yaml.v",
        "gopkg.in/yaml.v0-unstable",
        "gopkg.in/yaml.v2-unstabl",
        "gopkg.in/yaml.v2/x",
        "gopkg.in/",
    ] {
        check_split(path, None);
    }
    check_split("gopkg.in", Some(("gopkg.in", "")));
    check_split("gopkg.info/x", Some(("gopkg.info/x", "")));
}

#[test]
fn majors_that_fit() {
    for version in [
        "v0.0.0",
        "v0.1.0",
        "v1.2.3",
        "v0.0.0-20200101000000-abcdefabcdef",
        "v2.0.0+incompatible",
        "v1",
    ] {
        check_major(version, "", Ok(()));
    }
    check_major("v2.0.0", "/v2", Ok(()));
    check_major("v2.0.0", ".v2", Ok(()));
    check_major("v2.0.0", ".v2-unstable", Ok(()));
    check_major("v0.1.0", ".v0", Ok(()));
    check_major("v10.0.0-pre", "/v10", Ok(()));
}

#[test]
fn majors_that_do_not_fit() {
    check_major(
        "v2.0.0",
        "",
        Err("version \"v2.0.0\" invalid: should be v0 or v1, not v2"),
    );
    check_major(
        "v2.0.0+meta",
        "",
        Err("version \"v2.0.0+meta\" invalid: should be v0 or v1, not v2"),
    );
    check_major(
        "v1.0.0",
        "/v2",
        Err("version \"v1.0.0\" invalid: should be v2, not v1"),
    );
    check_major(
        "v3.0.0",
        ".v2-unstable",
        Err("version \"v3.0.0\" invalid: should be v2, not v3"),
    );
    check_major(
        "v20.0.0",
        "/v2",
        Err("version \"v20.0.0\" invalid: should be v2, not v20"),
    );
    check_major(
        "v2.0.0",
        "/v20",
        Err("version \"v2.0.0\" invalid: should be v20, not v2"),
    );
    check_major(
        "master",
        "",
        Err("version \"master\" invalid: should be v0 or v1, not "),
    );
    check_major(
        "v0.0.0-20200101000000-abcdefabcdef",
        "/v2",
        Err("version \"v0.0.0-20200101000000-abcdefabcdef\" invalid: should be v2, not v0"),
    );
}

#[test]
fn trap_t03_old_zero_pseudo_versions_fit_gopkg_v1() {
    check_major("v0.0.0-20161208181325-20d25e280405", ".v1", Ok(()));
    check_major("v0.0.0-20161208181325-20d25e280405", ".v1-unstable", Ok(()));
    check_major(
        "v0.0.0",
        ".v1",
        Err("version \"v0.0.0\" invalid: should be v1, not v0"),
    );
    check_major(
        "v0.0.1-0.20161208181325-20d25e280405",
        ".v1",
        Err("version \"v0.0.1-0.20161208181325-20d25e280405\" invalid: should be v1, not v0"),
    );
    check_major(
        "v0.0.0-20161208181325-20d25e280405",
        ".v2",
        Err("version \"v0.0.0-20161208181325-20d25e280405\" invalid: should be v2, not v0"),
    );
}

#[test]
fn texts_of_errors() {
    let text = |path: &str| check_path(path).unwrap_err().to_string();
    assert_eq!(
        text("x.y/a b"),
        "malformed module path \"x.y/a b\": invalid char ' '"
    );
    assert_eq!(
        text("foo"),
        "malformed module path \"foo\": missing dot in first path element"
    );
    assert_eq!(
        check_import_path("a\nb").unwrap_err().to_string(),
        "malformed import path \"a\\nb\": invalid char '\\n'"
    );
    assert_eq!(
        check_file_path("a:b").unwrap_err().to_string(),
        "malformed file path \"a:b\": invalid char ':'"
    );
    let long = check_file_path(&"é:".repeat(1000)).unwrap_err();
    assert!(
        long.shown.len() <= SHOWN_BYTES_MAX + 3 && long.shown.ends_with("..."),
        "{}",
        long.shown
    );
}

#[test]
fn a_module_path_is_itself_in_every_form() {
    let path: ModulePath = "github.com/Azure/azure-sdk-for-go/v2".parse().unwrap();
    assert_eq!(path.as_str(), "github.com/Azure/azure-sdk-for-go/v2");
    assert_eq!(path.to_string(), path.as_str());
    assert_eq!(path.escaped(), "github.com/!azure/azure-sdk-for-go/v2");
    assert_eq!(ModulePath::from_escaped(&path.escaped()), Ok(path.clone()));
    assert_eq!(path.without_major(), "github.com/Azure/azure-sdk-for-go");
    assert_eq!(path.major_suffix(), "/v2");
    let json = serde_json::to_string(&path).unwrap();
    assert_eq!(json, "\"github.com/Azure/azure-sdk-for-go/v2\"");
    assert_eq!(serde_json::from_str::<ModulePath>(&json).unwrap(), path);
}

#[test]
fn a_module_path_is_checked_on_the_way_in() {
    assert!(serde_json::from_str::<ModulePath>("\"no-dot/x\"").is_err());
    assert_eq!(
        ModulePath::from_escaped("x.y/A").unwrap_err().reason,
        Reason::BadEscape
    );
    assert_eq!(
        ModulePath::from_escaped("x.y/!1").unwrap_err().reason,
        Reason::BadEscape
    );
    assert_eq!(
        ModulePath::from_escaped("!x.y/a").unwrap_err().reason,
        Reason::HostChar('X')
    );
}
