//! Upstreams that mean harm, all in one run: a bounded wait, bounded memory, an error with a reason, nothing left behind,
//! and everybody else served.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::rig::granary::{Setup, size_of_folder};
use crate::rig::module::make;
use crate::rig::wait_until;

/// How an upstream answers a request; every case is one of these on the wire.
#[derive(Clone)]
enum Wire {
    /// These bytes, then the end.
    Once(Vec<u8>),
    /// The first bytes, then the others again and again as fast as they are taken.
    Flood(Vec<u8>, Vec<u8>),
    /// The first bytes, then the others again and again, slowly.
    Drip(Vec<u8>, Vec<u8>),
}

struct Case {
    name: &'static str,
    extension: &'static str,
    wire: Wire,
    statuses: &'static [u16],
}

const TROUBLE: &[u16] = &[502];
const SLOW: &[u16] = &[503, 504];

fn said(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn ok(body: impl AsRef<[u8]>) -> Wire {
    Wire::Once(said("200 OK", "", body))
}

fn redirect(to: &str) -> Wire {
    Wire::Once(said("302 Found", &format!("Location: {to}\r\n"), ""))
}

/// What can be done with any file.
fn wires() -> Vec<(&'static str, Wire, &'static [u16])> {
    let head = |text: &str| format!("HTTP/1.1 200 OK\r\n{text}").into_bytes();
    let once = |text: &str| Wire::Once(head(text));
    vec![
        ("silent", Wire::Drip(Vec::new(), Vec::new()), SLOW),
        (
            "drip",
            Wire::Drip(head("Content-Length: 9999\r\n\r\n"), b"x".to_vec()),
            SLOW,
        ),
        ("driphead", Wire::Drip(head(""), b"X: y\r\n".to_vec()), SLOW),
        (
            "informs",
            Wire::Drip(Vec::new(), b"HTTP/1.1 103 Early\r\nX: y\r\n\r\n".to_vec()),
            SLOW,
        ),
        (
            "headflood",
            Wire::Flood(
                head(""),
                [b"X: ".as_slice(), &[b'y'; 8000], b"\r\n"].concat(),
            ),
            TROUBLE,
        ),
        (
            "headlines",
            Wire::Flood(head(""), b"X: y\r\n".repeat(1000)),
            TROUBLE,
        ),
        (
            "chunkext",
            Wire::Flood(
                head("Transfer-Encoding: chunked\r\n\r\n1;"),
                vec![b'x'; 4096],
            ),
            TROUBLE,
        ),
        (
            "chunkbad",
            once("Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx"),
            TROUBLE,
        ),
        ("short", once("Content-Length: 99\r\n\r\nx"), TROUBLE),
        (
            "long",
            once("Content-Length: 9223372036854775807\r\n\r\nx"),
            TROUBLE,
        ),
        ("negative", once("Content-Length: -1\r\n\r\nx"), TROUBLE),
        (
            "twolengths",
            once("Content-Length: 1\r\nContent-Length: 2\r\n\r\nxy"),
            TROUBLE,
        ),
        (
            "encoded",
            Wire::Once(said("200 OK", "Content-Encoding: gzip\r\n", "x")),
            TROUBLE,
        ),
        (
            "partial",
            Wire::Once(said(
                "206 Partial Content",
                "Content-Range: bytes 0-0/9\r\n",
                "x",
            )),
            TROUBLE,
        ),
        (
            "nothing",
            Wire::Once(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
            TROUBLE,
        ),
        (
            "teapot",
            Wire::Once(said("418 Teapot", "", "short and stout")),
            TROUBLE,
        ),
        (
            "unknown",
            Wire::Once(said("799 Whatever", "", "x")),
            TROUBLE,
        ),
        (
            "switching",
            Wire::Once(
                b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n".to_vec(),
            ),
            TROUBLE,
        ),
        ("meta", redirect("http://169.254.169.254/x"), TROUBLE),
        ("decimal", redirect("http://2130706433:9/x"), TROUBLE),
        ("mapped", redirect("http://[::ffff:127.0.0.1]:9/x"), TROUBLE),
        ("file", redirect("file:///etc/passwd"), TROUBLE),
        ("gopher", redirect("gopher://127.0.0.1/x"), TROUBLE),
        ("nowhere", redirect("http://"), TROUBLE),
    ]
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for extension in ["info", "mod", "zip"] {
        for (name, wire, statuses) in wires() {
            cases.push(Case {
                name,
                extension,
                wire,
                statuses,
            });
        }
    }
    let mut add = |name, extension, wire, statuses| {
        cases.push(Case {
            name,
            extension,
            wire,
            statuses,
        });
    };
    let open = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let info = |rest: &str| ok(format!("{{\"Version\":\"v1.0.0\"{rest}}}"));
    add(
        "endless",
        "info",
        Wire::Flood(open.clone(), vec![b' '; 4096]),
        TROUBLE,
    );
    add(
        "endless",
        "mod",
        Wire::Flood(open.clone(), vec![b'x'; 65536]),
        TROUBLE,
    );
    add(
        "endless",
        "list",
        Wire::Flood(open, b"v1.0.0\n".repeat(9000)),
        TROUBLE,
    );
    add("html", "info", ok("<html>log in</html>"), TROUBLE);
    add("other", "info", ok("{\"Version\":\"v9.9.9\"}"), TROUBLE);
    add("twice", "info", info(",\"Version\":\"v6.6.6\""), TROUBLE);
    add(
        "deep",
        "info",
        info(&format!(",\"Origin\":{}", "[".repeat(100_000))),
        TROUBLE,
    );
    add(
        "year",
        "info",
        info(",\"Time\":\"99999-01-01T00:00:00Z\""),
        TROUBLE,
    );
    add(
        "bom",
        "info",
        ok("\u{feff}{\"Version\":\"v1.0.0\"}"),
        TROUBLE,
    );
    add("huge", "mod", ok(vec![b'/'; 17 << 20]), TROUBLE);
    add("huge", "list", ok(b"v1.0.0 \n".repeat(1 << 20)), TROUBLE);
    add(
        "huge",
        "zip",
        Wire::Flood(
            b"HTTP/1.1 200 OK\r\nContent-Length: 629145600\r\n\r\n".to_vec(),
            vec![0; 65536],
        ),
        TROUBLE,
    );
    add("html", "zip", ok("<html>log in</html>"), TROUBLE);
    add("empty", "zip", ok(""), TROUBLE);
    add(
        "tail",
        "zip",
        ok([
            make("example.com/tail", "v1.0.0", &[]).zip,
            b"x".repeat(70_000),
        ]
        .concat()),
        TROUBLE,
    );
    add(
        "far",
        "zip",
        ok([vec![0; 100], b"PK\x05\x06".to_vec(), vec![0xff; 18]].concat()),
        TROUBLE,
    );
    cases
}

/// A GOPROXY that answers `example.com/<name>-<extension>` truly, but for that file of it.
fn start(cases: &'static [Case]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream, cases));
        }
    });
    url
}

