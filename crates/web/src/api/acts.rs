//! `/v1/acts`: has something done to versions. What it means is decided by the pipeline; here is who may ask for it.

use std::time::Duration;

use bytes::Bytes;
use catalog::work::{self, ActAnswer, ActAsk, ActVerb, DeedOutcome};
use gomod::version::ModuleVersion;
use http::StatusCode;
use http::header::{LOCATION, RETRY_AFTER};
use jiff::Timestamp;
use queue::{Durability, Job, JobId, JobState, Outcome, Priority, QueueError};
use serde::Deserialize;
use serde_json::json;

use super::call::Call;
use super::problem::Problem;
use super::reply::Reply;
use crate::answer::Error;
use crate::identity::{Scopes, Verb};

/// How long an answer waits for the act; most proxies cut a connection off at 30 s.
const ACT_WAIT: Duration = Duration::from_secs(20);

/// An act as it is asked for; who asks is known from elsewhere.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    act: ActVerb,
    of: Vec<String>,
    view: Option<String>,
    #[serde(default)]
    legal: bool,
    rule: Option<String>,
    owner: Option<String>,
    until: Option<Timestamp>,
    why: String,
}

/// `POST /v1/acts`.
pub(super) async fn create(call: &Call) -> Result<Reply, Problem> {
    let wanted: Wanted = call.json()?;
    let ask = ask_of(wanted, call.by.by());
    ask.check_shape()
        .map_err(|malformed| Problem::bad(malformed.to_string()))?;
    check_may(call, &ask)?;
    let id = ActAsk::job_id(uuid::Uuid::now_v7());
    let payload = serde_json::to_vec(&ask).map_err(|error| Problem::bad(error.to_string()))?;
    let job = Job {
        id: JobId::new(id.clone()),
        kind: work::ACT.to_owned(),
        payload: Bytes::from(payload),
        priority: Priority::Request,
        durability: Durability::Durable,
    };
    let ticket = call
        .front
        .queue
        .submit_acknowledged(job)
        .await
        .map_err(|cause| of_queue(ask.act, cause))?;
    match ticket.wait(ACT_WAIT).await {
        Some(outcome) => answer(&id, outcome),
        None => Ok(going_on(&id)),
    }
}

/// `GET /v1/acts/<id>`: how an act goes, or went within the last ten minutes.
pub(super) fn get(call: &Call, id: &str) -> Result<Reply, Problem> {
    let known = id
        .starts_with("act:")
        .then(|| call.front.queue.find(&JobId::new(id)));
    match known.flatten() {
        None => Err(Problem::absent(format!(
            "no act {id} is under way or ended a short while ago; /v1/deeds has what came of all"
        ))),
        Some(JobState::Ended(outcome)) => answer(id, outcome),
        Some(_) => Ok(going_on(id)),
    }
}

fn going_on(id: &str) -> Reply {
    Reply::json(
        StatusCode::ACCEPTED,
        &json!({ "job": id, "state": "running" }),
    )
    .with(LOCATION, &format!("/v1/acts/{id}"))
    .with(RETRY_AFTER, "2")
}

/// What came of it; a refusal of any part is a conflict, with all outcomes beside the words.
fn answer(id: &str, outcome: Outcome) -> Result<Reply, Problem> {
    let unavailable =
        |why: String| Problem::new(StatusCode::SERVICE_UNAVAILABLE, why).with("job", json!(id));
    let bytes = match outcome {
        Outcome::Done(bytes) | Outcome::Later { answer: bytes, .. } => bytes,
        Outcome::Failed { message, .. } => return Err(unavailable(message)),
        Outcome::Cancelled => {
            return Err(unavailable(
                "the server is going down; the act is kept and goes on when it is back".to_owned(),
            ));
        }
    };
    let done: ActAnswer = serde_json::from_slice(&bytes).map_err(|cause| Error::Broken {
        what: id.to_owned(),
        cause: cause.into(),
    })?;
    let refused: Vec<String> = done
        .outcomes
        .iter()
        .filter(|line| line.outcome == DeedOutcome::Refused)
        .map(|line| format!("{}: {}", line.of, line.text))
        .collect();
    if refused.is_empty() {
        return Ok(Reply::json(
            StatusCode::OK,
            &json!({ "job": id, "state": "ended", "outcomes": done.outcomes }),
        ));
    }
    let problem = Problem::new(StatusCode::CONFLICT, refused.join("\n"));
    Err(problem
        .with("job", json!(id))
        .with("outcomes", json!(done.outcomes)))
}

