//! Mercurial.

use origin::upstream::UpstreamClass;

use super::client::check_like_go;
use super::place::{Place, Serving, check_tree, have, names};

const GO_MOD: (&str, &str) = ("go.mod", "module ex.test/m\n");

/// A repository with tags, a bookmark, a branch, a link, two modules.
fn make(place: &Place) -> Serving {
    let hg = |arguments: &[&str]| place.run("r", "hg", arguments);
    std::fs::create_dir(place.join("r")).unwrap();
    hg(&["init"]);
    place.write(
        "r",
        &[
            GO_MOD,
            ("LICENSE", "free\n"),
            ("crlf.txt", "a\r\nb\n"),
            ("sub/go.mod", "module ex.test/m/sub\n"),
            ("sub/x.go", "package sub\n"),
            ("deep/.hg_archival.txt", "kept\n"),
        ],
    );
    std::os::unix::fs::symlink("go.mod", place.join("r/link")).unwrap();
    hg(&["commit", "-qAm", "one", "-d", "1700000000 0"]);
    hg(&["tag", "v1.0.0", "-d", "1700000001 0"]);
    hg(&["tag", "sub/v0.1.0", "-r", "0", "-d", "1700000002 -7200"]);
    place.write("r", &[("y.go", "package m\n")]);
    hg(&["commit", "-qAm", "two", "-d", "1700000003 0"]);
    hg(&["tag", "v1.1.0-rc.1", "-d", "1700000004 0"]);
    hg(&["branch", "-q", "feature"]);
    place.write("r", &[("z.go", "package m\n")]);
    hg(&["commit", "-qAm", "three", "-d", "1700000005 3600"]);
    hg(&["bookmark", "v1.9.0"]);
    serve(place)
}

fn serve(place: &Place) -> Serving {
    let repository = place.join("r").display().to_string();
    place.serve("hg", |port| {
        ["serve", "-a", "127.0.0.1", "-R", &repository, "-p"]
            .map(str::to_owned)
            .into_iter()
            .chain([port.to_string()])
            .collect()
    })
}

#[test]
fn mercurial_is_read_as_go_reads_it() {
    if !have(&["hg"]) {
        return;
    }
    let place = Place::new();
    let server = make(&place);
    let url = server.url("http", "");
    let code = place.open_lasting("hg", &url);

    let tags = code.list_tags("").unwrap();
    assert_eq!(names(&tags), ["sub/v0.1.0", "v1.0.0", "v1.1.0-rc.1"]);
    assert_eq!(names(&code.list_tags("v1.1").unwrap()), ["v1.1.0-rc.1"]);

    let first = code.stat("v1.0.0").unwrap();
    assert_eq!(first.time.to_string(), "2023-11-14T22:13:20Z");
    assert_eq!(first.tags, ["sub/v0.1.0", "v1.0.0"]);
    assert_eq!(first.short, first.name[..12]);
    for (rev, version) in [
        (&first.name[..], &first.name[..]),
        (&first.short, &first.name),
        ("v1.0.0", "v1.0.0"),
        ("sub/v0.1.0", "sub/v0.1.0"),
    ] {
        let found = code.stat(rev).unwrap();
        assert_eq!(
            (found.name, found.version),
            (first.name.clone(), version.to_owned())
        );
    }
    let latest = code.latest().unwrap();
    assert_eq!(latest.time.to_string(), "2023-11-14T22:13:25Z");
    for (rev, version) in [("feature", &latest.name[..]), ("v1.9.0", "v1.9.0")] {
        let found = code.stat(rev).unwrap();
        assert_eq!((&found.name, &found.version[..]), (&latest.name, version));
    }
    for rev in [
        "nope",
        "",
        "null",
        "000000000000",
        "ffffffffffff",
        "v1.0.0 or tip",
        "--debug",
    ] {
        let error = code.stat(rev).unwrap_err();
        assert_eq!(error.class, UpstreamClass::Absent, "{rev:?}: {error}");
    }

    let file = |path: &str| code.read_file(&first, path, 100).unwrap();
    assert_eq!(file("go.mod").unwrap(), GO_MOD.1.as_bytes());
    assert_eq!(file("crlf.txt").unwrap(), &b"a\r\nb\n"[..]);
    assert_eq!(file("link").unwrap(), &b"go.mod"[..]);
    assert!(file("y.go").is_none() && file("glob:*").is_none());
    let error = code.read_file(&first, "go.mod", 5).unwrap_err();
    assert_eq!(error.class, UpstreamClass::Invalid);

    let mut all = |_: &str| true;
    let recent = |prefix: &str, allow: &mut dyn FnMut(&str) -> bool| {
        code.recent_tag(&latest, prefix, allow).unwrap()
    };
    assert_eq!(recent("", &mut all).as_deref(), Some("v1.1.0-rc.1"));
    assert_eq!(recent("sub/", &mut all).as_deref(), Some("sub/v0.1.0"));
    assert_eq!(
        recent("", &mut |tag| tag == "v1.0.0").as_deref(),
        Some("v1.0.0")
    );
    assert!(code.descends_from(&latest, "v1.1.0-rc.1").unwrap());
    assert!(code.descends_from(&first, "v1.0.0").unwrap());
    assert!(!code.descends_from(&first, "v1.1.0-rc.1").unwrap());

    let sub = [
        ("go.mod", "module ex.test/m/sub\n"),
        ("x.go", "package sub\n"),
    ];
    check_tree(&mut *code.open_tree(&first, "sub").unwrap(), &sub);
    assert_eq!(
        code.open_tree(&first, "nope").err().unwrap().class,
        UpstreamClass::Absent
    );
    let hash = format!("m@{}", latest.short);
    let queries = [
        "m@latest",
        "m@v1.0.0",
        "m@v1.9.0",
        "m@feature",
        "m@nope",
        &hash,
        "m/sub@latest",
        "m/sub@v0.1.0",
        "m/sub@feature",
    ];
    check_like_go(&place, "hg", &url, &queries, 8);
}

