//! A made-up upstream: a GOPROXY on loopback with threads of its own, that counts what is asked and lies on demand.
//!
//! It speaks HTTP by hand, because most of its lies are things that a server library would not let it do.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gomod::version::Version;

use super::database::{Database, NAME};
use super::module::{Made, make};

/// What is answered instead of the truth.
#[derive(Clone, Debug)]
pub enum Lie {
    /// A status with a text.
    Status(u16, &'static str),
    /// Other bytes.
    Body(Vec<u8>),
    /// Other bytes in the place of the whole answer, headers and all.
    Raw(Vec<u8>),
    /// The whole length promised, half of the bytes sent, then the end.
    Truncated,
    /// A length promised that is shorter than what is sent.
    Understated,
    /// Bytes without end.
    Endless,
    /// One byte a second.
    Trickle,
    /// No answer at all, the connection open.
    Silent,
    /// The connection closed without an answer.
    Hangup,
    /// Something that is not HTTP.
    Nonsense,
    /// Sent on to another address.
    Redirect(String),
}

#[derive(Default)]
struct State {
    /// By escaped path, then version.
    modules: BTreeMap<String, BTreeMap<Version, Made>>,
    /// What a query (branch, commit) of an escaped path names.
    queries: HashMap<(String, String), Version>,
    /// Lines that a module's list has on top, in whatever order and shape.
    more_lines: HashMap<String, Vec<String>>,
    delay: Duration,
    lies: HashMap<String, Lie>,
    database: Option<Database>,
    counts: BTreeMap<String, usize>,
}

/// An upstream; it ends when it is dropped.
pub struct Upstream {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    stopped: Arc<AtomicBool>,
}

impl Upstream {
    /// Starts one without modules.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let upstream = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::default(),
            stopped: Arc::default(),
        };
        let (state, stopped) = (Arc::clone(&upstream.state), Arc::clone(&upstream.stopped));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopped.load(Ordering::SeqCst) {
                    return; // the listener closes: from now on connections are refused
                }
                let (state, stopped) = (Arc::clone(&state), Arc::clone(&stopped));
                std::thread::spawn(move || serve(stream, &state, &stopped));
            }
        });
        upstream
    }

    /// Starts one whose checksum database is served under `/sumdb/`.
    pub fn start_with(database: &Database) -> Self {
        let upstream = Self::start();
        upstream.state.lock().unwrap().database = Some(database.clone());
        upstream
    }

    /// Its address as an entry of a GOPROXY list.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes a version, has it, and records it in the database.
    pub fn publish(&self, path: &str, version: &str, files: &[(&str, &str)]) -> Made {
        let made = make(path, version, files);
        if let Some(database) = &self.state.lock().unwrap().database {
            database.record(&made);
        }
        self.add(made.clone());
        made
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Has a version without recording it.
    pub fn add(&self, made: Made) {
        let mut state = self.state.lock().unwrap();
        state
            .modules
            .entry(made.of.path().escaped())
            .or_default()
            .insert(made.of.version().clone(), made);
    }

    /// Has no version of a module any more.
    pub fn forget(&self, path: &str) {
        self.state.lock().unwrap().modules.remove(path);
    }

    /// Lets a branch or commit name a version.
    pub fn name_query(&self, made: &Made, query: &str) {
        let key = (made.of.path().escaped(), query.to_owned());
        self.state
            .lock()
            .unwrap()
            .queries
            .insert(key, made.of.version().clone());
    }

    /// Puts lines into a module's list.
    pub fn add_list_lines(&self, path: &str, lines: &[&str]) {
        let lines = lines.iter().map(|l| (*l).to_owned()).collect();
        self.state
            .lock()
            .unwrap()
            .more_lines
            .insert(path.to_owned(), lines);
    }

    /// From now on every file of a module comes this late. The database does not.
    pub fn set_delay(&self, delay: Duration) {
        self.state.lock().unwrap().delay = delay;
    }

    /// From now on, lies about a path.
    pub fn lie(&self, path: &str, lie: Lie) {
        self.state.lock().unwrap().lies.insert(path.to_owned(), lie);
    }

    /// From now on, no lies.
    pub fn tell_the_truth(&self) {
        self.state.lock().unwrap().lies.clear();
    }

    /// How often a path was asked for.
    pub fn count(&self, path: &str) -> usize {
        self.state
            .lock()
            .unwrap()
            .counts
            .get(path)
            .copied()
            .unwrap_or(0)
    }

    /// Everything that was asked for, with how often.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        self.state.lock().unwrap().counts.clone()
    }

    /// Goes away: connections are refused, those open are closed at their next request.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        TcpStream::connect(self.address).ok(); // wakes the listener
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>, stopped: &AtomicBool) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    while let Some(path) = read_request(&mut reader) {
        if stopped.load(Ordering::SeqCst) {
            return;
        }
        let (delay, lie) = {
            let mut state = state.lock().unwrap();
            *state.counts.entry(path.clone()).or_default() += 1;
            let delay = if path.starts_with("/sumdb/") {
                Duration::ZERO
            } else {
                state.delay
            };
            (delay, state.lies.get(&path).cloned())
        };
        std::thread::sleep(delay);
        let (status, body) = state.lock().unwrap().answer(&path);
        let goes_on = match lie {
            None => answer(&mut writer, status, &body, body.len()),
            Some(lie) => tell(&mut writer, lie, &body, stopped),
        };
        if !goes_on {
            return;
        }
    }
}

