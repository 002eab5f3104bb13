//! `granary get`: a job like any other, acknowledged when it is durable, watched until it ends.

use std::time::Duration;

use anyhow::{Result, bail};
use catalog::work::{self, GetAnswer, GetAsk};
use pipeline::jobs::durable;
use queue::{Outcome, Priority};
use serde_json::json;

use crate::line::{Line, Lines, finding, progress};
use crate::parts::Parts;

/// Time between two looks at the progress.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Captures what the queries name, with everything their builds need.
pub async fn run(parts: &Parts, queries: Vec<String>, zips: bool, lines: &Lines) -> Result<Line> {
    let ask = GetAsk { queries, zips };
    let id = format!("act:{}", uuid::Uuid::now_v7());
    let ticket = parts
        .queue
        .submit_acknowledged(durable(id, work::GET, &ask, Priority::Request))
        .await?;
    let outcome = loop {
        if let Some(outcome) = ticket.wait(LOOK_EVERY).await {
            break outcome;
        }
        let now = ticket.progress().borrow().clone();
        progress(lines, now.done, now.total, &now.line).await;
    };
    let answer: GetAnswer = match outcome {
        Outcome::Done(bytes) | Outcome::Later { answer: bytes, .. } => {
            serde_json::from_slice(&bytes)?
        }
        Outcome::Failed { message, .. } => bail!("{message}"),
        Outcome::Cancelled => bail!("it was cancelled"),
    };
    for (of, refusal) in &answer.missing {
        finding(lines, "not captured", of, &refusal.text).await;
    }
    let roots: Vec<String> = answer.roots.iter().map(ToString::to_string).collect();
    if !answer.all.is_empty() {
        return Ok(all_done(&answer, &roots));
    }
    if roots.is_empty() {
        let data =
            json!({ "roots": roots, "go_mods": 0, "selected": 0, "missing": answer.missing.len() });
        return Ok(Line::Done {
            well: false,
            text: "nothing was captured".to_owned(),
            data,
        });
    }
    let end = if answer.missing.is_empty() {
        "complete".to_owned()
    } else {
        format!("complete but for {} named above", answer.missing.len())
    };
    Ok(Line::Done {
        well: answer.missing.is_empty(),
        text: format!(
            "{}: {} go.mod files, {} versions selected; {end}",
            roots.join(" "),
            answer.go_mods,
            answer.selected
        ),
        data: json!({ "roots": roots, "go_mods": answer.go_mods, "selected": answer.selected, "missing": answer.missing.len() }),
    })
}

/// The last line where a query named all versions of a module.
fn all_done(answer: &GetAnswer, roots: &[String]) -> Line {
    let mut parts: Vec<String> = answer
        .all
        .iter()
        .map(|(module, versions)| format!("{module}: {versions} versions"))
        .collect();
    if !roots.is_empty() {
        parts.push(format!(
            "{}: {} go.mod files, {} versions selected",
            roots.join(" "),
            answer.go_mods,
            answer.selected
        ));
    }
    if !answer.missing.is_empty() {
        parts.push(format!(
            "complete but for {} named above",
            answer.missing.len()
        ));
    }
    let all: Vec<_> = answer
        .all
        .iter()
        .map(|(module, versions)| json!({ "module": module.as_str(), "versions": versions }))
        .collect();
    Line::Done {
        well: answer.missing.is_empty(),
        text: parts.join("; "),
        data: json!({ "roots": roots, "all": all, "go_mods": answer.go_mods, "selected": answer.selected, "missing": answer.missing.len() }),
    }
}