#[test]
fn mercurial_clone_follows_its_origin_and_heals() {
    if !have(&["hg"]) {
        return;
    }
    let place = Place::new();
    let server = make(&place);
    let code = place.open("hg", &server.url("http", ""));
    code.stat("v1.9.0").unwrap();
    let kept = place.kept();
    assert_eq!(kept.len(), 1, "{kept:?}");
    let clone = format!("work/{}", kept[0]);

    let hg = |arguments: &[&str]| place.run("r", "hg", arguments);
    hg(&["tag", "v1.2.0", "-r", "v1.1.0-rc.1"]);
    hg(&["bookmark", "-d", "v1.9.0"]);
    hg(&["bookmark", "other"]);
    assert!(code.stat("v1.2.0").is_ok() && code.stat("other").is_ok());
    assert!(code.stat("v1.9.0").is_err());

    // A crash in the middle of a pull.
    let latest = code.latest().unwrap();
    std::fs::write(place.join(&format!("{clone}.refreshing")), "").unwrap();
    std::fs::write(place.join(&format!("{clone}/.hg/store/00changelog.i")), "x").unwrap();
    assert_eq!(code.latest().unwrap(), latest);
    assert_eq!(place.kept(), kept);

    // A clone that broke by itself: no answer the first time, a good one the next.
    std::fs::write(place.join(&format!("{clone}/.hg/store/00manifest.i")), "x").unwrap();
    std::fs::write(place.join(&format!("{clone}/.hg/store/00changelog.i")), "x").unwrap();
    let error = code.read_file(&latest, "go.mod", 100).unwrap_err();
    assert_eq!(error.class, UpstreamClass::Unreachable);
    assert!(code.read_file(&latest, "go.mod", 100).unwrap().is_some());

    // The origin is gone: what never changes is still known, the rest is not made up.
    drop(server);
    assert_eq!(code.stat(&latest.name).unwrap().time, latest.time);
    assert!(code.open_tree(&latest, "").is_ok());
    assert_eq!(code.latest().unwrap_err().class, UpstreamClass::Unreachable);
    assert_eq!(
        code.list_tags("").unwrap_err().class,
        UpstreamClass::Unreachable
    );
    assert_eq!(place.kept(), kept);
}
