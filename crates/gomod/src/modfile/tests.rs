//! Tests, see the parent module.

use std::sync::Arc;

use super::*;
use crate::version::Version;

#[track_caller]
fn read(text: &str) -> ModFile {
    parse("go.mod", text.as_bytes()).unwrap_or_else(|errors| panic!("{text}\n{errors}"))
}

#[track_caller]
fn read_lax(text: &str) -> ModFile {
    parse_lax("go.mod", text.as_bytes()).unwrap_or_else(|errors| panic!("{text}\n{errors}"))
}

/// Checks that both modes refuse `text` with the same error.
#[track_caller]
fn check_fault(text: &str, want: &str) {
    check_strict_fault(text, want);
    assert_eq!(
        parse_lax("go.mod", text.as_bytes())
            .unwrap_err()
            .to_string(),
        format!("go.mod:{want}"),
        "lax {text:?}"
    );
}

#[track_caller]
fn check_strict_fault(text: &str, want: &str) {
    assert_eq!(
        parse("go.mod", text.as_bytes()).unwrap_err().to_string(),
        format!("go.mod:{want}"),
        "{text:?}"
    );
}

/// Checks a line that only the strict mode refuses; the lax mode sees an empty file.
#[track_caller]
fn check_passed_over(text: &str, want: &str) {
    check_strict_fault(text, want);
    assert_eq!(read_lax(text), ModFile::default(), "{text:?}");
}

/// Checks the requirements of a file, in both modes, as `path@version`, with `!` behind the indirect ones.
#[track_caller]
fn check_require(text: &str, want: &[&str]) {
    for file in [read(text), read_lax(text)] {
        let found: Vec<String> = file
            .require
            .iter()
            .map(|r| {
                format!(
                    "{}@{}{}",
                    r.path,
                    r.version,
                    if r.indirect { "!" } else { "" }
                )
            })
            .collect();
        assert_eq!(found, want, "{text:?}");
    }
}

#[track_caller]
fn check_module(text: &str, path: &str, deprecated: Option<&str>) {
    for file in [read(text), read_lax(text)] {
        let deprecated = deprecated.map(str::to_owned);
        assert_eq!(
            file.module,
            Some(ModuleLine {
                path: path.to_owned(),
                deprecated
            }),
            "{text:?}"
        );
    }
}

#[track_caller]
fn check_retract(text: &str, want: &[(&str, &str, &str)]) {
    for file in [read(text), read_lax(text)] {
        let found: Vec<_> = file
            .retract
            .iter()
            .map(|r| (r.low.as_str(), r.high.as_str(), &*r.rationale))
            .collect();
        assert_eq!(found, want, "{text:?}");
    }
}

#[test]
fn every_directive() {
    let text = "\
// A comment.

module example.com/m/v2 // tail

go 1.21.3

toolchain go1.22.0

godebug (
	default=go1.21
	panicnil=1
)

require (
	example.com/a v1.2.3
	example.com/b v0.0.0-20190102030405-0123456789ab // indirect
)

exclude example.com/a v1.2.2

replace example.com/a v1.2.3 => example.com/fork v1.2.4
replace example.com/b => ../b

retract [v2.0.0, v2.0.3] // broken

tool example.com/a/cmd/x
ignore ./node_modules
";
    let file = read(text);
    assert_eq!(file.module.as_ref().unwrap().path, "example.com/m/v2");
    assert_eq!(file.go.as_deref(), Some("1.21.3"));
    assert_eq!(file.toolchain.as_deref(), Some("go1.22.0"));
    let debug: Vec<_> = file
        .godebug
        .iter()
        .map(|g| (g.key.as_str(), g.value.as_str()))
        .collect();
    assert_eq!(debug, [("default", "go1.21"), ("panicnil", "1")]);
    assert_eq!(file.require.len(), 2);
    assert_eq!(
        (
            file.exclude[0].path.as_str(),
            file.exclude[0].version.as_str()
        ),
        ("example.com/a", "v1.2.2")
    );
    let version = |text: &str| text.parse::<Version>().unwrap();
    assert_eq!(file.replace[0].old_version, Some(version("v1.2.3")));
    assert_eq!(
        file.replace[0].new,
        Replacement::Module {
            path: "example.com/fork".to_owned(),
            version: version("v1.2.4")
        }
    );
    assert_eq!(
        (
            file.replace[1].old_path.as_str(),
            &file.replace[1].old_version
        ),
        ("example.com/b", &None)
    );
    assert_eq!(
        file.replace[1].new,
        Replacement::Directory("../b".to_owned())
    );
    assert_eq!(file.tool, ["example.com/a/cmd/x"]);
    assert_eq!(file.ignore, ["./node_modules"]);

    // A dependency is read for five of them only.
    let lax = read_lax(text);
    let want = ModFile {
        toolchain: None,
        godebug: vec![],
        exclude: vec![],
        replace: vec![],
        tool: vec![],
        ..file.clone()
    };
    assert_eq!(lax, want);
}

