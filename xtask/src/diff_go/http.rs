//! The least of HTTP: a client that asks Granary on loopback, and a server that puts `git http-backend` on loopback.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context;

/// No answer on loopback takes longer, not even of a server that builds a large module first.
const ANSWER_WAIT: Duration = Duration::from_secs(120);

/// An answer.
pub struct Response {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
}

/// Asks for a path.
///
/// # Errors
/// Where nobody answers in two minutes or the answer is no HTTP.
pub fn get(address: SocketAddr, path: &str) -> anyhow::Result<Response> {
    let mut stream = TcpStream::connect(address).context("connecting to Granary")?;
    stream.set_read_timeout(Some(ANSWER_WAIT))?;
    let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let mut reader = BufReader::new(stream);
    let (first, headers) = read_head(&mut reader)?;
    let status = first.split(' ').nth(1).and_then(|s| s.parse().ok());
    let status = status.with_context(|| format!("no HTTP answer: {first}"))?;
    let body = read_body(&mut reader, &headers, true)?;
    Ok(Response { status, body })
}

type Headers = Vec<(String, String)>;

fn read_head(reader: &mut impl BufRead) -> anyhow::Result<(String, Headers)> {
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            return Ok((first.trim_end().to_owned(), headers));
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

fn find<'h>(headers: &'h Headers, name: &str) -> Option<&'h str> {
    let found = headers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

/// Reads a body by its length or in chunks; to the end of the connection only if `to_the_end`.
fn read_body(
    reader: &mut impl BufRead,
    headers: &Headers,
    to_the_end: bool,
) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    if find(headers, "transfer-encoding").is_some_and(|e| e.contains("chunked")) {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let size = usize::from_str_radix(line.trim(), 16).context("a chunk without a size")?;
            let before = body.len();
            body.resize(before + size, 0);
            reader.read_exact(&mut body[before..])?;
            reader.read_line(&mut String::new())?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
    match find(headers, "content-length") {
        Some(length) => {
            body.resize(length.parse().context("a length that is no number")?, 0);
            reader
                .read_exact(&mut body)
                .context("the body ends early")?;
        }
        None if to_the_end => _ = reader.read_to_end(&mut body)?,
        None => {}
    }
    Ok(body)
}

/// Serves the repositories in a folder until the process ends; gives the address.
///
/// # Errors
/// Where no port is free.
pub fn serve_git(folder: &Path) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("listening on loopback")?;
    let address = listener.local_addr()?;
    let folder = folder.to_path_buf();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let folder = folder.clone();
            // A client that goes away in the middle is its own affair.
            std::thread::spawn(move || serve_one(stream, folder).ok());
        }
    });
    Ok(address)
}

/// Answers the one request of a connection through `git http-backend`, as a web server would by CGI.
fn serve_one(stream: TcpStream, folder: PathBuf) -> anyhow::Result<()> {
    stream.set_read_timeout(Some(ANSWER_WAIT))?;
    let mut out = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    let (first, headers) = read_head(&mut reader)?;
    let mut words = first.split(' ');
    let (method, target) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    if find(&headers, "expect").is_some() {
        out.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let body = read_body(&mut reader, &headers, false)?;
    let mut child = start_backend(&folder, method, target, &headers, body.len())?;
    if let Some(mut input) = child.stdin.take() {
        // A backend that refuses does not read to the end; its answer says why.
        std::thread::spawn(move || input.write_all(&body).ok());
    }
    let output = child
        .stdout
        .take()
        .context("git http-backend has no output")?;
    let mut output = BufReader::new(output);
    let mut status = "200 OK".to_owned();
    let mut head = String::new();
    loop {
        let mut line = String::new();
        output.read_line(&mut line)?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        match line.strip_prefix("Status: ") {
            Some(other) => other.clone_into(&mut status),
            None => head.push_str(&format!("{line}\r\n")),
        }
    }
    write!(out, "HTTP/1.1 {status}\r\n{head}Connection: close\r\n\r\n")?;
    std::io::copy(&mut output, &mut out)?;
    child.wait()?;
    Ok(())
}

fn start_backend(
    folder: &Path,
    method: &str,
    target: &str,
    headers: &Headers,
    body_bytes: usize,
) -> anyhow::Result<Child> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", folder)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("REMOTE_ADDR", "127.0.0.1")
        .env("REQUEST_METHOD", method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env(
            "CONTENT_TYPE",
            find(headers, "content-type").unwrap_or_default(),
        )
        .env("CONTENT_LENGTH", body_bytes.to_string())
        .env(
            "HTTP_CONTENT_ENCODING",
            find(headers, "content-encoding").unwrap_or_default(),
        )
        .env(
            "GIT_PROTOCOL",
            find(headers, "git-protocol").unwrap_or_default(),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("starting git http-backend")
}
