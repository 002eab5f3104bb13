//! The server's side of `<data>/granary.sock`: runs operations and streams their lines.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::runtime::Handle;

use crate::line::LINES_IN_FLIGHT;
use crate::operations::{Operation, run};
use crate::parts::Parts;
use crate::server_socket::OPERATIONS;

/// What the handlers know: the parts of this process, and the runtime that owns them.
#[derive(Clone)]
struct Control {
    parts: Arc<Parts>,
    runtime: Handle,
}

/// The routes that only the socket serves.
pub fn router(parts: Arc<Parts>, runtime: Handle) -> Router {
    Router::new()
        .route(OPERATIONS, post(start_operation))
        .with_state(Control { parts, runtime })
}

/// `POST /v1/control/operations`: starts an operation and answers with its lines as they come, as JSON, one a line.
async fn start_operation(State(control): State<Control>, Json(operation): Json<Operation>) -> Body {
    let (send, receive) = tokio::sync::mpsc::channel(LINES_IN_FLIGHT);
    let parts = control.parts.clone();
    control
        .runtime
        .spawn(async move { run(&parts, operation, send).await });
    let lines = futures_util::stream::unfold(receive, |mut receive| async move {
        Some((receive.recv().await?, receive))
    });
    Body::from_stream(lines.map(|line| {
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        Ok::<_, serde_json::Error>(Bytes::from(text))
    }))
}
