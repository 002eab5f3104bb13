//! Clients that take their time, take nothing, or say much and ask for nothing: each is given up after a while, and those
//! who wait for us are not.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::house::{House, zip_of};

const MOD: &str = "/example.com/m/@v/v1.0.0.mod";
const ZIP: &str = "/example.com/m/@v/v1.0.0.zip";
const BIG: &str = "/example.com/big/@v/v1.0.0.zip";

/// More than what sockets hold between them.
const BIG_BYTES: usize = 24 << 20;

/// Longest wait for an end that must come; only a failing test waits that long.
const SOON: Duration = Duration::from_secs(20);

/// A server that waits a second for slow clients, with a small and a big zip.
async fn impatient() -> House {
    let house = House::open_with(|config| {
        config.write_wait = Duration::from_secs(1);
        config.header_wait = Duration::from_secs(1);
        // Half of it is the time between two pings of ours.
        config.idle_wait = Duration::from_millis(600);
    })
    .await;
    house.land("example.com/m@v1.0.0").await;
    let big = "example.com/big@v1.0.0".parse().unwrap();
    house.keepers.land_mod(&big).await;
    house.keepers.land_zip(&big, vec![7; BIG_BYTES]).await;
    house
}

async fn count(house: &House, figure: &str) -> u64 {
    let reply = house.get("/metrics").await;
    let metrics = reply.text();
    let line = metrics.lines().find_map(|line| line.strip_prefix(figure));
    line.unwrap_or_else(|| panic!("{figure} is not in {metrics}"))
        .trim()
        .parse()
        .unwrap()
}

async fn stalled(house: &House) -> u64 {
    count(house, "granary_connections_cut_total{why=\"stalled\"}").await
}

/// Frames of HTTP/2, by hand. Source: RFC 9113, sections 4 and 6; RFC 7541, appendix A.
mod frames {
    pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    pub const HEADERS: u8 = 1;
    pub const RESET: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PING: u8 = 6;
    pub const CONTINUATION: u8 = 9;
    pub const ACK: u8 = 1;
    /// No body follows, and no more of the header block.
    pub const WHOLE: u8 = 5;
    /// No body follows.
    pub const END_STREAM: u8 = 1;

    pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = length[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        frame
    }

    /// `GET <path>`, in the simplest coding.
    pub fn block(path: &str) -> Vec<u8> {
        let mut block = vec![0x82, 0x86, 0x04, u8::try_from(path.len()).unwrap()];
        block.extend(path.bytes());
        block.extend([0x01, 1, b'x']);
        block
    }

    pub fn get(stream: u32, path: &str) -> Vec<u8> {
        frame(HEADERS, WHOLE, stream, &block(path))
    }

    /// Begins a connection; `window` bytes of every answer may come before more is allowed.
    pub fn begin(window: u32) -> Vec<u8> {
        let mut setting = 4u16.to_be_bytes().to_vec();
        setting.extend(window.to_be_bytes());
        [PREFACE, &frame(SETTINGS, 0, 0, &setting)].concat()
    }
}
use frames::{ACK, PING, SETTINGS, begin, frame, get};

/// What came over a connection of HTTP/2 until its end.
#[derive(Debug, Default)]
struct Heard {
    pings: usize,
    data_bytes: usize,
    is_closed: bool,
}

/// Acknowledges pings and settings, opens no window, until the connection ends or `limit` is over.
async fn listen(mut stream: TcpStream, limit: Duration) -> Heard {
    let mut heard = Heard::default();
    let listening = async {
        let mut head = [0; 9];
        while stream.read_exact(&mut head).await.is_ok() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let mut payload = vec![0; length];
            if stream.read_exact(&mut payload).await.is_err() {
                break;
            }
            let (kind, flags) = (head[3], head[4]);
            let answer = match kind {
                0 => {
                    heard.data_bytes += length;
                    continue;
                }
                PING if flags & ACK == 0 => {
                    heard.pings += 1;
                    frame(PING, ACK, 0, &payload)
                }
                SETTINGS if flags & ACK == 0 => frame(SETTINGS, ACK, 0, &[]),
                _ => continue,
            };
            if stream.write_all(&answer).await.is_err() {
                break;
            }
        }
    };
    heard.is_closed = tokio::time::timeout(limit, listening).await.is_ok();
    heard
}

