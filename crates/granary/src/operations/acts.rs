//! Acts: a job like any other, acknowledged when it is durable, watched until it ends.

use std::time::Duration;

use anyhow::{Result, bail};
use catalog::work::{self, ActAnswer, ActAsk, DeedOutcome};
use pipeline::jobs::durable;
use queue::{Outcome, Priority};
use serde_json::json;

use crate::line::{Line, Lines, finding, item, progress};
use crate::parts::Parts;

/// Time between two looks at the progress.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Has an act carried out.
pub async fn run(parts: &Parts, ask: ActAsk, lines: &Lines) -> Result<Line> {
    let id = ActAsk::job_id(uuid::Uuid::now_v7());
    let ticket = parts
        .queue
        .submit_acknowledged(durable(id, work::ACT, &ask, Priority::Request))
        .await?;
    let outcome = loop {
        if let Some(outcome) = ticket.wait(LOOK_EVERY).await {
            break outcome;
        }
        let now = ticket.progress().borrow().clone();
        progress(lines, now.done, now.total, &now.line).await;
    };
    let answer: ActAnswer = match outcome {
        Outcome::Done(bytes) | Outcome::Later { answer: bytes, .. } => {
            serde_json::from_slice(&bytes)?
        }
        Outcome::Failed { message, .. } => bail!("{message}"),
        Outcome::Cancelled => bail!("it was cancelled"),
    };
    let mut counts = [0_u64; 3];
    for line in &answer.outcomes {
        match line.outcome {
            DeedOutcome::Refused => {
                counts[2] += 1;
                finding(lines, "refused", &line.of, &line.text).await;
            }
            outcome => {
                counts[usize::from(outcome == DeedOutcome::Already)] += 1;
                item(lines, format!("{outcome}: {}", line.text), line).await;
            }
        }
    }
    let [done, already, refused] = counts;
    let words = [(done, "done"), (already, "so before"), (refused, "refused")];
    let said: Vec<String> = words
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let text = if said.is_empty() {
        "nothing matches".to_owned()
    } else {
        said.join(", ")
    };
    Ok(Line::Done {
        well: refused == 0 && !answer.outcomes.is_empty(),
        text: format!("{}: {text}", ask.act),
        data: json!({ "done": done, "already": already, "refused": refused }),
    })
}
