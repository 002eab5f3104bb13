//! How we behave towards others: identity, connections, budgets, waits, outgoing proxies.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use origin::outgoing::OutgoingProxies;
use origin::upstream::UpstreamClass;

use crate::asking::{INSTANCE, ask, check_says, config, go_mod, refused, upstreams, upstreams_of};
use crate::server::{Server, Step, answer, ok, redirect, refuse};

#[tokio::test]
async fn we_say_who_we_are() {
    let server = Server::saying(ok("module example.com/m\n")).await;
    ask(&upstreams(&server.url())).await.unwrap();
    let seen = server.seen.lock().unwrap()[0].clone();
    assert_eq!(seen.target, "/example.com/m/@v/v1.0.0.mod");
    assert_eq!(
        seen.header("user-agent").as_deref(),
        Some("granary/0.0.0 (+https://example.com/granary)")
    );
    assert_eq!(seen.header("via"), Some(format!("1.1 granary-{INSTANCE}")));
    assert_eq!(seen.header("authorization"), None);
}

#[tokio::test]
async fn connections_are_used_again_after_every_kind_of_answer() {
    let count = AtomicUsize::new(0);
    let server = Server::start(move |_| match count.fetch_add(1, Ordering::SeqCst) % 3 {
        0 => ok("module example.com/m\n"),
        1 => refuse("404 Not Found", "no such module"),
        _ => answer(
            "404 Not Found",
            "content-type: text/html\r\n",
            "x".repeat(9000),
        ),
    })
    .await;
    let upstreams = upstreams(&server.url());
    for _ in 0..9 {
        let _ = ask(&upstreams).await;
    }
    assert_eq!(server.connection_count(), 1);
}

#[tokio::test]
async fn a_reset_connection_is_tried_again() {
    let count = AtomicUsize::new(0);
    let server = Server::start(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 | 1 => vec![Step::Close],
        _ => ok("module example.com/m\n"),
    })
    .await;
    assert!(ask(&upstreams(&server.url())).await.is_ok());
    assert_eq!(server.targets().len(), 3);
    let always = Server::saying(vec![Step::Close]).await;
    assert_eq!(
        refused(ask(&upstreams(&always.url())).await).class,
        UpstreamClass::Unreachable
    );
    assert_eq!(always.targets().len(), 3);
}

#[tokio::test]
async fn retry_after_is_respected_for_the_whole_host() {
    let count = AtomicUsize::new(0);
    let server = Server::start(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => answer("429 Too Many Requests", "retry-after: 1\r\n", ""),
        _ => ok("module example.com/m\n"),
    })
    .await;
    let upstreams = upstreams(&server.url());
    let first = refused(ask(&upstreams).await);
    let one_second = Some(Duration::from_secs(1));
    assert_eq!(
        first.class,
        UpstreamClass::Overloaded {
            retry_after: one_second
        }
    );
    let began = Instant::now();
    let second = refused(ask(&upstreams).await);
    assert!(
        matches!(
            second.class,
            UpstreamClass::Overloaded {
                retry_after: Some(_)
            }
        ),
        "{second:?}"
    );
    assert!(began.elapsed() < Duration::from_millis(500));
    assert_eq!(server.targets().len(), 1);
    tokio::time::sleep(Duration::from_millis(1000)).await;
    assert!(ask(&upstreams).await.is_ok());
}

#[tokio::test]
async fn one_file_that_is_not_ready_does_not_close_the_host() {
    let count = AtomicUsize::new(0);
    let server = Server::start(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => answer("503 Service Unavailable", "retry-after: 60\r\n", ""),
        _ => ok("module example.com/m\n"),
    })
    .await;
    let upstreams = upstreams(&server.url());
    let first = refused(ask(&upstreams).await);
    let retry_after = Some(Duration::from_secs(60));
    assert_eq!(first.class, UpstreamClass::Overloaded { retry_after });
    assert!(ask(&upstreams).await.is_ok());
}

/// Asks an upstream with four places for 32 modules of so many hosts; gives the most that it was asked at once.
async fn ask_at_once(hosts: usize) -> usize {
    let mut slow = vec![Step::Wait(Duration::from_millis(20))];
    slow.extend(ok("module example.com/m\n"));
    let server = Server::saying(slow).await;
    let mut config = config();
    config.places_per_host = 4;
    let upstreams = upstreams_of(&config, &server.url());
    let calls: Vec<_> = (0..32)
        .map(|at| {
            let upstreams = upstreams.clone();
            let module = format!("example{}.com/m", at % hosts).parse().unwrap();
            tokio::spawn(async move {
                let file = go_mod();
                let asked = upstreams.get_small(&module, &file, 64 * 1024);
                asked.await.is_ok()
            })
        })
        .collect();
    for call in calls {
        assert!(call.await.unwrap());
    }
    assert!(server.connection_count() <= 4);
    server.at_once_max.load(Ordering::SeqCst)
}

#[tokio::test]
async fn a_host_is_not_asked_more_at_once_than_it_may() {
    assert_eq!(ask_at_once(8).await, 4);
    // The modules of one host leave a place for those of others.
    assert_eq!(ask_at_once(1).await, 3);
}

#[tokio::test]
async fn outgoing_proxies_carry_what_they_are_set_for() {
    let secret = Server::saying(ok("secret")).await;
    let location = format!("http://127.0.0.1:{}/", secret.address.port());
    let proxy = Server::start(move |seen| match seen.target.as_str() {
        "http://upstream.test/example.com/m/@v/v1.0.0.mod" => ok("module example.com/m\n"),
        _ => redirect(&location),
    })
    .await;
    let proxy_url = format!("http://user:pass@{}", proxy.address);
    let mut config = config();
    config.outgoing = OutgoingProxies::new(&proxy_url, &proxy_url, "").unwrap();
    assert!(
        ask(&upstreams_of(&config, "http://upstream.test"))
            .await
            .is_ok()
    );
    assert_eq!(
        proxy.seen.lock().unwrap()[0]
            .header("proxy-authorization")
            .as_deref(),
        Some("Basic dXNlcjpwYXNz")
    );

    // Behind a proxy nobody can send us to private places either, nor to the proxy itself.
    let error = refused(ask(&upstreams_of(&config, "http://other.test")).await);
    check_says(&error, "127.0.0.1");
    assert_eq!(secret.connection_count(), 0);
}

#[tokio::test]
async fn https_goes_through_a_tunnel() {
    let proxy = Server::saying(answer("502 Bad Gateway", "", "")).await;
    let proxy_url = format!("http://user:pass@{}", proxy.address);
    let mut config = config();
    config.outgoing = OutgoingProxies::new(&proxy_url, "", "skipped.test").unwrap();
    let error = refused(ask(&upstreams_of(&config, "https://upstream.test")).await);
    assert_eq!(error.class, UpstreamClass::Unreachable);
    assert!(!error.text.contains("pass"), "{error}");
    let seen = proxy.seen.lock().unwrap()[0].clone();
    assert!(
        seen.head.starts_with("CONNECT upstream.test:443 "),
        "{}",
        seen.head
    );
    assert_eq!(
        seen.header("proxy-authorization").as_deref(),
        Some("Basic dXNlcjpwYXNz")
    );
}
