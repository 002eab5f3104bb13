//! The comparer is fed wrong answers of every kind; each must be found.

use super::super::answer::{Info, Zip};
use super::*;

fn refusal(status: Option<u16>, text: &str) -> Refusal {
    let text = text.to_owned();
    Refusal { text, status }
}

fn list(versions: &[&str]) -> Answer {
    Answer::List(Ok(versions.iter().map(|v| (*v).to_owned()).collect()))
}

fn zip(content: &str) -> Zip {
    let mut tree = gomod::zip::MemoryTree::new();
    tree.add("a.txt", content);
    let mut bytes = Vec::new();
    let of = "example.com/m@v1.0.0".parse().unwrap();
    gomod::zip::create(&mut bytes, &of, &mut tree, &gomod::zip::Limits::default()).unwrap();
    let h1 = gomod::zip::hash_zip_bytes(&bytes).unwrap().to_string();
    Zip { h1, bytes }
}

fn files() -> Files {
    let (version, time) = ("v1.0.0".to_owned(), "2020-09-13T12:26:40Z".to_owned());
    Files {
        info: Ok(Info { version, time }),
        go_mod: Ok(b"module m\n".to_vec()),
        zip: Ok(zip("one\n")),
    }
}

fn changed(change: impl FnOnce(&mut Files)) -> Answer {
    let mut files = files();
    change(&mut files);
    Answer::Version(Box::new(files))
}

/// Checks that the one difference begins with some words; for no words, that there is none.
#[track_caller]
fn check(granary: Answer, go: Answer, want: &str) {
    match compare(&granary, &go) {
        Verdict::Different(found) => {
            assert!(!want.is_empty() && found[0].starts_with(want), "{found:?}");
        }
        verdict => assert!(want.is_empty(), "{verdict:?}"),
    }
}

#[test]
fn lists_are_compared_as_sets() {
    check(list(&["v1.0.0"]), list(&["v1.0.0"]), "");
    check(
        list(&[]),
        list(&["v1.0.0"]),
        "list: Granary lacks [\"v1.0.0\"]",
    );
    check(
        list(&["v1.0.0"]),
        list(&[]),
        "list: only Granary has [\"v1.0.0\"]",
    );
    let absent = |status| Answer::List(Err(refusal(Some(status), "")));
    check(absent(404), list(&[]), "");
    check(
        absent(502),
        list(&[]),
        "list: go answers, Granary says: 502",
    );
    check(absent(404), list(&["v1.0.0"]), "list: go answers");
    check(
        list(&[]),
        Answer::List(Err(refusal(None, "no"))),
        "list: Granary answers, go says: no",
    );
}

#[test]
fn every_wrong_file_is_found() {
    let right = || changed(|_| ());
    check(right(), right(), "");
    check(
        changed(|f| f.info.as_mut().unwrap().version.push('x')),
        right(),
        "info: Granary says v1.0.0x of",
    );
    check(
        changed(|f| f.info.as_mut().unwrap().time.push('x')),
        right(),
        "info: ",
    );
    check(
        changed(|f| f.go_mod.as_mut().unwrap().push(b' ')),
        right(),
        "mod: byte 9 of 10",
    );
    check(
        changed(|f| f.zip = Ok(zip("two\n"))),
        right(),
        "zip: Granary h1:",
    );
    check(
        changed(|f| f.zip = Err(refusal(Some(404), "gone"))),
        right(),
        "zip: go answers, Granary says: 404 gone",
    );
    let found = compare(&changed(|f| f.zip = Ok(zip("two\n"))), &right());
    let text = "example.com/m@v1.0.0/a.txt: byte 0 of 4 (Granary) and 4 (go): `two\\n` instead of `one\\n`";
    assert!(matches!(found, Verdict::Different(d) if d[0].ends_with(text)));
}

#[test]
fn refusals_must_be_shared_and_have_the_right_status() {
    let go = |text: &str| Answer::refused(false, refusal(None, text));
    let ours = |status| Answer::refused(false, refusal(Some(status), "no"));
    check(ours(404), go("invalid version: unknown revision x"), "");
    check(ours(410), go("invalid version: unknown revision x"), "");
    check(
        ours(403),
        go("invalid version: unknown revision x"),
        "info: Granary refuses with 403",
    );
    check(
        ours(502),
        go("malformed file path"),
        "info: Granary refuses with 502",
    );
    check(ours(403), go("malformed file path"), "");
    check(
        changed(|_| ()),
        go("unknown revision"),
        "info: Granary answers",
    );
    check(
        changed(|_| ()),
        changed(|f| f.zip = Err(refusal(None, "bad"))),
        "zip: Granary answers, go says: bad",
    );
}

#[test]
fn a_go_mod_over_the_limit_is_refused_by_both() {
    let refused = || Answer::refused(false, refusal(Some(404), "a go.mod of 16777217 bytes"));
    let large = |zip_words: Option<&'static str>| {
        changed(move |f| {
            f.go_mod = Ok(vec![b'x'; GO_MOD_BYTES_MAX + 1]);
            if let Some(words) = zip_words {
                f.zip = Err(refusal(None, words));
            }
        })
    };
    let both = Verdict::Skipped(GO_MOD_TOO_LARGE);
    let words = "create zip: go.mod file too large (max size is 16777216 bytes)";
    assert_eq!(compare(&refused(), &large(Some(words))), both);
    check(refused(), large(Some("no space")), "info: go answers");
    check(refused(), large(None), "info: go answers");
    check(refused(), changed(|_| ()), "info: go answers");
}

#[test]
fn what_is_too_new_for_go_is_left_out_but_not_its_go_mod() {
    let go = || changed(|f| f.zip = Err(refusal(None, "requires go >= 1.999")));
    assert_eq!(compare(&changed(|_| ()), &go()), Verdict::Skipped(TOO_NEW));
    check(changed(|f| f.go_mod = Ok(Vec::new())), go(), "mod: ");
}

#[test]
fn the_newest_is_chosen_as_a_client_does() {
    let right = || changed(|_| ());
    let wrong = || changed(|f| f.info.as_mut().unwrap().version.push('x'));
    let list =
        |versions: &[&str]| -> Vec<String> { versions.iter().map(|v| (*v).to_owned()).collect() };
    let skipped = Verdict::Skipped(FROM_THE_LIST);
    assert!(matches!(
        compare_latest(&wrong(), &right(), &list(&["v1.0.0"])),
        Verdict::Different(_)
    ));
    assert!(matches!(
        compare_latest(&wrong(), &right(), &list(&[])),
        Verdict::Different(_)
    ));
    assert!(matches!(
        compare_latest(&wrong(), &right(), &list(&["v0.9.0"])),
        Verdict::Different(_)
    ));
    let refused = || Answer::refused(false, refusal(None, "no commits"));
    assert_eq!(
        compare_latest(&right(), &refused(), &list(&["v1.0.0"])),
        skipped
    );
    assert!(matches!(
        compare_latest(&right(), &refused(), &list(&[])),
        Verdict::Different(_)
    ));
    let text = "no matching versions for query \"latest\"";
    let retracted = Answer::refused(false, refusal(None, text));
    assert_eq!(compare_latest(&right(), &retracted, &list(&[])), skipped);
}
