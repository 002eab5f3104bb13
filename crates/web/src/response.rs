//! Answers as HTTP responses: conditions, ranges, encodings and HEAD are applied here, once for every route.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    LAST_MODIFIED, RANGE, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, Method, Response, StatusCode};

use crate::answer::Plain;
use crate::conditional::{self, RangeAsk};
use crate::entry::{Entry, Variant};

/// What a route gives back.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Something that is kept and served under conditions.
    Entry(Arc<Entry>),
    /// Something made for this request.
    Plain(Plain),
}

/// Renders an answer for a request with these headers.
pub(crate) fn render(answer: &Answer, method: &Method, headers: &HeaderMap) -> Response<Bytes> {
    match answer {
        Answer::Entry(entry) => render_entry(entry, method, headers),
        Answer::Plain(plain) => {
            let body = Bytes::from(plain.text.clone());
            let mut response = whole(plain.status, plain.headers.clone(), body);
            cut_for_head(&mut response, method);
            response
        }
    }
}

/// Renders an entry: 304, 206, 416 or 200.
pub(crate) fn render_entry(entry: &Entry, method: &Method, headers: &HeaderMap) -> Response<Bytes> {
    let text = |name: &HeaderName| joined(headers, name);
    let takes_gzip = text(&ACCEPT_ENCODING).is_some_and(|value| conditional::accepts_gzip(&value));
    if is_unchanged(entry, headers) {
        let mut head = kept_headers(entry, entry.variant(takes_gzip));
        head.remove(CONTENT_TYPE);
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.headers_mut() = head;
        return response;
    }
    if let (Some(range), &Method::GET) = (text(&RANGE), method)
        && is_range_wanted(entry, headers)
    {
        match conditional::parse_range(&range, entry.plain.body.len()) {
            RangeAsk::Whole => {}
            RangeAsk::Part(range) => return part(entry, range),
            RangeAsk::Unsatisfiable => return unsatisfiable(entry),
        }
    }
    let variant = entry.variant(takes_gzip);
    let mut head = kept_headers(entry, variant);
    if takes_gzip && entry.gzip.is_some() {
        head.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    let mut response = whole(StatusCode::OK, head, variant.body.clone());
    cut_for_head(&mut response, method);
    response
}

/// Several lines of one header are one list (RFC 9110 5.3). Lines that are no text do not count.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines: Vec<&str> = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    (!lines.is_empty()).then(|| lines.join(","))
}

fn is_unchanged(entry: &Entry, headers: &HeaderMap) -> bool {
    if let Some(listed) = joined(headers, &IF_NONE_MATCH) {
        let variants = [Some(&entry.plain), entry.gzip.as_ref()];
        let tags: Vec<&str> = variants
            .into_iter()
            .flatten()
            .filter_map(|variant| variant.tag.to_str().ok())
            .collect();
        return conditional::is_listed(&listed, &tags);
    }
    let since = headers
        .get(IF_MODIFIED_SINCE)
        .and_then(|value| value.to_str().ok());
    match (since, &entry.last_modified) {
        (Some(since), Some((at, _))) => conditional::is_unchanged_since(since, *at),
        _ => false,
    }
}

fn is_range_wanted(entry: &Entry, headers: &HeaderMap) -> bool {
    let Some(if_range) = headers.get(IF_RANGE) else {
        return true;
    };
    let date = entry.last_modified.as_ref();
    match (if_range.to_str(), entry.plain.tag.to_str()) {
        (Ok(if_range), Ok(tag)) => {
            conditional::is_same(if_range, tag, date.and_then(|(_, date)| date.to_str().ok()))
        }
        _ => false,
    }
}

fn kept_headers(entry: &Entry, variant: &Variant) -> HeaderMap {
    let mut head = HeaderMap::with_capacity(12);
    head.insert(CONTENT_TYPE, entry.content_type.clone());
    head.insert(CACHE_CONTROL, entry.cache_control.clone());
    head.insert(ETAG, variant.tag.clone());
    if let Some((_, date)) = &entry.last_modified {
        head.insert(LAST_MODIFIED, date.clone());
    }
    if entry.varies {
        head.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    head.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    head.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    head
}

/// Ranges are always of the plain form: its bytes are the ones that a resumed download has.
fn part(entry: &Entry, range: std::ops::Range<usize>) -> Response<Bytes> {
    let length = entry.plain.body.len();
    let mut head = kept_headers(entry, &entry.plain);
    let shown = format!("bytes {}-{}/{length}", range.start, range.end - 1);
    if let Ok(value) = HeaderValue::from_str(&shown) {
        head.insert(CONTENT_RANGE, value);
    }
    whole(
        StatusCode::PARTIAL_CONTENT,
        head,
        entry.plain.body.slice(range),
    )
}

fn unsatisfiable(entry: &Entry) -> Response<Bytes> {
    let length = entry.plain.body.len();
    let plain = Plain::text(
        StatusCode::RANGE_NOT_SATISFIABLE,
        format!("the file has {length} bytes\n"),
    );
    let mut head = plain.headers;
    if let Ok(value) = HeaderValue::from_str(&format!("bytes */{length}")) {
        head.insert(CONTENT_RANGE, value);
    }
    whole(plain.status, head, plain.text.into())
}

fn whole(status: StatusCode, mut head: HeaderMap, body: Bytes) -> Response<Bytes> {
    head.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = head;
    response
}

/// HEAD gets the headers of GET, its length too, and no body.
fn cut_for_head(response: &mut Response<Bytes>, method: &Method) {
    if method == Method::HEAD {
        *response.body_mut() = Bytes::new();
    }
}

#[cfg(test)]
mod tests;
