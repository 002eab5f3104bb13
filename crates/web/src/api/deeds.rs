//! `/v1/deeds`: the record of who asked for what and what came of it, oldest first; as pages, or whole as lines of JSON.

use bytes::{BufMut as _, Bytes, BytesMut};
use catalog::Catalog;
use tokio::sync::mpsc;

use super::call::Call;
use super::problem::Problem;
use super::reply::Reply;
use crate::front::catalog_trouble;

/// Rows read at once for an export.
const ROWS_AT_ONCE: u64 = 500;

/// Such batches in flight: a slow reader slows the reading down.
const BATCHES_IN_FLIGHT: usize = 2;

/// `GET /v1/deeds[?limit=&page=]`.
pub(super) async fn list(call: &Call) -> Result<Reply, Problem> {
    let (after, limit) = (call.query.after()?, call.query.limit()?);
    let rows = call.front.catalog.list_deeds(after, limit).await;
    let rows = rows.map_err(|cause| catalog_trouble("the record", cause))?;
    if call.wants_lines {
        return Ok(Reply::lines(export(call.front.catalog.clone(), after)));
    }
    let more = rows
        .last()
        .filter(|_| rows.len() as u64 == limit)
        .map(|row| row.id);
    Ok(Reply::page(&rows, more))
}

/// All rows after one, as lines. An export that cannot be read to its end breaks off in the midst of a line, so that nobody
/// takes it for whole.
fn export(catalog: Catalog, mut after: u64) -> mpsc::Receiver<Bytes> {
    let (send, receive) = mpsc::channel(BATCHES_IN_FLIGHT);
    tokio::spawn(async move {
        loop {
            let rows = match catalog.list_deeds(after, ROWS_AT_ONCE).await {
                Ok(rows) => rows,
                Err(error) => {
                    tracing::warn!(%error, "an export of the record breaks off");
                    send.send(Bytes::from_static(b"{\"error\":")).await.ok();
                    return;
                }
            };
            let Some(last) = rows.last() else { return };
            after = last.id;
            let mut lines = BytesMut::new();
            for row in &rows {
                let line = serde_json::to_vec(row).unwrap_or_default();
                lines.extend_from_slice(&line);
                lines.put_u8(b'\n');
            }
            if send.send(lines.freeze()).await.is_err() {
                return;
            }
        }
    });
    receive
}
