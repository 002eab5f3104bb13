//! Crowds of clients, each with its own bad habit, and measures of how everyone else fares meanwhile.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::{Builder, Runtime};

/// What a client of a crowd does until it is cut off; then it comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// Asks once, then says nothing.
    Idle,
    /// Sends a request a byte at a time.
    SlowHeader,
    /// Promises a body and sends it a byte at a time.
    SlowBody,
    /// Asks for a large zip and takes it in small sips.
    SlowRead,
    /// HTTP/2: opens no window and answers pings.
    NoWindow,
    /// Requests with thousands of headers.
    Headers,
    /// HTTP/2: pings without end.
    Pings,
    /// HTTP/2: settings without end.
    Settings,
    /// HTTP/2: a header block without end.
    Continuations,
    /// HTTP/2: requests that are taken back at once.
    Resets,
}

pub const SLOW: [Habit; 4] = [
    Habit::SlowHeader,
    Habit::SlowBody,
    Habit::SlowRead,
    Habit::NoWindow,
];

pub const FLOODS: [Habit; 5] = [
    Habit::Headers,
    Habit::Pings,
    Habit::Settings,
    Habit::Continuations,
    Habit::Resets,
];

/// Time between two bytes or sips of a slow client.
const SLOWLY: Duration = Duration::from_secs(1);

/// Time before a client that was cut off comes again.
const AGAIN: Duration = Duration::from_millis(200);

/// Whom a crowd asks for what.
#[derive(Clone, Debug)]
pub struct Target {
    pub address: SocketAddr,
    /// A path that is answered out of memory.
    pub hot: String,
    /// The path of a large zip.
    pub large: String,
}

/// Makes the calling thread, and no other, run when nobody else wants to. A low priority alone would let it finish its
/// turn before whoever wakes up.
fn step_back() {
    let itself = std::fs::read_link("/proc/thread-self").unwrap();
    let idle = std::process::Command::new("chrt")
        .args(["--idle", "--pid", "0"])
        .arg(itself.file_name().unwrap())
        .status();
    if !idle.is_ok_and(|status| status.success()) {
        _ = rustix::process::nice(19);
    }
}

/// Clients that come again and again until the crowd is dropped.
pub struct Crowd {
    stopped: Arc<AtomicBool>,
    open: Arc<AtomicUsize>,
}

impl Crowd {
    /// What crowds run on. A real one sits at many other machines: what it costs to play it here must not pass for what
    /// it costs the server, so it gets only the processor time that nobody else wants.
    pub fn runtime() -> Runtime {
        Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .on_thread_start(step_back)
            .build()
            .unwrap()
    }

    /// Sends `count` clients of one habit.
    pub fn send(runtime: &Runtime, target: &Target, habit: Habit, count: usize) -> Self {
        let crowd = Self {
            stopped: Arc::default(),
            open: Arc::default(),
        };
        for _ in 0..count {
            let (stopped, open) = (crowd.stopped.clone(), crowd.open.clone());
            let target = target.clone();
            runtime.spawn(async move {
                while !stopped.load(Ordering::Relaxed) {
                    let once = behave(&target, habit, &open);
                    let until_stopped = async {
                        while !stopped.load(Ordering::Relaxed) {
                            tokio::time::sleep(AGAIN).await;
                        }
                    };
                    tokio::select! {
                        _ = once => tokio::time::sleep(AGAIN).await,
                        () = until_stopped => {}
                    }
                }
            });
        }
        crowd
    }

