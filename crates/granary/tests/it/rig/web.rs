//! The rest of the web, as a server sees it through its outgoing proxy: pages by their address, and a note of everything
//! that was asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::forge::{Said, say};

#[derive(Default)]
struct State {
    /// What is said to a question for `host/path?query`, or to all that begin with a text that ends with `*`.
    pages: BTreeMap<String, Said>,
    asked: BTreeSet<String>,
}

/// An outgoing proxy for plain http; it opens no tunnels.
pub struct Web {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Web {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let web = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::default(),
        };
        let state = Arc::clone(&web.state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&state);
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        web
    }

    /// From now on, `http://<address>` is this.
    pub fn put(&self, address: &str, said: Said) {
        let mut state = self.state.lock().unwrap();
        state.pages.insert(address.to_owned(), said);
    }

    /// The hosts that were asked for, with `CONNECT ` in front where it was for a tunnel.
    pub fn hosts(&self) -> BTreeSet<String> {
        let state = self.state.lock().unwrap();
        let hosts = state.asked.iter();
        hosts
            .map(|url| url.split('/').next().unwrap_or_default().to_owned())
            .collect()
    }
}

/// Answers one request; the connection ends behind it.
fn serve(mut stream: TcpStream, state: &Mutex<State>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 || line.trim_end().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut question = vec![0; length];
    reader.read_exact(&mut question).ok()?;
    let (method, rest) = first.split_once(' ')?;
    let target = rest.split(' ').next()?;
    if method == "CONNECT" {
        state
            .lock()
            .unwrap()
            .asked
            .insert(format!("CONNECT {target}"));
        return stream
            .write_all(b"HTTP/1.1 502 No Tunnels\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .ok();
    }
    let address = target.strip_prefix("http://").unwrap_or(target).to_owned();
    let said = {
        let mut state = state.lock().unwrap();
        state.asked.insert(address.clone());
        let begins = |(name, _): &(&String, &Said)| {
            name.strip_suffix('*')
                .is_some_and(|name| address.starts_with(name))
        };
        let found = state.pages.get(&address);
        found
            .or_else(|| state.pages.iter().find(begins).map(|(_, said)| said))
            .cloned()
    };
    match said {
        Some(said) => say(&mut stream, said),
        None => stream
            .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .ok(),
    }
}
