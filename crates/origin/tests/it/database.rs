//! The way to a checksum database: who is asked, once, and what is asked of whom.

use origin::database::DatabaseWay;
use origin::sumdb::transport::{DatabaseTransport, TransportError};

use crate::asking::{INSTANCE, upstreams};
use crate::server::{Server, answer, ok, refuse};

/// A key whose name is an address on loopback, which only plain http would reach: the test never gets there.
const KEY: &str = "sum.golang.org";

fn way(list: &str, key: &str) -> DatabaseWay {
    DatabaseWay::new(&upstreams(list), &key.parse().unwrap()).unwrap()
}

#[tokio::test]
async fn the_first_upstream_that_says_yes_is_asked_ever_after() {
    let no = Server::saying(refuse("410 Gone", "no")).await;
    let yes = Server::saying(ok("tile")).await;
    let way = way(
        &format!("{},http://user:pass@{}/base", no.url(), yes.address),
        KEY,
    );
    for _ in 0..2 {
        assert_eq!(
            way.get("lookup/a.test/!b@v1.0.0", 100).await.unwrap(),
            "tile"
        );
    }
    let lookup = "/base/sumdb/sum.golang.org/lookup/a.test/!b@v1.0.0";
    assert_eq!(
        yes.targets(),
        ["/base/sumdb/sum.golang.org/supported", lookup, lookup]
    );
    assert_eq!(no.targets(), ["/sumdb/sum.golang.org/supported"]);
    assert!(
        yes.seen
            .lock()
            .unwrap()
            .iter()
            .all(|seen| seen.header("authorization").is_some())
    );
}

#[tokio::test]
async fn an_address_of_its_own_bypasses_the_upstreams() {
    let upstream = Server::saying(ok("wrong")).await;
    let database = Server::saying(ok("right")).await;
    let way = way(&upstream.url(), &format!("{KEY} {}/db/", database.url()));
    assert_eq!(way.get("latest", 100).await.unwrap(), "right");
    assert_eq!(database.targets(), ["/db/latest"]);
    assert_eq!(upstream.connection_count(), 0);
}

#[tokio::test]
async fn an_upstream_that_neither_says_yes_nor_no_is_trouble() {
    let broken = Server::saying(refuse("500 Oops", "down")).await;
    let way = way(&broken.url(), KEY);
    for asked in 1..=2 {
        assert!(matches!(
            way.get("latest", 100).await,
            Err(TransportError::Unreachable { .. })
        ));
        assert_eq!(broken.targets().len(), asked);
    }
}

#[tokio::test]
async fn answers_have_their_class() {
    let server = Server::start(|seen| match seen.target.rsplit('/').next().unwrap() {
        "supported" => ok(""),
        "gone@v1.0.0" => refuse("410 Gone", "no such version"),
        "absent@v1.0.0" => answer("404 Not Found", "", ""),
        "busy@v1.0.0" => answer("429 Too Many", "", ""),
        _ => ok("x".repeat(101)),
    })
    .await;
    let way = way(&server.url(), KEY);
    let not_found = |text: String| Err(TransportError::NotFound { text });
    assert_eq!(
        way.get("lookup/gone@v1.0.0", 100).await,
        not_found("no such version".to_owned())
    );
    let text = format!(
        "{} answered 404 Not Found for lookup/absent@v1.0.0",
        server.address
    );
    assert_eq!(way.get("lookup/absent@v1.0.0", 100).await, not_found(text));
    assert!(matches!(
        way.get("lookup/busy@v1.0.0", 100).await,
        Err(TransportError::Unreachable { .. })
    ));
    assert_eq!(way.get("latest", 100).await, Err(TransportError::TooLarge));
    assert_eq!(way.get("latest", 101).await.unwrap().len(), 101);
    let before = server.targets().len();
    assert!(matches!(
        way.get("lookup/../../secret", 100).await,
        Err(TransportError::NotFound { .. })
    ));
    assert_eq!(server.targets().len(), before);
}

#[tokio::test]
async fn a_way_that_leads_back_is_looked_for_again() {
    let loops = answer(
        "508 Loop Detected",
        &format!("via: 1.1 granary-{INSTANCE}\r\n"),
        "",
    );
    let server = Server::start(move |seen| {
        if seen.target.ends_with("supported") {
            ok("")
        } else {
            loops.clone()
        }
    })
    .await;
    let way = way(&server.url(), KEY);
    for _ in 0..2 {
        assert!(matches!(
            way.get("latest", 100).await,
            Err(TransportError::Unreachable { .. })
        ));
    }
    assert_eq!(
        server
            .targets()
            .iter()
            .filter(|target| target.ends_with("supported"))
            .count(),
        2
    );
}
