//! `granary evidence`: what is known of security events, as files for people who have no Granary.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use catalog::{Catalog, KeptHead, NumberedEvent, Quarantined};
use gomod::hash::ContentDigest;
use gomod::version::ModuleVersion;
use serde_json::{Value, json};

use crate::line::{Line, Lines, finding};
use crate::parts::Parts;

/// Events, refusals and heads at most: an export is for people, and its newest end is what they look for.
const ROWS_MAX: u64 = 100_000;

/// What the folder says about itself.
const README: &str = "\
Evidence from a Granary, a repository of Go modules. Nothing here needs Granary to be read.

events.json      what happened, oldest first: kind, module, time, details. Times are UTC.
                   hash-mismatch           bytes came that are not what was vouched for; `found` and `expected` are the
                                           h1: hashes of go.sum (see the documentation of golang.org/x/mod/sumdb/dirhash)
                   checksum-database-lie   the checksum database gave an answer that its own signed tree contradicts
                   checksum-database-fork  the checksum database signed two trees that do not agree; the proof is in proofs/
quarantine.json  bytes that were refused, who offered them, and the file here that holds them (null: not kept)
refused/         those bytes, by their SHA-256. THEY MAY BE HOSTILE: do not unpack or build them outside of a sandbox
proofs/          both signed heads of a fork with hashes, by the number of the event
heads.json       signed heads of checksum databases, each proven consistent with the one before when it was kept
records.json     what checksum databases say of the modules above, as they signed it
SHA256SUMS       of all files here: sha256sum -c SHA256SUMS

User names, passwords and queries in addresses are replaced by REDACTED.
";

/// A folder that is filled, with the hashes of what is in it.
struct Export {
    dir: PathBuf,
    sums: Vec<String>,
}

impl Export {
    fn prepare(dir: &Path) -> Result<Self> {
        let cannot = || format!("cannot write to {}", dir.display());
        fs::create_dir_all(dir).with_context(cannot)?;
        if fs::read_dir(dir).with_context(cannot)?.next().is_some() {
            bail!("{} is not empty: name a new folder", dir.display());
        }
        Ok(Self {
            dir: dir.to_owned(),
            sums: Vec::new(),
        })
    }

    fn add(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.dir.join(name);
        let write = || -> std::io::Result<()> {
            fs::create_dir_all(path.parent().unwrap_or(&self.dir))?;
            fs::write(&path, bytes)
        };
        write().with_context(|| format!("cannot write {}", path.display()))?;
        self.sums
            .push(format!("{}  {name}\n", ContentDigest::of(bytes)));
        Ok(())
    }

    fn add_json(&mut self, name: &str, rows: &[Value]) -> Result<()> {
        let mut text = serde_json::to_string_pretty(rows)?;
        text.push('\n');
        self.add(name, text.as_bytes())
    }

