//! Clients that mean harm: odd spellings, requests in requests, crowds, and those that ask and leave. Nobody else gets a
//! wrong answer or waits long.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::rig::database::Database;
use crate::rig::granary::{Granary, Setup};
use crate::rig::module::Made;
use crate::rig::raw;
use crate::rig::upstream::{Lie, Upstream};

/// A server with one module in its memory.
fn warm() -> (Upstream, Granary, Made) {
    let database = Database::new();
    let upstream = Upstream::start_with(&database);
    let made = upstream.publish("example.com/warm", "v1.0.0", &[("w.go", "package warm\n")]);
    let granary = Setup::with(&upstream, &database).start();
    for extension in ["info", "mod", "zip"] {
        assert_eq!(
            granary.must_get(&made.file(extension)),
            made.bytes(extension)
        );
    }
    (upstream, granary, made)
}

/// The statuses of all answers that come until the connection ends, and everything that came.
fn send_all(to: SocketAddr, bytes: &[u8]) -> (Vec<u16>, String) {
    let mut stream = TcpStream::connect(to).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    stream.write_all(bytes).ok(); // a server may refuse before it has read everything
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(n @ 1..) = stream.read(&mut buffer) {
        all.extend_from_slice(&buffer[..n]);
    }
    let all = String::from_utf8_lossy(&all).into_owned();
    let statuses = all
        .match_indices("HTTP/1.")
        .filter_map(|(at, _)| all.get(at + 9..at + 12)?.parse().ok())
        .collect();
    (statuses, all)
}

fn request(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n")
}

/// What looks like one request to one reader must not be two for another, wherever on a connection it comes.
#[test]
fn nothing_is_smuggled_in_a_request() {
    let (upstream, granary, made) = warm();
    let hot = made.file("info");
    let asked = upstream.counts();
    let last = request(&hot, "Connection: close\r\n");
    let inner = request("/example.com/smuggled/@v/list", "");
    let length = format!("Content-Length: {}\r\n", inner.len());
    let chunks = format!("{:x}\r\n{inner}\r\n0\r\n\r\n", inner.len());
    let cases: Vec<(String, &[u16])> = vec![
        (request(&hot, &length) + &inner + &last, &[200, 200]),
        (
            request(&hot, "") + &request(&hot, &length) + &inner + &last,
            &[200, 200, 200],
        ),
        (
            request(&hot, &format!("{length}Transfer-Encoding: chunked\r\n")) + &chunks,
            &[400],
        ),
        (
            request(&hot, "Transfer-Encoding: chunked\r\n") + &chunks,
            &[400],
        ),
        (
            request(&hot, "Transfer-Encoding:\tchunked\r\n") + &chunks,
            &[400],
        ),
        (
            request(&hot, "Transfer-Encoding: xchunked\r\n") + &inner,
            &[400],
        ),
        (
            request(&hot, "Transfer-Encoding: identity\r\n") + &inner,
            &[400],
        ),
        (request(&hot, &length.replace(": ", ": +")) + &inner, &[400]),
        (
            request(&hot, &length.replace("\r\n", ", 5\r\n")) + &inner,
            &[400],
        ),
        (request(&hot, &length.replace(':', " :")) + &inner, &[400]),
        (
            request(&hot, &format!("{length}Content-Length: 0\r\n")) + &inner,
            &[400],
        ),
    ];
    for (bytes, want) in cases {
        let before = request(&hot, "");
        let (statuses, all) = send_all(granary.address, (before + &bytes).as_bytes());
        let mut wanted = vec![200];
        wanted.extend(want);
        assert_eq!(statuses, wanted, "{bytes}\n--- got:\n{all}");
    }
    assert_eq!(upstream.counts(), asked, "something was smuggled through");
}

/// Every spelling of a path gets that path's own answer, and none is anything but itself to the memory of answers.
#[test]
fn no_spelling_gets_the_answer_of_another() {
    let (upstream, granary, made) = warm();
    let early = upstream.publish(
        "example.com/warm",
        "v1.0.0-RC1",
        &[("w.go", "package early\n")],
    );
    assert_eq!(granary.must_get(&early.file("info")), early.info);
    // Decoded once this is a name with a percent sign, not the version `v1.0.0-RC1`.
    let twice = early.file("info").replace('!', "%2521");
    assert_ne!(granary.get(&twice).status, 200, "{twice}");

    let same = [
        "/example.com/warm/@v/v1.0.0.info",
        "/example%2Ecom%2Fwarm/%40v/v1.0.0.info",
        "/example.com/%77arm/@v/v1.0.0.info?x=y",
        "/r/prod/example.com/warm/@v/v1.0.0.info",
        "http://other.example/example.com/warm/@v/v1.0.0.info",
    ];
    for path in same {
        let odd = [
            ("X-Forwarded-Host", "evil.example"),
            ("X-Original-URL", "/metrics"),
        ];
        let answer = raw::get_with(granary.address, path, &odd);
        assert_eq!((answer.status, &answer.body), (200, &made.info), "{path}");
        assert!(!format!("{:?}", answer.headers).contains("evil"), "{path}");
    }
    for path in [
        "//example.com/warm/@v/v1.0.0.info",
        "/r/prod/r/prod/example.com/warm/@v/v1.0.0.info",
        "/r/prodexample.com/warm/@v/v1.0.0.info",
        "/example.com/warm/@v/v1.0.0.info/",
        "/example.com/warm/@v/v1.0.0.info;x",
        "/x/../example.com/warm/@v/v1.0.0.info",
        "/example.com/%2577arm/@v/v1.0.0.info",
    ] {
        let status = granary.get(path).status;
        assert!((400..500).contains(&status), "{path}: {status}");
    }
}

