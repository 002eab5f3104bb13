//! From a request to its answer: what is refused before anything is looked up, who answers the rest, what is logged.

use std::borrow::Cow;
use std::error::Error as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use gomod::path::ModulePath;
use http::header::{CACHE_CONTROL, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING, VARY, VIA};
use http::{HeaderMap, Method, Response, Uri, Version, request};

use crate::answer::Error;
use crate::config::FrontConfig;
use crate::entry::Entry;
use crate::front::Front;
use crate::identity::{SocketUser, Who};
use crate::metrics::{Class, Overload};
use crate::proxy::{file, list, query};
use crate::response::{Answer, render, render_entry};
use crate::target::{FileKind, Request, Target, Unserved};
use crate::view::View;
use crate::{health, sumdb};

/// Sent and, by trusted proxies, received.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Clients of the public mirror send it when an answer out of the cache is all they want.
const DISABLE_FETCH: HeaderName = HeaderName::from_static("disable-module-fetch");

/// Longest request id taken from others.
const REQUEST_ID_BYTES_MAX: usize = 64;

/// A request without its body, which nothing here reads.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub version: Version,
    /// Who is at the other end of the connection; `None` on a unix socket, whose users are trusted.
    pub peer: Option<IpAddr>,
    pub arrived: Instant,
}

impl Asked {
    pub fn new(head: request::Parts, peer: Option<IpAddr>) -> Self {
        Self {
            method: head.method,
            uri: head.uri,
            headers: head.headers,
            version: head.version,
            peer,
            arrived: Instant::now(),
        }
    }

    fn is_from_trusted(&self, front: &Front) -> bool {
        self.peer.is_none_or(|peer| is_trusted(front, peer))
    }

    /// The client's address: the last one in `X-Forwarded-For` that no trusted proxy has.
    pub fn client(&self, front: &Front) -> Option<IpAddr> {
        if !self.is_from_trusted(front) {
            return self.peer;
        }
        let lines = self.headers.get_all(FORWARDED_FOR);
        let texts: Vec<&str> = lines.iter().filter_map(|line| line.to_str().ok()).collect();
        texts
            .iter()
            .rev()
            .flat_map(|line| line.rsplit(','))
            .map_while(|hop| hop.trim().parse().ok())
            .find(|hop| !is_trusted(front, *hop))
            .or(self.peer)
    }

    /// What it says about who sends it; `user` is that of the socket.
    pub fn who(&self, front: &Front, user: Option<SocketUser>) -> Who<'_> {
        Who {
            headers: &self.headers,
            client: self.peer.and_then(|_| self.client(front)),
            user,
        }
    }

    pub fn request_id(&self, front: &Front) -> HeaderValue {
        let given = self.headers.get(REQUEST_ID).filter(|id| {
            let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
            (1..=REQUEST_ID_BYTES_MAX).contains(&id.len()) && id.as_bytes().iter().all(is_plain)
        });
        match given {
            Some(id) if self.is_from_trusted(front) => id.clone(),
            _ => HeaderValue::from_str(&uuid::Uuid::now_v7().simple().to_string())
                .unwrap_or_else(|_| HeaderValue::from_static("none")),
        }
    }
}

fn is_trusted(front: &Front, address: IpAddr) -> bool {
    front
        .config
        .trusted_proxies
        .iter()
        .any(|network| network.contains(address))
}

/// Answers out of the hot map, if the request is one that may be.
pub(crate) fn answer_hot(front: &Front, asked: &Asked) -> Option<Response<Bytes>> {
    if check_request(front, asked).is_err() {
        return None;
    }
    let entry = front.hot.find(asked.uri.path(), asked.arrived)?;
    let response = render_entry(&entry, &asked.method, &asked.headers);
    match response.status().as_u16() {
        200 => front.metrics.count_hit(entry.class, response.body().len()),
        status => front
            .metrics
            .count(entry.class, status, response.body().len() as u64),
    }
    Some(response)
}

