//! A server of git repositories that says what it was told to say: canned answers of git's protocol over HTTP.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use git::id::ObjectId;

/// How one question is answered, byte by byte.
#[derive(Clone)]
pub enum Said {
    /// These bytes, then the end.
    Once(Arc<[u8]>),
    /// The first bytes, then the others again and again as fast as they are taken.
    Flood(Vec<u8>, Vec<u8>),
    /// The first bytes, then the others again and again, slowly; with none of these, silence.
    Drip(Vec<u8>, Vec<u8>),
}

/// One repository: what is said first, to the question for refs and to the question for a pack.
#[derive(Clone)]
pub struct Site {
    pub greeting: Said,
    pub refs: Said,
    pub pack: Said,
}

/// How long a flood or a drip goes on.
const ENDLESS: Duration = Duration::from_secs(60);

/// The server.
pub struct Forge {
    pub address: SocketAddr,
    sites: Arc<Mutex<HashMap<String, Site>>>,
}

impl Forge {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let forge = Self {
            address: listener.local_addr().unwrap(),
            sites: Arc::default(),
        };
        let sites = Arc::clone(&forge.sites);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sites = Arc::clone(&sites);
                std::thread::spawn(move || serve(stream, &sites));
            }
        });
        forge
    }

    /// From now on, `github.com/<name>` is this.
    pub fn put(&self, name: &str, site: Site) {
        let key = format!("/{name}");
        self.sites.lock().unwrap().insert(key, site);
    }

    /// What a git configuration says so that `https://github.com/` is here.
    pub fn git_config(&self) -> String {
        format!(
            "[url \"http://{}/\"]\n\tinsteadOf = https://github.com/\n",
            self.address
        )
    }
}

/// Answers one request; the connection ends behind it.
fn serve(mut stream: TcpStream, sites: &Mutex<HashMap<String, Site>>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut question = vec![0; length];
    reader.read_exact(&mut question).ok()?;
    let path = first.split(' ').nth(1)?;
    let (name, is_greeting) = match path.strip_suffix("/info/refs?service=git-upload-pack") {
        Some(name) => (name, true),
        None => (path.strip_suffix("/git-upload-pack").unwrap_or(path), false),
    };
    let Some(site) = sites.lock().unwrap().get(name).cloned() else {
        return stream.write_all(&status("404 Not Found", "", "")).ok();
    };
    let said = match is_greeting {
        true => site.greeting,
        false if question.windows(15).any(|w| w == b"command=ls-refs") => site.refs,
        false => site.pack,
    };
    say(&mut stream, said)
}

pub fn say(stream: &mut TcpStream, said: Said) -> Option<()> {
    let (first, more, pause) = match said {
        Said::Once(bytes) => return stream.write_all(&bytes).ok(),
        Said::Flood(first, more) => (first, more, Duration::ZERO),
        Said::Drip(first, more) => (first, more, Duration::from_millis(300)),
    };
    stream.write_all(&first).ok()?;
    let begun = Instant::now();
    while begun.elapsed() < ENDLESS {
        stream.write_all(&more).ok()?;
        std::thread::sleep(pause);
    }
    Some(())
}

/// An answer over HTTP with a length.
pub fn status(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// The head of an answer that ends with the connection; `part` is `advertisement` or `result`.
pub fn open(part: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/x-git-upload-pack-{part}\r\n\r\n"
    )
    .into_bytes()
}

/// One answer of the protocol, whole.
pub fn smart(part: &str, body: &[u8]) -> Said {
    Said::Once([&open(part), body].concat().into())
}

/// A line of the protocol.
pub fn line(text: impl AsRef<[u8]>) -> Vec<u8> {
    let text = text.as_ref();
    [format!("{:04x}", text.len() + 4).as_bytes(), text].concat()
}

/// What a server of version 2 says first.
pub fn greeting() -> Said {
    let lines = [
        line("# service=git-upload-pack\n"),
        b"0000".to_vec(),
        line("version 2\n"),
        line("ls-refs=unborn\n"),
        line("fetch=shallow filter\n"),
        line("object-format=sha1\n"),
        b"0000".to_vec(),
    ];
    smart("advertisement", &lines.concat())
}

/// A list of refs: `<name>` or what else the protocol puts behind the id.
pub fn refs<'a>(refs: impl IntoIterator<Item = (ObjectId, &'a str)>) -> Said {
    let mut body: Vec<u8> = refs
        .into_iter()
        .flat_map(|(id, name)| line(format!("{id} {name}\n")))
        .collect();
    body.extend_from_slice(b"0000");
    smart("result", &body)
}

/// Bytes of a pack as lines of the protocol, without the end.
pub fn banded(pack: &[u8]) -> Vec<u8> {
    let mut body = line("packfile\n");
    for piece in pack.chunks(65_000) {
        body.extend(line([&[1], piece].concat()));
    }
    body
}

/// A pack, whole.
pub fn pack(pack: &[u8]) -> Said {
    smart("result", &[&banded(pack), b"0000".as_slice()].concat())
}

impl Site {
    /// A repository that answers truly: `HEAD`, and tags of these names.
    pub fn of(head: ObjectId, tags: &[(&str, ObjectId)], bytes: &[u8]) -> Self {
        let names: Vec<(ObjectId, String)> = tags
            .iter()
            .map(|(name, id)| (*id, format!("refs/tags/{name}")))
            .collect();
        let fixed = [
            (head, "HEAD symref-target:refs/heads/main"),
            (head, "refs/heads/main"),
        ];
        let tags = names.iter().map(|(id, name)| (*id, name.as_str()));
        Self {
            greeting: greeting(),
            refs: refs(fixed.into_iter().chain(tags)),
            pack: pack(bytes),
        }
    }
}