    /// Connections that are open at the moment.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

/// Counts a connection for as long as it is open.
struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn behave(target: &Target, habit: Habit, open: &Arc<AtomicUsize>) -> std::io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    if habit == Habit::SlowRead {
        socket.set_recv_buffer_size(16 << 10)?;
    }
    let stream = socket.connect(target.address).await?;
    open.fetch_add(1, Ordering::Relaxed);
    let _open = Open(open.clone());
    match habit {
        Habit::Idle => idle(stream, &target.hot).await,
        Habit::SlowHeader => drip(stream, b"GET /", b"a").await,
        Habit::SlowBody => {
            let head = format!(
                "POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n",
                target.hot
            );
            drip(stream, head.as_bytes(), b"b").await
        }
        Habit::SlowRead => sip(stream, &target.large).await,
        Habit::NoWindow => {
            let bytes = [frames::begin(0), frames::get(1, &target.large)].concat();
            listen(stream, &bytes).await
        }
        Habit::Headers => {
            let header = format!("X-Flood: {}\r\n", "x".repeat(900));
            let head = format!("GET {} HTTP/1.1\r\nHost: x\r\n", target.hot);
            flood(stream, head.as_bytes(), &header.repeat(64).into_bytes()).await
        }
        Habit::Pings => {
            let ping = frames::frame(frames::PING, 0, 0, &[1; 8]);
            flood(stream, &frames::begin(1 << 20), &ping.repeat(1000)).await
        }
        Habit::Settings => {
            let settings = frames::frame(frames::SETTINGS, 0, 0, &[]);
            flood(stream, &frames::begin(1 << 20), &settings.repeat(1000)).await
        }
        Habit::Continuations => {
            let head = frames::frame(frames::HEADERS, 1, 1, &frames::block(&target.hot));
            let more = frames::frame(frames::CONTINUATION, 0, 1, &[0; 16]);
            let begin = [frames::begin(1 << 20), head].concat();
            flood(stream, &begin, &more.repeat(1000)).await
        }
        Habit::Resets => {
            let resets: Vec<u8> = (0..10_000u32)
                .flat_map(|n| {
                    let stream = 2 * n + 1;
                    let reset = frames::frame(frames::RESET, 0, stream, &[0, 0, 0, 8]);
                    [frames::get(stream, &target.hot), reset].concat()
                })
                .collect();
            flood(stream, &frames::begin(1 << 20), &resets).await
        }
    }
}

async fn idle(mut stream: TcpStream, path: &str) -> std::io::Result<()> {
    stream.write_all(request(path).as_bytes()).await?;
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}

async fn drip(stream: TcpStream, first: &[u8], drop: &[u8]) -> std::io::Result<()> {
    let (mut read, mut write) = stream.into_split();
    write.write_all(first).await?;
    let mut buffer = [0; 4096];
    let until_cut = async { while let Ok(1..) = read.read(&mut buffer).await {} };
    let dripping = async {
        while write.write_all(drop).await.is_ok() {
            tokio::time::sleep(SLOWLY).await;
        }
    };
    tokio::select! {
        () = until_cut => {}
        () = dripping => {}
    }
    Ok(())
}

async fn sip(mut stream: TcpStream, path: &str) -> std::io::Result<()> {
    stream.write_all(request(path).as_bytes()).await?;
    let mut buffer = [0; 1024];
    while stream.read(&mut buffer).await? > 0 {
        tokio::time::sleep(SLOWLY).await;
    }
    Ok(())
}

/// Answers pings and settings, opens no window.
async fn listen(mut stream: TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(bytes).await?;
    let mut head = [0; 9];
    loop {
        stream.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload).await?;
        let is_ack = head[4] & frames::ACK != 0;
        let answer = match head[3] {
            frames::PING if !is_ack => frames::frame(frames::PING, frames::ACK, 0, &payload),
            frames::SETTINGS if !is_ack => frames::frame(frames::SETTINGS, frames::ACK, 0, &[]),
            _ => continue,
        };
        stream.write_all(&answer).await?;
    }
}

