//! git's protocol over HTTP.
//!
//! Source: gitprotocol-http, "Smart Clients"; redirects as git's `http.followRedirects=initial`.

use std::io::{self, Read};
use std::sync::Arc;

use bytes::Bytes;
use git::protocol::{Wire, WireError};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use tokio::runtime::Handle;
use url::Url;

use super::refused::{failed, of_outside};
use super::secrets::Secrets;
use super::settings::RemoteBounds;
use crate::guard::Site;
use crate::outside::{Answer, Call, Credentials, Manner, Outside, find_retry_after};
use crate::refusal;
use crate::upstream::UpstreamClass;

/// What stands behind the repository's URL when its refs are asked for.
const GREETING: &str = "/info/refs?service=git-upload-pack";

/// What stands behind it when a pack is.
const QUESTION: &str = "/git-upload-pack";

const GREETING_TYPE: &str = "application/x-git-upload-pack-advertisement";
const QUESTION_TYPE: &str = "application/x-git-upload-pack-request";
const ANSWER_TYPE: &str = "application/x-git-upload-pack-result";

/// Largest body of a refusal that is read for its words.
const REFUSAL_BODY_MAX: u64 = 16 * 1024;

/// A repository on an HTTP server. Used on threads that may block.
#[derive(Debug)]
pub(super) struct HttpWire {
    pub(super) outside: Outside,
    pub(super) handle: Handle,
    /// The repository's URL without user, password and a slash at its end.
    pub(super) url: Url,
    /// The same for people.
    pub(super) shown: String,
    /// The operator's credentials from the URL itself; for its site alone.
    pub(super) own: Option<Credentials>,
    pub(super) secrets: Arc<Secrets>,
    pub(super) secrets_hint: String,
    pub(super) bounds: RemoteBounds,
    /// Where questions go: where the greeting came from in the end.
    pub(super) base: Option<Url>,
}

impl Wire for HttpWire {
    fn greet(&mut self) -> Result<Box<dyn Read + '_>, WireError> {
        let asked = self.extended(&self.url, GREETING)?;
        let answer = self.send(&asked, "*/*", None)?;
        self.base = Some(self.base_of(&answer)?);
        if answer.status != 200 {
            return Err(self.refused(answer));
        }
        if !is_type(&answer, GREETING_TYPE) {
            let what = "gives files only and does not speak git's protocol";
            let error = failed(UpstreamClass::Invalid, &self.shown, what);
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                error.into_inner().unwrap_or_else(|| what.into()),
            ));
        }
        self.body(answer)
    }

    fn ask(&mut self, request: &[u8]) -> Result<Box<dyn Read + '_>, WireError> {
        let base = self.base.as_ref().unwrap_or(&self.url);
        let asked = self.extended(base, QUESTION)?;
        let answer = self.send(&asked, ANSWER_TYPE, Some(Bytes::copy_from_slice(request)))?;
        if answer.status != 200 {
            return Err(self.refused(answer));
        }
        if !is_type(&answer, ANSWER_TYPE) {
            let what = "answered a question of git's protocol with something else";
            return Err(failed(UpstreamClass::Unreachable, &self.shown, what));
        }
        self.body(answer)
    }

    fn is_stateless(&self) -> bool {
        true
    }
}

impl HttpWire {
    fn extended(&self, base: &Url, end: &str) -> Result<Url, WireError> {
        let text = format!("{}{end}", base.as_str().trim_end_matches('/'));
        let parsed = Url::parse(&text);
        parsed.map_err(|cause| failed(UpstreamClass::Invalid, &self.shown, &cause.to_string()))
    }

    fn send(&self, url: &Url, accept: &'static str, body: Option<Bytes>) -> io::Result<Answer> {
        let credentials = self.credentials_for(url);
        let call = Call {
            url,
            credentials: credentials.as_ref(),
            share: None,
            answer_within: self.bounds.answer_within,
            whole_within: self.bounds.whole_within,
        };
        let manner = self.manner(accept, body.is_some());
        let sent = self.handle.block_on(async {
            match body {
                Some(body) => self.outside.post(call, &manner, body).await,
                None => self.outside.get_in_manner(call, &manner).await,
            }
        });
        sent.map_err(|error| of_outside(&error, &self.shown))
    }

