//! Clients that do what they should not, and some that only do it in an unusual way.

use std::time::{Duration, Instant};

use crate::client::Client;
use crate::house::{House, mod_of, zip_of};

const MOD: &str = "/example.com/m/@v/v1.0.0.mod";
const ZIP: &str = "/example.com/m/@v/v1.0.0.zip";

/// A server whose hot map holds the module's files.
async fn warm() -> (House, gomod::version::ModuleVersion) {
    warm_with(|_| {}).await
}

async fn warm_with(
    change: impl FnOnce(&mut web::FrontConfig),
) -> (House, gomod::version::ModuleVersion) {
    let house = House::open_with(change).await;
    let of = house.land("example.com/m@v1.0.0").await;
    for path in [MOD, ZIP] {
        assert_eq!(house.get(path).await.status, 200);
    }
    (house, of)
}

fn request(method: &str, path: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n")
}

/// The answer to exactly these bytes, or nothing if the connection ends without one.
async fn status_of(house: &House, bytes: impl AsRef<[u8]>) -> Option<u16> {
    let mut client = house.client().await;
    client.try_send(bytes).await;
    client.reply(false).await.map(|reply| reply.status)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelined_requests_are_answered_in_order() {
    let (house, of) = warm().await;
    let missing = "/example.com/none/@v/v1.0.0.mod";
    for paths in [
        vec![MOD, MOD, MOD],
        vec![MOD, ZIP, MOD],
        vec![ZIP, ZIP, ZIP, MOD],
        vec![MOD, missing, ZIP, MOD],
        vec![missing, MOD, missing, ZIP],
        vec![MOD; 200],
    ] {
        let mut client = house.client().await;
        let all: String = paths.iter().map(|path| request("GET", path)).collect();
        client.send(all).await;
        for path in paths {
            let reply = client.reply(false).await.unwrap();
            match path {
                MOD => assert_eq!(reply.text(), mod_of(&of)),
                ZIP => assert!(reply.body == zip_of(&of)),
                _ => assert_eq!(reply.status, 404),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_may_come_a_byte_at_a_time() {
    let (house, of) = warm().await;
    let mut client = house.client().await;
    for _ in 0..2 {
        for byte in request("GET", MOD).bytes() {
            client.send([byte]).await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(client.reply(false).await.unwrap().text(), mod_of(&of));
    }
    // A whole request and the beginning of the next one.
    let next = request("GET", ZIP);
    client.send(request("GET", MOD) + &next[..20]).await;
    assert_eq!(client.reply(false).await.unwrap().text(), mod_of(&of));
    client.send(&next[20..]).await;
    assert!(client.reply(false).await.unwrap().body == zip_of(&of));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_go_to_hyper_and_stay_good() {
    let (house, of) = warm().await;
    let mut client = house.client().await;
    assert_eq!(client.get(MOD).await.text(), mod_of(&of));
    assert_eq!(
        client
            .ask("POST", MOD, "Content-Length: 3\r\n\r\nabc")
            .await
            .status,
        405
    );
    let mut client = house.client().await;
    assert_eq!(client.get(MOD).await.text(), mod_of(&of));
    assert_eq!(client.get("/example.com/none/@v/list").await.status, 404);
    assert_eq!(
        client.ask("GET", ZIP, "Range: bytes=0-9\r\n").await.body,
        &zip_of(&of)[..10]
    );
    assert_eq!(client.get(MOD).await.text(), mod_of(&of));
    let hits = house.front.metrics().hits(web::metrics::Class::GoMod);
    assert_eq!(hits, 3, "hyper looks into the map too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_end_when_the_client_wants_it() {
    let (house, _) = warm().await;
    for path in [MOD, ZIP, "/example.com/none/@v/list"] {
        let mut client = house.client().await;
        client.ask("GET", path, "Connection: close\r\n").await;
        assert!(
            client.is_closed_within(Duration::from_secs(2)).await,
            "{path}"
        );
    }
    let mut client = house.client().await;
    client.send(format!("GET {MOD} HTTP/1.0\r\n\r\n")).await;
    assert_eq!(client.reply(false).await.unwrap().status, 200);
    assert!(
        client.is_closed_within(Duration::from_secs(2)).await,
        "HTTP/1.0 keeps nothing alive"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_headers_are_cut_off() {
    let short = |config: &mut web::FrontConfig| config.header_wait = Duration::from_millis(400);
    let (house, _) = warm_with(short).await;
    for beforehand in ["", "/example.com/none/@v/list"] {
        let mut client = house.client().await;
        if !beforehand.is_empty() {
            // On hyper's side of the house.
            client.get(beforehand).await;
        }
        let begun = Instant::now();
        client
            .send(format!("GET {MOD} HTTP/1.1\r\nHost: x\r\n"))
            .await;
        // A byte now and then does not help.
        while begun.elapsed() < Duration::from_secs(5) && client.try_send("X-Slow: 1\r\n").await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let took = begun.elapsed();
        assert!(
            (300..3000).contains(&took.as_millis()),
            "{beforehand}: {took:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_are_closed_and_busy_ones_are_not() {
    let short = |config: &mut web::FrontConfig| config.idle_wait = Duration::from_millis(500);
    let (house, of) = warm_with(short).await;
    for beforehand in ["", MOD, "/example.com/none/@v/list"] {
        let mut client = house.client().await;
        if !beforehand.is_empty() {
            client.get(beforehand).await;
        }
        assert!(
            !client.is_closed_within(Duration::from_millis(300)).await,
            "{beforehand}"
        );
        assert!(
            client.is_closed_within(Duration::from_secs(3)).await,
            "{beforehand}"
        );
    }
    // One that waits for an answer longer than that is not idle.
    house.script.set_delay(Duration::from_millis(1500));
    house.script.list("example.com/slow", &["v1.0.0"]);
    let mut client = house.client().await;
    assert_eq!(
        client.get("/example.com/slow/@v/list").await.text(),
        "v1.0.0\n"
    );
    // Nor is one that asks now and then.
    let mut client = house.client().await;
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        assert_eq!(client.get(MOD).await.text(), mod_of(&of));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_take_nothing_are_given_up() {
    let house = House::open_with(|config| config.write_wait = Duration::from_millis(500)).await;
    let of = "example.com/m@v1.0.0".parse().unwrap();
    house.keepers.land_mod(&of).await;
    house.keepers.land_zip(&of, vec![1; 40 << 20]).await;
    for round in 0..2 {
        let mut client = house.client().await;
        client.send(request("GET", ZIP)).await;
        tokio::time::sleep(Duration::from_millis(2000)).await;
        // What the kernel held comes out; then nothing.
        let taken = tokio::time::timeout(Duration::from_secs(10), client.take_all())
            .await
            .unwrap();
        assert!(taken < 40 << 20, "round {round}: {taken}");
    }
    assert_eq!(house.get(ZIP).await.body.len(), 40 << 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_headers_are_refused() {
    let (house, _) = warm().await;
    let many = format!(
        "GET {MOD} HTTP/1.1\r\nHost: x\r\n{}\r\n",
        "A: b\r\n".repeat(10_000)
    );
    let status = status_of(&house, many).await;
    assert!(matches!(status, None | Some(431)), "{status:?}");
    let long = format!(
        "GET {MOD} HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
        "y".repeat(1 << 20)
    );
    let status = status_of(&house, long).await;
    assert!(matches!(status, None | Some(431)), "{status:?}");
    let path = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(64 << 10));
    let status = status_of(&house, path).await;
    assert!(matches!(status, None | Some(414 | 431)), "{status:?}");
    let path = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(16 << 10));
    assert_eq!(status_of(&house, path).await, Some(404));
    let some = format!(
        "GET {MOD} HTTP/1.1\r\nHost: x\r\n{}\r\n",
        "A: b\r\n".repeat(60)
    );
    assert_eq!(status_of(&house, some).await, Some(200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ambiguous_requests_are_refused() {
    let (house, _) = warm().await;
    let with = |headers: &str| format!("GET {MOD} HTTP/1.1\r\n{headers}\r\n\r\n");
    for (bytes, want) in [
        (
            with("Host: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked"),
            vec![Some(400), None],
        ),
        (
            with("Host: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5"),
            vec![Some(400), None],
        ),
        (
            with("Host: x\r\nContent-Length: 5\r\nContent-Length: 6"),
            vec![Some(400), None],
        ),
        (with("Host: x\r\nContent-Length: -1"), vec![Some(400), None]),
        (
            with("Host: x\r\nTransfer-Encoding: gzip"),
            vec![Some(400), None],
        ),
        (with("Host: x\r\nX: a\r\n folded"), vec![Some(400), None]),
        (with("Host: x\r\nHost: y"), vec![Some(400)]),
        (with("User-Agent: nobody"), vec![Some(400)]),
        (with("Host: x\r\nBad Name: y"), vec![Some(400), None]),
        (with("Host: x\r\nX: a\0b"), vec![Some(400), None]),
        (
            format!("GET {MOD}\0 HTTP/1.1\r\nHost: x\r\n\r\n"),
            vec![Some(400), None],
        ),
        (
            format!("GET  {MOD} HTTP/1.1\r\nHost: x\r\n\r\n"),
            vec![Some(400), None],
        ),
        (
            format!("GET {MOD} HTTP/9.9\r\nHost: x\r\n\r\n"),
            vec![Some(400), None],
        ),
        (
            "\u{16}\u{3}\u{1}\u{2}\0hello, this is no HTTP\r\n\r\n".to_owned(),
            vec![Some(400), None],
        ),
        (
            "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n".to_owned(),
            vec![Some(400)],
        ),
        (
            "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
            vec![Some(405)],
        ),
        (
            with("Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket"),
            vec![Some(200)],
        ),
    ] {
        let status = status_of(&house, &bytes).await;
        assert!(want.contains(&status), "{status:?} for {bytes:?}");
    }
    assert_eq!(house.get(MOD).await.status, 200, "the server is alive");
    assert_eq!(house.script.all_runs(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn absolute_forms_are_understood() {
    let (house, of) = warm().await;
    for host in ["Host: x\r\n", ""] {
        let mut client = house.client().await;
        client
            .send(format!(
                "GET http://granary.example{MOD} HTTP/1.1\r\n{host}\r\n"
            ))
            .await;
        assert_eq!(client.reply(false).await.unwrap().text(), mod_of(&of));
    }
    let with_query = house.get(&format!("{MOD}?x=1")).await;
    assert_eq!(with_query.text(), mod_of(&of));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_of_get_do_not_become_requests() {
    let (house, of) = warm().await;
    let smuggled = request("GET", ZIP);
    let mut client = house.client().await;
    let length = smuggled.len();
    client
        .send(format!(
            "GET {MOD} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{smuggled}"
        ))
        .await;
    assert_eq!(client.reply(false).await.unwrap().text(), mod_of(&of));
    client.send(request("GET", "/livez")).await;
    if let Some(reply) = client.reply(false).await {
        assert_eq!(reply.text(), "ok\n");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_connections_than_allowed_wait() {
    let (house, of) = warm_with(|config| config.connections_max = 4).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        let mut client = house.client().await;
        client.get(MOD).await;
        held.push(client);
    }
    let mut waiting = Client::connect(house.address).await;
    waiting.send(request("GET", MOD)).await;
    assert!(
        !waiting.is_closed_within(Duration::from_millis(300)).await,
        "no answer yet"
    );
    held.pop();
    assert_eq!(waiting.reply(false).await.unwrap().text(), mod_of(&of));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2_with_prior_knowledge_is_spoken() {
    use http_body_util::{BodyExt, Empty};
    let (house, of) = warm().await;
    let stream = tokio::net::TcpStream::connect(house.address).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let handshake = hyper::client::conn::http2::handshake(executor, io).await;
    let (mut sender, connection) = handshake.unwrap();
    tokio::spawn(connection);
    for (path, want) in [(MOD, mod_of(&of).into_bytes()), (ZIP, zip_of(&of))] {
        let request = http::Request::get(format!("http://granary{path}"));
        let request = request.body(Empty::<bytes::Bytes>::new()).unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(response.into_body().collect().await.unwrap().to_bytes() == want);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_requests_harm_nobody() {
    let (house, of) = warm().await;
    let whole = format!(
        "GET {MOD} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nRange: bytes=0-9\r\n\r\n\
         HEAD {ZIP} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    );
    // A fixed sequence, so that a failure comes again.
    let mut state = 7u64;
    let mut random = move |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % below
    };
    for _ in 0..200 {
        let mut bytes = whole.clone().into_bytes();
        for _ in 0..1 + random(4) {
            let at = random(bytes.len());
            match random(4) {
                0 => bytes[at] = random(256) as u8,
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, b"\r\n :%/\0\t"[random(8)]),
                _ => bytes.truncate(at.max(1)),
            }
        }
        let mut client = house.client().await;
        client.try_send(&bytes).await;
        // Some wait for more, and that is right: they are left.
        let _ = tokio::time::timeout(Duration::from_millis(10), client.reply(false)).await;
    }
    assert_eq!(house.get(MOD).await.text(), mod_of(&of));
}
