//! Tests of reading a folder.

use std::os::unix::fs::symlink;

use super::*;

fn empty() -> Sources {
    Sources {
        files: Vec::new(),
        data: Map::new(),
    }
}

#[track_caller]
fn check_refused(folder: &Path, file: &str, words: &str) {
    let error = empty().with_folder(folder).unwrap_err();
    let faults = error.faults();
    assert!(
        faults
            .iter()
            .any(|fault| fault.file == file && fault.text.contains(words)),
        "{error}"
    );
}

#[test]
fn a_folder_is_read_with_those_below_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::create_dir_all(at.join("team/deeper")).unwrap();
    fs::create_dir_all(at.join(".hidden")).unwrap();
    for name in [
        "b.rego",
        "a.rego",
        "a_test.rego",
        "team/deeper/c.rego",
        ".hidden/d.rego",
        ".e.rego",
        "README.md",
    ] {
        fs::write(at.join(name), name).unwrap();
    }
    fs::write(at.join("data.json"), r#"{"lists": {"deny": ["x"]}}"#).unwrap();
    fs::write(at.join("team/data.json"), "not read").unwrap();
    let sources = empty().with_folder(at).unwrap();
    let names: Vec<&str> = sources.files.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(
        names,
        ["a.rego", "a_test.rego", "b.rego", "team/deeper/c.rego"]
    );
    assert!(sources.files[1].is_test());
    assert_eq!(sources.files[0].test_name(), "a_test.rego");
    assert_eq!(sources.data["lists"]["deny"][0], "x");
}

#[test]
fn a_mounted_config_map_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::create_dir(at.join("..2026_11_22")).unwrap();
    fs::write(at.join("..2026_11_22/a.rego"), "text").unwrap();
    symlink("..2026_11_22", at.join("..data")).unwrap();
    symlink("..data/a.rego", at.join("a.rego")).unwrap();
    let sources = empty().with_folder(at).unwrap();
    assert_eq!(sources.files.len(), 1);
    assert_eq!(sources.files[0].text, "text");
}

#[test]
fn links_that_lead_out_are_refused() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret.rego"), "secret").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    symlink(outside.path().join("secret.rego"), at.join("a.rego")).unwrap();
    check_refused(at, "a.rego", "leads out of the folder");
    fs::remove_file(at.join("a.rego")).unwrap();
    symlink(outside.path(), at.join("inner")).unwrap();
    check_refused(at, "inner", "leads out of the folder");
    fs::remove_file(at.join("inner")).unwrap();
    symlink("nowhere.rego", at.join("b.rego")).unwrap();
    check_refused(at, "b.rego", "does not exist");
}

#[test]
fn a_link_in_a_circle_ends() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::create_dir(at.join("inner")).unwrap();
    fs::write(at.join("inner/a.rego"), "text").unwrap();
    symlink("..", at.join("inner/up")).unwrap();
    assert_eq!(empty().with_folder(at).unwrap().files.len(), 1);
}

#[test]
fn size_number_and_depth_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let large = "#".repeat(FILE_BYTES_MAX as usize);
    fs::write(at.join("a.rego"), &large).unwrap();
    assert!(empty().with_folder(at).is_ok());
    fs::write(at.join("a.rego"), format!("{large}#")).unwrap();
    check_refused(at, "a.rego", "larger than 1024 KiB");

    let count = FOLDER_BYTES_MAX / FILE_BYTES_MAX;
    for i in 0..count {
        fs::write(at.join(format!("a{i}.rego")), &large).unwrap();
    }
    fs::write(at.join("a.rego"), "").unwrap();
    assert!(empty().with_folder(at).is_ok());
    fs::write(at.join("b.rego"), "#").unwrap();
    check_refused(at, "b.rego", "more than 8 MiB");

    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for i in 0..FILES_MAX {
        fs::write(at.join(format!("{i:03}.rego")), "").unwrap();
    }
    assert_eq!(empty().with_folder(at).unwrap().files.len(), FILES_MAX);
    fs::write(at.join("more.rego"), "").unwrap();
    check_refused(at, "more.rego", "more than 256 files");

    let folder = tempfile::tempdir().unwrap();
    let deep = ["d"; DEPTH_MAX].join("/");
    fs::create_dir_all(folder.path().join(&deep)).unwrap();
    assert!(empty().with_folder(folder.path()).is_ok());
    fs::create_dir(folder.path().join(&deep).join("d")).unwrap();
    check_refused(folder.path(), &format!("{deep}/d"), "deeper than 8");
}

#[test]
fn what_is_no_text_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("a.rego"), b"package \xff").unwrap();
    check_refused(at, "a.rego", "not UTF-8");
    fs::remove_file(at.join("a.rego")).unwrap();
    fs::create_dir(at.join("data.json")).unwrap();
    assert!(
        empty().with_folder(at).is_ok(),
        "a folder of that name is one"
    );
}

#[test]
fn data_must_be_an_object_with_names_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("data.json"), "[1]").unwrap();
    check_refused(at, "data.json", "no JSON object");
    fs::write(at.join("data.json"), "{\"a\": 1,\n \"b\" 2}").unwrap();
    let error = empty().with_folder(at).unwrap_err();
    assert_eq!(error.faults()[0].line, 2, "{error}");
    fs::write(
        at.join("data.json"),
        r#"{"settings": {"cooldown_seconds": 0}}"#,
    )
    .unwrap();
    check_refused(at, "data.json", "\"settings\" is not yours");
}

#[test]
fn a_folder_that_is_not_there_is_told_by_name() {
    let error = empty()
        .with_folder(Path::new("/nowhere/policies"))
        .unwrap_err();
    assert!(error.to_string().contains("/nowhere/policies"), "{error}");
}

#[test]
fn digests_tell_names_from_texts() {
    let one = |name: &str, text: &str| {
        let file = SourceFile {
            name: name.to_owned(),
            text: text.to_owned(),
            shipped: false,
        };
        Sources {
            files: vec![file],
            data: Map::new(),
        }
        .digest()
    };
    assert_ne!(one("ab", "c"), one("a", "bc"));
    assert_eq!(one("a", "b"), one("a", "b"));
}