    /// Servers tell git's clients from others by the beginning of `User-Agent`.
    fn manner(&self, accept: &'static str, is_question: bool) -> Manner {
        let mut headers = HeaderMap::from_iter([
            (ACCEPT, HeaderValue::from_static(accept)),
            (
                HeaderName::from_static("git-protocol"),
                HeaderValue::from_static("version=2"),
            ),
        ]);
        if let Ok(agent) = HeaderValue::try_from(format!("git/{}", self.outside.agent())) {
            headers.insert(USER_AGENT, agent);
        }
        if is_question {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(QUESTION_TYPE));
        }
        Manner {
            headers,
            pace: self.bounds.pace,
        }
    }

    fn credentials_for(&self, url: &Url) -> Option<Credentials> {
        match &self.own {
            Some(own) if Site::of(url) == Site::of(&self.url) => Some(own.clone()),
            _ => self.secrets.find(url),
        }
    }

    /// The URL that answered, without what was put behind the repository's. Where that is gone the redirect led to some
    /// page and not to a repository.
    fn base_of(&self, answer: &Answer) -> io::Result<Url> {
        let base = answer.url.as_str().strip_suffix(GREETING);
        match base.map(Url::parse) {
            Some(Ok(base)) => Ok(base),
            // The status says it better.
            _ if answer.status != 200 => Ok(self.url.clone()),
            _ => Err(failed(
                UpstreamClass::Unreachable,
                &self.shown,
                "redirects to what is no repository",
            )),
        }
    }

    fn body(&self, answer: Answer) -> Result<Box<dyn Read + '_>, WireError> {
        answer
            .check_plain()
            .map_err(|error| of_outside(&error, &self.shown))?;
        Ok(Box::new(Body {
            wire: self,
            answer,
            chunk: Bytes::new(),
            left_bytes: self.bounds.bytes_max,
        }))
    }

    /// The error that an answer other than 200 is.
    fn refused(&self, answer: Answer) -> io::Error {
        let status = answer.status;
        let host = answer.site().to_string();
        let has_credentials = self.credentials_for(&answer.url).is_some();
        let retry_after = find_retry_after(&answer.headers);
        let words = self.words_of(answer);
        let hint = &self.secrets_hint;
        let (class, what) = match status {
            401 if has_credentials => (
                UpstreamClass::Forbidden,
                format!("{host} does not accept the credentials configured for it"),
            ),
            // Forges answer so for repositories that do not exist, so as not to tell which do.
            401 => (
                UpstreamClass::Absent,
                format!(
                    "{host} asks for credentials and none are configured for it: the repository does not exist, or is \
                     private{}{hint}",
                    if hint.is_empty() { "" } else { "; " },
                ),
            ),
            403 => (
                UpstreamClass::Forbidden,
                format!("{host} forbids to read the repository"),
            ),
            404 => (
                UpstreamClass::Absent,
                format!("{host} has no such repository, or it is private"),
            ),
            410 => (
                UpstreamClass::Gone,
                format!("the repository is gone from {host}"),
            ),
            451 => (
                UpstreamClass::Legal,
                format!("{host} may not give the repository for legal reasons"),
            ),
            429 => (
                UpstreamClass::Overloaded { retry_after },
                format!("{host} has too much to do"),
            ),
            503 if retry_after.is_some() => (
                UpstreamClass::Overloaded { retry_after },
                format!("{host} has too much to do"),
            ),
            408 | 504 => (
                UpstreamClass::TooSlow,
                format!("{host} took too long by its own account"),
            ),
            _ => (
                UpstreamClass::Unreachable,
                format!("{host} answered with status {status}"),
            ),
        };
        let text = match words {
            Some(words) => format!("{what}\n{words}"),
            None => what,
        };
        failed(class, &self.shown, &text)
    }

    /// The server's own words where it gave some for people.
    fn words_of(&self, answer: Answer) -> Option<String> {
        let content_type = content_type(&answer)?.to_owned();
        answer.check_plain().ok()?;
        let body = self.handle.block_on(answer.read(REFUSAL_BODY_MAX)).ok()?;
        refusal::find_text(Some(&content_type), &body)
    }
}

fn content_type(answer: &Answer) -> Option<&str> {
    answer.headers.get(CONTENT_TYPE)?.to_str().ok()
}

fn is_type(answer: &Answer, wanted: &str) -> bool {
    let found = content_type(answer).and_then(|found| found.split(';').next());
    found.is_some_and(|found| found.trim().eq_ignore_ascii_case(wanted))
}

/// The body of an answer, chunk by chunk, within its bound.
struct Body<'a> {
    wire: &'a HttpWire,
    answer: Answer,
    chunk: Bytes,
    left_bytes: u64,
}

impl Read for Body<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            let next = self.wire.handle.block_on(self.answer.next_chunk());
            match next.map_err(|error| of_outside(&error, &self.wire.shown))? {
                Some(chunk) => self.chunk = chunk,
                None => return Ok(0),
            }
            let length = self.chunk.len() as u64;
            match self.left_bytes.checked_sub(length) {
                Some(left) => self.left_bytes = left,
                None => {
                    let error = self.answer.too_large(self.wire.bounds.bytes_max);
                    return Err(of_outside(&error, &self.wire.shown));
                }
            }
        }
        let given = self.chunk.len().min(into.len());
        into[..given].copy_from_slice(&self.chunk[..given]);
        self.chunk = self.chunk.slice(given..);
        Ok(given)
    }
}
