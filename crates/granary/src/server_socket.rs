//! The client's side of `<data>/granary.sock`: a command that finds a server running has it do the work.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use bytes::{Buf, Bytes, BytesMut};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::task::JoinHandle;

use crate::line::Line;

/// Path of the operations on the socket.
pub const OPERATIONS: &str = "/v1/control/operations";

/// A line of an operation is a few hundred bytes; what is longer than this is no line of ours.
const LINE_BYTES_MAX: usize = 1 << 20;

/// Sends an operation (JSON) to the server behind `socket` and shows every line that comes back.
pub async fn run(socket: &Path, operation: Vec<u8>, mut each: impl FnMut(&Line)) -> Result<()> {
    let (mut sender, connection) = connect(socket).await?;
    let request = hyper::Request::post(OPERATIONS)
        .header("host", "granary")
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(operation)))?;
    let response = sender
        .send_request(request)
        .await
        .context("the server closed the connection")?;
    if !response.status().is_success() {
        bail!("the server answered {}", response.status());
    }
    read_lines(response.into_body(), &mut each).await?;
    connection.abort();
    Ok(())
}

/// Gets a small page of the server behind `socket`: status and text.
pub async fn get(socket: &Path, path: &str) -> Result<(u16, String)> {
    let (mut sender, connection) = connect(socket).await?;
    let request = hyper::Request::get(path)
        .header("host", "granary")
        .body(Full::new(Bytes::new()))?;
    let response = sender
        .send_request(request)
        .await
        .context("the server closed the connection")?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), LINE_BYTES_MAX)
        .collect()
        .await;
    connection.abort();
    let body = body
        .map_err(|cause| anyhow!("the server went away in the middle: {cause}"))?
        .to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

async fn connect(
    socket: &Path,
) -> Result<(SendRequest<Full<Bytes>>, JoinHandle<hyper::Result<()>>)> {
    let stream = UnixStream::connect(socket).await.with_context(|| {
        format!(
            "the data folder is in use, but no server answers on its socket {}",
            socket.display()
        )
    })?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    Ok((sender, tokio::spawn(connection)))
}

async fn read_lines(mut body: Incoming, each: &mut impl FnMut(&Line)) -> Result<()> {
    let mut buffer = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(chunk) = frame
            .context("the server went away in the middle")?
            .into_data()
        else {
            continue;
        };
        buffer.extend_from_slice(&chunk);
        while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            let line = buffer.split_to(end);
            buffer.advance(1);
            each(&serde_json::from_slice(&line).context("the server spoke no line of ours")?);
        }
        if buffer.len() > LINE_BYTES_MAX {
            bail!("the server sent a line of more than {LINE_BYTES_MAX} bytes");
        }
    }
    Ok(())
}
