//! From a request below `/v1` to its answer: who asks is found out, what it may is checked, then the resource answers.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::header::{ACCEPT, ALLOW, CONTENT_LENGTH, HeaderValue};
use http::{HeaderMap, Method, Response, StatusCode};

use super::body::read_json;
use super::call::{Call, takes_token};
use super::problem::Problem;
use super::query::Query;
use super::reply::{LINES, Reply, ReplyBody};
use super::resource::{BASE, Resource, Right};
use super::{acts, deeds, landings, members, openapi, tokens, verdicts, waivers, why};
use crate::answer::Error;
use crate::control::Lines;
use crate::front::Front;
use crate::identity::{Attempt, Principal, SocketUser, Verb, Who};
use crate::metrics::Class;
use crate::route::{Asked, REQUEST_ID, check_head, shown_path};
use crate::target::percent_decode;

/// A request with its body, and the user of the socket where it came over that.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub asked: Asked,
    pub body: Body,
    pub user: Option<SocketUser>,
}

/// Whether a path, as it was sent, lies in the API.
pub(crate) fn is_below(path: &str, prefix: &str) -> bool {
    let rest = path.strip_prefix(prefix).unwrap_or(path);
    let below = rest.strip_prefix(BASE);
    below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
}

/// Answers a request of the API.
pub(crate) async fn answer(front: Arc<Front>, incoming: Incoming) -> Response<Body> {
    let Incoming { asked, body, user } = incoming;
    let request_id = asked.request_id(&front);
    let mut by = Principal::Nobody;
    let outcome = handle(&front, &asked, body, user, &mut by).await;
    let reply = outcome.unwrap_or_else(|problem| {
        if let Some(trouble) = &problem.trouble {
            let path = shown_path(asked.uri.path());
            tracing::warn!(
                request_id = request_id.to_str().unwrap_or_default(),
                path,
                "{trouble}"
            );
        }
        let (status, headers, text) = problem.render();
        Reply {
            status,
            headers,
            body: ReplyBody::Whole(Bytes::from(text)),
        }
    });
    let mut response = render(reply, &asked.method);
    let size_bytes = http_body::Body::size_hint(response.body()).exact();
    let status = response.status().as_u16();
    front
        .metrics
        .count(Class::Other, status, size_bytes.unwrap_or_default());
    tracing::info!(
        target: "web::access",
        request_id = request_id.to_str().unwrap_or_default(),
        client = asked.client(&front).map(tracing::field::display),
        by = by.by(),
        method = asked.method.as_str(),
        path = shown_path(asked.uri.path()),
        status,
        size_bytes,
        duration_ms = u64::try_from(asked.arrived.elapsed().as_millis()).unwrap_or(u64::MAX),
        "answered"
    );
    response.headers_mut().insert(REQUEST_ID, request_id);
    response
}

/// `by` is told as soon as it is known, for the log.
async fn handle(
    front: &Arc<Front>,
    asked: &Asked,
    body: Body,
    user: Option<SocketUser>,
    by: &mut Principal,
) -> Result<Reply, Problem> {
    check_head(front, asked)?;
    let who = asked.who(front, user);
    front.gatekeeper.check_host(&who, &asked.uri)?;
    let _place = front.room.try_acquire().map_err(|_| Error::Crowded)?;
    let resource = find_resource(front, asked)?;
    let method = match &asked.method {
        &Method::OPTIONS => {
            let reply = Reply::empty(StatusCode::NO_CONTENT);
            return Ok(reply.with(ALLOW, &resource.allowed()));
        }
        &Method::HEAD => &Method::GET,
        method => method,
    };
    if !resource.methods().contains(method) {
        return Err(Problem::method(&resource.allowed()));
    }
    if resource.right() == Right::Everyone {
        return Ok(openapi::get());
    }
    let_in(front, &who, asked, &resource, by).await?;
    let mut call = Call {
        front: front.clone(),
        by: by.clone(),
        client: who.client,
        query: Query::parse(asked.uri.query(), known_names(&resource, method))?,
        body: Bytes::new(),
        wants_lines: asked.method == Method::GET && wants_lines(&asked.headers),
    };
    if method == Method::POST {
        call.body = read_json(&asked.headers, body).await?;
    }
    match (&resource, method) {
        (Resource::Acts, _) => acts::create(&call).await,
        (Resource::Act(id), _) => acts::get(&call, id),
        (Resource::Why(of), _) => why::get(&call, of).await,
        (Resource::Verdicts, _) => verdicts::list(&call).await,
        (Resource::Landings, _) => landings::list(&call).await,
        (Resource::Members(view), _) => members::list(&call, view).await,
        (Resource::Waivers, _) => waivers::list(&call).await,
        (Resource::Deeds, _) => deeds::list(&call).await,
        (Resource::Tokens, &Method::POST) => tokens::create(&call).await,
        (Resource::Tokens, _) => tokens::list(&call).await,
        (Resource::Token(name), _) => tokens::delete(&call, name).await,
        (Resource::OpenApi, _) => Ok(openapi::get()),
    }
}