/// Sends without end, and reads what comes so that its own answers do not hold it up.
async fn flood(stream: TcpStream, first: &[u8], again: &[u8]) -> std::io::Result<()> {
    let (mut read, mut write) = stream.into_split();
    let mut buffer = vec![0; 64 << 10];
    let until_cut = async { while let Ok(1..) = read.read(&mut buffer).await {} };
    let flooding = async {
        if write.write_all(first).await.is_ok() {
            while write.write_all(again).await.is_ok() {}
        }
    };
    tokio::select! {
        () = until_cut => {}
        () = flooding => {}
    }
    Ok(())
}

fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
}

/// Frames of HTTP/2, by hand. Source: RFC 9113, sections 4 and 6; RFC 7541, appendix A.
mod frames {
    pub const HEADERS: u8 = 1;
    pub const RESET: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PING: u8 = 6;
    pub const CONTINUATION: u8 = 9;
    pub const ACK: u8 = 1;

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

    /// A whole request.
    pub fn get(stream: u32, path: &str) -> Vec<u8> {
        frame(HEADERS, 5, stream, &block(path))
    }

    /// Begins a connection; `window` bytes of every answer may come before more is allowed.
    pub fn begin(window: u32) -> Vec<u8> {
        let mut setting = 4u16.to_be_bytes().to_vec();
        setting.extend(window.to_be_bytes());
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        [preface.as_slice(), &frame(SETTINGS, 0, 0, &setting)].concat()
    }
}

/// How well-behaved clients fared.
#[derive(Clone, Debug, Default)]
pub struct Fared {
    /// How long each answer took, sorted.
    pub times: Vec<Duration>,
    /// Answers other than the one that is right.
    pub wrong: usize,
    pub seconds: f64,
}

impl Fared {
    pub fn p99_ms(&self) -> f64 {
        let at = self.times.len() * 99 / 100;
        self.times.get(at).map_or(f64::NAN, Duration::as_secs_f64) * 1000.0
    }

    pub fn per_second(&self) -> f64 {
        self.times.len() as f64 / self.seconds
    }
}

/// Asks for `path` with `clients` for some time, each again as soon as it has its answer and `pause` is over.
pub fn ask(
    runtime: &Runtime,
    to: SocketAddr,
    path: &str,
    clients: usize,
    pause: Duration,
    during: Duration,
) -> Fared {
    let begun = Instant::now();
    let asking: Vec<_> = (0..clients)
        .map(|_| runtime.spawn(ask_often(to, request(path), pause, begun + during)))
        .collect();
    let mut all = Fared::default();
    for one in asking {
        let one = runtime.block_on(one).unwrap();
        all.times.extend(one.times);
        all.wrong += one.wrong;
    }
    all.times.sort();
    all.seconds = begun.elapsed().as_secs_f64();
    all
}

async fn ask_often(to: SocketAddr, request: String, pause: Duration, until: Instant) -> Fared {
    let mut fared = Fared::default();
    let mut stream = None;
    let mut buffer = vec![0; 64 << 10];
    while Instant::now() < until {
        let begun = Instant::now();
        if stream.is_none() {
            stream = TcpStream::connect(to).await.ok();
        }
        let asked = match &mut stream {
            Some(stream) => ask_once(stream, &request, &mut buffer).await,
            None => None,
        };
        match asked {
            Some(200) => fared.times.push(begun.elapsed()),
            _ => {
                fared.wrong += 1;
                stream = None;
            }
        }
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
    fared
}

/// The status of the answer, once it is all there; `None` when it does not come to its end.
async fn ask_once(stream: &mut TcpStream, request: &str, buffer: &mut [u8]) -> Option<u16> {
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut came = 0;
    loop {
        let read = stream.read(buffer.get_mut(came..)?).await.ok()?;
        if read == 0 {
            return None;
        }
        came += read;
        let text = std::str::from_utf8(&buffer[..came]).ok()?;
        let Some(end) = text.find("\r\n\r\n") else {
            continue;
        };
        let length = text[..end].lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().ok())?
        })?;
        if came >= end + 4 + length {
            return text.get(9..12)?.parse().ok();
        }
    }
}
