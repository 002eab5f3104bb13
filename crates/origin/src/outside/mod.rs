//! The one way out: everything that Granary asks of the world goes through [`Outside`].
//!
//! It knows TLS roots, outgoing proxies, the guard, budgets, redirects, bounds of size and time. It does not know what
//! is asked: modules, lists of upstreams and databases live above it. It reads no environment.

mod body;
mod config;
mod credentials;
mod error;
mod redirect;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Client;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, HeaderMap, HeaderName, RETRY_AFTER, VIA};
use tokio::time::Instant;
use url::Url;

use self::body::Body;
use self::redirect::NotFollowed;
use crate::budget::{Budgets, Denied, HostBudget, Place, parse_retry_after};
use crate::guard::{Guard, GuardRefusal, GuardedResolver, Site, Trust};
use crate::outgoing::OutgoingProxies;

pub use self::body::Pace;
pub use self::config::{OutsideConfig, SetupError};
pub use self::credentials::Credentials;
pub use self::error::{BoxError, OutsideError};
pub use self::tls::{ExtraRoots, TlsError};

/// Times that a GET is asked again after its connection was reset before an answer began.
const RESETS_MAX: u32 = 2;

/// Pause before asking again after a reset; a server that restarts a worker is back by then.
const RESET_PAUSE: Duration = Duration::from_millis(50);

/// Largest body of a redirect that is read to its end so that its connection can be used again.
const REDIRECT_BODY_MAX: u64 = 4 * 1024;

/// RFC 5842, section 7.2: what a Granary answers when a request comes back to where it started.
const LOOP_DETECTED: u16 = 508;

/// RFC 6585, section 4.
const TOO_MANY_REQUESTS: u16 = 429;

/// Header that a Granary adds to its 508 so that the one who asked can recognise itself.
pub const LOOP_HEADER: &str = "granary-loop";

/// The one way out. Cheap to clone; all clones share connections, budgets and trust.
#[derive(Clone, Debug)]
pub struct Outside {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    guard: Arc<Guard>,
    budgets: Budgets,
    outgoing: OutgoingProxies,
    resolver: GuardedResolver,
    /// For sites that the operator configured: resolves names as they are.
    configured: Client,
    /// For everyone else: its resolver gives filtered addresses. Two clients, so that no pooled connection of the
    /// first can carry a request of the second.
    guarded: Client,
    pace: Pace,
    instance: String,
}

/// One question to the outside.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// What to get, without user information.
    pub url: &'a Url,
    /// User and password for the site of `url`; sent to no other.
    pub credentials: Option<&'a Credentials>,
    /// Longest time until the answer's headers.
    pub answer_within: Duration,
    /// Longest time until the body's end.
    pub whole_within: Duration,
}

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
    body: Body,
}

