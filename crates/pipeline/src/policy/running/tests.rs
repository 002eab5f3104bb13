//! Tests of the running set: what replaces it, and what does not.

use std::fs;

use super::super::apart::tests::command;
use super::super::facts::{EXAMPLE, Facts};
use super::*;

const GOOD: &str = "package granary.own\n\ndeny contains \"own\"\n";
const BAD: &str = "package granary.own\n\ndeny contains msg if {\n";

fn at(folder: &tempfile::TempDir) -> Option<Folder> {
    Some(Folder {
        path: folder.path().to_owned(),
        command: command(),
    })
}

fn example() -> Facts {
    serde_json::from_str(EXAMPLE).unwrap()
}

fn denials(policies: &Policies) -> Vec<String> {
    let judgement = policies.current().judge(&example());
    judgement.denials().map(|f| f.text.clone()).collect()
}

#[test]
fn a_folder_that_changes_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let policies = Policies::start(Settings::default(), at(&folder)).unwrap();
    assert_eq!(denials(&policies), Vec::<String>::new());
    let before = policies.current();
    policies.look().unwrap();
    assert!(Arc::ptr_eq(&before, &policies.current()), "nothing changed");

    fs::write(folder.path().join("own.rego"), GOOD).unwrap();
    policies.look().unwrap();
    assert_eq!(denials(&policies), ["own"]);
    fs::remove_file(folder.path().join("own.rego")).unwrap();
    policies.look().unwrap();
    assert_eq!(denials(&policies), Vec::<String>::new());
    assert_eq!(before.digest(), policies.current().digest());
}

#[test]
fn a_bad_one_changes_nothing_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("own.rego"), GOOD).unwrap();
    let policies = Policies::start(Settings::default(), at(&folder)).unwrap();
    let before = policies.current();
    assert_eq!(policies.trouble(), None);

    fs::write(folder.path().join("own.rego"), BAD).unwrap();
    assert!(policies.look().is_err());
    assert!(Arc::ptr_eq(&before, &policies.current()));
    let trouble = policies.trouble().unwrap();
    assert!(trouble.text.contains("own.rego:"), "{}", trouble.text);
    assert_eq!(policies.has_trouble().load(Ordering::Relaxed), 1);
    // It is not tried again and again, and stays told.
    assert!(policies.look().is_ok());
    assert_eq!(policies.trouble(), Some(trouble));
    assert_eq!(denials(&policies), ["own"]);

    fs::write(folder.path().join("own.rego"), GOOD).unwrap();
    policies.look().unwrap();
    assert_eq!(policies.trouble(), None);
    assert_eq!(policies.has_trouble().load(Ordering::Relaxed), 0);
}

#[test]
fn a_folder_that_comes_later_is_taken_over() {
    let above = tempfile::tempdir().unwrap();
    let place = Folder {
        path: above.path().join("policies"),
        command: command(),
    };
    let policies = Policies::start_before(Settings::default(), place.clone()).unwrap();
    assert_eq!(policies.trouble(), None);
    assert!(policies.folder().is_none());
    let shipped = policies.current();
    policies.look().unwrap();
    assert!(Arc::ptr_eq(&shipped, &policies.current()));

    // A bad one is told, and forgotten if it is removed before anything of it judged.
    fs::create_dir(&place.path).unwrap();
    fs::write(place.path.join("own.rego"), BAD).unwrap();
    assert!(policies.look().is_err());
    assert!(policies.trouble().is_some());
    fs::remove_dir_all(&place.path).unwrap();
    policies.look().unwrap();
    assert_eq!(policies.trouble(), None);
    assert!(Arc::ptr_eq(&shipped, &policies.current()));

    fs::create_dir(&place.path).unwrap();
    fs::write(place.path.join("own.rego"), GOOD).unwrap();
    policies.look().unwrap();
    assert_eq!(denials(&policies), ["own"]);
    // From then on it has a say, and its absence says nothing.
    fs::remove_dir_all(&place.path).unwrap();
    assert!(policies.look().is_err());
    assert_eq!(denials(&policies), ["own"]);
    assert!(policies.trouble().is_some());
    fs::create_dir(&place.path).unwrap();
    policies.look().unwrap();
    assert_eq!(denials(&policies), Vec::<String>::new());
    assert_eq!(policies.trouble(), None);
}

#[test]
fn a_folder_that_must_be_there_admits_nothing_until_it_comes() {
    let above = tempfile::tempdir().unwrap();
    let place = Folder {
        path: above.path().join("policies"),
        command: command(),
    };
    let policies = Policies::start(Settings::default(), Some(place.clone())).unwrap();
    assert!(policies.current().is_nobody());
    assert!(denials(&policies)[0].contains("cannot be read"));
    fs::create_dir(&place.path).unwrap();
    fs::write(place.path.join("own.rego"), GOOD).unwrap();
    policies.look().unwrap();
    assert_eq!(denials(&policies), ["own"]);
    assert_eq!(policies.trouble(), None);
}

#[test]
fn a_folder_that_goes_away_changes_nothing_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("policies");
    fs::create_dir(&inner).unwrap();
    fs::write(inner.join("own.rego"), GOOD).unwrap();
    let place = Folder {
        path: inner.clone(),
        command: command(),
    };
    let policies = Policies::start(Settings::default(), Some(place)).unwrap();
    fs::rename(&inner, folder.path().join("away")).unwrap();
    assert!(policies.look().is_err());
    assert_eq!(denials(&policies), ["own"]);
    assert!(policies.trouble().unwrap().text.contains("cannot be read"));
    fs::rename(folder.path().join("away"), &inner).unwrap();
    policies.look().unwrap();
    assert_eq!(policies.trouble(), None);
}

#[test]
fn a_server_that_starts_with_bad_policies_admits_nothing_until_they_are_mended() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("own.rego"), BAD).unwrap();
    let policies = Policies::start(Settings::default(), at(&folder)).unwrap();
    let denied = denials(&policies);
    assert_eq!(denied.len(), 1);
    assert!(denied[0].contains("own.rego:"), "{denied:?}");
    let until = policies.current().judge(&example()).until().unwrap();
    assert_eq!(until.as_second(), example().now_seconds + 60);
    assert!(policies.trouble().is_some());

    fs::remove_file(folder.path().join("own.rego")).unwrap();
    policies.look().unwrap();
    assert_eq!(denials(&policies), Vec::<String>::new());
    assert_eq!(policies.trouble(), None);
}

#[test]
fn bad_settings_do_not_start() {
    let settings = Settings {
        allow: vec!["[".to_owned()],
        ..Settings::default()
    };
    assert!(Policies::start(settings, None).is_err());
}

#[tokio::test(start_paused = true)]
async fn the_folder_is_watched() {
    let folder = tempfile::tempdir().unwrap();
    let policies = Arc::new(Policies::start(Settings::default(), at(&folder)).unwrap());
    let watch = tokio::spawn(Arc::clone(&policies).watch());
    fs::write(folder.path().join("own.rego"), GOOD).unwrap();
    let judged = async {
        while policies.current().judge_aside(example()).await.admits() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    // Time runs only while all tasks wait, so this is a hundred looks.
    tokio::time::timeout(100 * LOOK_EVERY, judged)
        .await
        .unwrap();
    watch.abort();
}
