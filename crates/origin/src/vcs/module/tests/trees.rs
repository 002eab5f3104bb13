//! What is zipped, and what is told of a version.

use std::io::Read;

use jiff::Timestamp;

use super::fake::Fake;
use super::{ROOT, check_said, module, said, stated};

const D: (&str, &str) = ("d/go.mod", "module example.test/x/d\n");

/// The files of the newest version, with the content of its LICENSE.
fn files_of(path: &str, files: &[(&str, &str)]) -> String {
    let fake = Fake::new().commit(files);
    let module = module(&fake, path);
    let mut tree = match module.latest().and_then(|stated| module.open_tree(&stated)) {
        Ok(tree) => tree,
        Err(error) => return said::<String>(Err(error)),
    };
    let names: Vec<String> = tree.files().iter().map(|file| file.path.clone()).collect();
    let mut shown = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let mut content = String::new();
        tree.open(index)
            .unwrap()
            .read_to_string(&mut content)
            .unwrap();
        assert!(tree.find_prepared(index).unwrap().is_none());
        shown.push(if name == "LICENSE" {
            format!("{name}={content}")
        } else {
            name.clone()
        });
    }
    shown.join(" ")
}

#[test]
fn trap_t23_license_is_inherited_from_the_root() {
    let path = "example.test/x/d";
    let root = ("LICENSE", "MIT");
    for (files, want) in [
        (&[D, root][..], "go.mod LICENSE=MIT"),
        (&[D], "go.mod"),
        (&[D, root, ("d/LICENSE", "own")], "LICENSE=own go.mod"),
        (
            &[D, root, ("d/LICENSE@", "target")],
            "LICENSE=target go.mod",
        ),
        (
            &[D, root, ("d/LICENSE/", "")],
            "LICENSE= go.mod LICENSE=MIT",
        ),
        (&[D, root, ("d/License", "")], "License go.mod LICENSE=MIT"),
        (
            &[D, root, ("d/e/LICENSE", "")],
            "e/LICENSE go.mod LICENSE=MIT",
        ),
        (
            &[D, ("LICENSE.md", ""), ("COPYING", ""), ("license", "")],
            "go.mod",
        ),
        (&[D, ("LICENSE@", "d/go.mod")], "go.mod LICENSE=d/go.mod"),
    ] {
        assert_eq!(files_of(path, files), want, "{files:?}");
    }
    let large = "x".repeat((16 << 20) + 1);
    check_said(
        &files_of(path, &[D, ("LICENSE", &large)]),
        "!invalid LICENSE is too large",
    );
}

#[test]
fn trap_t23_major_directory_inherits_from_the_root_too() {
    let v2 = ("d/v2/go.mod", "module example.test/x/d/v2\n");
    let files = [v2, ("LICENSE", "root"), ("d/LICENSE", "d")];
    assert_eq!(
        files_of("example.test/x/d/v2", &files),
        "go.mod LICENSE=root"
    );
    let v2 = ("v2/go.mod", "module example.test/x/v2\n");
    assert_eq!(
        files_of("example.test/x/v2", &[v2, ("LICENSE", "root")]),
        "go.mod LICENSE=root"
    );
}

#[test]
fn tree_of_the_root_costs_one_question() {
    let fake = Fake::new().commit(&[("a.go", "")]).tag("v1.0.0");
    let module = module(&fake, ROOT);
    module.open_zip_tree(&"v1.0.0".parse().unwrap()).unwrap();
    assert_eq!(
        fake.questions(),
        ["stat v1.0.0", "read 1:go.mod", "tree 1:"]
    );
    let answer = module.open_zip_tree(&"v1.0.1".parse().unwrap());
    check_said(&said(answer.map(|_| "")), "!absent unknown revision v1.0.1");
}

#[test]
fn go_line_of_the_future_is_no_reason_not_to_zip() {
    let go_mod = "module example.test/x\n\ngo 99.9\n";
    assert_eq!(files_of(ROOT, &[("go.mod", go_mod)]), "go.mod");
}

#[test]
fn info_is_what_the_go_command_writes() {
    let fake = Fake::new()
        .commit(&[D, ("go.mod", "module example.test/x\n")])
        .tag("v1.0.0")
        .tag("d/v1.0.0");
    let info = |path, query: &str| {
        let info = module(&fake, path).info(&stated(&fake, path, query));
        String::from_utf8(info).unwrap()
    };
    let hash = format!("1{}", "0".repeat(39));
    assert_eq!(
        info(ROOT, "v1.0.0"),
        format!(
            r#"{{"Version":"v1.0.0","Time":"2020-01-01T00:01:00Z","Origin":{{"VCS":"git","URL":"https://example.test/x","Hash":"{hash}","Ref":"refs/tags/v1.0.0"}}}}"#
        )
    );
    assert!(info("example.test/x/d", "v1.0.0").contains(r#""Subdir":"d","Hash""#));
    assert!(!info(ROOT, "1000000").contains("Ref"));
}

/// Subversion knows microseconds; the go command keeps them, but for zeros at the end.
#[test]
fn trap_t26_time_keeps_its_fraction() {
    let fake = Fake::new().commit(&[]).tag("v1.0.0");
    let mut stated = stated(&fake, ROOT, "v1.0.0");
    for (time, want) in [
        (
            "2020-01-01T00:00:00.123456Z",
            r#""Time":"2020-01-01T00:00:00.123456Z""#,
        ),
        (
            "2020-01-01T00:00:00.120000Z",
            r#""Time":"2020-01-01T00:00:00.12Z""#,
        ),
        (
            "2020-01-01T00:00:00.000000Z",
            r#""Time":"2020-01-01T00:00:00Z""#,
        ),
        (
            "2020-01-01T02:00:00+02:00",
            r#""Time":"2020-01-01T00:00:00Z""#,
        ),
        (
            "1969-12-31T23:59:59.5Z",
            r#""Time":"1969-12-31T23:59:59.5Z""#,
        ),
    ] {
        stated.revision.time = time.parse::<Timestamp>().unwrap().into();
        let info = String::from_utf8(module(&fake, ROOT).info(&stated)).unwrap();
        assert!(info.contains(want), "{info}");
    }
}
