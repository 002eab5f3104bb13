//! What a handler gives back.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc;

use super::query::next_page;

const JSON: &str = "application/json";

/// Content type of a list as lines of JSON.
pub(super) const LINES: &str = "application/x-ndjson";

/// An answer of the API.
#[derive(Debug)]
pub(super) struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: ReplyBody,
}

/// Its body.
#[derive(Debug)]
pub(super) enum ReplyBody {
    /// All there.
    Whole(Bytes),
    /// As it comes.
    Lines(mpsc::Receiver<Bytes>),
}

impl Reply {
    fn new(status: StatusCode, content_type: &'static str, body: ReplyBody) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Self {
            status,
            headers,
            body,
        }
    }

    /// A value as JSON.
    pub fn json(status: StatusCode, value: &impl Serialize) -> Self {
        let mut text = serde_json::to_vec(value).unwrap_or_default();
        text.push(b'\n');
        Self::new(status, JSON, ReplyBody::Whole(text.into()))
    }

    /// A value as JSON that people read in a browser too.
    pub fn readable(status: StatusCode, value: &impl Serialize) -> Self {
        let mut text = serde_json::to_vec_pretty(value).unwrap_or_default();
        text.push(b'\n');
        Self::new(status, JSON, ReplyBody::Whole(text.into()))
    }

    /// A page of a list: its items, and what leads to the next page if there is one.
    pub fn page(items: &[impl Serialize], last_of_more: Option<u64>) -> Self {
        let next = last_of_more.map(next_page);
        Self::json(StatusCode::OK, &json!({ "items": items, "next": next }))
    }

    /// Lines of JSON as they come.
    pub fn lines(lines: mpsc::Receiver<Bytes>) -> Self {
        Self::new(StatusCode::OK, LINES, ReplyBody::Lines(lines))
    }

    /// A text that is JSON.
    pub fn text(text: &'static str) -> Self {
        let body = Bytes::from_static(text.as_bytes());
        Self::new(StatusCode::OK, JSON, ReplyBody::Whole(body))
    }

    /// Nothing but a status.
    pub fn empty(status: StatusCode) -> Self {
        let mut reply = Self::new(status, JSON, ReplyBody::Whole(Bytes::new()));
        reply.headers.remove(CONTENT_TYPE);
        reply
    }

    /// Adds a header whose value is made here.
    pub fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }
}