/// Answers any request.
pub(crate) async fn answer(front: Arc<Front>, asked: Asked) -> Response<Bytes> {
    let request_id = asked.request_id(&front);
    let mut is_open = true;
    let (class, outcome) = match check_request(&front, &asked) {
        Ok(()) => match parse(&front, &asked) {
            Ok(request) => {
                let class = class_of(&request.target);
                let view = front.view(request.stage);
                is_open = is_open_to_all(&front, view, &request.target);
                (class, dispatch(&front, request, &asked).await)
            }
            Err(unserved) => (Class::Other, Err(Error::Unserved(unserved.reason))),
        },
        Err(error) => (Class::Other, Err(error)),
    };
    let answer = outcome.unwrap_or_else(|error| {
        log_trouble(&front, &error, &asked, &request_id);
        note_overload(&front, &error);
        Answer::Plain(error.into_answer())
    });
    let mut response = render(&answer, &asked.method, &asked.headers);
    if !is_open {
        keep_private(&mut response);
    }
    let status = response.status().as_u16();
    front
        .metrics
        .count(class, status, response.body().len() as u64);
    tracing::info!(
        target: "web::access",
        request_id = request_id.to_str().unwrap_or_default(),
        client = asked.client(&front).map(tracing::field::display),
        method = asked.method.as_str(),
        path = shown_path(asked.uri.path()),
        status,
        size_bytes = response.body().len(),
        duration_ms = u64::try_from(asked.arrived.elapsed().as_millis()).unwrap_or(u64::MAX),
        "answered"
    );
    response.headers_mut().insert(REQUEST_ID, request_id);
    response
}

/// What is refused whatever the path, where nothing can be changed.
fn check_request(front: &Front, asked: &Asked) -> Result<(), Error> {
    check_head(front, asked)?;
    match asked.method {
        Method::GET | Method::HEAD => Ok(()),
        _ => Err(Error::Method),
    }
}

/// What is refused whatever the path and the method.
pub(crate) fn check_head(front: &Front, asked: &Asked) -> Result<(), Error> {
    let Asked { headers, .. } = asked;
    // A length beside it would make two readers see two different requests, and hyper hides the length then.
    if headers.contains_key(TRANSFER_ENCODING) {
        return Err(Error::BadHeader(
            "requests here have no body, or one with a Content-Length",
        ));
    }
    let hosts = headers.get_all(HOST).iter().count();
    let is_absolute = asked.uri.authority().is_some();
    if hosts > 1 || (hosts == 0 && asked.version == Version::HTTP_11 && !is_absolute) {
        return Err(Error::BadHeader("a request has exactly one Host header"));
    }
    // Of `ftp://host/path`, `user@host` or a bare word, hyper gives the path as if it had been asked for by itself.
    let is_plain = asked.uri.authority().is_none_or(|authority| {
        matches!(asked.uri.scheme_str(), Some("http" | "https"))
            && !authority.as_str().contains('@')
    });
    if !is_plain {
        return Err(Error::BadHeader(
            "a request is for a path, or for an address of http without a user",
        ));
    }
    let id = &front.config.instance_id;
    let came_back = !id.is_empty()
        && headers
            .get_all(VIA)
            .iter()
            .any(|via| via.to_str().is_ok_and(|via| via.contains(id.as_str())));
    if came_back {
        return Err(Error::Loop {
            instance_id: id.clone(),
        });
    }
    Ok(())
}

fn parse(front: &Front, asked: &Asked) -> Result<Request, Unserved> {
    let FrontConfig {
        public_prefix,
        stages,
        ..
    } = &front.config;
    Request::parse(asked.uri.path(), public_prefix, stages)
}

async fn dispatch(front: &Front, request: Request, asked: &Asked) -> Result<Answer, Error> {
    let may_fetch = !asked
        .headers
        .get(DISABLE_FETCH)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
    let plain = |plain| Ok(Answer::Plain(plain));
    let view = front.view(request.stage);
    let entry = match request.target {
        Target::Root => return plain(health::get_root(front)),
        Target::Live => return plain(health::get_live()),
        // In a place of its own: 37 KB that every request would carry along.
        Target::Ready => return plain(Box::pin(health::get_ready(front)).await),
        Target::Version => return plain(health::get_version(front)),
        Target::Metrics => return plain(health::get_metrics(front).await),
        Target::Fixed(name) => return plain(health::get_fixed(name)),
        target => {
            check_read(front, view, &target, asked).await?;
            get_entry(front, view, target, may_fetch).await?
        }
    };
    Ok(Answer::Entry(entry))
}