#[test]
fn empty_files() {
    for text in [
        "",
        "\n",
        "\r\n",
        " \t\r\n\n",
        "// only a comment",
        "//\n\n//\n",
        "require ()\n",
        "require (\n)\n",
        "require (\n\n// x\n\n)",
    ] {
        assert_eq!(read(text), ModFile::default(), "{text:?}");
    }
}

#[test]
fn lines_and_blocks() {
    check_require("require example.com/a v1.0.0", &["example.com/a@v1.0.0"]);
    check_require(
        "require\texample.com/a\tv1.0.0\r\n",
        &["example.com/a@v1.0.0"],
    );
    check_require(
        "require (\nexample.com/a v1.0.0\n\n\nexample.com/b v1.0.0\n)",
        &["example.com/a@v1.0.0", "example.com/b@v1.0.0"],
    );
    check_require(
        "require ( // x\nexample.com/a v1.0.0\n) // y\nrequire example.com/b v1.0.0",
        &["example.com/a@v1.0.0", "example.com/b@v1.0.0"],
    );
    check_require(
        "require (\r\n\texample.com/a v1.0.0 // indirect\r\n)\r\n",
        &["example.com/a@v1.0.0!"],
    );
    check_require("require example.com/a v1.0.0//c", &["example.com/a@v1.0.0"]);
    check_module("module (\n\texample.com/m\n)\n", "example.com/m", None);
}

#[test]
fn requirements_are_made_canonical() {
    check_require("require example.com/a v1", &["example.com/a@v1.0.0"]);
    check_require("require example.com/a v1.2", &["example.com/a@v1.2.0"]);
    check_require(
        "require example.com/a v1.2.3+meta",
        &["example.com/a@v1.2.3"],
    );
    check_require(
        "require example.com/a v2.0.0+incompatible",
        &["example.com/a@v2.0.0+incompatible"],
    );
    check_require(
        "require \"example.com/a\" \"v1.0.0\"",
        &["example.com/a@v1.0.0"],
    );
    check_require(
        "require gopkg.in/check.v1 v0.0.0-20161208181325-20d25e280405",
        &["gopkg.in/check.v1@v0.0.0-20161208181325-20d25e280405"],
    );
}

#[test]
fn paths_that_no_proxy_could_serve_may_be_required() {
    check_require("require mycorp/lib v0.0.0", &["mycorp/lib@v0.0.0"]);
    assert_eq!(read("require mycorp/lib v0.0.0").require[0].module(), None);
    let module = read("require example.com/a v1.0.0").require[0]
        .module()
        .unwrap();
    assert_eq!(module.to_string(), "example.com/a@v1.0.0");
}

