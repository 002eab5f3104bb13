//! A server made of a script: it says exactly the bytes it is told to, however wrong.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Request line's target.
    pub target: String,
    /// Header block, as it came.
    pub head: String,
}

impl Seen {
    /// Value of a header.
    pub fn header(&self, name: &str) -> Option<String> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found
                .eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    }
}

/// What the server does after a request.
#[derive(Clone, Debug)]
pub enum Step {
    /// Sends bytes.
    Send(Vec<u8>),
    /// Waits.
    Wait(Duration),
    /// Sends the same bytes again and again with a pause, until the client goes away.
    Drip(Vec<u8>, Duration),
    /// Closes the connection.
    Close,
}

type Script = dyn Fn(&Seen) -> Vec<Step> + Send + Sync;

/// A server on a loopback port of its own; gone when dropped.
pub struct Server {
    pub address: SocketAddr,
    pub seen: Arc<Mutex<Vec<Seen>>>,
    pub connections: Arc<AtomicUsize>,
    /// Most requests that were answered at the same time.
    pub at_once_max: Arc<AtomicUsize>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[derive(Clone)]
struct Shared {
    script: Arc<Script>,
    seen: Arc<Mutex<Vec<Seen>>>,
    at_once: Arc<AtomicUsize>,
    at_once_max: Arc<AtomicUsize>,
}

impl Server {
    /// Starts a server.
    pub async fn start(script: impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Shared {
            script: Arc::new(script),
            seen: Arc::default(),
            at_once: Arc::default(),
            at_once_max: Arc::default(),
        };
        let connections = Arc::new(AtomicUsize::new(0));
        let (seen, at_once_max, counted) = (
            shared.seen.clone(),
            shared.at_once_max.clone(),
            connections.clone(),
        );
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, shared.clone()));
            }
        });
        Self {
            address,
            seen,
            connections,
            at_once_max,
            accepting,
        }
    }

    /// A server that answers everything with the same steps.
    pub async fn saying(steps: Vec<Step>) -> Self {
        Self::start(move |_| steps.clone()).await
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Targets asked for so far.
    pub fn targets(&self) -> Vec<String> {
        self.seen
            .lock()
            .unwrap()
            .iter()
            .map(|seen| seen.target.clone())
            .collect()
    }

    /// Connections accepted so far.
    pub fn connection_count(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: TcpStream, shared: Shared) {
    while let Some(seen) = read_request(&mut stream).await {
        let steps = (shared.script)(&seen);
        shared.seen.lock().unwrap().push(seen);
        let now = shared.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        shared.at_once_max.fetch_max(now, Ordering::SeqCst);
        let done = play(&mut stream, steps).await;
        shared.at_once.fetch_sub(1, Ordering::SeqCst);
        if done.is_none() {
            return;
        }
    }
}

/// Does what the steps say; `None` where the connection is to be closed.
pub async fn play<S: AsyncWrite + Unpin>(stream: &mut S, steps: Vec<Step>) -> Option<()> {
    for step in steps {
        match step {
            Step::Send(bytes) => stream.write_all(&bytes).await.ok()?,
            Step::Wait(time) => tokio::time::sleep(time).await,
            Step::Drip(bytes, pause) => loop {
                stream.write_all(&bytes).await.ok()?;
                tokio::time::sleep(pause).await;
            },
            Step::Close => return None,
        }
    }
    Some(())
}

/// Reads a request's head; `None` where none comes any more.
pub async fn read_request<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Seen> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let target = head.split(' ').nth(1)?.to_owned();
    Some(Seen { target, head })
}

/// A whole answer with a `Content-Length`.
pub fn answer(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<Step> {
    let body = body.as_ref();
    let mut bytes = format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    vec![Step::Send(bytes)]
}

/// 200 with a body.
pub fn ok(body: impl AsRef<[u8]>) -> Vec<Step> {
    answer("200 OK", "", body)
}

/// A redirect.
pub fn redirect(to: &str) -> Vec<Step> {
    answer("302 Found", &format!("location: {to}\r\n"), "")
}

/// A refusal with text for people.
pub fn refuse(status: &str, text: &str) -> Vec<Step> {
    answer(status, "content-type: text/plain; charset=utf-8\r\n", text)
}

/// Raw bytes, then the end of the connection.
pub fn raw_then_close(bytes: impl AsRef<[u8]>) -> Vec<Step> {
    vec![Step::Send(bytes.as_ref().to_vec()), Step::Close]
}
