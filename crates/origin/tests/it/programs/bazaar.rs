//! Bazaar, through Breezy.

use origin::upstream::UpstreamClass;

use super::client::check_like_go;
use super::place::{Place, Serving, check_tree, have, names};

const FIRST: &[(&str, &str)] = &[
    ("LICENSE", "free\n"),
    ("go.mod", "module ex.test/m\n"),
    ("sub/go.mod", "module ex.test/m/sub\n"),
    ("sub/sub/go.mod", "module ex.test/m/sub/sub\n"),
    ("sub/x.go", "package sub\n"),
];

/// A branch with tags, a link, two modules.
fn make(place: &Place) -> Serving {
    let brz = |arguments: &[&str]| place.run("r", "brz", arguments);
    place.write("r", FIRST);
    std::os::unix::fs::symlink("go.mod", place.join("r/link")).unwrap();
    brz(&["init", "-q"]);
    brz(&["add", "-q"]);
    let commit = |message: &str, time: &str| {
        brz(&["commit", "-q", "-m", message, "--commit-time", time]);
    };
    commit("one", "2024-01-02 03:04:05 +0100");
    brz(&["tag", "-q", "v1.0.0"]);
    brz(&["tag", "-q", "sub/v0.1.0"]);
    place.write("r", &[("y.go", "package m\n")]);
    brz(&["add", "-q"]);
    commit("two", "2024-01-02 03:04:06 +0000");
    place.serve("brz", |port| {
        [
            "serve".to_owned(),
            "--listen=127.0.0.1".to_owned(),
            format!("--port={port}"),
            format!("--directory={}", place.path().display()),
        ]
        .to_vec()
    })
}

#[test]
fn bazaar_is_read_as_go_reads_it() {
    if !have(&["brz"]) {
        return;
    }
    let place = Place::new();
    let server = make(&place);
    let url = server.url("bzr", "/r");
    let code = place.open_lasting("bzr", &url);

    assert_eq!(
        names(&code.list_tags("").unwrap()),
        ["sub/v0.1.0", "v1.0.0"]
    );
    let first = code.stat("v1.0.0").unwrap();
    assert_eq!((&first.name[..], &first.short[..]), ("1", "000000000001"));
    assert_eq!(first.time.to_string(), "2024-01-02T02:04:05Z");
    assert_eq!(first.tags, ["sub/v0.1.0", "v1.0.0"]);
    assert_eq!(code.stat("000000000001").unwrap().name, "1");
    let latest = code.latest().unwrap();
    assert_eq!((&latest.name[..], &latest.version[..]), ("2", "2"));
    for rev in ["nope", "99", "", "--debug", "1..2", "branch:/", "../r"] {
        let error = code.stat(rev).unwrap_err();
        assert_eq!(error.class, UpstreamClass::Absent, "{rev:?}: {error}");
    }

    let file = |path: &str| code.read_file(&first, path, 100).unwrap();
    assert_eq!(file("go.mod").unwrap(), &b"module ex.test/m\n"[..]);
    assert!(file("y.go").is_none());
    let mut want = FIRST.to_vec();
    want.insert(2, ("link.lnk", "go.mod"));
    check_tree(&mut *code.open_tree(&first, "").unwrap(), &want);
    let quirk = [("go.mod", "module ex.test/m/sub/sub\n")];
    check_tree(&mut *code.open_tree(&first, "sub").unwrap(), &quirk);
    assert_eq!(code.recent_tag(&latest, "", &mut |_| true), Ok(None));
    assert!(code.descends_from(&latest, "v1.0.0").is_err());

    if have(&["bzr"]) {
        let queries = [
            "m@latest",
            "m@v1.0.0",
            "m@2",
            "m@nope",
            "m/sub@latest",
            "m/sub@v0.1.0",
        ];
        check_like_go(&place, "bzr", &url, &queries, 5);
    }

    // What is new is seen, history that was written anew too.
    place.run("r", "brz", &["uncommit", "-q", "--force"]);
    place.write("r", &[("y.go", "package m // anew\n")]);
    place.run("r", "brz", &["commit", "-q", "-m", "anew"]);
    place.run("r", "brz", &["tag", "-q", "--force", "v1.0.0"]);
    let code = place.open("bzr", &url);
    let anew = code.stat("v1.0.0").unwrap();
    assert_eq!(anew.name, "2");
    assert_eq!(
        code.read_file(&anew, "y.go", 100).unwrap().unwrap(),
        &b"package m // anew\n"[..]
    );
    let absent = place.open("bzr", &server.url("bzr", "/nope"));
    assert_eq!(absent.latest().unwrap_err().class, UpstreamClass::Absent);
    drop(server);
    assert_eq!(code.latest().unwrap_err().class, UpstreamClass::Unreachable);
    assert_eq!(place.kept().len(), 1);
}
