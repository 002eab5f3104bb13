//! Normal requests: a few clients on kept connections that ask, wait for the answer and pause, and how long answers took.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Longest header block that an answer may have; its body comes behind it.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// A client that got no answer for so long gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks for `path` for so long with so many clients; prints the median and the 99th percentile in milliseconds.
pub fn run(
    address: SocketAddr,
    path: &str,
    clients: usize,
    pause: Duration,
    during: Duration,
) -> Result<()> {
    let end = Instant::now() + during;
    let started: Vec<_> = (0..clients.max(1))
        .map(|_| {
            let path = path.to_owned();
            thread::spawn(move || ask(address, &path, pause, end))
        })
        .collect();
    let mut times = Vec::new();
    for client in started {
        match client.join() {
            Ok(took) => times.extend(took?),
            Err(_) => bail!("a client failed"),
        }
    }
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{:.3} {:.3} {}", at(0.5), at(0.99), times.len())?;
    Ok(())
}

fn ask(address: SocketAddr, path: &str, pause: Duration, end: Instant) -> Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(address).context("no connection")?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let mut times = Vec::new();
    while times.is_empty() || Instant::now() < end {
        // The pause of this client, on its own thread: there is nothing to wait for.
        thread::park_timeout(pause);
        let begun = Instant::now();
        stream.write_all(request.as_bytes())?;
        read_answer(&mut stream)?;
        times.push(begun.elapsed());
    }
    Ok(times)
}

/// Reads one answer to its end.
fn read_answer(stream: &mut TcpStream) -> Result<()> {
    let mut read = Vec::new();
    let mut buffer = [0; 64 << 10];
    let body_at = loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 || read.len() > HEAD_BYTES_MAX {
            bail!("no answer: {:?}", String::from_utf8_lossy(&read));
        }
        read.extend_from_slice(&buffer[..count]);
        if let Some(at) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let head = String::from_utf8_lossy(&read[..body_at]).to_lowercase();
    if !head.starts_with("http/1.1 200") {
        bail!("not answered with 200: {head}");
    }
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.context("no length")?.trim().parse()?;
    let mut left = (body_at + length).saturating_sub(read.len());
    while left > 0 {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            bail!("the answer was cut off");
        }
        left = left.saturating_sub(count);
    }
    Ok(())
}
