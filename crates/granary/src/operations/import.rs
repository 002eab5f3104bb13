//! `granary import`: a GOPROXY tree as a source, with the verification that everything else gets.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use pipeline::import::{Imported, find_versions, import};
use serde_json::json;

use crate::line::{Line, Lines, finding, progress};
use crate::parts::Parts;

/// Captures every version found below `tree`.
pub async fn run(parts: &Parts, tree: &Path, lines: &Lines) -> Result<Line> {
    let folder = tree.to_owned();
    let found = tokio::task::spawn_blocking(move || find_versions(&folder))
        .await?
        .with_context(|| format!("cannot read {}", tree.display()))?;
    let (versions, without_info) = (found.versions, found.without_info);
    let total = versions.len() as u64;
    let source = Arc::new(parts.upstreams_of_tree(tree)?);
    // A place for every version that was found: nothing is dropped.
    let (send, mut receive) = tokio::sync::mpsc::channel(versions.len().max(1));
    let (mut kept, mut refused, mut at) = (0_u64, 0_u64, 0_u64);
    let gates = parts.gates.clone();
    let work = tokio::spawn(async move {
        import(&gates, source, versions, |of, result| {
            send.try_send((of.to_string(), result.clone())).ok();
        })
        .await;
    });
    while let Some((of, result)) = receive.recv().await {
        at += 1;
        match result {
            Imported::Kept => kept += 1,
            Imported::Refused(refusal) => {
                refused += 1;
                finding(lines, "refused", &of, &refusal.text).await;
            }
        }
        progress(lines, at, total, &of).await;
    }
    work.await?;
    let left_out = if without_info > 0 {
        format!("; {without_info} more have only a go.mod there and were left out")
    } else {
        String::new()
    };
    Ok(Line::Done {
        well: refused == 0,
        text: format!("{total} versions found, {kept} here now, {refused} refused{left_out}"),
        data: json!({ "found": total, "kept": kept, "refused": refused, "without_info": without_info }),
    })
}