#[test]
fn malformed_requirements() {
    check_fault("require", "1:1: usage: require module/path v1.2.3");
    check_fault(
        "require example.com/a",
        "1:1: usage: require module/path v1.2.3",
    );
    check_fault(
        "require example.com/a v1.0.0 v1.0.1",
        "1:1: usage: require module/path v1.2.3",
    );
    check_fault(
        "require example.com/a master",
        "1:1: require example.com/a: version \"master\" invalid: must be of the form v1.2.3",
    );
    check_fault(
        "require example.com/a 'v1'",
        "1:1: require example.com/a: version \"'v1'\" invalid: invalid quoted string: unquoted string cannot contain quote",
    );
    check_fault(
        "require example.com/a v2.0.0",
        "1:1: require example.com/a: version \"v2.0.0\" invalid: should be v0 or v1, not v2",
    );
    check_fault(
        "require example.com/a/v2 v1.0.0",
        "1:1: require example.com/a/v2: version \"v1.0.0\" invalid: should be v2, not v1",
    );
    check_fault(
        "require example.com/a/v1 v1.0.0",
        "1:1: invalid module path \"example.com/a/v1\"",
    );
    check_fault(
        "require `example.com/a` v1.0.0",
        "1:1: invalid quoted string: unquoted string cannot contain quote",
    );
    check_fault(
        "require \"example.com\\q\" v1.0.0",
        "1:1: invalid quoted string: invalid syntax",
    );
    let long = format!(
        "require example.com/a v1.0.0-{}",
        "a".repeat(crate::version::VERSION_BYTES_MAX)
    );
    assert!(
        parse("go.mod", long.as_bytes())
            .unwrap_err()
            .to_string()
            .contains("bytes are more than 247")
    );
}

#[test]
fn errors_name_line_and_column() {
    check_fault(
        "module example.com/m\n\nrequire (\n\texample.com/a\n)\n",
        "4:2: usage: require module/path v1.2.3",
    );
    check_strict_fault("  bad", "1:3: unknown directive: bad");
    check_fault(
        "require é\u{1}",
        "1:10: unexpected input character '\\u{1}'",
    );
    let errors = parse("x/go.mod", b"bad1\nrequire (\n\tx\n)\n\tbad2 (\n)\n").unwrap_err();
    assert_eq!(
        errors.to_string(),
        "x/go.mod:1:1: unknown directive: bad1\n\
         x/go.mod:3:2: usage: require module/path v1.2.3\n\
         x/go.mod:5:2: unknown block type: bad2"
    );
    assert_eq!((errors.0[1].line, errors.0[1].column), (3, 2));
    assert_eq!(
        parse("go.mod", "bad\n".repeat(1000).as_bytes())
            .unwrap_err()
            .0
            .len(),
        20
    );
}

#[test]
fn indirect_is_the_first_word_behind_the_line() {
    for (comment, want) in [
        ("// indirect", true),
        ("//indirect", true),
        ("//\tindirect\t", true),
        ("// indirect; because", true),
        ("// indirect;", false),
        ("// indirect because", false),
        ("// Indirect", false),
        ("// not indirect", false),
        ("// indirect;because", false),
        ("//", false),
        ("// // indirect", false),
    ] {
        let file = read(&format!("require example.com/a v1.0.0 {comment}\n"));
        assert_eq!(file.require[0].indirect, want, "{comment}");
    }
    assert!(!read("// indirect\nrequire example.com/a v1.0.0\n").require[0].indirect);
}

#[test]
fn faults_of_syntax() {
    check_fault(
        "require (\n\texample.com/a v1.0.0\n",
        "3:1: syntax error (unterminated block started at line 1)",
    );
    check_fault(
        "require (\n) x\n",
        "2:3: syntax error (expected newline after closing paren)",
    );
    check_fault(
        "/* x */",
        "1:1: mod files must use // comments (not /* */ comments)",
    );
    check_fault(
        "module a/*b*/",
        "1:9: mod files must use // comments (not /* */ comments)",
    );
    check_fault("module \"a", "1:8: unexpected EOF in string");
    check_fault("module \"a\\", "1:8: unexpected EOF in string");
    check_fault("module \"a\nb\"", "1:10: unexpected newline in string");
    check_fault("module `a\nb`", "1:10: unexpected newline in string");
    for c in ["\0", "\u{b}", "\u{a0}", "\u{feff}", "\u{200b}", "\u{2028}"] {
        check_fault(
            &format!("module a{c}b"),
            &format!(
                "1:9: unexpected input character {:?}",
                c.chars().next().unwrap()
            ),
        );
    }
    check_fault(
        "\u{feff}module example.com/m",
        "1:1: unexpected input character '\\u{feff}'",
    );
}

