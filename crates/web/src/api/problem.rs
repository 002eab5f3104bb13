//! Errors of the API: problem details (RFC 9457).

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use crate::answer::Error;

/// Their content type.
pub(super) const PROBLEM: &str = "application/problem+json";

/// Why there is no other answer.
#[derive(Debug)]
pub(super) struct Problem {
    pub status: StatusCode,
    pub headers: Box<HeaderMap>,
    detail: String,
    more: Map<String, Value>,
    /// Trouble here, with its causes for the log.
    pub trouble: Option<String>,
}

impl Problem {
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            headers: Box::default(),
            detail: detail.into(),
            more: Map::new(),
            trouble: None,
        }
    }

    /// What was sent makes no sense.
    pub fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// There is no such thing, or not for this caller.
    pub fn absent(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// The caller may not do this.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// The resource knows other methods.
    pub fn method(allowed: &str) -> Self {
        let mut problem = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            format!("this resource knows {allowed}"),
        );
        if let Ok(value) = HeaderValue::from_str(allowed) {
            problem.headers.insert(ALLOW, value);
        }
        problem
    }

    /// Adds a member beside the standard ones.
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.more.insert(name.to_owned(), value);
        self
    }

    /// The body and the headers of the answer.
    pub fn render(mut self) -> (StatusCode, HeaderMap, String) {
        let mut body = Map::new();
        let title = self.status.canonical_reason().unwrap_or("Error");
        body.insert("type".to_owned(), json!("about:blank"));
        body.insert("title".to_owned(), json!(title));
        body.insert("status".to_owned(), json!(self.status.as_u16()));
        body.insert("detail".to_owned(), json!(self.detail.trim_end()));
        body.extend(self.more);
        self.headers
            .insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM));
        self.headers
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        (
            self.status,
            *self.headers,
            format!("{}\n", Value::Object(body)),
        )
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let trouble = error.is_trouble().then(|| {
            let mut text = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(next) = cause {
                text.push_str(": ");
                text.push_str(&next.to_string());
                cause = next.source();
            }
            text
        });
        let answer = error.into_answer();
        Self {
            headers: Box::new(answer.headers),
            trouble,
            ..Self::new(answer.status, answer.text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_have_their_members() {
        let (status, headers, body) = Problem::method("GET, HEAD, OPTIONS").render();
        assert_eq!(
            (status.as_u16(), &headers[ALLOW]),
            (405, &"GET, HEAD, OPTIONS".parse().unwrap())
        );
        assert_eq!(headers[CONTENT_TYPE], PROBLEM);
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["title"], "Method Not Allowed");
        assert_eq!(body["status"], 405);
        let (status, headers, body) =
            Problem::from(Error::Unauthorized("no\nsuch".into())).render();
        assert_eq!(status.as_u16(), 401);
        assert_eq!(headers.get_all("www-authenticate").iter().count(), 2);
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["detail"], "no\nsuch");
    }
}
