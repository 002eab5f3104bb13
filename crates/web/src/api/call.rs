//! One call of the API: who calls, and what came with it.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use gomod::version::ModuleVersion;
use serde::de::DeserializeOwned;

use super::problem::Problem;
use super::query::Query;
use crate::answer::Error;
use crate::front::Front;
use crate::identity::{Attempt, Principal, Verb};

/// See the module. Whether the caller may use the resource at all has been checked.
#[derive(Debug)]
pub(super) struct Call {
    pub front: Arc<Front>,
    pub by: Principal,
    pub client: Option<IpAddr>,
    pub query: Query,
    pub body: Bytes,
    /// Whether lines of JSON are wanted instead of a page.
    pub wants_lines: bool,
}

/// The answer to whoever asks without a token for what takes one.
pub(super) fn takes_token() -> Problem {
    Error::Unauthorized(
        "this takes a token: Authorization: Bearer granary_...\n\
         `granary token create` on the server makes one"
            .to_owned(),
    )
    .into()
}

impl Call {
    /// The body, as JSON of a shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Problem::bad(format!("the body is not what is wanted here: {error}")))
    }

    /// Whether the caller may read what is known about a version in a view.
    pub fn may_see(&self, view: &str, module: &ModuleVersion) -> bool {
        self.by.is_allowed(|own| {
            own.has(Verb::Read)
                && own.is_for_view(view)
                && own.is_for_module(module.path().as_str())
        })
    }

    /// Refuses what the caller may not do, and puts that on the record.
    pub fn refuse(&self, verb: &str, subject: &str, view: Option<&str>, why: String) -> Problem {
        let attempt = Attempt {
            verb: verb.to_owned(),
            subject: subject.to_owned(),
            view: view.map(ToOwned::to_owned),
            why: why.clone(),
        };
        self.front
            .gatekeeper
            .record
            .note(&self.by, self.client, attempt);
        Problem::forbidden(why)
    }
}