/// The module that is asked for, where it is one.
fn module_of<'a>(front: &Front, target: &'a Target) -> Option<Cow<'a, ModulePath>> {
    match target {
        Target::List(module) | Target::Latest(module) | Target::Query(module, _) => {
            Some(Cow::Borrowed(module))
        }
        Target::File(of, _) => Some(Cow::Borrowed(of.path())),
        Target::Sumdb(rest) => sumdb::find_module(front, rest).map(Cow::Owned),
        _ => None,
    }
}

fn is_open_to_all(front: &Front, view: View<'_>, target: &Target) -> bool {
    let module = module_of(front, target);
    front.gatekeeper.is_open(view.name(), module.as_deref())
}

/// Who may not read what is asked for hears so before anything is looked up.
async fn check_read(
    front: &Front,
    view: View<'_>,
    target: &Target,
    asked: &Asked,
) -> Result<(), Error> {
    let module = module_of(front, target);
    let who = asked.who(front, None);
    front
        .gatekeeper
        .check_read(&who, view.name(), module.as_deref())
        .await
}

/// What takes a token is for the one who asked, and not for those who share a cache with them.
fn keep_private(response: &mut Response<Bytes>) {
    let headers = response.headers_mut();
    let is_kept = headers
        .get(CACHE_CONTROL)
        .is_some_and(|value| value.as_bytes() != b"no-store");
    if is_kept {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
    headers.append(VARY, HeaderValue::from_static("Authorization"));
}

/// What is kept and served under conditions: everything of the protocol. Each waits in a place of its own, and the number
/// of places is bounded.
async fn get_entry(
    front: &Front,
    view: View<'_>,
    target: Target,
    may_fetch: bool,
) -> Result<Arc<Entry>, Error> {
    let _place = front.room.try_acquire().map_err(|_| Error::Crowded)?;
    match target {
        Target::List(module) => list::list_versions(front, view, &module, may_fetch).await,
        Target::Latest(module) => query::get_latest(front, view, &module, may_fetch).await,
        Target::Query(module, word) => query::resolve(front, view, &module, &word, may_fetch).await,
        Target::File(of, kind) => file::get_file(front, view, &of, kind, may_fetch).await,
        Target::Sumdb(rest) => sumdb::pass(front, &rest, may_fetch).await,
        other => Err(Error::Unserved(format!(
            "{other:?} is no part of the protocol"
        ))),
    }
}

fn class_of(target: &Target) -> Class {
    match target {
        Target::List(_) => Class::List,
        Target::Latest(_) => Class::Latest,
        Target::Query(..) => Class::Query,
        Target::File(_, FileKind::Info) => Class::Info,
        Target::File(_, FileKind::GoMod) => Class::GoMod,
        Target::File(_, FileKind::Zip) => Class::Zip,
        Target::Sumdb(_) => Class::Sumdb,
        _ => Class::Other,
    }
}

/// Logged once, here, with its causes; the client is told less. Of damaged files the log has a line of its own each, and
/// hears once in a while that they are asked for.
fn log_trouble(front: &Front, error: &Error, asked: &Asked, request_id: &HeaderValue) {
    if !error.is_trouble() {
        return;
    }
    let is_damage = matches!(error, Error::Refused(_));
    if is_damage && front.damage_log.note(Instant::now()).is_none() {
        return;
    }
    let mut causes = String::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push_str(": ");
        causes.push_str(&cause.to_string());
        next = cause.source();
    }
    tracing::warn!(
        request_id = request_id.to_str().unwrap_or_default(),
        path = shown_path(asked.uri.path()),
        "{error}{causes}"
    );
}

/// Counts what is refused for lack of room; the log hears of it once in a while.
fn note_overload(front: &Front, error: &Error) {
    let of = match error {
        Error::Crowded => Overload::Requests,
        Error::JobsFull { .. } => Overload::Jobs,
        _ => return,
    };
    front.metrics.count_overload(of);
    if let Some(refused) = front.overload_log.note(Instant::now()) {
        tracing::warn!(
            refused,
            "overloaded: requests for what is not in memory get 503; /metrics (granary_jobs) shows what they wait for, \
             docs/operating.md says what to do"
        );
    }
}

/// A path as it came may be long; the log gets its beginning. (It is ASCII or percent-encoded, but that is hyper's
/// business.)
pub(crate) fn shown_path(path: &str) -> &str {
    let mut end = path.len().min(512);
    while !path.is_char_boundary(end) {
        end -= 1;
    }
    &path[..end]
}