    fn finish(self) -> Result<()> {
        let path = self.dir.join("SHA256SUMS");
        fs::write(&path, self.sums.concat())
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Writes the evidence of one event, or of all.
pub async fn run(parts: &Parts, dir: &Path, event: Option<u64>, lines: &Lines) -> Result<Line> {
    let (events, oldest_is_cut) = list_events(&parts.catalog, event, ROWS_MAX).await?;
    let mut refused = parts.catalog.list_quarantine(ROWS_MAX).await?;
    let refused_are_cut = refused.len() as u64 == ROWS_MAX;
    if event.is_some() {
        let modules: BTreeSet<String> = events
            .iter()
            .filter_map(|e| e.event.module.clone())
            .collect();
        refused.retain(|row| modules.contains(&row.module.to_string()));
    }
    let heads = parts.catalog.list_heads(ROWS_MAX).await?;
    let cut = [
        (oldest_is_cut, "events"),
        (refused_are_cut, "refusals"),
        (heads.len() as u64 == ROWS_MAX, "heads"),
    ];
    let cut: Vec<&str> = cut
        .iter()
        .filter(|(is, _)| *is)
        .map(|(_, what)| *what)
        .collect();

    let mut export = Export::prepare(dir)?;
    let mut readme = README.to_owned();
    for what in &cut {
        let text =
            format!("only the newest {ROWS_MAX} are in this export, there may be older ones");
        finding(lines, "cut", what, &text).await;
        readme += &format!("\nNOT EVERYTHING: of the {what} {text}.\n");
    }
    export.add("README.txt", readme.as_bytes())?;
    let rows: Vec<Value> = events.iter().map(event_row).collect();
    export.add_json("events.json", &rows)?;
    for event in &events {
        let detail: Value = serde_json::from_str(&event.event.detail).unwrap_or_default();
        if let Some(proof) = detail.get("proof").and_then(Value::as_str) {
            export.add(
                &format!("proofs/event-{}.txt", event.id),
                redacted(proof).as_bytes(),
            )?;
        }
    }
    let kept = add_refused(parts, &refused, &mut export, lines).await?;
    let rows: Vec<Value> = heads.iter().map(head_row).collect();
    export.add_json("heads.json", &rows)?;
    let records = list_records(parts, &events, &refused, &heads).await?;
    export.add_json("records.json", &records)?;
    export.finish()?;
    Ok(Line::Done {
        well: cut.is_empty(),
        text: format!(
            "{} events, {} refusals ({kept} with their bytes), {} heads and {} records in {}; README.txt there says what is what",
            events.len(),
            refused.len(),
            heads.len(),
            records.len(),
            dir.display()
        ),
        data: json!({ "events": events.len(), "refused": refused.len(), "kept": kept, "heads": heads.len(), "records": records.len(), "cut": cut, "dir": dir }),
    })
}

/// One event, or the newest ones, the oldest of them first; and whether there are older ones.
async fn list_events(
    catalog: &Catalog,
    only: Option<u64>,
    max: u64,
) -> Result<(Vec<NumberedEvent>, bool)> {
    if let Some(id) = only {
        let found = catalog.list_events_after(id.saturating_sub(1), 1).await?;
        if found.first().is_none_or(|first| first.id != id) {
            bail!("there is no event {id}; leave --event out to see all with their numbers");
        }
        return Ok((found, false));
    }
    let mut events = catalog.list_newest_events(max).await?;
    events.reverse();
    let first = catalog.list_events_after(0, 1).await?;
    let is_cut = first.first().map(|first| first.id) < events.first().map(|first| first.id);
    Ok((events, is_cut))
}

fn event_row(event: &NumberedEvent) -> Value {
    let NumberedEvent { id, event } = event;
    let detail = serde_json::from_str(&event.detail).unwrap_or(Value::String(event.detail.clone()));
    redacted_value(json!({
        "id": id, "kind": event.kind, "module": event.module, "at": event.at.to_string(), "detail": detail,
    }))
}

/// Copies the refused bytes, hashed on their way; gives how many there are.
async fn add_refused(
    parts: &Parts,
    refused: &[Quarantined],
    export: &mut Export,
    lines: &Lines,
) -> Result<u64> {
    let mut rows = Vec::new();
    let mut written = BTreeSet::new();
    for row in refused {
        let mut file = None;
        if let Some(digest) = row.digest {
            let name = format!(
                "refused/{digest}.{}",
                if row.kind == "zip" { "zip" } else { "mod" }
            );
            if written.contains(&name) {
                file = Some(name);
            } else {
                match read_blob(parts, &digest).await {
                    Ok(bytes) => {
                        export.add(&name, &bytes)?;
                        written.insert(name.clone());
                        file = Some(name);
                    }
                    Err(cause) => {
                        finding(lines, "not exported", &row.module, &format!("{cause:#}")).await;
                    }
                }
            }
        }
        rows.push(redacted_value(json!({
            "module": row.module.path().as_str(), "version": row.module.version().as_str(), "kind": row.kind,
            "found": row.found.to_string(), "expected": row.expected.to_string(), "source": row.source,
            "detail": row.detail, "at": row.at.to_string(), "sha256": row.digest.map(|digest| digest.to_string()), "file": file,
        })));
    }
    export.add_json("quarantine.json", &rows)?;
    Ok(written.len() as u64)
}

async fn read_blob(parts: &Parts, digest: &ContentDigest) -> Result<bytes::Bytes> {
    parts.store.verify(digest).await?;
    Ok(parts.store.open(digest).await?.bytes())
}

fn head_row(head: &KeptHead) -> Value {
    json!({
        "database": head.database, "tree_size": head.tree_size, "seen_at": head.seen_at.to_string(),
        "note": String::from_utf8_lossy(&head.note),
    })
}

/// The records of every version that is spoken of, from every database whose heads are kept.
async fn list_records(
    parts: &Parts,
    events: &[NumberedEvent],
    refused: &[Quarantined],
    heads: &[KeptHead],
) -> Result<Vec<Value>> {
    let named = events
        .iter()
        .filter_map(|e| e.event.module.as_ref()?.parse().ok());
    let modules: Vec<ModuleVersion> = named
        .chain(refused.iter().map(|row| row.module.clone()))
        .collect();
    let databases: BTreeSet<&str> = heads.iter().map(|head| head.database.as_str()).collect();
    let (mut rows, mut seen) = (Vec::new(), BTreeSet::new());
    for module in &modules {
        if !seen.insert(module.to_string()) {
            continue;
        }
        for database in &databases {
            if let Some(body) = parts.catalog.find_record(database, module).await? {
                let record = String::from_utf8_lossy(&body).into_owned();
                rows.push(
                    json!({ "database": database, "module": module.to_string(), "record": record }),
                );
            }
        }
    }
    Ok(rows)
}

/// A value with every text in it redacted.
fn redacted_value(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(redacted(&text)),
        Value::Array(values) => values.into_iter().map(redacted_value).collect(),
        Value::Object(entries) => entries
            .into_iter()
            .map(|(name, value)| (name, redacted_value(value)))
            .collect(),
        other => other,
    }
}

/// A text without what may be secret in addresses: who asks, and what stands behind a question mark.
fn redacted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, address) = rest.split_at(at + 3);
        out.push_str(before);
        let ends = |c: char| {
            c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '|' | ',' | ')' | '`')
        };
        let (address, after) = address.split_at(address.find(ends).unwrap_or(address.len()));
        rest = after;
        let authority_end = address.find(['/', '?', '#']).unwrap_or(address.len());
        let (authority, path) = address.split_at(authority_end);
        match authority.rsplit_once('@') {
            Some((_, host)) => out.extend(["REDACTED@", host]),
            None => out.push_str(authority),
        }
        match path.split_once('?') {
            Some((path, _)) => out.extend([path, "?REDACTED"]),
            None => out.push_str(path),
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_newest_events_are_never_the_ones_that_are_missing() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("catalog.db").display());
        let catalog = Catalog::open(&url).await.unwrap();
        let numbers = async |only, max| {
            let (events, is_cut) = list_events(&catalog, only, max).await.unwrap();
            (events.iter().map(|e| e.id).collect::<Vec<_>>(), is_cut)
        };
        assert_eq!(numbers(None, 3).await, (vec![], false));
        for n in 0..5 {
            let detail = json!({ "n": n });
            catalog.save_event("fork", None, &detail).await.unwrap();
        }
        assert_eq!(numbers(None, 3).await, (vec![3, 4, 5], true));
        assert_eq!(numbers(None, 5).await, (vec![1, 2, 3, 4, 5], false));
        assert_eq!(numbers(Some(2), 3).await, (vec![2], false));
        assert!(list_events(&catalog, Some(6), 3).await.is_err());
        catalog.close().await;
    }

    #[track_caller]
    fn check_redacted(text: &str, want: &str) {
        assert_eq!(redacted(text), want);
    }

    #[test]
    fn addresses_lose_who_asks_and_what_they_ask_with() {
        check_redacted("no address", "no address");
        check_redacted("from https://h.example/a b", "from https://h.example/a b");
        check_redacted("https://u:p@h.example/a", "https://REDACTED@h.example/a");
        check_redacted("(https://token@h:80)", "(https://REDACTED@h:80)");
        check_redacted("https://u:p@ss@h/x,direct", "https://REDACTED@h/x,direct");
        check_redacted("https://h/x?token=t&b#c d", "https://h/x?REDACTED d");
        check_redacted("a://u@b|c://d:e@f", "a://REDACTED@b|c://REDACTED@f");
        let value = redacted_value(json!({"a": ["https://u:p@h/"], "n": 1}));
        assert_eq!(value, json!({"a": ["https://REDACTED@h/"], "n": 1}));
    }
}