impl Outside {
    /// Makes the way out. Loads the system's root certificates once, opens nothing.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(config: &OutsideConfig) -> Result<Self, SetupError> {
        let guard = Arc::new(Guard::new(config.allow.clone(), config.outgoing.hosts()));
        let resolver = GuardedResolver::new(Arc::clone(&guard));
        let tls = tls::configure(&config.roots)?;
        let client = |guarded: bool| {
            let mut builder = config::builder(config)?.tls_backend_preconfigured(tls.clone());
            if guarded {
                builder = builder.dns_resolver(resolver.clone());
            }
            builder.build().map_err(SetupError::Client)
        };
        Ok(Self {
            inner: Arc::new(Inner {
                configured: client(false)?,
                guarded: client(true)?,
                budgets: Budgets::new(config.places_per_host),
                outgoing: config.outgoing.clone(),
                pace: config.pace,
                instance: config.instance.clone(),
                guard,
                resolver,
            }),
        })
    }

    /// Marks the site of a URL as one that the operator configured: it is asked wherever it is.
    pub fn trust(&self, url: &Url) {
        self.inner.guard.trust(url);
    }

    /// Whether an answer comes from ourselves: a 508 that names our own id in `Via` or [`LOOP_HEADER`].
    pub fn is_own_loop(&self, answer: &Answer) -> bool {
        let names_us = |name: &HeaderName| {
            answer
                .headers
                .get_all(name)
                .iter()
                .filter_map(|value| value.to_str().ok())
                .any(|text| {
                    text.split([',', ' ']).any(|word| {
                        word == self.inner.instance
                            || word.strip_prefix("granary-") == Some(&self.inner.instance)
                    })
                })
        };
        answer.status == LOOP_DETECTED
            && (names_us(&VIA) || names_us(&HeaderName::from_static(LOOP_HEADER)))
    }

    /// Gets a URL, following redirects that are safe to follow.
    ///
    /// Any status that is not such a redirect is an answer, 404 and 500 included. A connection that was reset before
    /// the answer began is tried again, at most twice.
    ///
    /// # Errors
    /// [`OutsideError`]; nothing is asked of a host that the guard refuses or that asked to be left alone.
    pub async fn get(&self, call: Call<'_>) -> Result<Answer, OutsideError> {
        let deadline = Instant::now() + call.whole_within;
        let answer_by = deadline.min(Instant::now() + call.answer_within);
        let first = Site::of(call.url);
        let mut asked = vec![call.url.clone()];
        loop {
            let url = &asked[asked.len() - 1];
            let trust = self.inner.guard.judge(url)?;
            let Some(site) = Site::of(url) else {
                let scheme = url.scheme().to_owned();
                return Err(GuardRefusal::Scheme { scheme }.into());
            };
            let credentials = call.credentials.filter(|_| first.as_ref() == Some(&site));
            let budget = self.inner.budgets.of(&site);
            let place = enter(&budget, &site, answer_by).await?;
            let response = self.send(trust, &site, url, credentials, answer_by).await?;
            note_retry_after(&budget, &response);
            match redirect::find_target(response.status().as_u16(), response.headers(), &asked) {
                Ok(None) => return Ok(self.answer(response, site, deadline, place)),
                Ok(Some(target)) => {
                    finish(response).await;
                    asked.push(target);
                }
                Err(NotFollowed::Refused(refusal)) => return Err(refusal.into()),
                Err(NotFollowed::Because(why)) => return Err(OutsideError::Redirect { site, why }),
            }
        }
    }

    async fn send(
        &self,
        trust: Trust,
        site: &Site,
        url: &Url,
        credentials: Option<&Credentials>,
        answer_by: Instant,
    ) -> Result<reqwest::Response, OutsideError> {
        if trust == Trust::Guarded && self.inner.outgoing.find(url).is_some() {
            self.check_behind_proxy(site, answer_by).await?;
        }
        let client = match trust {
            Trust::Configured => &self.inner.configured,
            Trust::Guarded => &self.inner.guarded,
        };
        let mut resets = 0;
        loop {
            let mut request = client.get(url.clone());
            if let Some(credentials) = credentials {
                request = request.header(AUTHORIZATION, credentials.header());
            }
            match tokio::time::timeout_at(answer_by, request.send()).await {
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(error)) if resets < RESETS_MAX && error::is_reset(&error) => {
                    resets += 1;
                    tokio::time::sleep(RESET_PAUSE).await;
                }
                Ok(Err(error)) => return Err(translate(site, error)),
                Err(_elapsed) => {
                    let what = "no answer began in the time for it".to_owned();
                    return Err(OutsideError::TooSlow {
                        site: site.clone(),
                        what,
                    });
                }
            }
        }
    }

    /// An outgoing proxy resolves names itself, so a stranger's name is resolved here too as far as that is possible.
    /// Names that only the proxy can resolve are left to it.
    async fn check_behind_proxy(
        &self,
        site: &Site,
        answer_by: Instant,
    ) -> Result<(), OutsideError> {
        let lookup =
            tokio::time::timeout_at(answer_by, self.inner.resolver.lookup(site.host())).await;
        match lookup {
            Ok(Err(error)) => match error::find_refusal(error.as_ref()) {
                Some(refusal) => Err(refusal.into()),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn answer(
        &self,
        response: reqwest::Response,
        site: Site,
        deadline: Instant,
        place: Place,
    ) -> Answer {
        Answer {
            status: response.status().as_u16(),
            status_words: response.status().to_string(),
            headers: response.headers().clone(),
            length: response.content_length(),
            body: Body::new(response, site, deadline, self.inner.pace, place),
        }
    }
}

impl Answer {
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

async fn enter(
    budget: &HostBudget,
    site: &Site,
    answer_by: Instant,
) -> Result<Place, OutsideError> {
    budget
        .enter(answer_by)
        .await
        .map_err(|denied| match denied {
            Denied::Closed(retry_after) => OutsideError::Overloaded {
                site: site.clone(),
                retry_after,
            },
            Denied::Full => OutsideError::TooSlow {
                site: site.clone(),
                what: "all our places for this host stayed taken".to_owned(),
            },
        })
}

/// Only a 429 is about us. A 503 may be about the one file that was asked for: another Granary says so while it fetches
/// it, and to leave the whole host alone then would fail a build for every module that it has.
fn note_retry_after(budget: &HostBudget, response: &reqwest::Response) {
    if response.status().as_u16() != TOO_MANY_REQUESTS {
        return;
    }
    if let Some(wait) = find_retry_after(response.headers()) {
        budget.close_for(wait);
    }
}

/// The wait that `Retry-After` asks for.
pub(crate) fn find_retry_after(headers: &HeaderMap) -> Option<Duration> {
    parse_retry_after(
        headers.get(RETRY_AFTER)?.to_str().ok()?,
        jiff::Timestamp::now(),
    )
}

/// Reads a redirect's small body to its end, so that the connection stays usable.
async fn finish(mut response: reqwest::Response) {
    if response
        .content_length()
        .is_some_and(|length| length <= REDIRECT_BODY_MAX)
    {
        let _ = tokio::time::timeout(RESET_PAUSE, async {
            while let Ok(Some(_)) = response.chunk().await {}
        })
        .await;
    }
}

fn translate(site: &Site, error: reqwest::Error) -> OutsideError {
    if let Some(refusal) = error::find_refusal(&error) {
        return refusal.into();
    }
    let site = site.clone();
    if error.is_timeout() {
        let what = "no connection in the time for it".to_owned();
        return OutsideError::TooSlow { site, what };
    }
    OutsideError::Unreachable {
        site,
        cause: Box::new(error.without_url()),
    }
}
