//! `/v1/tokens`: which there are, making and revoking them. Nobody hands out or ends more than they may themselves.

use http::StatusCode;
use http::header::LOCATION;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::call::Call;
use super::problem::Problem;
use super::reply::Reply;
use super::shape::TokenShape;
use crate::front::catalog_trouble;
use crate::identity::{ALL, IssueError, Principal, Scopes, TokenAsk, Verb, issue, revoke};

/// Longest reason in bytes.
const WHY_BYTES_MAX: usize = 2000;

/// A token that is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: String,
    verbs: Vec<Verb>,
    #[serde(default = "everything")]
    views: Vec<String>,
    #[serde(default = "everything")]
    modules: Vec<String>,
    expires_at: Option<Timestamp>,
    #[serde(default)]
    why: String,
}

fn everything() -> Vec<String> {
    vec![ALL.to_owned()]
}

/// `GET /v1/tokens`: those that may no more than the caller.
pub(super) async fn list(call: &Call) -> Result<Reply, Problem> {
    let (after, limit) = (call.query.after()?, call.query.limit()?);
    let rows = call.front.catalog.list_tokens(after, limit).await;
    let rows = rows.map_err(|cause| catalog_trouble("the tokens", cause))?;
    let more = rows
        .last()
        .filter(|_| rows.len() as u64 == limit)
        .map(|row| row.id);
    let now = Timestamp::now();
    let seen = rows.iter().filter(|row| {
        let scopes: Option<Scopes> = serde_json::from_str(&row.scopes).ok();
        call.by
            .is_allowed(|own| scopes.is_some_and(|scopes| own.covers(&scopes)))
    });
    Ok(Reply::page(
        &seen.map(|row| TokenShape::of(row, now)).collect::<Vec<_>>(),
        more,
    ))
}

/// `POST /v1/tokens`: the one answer that ever shows the secret.
pub(super) async fn create(call: &Call) -> Result<Reply, Problem> {
    let wanted: Wanted = call.json()?;
    if wanted.why.len() > WHY_BYTES_MAX {
        return Err(Problem::bad(format!(
            "`why` is longer than {WHY_BYTES_MAX} bytes"
        )));
    }
    let scopes = Scopes::new(wanted.verbs, wanted.views, wanted.modules)
        .map_err(|error| Problem::bad(error.to_string()))?;
    let ask = TokenAsk {
        name: wanted.name.clone(),
        scopes: scopes.clone(),
        expires_at: wanted.expires_at,
        why: wanted.why,
    };
    let issued = issue(&call.front.catalog, &call.by, ask)
        .await
        .map_err(|error| of_issue(call, "token-create", &wanted.name, error))?;
    call.front.gatekeeper.tokens.forget();
    let answer = json!({
        "name": wanted.name,
        "token": issued.secret.reveal(),
        "scopes": scopes,
        "expires_at": wanted.expires_at,
    });
    let reply = Reply::json(StatusCode::CREATED, &answer);
    Ok(reply.with(LOCATION, &format!("/v1/tokens/{}", wanted.name)))
}

/// `DELETE /v1/tokens/<name>`.
pub(super) async fn delete(call: &Call, name: &str) -> Result<Reply, Problem> {
    revoke(&call.front.catalog, &call.by, name, "")
        .await
        .map_err(|error| of_issue(call, "token-revoke", name, error))?;
    call.front.gatekeeper.tokens.forget();
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

fn of_issue(call: &Call, verb: &str, name: &str, error: IssueError) -> Problem {
    match error {
        IssueError::Invalid(why) => Problem::bad(why),
        IssueError::Taken(_) => Problem::new(StatusCode::CONFLICT, error.to_string()),
        IssueError::Unknown(_) => Problem::absent(error.to_string()),
        IssueError::Beyond(why) => {
            let is_hidden = verb == "token-revoke" && matches!(call.by, Principal::Token { .. });
            let refused = call.refuse(verb, name, None, why);
            // Whoever sees only some tokens learns nothing of the others.
            match is_hidden {
                true => Problem::absent(IssueError::Unknown(name.to_owned()).to_string()),
                false => refused,
            }
        }
        IssueError::NoRandomness(cause) => {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, cause.to_string())
        }
        IssueError::Catalog(cause) => catalog_trouble(format!("token {name}"), cause).into(),
    }
}
