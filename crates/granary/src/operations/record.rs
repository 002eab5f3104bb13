//! `granary deeds` and `granary waivers`: what stands on the record.

use anyhow::Result;
use catalog::Deed;
use catalog::work::DeedOutcome;
use jiff::Timestamp;
use serde_json::json;
use web::api::WaiverShape;

use crate::line::{Line, Lines, item, on_one_line};
use crate::parts::Parts;

/// Rows read at once.
const ROWS_AT_ONCE: u64 = 500;

/// Deeds after a number: all, or so many.
pub async fn deeds(
    parts: &Parts,
    mut after: u64,
    limit: Option<u64>,
    lines: &Lines,
) -> Result<Line> {
    let mut count = 0_u64;
    loop {
        let left = limit.map_or(ROWS_AT_ONCE, |limit| limit - count);
        let deeds = parts
            .catalog
            .list_deeds(after, left.min(ROWS_AT_ONCE))
            .await?;
        let Some(last) = deeds.last() else { break };
        after = last.id;
        count += deeds.len() as u64;
        for deed in &deeds {
            let view = deed.view.as_ref().map(|view| format!(" in {view}"));
            let text = format!(
                "{} {} {} {} {}{}: {} ({}){}",
                deed.id,
                deed.at,
                deed.by,
                deed.verb,
                deed.subject,
                view.unwrap_or_default(),
                deed.outcome,
                deed.why,
                refusal_of(deed)
            );
            item(lines, on_one_line(&text), deed).await;
        }
    }
    Ok(Line::Done {
        well: true,
        text: format!("{count} deeds"),
        data: json!({ "count": count, "last": after }),
    })
}

/// Why a deed was refused, with a separator in front; nothing where its reason says that already.
fn refusal_of(deed: &Deed) -> String {
    let text = deed.detail["text"].as_str();
    match text.filter(|_| deed.outcome == DeedOutcome::Refused) {
        Some(text) => format!(": {text}"),
        None => String::new(),
    }
}

/// All waivers.
pub async fn waivers(parts: &Parts, lines: &Lines) -> Result<Line> {
    let (mut after, mut count) = (0, 0_u64);
    let now = Timestamp::now();
    loop {
        let waivers = parts.catalog.list_waivers(after, ROWS_AT_ONCE).await?;
        let Some(last) = waivers.last() else { break };
        after = last.id;
        count += waivers.len() as u64;
        for waiver in &waivers {
            let shape = WaiverShape::of(waiver, now);
            let state = match (&waiver.ended, shape.holds) {
                (Some(end), _) => format!("ended {} by {}: {}", end.at, end.by, end.why),
                (None, true) => format!("until {}", waiver.until),
                (None, false) => format!("over since {}", waiver.until),
            };
            let text = format!(
                "{} {} for {}, {state} ({}: {})",
                waiver.id, waiver.rule, waiver.pattern, waiver.owner, waiver.why
            );
            item(lines, on_one_line(&text), &shape).await;
        }
    }
    Ok(Line::Done {
        well: true,
        text: format!("{count} waivers"),
        data: json!({ "count": count }),
    })
}