#[test]
fn comments_may_hold_anything() {
    check_module(
        "module example.com/m // /* \" ` ( \u{0} \u{feff}",
        "example.com/m",
        None,
    );
    let file = parse(
        "go.mod",
        b"// \xff\xfe latin-1 \xe9\nmodule example.com/m // \xe9\n",
    )
    .unwrap();
    assert_eq!(file.module.unwrap().path, "example.com/m");
}

#[test]
fn bytes_that_are_no_utf8_count_as_the_replacement_character() {
    let file = parse("go.mod", b"module example.com/\xe9\n").unwrap();
    assert_eq!(file.module.unwrap().path, "example.com/\u{fffd}");
    let file = parse("go.mod", b"module \"example.com/\\xe9\"\n").unwrap();
    assert_eq!(file.module.unwrap().path, "example.com/\u{fffd}");
}

#[test]
fn parentheses_inside_a_line_are_words() {
    check_passed_over("unknown ( a\n", "1:1: unknown directive: unknown");
    check_passed_over("unknown ( ) a\n", "1:1: unknown directive: unknown");
    check_passed_over("unknown a (\n(\n)\n", "1:1: unknown block type: unknown a");
    check_passed_over(") x\n", "1:1: unknown directive: )");
    // Blocks do not nest: the inner one is a line, and its end is the end of the outer one.
    check_fault(
        "require (\n\trequire (\n)\n",
        "2:2: require require: version \"(\" invalid: must be of the form v1.2.3",
    );
}

#[test]
fn unknown_directives() {
    check_passed_over("unknown a b c\n", "1:1: unknown directive: unknown");
    check_passed_over("unknown (\n\ta b\n)\n", "1:1: unknown block type: unknown");
    check_passed_over(
        "require x (\n\ta b\n)\n",
        "1:1: unknown block type: require x",
    );
    check_passed_over("go (\n\t1.20\n)\n", "1:1: unknown block type: go");
    check_passed_over(
        "toolchain (\n\tgo1.21\n)\n",
        "1:1: unknown block type: toolchain",
    );
    check_passed_over("Module example.com/m\n", "1:1: unknown directive: Module");
}

#[test]
fn trap_t15_dependencies_are_read_for_five_directives_only() {
    check_passed_over(
        "toolchain\n",
        "1:1: toolchain directive expects exactly one argument",
    );
    check_passed_over(
        "toolchain gox\n",
        "1:1: invalid toolchain version 'gox': must match format go1.23.0 or default",
    );
    check_passed_over("godebug x\n", "1:1: usage: godebug key=value");
    check_passed_over("exclude x\n", "1:1: usage: exclude module/path v1.2.3");
    check_passed_over(
        "replace x\n",
        "1:1: usage: replace module/path [v1.2.3] => other/module v1.4 or replace module/path [v1.2.3] => ../local/directory",
    );
    check_passed_over(
        "tool a b\n",
        "1:1: tool directive expects exactly one argument",
    );
    check_passed_over(
        "exclude (\n\t\"\\q\" x\n)\n",
        "2:2: invalid quoted string: invalid syntax",
    );
    // What is read must be right.
    check_fault("module a\nmodule b\n", "2:1: repeated module statement");
    check_fault("module\n", "1:1: usage: module module/path");
    check_fault("module a b\n", "1:1: usage: module module/path");
    check_fault(
        "module 'a'\n",
        "1:1: invalid quoted string: unquoted string cannot contain quote",
    );
    check_fault("go 1.20\ngo 1.20\n", "2:1: repeated go statement");
    check_fault("go\n", "1:1: go directive expects exactly one argument");
    check_fault(
        "go 1.20 1.21\n",
        "1:1: go directive expects exactly one argument",
    );
    check_fault("require x\n", "1:1: usage: require module/path v1.2.3");
    check_fault(
        "ignore\n",
        "1:1: ignore directive expects exactly one argument",
    );
    check_fault(
        "ignore 'x'\n",
        "1:1: invalid quoted string: unquoted string cannot contain quote",
    );
}

