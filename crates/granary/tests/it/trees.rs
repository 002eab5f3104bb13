//! `granary export` and `granary import`: a GOPROXY tree out, a GOPROXY tree or a module cache in.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::by_hand::{WAYS, lines_of, run};
use crate::rig::database::{Database, NAME};
use crate::rig::go::Go;
use crate::rig::granary::Setup;
use crate::rig::module::{Made, go_mod, make};
use crate::rig::upstream::Upstream;

const PSEUDO: [&str; 2] = [
    "v0.0.0-20230101000000-aaaaaaaaaaaa",
    "v0.0.0-20240101000000-bbbbbbbbbbbb",
];

struct Stage {
    database: Database,
    upstream: Upstream,
    setup: Setup,
    made: Vec<Made>,
}

impl Stage {
    /// The database at an address of its own: for whoever has no upstream that passes it on.
    fn database_with_address(&self) -> String {
        format!(
            "{} {}/sumdb/{NAME}",
            self.database.vkey(),
            self.upstream.url()
        )
    }

    fn get_all(&self) {
        let queries: Vec<String> = self.made.iter().map(|m| m.of.to_string()).collect();
        let mut arguments = vec!["get"];
        arguments.extend(queries.iter().map(String::as_str));
        run(&self.setup, &arguments, 0);
    }
}

fn stage() -> Stage {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let source = [("x.go", "package x\n")];
    let app = go_mod("example.com/App", &[("example.com/dep", "v1.1.0")]);
    let retracting = "module example.com/dep\n\ngo 1.21\n\nretract v1.2.0\n";
    let made = vec![
        upstream.publish("example.com/dep", "v1.0.0", &source),
        upstream.publish("example.com/dep", "v1.1.0", &source),
        upstream.publish(
            "example.com/dep",
            "v1.2.0",
            &[("go.mod", retracting), source[0]],
        ),
        upstream.publish("example.com/untagged", PSEUDO[0], &source),
        upstream.publish("example.com/untagged", PSEUDO[1], &source),
        upstream.publish("example.com/App", "v1.0.0", &[("go.mod", &app), source[0]]),
    ];
    let setup = Setup::with(&upstream, &database).set("capture.zips", "asked");
    Stage {
        database,
        upstream,
        setup,
        made,
    }
}

fn read(tree: &Path, file: &str) -> String {
    let path = tree.join(file.trim_start_matches('/'));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn path_in(tree: &Path, file: &str) -> PathBuf {
    tree.join(file.trim_start_matches('/'))
}

#[test]
fn a_tree_has_all_files_as_links_with_lists_and_latest() {
    let stage = stage();
    stage.get_all();
    for way in WAYS {
        let _server = way.enter(&stage.setup);
        let tree = stage.setup.folder("out").join(format!("{way:?}"));
        let out = run(
            &stage.setup,
            &["export", "--json", "prod", tree.to_str().unwrap()],
            0,
        );
        assert_eq!(lines_of(&out, "done")[0]["data"]["versions"], 6, "{out}");
        for made in &stage.made {
            for extension in ["info", "mod", "zip"] {
                let path = path_in(&tree, &made.file(extension));
                assert_eq!(std::fs::read(&path).unwrap(), made.bytes(extension));
                assert!(
                    std::fs::metadata(&path).unwrap().nlink() > 1,
                    "{} is a copy",
                    path.display()
                );
            }
        }
        assert_eq!(
            read(&tree, "example.com/dep/@v/list"),
            "v1.0.0\nv1.1.0\nv1.2.0\n"
        );
        assert_eq!(read(&tree, "example.com/untagged/@v/list"), "");
        assert!(read(&tree, "example.com/untagged/@latest").contains(PSEUDO[1]));
        assert!(
            read(&tree, "example.com/dep/@latest").contains("v1.1.0"),
            "retracted"
        );
    }
}

#[test]
fn an_export_can_be_repeated_when_more_has_come() {
    let stage = stage();
    run(
        &stage.setup,
        &["get", &format!("example.com/untagged@{}", PSEUDO[0])],
        0,
    );
    let tree = stage.setup.folder("out").join("tree");
    let export = ["export", "prod", tree.to_str().unwrap()];
    run(&stage.setup, &export, 0);
    run(&stage.setup, &export, 0);
    stage.get_all();
    run(&stage.setup, &export, 0);
    assert!(read(&tree, "example.com/untagged/@latest").contains(PSEUDO[1]));
    assert!(read(&tree, "example.com/dep/@v/list").contains("v1.2.0"));
    // A file that someone put there is not taken for ours.
    let path = path_in(&tree, &stage.made[0].file("mod"));
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "module example.com/evil\n").unwrap();
    let said = run(&stage.setup, &export, 1);
    assert!(said.contains("example.com/dep@v1.0.0"), "{said}");
    let said = run(
        &stage.setup,
        &["export", "nowhere", tree.to_str().unwrap()],
        1,
    );
    assert!(said.contains("prod"), "{said}");
}