fn answer(mut stream: TcpStream, cases: &[Case]) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let first = lines.next()?.ok()?;
    while !lines.next()?.ok()?.is_empty() {}
    let path = first.split(' ').nth(1)?.strip_prefix("/example.com/")?;
    let (module, file) = path.split_once("/@v/")?;
    let extension = file.rsplit('.').next()?;
    let case = cases
        .iter()
        .find(|case| format!("{}-{}", case.name, case.extension) == module);
    let wire = match case.filter(|case| case.extension == extension) {
        Some(case) => case.wire.clone(),
        None => ok(make(&format!("example.com/{module}"), "v1.0.0", &[]).bytes(extension)),
    };
    let (first, more, pause) = match wire {
        Wire::Once(bytes) => (bytes, None, Duration::ZERO),
        Wire::Flood(first, more) => (first, Some(more), Duration::ZERO),
        Wire::Drip(first, more) => (first, Some(more), Duration::from_millis(300)),
    };
    stream.write_all(&first).ok()?;
    let begun = Instant::now();
    while let Some(more) = &more {
        stream.write_all(more).ok()?;
        std::thread::sleep(pause);
        if begun.elapsed() > Duration::from_secs(60) {
            break;
        }
    }
    Some(())
}

#[test]
fn whatever_an_upstream_does_the_wait_and_the_memory_are_bounded() {
    let cases: &'static [Case] = cases().leak();
    let url = start(cases);
    let granary = Setup::new()
        .set("upstream", &url)
        .set("client_wait", "4s")
        .set("origin.timeout", "2s")
        .set("capture.zips", "asked")
        .watched("")
        .start();
    let address = granary.address;
    let clients: Vec<_> = cases
        .iter()
        .map(|case| {
            std::thread::spawn(move || {
                let file = match case.extension {
                    "list" => "list".to_owned(),
                    extension => format!("v1.0.0.{extension}"),
                };
                let path = format!("/example.com/{}-{}/@v/{file}", case.name, case.extension);
                let begun = Instant::now();
                let answer = crate::rig::raw::get(address, &path);
                (case, path, answer, begun.elapsed())
            })
        })
        .collect();
    let mut memory_max = 0;
    let mut wrong = Vec::new();
    for client in clients {
        let (case, path, answer, took) = client.join().unwrap();
        memory_max = memory_max.max(granary.memory_bytes());
        let text = answer.text();
        let kept = answer.header("cache-control").unwrap_or_default();
        // "Not yet", of a zip alone, for as long as bytes of it come.
        let is_coming =
            case.extension == "zip" && answer.status == 404 && text.contains("it is on its way");
        let is_right = (case.statuses.contains(&answer.status) || is_coming)
            && took < Duration::from_secs(10)
            && (1..=8).contains(&text.lines().count())
            && text.len() <= 648
            && text.contains(&format!("example.com/{}", case.name))
            && answer.header("content-type") == Some("text/plain; charset=utf-8")
            && (kept == "no-store" || (answer.status == 404 && kept == "public, max-age=60"));
        if !is_right {
            wrong.push(format!(
                "{path}: {} after {took:?}, {kept}: {text}",
                answer.status
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(memory_max < 300 << 20, "{memory_max} bytes");

    // Nothing of it is left: no part of a zip on disk, no damage, no panic; the next one is served.
    let incoming = granary.setup.data().join("store").join("incoming");
    wait_until(
        Duration::from_secs(30),
        "nothing is staged any more",
        || size_of_folder(&incoming) == 0,
    );
    assert!(!granary.log().contains("panicked"), "{}", granary.log());
    let honest = make("example.com/honest", "v1.0.0", &[]);
    for extension in ["info", "mod", "zip"] {
        assert_eq!(
            granary.must_get(&honest.file(extension)),
            honest.bytes(extension)
        );
    }
    eprintln!("{} cases, {} MiB at most", cases.len(), memory_max >> 20);
    let upstream = url.strip_prefix("http://").unwrap().parse().unwrap();
    granary.kill_and_judge(&[upstream], &[]);
}

#[test]
fn one_module_that_is_not_ready_does_not_close_the_upstream_for_others() {
    let busy = Case {
        name: "busy",
        extension: "info",
        wire: Wire::Once(said(
            "503 Busy",
            "Retry-After: 60\r\n",
            "still fetching it\n",
        )),
        statuses: &[503],
    };
    let url = start(vec![busy].leak());
    let granary = Setup::new().set("upstream", &url).start();
    let answer = granary.get("/example.com/busy-info/@v/v1.0.0.info");
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.header("retry-after").is_some());
    let honest = make("example.com/honest", "v1.0.0", &[]);
    assert_eq!(granary.must_get(&honest.file("info")), honest.info);
}