/// Checks a `go` line in strict and in lax mode; `None`: refused.
#[track_caller]
fn check_go(line: &str, strict: Option<&str>, lax: Option<&str>) {
    let text = format!("go {line}\n");
    let found = parse("go.mod", text.as_bytes())
        .ok()
        .and_then(|file| file.go);
    assert_eq!(found.as_deref(), strict, "strict {line}");
    let found = parse_lax("go.mod", text.as_bytes())
        .ok()
        .and_then(|file| file.go);
    assert_eq!(found.as_deref(), lax, "lax {line}");
}

#[test]
fn go_lines() {
    for version in [
        "1.20",
        "1.0",
        "1.21.0",
        "1.21.10",
        "1.21rc1",
        "1.21beta12",
        "1.21.3rc1",
        "2.0",
        "1.999testmod1",
        "10.20.30",
    ] {
        check_go(version, Some(version), Some(version));
    }
    check_go("v1.20.x", None, Some("1.20"));
    check_go("1.20.x", None, Some("1.20"));
    check_go("1.20-pre", None, Some("1.20"));
    check_go("1.20rc", None, Some("1.20"));
    check_go("1.20.", None, Some("1.20"));
    check_go("1.20.01", None, Some("1.20"));
    check_go("1.20RC1", None, Some("1.20"));
    check_go("1.20.1.2", None, Some("1.20"));
    check_go("v1.20é", None, Some("1.20"));
    check_go("1.0x", None, Some("1.0"));
    for version in [
        "1", "v1.21", "01.2", "1.02", "0.1", "1.", "go1.21", "x", "\"1.20\"", "vv1.2x", "1x", ".1",
        "1.01x",
    ] {
        check_go(version, None, None);
    }
    check_strict_fault(
        "go 1",
        "1:1: invalid go version '1': must match format 1.23.0",
    );
}

#[test]
fn toolchain_lines() {
    for name in ["default", "go1", "go1.21", "go1.21.3-custom", "go1."] {
        assert_eq!(
            read(&format!("toolchain {name}\n")).toolchain.as_deref(),
            Some(name)
        );
    }
    check_strict_fault(
        "toolchain go1.21\ntoolchain go1.22\n",
        "2:1: repeated toolchain statement",
    );
    for name in ["go2.0", "go10", "local", "\"default\"", "1.21"] {
        assert!(
            parse("go.mod", format!("toolchain {name}\n").as_bytes()).is_err(),
            "{name}"
        );
    }
}

#[test]
fn godebug_lines() {
    let pair = |text: &str| {
        let file = parse("go.mod", format!("godebug {text}\n").as_bytes()).ok()?;
        file.godebug.into_iter().next().map(|g| (g.key, g.value))
    };
    let some = |key: &str, value: &str| Some((key.to_owned(), value.to_owned()));
    assert_eq!(pair("a=b"), some("a", "b"));
    assert_eq!(pair("a=b=c"), some("a", "b=c"));
    assert_eq!(pair("="), some("", ""));
    for text in ["", "a", "a=b c=d", "a=\"b\"", "a=b'", "a=b,c=d", "`a=b`"] {
        assert_eq!(pair(text), None, "{text}");
    }
}