fn ask_of(wanted: Wanted, by: String) -> ActAsk {
    ActAsk {
        act: wanted.act,
        of: wanted.of,
        view: wanted.view,
        legal: wanted.legal,
        rule: wanted.rule,
        owner: wanted.owner,
        until: wanted.until,
        why: wanted.why,
        by,
    }
}

/// The right that an act takes, and whether it concerns all views whatever it names.
fn right_of(act: ActVerb) -> (Verb, bool) {
    match act {
        ActVerb::Promote => (Verb::Promote, false),
        ActVerb::Approve => (Verb::Approve, false),
        ActVerb::Quarantine | ActVerb::Release => (Verb::Quarantine, true),
        ActVerb::Withdraw => (Verb::Withdraw, true),
        ActVerb::Waive | ActVerb::EndWaiver => (Verb::Waive, true),
    }
}

fn check_may(call: &Call, ask: &ActAsk) -> Result<(), Problem> {
    let (verb, is_everywhere) = right_of(ask.act);
    let view = ask.view.as_deref().filter(|_| !is_everywhere);
    let may = |own: &Scopes| {
        let in_views = match view {
            Some(view) => own.is_for_view(view),
            None => own.is_for_all_views(),
        };
        own.has(verb) && in_views && ask.of.iter().all(|of| is_for(own, ask.act, of))
    };
    if call.by.is_allowed(may) {
        return Ok(());
    }
    let why = match view {
        Some(view) => format!("{} may not {} all of this in {view}", call.by.by(), ask.act),
        None => format!(
            "{} may not {} all of this in all views",
            call.by.by(),
            ask.act
        ),
    };
    let subject: String = ask.of.join(" ").chars().take(200).collect();
    Err(call.refuse(ask.act.as_str(), &subject, ask.view.as_deref(), why))
}

fn is_for(own: &Scopes, act: ActVerb, of: &str) -> bool {
    match of.parse::<ModuleVersion>() {
        // A waiver is named by its number, and may be for anything.
        _ if act == ActVerb::EndWaiver => own.is_for_all_modules(),
        Ok(of) => own.is_for_module(of.path().as_str()),
        Err(_) => own.is_for_pattern(of),
    }
}

fn of_queue(act: ActVerb, cause: QueueError) -> Problem {
    match cause {
        QueueError::Refused { retry: false, .. } => Problem::bad(cause.to_string()),
        QueueError::Refused { .. } => Error::JobsFull {
            what: act.to_string(),
        }
        .into(),
        other => Error::Unavailable {
            what: act.to_string(),
            why: String::new(),
            cause: other.into(),
        }
        .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::ALL;

    #[test]
    fn scopes_bound_acts() {
        let scopes = Scopes::new(
            [Verb::Quarantine],
            [ALL.to_owned()],
            ["corp.example".to_owned()],
        )
        .unwrap();
        for (of, want) in [
            ("corp.example/m@v1.0.0", true),
            ("corp.example/*", true),
            ("corp.example", true),
            ("other.example/m@v1.0.0", false),
            ("*.example", false),
            ("*", false),
        ] {
            assert_eq!(is_for(&scopes, ActVerb::Quarantine, of), want, "{of}");
        }
        assert!(!is_for(&scopes, ActVerb::EndWaiver, "corp.example"));
    }
}
