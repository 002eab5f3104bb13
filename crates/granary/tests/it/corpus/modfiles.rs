//! What stands in the go.mod of a repository, from which a version is made here.

use super::case::Case;
use super::stage::Stage;

/// All cases; the forge has a repository for each.
pub fn cases(stage: &Stage) -> Vec<Case> {
    let mut cases = Vec::new();
    for (at, (name, text, statuses)) in files().into_iter().enumerate() {
        let repository = format!("mod{at}");
        stage.forge.put(
            &format!("h/{repository}"),
            Stage::repository(&repository, &text),
        );
        for file in ["@v/v1.0.0.mod", "@v/v1.0.0.zip", "@latest"] {
            let target = format!("/github.com/h/{repository}/{file}");
            let statuses = if file == "@latest" {
                "200|404"
            } else {
                statuses
            };
            cases.push(
                Case::get(&format!("go.mod: {name}: {file}"), &target, statuses, "").within(20),
            );
        }
    }
    cases
}

fn files() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    const ANY: &str = "200|404";
    let line = |text: &str| format!("module github.com/h/x\n{text}\n").into_bytes();
    let many = |text: &dyn Fn(usize) -> String| line(&(0..30_000).map(text).collect::<String>());
    vec![
        ("nothing", Vec::new(), ANY),
        ("bytes that are no text", vec![0xff; 1000], ANY),
        ("NUL", vec![0; 1000], ANY),
        (
            "a byte order mark",
            [b"\xef\xbb\xbf".as_slice(), &line("")].concat(),
            ANY,
        ),
        (
            "carriage returns only",
            b"module github.com/h/x\rgo 1.21\r".to_vec(),
            ANY,
        ),
        ("no module", b"go 1.21\n".to_vec(), ANY),
        ("two modules", line("module github.com/h/y"), ANY),
        (
            "a module that is a way out",
            b"module ../../evil\n".to_vec(),
            ANY,
        ),
        (
            "a module that is an option",
            b"module --upload-pack=x\n".to_vec(),
            ANY,
        ),
        ("another module", b"module evil.example/x\n".to_vec(), ANY),
        (
            "another major version",
            b"module github.com/h/x/v2\n".to_vec(),
            ANY,
        ),
        (
            "a module of a megabyte",
            format!("module github.com/{}\n", "a".repeat(1 << 20)).into(),
            ANY,
        ),
        (
            "a string without an end",
            b"module \"github.com/h/x\n".to_vec(),
            ANY,
        ),
        (
            "a raw string of many lines",
            b"module `github.com\n/h/x`\n".to_vec(),
            ANY,
        ),
        (
            "escapes",
            b"module \"github.com/h/\\x00\\u202e\"\n".to_vec(),
            ANY,
        ),
        ("a block without an end", line("require ("), ANY),
        ("blocks in blocks", line(&"require (\n".repeat(10_000)), ANY),
        ("a comment without an end", line("/* evil"), ANY),
        ("ten thousand comments", line(&"// x\n".repeat(10_000)), ANY),
        (
            "a line of two megabytes",
            line(&format!("// {}", "x".repeat(2 << 20))),
            ANY,
        ),
        (
            "thirty thousand requirements",
            many(&|n| format!("require in.example/r{n} v1.0.0\n")),
            ANY,
        ),
        (
            "thirty thousand retractions",
            many(&|n| format!("retract v1.{n}.0\n")),
            ANY,
        ),
        (
            "a retraction of everything",
            line("retract [v0.0.0, v9.9.9]"),
            ANY,
        ),
        (
            "a retraction the wrong way round",
            line("retract [v2.0.0, v1.0.0]"),
            ANY,
        ),
        ("itself", line("require github.com/h/x v1.0.0"), ANY),
        (
            "replaced by a folder",
            line("replace github.com/h/y => ../../../etc"),
            ANY,
        ),
        ("excluded", line("exclude github.com/h/x v1.0.0"), ANY),
        ("a go from the future", line("go 99.99"), ANY),
        ("a go that is none", line("go latest"), ANY),
        (
            "a toolchain that is a path (CVE-2023-39320)",
            line("toolchain ../../evil"),
            ANY,
        ),
        ("a word that nobody knows", line("frob x y z"), ANY),
        (
            "deprecated by an escape character",
            b"// Deprecated: \x1b[2J\nmodule github.com/h/x\n".to_vec(),
            ANY,
        ),
    ]
}
