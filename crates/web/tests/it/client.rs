//! A client that says exactly what it is told to, and reads what comes back.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// No answer of a test takes longer, unless the test says so.
const WAIT: Duration = Duration::from_secs(20);

/// One answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// A connection.
pub struct Client<S = TcpStream> {
    stream: S,
    read: Vec<u8>,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub fn over(stream: S) -> Self {
        Self {
            stream,
            read: Vec::new(),
        }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// As `send`, for servers that may close the connection while it goes on.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    pub async fn ask(&mut self, method: &str, path: &str, headers: &str) -> Reply {
        self.send(format!(
            "{method} {path} HTTP/1.1\r\nHost: granary\r\n{headers}\r\n"
        ))
        .await;
        self.reply(method == "HEAD").await.expect("an answer")
    }

    pub async fn get(&mut self, path: &str) -> Reply {
        self.ask("GET", path, "").await
    }

    /// The next answer; `None` when the connection ends before one begins.
    pub async fn reply(&mut self, to_head: bool) -> Option<Reply> {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|end| end == b"\r\n\r\n") {
                break at + 4;
            }
            if !self.read_some().await {
                return None;
            }
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap();
        let mut lines = head.lines();
        let status = lines
            .next()
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut reply = Reply {
            status,
            headers,
            body: Vec::new(),
        };
        let length = reply
            .header("content-length")
            .map_or(0, |length| length.parse().unwrap());
        if reply.header("transfer-encoding") == Some("chunked") && !to_head {
            reply.body = self.chunks().await;
            return Some(reply);
        }
        let length: usize = if to_head || status == 304 { 0 } else { length };
        while self.read.len() < length {
            assert!(self.read_some().await, "the body ends early");
        }
        reply.body = self.read.drain(..length).collect();
        Some(reply)
    }

    async fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = loop {
                if let Some(at) = self.read.windows(2).position(|end| end == b"\r\n") {
                    break self.read.drain(..at + 2).collect::<Vec<u8>>();
                }
                assert!(self.read_some().await, "the chunks end early");
            };
            let length =
                usize::from_str_radix(std::str::from_utf8(&line).unwrap().trim(), 16).unwrap();
            while self.read.len() < length + 2 {
                assert!(self.read_some().await, "a chunk ends early");
            }
            body.extend(self.read.drain(..length));
            self.read.drain(..2);
            if length == 0 {
                return body;
            }
        }
    }

    /// Whether the server closes the connection within the time without another byte.
    pub async fn is_closed_within(&mut self, wait: Duration) -> bool {
        let mut byte = [0];
        match tokio::time::timeout(wait, self.stream.read(&mut byte)).await {
            Ok(Ok(0) | Err(_)) => true,
            Ok(Ok(_)) => panic!("the server said something more"),
            Err(_) => false,
        }
    }

    /// Reads to the end, whatever it is; gives how many bytes there were.
    pub async fn take_all(&mut self) -> usize {
        let mut buffer = vec![0; 1 << 20];
        let mut taken = self.read.len();
        while let Ok(length @ 1..) = self.stream.read(&mut buffer).await {
            taken += length;
        }
        taken
    }

    async fn read_some(&mut self) -> bool {
        let mut buffer = vec![0; 64 << 10];
        let read = tokio::time::timeout(WAIT, self.stream.read(&mut buffer))
            .await
            .expect("no answer");
        match read {
            Ok(0) | Err(_) => false,
            Ok(length) => {
                self.read.extend_from_slice(&buffer[..length]);
                true
            }
        }
    }
}
