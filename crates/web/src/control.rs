//! The control routes of the socket: operations that a command has a running server do, answered line by line.
//!
//! What an operation is and does is the caller's; here is only how it travels.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use http_body::Frame;
use tokio::sync::mpsc;

use crate::answer::{Plain, refusal_text};
use crate::identity::SocketUser;

/// Longest operation in bytes; a `get` of thousands of modules fits.
const OPERATION_BYTES_MAX: usize = 4 << 20;

/// What runs operations.
pub trait Operations: Send + Sync + 'static {
    /// Starts an operation for a user. Its lines (each with its newline) come through the channel until its sender is dropped. When
    /// the client goes away the receiver is dropped; whether the operation goes on then is the operation's business.
    ///
    /// # Errors
    /// A sentence for the user, if it is none that is known here (400).
    fn start(
        &self,
        operation: Bytes,
        user: Option<SocketUser>,
    ) -> Result<mpsc::Receiver<Bytes>, String>;
}

/// `POST <path>`: starts an operation and answers with its lines as they come. To be given to [`crate::serve`]; `path`
/// lies below `/v1/control/`.
pub fn router(path: &str, operations: Arc<dyn Operations>) -> axum::Router {
    axum::Router::new()
        .route(path, axum::routing::post(start_operation))
        .layer(axum::extract::DefaultBodyLimit::max(OPERATION_BYTES_MAX))
        .with_state(operations)
}

async fn start_operation(
    State(operations): State<Arc<dyn Operations>>,
    user: Option<Extension<SocketUser>>,
    operation: Bytes,
) -> Response {
    match operations.start(operation, user.map(|Extension(user)| user)) {
        Ok(lines) => Body::new(Lines(lines)).into_response(),
        Err(reason) => {
            let answer = Plain::text(StatusCode::BAD_REQUEST, refusal_text(&reason));
            (answer.status, answer.headers, answer.text).into_response()
        }
    }
}

/// Lines on their way to a client.
pub(crate) struct Lines(pub mpsc::Receiver<Bytes>);

impl http_body::Body for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(context)
            .map(|line| line.map(|line| Ok(Frame::data(line))))
    }
}
