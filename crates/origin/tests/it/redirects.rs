//! Redirects: what is followed, and where nobody can send us.

use origin::guard::AllowList;
use origin::upstream::UpstreamClass;

use crate::asking::{ask, check_says, config, refused, upstreams, upstreams_of};
use crate::server::{Server, ok, redirect};

#[tokio::test]
async fn redirects_on_the_same_site_are_followed() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/moved/here" => ok("module example.com/m\n"),
        _ => redirect("/moved/here"),
    })
    .await;
    assert!(ask(&upstreams(&server.url())).await.is_ok());
    assert_eq!(server.connection_count(), 1);
}

#[tokio::test]
async fn circles_and_long_chains_end() {
    let circle =
        Server::start(|seen| redirect(if seen.target == "/b" { "/a" } else { "/b" })).await;
    let error = refused(ask(&upstreams(&circle.url())).await);
    assert_eq!(error.class, UpstreamClass::Unreachable);
    check_says(&error, "in a circle");
    assert!(circle.targets().len() <= 3);

    let endless = Server::start(|seen| redirect(&format!("{}x", seen.target))).await;
    let error = refused(ask(&upstreams(&endless.url())).await);
    check_says(&error, "more than 10 times");
    assert_eq!(endless.targets().len(), 11);
}

#[tokio::test]
async fn nobody_sends_us_to_private_places() {
    let secret = Server::saying(ok("secret")).await;
    let port = secret.address.port();
    for target in [
        format!("http://127.0.0.1:{port}/"),
        format!("//127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://LOCALHOST.:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://0x7f.1:{port}/"),
        format!("http://0177.0.0.1:{port}/"),
        format!("http://127.1:{port}/"),
        format!("http://0:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://user:pass@127.0.0.1:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[fd00:ec2::254]/".to_owned(),
        "http://10.0.0.1/".to_owned(),
        "ftp://127.0.0.1/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "gopher://127.0.0.1/".to_owned(),
    ] {
        let location = target.clone();
        let upstream = Server::start(move |_| redirect(&location)).await;
        let error = refused(ask(&upstreams(&upstream.url())).await);
        assert_eq!(error.class, UpstreamClass::Unreachable, "{target}");
        assert!(!error.text.contains("secret"), "{target}: {error}");
        assert_eq!(upstream.targets().len(), 1, "{target}: {error}");
    }
    assert_eq!(secret.connection_count(), 0);
}

#[tokio::test]
async fn the_refusal_names_host_and_setting() {
    let upstream = Server::saying(redirect("http://localhost:9/")).await;
    let error = refused(ask(&upstreams(&upstream.url())).await);
    check_says(&error, "localhost is at ");
    check_says(&error, "origin.allow");
}

#[tokio::test]
async fn what_is_allowed_is_followed() {
    let target = Server::saying(ok("module example.com/m\n")).await;
    let location = format!("http://localhost:{}/", target.address.port());
    for allowed in ["localhost", "127.0.0.0/8"] {
        let location = location.clone();
        let upstream = Server::start(move |_| redirect(&location)).await;
        let mut config = config();
        config.allow = AllowList::new([allowed]).unwrap();
        assert!(
            ask(&upstreams_of(&config, &upstream.url())).await.is_ok(),
            "{allowed}"
        );
    }
}

#[tokio::test]
async fn another_configured_entry_may_be_the_target() {
    let second = Server::saying(ok("module example.com/m\n")).await;
    let location = format!("{}/elsewhere", second.url());
    let first = Server::start(move |_| redirect(&location)).await;
    assert!(
        ask(&upstreams(&format!("{},{}", first.url(), second.url())))
            .await
            .is_ok()
    );
    assert_eq!(second.targets(), ["/elsewhere"]);
}

#[tokio::test]
async fn credentials_go_to_their_own_site_only() {
    let second = Server::saying(ok("module example.com/m\n")).await;
    let location = format!("{}/elsewhere", second.url());
    let first = Server::start(move |seen| match seen.target.as_str() {
        "/again" => redirect(&location),
        _ => redirect("/again"),
    })
    .await;
    let list = format!("http://user:p%40ss@{},{}", first.address, second.url());
    let fetched = ask(&upstreams(&list)).await.unwrap();
    assert!(!fetched.entry.contains("p%40ss") && !fetched.entry.contains("user"));
    let sent: Vec<_> = first
        .seen
        .lock()
        .unwrap()
        .iter()
        .map(|seen| seen.header("authorization"))
        .collect();
    assert_eq!(sent, vec![Some("Basic dXNlcjpwQHNz".to_owned()); 2]);
    assert_eq!(second.seen.lock().unwrap()[0].header("authorization"), None);
    assert_eq!(second.seen.lock().unwrap()[0].header("referer"), None);
}