/// Reads one request and gives its path, percent-decoded.
fn read_request(reader: &mut impl BufRead) -> Option<String> {
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim_end().is_empty() {
            break;
        }
    }
    Some(decode(first.split(' ').nth(1)?))
}

fn decode(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let code = (bytes[at] == b'%')
            .then(|| path.get(at + 1..at + 3))
            .flatten();
        match code.and_then(|c| u8::from_str_radix(c, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

impl State {
    fn answer(&self, path: &str) -> (u16, Vec<u8>) {
        let below = format!("/sumdb/{NAME}/");
        if let (Some(rest), Some(database)) = (path.strip_prefix(&below), &self.database) {
            return database.answer(rest);
        }
        match self.find(path) {
            Some(bytes) => (200, bytes),
            None => (404, format!("not found: {path}\n").into_bytes()),
        }
    }

    fn find(&self, path: &str) -> Option<Vec<u8>> {
        let path = path.strip_prefix('/')?;
        if let Some(module) = path.strip_suffix("/@latest") {
            let (_, made) = self.modules.get(module)?.iter().next_back()?;
            return Some(made.info.clone());
        }
        let (module, file) = path.split_once("/@v/")?;
        let versions = self.modules.get(module)?;
        if file == "list" {
            let more = self.more_lines.get(module).cloned().unwrap_or_default();
            let tagged = versions
                .keys()
                .filter(|v| !v.is_pseudo())
                .map(ToString::to_string);
            return Some(
                tagged
                    .chain(more)
                    .map(|l| l + "\n")
                    .collect::<String>()
                    .into_bytes(),
            );
        }
        let (version, extension) = file.rsplit_once('.')?;
        let named = self
            .queries
            .get(&(module.to_owned(), version.to_owned()))
            .cloned();
        let version = named.or_else(|| Version::from_escaped(version).ok())?;
        Some(versions.get(&version)?.bytes(extension).to_vec())
    }
}

/// Sends an answer that promises `length` bytes. Gives whether the connection goes on.
fn answer(out: &mut TcpStream, status: u16, body: &[u8], length: usize) -> bool {
    let head = format!(
        "HTTP/1.1 {status} Said\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n"
    );
    out.write_all(head.as_bytes())
        .and_then(|()| out.write_all(body))
        .is_ok()
}

fn tell(out: &mut TcpStream, lie: Lie, truth: &[u8], stopped: &AtomicBool) -> bool {
    match lie {
        Lie::Status(status, text) => answer(out, status, text.as_bytes(), text.len()),
        Lie::Body(body) => answer(out, 200, &body, body.len()),
        Lie::Raw(bytes) => {
            out.write_all(&bytes).ok();
            false
        }
        Lie::Truncated => {
            answer(out, 200, &truth[..truth.len() / 2], truth.len());
            false
        }
        Lie::Understated => {
            answer(out, 200, truth, truth.len() / 2);
            false
        }
        Lie::Endless => {
            out.write_all(b"HTTP/1.1 200 Said\r\nConnection: close\r\n\r\n")
                .ok();
            let block = vec![b'x'; 64 << 10];
            while !stopped.load(Ordering::SeqCst) && out.write_all(&block).is_ok() {}
            false
        }
        Lie::Trickle => {
            answer(out, 200, &[], truth.len());
            for byte in truth {
                std::thread::sleep(Duration::from_secs(1));
                if stopped.load(Ordering::SeqCst) || out.write_all(&[*byte]).is_err() {
                    break;
                }
            }
            false
        }
        Lie::Silent => {
            while !stopped.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(50));
            }
            false
        }
        Lie::Hangup => false,
        Lie::Nonsense => {
            out.write_all(b"220 mail.example ESMTP\r\n\r\n").ok();
            false
        }
        Lie::Redirect(to) => {
            let head = format!("HTTP/1.1 302 Said\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
            out.write_all(head.as_bytes()).is_ok()
        }
    }
}
