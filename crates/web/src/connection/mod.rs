//! One connection from its first byte to its end: the short loop for hits, hyper for everything else.

mod abort;
mod alarm;
mod date_line;
mod file_tail;
mod gate;
mod guarded;
mod pace;
mod quick;
mod service;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::body::{PIECE_BYTES, PIECE_BYTES_HTTP2};
use crate::front::Front;

use abort::Abort;
pub(crate) use gate::Gate;
use guarded::{Guarded, Phase};
pub(crate) use service::Control;
use service::Service;

/// What the first bytes of HTTP/2 with prior knowledge are.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

/// What every connection of a thread shares.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub front: Arc<Front>,
    /// The runtime where the keepers live and where everything but hits is answered.
    pub main: tokio::runtime::Handle,
    pub gate: Arc<Gate>,
}

/// Serves a plain TCP connection.
pub(crate) async fn serve_tcp(mut stream: TcpStream, peer: IpAddr, shared: Shared) {
    let end = quick::run(&mut stream, &shared.front, &shared.gate).await;
    if let quick::End::Other(read) = end {
        let is_http2 = read.starts_with(HTTP2_PREFACE);
        // In a box: hyper's state is some thousand bytes, and most connections are idle ones that never need it.
        Box::pin(serve_hyper(
            stream,
            read,
            is_http2,
            Some(peer),
            None,
            shared,
        ))
        .await;
    }
}

/// Serves any stream with hyper; `read` are bytes that were read from it already.
pub(crate) async fn serve_hyper<S>(
    stream: S,
    read: Bytes,
    is_http2: bool,
    peer: Option<IpAddr>,
    control: Option<Control>,
    shared: Shared,
) where
    S: AsyncRead + AsyncWrite + Abort + Unpin + Send + 'static,
{
    let front = shared.front.clone();
    let config = &front.config;
    let phase = Arc::new(Phase::default());
    let guarded = Guarded::new(stream, read, shared.front.clone(), phase.clone(), is_http2);
    let service = Service {
        front: shared.front.clone(),
        main: shared.main.clone(),
        peer,
        phase,
        control,
        piece_bytes: if is_http2 {
            PIECE_BYTES_HTTP2
        } else {
            PIECE_BYTES
        },
    };
    let io = TokioIo::new(guarded);
    let outcome = if is_http2 {
        let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(config.streams_max)
            .max_header_list_size(u32::try_from(config.header_bytes_max).unwrap_or(u32::MAX))
            .max_send_buf_size(PIECE_BYTES_HTTP2)
            .keep_alive_interval(Some(config.idle_wait / 2))
            .keep_alive_timeout(config.header_wait);
        let connection = builder.serve_connection(io, service);
        shared
            .gate
            .drive(connection, |connection| connection.graceful_shutdown())
            .await
    } else {
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .half_close(false)
            .max_buf_size(config.header_bytes_max.max(8 << 10));
        let connection = builder.serve_connection(io, service);
        shared
            .gate
            .drive(connection, |connection| connection.graceful_shutdown())
            .await
    };
    if let Err(error) = outcome {
        note_end(&front, peer, &error);
    }
}

/// What is no request is told where requests are told. A connection may also just end, which is nobody's business.
fn note_end(front: &Front, peer: Option<IpAddr>, error: &hyper::Error) {
    if !error.is_parse() {
        tracing::debug!(%error, "connection ended");
        return;
    }
    front.metrics.malformed.fetch_add(1, Ordering::Relaxed);
    let client = peer.map(tracing::field::display);
    tracing::info!(target: "web::access", client, %error, "refused: no request of HTTP");
}
