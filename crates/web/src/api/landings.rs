//! `/v1/landings`: everything that ever happened in the views, oldest first.

use super::call::Call;
use super::problem::Problem;
use super::reply::Reply;
use super::shape::LandingShape;
use crate::front::catalog_trouble;

/// `GET /v1/landings[?limit=&page=]`. A page holds only what the caller may see, and so may be short though another follows.
pub(super) async fn list(call: &Call) -> Result<Reply, Problem> {
    let (after, limit) = (call.query.after()?, call.query.limit()?);
    let rows = call.front.catalog.landings_since(after, limit).await;
    let rows = rows.map_err(|cause| catalog_trouble("the landings", cause))?;
    let more = rows
        .last()
        .filter(|_| rows.len() as u64 == limit)
        .map(|row| row.seq);
    let seen = rows
        .iter()
        .filter(|row| call.may_see(&row.view, &row.module));
    Ok(Reply::page(
        &seen.map(LandingShape::from).collect::<Vec<_>>(),
        more,
    ))
}