#[test]
fn replacements() {
    let new = |right: &str| {
        let file = parse(
            "go.mod",
            format!("replace example.com/a => {right}\n").as_bytes(),
        );
        file.map(|file| file.replace[0].new.clone())
            .map_err(|errors| errors.0[0].message.clone())
    };
    for directory in [".", "..", "./x", "../x", "/x", "../"] {
        assert_eq!(
            new(directory),
            Ok(Replacement::Directory(directory.to_owned()))
        );
        assert_eq!(
            new(&format!("{directory} v1.0.0")),
            Err(format!(
                "replacement module directory path {directory:?} cannot have version"
            ))
        );
    }
    assert_eq!(new("C:/x"), Ok(Replacement::Directory("C:/x".to_owned())));
    for windows in ["C:\\x", ".\\x", "..\\x", "\\x"] {
        assert!(
            new(windows).unwrap_err().contains("Windows path"),
            "{windows}"
        );
    }
    assert!(new("x").unwrap_err().contains("must be directory path"));
    assert!(new(".x").unwrap_err().contains("must be directory path"));
    assert!(
        new("example.com/b@v1.0.0")
            .unwrap_err()
            .contains("not 'path@version'")
    );
    assert!(
        new("example.com/b master")
            .unwrap_err()
            .contains("must be of the form v1.2.3")
    );
    for right in ["", "a v1 x"] {
        assert!(
            new(right).unwrap_err().starts_with("usage: replace"),
            "{right}"
        );
    }
    // The replacing version need not fit the replacing path.
    assert!(new("example.com/b/v3 v2.0.0").is_ok());
    check_strict_fault(
        "replace example.com/a v2.0.0 => ./x\n",
        "1:1: replace example.com/a: version \"v2.0.0\" invalid: should be v0 or v1, not v2",
    );
    check_strict_fault(
        "replace example.com/a/v1 => ./x\n",
        "1:1: invalid module path \"example.com/a/v1\"",
    );
}

#[test]
fn retractions() {
    check_retract("retract v1.0.0", &[("v1.0.0", "v1.0.0", "")]);
    check_retract("retract [v1.0.0, v1.2.0]", &[("v1.0.0", "v1.2.0", "")]);
    check_retract("retract [v1.0.0,v1.2.0]", &[("v1.0.0", "v1.2.0", "")]);
    check_retract(
        "retract (\n\tv1.0.0\n\t[ v1.1.0 , v1.2.0 ]\n)\n",
        &[("v1.0.0", "v1.0.0", ""), ("v1.1.0", "v1.2.0", "")],
    );
    check_retract("retract \"v1.0.0\"", &[("v1.0.0", "v1.0.0", "")]);
}

#[test]
fn reasons_of_retractions() {
    check_retract(
        "// why\n// so\nretract v1.0.0 // and so\n",
        &[("v1.0.0", "v1.0.0", "why\nso\nand so")],
    );
    check_retract("// apart\n\nretract v1.0.0\n", &[("v1.0.0", "v1.0.0", "")]);
    check_retract(
        "// block\nretract ( // not this\n\tv1.0.0\n\tv1.1.0 // own\n\t// before\n\tv1.2.0\n) // nor this\n",
        &[
            ("v1.0.0", "v1.0.0", "block"),
            ("v1.1.0", "v1.1.0", "own"),
            ("v1.2.0", "v1.2.0", "before"),
        ],
    );
    // A blank line counts as a comment of the line, so the block's is not taken.
    check_retract(
        "// block\nretract (\n\n\tv1.0.0\n\n\tv1.1.0\n)\n",
        &[("v1.0.0", "v1.0.0", "block"), ("v1.1.0", "v1.1.0", "")],
    );
    check_retract(
        "//  a  \n//\n//b\r\nretract v1.0.0\n",
        &[("v1.0.0", "v1.0.0", "a\n\nb")],
    );
}

