//! `granary verify`: what is missing, wrong or extra has a name.

use std::path::PathBuf;

use gomod::hash::ContentDigest;

use crate::by_hand::{WAYS, lines_of, run};
use crate::rig::database::Database;
use crate::rig::granary::Setup;
use crate::rig::module::Made;
use crate::rig::upstream::Upstream;

fn blob(setup: &Setup, bytes: &[u8]) -> PathBuf {
    let hex = ContentDigest::of(bytes).to_string();
    let path = setup.data().join("store/blob/sha256").join(&hex[..2]);
    path.join(&hex[2..])
}

/// A folder with two versions.
fn stored() -> (Setup, Upstream, [Made; 2]) {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let made = ["one", "two"].map(|name| {
        let source = format!("package {name}\n");
        upstream.publish(
            &format!("example.com/{name}"),
            "v1.0.0",
            &[("x.go", &source)],
        )
    });
    let setup = Setup::with(&upstream, &database);
    run(&setup, &["get", "example.com/one", "example.com/two"], 0);
    (setup, upstream, made)
}

/// Puts other bytes under a blob's name, as rot or a foreign hand would.
fn overwrite(path: &PathBuf, bytes: &[u8]) {
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_clean_folder_is_well() {
    let (setup, _upstream, _made) = stored();
    for way in WAYS {
        let _server = way.enter(&setup);
        let out = run(&setup, &["verify", "--json"], 0);
        assert!(lines_of(&out, "finding").is_empty(), "{out}");
        let done = &lines_of(&out, "done")[0];
        assert_eq!(done["data"]["versions"], 2, "{done}");
        assert_eq!(done["data"]["missing"], 0, "{done}");
    }
}

#[test]
fn missing_wrong_and_extra_have_names() {
    let (setup, _upstream, [one, two]) = stored();
    let stray = b"nobody's bytes";
    let stray_path = blob(&setup, stray);
    std::fs::create_dir_all(stray_path.parent().unwrap()).unwrap();
    std::fs::write(&stray_path, stray).unwrap();
    // Something extra is harmless.
    let out = run(&setup, &["verify", "--json"], 0);
    let findings = lines_of(&out, "finding");
    assert_eq!(findings.len(), 1, "{out}");
    assert_eq!(findings[0]["what"], "extra");
    assert_eq!(
        findings[0]["of"],
        ContentDigest::of(stray).to_string().as_str()
    );

    std::fs::remove_file(blob(&setup, &one.zip)).unwrap();
    let mut flipped = two.go_mod.clone();
    flipped[3] ^= 1;
    overwrite(&blob(&setup, &two.go_mod), &flipped);
    for way in WAYS {
        let _server = way.enter(&setup);
        let out = run(&setup, &["verify", "--json"], 1);
        let mut found: Vec<(String, String)> = lines_of(&out, "finding")
            .iter()
            .map(|l| {
                (
                    l["what"].as_str().unwrap().to_owned(),
                    l["of"].as_str().unwrap().to_owned(),
                )
            })
            .collect();
        found.sort();
        let stray = ContentDigest::of(stray).to_string();
        let want = [
            ("extra", stray.as_str()),
            ("missing", "example.com/one@v1.0.0.zip"),
            ("wrong", "example.com/two@v1.0.0.mod"),
        ];
        assert_eq!(
            found,
            want.map(|(a, b)| (a.to_owned(), b.to_owned())),
            "{way:?}"
        );
        let text = run(&setup, &["verify"], 1);
        assert!(text.contains("1 missing, 1 wrong, 1 extra"), "{text}");
    }
}

/// A blob that is gone is a fault of this server: a 5xx, never "does not exist". What else there is, is served.
#[test]
fn a_missing_blob_is_trouble_and_not_absence() {
    let (setup, upstream, [one, two]) = stored();
    upstream.stop();
    std::fs::remove_file(blob(&setup, &one.zip)).unwrap();
    let server = setup.start();
    let answer = server.get(&one.file("zip"));
    assert!(answer.status >= 500, "{}: {}", answer.status, answer.text());
    assert_eq!(server.must_get(&one.file("mod")), one.go_mod);
    assert_eq!(server.must_get(&two.file("zip")), two.zip);
}

#[test]
fn a_mistyped_folder_is_not_called_well() {
    let setup = Setup::new();
    for arguments in [&["verify"][..], &["export", "prod", "/tmp/never-made"][..]] {
        let output = setup.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains(&setup.data().display().to_string()), "{text}");
    }
    assert!(!setup.data().exists(), "the folder was made");
}
