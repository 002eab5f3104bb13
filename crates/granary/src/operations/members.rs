//! `granary members`: what a view holds, or held at an earlier moment.

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use serde_json::json;
use web::api::{LandingShape, find_moment};

use crate::line::{Line, Lines, item, on_one_line};
use crate::parts::Parts;

/// Rows read at once.
const ROWS_AT_ONCE: u64 = 500;

/// Lists the members, each with the landing that had made it one.
pub async fn run(parts: &Parts, view: &str, at: Option<&str>, lines: &Lines) -> Result<Line> {
    let stages = &parts.gates.stages;
    if stages.position(view).is_none() {
        bail!(
            "there is no view {view}, only {}",
            stages.names().join(", ")
        );
    }
    let seq = find_moment(&parts.catalog, at, Timestamp::now())
        .await
        .context("--at")?;
    let (mut after, mut count) = (0, 0_u64);
    loop {
        let members = parts
            .catalog
            .members_at(view, seq, after, ROWS_AT_ONCE)
            .await?;
        let Some(last) = members.last() else { break };
        after = last.seq;
        count += members.len() as u64;
        for member in &members {
            let text = format!(
                "{}: landing {} at {} ({}: {})",
                member.module, member.seq, member.at, member.by, member.why
            );
            item(lines, on_one_line(&text), &LandingShape::from(member)).await;
        }
    }
    Ok(Line::Done {
        well: true,
        text: format!("{count} versions in {view} as of landing {seq}"),
        data: json!({ "view": view, "count": count, "landing": seq }),
    })
}