#[test]
fn trap_t16_intervals_of_dependencies_that_do_not_parse_are_dropped() {
    for words in [
        "",
        "(",
        "[",
        "[v1.0.0",
        "[v1.0.0]",
        "[v1.0.0,",
        "[v1.0.0, v1.1.0",
        "[v1.0.0, v1.1.0 x",
        "'v1.0.0'",
        "`v1.0.0`",
    ] {
        let text = format!("retract {words} x\n").replace("( x", "( x y");
        let text = if words.is_empty() {
            "retract\n".to_owned()
        } else {
            text
        };
        assert!(parse("go.mod", text.as_bytes()).is_err(), "{text}");
        assert_eq!(read_lax(&text).retract, [], "{text}");
    }
    check_strict_fault(
        "retract v1.0.0 later\n",
        "1:1: unexpected token after version: \"later\"",
    );
    assert_eq!(read_lax("retract v1.0.0 later\n").retract[0].high, "v1.0.0");
    assert_eq!(
        read_lax("retract [v1.0.0, v1.1.0] later\n").retract[0].high,
        "v1.1.0"
    );
    // Bounds stay as written; a word retracts nothing.
    check_retract("retract v1", &[("v1", "v1", "")]);
    check_retract("retract word", &[("word", "word", "")]);
    assert!(read_lax("retract v1").find_retraction("v1.0.0").is_some());
    assert!(read_lax("retract word").find_retraction("v1.0.0").is_none());
}

#[test]
fn retracted_versions() {
    let file = read("retract [v1.0.0, v1.2.0] // a\nretract v1.5.0 // b\n");
    let reason = |version: &str| {
        file.find_retraction(version)
            .map(|retract| retract.rationale.to_string())
    };
    assert_eq!(reason("v1.0.0").as_deref(), Some("a"));
    assert_eq!(reason("v1.1.0-pre").as_deref(), Some("a"));
    assert_eq!(reason("v1.2.0").as_deref(), Some("a"));
    assert_eq!(reason("v1.5.0").as_deref(), Some("b"));
    for version in ["v1.0.0-pre", "v1.2.1", "v1.5.1", "v0.9.0"] {
        assert_eq!(reason(version), None, "{version}");
    }
}

#[test]
fn deprecations() {
    check_module(
        "// Deprecated: use v2\nmodule example.com/m\n",
        "example.com/m",
        Some("use v2"),
    );
    check_module(
        "module example.com/m // Deprecated: use v2\n",
        "example.com/m",
        Some("use v2"),
    );
    check_module(
        "// About.\n//\n// Deprecated:   two\n// lines\n//\n// More.\nmodule example.com/m\n",
        "example.com/m",
        Some("two\nlines"),
    );
    check_module(
        "// About.\n//\n//\n// Deprecated: x\nmodule example.com/m\n",
        "example.com/m",
        Some("x"),
    );
    check_module(
        "// Deprecated: x\nmodule (\n\texample.com/m\n)\n",
        "example.com/m",
        Some("x"),
    );
    check_module(
        "// Deprecated: one\n//\n// Deprecated: two\nmodule example.com/m\n",
        "example.com/m",
        Some("one"),
    );
    check_module(
        "// About.\n// Deprecated: x\nmodule example.com/m\n",
        "example.com/m",
        None,
    );
    check_module(
        "// deprecated: x\nmodule example.com/m\n",
        "example.com/m",
        None,
    );
    check_module(
        "// Deprecated:\nmodule example.com/m\n",
        "example.com/m",
        None,
    );
    check_module(
        "// Deprecated: x\n\nmodule example.com/m\n",
        "example.com/m",
        None,
    );
}

#[track_caller]
fn check_scan(text: &str, want: Option<&str>) {
    assert_eq!(module_path(text.as_bytes()).as_deref(), want, "{text:?}");
}

#[test]
fn trap_t13_the_scanner_takes_the_first_module_line() {
    check_scan("module example.com/m\n", Some("example.com/m"));
    check_scan(
        "// x\n\n  module\texample.com/m // tail\r\n",
        Some("example.com/m"),
    );
    check_scan("module \"example.com/m\"", Some("example.com/m"));
    check_scan("module \"example\\x2ecom/m\"", Some("example.com/m"));
    check_scan("module `example.com/m`", Some("example.com/m"));
    check_scan("module a b", Some("a b"));
    check_scan("garbage (\nmodule example.com/m", Some("example.com/m"));
    check_scan(
        "modulex\nmodule\nmodule //\nmodule example.com/m",
        Some("example.com/m"),
    );
    check_scan("module a\nmodule b", Some("a"));
    // It knows no blocks.
    check_scan("module (\n\texample.com/m\n)\n", Some("("));
    check_scan("require (\n\tmodule v1.0.0\n)\n", Some("v1.0.0"));
    // A malformed string ends the search.
    check_scan("module \"a\nmodule b", None);
    check_scan("module `a`b`\nmodule b", None);
    check_scan("module \"http://x\"", None);
    check_scan("module \"\"\nmodule b", None);
    // A byte order mark hides the line.
    check_scan("\u{feff}module example.com/m\n", None);
    check_scan("", None);
    check_scan("Module example.com/m", None);
    check_scan("module\u{a0}example.com/m", Some("example.com/m"));
}

