//! Subversion.

use origin::upstream::UpstreamClass;

use super::client::check_like_go;
use super::place::{Place, Serving, check_tree, have, names};

/// A repository with a trunk, tags that are directories and one that is a file, keywords, line ends, externals.
fn make(place: &Place) -> Serving {
    place.run(
        "",
        "svnadmin",
        &["create", "svn/r"].map(|it| it.trim_start_matches("svn/")),
    );
    let svn = |arguments: &[&str]| place.run("", "svn", arguments);
    let url = format!("file://{}", place.join("r").display());
    place.write(
        "import",
        &[
            ("trunk/go.mod", "module ex.test/m\n"),
            ("trunk/LICENSE", "free\n"),
            ("trunk/keys.txt", "$Id$\n"),
            ("trunk/native.txt", "a\nb\n"),
            ("trunk/crlf.txt", "a\r\nb\r\n"),
            ("trunk/ä.txt", "umlaut\n"),
            ("trunk/sub/go.mod", "module ex.test/m/sub\n"),
            ("trunk/sub/x.go", "package sub\n"),
            ("tags/v0.9.0", "a file\n"),
            ("tags/v1.0.0/go.mod", "module ex.test/m\n"),
        ],
    );
    svn(&["import", "-q", "-m", "one", "import", &url]);
    svn(&["checkout", "-q", &format!("{url}/trunk"), "w"]);
    let set = |name: &str, value: &str, file: &str| {
        place.run("w", "svn", &["propset", "-q", name, value, file]);
    };
    set("svn:keywords", "Id", "keys.txt");
    set("svn:eol-style", "native", "native.txt");
    set("svn:eol-style", "CRLF", "crlf.txt");
    set("svn:externals", "^/tags/v1.0.0 outside", ".");
    place.run("w", "svn", &["commit", "-q", "-m", "two"]);
    svn(&["mkdir", "-q", "-m", "three", &format!("{url}/other")]);
    place.serve("svnserve", |port| {
        let root = place.path().display().to_string();
        [
            "-d",
            "--foreground",
            "--listen-host",
            "127.0.0.1",
            "-r",
            &root,
            "--listen-port",
        ]
        .map(str::to_owned)
        .into_iter()
        .chain([port.to_string()])
        .collect()
    })
}

#[test]
fn subversion_is_read_as_go_reads_it() {
    if !have(&["svn", "svnserve", "svnadmin"]) {
        return;
    }
    let place = Place::new();
    let server = make(&place);
    let url = server.url("svn", "/r/trunk");
    let code = place.open("svn", &url);

    assert_eq!(names(&code.list_tags("").unwrap()), ["v0.9.0", "v1.0.0/"]);
    assert!(
        names(
            &place
                .open("svn", &server.url("svn", "/r/other"))
                .list_tags("")
                .unwrap()
        )
        .is_empty()
    );

    let latest = code.latest().unwrap();
    assert_eq!((&latest.name[..], &latest.short[..]), ("2", "000000000002"));
    for (rev, name) in [
        ("3", "2"),
        ("000000000001", "1"),
        ("r1", "1"),
        ("HEAD", "2"),
    ] {
        let found = code.stat(rev).unwrap();
        assert_eq!((&found.name[..], &found.version[..]), (name, rev));
    }
    for rev in ["v1.0.0", "trunk", "99", "", "1@2", "--xml", "0"] {
        let error = code.stat(rev).unwrap_err();
        assert_eq!(error.class, UpstreamClass::Absent, "{rev:?}: {error}");
    }

    let file = |path: &str| code.read_file(&latest, path, 1000).unwrap();
    assert_eq!(file("go.mod").unwrap(), &b"module ex.test/m\n"[..]);
    assert!(file("nope").is_none() && file("sub").is_none());
    let first = code.stat("1").unwrap();
    check_tree(
        &mut *code.open_tree(&latest, "").unwrap(),
        &[
            ("LICENSE", "free\n"),
            ("crlf.txt", "a\r\nb\r\n"),
            ("go.mod", "module ex.test/m\n"),
            ("keys.txt", "$Id$\n"),
            ("native.txt", "a\nb\n"),
            ("sub/go.mod", "module ex.test/m/sub\n"),
            ("sub/x.go", "package sub\n"),
            ("ä.txt", "umlaut\n"),
        ],
    );
    let sub = [
        ("go.mod", "module ex.test/m/sub\n"),
        ("x.go", "package sub\n"),
    ];
    check_tree(&mut *code.open_tree(&first, "sub").unwrap(), &sub);
    let error = code.open_tree(&first, "nope").err().unwrap();
    assert_eq!(error.class, UpstreamClass::Absent);
    assert!(code.descends_from(&latest, "v1.0.0").is_err());
    assert_eq!(code.recent_tag(&latest, "", &mut |_| true), Ok(None));
    let queries = [
        "m@latest",
        "m@v1.0.0",
        "m@v0.9.0",
        "m@1",
        "m@2",
        "m@HEAD",
        "m/sub@latest",
        "m/sub@1",
    ];
    check_like_go(&place, "svn", &url, &queries, 5);

    // From here on there is a symbolic link, which no module may hold.
    std::os::unix::fs::symlink("go.mod", place.join("w/link")).unwrap();
    place.run("w", "svn", &["add", "-q", "link"]);
    place.run("w", "svn", &["commit", "-q", "-m", "four"]);
    let linked = code.latest().unwrap();
    let error = code.open_tree(&linked, "").err().unwrap();
    assert_eq!(error.class, UpstreamClass::Invalid);
    check_like_go(&place, "svn", &url, &["m@4", "m/sub@4"], 1);

    let absent = place.open("svn", &server.url("svn", "/nope/trunk"));
    assert_eq!(absent.latest().unwrap_err().class, UpstreamClass::Absent);
    drop(server);
    assert_eq!(code.latest().unwrap_err().class, UpstreamClass::Unreachable);
    assert_eq!(
        code.list_tags("").unwrap_err().class,
        UpstreamClass::Unreachable
    );
    let error = code.read_file(&latest, "go.mod", 100).unwrap_err();
    assert_eq!(error.class, UpstreamClass::Unreachable);
    // Nothing is kept.
    assert!(place.kept().is_empty());
}
