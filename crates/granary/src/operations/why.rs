//! `granary why`: where a version stands in every view, and why.

use anyhow::{Context, Result, bail};
use gomod::version::ModuleVersion;
use jiff::Timestamp;
use serde_json::Value;
use web::api::{AskedView, explain};

use crate::line::{Line, Lines, item, on_one_line};
use crate::parts::Parts;

/// Explains a version.
pub async fn run(parts: &Parts, of: &str, view: Option<&str>, lines: &Lines) -> Result<Line> {
    let of: ModuleVersion = of
        .parse()
        .with_context(|| format!("{of} is no module@version"))?;
    let stages = &parts.gates.stages;
    let mut views = stages.names();
    if let Some(view) = view {
        if !views.iter().any(|known| known == view) {
            bail!("there is no view {view}, only {}", views.join(", "));
        }
        views.retain(|known| known == view);
    }
    let asked: Vec<AskedView> = views
        .into_iter()
        .map(|view| AskedView {
            view,
            in_full: true,
        })
        .collect();
    let explained = explain(&parts.catalog, stages, &asked, &of, Timestamp::now()).await?;
    let Some(explained) = explained else {
        return Ok(Line::Done {
            well: false,
            text: format!("nothing is known of {of} here"),
            data: Value::Null,
        });
    };
    let first_seen = match explained.first_seen_at {
        Some(at) => format!("first seen at {at}"),
        None => "nothing of it is stored".to_owned(),
    };
    item(lines, format!("{of}: {first_seen}"), &explained).await;
    let mut text = explained.summary.clone();
    text.extend(explained.mismatch.clone());
    let waivers = explained.waivers.iter().map(|shape| {
        let waiver = &shape.waiver;
        format!(
            "waiver {}: {} for {} until {} ({}: {})",
            waiver.id, waiver.rule, waiver.pattern, waiver.until, waiver.owner, waiver.why
        )
    });
    text.extend(waivers);
    let text: Vec<String> = text.iter().map(|line| on_one_line(line)).collect();
    Ok(Line::Done {
        well: true,
        text: text.join("\n"),
        data: Value::Null,
    })
}
