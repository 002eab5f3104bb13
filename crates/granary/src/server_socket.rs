//! The client's side of `<data>/granary.sock`: a command that finds a server running has it do the work.

use std::path::Path;

use anyhow::{Context, Result, bail};
use bytes::{Buf, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use crate::line::Line;

/// Path of the operations on the socket.
pub const OPERATIONS: &str = "/v1/control/operations";

/// A line of an operation is a few hundred bytes; what is longer than this is no line of ours.
const LINE_BYTES_MAX: usize = 1 << 20;

/// Sends an operation (JSON) to the server behind `socket` and shows every line that comes back.
pub async fn run(socket: &Path, operation: Vec<u8>, mut each: impl FnMut(&Line)) -> Result<()> {
    let stream = UnixStream::connect(socket).await.with_context(|| format!("a server holds the data folder, but its socket {} does not answer", socket.display()))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = hyper::Request::post(OPERATIONS).header("host", "granary").header("content-type", "application/json").body(Full::new(Bytes::from(operation)))?;
    let response = sender.send_request(request).await.context("the server closed the connection")?;
    if !response.status().is_success() {
        bail!("the server answered {}", response.status());
    }
    read_lines(response.into_body(), &mut each).await?;
    connection.abort();
    Ok(())
}

async fn read_lines(mut body: Incoming, each: &mut impl FnMut(&Line)) -> Result<()> {
    let mut buffer = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(chunk) = frame.context("the server went away in the middle")?.into_data() else { continue };
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
