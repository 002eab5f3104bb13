//! `/v1/verdicts`: what the policies said, oldest first.

use gomod::path::ModulePath;

use super::call::Call;
use super::problem::Problem;
use super::reply::Reply;
use crate::front::catalog_trouble;

/// `GET /v1/verdicts[?module=&limit=&page=]`. A page holds only what the caller may see.
pub(super) async fn list(call: &Call) -> Result<Reply, Problem> {
    let (after, limit) = (call.query.after()?, call.query.limit()?);
    let module: Option<ModulePath> = match call.query.get("module") {
        Some(text) => Some(
            text.parse()
                .map_err(|error| Problem::bad(format!("{text:?} is no module path: {error}")))?,
        ),
        None => None,
    };
    let rows = call
        .front
        .catalog
        .list_verdicts(after, limit, module.as_ref())
        .await;
    let rows = rows.map_err(|cause| catalog_trouble("the verdicts", cause))?;
    let more = rows
        .last()
        .filter(|_| rows.len() as u64 == limit)
        .map(|row| row.id);
    let seen = rows
        .iter()
        .filter(|row| call.may_see(&row.view, &row.module));
    Ok(Reply::page(&seen.collect::<Vec<_>>(), more))
}