#[test]
fn go_builds_from_an_exported_tree_with_its_checks_on() {
    let stage = stage();
    stage.get_all();
    let tree = stage.setup.folder("out").join("tree");
    run(&stage.setup, &["export", "prod", tree.to_str().unwrap()], 0);
    let Some(mut go) = Go::find_at(&format!("file://{}", tree.display()), None) else {
        return;
    };
    go.set("GOSUMDB", &stage.database_with_address());
    let project = go.project("p", &[("go.mod", "module example.com/p\n\ngo 1.21\n")]);
    go.must(
        &project,
        &[
            "get",
            "example.com/App@latest",
            "example.com/untagged@latest",
        ],
    );
    let text = std::fs::read_to_string(project.join("go.mod")).unwrap();
    assert!(text.contains("example.com/App v1.0.0"), "{text}");
    assert!(
        text.contains(&format!("example.com/untagged {}", PSEUDO[1])),
        "{text}"
    );
    let versions = go.must(&project, &["list", "-m", "-versions", "example.com/dep"]);
    assert_eq!(versions.trim(), "example.com/dep v1.0.0 v1.1.0");
}

#[test]
fn a_tree_goes_into_another_house_verified() {
    let stage = stage();
    stage.get_all();
    let tree = stage.setup.folder("out").join("tree");
    run(&stage.setup, &["export", "prod", tree.to_str().unwrap()], 0);
    for way in WAYS {
        let other = Setup::new().set("sumdb", &stage.database_with_address());
        let server = way.enter(&other);
        let out = run(&other, &["import", "--json", tree.to_str().unwrap()], 0);
        let done = &lines_of(&out, "done")[0];
        assert_eq!(
            (&done["data"]["found"], &done["data"]["kept"]),
            (&6.into(), &6.into()),
            "{done}"
        );
        // Once more: nothing to do, and well.
        run(&other, &["import", tree.to_str().unwrap()], 0);
        run(&other, &["verify"], 0);
        drop(server);
        let server = other.start();
        for made in &stage.made {
            assert_eq!(
                server.must_get(&made.file("zip")),
                made.zip,
                "{way:?} {}",
                made.of
            );
        }
    }
}

#[test]
fn a_module_cache_can_be_imported() {
    let stage = stage();
    let server = stage.setup.start();
    let Some(go) = Go::find(&server, &stage.database) else {
        return;
    };
    let requires = "module example.com/p\n\ngo 1.21\n\nrequire example.com/App v1.0.0\n";
    let project = go.project("p", &[("go.mod", requires)]);
    go.must(&project, &["mod", "download", "all"]);
    let cache = go.must(&project, &["env", "GOMODCACHE"]);
    let cache = Path::new(cache.trim()).join("cache/download");
    let other = Setup::new().set("sumdb", &stage.database_with_address());
    let said = run(&other, &["import", cache.to_str().unwrap()], 0);
    assert!(
        said.contains("2 versions found, 2 here now, 0 refused"),
        "{said}"
    );
    let second = other.start();
    for made in [&stage.made[1], &stage.made[5]] {
        assert_eq!(second.must_get(&made.file("zip")), made.zip);
    }
}

#[test]
fn a_tampered_zip_is_refused_and_put_aside() {
    let stage = stage();
    stage.get_all();
    let tree = stage.setup.folder("out").join("tree");
    run(&stage.setup, &["export", "prod", tree.to_str().unwrap()], 0);
    let evil = make("example.com/dep", "v1.1.0", &[("x.go", "package evil\n")]);
    let path = path_in(&tree, &evil.file("zip"));
    std::fs::remove_file(&path).unwrap(); // or the link's other end would change too
    std::fs::write(&path, &evil.zip).unwrap();

    let other = Setup::new().set("sumdb", &stage.database_with_address());
    let out = run(&other, &["import", "--json", tree.to_str().unwrap()], 1);
    let findings = lines_of(&out, "finding");
    assert_eq!(findings.len(), 1, "{out}");
    assert_eq!(findings[0]["of"], "example.com/dep@v1.1.0");
    let detail = findings[0]["detail"].as_str().unwrap();
    for hash in [evil.h1, stage.made[1].h1] {
        assert!(detail.contains(&hash.to_string()), "{detail}");
    }
    assert!(detail.contains("quarantine"), "{detail}");
    // The bytes are kept as evidence, and known as such: nothing is extra.
    let verified = run(&other, &["verify", "--json"], 0);
    assert!(lines_of(&verified, "finding").is_empty(), "{verified}");
    let server = other.start();
    assert_ne!(server.get(&evil.file("zip")).status, 200);
    assert_eq!(
        server.must_get(&stage.made[1].file("mod")),
        stage.made[1].go_mod
    );
}

#[test]
fn a_tree_that_is_not_there_is_named() {
    let setup = Setup::new();
    let said = run(&setup, &["import", "/nonexistent/tree"], 1);
    assert!(said.contains("/nonexistent/tree"), "{said}");
    let empty = setup.folder("empty");
    let said = run(&setup, &["import", empty.to_str().unwrap()], 0);
    assert!(said.contains("0 versions found"), "{said}");
}
