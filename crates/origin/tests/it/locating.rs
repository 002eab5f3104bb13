//! Finding repositories by pages and by probing, on a web that behaves.

use std::sync::Arc;
use std::time::Duration;

use origin::outside::Credentials;
use origin::upstream::UpstreamClass;
use origin::vcs::locate::{LocateSettings, Locator, PageCredentials, Vcs};
use url::Url;

use crate::forge::{Forge, Probed, check_refused, find, page, settings};
use crate::server::{answer, ok, redirect};

#[track_caller]
fn check_located(
    found: &Result<origin::vcs::locate::Located, origin::vcs::code::CodeError>,
    want: &str,
) {
    let found = found.as_ref().unwrap();
    let mut written = format!("{} {} {}", found.root, found.vcs, found.url);
    if let Some(subdirectory) = &found.subdirectory {
        written += &format!(" in {subdirectory}");
    }
    assert_eq!(written, want);
}

#[tokio::test]
async fn known_hosts_are_asked_nothing() {
    let forge = Forge::with_pages(&[]).await;
    let found = forge.find("github.com/o/r/sub/v2").await;
    check_located(&found, "github.com/o/r git https://github.com/o/r");
    let found = forge.find("github.com/o").await;
    check_refused(&found, UpstreamClass::Absent, "github.com/o");
    let found = forge.find("chiselapp.com/user/u/repository/r").await;
    check_refused(&found, UpstreamClass::Forbidden, "GOVCS");
    assert_eq!(forge.urls(), [""; 0]);
}

#[tokio::test]
async fn pages_say_where_repositories_are() {
    let forge = Forge::with_pages(&[
        ("a.test/x", &page("a.test/x git https://git.test/x.git")),
        ("a.test/hg", &page("a.test/hg hg https://git.test/hg")),
        (
            "a.test/sub",
            &page("a.test/sub git https://git.test/mono some/folder"),
        ),
        (
            "a.test/mod",
            &page("a.test/mod mod https://proxy.test/base ignored"),
        ),
        ("a.test/", &page("a.test git https://git.test/root")),
        ("a.test/svn", &page("a.test/svn svn https://git.test/svn")),
        ("a.test/odd", &page("a.test/odd cvs https://git.test/odd")),
        (
            "a.test/up",
            &page("a.test/up git https://git.test/up a/../.."),
        ),
        (
            "a.test/two",
            &(page("a.test/two git https://git.test/1").replace("</head><body>hello", "")
                + &page("a.test/two git https://git.test/2")),
        ),
        (
            "a.test/both",
            &(page("a.test git https://git.test/1").replace("</head><body>hello", "")
                + &page("a.test/both mod https://proxy.test")),
        ),
        ("a.test/other", &page("a.test/x git https://git.test/x")),
        ("a.test/none", "<html><head><title>hello</title></head>"),
    ])
    .await;
    check_located(
        &forge.find("a.test/x").await,
        "a.test/x git https://git.test/x.git",
    );
    check_located(
        &forge.find("a.test/hg").await,
        "a.test/hg hg https://git.test/hg",
    );
    check_located(
        &forge.find("a.test/sub").await,
        "a.test/sub git https://git.test/mono in some/folder",
    );
    check_located(
        &forge.find("a.test/mod").await,
        "a.test/mod mod https://proxy.test/base",
    );
    check_located(
        &forge.find("a.test/both").await,
        "a.test/both mod https://proxy.test",
    );
    for (path, class, says) in [
        (
            "a.test/svn",
            UpstreamClass::Forbidden,
            "GOVCS disallows using svn for public a.test/svn",
        ),
        ("a.test/odd", UpstreamClass::Absent, "unknown vcs \"cvs\""),
        ("a.test/up", UpstreamClass::Absent, "invalid subdirectory"),
        ("a.test/two", UpstreamClass::Absent, "more than one"),
        (
            "a.test/other",
            UpstreamClass::Absent,
            "those there are for \"a.test/x\"",
        ),
        (
            "a.test/none",
            UpstreamClass::Absent,
            "no go-import meta tags in https://a.test/none?go-get=1",
        ),
        (
            "a.test/gone",
            UpstreamClass::Absent,
            "answered 404 Not Found",
        ),
    ] {
        let found = forge.find(path).await;
        check_refused(&found, class, says);
        check_refused(&found, class, "unrecognized import path");
    }
}

