//! Pages of a web that does not behave: nobody is sent to private places, and every wait and every page has an end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use origin::outside::{Call, OutsideError};
use origin::upstream::UpstreamClass;
use origin::vcs::locate::{LocateSettings, Locator};
use url::Url;

use crate::forge::{Forge, Probed, check_refused, page, settings};
use crate::server::{Server, Step, answer, ok, raw_then_close, redirect};

const TAG: &str = "a.test/x git https://git.test/x";

/// A forge that lets every tunnel through and answers everything with the same steps.
async fn saying(steps: Vec<Step>) -> Forge {
    Forge::start(move |url| match url.starts_with("CONNECT ") {
        true => Vec::new(),
        false => steps.clone(),
    })
    .await
}

fn chunked(head: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\n{head}transfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n",
        body.len()
    )
    .into_bytes()
}

/// A forge that answers for `a.test/0`, `a.test/1` … with the steps of that number.
async fn saying_each(steps: Vec<Vec<Step>>) -> Forge {
    Forge::start(move |url| match url.strip_prefix("https://a.test/") {
        None => Vec::new(),
        Some(path) => {
            let number: usize = path.split('?').next().unwrap().parse().unwrap();
            steps[number].clone()
        }
    })
    .await
}

#[tokio::test]
async fn redirects_lead_to_no_private_place() {
    let canary = Server::saying(ok(page(TAG))).await;
    let port = canary.address.port();
    let targets = [
        format!("https://127.0.0.1:{port}/"),
        format!("//127.0.0.1:{port}/"),
        format!("https://localhost:{port}/"),
        format!("https://LOCALHOST:{port}/"),
        format!("https://2130706433:{port}/"),
        format!("https://0x7f.1:{port}/"),
        format!("https://0177.0.0.1:{port}/"),
        format!("https://[::1]:{port}/"),
        format!("https://[::ffff:127.0.0.1]:{port}/"),
        "https://169.254.169.254/latest/meta-data/".to_owned(),
        "https://10.0.0.1/".to_owned(),
        "ftp://127.0.0.1/".to_owned(),
        "file:///etc/passwd".to_owned(),
        format!("http://127.0.0.1:{port}/"),
    ];
    let forge = saying_each(targets.iter().map(|target| redirect(target)).collect()).await;
    for (number, target) in targets.iter().enumerate() {
        let found = forge.find(&format!("a.test/{number}")).await;
        if target.starts_with("http:") {
            check_refused(&found, UpstreamClass::Absent, "from https to http");
        } else {
            check_refused(&found, UpstreamClass::Forbidden, "a.test/");
        }
        assert_eq!(forge.urls().len(), number + 1, "{target}");
    }
    assert_eq!(canary.connection_count(), 0);
}

#[tokio::test]
async fn paths_of_private_places_are_not_asked() {
    let forge = saying(ok(page(TAG))).await;
    for path in [
        "127.0.0.1/x",
        "10.0.0.1/x",
        "169.254.169.254/latest",
        "192.168.1.1/x",
        "100.64.0.1/x",
    ] {
        check_refused(
            &forge.find(path).await,
            UpstreamClass::Forbidden,
            "origin.allow",
        );
    }
    for path in ["127.1/x", "0x7f.1/x", "0177.0.0.1/x"] {
        check_refused(
            &forge.find(path).await,
            UpstreamClass::Absent,
            "no name of a host",
        );
    }
    assert_eq!(forge.urls(), [""; 0]);
}

#[tokio::test]
async fn repositories_at_private_places_are_not_asked() {
    let canary = Server::saying(ok("secret")).await;
    let port = canary.address.port();
    let places = [
        format!("git https://127.0.0.1:{port}/r"),
        format!("mod https://localhost:{port}/r"),
        format!("git https://[::1]:{port}/r"),
        format!("git https://2130706433:{port}/r"),
        format!("git https://0x7f.1:{port}/r"),
        format!("git http://127.0.0.1:{port}/r"),
        format!("git git://127.0.0.1:{port}/r"),
        format!("git https://user:pass@127.0.0.1:{port}/r"),
        "git ext::sh".to_owned(),
        "git ssh://-oProxyCommand=id/r".to_owned(),
        "git file:///etc".to_owned(),
    ];
    let pages = places
        .iter()
        .enumerate()
        .map(|(number, place)| ok(page(&format!("a.test/{number} {place}"))));
    let forge = saying_each(pages.collect()).await;
    let outside = forge.outside();
    for number in 0..3 {
        let found = forge.find(&format!("a.test/{number}")).await.unwrap();
        // Whoever asks there asks the way out, whose guard refuses.
        let url = Url::parse(&found.url).unwrap();
        let asked = outside.get(Call {
            url: &url,
            credentials: None,
            share: None,
            answer_within: Duration::from_secs(10),
            whole_within: Duration::from_secs(10),
        });
        let refused = asked.await;
        assert!(
            matches!(refused, Err(OutsideError::Refused(_))),
            "{refused:?}"
        );
    }
    for (number, place) in places.iter().enumerate().skip(3) {
        let found = forge.find(&format!("a.test/{number}")).await;
        let class = match place.contains("file:") {
            true => UpstreamClass::Absent,
            false => UpstreamClass::Forbidden,
        };
        check_refused(&found, class, "invalid repository root");
    }
    assert_eq!(canary.connection_count(), 0);
}