async fn connect(house: &House, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    stream.write_all(bytes).await.ok(); // a server may have had enough before all is sent
    stream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_answers_pings_and_opens_no_window_is_given_up() {
    let house = impatient().await;
    for window in [0, 1, 70_000] {
        let before = stalled(&house).await;
        let bytes = [begin(window), get(1, BIG)].concat();
        let heard = listen(connect(&house, &bytes).await, SOON).await;
        assert!(heard.is_closed, "{window}: {heard:?}");
        assert!(heard.pings > 0, "{window}: {heard:?}");
        assert!(heard.data_bytes <= 70_000, "{window}: {heard:?}");
        assert_eq!(stalled(&house).await, before + 1, "{window}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_answers_pings_and_asks_nothing_is_idle() {
    let house = impatient().await;
    for bytes in [begin(1 << 20), [begin(1 << 20), get(1, MOD)].concat()] {
        let heard = listen(connect(&house, &bytes).await, SOON).await;
        assert!(heard.is_closed && heard.pings > 0, "{heard:?}");
    }
    assert_eq!(stalled(&house).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_waits_for_us_is_not_given_up() {
    let house = impatient().await;
    house.script.set_delay(Duration::from_secs(3));
    house.script.list("example.com/late", &["v1.0.0"]);
    let bytes = [begin(1 << 20), get(1, "/example.com/late/@v/list")].concat();
    let heard = listen(connect(&house, &bytes).await, SOON).await;
    assert_eq!(heard.data_bytes, "v1.0.0\n".len(), "{heard:?}");
    assert_eq!(stalled(&house).await, 0);
}

/// Reads `piece` bytes every `pause` from a small socket; gives how much came before the end.
async fn sip(house: &House, path: &str, head: &str, piece: usize, pause: Duration) -> usize {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 << 10).unwrap();
    let mut stream = socket.connect(house.address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{head}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut buffer = vec![0; piece];
    let mut came = 0;
    let sipping = async {
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            came += read;
            tokio::time::sleep(pause).await;
        }
    };
    assert!(tokio::time::timeout(SOON, sipping).await.is_ok(), "{path}");
    came
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_sips_is_given_up_and_one_that_drinks_gets_all() {
    let house = impatient().await;
    let tenth = Duration::from_millis(100);
    // The first connection is hyper's, the second one the short loop's, the third one hyper's again.
    for (n, head) in ["", "", "If-None-Match: \"x\"\r\n"].into_iter().enumerate() {
        let came = sip(&house, BIG, head, 1 << 10, tenth).await;
        assert!(came < BIG_BYTES, "{n}");
        assert_eq!(stalled(&house).await, n as u64 + 1);
    }
    let came = sip(&house, BIG, "", 4 << 20, Duration::from_millis(1)).await;
    assert!(came > BIG_BYTES, "{came}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_that_comes_byte_by_byte_is_cut_and_counted() {
    let house = impatient().await;
    let mut stream = connect(&house, b"GET /").await;
    let (mut read, mut write) = stream.split();
    let dripping = async {
        while write.write_all(b"a").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let mut rest = Vec::new();
    tokio::select! {
        () = dripping => {}
        ended = tokio::time::timeout(SOON, read.read_to_end(&mut rest)) => assert!(ended.is_ok()),
    }
    let cut = "granary_connections_cut_total{why=\"slow_header\"}";
    assert_eq!(count(&house, cut).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_frames_end_their_connection_and_nothing_else() {
    let house = impatient().await;
    let header = [
        frames::frame(frames::HEADERS, frames::END_STREAM, 1, &frames::block(ZIP)),
        frame(frames::CONTINUATION, 0, 1, &[0; 4]).repeat(40_000),
    ];
    let resets: Vec<u8> = (0..20_000u32)
        .flat_map(|n| {
            [
                get(2 * n + 1, ZIP),
                frame(frames::RESET, 0, 2 * n + 1, &[0; 4]),
            ]
            .concat()
        })
        .collect();
    for (what, flood) in [
        ("pings", frame(PING, 0, 0, &[1; 8]).repeat(40_000)),
        ("settings", frame(SETTINGS, 0, 0, &[]).repeat(80_000)),
        ("continuations", header.concat()),
        ("resets", resets),
    ] {
        let stream = connect(&house, &begin(1 << 20)).await;
        let (read, mut write) = stream.into_split();
        // What comes back is read, so that the flood is not held up by its own answers.
        let reading = tokio::spawn(async move {
            let mut read = read;
            let mut came = vec![0; 64 << 10];
            while let Ok(1..) = read.read(&mut came).await {}
        });
        let _ = write.write_all(&flood).await;
        let ended = tokio::time::timeout(SOON, reading).await;
        assert!(ended.is_ok(), "{what}: the connection is still open");
        let reply = house.get(ZIP).await;
        let of = "example.com/m@v1.0.0".parse().unwrap();
        assert!(reply.body == zip_of(&of), "{what}: {}", reply.status);
    }
    let floods = count(&house, "granary_connections_cut_total{why=\"flood\"}").await;
    assert!(floods >= 2, "{floods}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_wait_leave_room_for_what_is_stored() {
    let house = House::open_with(|config| config.requests_max = 4).await;
    house.land("example.com/m@v1.0.0").await;
    house.script.set_delay(Duration::from_secs(2));
    let mut waiting = Vec::new();
    for n in 0..3 {
        let mut client = house.client().await;
        let path = format!("/example.com/slow{n}/@v/v1.0.0.mod");
        client
            .send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
            .await;
        let job = format!("capture:main/example.com/slow{n}@v1.0.0");
        while house.script.runs(&job) == 0 {
            tokio::task::yield_now().await;
        }
        waiting.push(client);
    }
    let refused = house.get("/example.com/slow3/@v/v1.0.0.mod").await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.header("retry-after").is_some());
    assert_eq!(house.get(ZIP).await.status, 200);
    let refusals = count(&house, "granary_overloads_total{of=\"requests\"}").await;
    assert_eq!(refusals, 1);
    for mut client in waiting {
        assert_eq!(client.reply(false).await.unwrap().status, 404);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_were_idle_before_it_was_crowded_make_room_too() {
    let house = House::open_with(|config| config.connections_max = 8).await;
    house.land("example.com/m@v1.0.0").await;
    let mut idle = Vec::new();
    for n in 0..28 {
        // Half of them on the short path, half on the long one; those beyond the eighth wait in the kernel's line.
        let path = if n % 2 == 0 {
            MOD
        } else {
            "/example.com/none/@v/list"
        };
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        idle.push(connect(&house, request.as_bytes()).await);
    }
    // In rounds of eight every five seconds; two at a time would take a minute.
    let asked = tokio::time::timeout(Duration::from_secs(40), house.get(MOD)).await;
    assert_eq!(asked.unwrap().status, 200);
}

/// The shorter time holds for those too who began to take nothing while there was plenty of room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_stalled_before_it_was_crowded_are_given_up_too() {
    let house = House::open_with(|config| {
        config.connections_max = 16;
        config.write_wait = Duration::from_secs(600);
        config.idle_wait = Duration::from_secs(600);
    })
    .await;
    let big = "example.com/big@v1.0.0".parse().unwrap();
    house.keepers.land_mod(&big).await;
    house.keepers.land_zip(&big, vec![7; BIG_BYTES]).await;
    // Kept in memory by this, so that the second one is on the short path.
    assert_eq!(house.get(BIG).await.status, 200);
    let ask = |more: &str| format!("GET {BIG} HTTP/1.1\r\nHost: x\r\n{more}\r\n");
    let mut stalling = Vec::new();
    for request in [ask("Range: bytes=0-\r\n"), ask("")] {
        let mut stream = connect(&house, request.as_bytes()).await;
        // It has begun to come, and more is on its way than the sockets hold.
        stream.read_exact(&mut [0; 1024]).await.unwrap();
        stalling.push(stream);
    }
    // Longer than any alarm that was set while they were idle: from now on nothing but the stall wakes anybody.
    tokio::time::sleep(Duration::from_secs(7)).await;
    // More than three quarters of what may be open.
    let mut crowd = Vec::new();
    for _ in 0..12 {
        crowd.push(connect(&house, b"GET /").await);
    }
    let begun = std::time::Instant::now();
    while stalled(&house).await < 2 {
        assert!(begun.elapsed() < Duration::from_secs(60), "still held");
        tokio::time::sleep(Duration::from_millis(500)).await;
        // Those of the crowd are given up as well, and come again.
        crowd.push(connect(&house, b"GET /").await);
    }
    drop(stalling);
}