fn find_resource(front: &Front, asked: &Asked) -> Result<Resource, Problem> {
    let path = asked.uri.path();
    let path = path
        .strip_prefix(&*front.config.public_prefix)
        .unwrap_or(path);
    let decoded = percent_decode(path).map_err(|unserved| Problem::bad(unserved.reason))?;
    Resource::parse(&decoded).ok_or_else(|| {
        Problem::absent(
            "there is no such resource; /v1/openapi.json describes those that there are",
        )
    })
}

/// Finds out who asks, and whether they may use the resource at all; who may not goes on the record.
async fn let_in(
    front: &Front,
    who: &Who<'_>,
    asked: &Asked,
    resource: &Resource,
    by: &mut Principal,
) -> Result<(), Problem> {
    let attempt = Attempt {
        verb: "api".to_owned(),
        subject: format!("{} {}", asked.method, shown_path(asked.uri.path())),
        view: None,
        why: String::new(),
    };
    *by = front.gatekeeper.identify(who, &attempt).await?;
    let Some(wanted) = find_lack(resource, by) else {
        return Ok(());
    };
    if *by == Principal::Nobody {
        return Err(takes_token());
    }
    let why = format!("{} lacks the verb that this takes: {wanted}", by.by());
    let attempt = Attempt {
        why: why.clone(),
        ..attempt
    };
    front.gatekeeper.record.note(by, who.client, attempt);
    Err(Problem::forbidden(why))
}

/// What who asks lacks, in words.
fn find_lack(resource: &Resource, by: &Principal) -> Option<String> {
    let (has, wanted) = match resource.right() {
        Right::Everyone | Right::Readers => return None,
        Right::Has(verb) => {
            // The record and who may do what are about everything.
            let everywhere = verb != Verb::Admin
                || by.is_allowed(|own| own.is_for_all_views() && own.is_for_all_modules());
            (by.has(verb) && everywhere, verb.to_string())
        }
        Right::Acts => {
            let acts = [
                Verb::Promote,
                Verb::Withdraw,
                Verb::Quarantine,
                Verb::Approve,
                Verb::Waive,
            ];
            let names = acts.map(Verb::name).join(", ");
            (
                acts.into_iter().any(|verb| by.has(verb)),
                format!("one of {names}"),
            )
        }
    };
    (!has).then_some(wanted)
}

/// The names that a query may have.
fn known_names(resource: &Resource, method: &Method) -> &'static [&'static str] {
    match resource {
        Resource::Why(_) => &["view"],
        Resource::Verdicts => &["module", "limit", "page"],
        Resource::Landings | Resource::Waivers | Resource::Deeds => &["limit", "page"],
        Resource::Members(_) => &["at", "limit", "page"],
        Resource::Tokens if method == Method::GET => &["limit", "page"],
        _ => &[],
    }
}

fn wants_lines(headers: &HeaderMap) -> bool {
    let accepted = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|one| {
        let kind = one.split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case(LINES)
    })
}

fn render(reply: Reply, method: &Method) -> Response<Body> {
    let Reply {
        status,
        mut headers,
        body,
    } = reply;
    headers.insert(
        http::header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    let body = match body {
        ReplyBody::Whole(bytes) => {
            if status != StatusCode::NO_CONTENT {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
            }
            match method {
                &Method::HEAD => Body::empty(),
                _ => Body::from(bytes),
            }
        }
        ReplyBody::Lines(lines) => Body::new(Lines(lines)),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_is_below_its_base_only() {
        for (path, want) in [
            ("/v1", true),
            ("/v1/", true),
            ("/v1/deeds", true),
            ("/go/v1/deeds", true),
            ("/v1x", false),
            ("/v1.example/m/@v/list", false),
            ("/go/x/v1", false),
            ("/", false),
        ] {
            assert_eq!(is_below(path, "/go"), want, "{path}");
        }
    }
}