#[tokio::test]
async fn circles_and_long_chains_of_redirects_end() {
    let circle = Forge::start(|url| match url {
        url if url.starts_with("CONNECT ") => Vec::new(),
        "https://a.test/b" => redirect("/a"),
        _ => redirect("/b"),
    })
    .await;
    check_refused(
        &circle.find("a.test/x").await,
        UpstreamClass::Absent,
        "in a circle",
    );
    let endless = Forge::start(|url| match url.strip_prefix("https://a.test") {
        None => Vec::new(),
        Some(path) => redirect(&format!("{}x", path.split('?').next().unwrap())),
    })
    .await;
    check_refused(
        &endless.find("a.test/x").await,
        UpstreamClass::Absent,
        "more than 10 times",
    );
    assert_eq!(endless.urls().len(), 11);
}

#[tokio::test]
async fn what_follows_the_head_is_not_waited_for() {
    let forge = saying(vec![
        Step::Send(chunked("", &page(TAG))),
        Step::Drip(b"1\r\nx\r\n".to_vec(), Duration::from_millis(50)),
    ])
    .await;
    // The pace of a body that drips would be trouble after 20 s.
    let began = Instant::now();
    assert!(forge.find("a.test/x").await.is_ok());
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn slow_pages_end() {
    let drip = vec![
        Step::Send(chunked("", "<html>")),
        Step::Drip(b"1\r\n \r\n".to_vec(), Duration::from_millis(50)),
    ];
    let silent = vec![
        Step::Send(chunked("", "<html>")),
        Step::Wait(Duration::from_secs(60)),
    ];
    let mute = vec![Step::Wait(Duration::from_secs(60))];
    let forge = saying_each(vec![drip, silent, mute]).await;
    let settings = LocateSettings {
        answer_within: Duration::from_millis(700),
        page_within: Duration::from_millis(900),
        ..settings()
    };
    let locator = Locator::new(forge.impatient(), Arc::new(Probed::default()), settings);
    let began = Instant::now();
    let paths = ["a.test/0", "a.test/1", "a.test/2"];
    let asked = paths.map(|path| crate::forge::find(&locator, path));
    for found in futures_util::future::join_all(asked).await {
        check_refused(&found, UpstreamClass::TooSlow, "a.test took too long");
    }
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn broken_pages_count_as_far_as_they_came() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n";
    let tag = page(TAG).replace("</head><body>", "<link ");
    let forge = saying(raw_then_close(format!("{head}{tag}"))).await;
    assert!(forge.find("a.test/x").await.is_ok());
    let forge = saying(raw_then_close(format!("{head}<html><head><meta name="))).await;
    check_refused(
        &forge.find("a.test/x").await,
        UpstreamClass::Unreachable,
        "broke off",
    );
    let forge = saying(ok("<html><head><script>if (a < b) {}</script>")).await;
    check_refused(
        &forge.find("a.test/x").await,
        UpstreamClass::Absent,
        "no go-import meta tags",
    );
}

#[tokio::test]
async fn large_pages_end() {
    let filler = "<br>".repeat(600_000);
    let forge = saying(ok(format!("{filler}{}", page(TAG)))).await;
    check_refused(
        &forge.find("a.test/x").await,
        UpstreamClass::Absent,
        "1048576 bytes",
    );
    let tag = page(TAG).replace("</head><body>", "");
    let forge = saying(ok(format!("{tag}{filler}"))).await;
    assert!(forge.find("a.test/x").await.is_ok());
}

#[tokio::test]
async fn compressed_pages_are_not_unpacked() {
    let forge = saying(answer("200 OK", "content-encoding: gzip\r\n", page(TAG))).await;
    check_refused(
        &forge.find("a.test/x").await,
        UpstreamClass::Invalid,
        "content encoding gzip",
    );
}

#[tokio::test]
async fn hosts_that_cannot_be_reached_are_not_absent() {
    let refusing = Forge::start(|_url| answer("502 Bad Gateway", "", "")).await;
    check_refused(
        &refusing.find("a.test/x").await,
        UpstreamClass::Unreachable,
        "a.test could not be reached",
    );
    let forge = saying(ok(page("d.test/x git https://git.test/x"))).await;
    let found = forge.find("d.test/x").await;
    check_refused(&found, UpstreamClass::Unreachable, "certificate");
    let closing = Forge::start(|url| match url.starts_with("CONNECT ") {
        true => Vec::new(),
        false => vec![Step::Close],
    })
    .await;
    check_refused(
        &closing.find("a.test/x").await,
        UpstreamClass::Unreachable,
        "a.test",
    );
    let busy = saying(answer("429 Too Many Requests", "retry-after: 7\r\n", "")).await;
    let found = crate::forge::find(&busy.locator(settings()), "a.test/x").await;
    let wait = Some(Duration::from_secs(7));
    check_refused(
        &found,
        UpstreamClass::Overloaded { retry_after: wait },
        "429",
    );
}
