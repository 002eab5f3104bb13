//! The one way out: everything that Granary asks of the world goes through [`Outside`].
//!
//! It knows TLS roots, outgoing proxies, the guard, budgets, redirects, bounds of size and time. It does not know what
//! is asked: modules, lists of upstreams and databases live above it. It reads no environment.

mod answer;
mod body;
mod config;
mod credentials;
mod error;
mod redirect;
mod send;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, VIA};
use tokio::time::Instant;
use url::Url;

use self::body::Body;
use self::redirect::NotFollowed;
use self::send::{Inner, Request, Sent};
use crate::budget::Budgets;
use crate::guard::{Guard, GuardRefusal, GuardedResolver, Site};
use crate::outgoing::OutgoingProxies;

pub use self::answer::Answer;
pub use self::body::Pace;
pub use self::config::{OutsideConfig, SetupError};
pub use self::credentials::Credentials;
pub use self::error::{BoxError, OutsideError};
pub use self::send::Manner;
pub(crate) use self::send::find_retry_after;
pub use self::tls::{ExtraRoots, TlsError};

/// RFC 5842, section 7.2: what a Granary answers when a request comes back to where it started.
const LOOP_DETECTED: u16 = 508;

/// Header that a Granary adds to its 508 so that the one who asked can recognise itself.
pub const LOOP_HEADER: &str = "granary-loop";

/// The one way out. Cheap to clone; all clones share connections, budgets and trust.
#[derive(Clone, Debug)]
pub struct Outside {
    inner: Arc<Inner>,
}

/// One question to the outside.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// What to get, without user information.
    pub url: &'a Url,
    /// User and password for the site of `url`; sent to no other.
    pub credentials: Option<&'a Credentials>,
    /// On whose behalf: of the places at a host that many are asked through, calls with one share never take all.
    pub share: Option<&'a str>,
    /// Longest time until the answer's headers.
    pub answer_within: Duration,
    /// Longest time until the body's end.
    pub whole_within: Duration,
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
                agent: config::agent(config),
                config: config.clone(),
                guard,
                resolver,
            }),
        })
    }

    /// The guard, for what is asked by other means than this way out.
    pub fn guard(&self) -> Arc<Guard> {
        Arc::clone(&self.inner.guard)
    }

    /// How often the guard refused a question. All ways out that are made of one count together.
    pub fn refusals(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.inner.config.refusals)
    }

    /// A way out for servers that need other roots or another outgoing proxy: `roots` besides those of this one,
    /// `outgoing` in the place of its. It has connections, budgets and trust of its own.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn make_other(
        &self,
        roots: Option<ExtraRoots>,
        outgoing: Option<OutgoingProxies>,
    ) -> Result<Self, SetupError> {
        let mut config = self.inner.config.clone();
        config.roots.extend(roots);
        if let Some(outgoing) = outgoing {
            config.outgoing = outgoing;
        }
        Self::new(&config)
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
        let manner = self.usual_manner();
        self.get_in_manner(call, &manner).await
    }

    /// As [`Outside::get`], with headers and a pace of its own. Redirects get the same headers.
    ///
    /// # Errors
    /// [`OutsideError`].
    pub async fn get_in_manner(
        &self,
        call: Call<'_>,
        manner: &Manner,
    ) -> Result<Answer, OutsideError> {
        let sent = Sent { manner, body: None };
        self.ask(call, sent).await
    }

    /// Posts a body that asks something and changes nothing, so that it may be sent again after a reset as a GET is. No
    /// redirect is followed: the body was meant for whom it was sent to.
    ///
    /// # Errors
    /// [`OutsideError`].
    pub async fn post(
        &self,
        call: Call<'_>,
        manner: &Manner,
        body: Bytes,
    ) -> Result<Answer, OutsideError> {
        let body = Some(&body);
        self.ask(call, Sent { manner, body }).await
    }

    /// No headers beside the usual ones, and the usual pace.
    pub fn usual_manner(&self) -> Manner {
        Manner {
            headers: HeaderMap::new(),
            pace: self.inner.pace,
        }
    }

    /// What is sent as `User-Agent`.
    pub fn agent(&self) -> &str {
        &self.inner.agent
    }

    /// The addresses of a host that a stranger named, as far as the guard lets them through: for those who then connect
    /// by other means than HTTP.
    ///
    /// # Errors
    /// [`GuardRefusal`] (boxed) or what the system's resolver said.
    pub async fn resolve(&self, host: &str) -> Result<Vec<SocketAddr>, BoxError> {
        self.inner.resolver.lookup(host).await
    }

    async fn ask(&self, call: Call<'_>, sent: Sent<'_>) -> Result<Answer, OutsideError> {
        let outcome = self.follow(call, sent).await;
        if let Err(OutsideError::Refused(refusal)) = &outcome {
            self.inner.config.refusals.fetch_add(1, Ordering::Relaxed);
            let from = Site::of(call.url).map(tracing::field::display);
            tracing::warn!(from, %refusal, "not asked: this led to where only this machine can reach");
        }
        outcome
    }

    async fn follow(&self, call: Call<'_>, sent: Sent<'_>) -> Result<Answer, OutsideError> {
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
            let place = send::enter(&budget, &site, call.share, answer_by).await?;
            let request = Request {
                trust,
                site: &site,
                url,
                credentials,
                sent,
            };
            let response = send::send(&self.inner, request, answer_by).await?;
            send::note_retry_after(&budget, &response);
            match redirect::find_target(response.status().as_u16(), response.headers(), &asked) {
                Ok(None) => {
                    let url = url.clone();
                    let pace = sent.manner.pace;
                    let body = |response| Body::new(response, site, deadline, pace, place);
                    return Ok(Answer::new(response, url, body));
                }
                Ok(Some(_target)) if sent.body.is_some() => {
                    let why = "a question that is not put to anyone else".to_owned();
                    return Err(OutsideError::Redirect { site, why });
                }
                Ok(Some(target)) => {
                    send::finish(response).await;
                    asked.push(target);
                }
                Err(NotFollowed::Refused(refusal)) => return Err(refusal.into()),
                Err(NotFollowed::Because(why)) => return Err(OutsideError::Redirect { site, why }),
            }
        }
    }
}
