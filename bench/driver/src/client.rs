//! A keep-alive HTTP/1.1 client that counts bytes.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// One connection.
pub struct Client {
    sender: SendRequest<Empty<Bytes>>,
}

impl Client {
    /// Connects.
    pub async fn connect(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(to)
            .await
            .with_context(|| format!("cannot connect to {to}"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    /// Gets a path and drops its body; answers the number of bytes. Anything but 200 is an error.
    pub async fn get(&mut self, path: &str) -> Result<u64> {
        let path = path.replace('!', "%21");
        let request = Request::get(format!("/{path}"))
            .header("host", "bench")
            .header("user-agent", "Go-http-client/1.1")
            .body(Empty::new())?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let mut body = response.into_body();
        let mut bytes = 0;
        while let Some(frame) = body.frame().await {
            bytes += frame?.data_ref().map_or(0, |data| data.len() as u64);
        }
        if status != 200 {
            bail!("{path}: {status}");
        }
        Ok(bytes)
    }
}