#[tokio::test]
async fn any_status_may_carry_a_tag() {
    let forge = Forge::start(|url| match url.strip_prefix("https://a.test/") {
        None => Vec::new(),
        Some(path) => {
            let status = path.strip_suffix("?go-get=1").unwrap();
            let tag = format!("a.test/{status} git https://git.test/x");
            answer(&format!("{status} Whatever"), "", page(&tag))
        }
    })
    .await;
    for status in [202, 401, 404, 418, 500, 503] {
        let path = format!("a.test/{status}");
        check_located(
            &forge.find(&path).await,
            &format!("{path} git https://git.test/x"),
        );
    }
}

#[tokio::test]
async fn a_beginning_of_the_path_speaks_for_itself() {
    let tag = page("a.test/m git https://git.test/m");
    let forge = Forge::with_pages(&[
        ("a.test/m", &tag),
        ("a.test/m/x", &tag),
        ("a.test/m/y/v2", &tag),
        ("a.test/m/z", &page("a.test/m git https://evil.test/m")),
        ("a.test/m/s", &page("a.test/m git https://git.test/m sub")),
        ("a.test/n/x", &page("a.test/n git https://git.test/n")),
    ])
    .await;
    let locator = forge.locator(settings());
    let located = "a.test/m git https://git.test/m";
    check_located(&find(&locator, "a.test/m/x").await, located);
    check_located(&find(&locator, "a.test/m/y/v2").await, located);
    check_located(&find(&locator, "a.test/m").await, located);
    for disagreeing in ["a.test/m/z", "a.test/m/s"] {
        let found = find(&locator, disagreeing).await;
        check_refused(
            &found,
            UpstreamClass::Absent,
            "disagree about go-import for \"a.test/m\"",
        );
    }
    // The page of the beginning was asked for once, by whoever came first.
    let asked = forge.urls();
    let of_root = asked
        .iter()
        .filter(|url| *url == "https://a.test/m?go-get=1");
    assert_eq!((of_root.count(), asked.len()), (1, 5), "{asked:?}");
    let found = find(&locator, "a.test/n/x").await;
    check_refused(
        &found,
        UpstreamClass::Absent,
        "https://a.test/n?go-get=1 answered 404",
    );
}

#[tokio::test]
async fn many_who_ask_at_once_ask_once() {
    let tag = page("a.test/m git https://git.test/m");
    let forge = Forge::with_pages(&[
        ("a.test/m", &tag),
        ("a.test/m/x", &tag),
        ("a.test/m/y", &tag),
    ])
    .await;
    let locator = forge.locator(settings());
    let paths = (0..48).map(|number| ["a.test/m", "a.test/m/x", "a.test/m/y"][number % 3]);
    let found = futures_util::future::join_all(paths.map(|path| find(&locator, path))).await;
    for found in &found {
        check_located(found, "a.test/m git https://git.test/m");
    }
    assert_eq!(forge.urls().len(), 3, "{:?}", forge.urls());
    // Nor later, nor for what is not there.
    for _ in 0..3 {
        assert!(find(&locator, "a.test/m/x").await.is_ok());
        assert!(find(&locator, "a.test/none").await.is_err());
    }
    assert_eq!(forge.urls().len(), 4, "{:?}", forge.urls());
}

