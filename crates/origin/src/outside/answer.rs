//! An answer of the outside.

use bytes::Bytes;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use url::Url;

use super::body::Body;
use super::error::OutsideError;
use crate::guard::Site;

/// An answer whose body is still to be read.
#[derive(Debug)]
pub struct Answer {
    /// Status, never a redirect that could be followed.
    pub status: u16,
    /// The same in words, e.g. `404 Not Found`.
    pub status_words: String,
    /// Headers.
    pub headers: HeaderMap,
    /// Bytes of the body where the server said so.
    pub length: Option<u64>,
    /// The URL that answered: the one asked for, or where it redirected to.
    pub url: Url,
    pub(super) body: Body,
}

impl Answer {
    /// What `response` says, its body made by `body`.
    pub(super) fn new(
        response: reqwest::Response,
        url: Url,
        body: impl FnOnce(reqwest::Response) -> Body,
    ) -> Self {
        Self {
            status: response.status().as_u16(),
            status_words: response.status().to_string(),
            headers: response.headers().clone(),
            length: response.content_length(),
            url,
            body: body(response),
        }
    }

    /// Whom the answer came from in the end.
    pub fn site(&self) -> &Site {
        self.body.site()
    }

    /// Refuses a body in a content coding, which nobody asked for.
    ///
    /// # Errors
    /// [`OutsideError::Encoded`].
    pub fn check_plain(&self) -> Result<(), OutsideError> {
        let codings = self.headers.get_all(CONTENT_ENCODING).iter();
        let mut foreign = codings.filter(|value| {
            !value.is_empty() && !value.as_bytes().eq_ignore_ascii_case(b"identity")
        });
        match foreign.next() {
            Some(value) => Err(OutsideError::Encoded {
                site: self.site().clone(),
                encoding: String::from_utf8_lossy(value.as_bytes()).into_owned(),
            }),
            None => Ok(()),
        }
    }

    /// The next chunk of the body, `None` at its end.
    ///
    /// # Errors
    /// [`OutsideError::Broken`] for a body that ends early, [`OutsideError::TooSlow`].
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, OutsideError> {
        self.body.next_chunk().await
    }

    /// The whole body, at most `limit_bytes`. A body that says beforehand that it is larger is not read at all.
    ///
    /// # Errors
    /// [`OutsideError::TooLarge`], and those of [`Answer::next_chunk`].
    pub async fn read(mut self, limit_bytes: u64) -> Result<Bytes, OutsideError> {
        if self.length.is_some_and(|length| length > limit_bytes) {
            return Err(self.too_large(limit_bytes));
        }
        let mut whole = Vec::new();
        while let Some(chunk) = self.next_chunk().await? {
            if (whole.len() + chunk.len()) as u64 > limit_bytes {
                return Err(self.too_large(limit_bytes));
            }
            // Copied even when it is the only one: a chunk keeps the whole read buffer alive.
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.into())
    }

    /// The error for a body over `limit_bytes`.
    pub fn too_large(&self, limit_bytes: u64) -> OutsideError {
        OutsideError::TooLarge {
            site: self.site().clone(),
            limit_bytes,
        }
    }
}
