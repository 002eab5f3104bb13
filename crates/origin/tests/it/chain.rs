//! The list against real answers: which separator goes on after what, and what else a list may hold.

use std::time::Duration;

use origin::outside::Outside;
use origin::privacy::Privacy;
use origin::upstream::{ModuleFile, UpstreamClass, UpstreamList, Upstreams};

use crate::asking::{
    INSTANCE, ask, bounds, check_says, config, module, refused, upstreams, version,
};
use crate::server::{Server, Step, answer, ok, refuse};

/// The first entry's behaviour, and whether a comma goes on after it.
fn failures() -> Vec<(&'static str, Vec<Step>, bool)> {
    vec![
        ("404", refuse("404 Not Found", "no"), true),
        ("410", refuse("410 Gone", "no"), true),
        ("403", refuse("403 Forbidden", "no"), false),
        ("451", refuse("451 Legal", "no"), false),
        ("500", refuse("500 Oops", "no"), false),
        ("429", refuse("429 Slow Down", "no"), false),
        ("timeout", vec![Step::Wait(Duration::from_secs(9))], false),
        ("closed", vec![Step::Close], false),
    ]
}

#[tokio::test]
async fn separators_decide_who_is_asked_next() {
    let good = Server::saying(ok("module example.com/m\n")).await;
    for (name, steps, comma_goes_on) in failures() {
        let bad = Server::saying(steps).await;
        for (separator, goes_on) in [(',', comma_goes_on), ('|', true)] {
            let before = good.targets().len();
            let asked = ask(&upstreams(&format!(
                "{}{separator}{}",
                bad.url(),
                good.url()
            )))
            .await;
            assert_eq!(asked.is_ok(), goes_on, "{name}{separator}: {asked:?}");
            assert_eq!(
                good.targets().len() - before,
                usize::from(goes_on),
                "{name}{separator}"
            );
        }
    }
}

#[tokio::test]
async fn a_refused_connection_goes_on_after_a_bar_only() {
    let good = Server::saying(ok("module example.com/m\n")).await;
    let gone = Server::saying(vec![]).await.url();
    assert!(
        ask(&upstreams(&format!("{gone}|{}", good.url())))
            .await
            .is_ok()
    );
    assert_eq!(
        refused(ask(&upstreams(&format!("{gone},{}", good.url()))).await).class,
        UpstreamClass::Unreachable
    );
}