#[test]
fn a_long_list_costs_many_clients_no_more_than_one() {
    let (upstream, granary, _) = warm();
    let lines: Vec<String> = (0..100_000)
        .map(|n| format!("v1.{}.{}", n % 1000, n / 1000))
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    for path in ["example.com/once", "example.com/long"] {
        upstream.publish(path, "v1.0.0", &[("l.go", "package long\n")]);
        upstream.add_list_lines(path, &lines);
    }
    let address = granary.address;
    let used = || granary.processor_time();
    let before = used();
    assert_eq!(granary.get("/example.com/once/@v/list").status, 200);
    let of_one = used() - before;
    let before = used();
    let clients: Vec<_> = (0..64)
        .map(|_| std::thread::spawn(move || raw::get(address, "/example.com/long/@v/list")))
        .collect();
    for client in clients {
        let answer = client.join().unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.text().lines().count(), 100_000);
    }
    // Far from 64 times as much; reading and writing 64 answers is in it.
    let of_many = used() - before;
    assert!(of_many < 16 * of_one, "{of_many:?} and {of_one:?}");
    assert_eq!(upstream.count("/example.com/long/@v/list"), 1);
    assert!(
        granary.memory_bytes() < 200 << 20,
        "{}",
        granary.memory_bytes()
    );
}

#[test]
fn clients_that_ask_and_leave_hold_up_nobody() {
    let upstream = Upstream::start();
    let made = crate::rig::module::make("example.com/wanted", "v1.0.0", &[]);
    upstream.add(made.clone());
    let paths: Vec<String> = (0..200)
        .map(|n| format!("/example.com/left{n}/@v/v1.0.0.mod"))
        .collect();
    for path in &paths {
        upstream.lie(path, Lie::Silent);
    }
    let granary = Setup::new()
        .set("upstream", &upstream.url())
        .set("capture.workers", "2")
        .set("origin.timeout", "1s")
        .set("client_wait", "10s")
        .start();
    for path in &paths {
        let mut stream = TcpStream::connect(granary.address).unwrap();
        stream.write_all(request(path, "").as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(100));
    let answer = granary.get(&made.file("mod"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.body, made.go_mod);
}

#[test]
fn ranges_conditions_and_bodies_change_nothing_for_the_next_request() {
    let (_upstream, granary, made) = warm();
    let zip = made.file("zip");
    let last = request(&made.file("mod"), "Connection: close\r\n");
    for (headers, status) in [
        ("Range: bytes=0-0\r\n".to_owned(), 206),
        ("Range: bytes=-0\r\n".to_owned(), 416),
        ("Range: bytes=9999999-\r\n".to_owned(), 416),
        ("Range: bytes=5-4\r\n".to_owned(), 416),
        (format!("Range: bytes=0-0{}\r\n", ",0-0".repeat(2000)), 200),
        ("If-None-Match: *\r\n".to_owned(), 304),
        (
            format!("If-None-Match: {}\r\n", "\"a\", ".repeat(2000)),
            200,
        ),
        ("If-Modified-Since: yesterday\r\n".to_owned(), 200),
        ("Expect: nonsense\r\n".to_owned(), 200),
        ("Connection: upgrade\r\nUpgrade: h2c\r\n".to_owned(), 200),
        ("Via: 1.1 \u{fffd}\r\n".to_owned(), 200),
        ("X-HTTP-Method-Override: DELETE\r\n".to_owned(), 200),
    ] {
        for method in ["GET", "HEAD"] {
            // A HEAD has no part to ask for (RFC 9110, 14.2).
            let is_part = headers.starts_with("Range") && method == "HEAD";
            let status = if is_part { 200 } else { status };
            let first = request(&zip, &headers).replacen("GET", method, 1);
            let (statuses, all) = send_all(granary.address, (first + &last).as_bytes());
            assert_eq!(statuses, [status, 200], "{method} {headers}\n{all}");
            assert!(
                all.ends_with(&*String::from_utf8_lossy(&made.go_mod)),
                "{headers}"
            );
        }
    }
}

// Whoever opens connections and says nothing must not keep the others out.
#[test]
fn idle_connections_make_room_when_there_is_none() {
    let (_upstream, granary, made) = warm();
    let setup = granary.kill().set("connections_max", "20");
    let granary = setup.start();
    let hot = request(&made.file("info"), "");
    let cold = request("/example.com/none/@v/list", "");
    let mut idle = Vec::new();
    for n in 0..25 {
        // Half of them on the short path, half on the long one.
        let mut stream = TcpStream::connect(granary.address).unwrap();
        let first = if n % 2 == 0 { &hot } else { &cold };
        stream.write_all(first.as_bytes()).unwrap();
        idle.push(stream);
    }
    std::thread::sleep(Duration::from_millis(500));
    let begun = Instant::now();
    assert_eq!(granary.must_get(&made.file("info")), made.info);
    assert!(
        begun.elapsed() < Duration::from_secs(15),
        "{:?}",
        begun.elapsed()
    );
    drop(idle);
}
