//! Sending one request: which client, which headers, what happens when its connection is reset.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Client;
use reqwest::header::{AUTHORIZATION, HeaderMap, RETRY_AFTER};
use tokio::time::Instant;
use url::Url;

use super::body::Pace;
use super::config::OutsideConfig;
use super::credentials::Credentials;
use super::error::{self, OutsideError};
use crate::budget::{Budgets, Denied, HostBudget, Place, parse_retry_after};
use crate::guard::{Guard, GuardedResolver, Site, Trust};
use crate::outgoing::OutgoingProxies;

/// Times that a request is sent again after its connection was reset before an answer began.
const RESETS_MAX: u32 = 2;

/// Pause before asking again after a reset; a server that restarts a worker is back by then.
const RESET_PAUSE: Duration = Duration::from_millis(50);

/// Largest body of a redirect that is read to its end so that its connection can be used again.
const REDIRECT_BODY_MAX: u64 = 4 * 1024;

/// RFC 6585, section 4.
const TOO_MANY_REQUESTS: u16 = 429;

/// What all clones of the way out have together.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) guard: Arc<Guard>,
    pub(super) budgets: Budgets,
    pub(super) outgoing: OutgoingProxies,
    pub(super) resolver: GuardedResolver,
    /// For sites that the operator configured: resolves names as they are.
    pub(super) configured: Client,
    /// For everyone else: its resolver gives filtered addresses. Two clients, so that no pooled connection of the
    /// first can carry a request of the second.
    pub(super) guarded: Client,
    pub(super) pace: Pace,
    pub(super) instance: String,
    /// How all this was made, so that it can be made again a little differently.
    pub(super) config: OutsideConfig,
    pub(super) agent: String,
}

/// How a question is put, beside its address.
#[derive(Clone, Debug)]
pub struct Manner {
    /// Headers in place of, or beside, the usual ones. No credentials: they have a place of their own.
    pub headers: HeaderMap,
    /// How slow the answer's body may be.
    pub pace: Pace,
}

/// What goes to a server: a GET, or a POST with its body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent<'a> {
    pub(super) manner: &'a Manner,
    pub(super) body: Option<&'a Bytes>,
}

/// One request to one site.
pub(super) struct Request<'a> {
    pub(super) trust: Trust,
    pub(super) site: &'a Site,
    pub(super) url: &'a Url,
    pub(super) credentials: Option<&'a Credentials>,
    pub(super) sent: Sent<'a>,
}

impl Request<'_> {
    fn build(&self, inner: &Inner) -> reqwest::RequestBuilder {
        let client = match self.trust {
            Trust::Configured => &inner.configured,
            Trust::Guarded => &inner.guarded,
        };
        let mut builder = match self.sent.body {
            Some(body) => client.post(self.url.clone()).body(body.clone()),
            None => client.get(self.url.clone()),
        };
        builder = builder.headers(self.sent.manner.headers.clone());
        match self.credentials {
            Some(credentials) => builder.header(AUTHORIZATION, credentials.header()),
            None => builder,
        }
    }
}

/// Sends a request and waits for the headers of its answer, again where the connection was reset before.
pub(super) async fn send(
    inner: &Inner,
    request: Request<'_>,
    answer_by: Instant,
) -> Result<reqwest::Response, OutsideError> {
    let site = request.site;
    if request.trust == Trust::Guarded && inner.outgoing.find(request.url).is_some() {
        check_behind_proxy(inner, site, answer_by).await?;
    }
    let mut resets = 0;
    loop {
        let sending = request.build(inner).send();
        match tokio::time::timeout_at(answer_by, sending).await {
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
    inner: &Inner,
    site: &Site,
    answer_by: Instant,
) -> Result<(), OutsideError> {
    let lookup = tokio::time::timeout_at(answer_by, inner.resolver.lookup(site.host())).await;
    match lookup {
        Ok(Err(error)) => match error::find_refusal(error.as_ref()) {
            Some(refusal) => Err(refusal.into()),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Takes a place at a host.
pub(super) async fn enter(
    budget: &Arc<HostBudget>,
    site: &Site,
    share: Option<&str>,
    answer_by: Instant,
) -> Result<Place, OutsideError> {
    budget
        .enter(share, answer_by)
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
pub(super) fn note_retry_after(budget: &HostBudget, response: &reqwest::Response) {
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
pub(super) async fn finish(mut response: reqwest::Response) {
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
    if error::is_out_of_descriptors(&error) {
        return OutsideError::Exhausted { site };
    }
    if error.is_timeout() {
        let what = "no connection in the time for it".to_owned();
        return OutsideError::TooSlow { site, what };
    }
    OutsideError::Unreachable {
        site,
        cause: Box::new(error.without_url()),
    }
}
