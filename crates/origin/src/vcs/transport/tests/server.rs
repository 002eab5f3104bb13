//! An HTTP server over `git http-backend`, with a script that may answer in its place.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// What the script says to a request.
pub(super) enum Said {
    /// git's own answer, with the header `Git-Protocol` replaced.
    Backend(Option<&'static str>),
    /// git's own answer for another path.
    Moved(String),
    /// These bytes.
    Raw(Vec<u8>),
}

type Script = dyn Fn(&Seen) -> Said + Send + Sync;

/// A server on a loopback port of its own; it takes no more connections once dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    is_over: Arc<Mutex<bool>>,
}

impl Server {
    pub(super) fn start(
        root: PathBuf,
        script: impl Fn(&Seen) -> Said + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let script: Arc<Script> = Arc::new(script);
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let is_over: Arc<Mutex<bool>> = Arc::default();
        let (noted, ended) = (Arc::clone(&seen), Arc::clone(&is_over));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if *ended.lock().unwrap() {
                    return;
                }
                let (root, script, noted) = (root.clone(), script.clone(), noted.clone());
                std::thread::spawn(move || serve(stream, &root, &script, &noted));
            }
        });
        Self {
            address,
            seen,
            is_over,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        *self.is_over.lock().unwrap() = true;
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(
    mut stream: TcpStream,
    root: &PathBuf,
    script: &Arc<Script>,
    seen: &Mutex<Vec<Seen>>,
) -> Option<()> {
    let request = read_request(&mut stream)?;
    seen.lock().unwrap().push(request.clone());
    let bytes = match script(&request) {
        Said::Raw(bytes) => bytes,
        Said::Backend(protocol) => backend(root, &request, &request.target, protocol)?,
        Said::Moved(target) => backend(root, &request, &target, None)?,
    };
    stream.write_all(&bytes).ok()
}

fn read_request(stream: &mut TcpStream) -> Option<Seen> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Seen {
        method,
        target,
        headers,
        body,
    })
}

fn backend(
    root: &PathBuf,
    request: &Seen,
    target: &str,
    protocol: Option<&str>,
) -> Option<Vec<u8>> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let protocol = protocol.or(request.header("git-protocol"));
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", &request.method)
        .env("CONTENT_TYPE", request.header("content-type").unwrap_or(""))
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("HTTP_GIT_PROTOCOL", protocol.unwrap_or(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&request.body).ok();
    let output = child.wait_with_output().unwrap().stdout;
    let end = output.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&output[..end]).ok()?;
    let status = head.lines().find_map(|line| line.strip_prefix("Status: "));
    let body = &output[end + 4..];
    let head = format!(
        "HTTP/1.1 {}\r\n{head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        status.unwrap_or("200 OK"),
        body.len()
    );
    Some([head.as_bytes(), body].concat())
}

/// A whole answer.
pub(super) fn answer(status: &str, headers: &str, body: &[u8]) -> Said {
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    Said::Raw([head.as_bytes(), body].concat())
}

/// A redirect.
pub(super) fn redirect(to: &str) -> Said {
    answer("302 Found", &format!("location: {to}\r\n"), b"")
}
