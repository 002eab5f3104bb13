//! The forms of `GOSUMDB`.

use proptest::prelude::*;

use super::*;
use crate::note::Signer;
use crate::samples;

const URL: &str = "https://mirror.example/db";

#[track_caller]
fn check_key(text: &str, name: &str, url: Option<&str>, direct: &str) {
    let key: DatabaseKey = text.parse().unwrap();
    assert_eq!(
        (key.name(), key.url(), key.direct_url().as_str()),
        (name, url, direct)
    );
}

#[test]
fn keys_have_the_forms_of_gosumdb() {
    let vkey = samples::signer().vkey();
    let own = "https://example.com/db";
    check_key(
        "sum.golang.org",
        PUBLIC_NAME,
        None,
        "https://sum.golang.org",
    );
    check_key(PUBLIC_KEY, PUBLIC_NAME, None, "https://sum.golang.org");
    check_key(
        " sum.golang.org  https://mirror.example/db/ ",
        PUBLIC_NAME,
        Some(URL),
        URL,
    );
    check_key(&vkey, "example.com/db", None, own);
    check_key(&format!("{vkey} {URL}"), "example.com/db", Some(URL), URL);
    check_key(
        &format!("{vkey} http://127.0.0.1:8080"),
        "example.com/db",
        Some("http://127.0.0.1:8080"),
        "http://127.0.0.1:8080",
    );
}

#[test]
fn the_alias_is_the_public_database_at_another_address() {
    let alias = "https://sum.golang.google.cn";
    check_key("sum.golang.google.cn", PUBLIC_NAME, Some(alias), alias);
    // With an address it is no alias, as in cmd/go.
    assert!(
        format!("sum.golang.google.cn {URL}")
            .parse::<DatabaseKey>()
            .is_err()
    );
}

#[test]
fn other_values_of_gosumdb_are_refused() {
    let check = |text: &str| text.parse::<DatabaseKey>().unwrap_err();
    let vkey = samples::signer().vkey();
    assert_eq!(check(""), DatabaseKeyError::Form);
    assert_eq!(check("  "), DatabaseKeyError::Form);
    assert_eq!(check(&format!("{vkey} {URL} more")), DatabaseKeyError::Form);
    assert!(matches!(check("off"), DatabaseKeyError::UnknownName { .. }));
    assert!(matches!(
        check("sum.example.com"),
        DatabaseKeyError::UnknownName { .. }
    ));
    assert!(matches!(
        check(&vkey.replace("54b9", "54b8")),
        DatabaseKeyError::Key(_)
    ));
    for url in [
        "ftp://x",
        "mirror.example",
        "https://",
        "https:///x",
        "https://x?a",
        "https://x#a",
    ] {
        assert_eq!(
            check(&format!("{vkey} {url}")),
            DatabaseKeyError::Url,
            "{url}"
        );
    }
}

#[test]
fn names_are_a_host_and_perhaps_a_path() {
    for good in [
        "granary.test",
        "granary.test/db",
        "granary.test:8080/a/b-c_d~e.f",
        "localhost",
    ] {
        let vkey = Signer::generate(good).unwrap().vkey();
        assert_eq!(vkey.parse::<DatabaseKey>().unwrap().name(), good);
    }
    let long = format!("x.test/{}", "a".repeat(250));
    for bad in [
        "/db",
        "x.test/",
        "x.test//db",
        "x.test/../db",
        "x.test/.",
        "x.test/...",
        "https://x.test",
        "user@x.test",
        "x.test?a",
        "x.test#a",
        "x.test/%2e",
        "x.test\\db",
        "x.t\u{e4}st",
        &long,
    ] {
        let vkey = Signer::generate(bad).unwrap().vkey();
        assert_eq!(
            vkey.parse::<DatabaseKey>(),
            Err(DatabaseKeyError::Name),
            "{bad}"
        );
    }
}

proptest! {
    #![proptest_config(samples::config())]

    #[test]
    fn reading_keys_never_panics(text in "\\PC{0,80}", name in "[a-z./:]{1,20}") {
        let _ = text.parse::<DatabaseKey>();
        if let Ok(signer) = Signer::generate(&name) {
            let vkey = signer.vkey();
            if let Ok(key) = vkey.parse::<DatabaseKey>() {
                prop_assert_eq!(key.verifier().vkey(), vkey);
            }
        }
    }
}
