//! `/v1/waivers`: exceptions from policies, also those that have ended, oldest first. They are made and ended by acts.

use gomod::version::ModuleVersion;
use jiff::Timestamp;

use super::call::Call;
use super::problem::Problem;
use super::reply::Reply;
use super::shape::WaiverShape;
use crate::front::catalog_trouble;

/// `GET /v1/waivers[?limit=&page=]`. A page holds only what concerns modules of the caller.
pub(super) async fn list(call: &Call) -> Result<Reply, Problem> {
    let (after, limit) = (call.query.after()?, call.query.limit()?);
    let rows = call.front.catalog.list_waivers(after, limit).await;
    let rows = rows.map_err(|cause| catalog_trouble("the waivers", cause))?;
    let more = rows
        .last()
        .filter(|_| rows.len() as u64 == limit)
        .map(|row| row.id);
    let now = Timestamp::now();
    let seen = rows.iter().filter(|row| {
        call.by
            .is_allowed(|own| match row.pattern.parse::<ModuleVersion>() {
                Ok(of) => own.is_for_module(of.path().as_str()),
                Err(_) => own.is_for_pattern(&row.pattern),
            })
    });
    Ok(Reply::page(
        &seen
            .map(|row| WaiverShape::of(row, now))
            .collect::<Vec<_>>(),
        more,
    ))
}