#[test]
fn trap_t14_the_text_made_up_is_one_line() {
    let path: ModulePath = "github.com/Azure/x~y/v2".parse().unwrap();
    assert_eq!(synthesize(&path), "module github.com/Azure/x~y/v2\n");
    assert_eq!(
        module_path(synthesize(&path).as_bytes()).as_deref(),
        Some(path.as_str())
    );
    let hash = crate::hash::hash_go_mod(b"module example.com/m\n");
    assert_eq!(
        crate::hash::hash_go_mod(synthesize(&"example.com/m".parse().unwrap()).as_bytes()),
        hash
    );
}

#[test]
fn size_of_a_file() {
    let mut text = b"module example.com/m\n".to_vec();
    text.resize(GO_MOD_BYTES_MAX, b'\n');
    assert!(parse("go.mod", &text).is_ok());
    text.push(b'\n');
    let errors = parse_lax("go.mod", &text).unwrap_err();
    assert_eq!(
        errors.to_string(),
        "go.mod:1:1: file of 16777217 bytes is longer than 16777216"
    );
}

#[test]
fn number_of_directives() {
    let mut text = String::from("require (\n");
    text.push_str(&"a v1\n".repeat(DIRECTIVES_MAX));
    assert_eq!(read(&format!("{text})")).require.len(), DIRECTIVES_MAX);
    text.push_str("a v1\n)");
    assert_eq!(
        parse("go.mod", text.as_bytes()).unwrap_err().0[0].message,
        "more than 100000 lines"
    );
    // What is passed over does not count.
    let text = "unknown\n".repeat(DIRECTIVES_MAX + 1);
    assert_eq!(read_lax(&text), ModFile::default());
}

#[test]
fn number_of_comments_in_one_place() {
    let text = |comments: usize| format!("{}retract v1.0.0\n", "//\n".repeat(comments));
    assert_eq!(read(&text(100_000)).retract.len(), 1);
    check_fault(
        &text(100_001),
        "100001:1: more than 100000 comments in one place",
    );
    check_fault(
        &format!("require (\n{})\n", "//\n".repeat(100_001)),
        "100002:1: more than 100000 comments in one place",
    );
    assert_eq!(
        read(&"//\n\n".repeat(100_001)),
        ModFile::default(),
        "apart they are no matter"
    );
}

#[test]
fn words_beyond_those_kept_still_count() {
    check_fault(
        &format!("require{}", " x".repeat(1000)),
        "1:1: usage: require module/path v1.2.3",
    );
    check_passed_over(
        &format!("unknown{} (\n)\n", " x".repeat(1000)),
        &format!("1:1: unknown block type: unknown{}", " x".repeat(15)),
    );
    assert_eq!(
        read_lax(&format!("retract v1.0.0{}\n", " ( )".repeat(100) + " y"))
            .retract
            .len(),
        1
    );
}

#[test]
fn a_long_reason_is_kept_once_for_its_whole_block() {
    let text = format!(
        "// {}\nretract (\n{})\n",
        "x".repeat(1 << 20),
        "\tv1.0.0\n".repeat(10_000)
    );
    let file = read(&text);
    assert!(
        file.retract
            .iter()
            .all(|retract| Arc::ptr_eq(&retract.rationale, &file.retract[0].rationale))
    );
}
