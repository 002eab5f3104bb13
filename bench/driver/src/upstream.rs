//! A file server that is a known distance away: it waits before every answer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Serves `tree` until it is dropped.
pub async fn serve(tree: PathBuf, listen: SocketAddr, delay: Duration) -> Result<()> {
    let listener = TcpListener::bind(listen).await?;
    let tree: Arc<Path> = tree.into();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let tree = tree.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, tree.clone(), delay));
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await
                .ok();
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    tree: Arc<Path>,
    delay: Duration,
) -> Result<Response<Full<Bytes>>, Infallible> {
    tokio::time::sleep(delay).await;
    let path = request
        .uri()
        .path()
        .trim_start_matches('/')
        .replace("%21", "!");
    let safe = !path
        .split('/')
        .any(|element| element.is_empty() || element == "..");
    let body = if safe {
        tokio::fs::read(tree.join(path)).await.ok()
    } else {
        None
    };
    let (status, body) = body.map_or((StatusCode::NOT_FOUND, Vec::new()), |body| {
        (StatusCode::OK, body)
    });
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    Ok(response)
}
