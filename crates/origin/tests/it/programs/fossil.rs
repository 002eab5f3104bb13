//! Fossil.

use origin::upstream::UpstreamClass;

use super::client::check_like_go;
use super::place::{Place, Serving, check_tree, have};

const FIRST: &[(&str, &str)] = &[
    ("LICENSE", "free\n"),
    ("crlf.txt", "a\r\nb\r\n"),
    ("go.mod", "module ex.test/m\n"),
    ("sub/go.mod", "module ex.test/m/sub\n"),
    ("sub/x.go", "package sub\n"),
];

/// A repository with SHA-1 names, a tag, a branch, a link, two modules.
fn make(place: &Place) -> Serving {
    let new = [
        "new",
        "--sha1",
        "-A",
        "tester",
        "--date-override",
        "2024-01-02 03:04:00",
        "r.fossil",
    ];
    place.run("", "fossil", &new);
    std::fs::create_dir(place.join("w")).unwrap();
    let fossil = |arguments: &[&str]| place.run("w", "fossil", arguments);
    let commit = |message: &str, more: &[&str]| {
        let mut arguments = vec!["commit", "-m", message, "--no-warnings", "--allow-fork"];
        arguments.extend(more);
        place.run("w", "fossil", &arguments);
    };
    fossil(&["open", "../r.fossil"]);
    fossil(&["settings", "allow-symlinks", "on"]);
    place.write("w", FIRST);
    std::os::unix::fs::symlink("go.mod", place.join("w/link")).unwrap();
    fossil(&["add", "."]);
    commit("one", &["--date-override", "2024-01-02 03:04:05"]);
    fossil(&["tag", "add", "v1.0.0", "trunk"]);
    fossil(&["tag", "add", "sub/v0.1.0", "trunk"]);
    place.write("w", &[("y.go", "package m\n")]);
    fossil(&["add", "y.go"]);
    commit("two", &["--date-override", "2024-01-02 03:04:06"]);
    place.write("w", &[("z.go", "package m\n")]);
    fossil(&["add", "z.go"]);
    commit(
        "three",
        &[
            "--branch",
            "feature",
            "--date-override",
            "2024-01-02 03:04:07",
        ],
    );
    serve(place)
}

fn serve(place: &Place) -> Serving {
    let repository = place.join("r.fossil").display().to_string();
    place.serve("fossil", |port| {
        [
            "server",
            "--localhost",
            "--port",
            &port.to_string(),
            &repository,
        ]
        .map(str::to_owned)
        .to_vec()
    })
}

#[test]
fn fossil_is_read_as_go_reads_it() {
    if !have(&["fossil"]) {
        return;
    }
    let place = Place::new();
    let server = make(&place);
    let url = server.url("http", "/");
    let code = place.open("fossil", &url);

    assert!(code.list_tags("").unwrap().is_empty());
    let first = code.stat("v1.0.0").unwrap();
    assert_eq!(first.time.to_string(), "2024-01-02T03:04:05Z");
    assert_eq!(first.version, "v1.0.0");
    assert_eq!(code.stat(&first.name[..12]).unwrap().version, first.name);
    let latest = code.latest().unwrap();
    assert_eq!(latest.time.to_string(), "2024-01-02T03:04:06Z");
    let feature = code.stat("feature").unwrap();
    assert_eq!(feature.time.to_string(), "2024-01-02T03:04:07Z");
    for rev in ["nope", "", "--user", "../r.fossil", "ffffffffffff"] {
        let error = code.stat(rev).unwrap_err();
        assert_eq!(error.class, UpstreamClass::Absent, "{rev:?}: {error}");
    }

    let file = |path: &str| code.read_file(&first, path, 100).unwrap();
    assert_eq!(file("go.mod").unwrap(), &b"module ex.test/m\n"[..]);
    assert_eq!(file("link").unwrap(), &b"go.mod"[..]);
    assert!(file("y.go").is_none() && file("sub").is_none());
    let mut want = FIRST.to_vec();
    want.insert(3, ("link", "->go.mod"));
    check_tree(&mut *code.open_tree(&first, "").unwrap(), &want);
    check_tree(&mut *code.open_tree(&first, "sub").unwrap(), &[]);
    assert_eq!(code.recent_tag(&latest, "", &mut |_| true), Ok(None));
    assert!(code.descends_from(&latest, "v1.0.0").is_err());

    let hash = format!("m@{}", first.short);
    let queries = [
        "m@latest",
        "m@v1.0.0",
        "m@trunk",
        "m@feature",
        "m@nope",
        &hash,
        "m/sub@latest",
        "m/sub@v0.1.0",
    ];
    check_like_go(&place, "fossil", &url, &queries, 7);

    // What is new is seen; what cannot be asked is not made up, though fossil's own status says that all is well.
    place.run("w", "fossil", &["tag", "add", "v1.3.0", "trunk"]);
    assert_eq!(code.stat("v1.3.0").unwrap().name, latest.name);
    drop(server);
    assert_eq!(
        code.stat("v1.3.0").unwrap_err().class,
        UpstreamClass::Unreachable
    );
    assert_eq!(place.kept().len(), 1);
}