#[tokio::test]
async fn an_invalid_info_goes_on_after_a_bar_only() {
    let bad = Server::saying(ok("<html>")).await;
    let good = Server::saying(ok(r#"{"Version":"v1.0.0"}"#)).await;
    let info = ModuleFile::Info("v1.0.0".to_owned());
    let with = |separator: char| upstreams(&format!("{}{separator}{}", bad.url(), good.url()));
    let fetched = with('|').get_small(&module(), &info, 1024).await.unwrap();
    assert_eq!(fetched.entry, good.url());
    assert_eq!(
        refused(with(',').get_small(&module(), &info, 1024).await).class,
        UpstreamClass::Invalid
    );
}

#[tokio::test]
async fn direct_and_off_end_the_list() {
    let absent = Server::saying(refuse("404 Not Found", "no such module")).await;
    let error = refused(ask(&upstreams(&format!("{},direct", absent.url()))).await);
    assert_eq!(error.class, UpstreamClass::Absent);
    check_says(&error, "version control is not asked here");
    let error = refused(ask(&upstreams("direct")).await);
    assert_eq!(error.class, UpstreamClass::Absent);
    check_says(&error, "version control is not asked here");
    assert_eq!(
        refused(ask(&upstreams("off")).await).class,
        UpstreamClass::Forbidden
    );
}

#[tokio::test]
async fn private_modules_are_asked_of_no_proxy() {
    let server = Server::saying(ok("module example.com/m\n")).await;
    let list: UpstreamList = server.url().parse().unwrap();
    let privacy = Privacy::new("example.com/*", None, None).unwrap();
    let upstreams = Upstreams::new(
        Outside::new(&config()).unwrap(),
        &list,
        None,
        privacy,
        bounds(),
        None,
    );
    let error = refused(ask(&upstreams).await);
    assert_eq!(error.class, UpstreamClass::Absent);
    check_says(&error, "version control is not asked here");
    assert_eq!(server.connection_count(), 0);
}

#[tokio::test]
async fn an_entry_that_is_ourselves_is_dropped() {
    let via = format!("via: 1.1 other, 1.1 granary-{INSTANCE}\r\n");
    let ourselves = Server::saying(answer("508 Loop Detected", &via, "")).await;
    let good = Server::saying(ok("module example.com/m\n")).await;
    let listed = upstreams(&format!("{},{}", ourselves.url(), good.url()));
    for _ in 0..3 {
        assert!(ask(&listed).await.is_ok());
    }
    assert_eq!((ourselves.targets().len(), good.targets().len()), (1, 3));

    let error = refused(ask(&upstreams(&ourselves.url())).await);
    assert_eq!(error.class, UpstreamClass::Loop);
    check_says(&error, "leads back to this server");

    let list: UpstreamList = format!("{},direct", ourselves.url()).parse().unwrap();
    let spare: UpstreamList = good.url().parse().unwrap();
    let spared = Upstreams::new(
        Outside::new(&config()).unwrap(),
        &list,
        Some(&spare),
        Privacy::default(),
        bounds(),
        None,
    );
    let _first_finds_out = ask(&spared).await;
    assert!(ask(&spared).await.is_ok());
}

#[tokio::test]
async fn a_loop_that_is_not_ours_is_an_error_of_the_entry() {
    let looping = Server::saying(answer(
        "508 Loop Detected",
        "granary-loop: someone-else\r\n",
        "",
    ))
    .await;
    let upstreams = upstreams(&looping.url());
    for asked in 1..=2 {
        assert_eq!(refused(ask(&upstreams).await).class, UpstreamClass::Loop);
        assert_eq!(looping.targets().len(), asked);
    }
    let ours = answer(
        "508 Loop Detected",
        &format!("granary-loop: {INSTANCE}\r\n"),
        "",
    );
    let ours = Server::saying(ours).await;
    let upstreams = crate::asking::upstreams(&ours.url());
    for _ in 0..2 {
        assert_eq!(refused(ask(&upstreams).await).class, UpstreamClass::Loop);
    }
    assert_eq!(ours.targets().len(), 1);
}

#[tokio::test]
async fn folders_are_upstreams_too() {
    let tree = tempfile::tempdir().unwrap();
    let folder = tree.path().join("example.com/m/@v");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("v1.0.0.mod"), "module example.com/m\n").unwrap();
    std::fs::write(folder.join("v1.0.0.zip"), "PK").unwrap();
    let good = Server::saying(ok("from the server")).await;
    let upstreams = upstreams(&format!("file://{},{}", tree.path().display(), good.url()));
    assert_eq!(
        ask(&upstreams).await.unwrap().bytes,
        "module example.com/m\n"
    );
    let list = upstreams
        .get_small(&module(), &ModuleFile::List, 1024)
        .await
        .unwrap();
    assert_eq!(
        (list.bytes.as_ref(), list.entry),
        (&b"from the server"[..], good.url())
    );
    let mut sink = crate::zips::Collected::default();
    let entry = upstreams.get_zip(&version(), &mut sink).await.unwrap();
    assert!(entry.starts_with("file:///"));
    assert_eq!(sink.bytes, b"PK");
}

#[tokio::test]
async fn latest_comes_from_the_list_where_there_is_none() {
    let newest = "v0.0.0-20210101000000-bbcdefabcdef";
    let server = Server::start(move |seen| match seen.target.as_str() {
        "/example.com/m/@v/list" => ok(format!("v0.0.0-20200101000000-abcdefabcdef\n{newest}\n")),
        target if target.contains(newest) => ok(format!(r#"{{"Version":"{newest}"}}"#)),
        _ => refuse("404 Not Found", "no"),
    })
    .await;
    let fetched = upstreams(&server.url())
        .get_small(&module(), &ModuleFile::Latest, 1024)
        .await
        .unwrap();
    assert!(String::from_utf8_lossy(&fetched.bytes).contains(newest));
}

#[tokio::test]
async fn the_way_to_a_database_is_found_as_go_finds_it() {
    let says = |status: &'static str| Server::saying(answer(status, "", "ignored"));
    let (yes, no, broken) = (
        says("200 OK").await,
        says("404 Not Found").await,
        says("400 Bad Request").await,
    );
    let find = async |list: String| upstreams(&list).find_database("sum.test/db").await;
    let route = find(format!("{},{}/base", no.url(), yes.url()))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        route.url_of("latest").as_str(),
        format!("{}/base/sumdb/sum.test/db/latest", yes.url())
    );
    assert_eq!(yes.targets(), ["/base/sumdb/sum.test/db/supported"]);
    assert!(find(no.url()).await.unwrap().is_none());
    assert!(
        find(format!("{}|direct", broken.url()))
            .await
            .unwrap()
            .is_none()
    );
    assert!(find("off".to_owned()).await.unwrap().is_none());
    assert!(
        find(format!("{},{}", broken.url(), yes.url()))
            .await
            .is_err()
    );
    assert!(
        find(format!("{}|{}", broken.url(), no.url()))
            .await
            .is_err()
    );
}