#[tokio::test]
async fn redirects_are_followed_and_credentials_stay() {
    #[derive(Debug)]
    struct Secret;
    impl PageCredentials for Secret {
        fn find(&self, url: &Url) -> Option<Credentials> {
            assert_eq!(url.scheme(), "https");
            Credentials::take_from(&mut Url::parse("https://user:pass@a.test/").unwrap())
        }
    }
    let forge = Forge::start(|url| match url {
        "https://a.test/x?go-get=1" => redirect("https://b.test/page"),
        "https://b.test/page" => ok(page("a.test/x git https://git.test/x")),
        _ => Vec::new(),
    })
    .await;
    let settings = LocateSettings {
        credentials: Some(Arc::new(Secret)),
        ..settings()
    };
    let found = find(&forge.locator(settings), "a.test/x").await;
    check_located(&found, "a.test/x git https://git.test/x");
    let first = forge.header("https://a.test/x?go-get=1", "authorization");
    assert_eq!(first.as_deref(), Some("Basic dXNlcjpwYXNz"));
    assert_eq!(forge.header("https://b.test/page", "authorization"), None);
}

#[tokio::test]
async fn http_is_asked_only_where_the_operator_says_so() {
    let script = |url: &str| match url {
        url if url.starts_with("CONNECT ") => answer("502 Bad Gateway", "", ""),
        "http://a.test/x?go-get=1" => ok(page("a.test/x git http://git.test/x")),
        _ => answer("404 Not Found", "", ""),
    };
    let forge = Forge::start(script).await;
    let found = forge.find("a.test/x").await;
    check_refused(
        &found,
        UpstreamClass::Unreachable,
        "https://a.test/x?go-get=1",
    );
    assert_eq!(forge.urls(), [""; 0]);
    let settings = LocateSettings {
        insecure: "a.test".parse().unwrap(),
        ..settings()
    };
    let found = find(&forge.locator(settings), "a.test/x").await;
    assert!(found.as_ref().unwrap().is_insecure);
    check_located(&found, "a.test/x git http://git.test/x");
}

#[tokio::test]
async fn old_answers_stand_in_while_a_host_is_down() {
    let up = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let is_up = Arc::clone(&up);
    let forge =
        Forge::start(
            move |url| match (is_up.load(std::sync::atomic::Ordering::SeqCst), url) {
                (_, url) if url.starts_with("CONNECT ") => Vec::new(),
                (true, _) => ok(page("a.test/x git https://git.test/x")),
                (false, _) => answer("503 Service Unavailable", "", ""),
            },
        )
        .await;
    let settings = LocateSettings {
        keep_found: Duration::ZERO,
        ..settings()
    };
    let locator = forge.locator(settings);
    assert!(find(&locator, "a.test/x").await.is_ok());
    up.store(false, std::sync::atomic::Ordering::SeqCst);
    assert!(find(&locator, "a.test/x").await.is_ok());
    let found = forge.find("a.test/x").await;
    check_refused(
        &found,
        UpstreamClass::Unreachable,
        "503 Service Unavailable",
    );
}

