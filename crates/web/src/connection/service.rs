//! What hyper calls for every request: the hot map first, then the rest on the main runtime.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Extension;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, DATE, HeaderValue};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tower::ServiceExt;

use crate::answer::TEXT;
use crate::api;
use crate::body::{Pieces, Watch as _};
use crate::conditional::http_date;
use crate::connection::guarded::{InFlight, Phase};
use crate::front::Front;
use crate::identity::SocketUser;
use crate::route::{self, Asked};

/// Where the routes of the socket begin.
const CONTROL_PREFIX: &str = "/v1/control/";

/// The control routes, and whose connection it is; they find the user as an extension of the request.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    pub router: axum::Router,
    pub user: Option<SocketUser>,
}

/// One connection's service.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub front: Arc<Front>,
    pub main: Handle,
    pub peer: Option<IpAddr>,
    pub phase: Arc<Phase>,
    pub control: Option<Control>,
    /// How much of an answer is handed over at once.
    pub piece_bytes: usize,
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl hyper::service::Service<Request<Incoming>> for Service {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<Incoming>) -> Answering {
        let in_flight = self.phase.begin();
        match &self.control {
            Some(control) if request.uri().path().starts_with(CONTROL_PREFIX) => {
                Box::pin(run_control(control.clone(), request, in_flight))
            }
            _ if api::is_below(request.uri().path(), &self.front.config.public_prefix) => {
                self.answer_api(request, in_flight)
            }
            _ => self.answer(request, in_flight),
        }
    }
}

impl Service {
    fn answer(&self, request: Request<Incoming>, in_flight: InFlight) -> Answering {
        let (head, _unread) = request.into_parts();
        let asked = Asked::new(head, self.peer);
        if let Some(response) = route::answer_hot(&self.front, &asked) {
            let response = dated(response).map(|bytes| body(bytes, self.piece_bytes, in_flight));
            return Box::pin(std::future::ready(Ok(response)));
        }
        // Made here and not inside: the client may be gone before the future is polled for the first time.
        let task = Cancelling(self.main.spawn(route::answer(self.front.clone(), asked)));
        let piece_bytes = self.piece_bytes;
        Box::pin(async move {
            let response = dated(task.await.unwrap_or_else(|_| stopped()));
            Ok(response.map(|bytes| body(bytes, piece_bytes, in_flight)))
        })
    }

    /// As [`Service::answer`], with the request's body, and an answer that may come piece by piece.
    fn answer_api(&self, request: Request<Incoming>, in_flight: InFlight) -> Answering {
        let (head, body) = request.into_parts();
        let incoming = api::Incoming {
            asked: Asked::new(head, self.peer),
            body: Body::new(body),
            user: self.control.as_ref().and_then(|control| control.user),
        };
        let task = Cancelling(self.main.spawn(api::answer(self.front.clone(), incoming)));
        Box::pin(async move {
            let stopped = || stopped().map(Body::from);
            let response = dated(task.await.unwrap_or_else(|_| stopped()));
            let sending = in_flight.sending();
            Ok(response.map(|body| {
                Body::new(http_body_util::BodyExt::map_frame(body, move |frame| {
                    sending.note_taken();
                    frame
                }))
            }))
        })
    }
}

fn body(bytes: Bytes, piece_bytes: usize, in_flight: InFlight) -> Body {
    Body::new(Pieces::new(bytes, piece_bytes, in_flight.sending()))
}

async fn run_control(
    control: Control,
    request: Request<Incoming>,
    in_flight: InFlight,
) -> Result<Response<Body>, Infallible> {
    let router = match control.user {
        Some(user) => control.router.layer(Extension(user)),
        None => control.router,
    };
    let response = router.oneshot(request.map(Body::new)).await?;
    // The bounds on an idle connection begin when the operation's last line is out, not its first.
    Ok(response.map(|body| {
        Body::new(http_body_util::BodyExt::map_frame(body, move |frame| {
            let _held = &in_flight;
            frame
        }))
    }))
}

/// Says when the answer was made. hyper would say it too, but it keeps its date until the next second has come: after a
/// clock was set back a day, for a day.
fn dated<T>(mut response: Response<T>) -> Response<T> {
    let date = http_date(jiff::Timestamp::now());
    if let Some(date) = date.and_then(|date| HeaderValue::from_str(&date).ok()) {
        response.headers_mut().insert(DATE, date);
    }
    response
}

/// Only when a handler panicked or the runtime is gone; both are in the log already.
fn stopped() -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(
        b"the answer could not be made: the server's log has the cause\n",
    ));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(TEXT));
    response
}

/// A task that ends with the client that waits for it. The job it may have asked for goes on.
struct Cancelling<T>(JoinHandle<T>);

impl<T> Future for Cancelling<T> {
    type Output = Result<T, tokio::task::JoinError>;

    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl<T> Drop for Cancelling<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