#[tokio::test]
async fn paths_with_an_ending_are_probed_in_order() {
    let forge = Forge::with_pages(&[]).await;
    let probed = Arc::new(Probed {
        there: vec![
            ("https://h.test/a", Some(true)),
            ("ssh://h.test/b", Some(true)),
            ("https://h.test/c", None),
            ("https://h.test/e", None),
            ("ssh://h.test/e", Some(true)),
        ],
        ..Probed::default()
    });
    let settings = LocateSettings {
        has_ssh: true,
        ..settings()
    };
    let locator = Locator::new(forge.outside(), probed.clone(), settings);
    check_located(
        &find(&locator, "h.test/a.git/sub").await,
        "h.test/a.git git https://h.test/a",
    );
    check_located(
        &find(&locator, "h.test/a.git/other").await,
        "h.test/a.git git https://h.test/a",
    );
    check_located(
        &find(&locator, "h.test/b.hg").await,
        "h.test/b.hg hg ssh://h.test/b",
    );
    check_located(
        &find(&locator, "h.test/e.git").await,
        "h.test/e.git git ssh://h.test/e",
    );
    let down = find(&locator, "h.test/c.git").await;
    check_refused(&down, UpstreamClass::Unreachable, "connection refused");
    let absent = find(&locator, "h.test/d.git").await;
    check_refused(
        &absent,
        UpstreamClass::Absent,
        "no secure protocol found for repository \"h.test/d\"",
    );
    let forbidden = find(&locator, "h.test/d.svn").await;
    check_refused(
        &forbidden,
        UpstreamClass::Forbidden,
        "GOVCS=h.test/d.svn:svn",
    );
    assert_eq!(
        *probed.asked.lock().unwrap(),
        [
            "git https://h.test/a",
            "hg https://h.test/b",
            "hg ssh://h.test/b",
            "git https://h.test/e",
            "git git+ssh://h.test/e",
            "git ssh://h.test/e",
            "git https://h.test/c",
            "git git+ssh://h.test/c",
            "git ssh://h.test/c",
            "git https://h.test/d",
            "git git+ssh://h.test/d",
            "git ssh://h.test/d",
        ]
    );
    assert_eq!(forge.urls(), [""; 0]);
}

#[tokio::test]
async fn insecure_repositories_and_fossils_are_found_their_way() {
    let forge = Forge::with_pages(&[]).await;
    let probed = Arc::new(Probed {
        there: vec![("http://h.test/a", Some(true))],
        ..Probed::default()
    });
    let settings = LocateSettings {
        insecure: "h.test".parse().unwrap(),
        govcs: "public:all".parse().unwrap(),
        ..settings()
    };
    let locator = Locator::new(forge.outside(), probed.clone(), settings);
    check_located(
        &find(&locator, "h.test/a.git").await,
        "h.test/a.git git http://h.test/a",
    );
    check_located(
        &find(&locator, "h.test/a.svn").await,
        "h.test/a.svn svn http://h.test/a",
    );
    check_located(
        &find(&locator, "h.test/a.fossil").await,
        "h.test/a.fossil fossil https://h.test/a",
    );
    let asked = probed.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 4, "{asked:?}");
}

#[tokio::test]
async fn launchpad_is_found_without_a_tag() {
    let series = "https://code.launchpad.net/p/s/.bzr/branch-format";
    let forge = Forge::start(move |url| match url {
        url if url.starts_with("CONNECT ") => Vec::new(),
        url if url == series => ok("Bazaar-NG"),
        "https://launchpad.net/t?go-get=1" => ok(page("launchpad.net/t git https://git.test/t")),
        _ => answer("404 Not Found", "", ""),
    })
    .await;
    let found = forge.find("launchpad.net/p/s").await;
    check_refused(&found, UpstreamClass::Absent, "404");
    assert_eq!(forge.urls(), ["https://launchpad.net/p/s?go-get=1"]);
    let settings = LocateSettings {
        govcs: "launchpad.net:bzr|git".parse().unwrap(),
        ..settings()
    };
    let locator = forge.locator(settings);
    check_located(
        &find(&locator, "launchpad.net/p/s/x").await,
        "launchpad.net/p/s bzr https://launchpad.net/p/s",
    );
    check_located(
        &find(&locator, "launchpad.net/p/d").await,
        "launchpad.net/p bzr https://launchpad.net/p",
    );
    check_located(
        &find(&locator, "launchpad.net/~u/p/b").await,
        "launchpad.net/~u/p/b bzr https://launchpad.net/~u/p/b",
    );
    check_located(
        &find(&locator, "launchpad.net/t").await,
        "launchpad.net/t git https://git.test/t",
    );
    assert_eq!(
        find(&locator, "launchpad.net/t").await.unwrap().vcs,
        Vcs::Git
    );
}
