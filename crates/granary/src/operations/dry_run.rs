//! `granary policy dry-run`: what other policies would say of everything that is stored.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use catalog::{Level, Listed, Reason};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use pipeline::gates::dry_run::{DryRun, Stands, Tried, list_doors};
use pipeline::policy::{Folder, PolicyError, PolicySet, Settings};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::judge::judge_command;
use crate::line::{Line, Lines, finding, item, progress};
use crate::parts::Parts;

/// Versions read from the catalog at a time.
const PAGE: u64 = 200;

/// Versions judged at once: while one is read from the disk another is judged, and a server has processors left for its
/// clients.
const AT_ONCE: usize = 2;

/// Time between two words of how far it is.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// Findings that are told of one version: a line of an operation is bounded, and more help nobody.
const REASONS_MAX: usize = 20;

/// What is tried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DryRunAsk {
    /// An absolute folder of policies; none for the one that is in use.
    pub folder: Option<PathBuf>,
    /// The view at whose door they are asked; none for the first that has policies.
    pub view: Option<String>,
    /// Settings in the place of those in use.
    #[serde(default)]
    pub settings: TriedSettings,
}

/// Settings that policies read; none where the one in use holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriedSettings {
    /// See the key `policy.cooldown`.
    pub cooldown: Option<Duration>,
    /// See the key `policy.allow`.
    pub allow: Option<Vec<String>>,
    /// See the key `policy.deny`.
    pub deny: Option<Vec<String>>,
    /// See the key `policy.zip_max`.
    pub zip_bytes_max: Option<u64>,
}

impl TriedSettings {
    fn over(self, used: &Settings) -> Settings {
        let used = used.clone();
        Settings {
            cooldown: self.cooldown.unwrap_or(used.cooldown),
            allow: self.allow.unwrap_or(used.allow),
            deny: self.deny.unwrap_or(used.deny),
            zip_bytes_max: self.zip_bytes_max.unwrap_or(used.zip_bytes_max),
            ..used
        }
    }
}

/// Tries policies on all that is stored, and tells what they refuse, warn of, or judge otherwise than so far.
pub async fn run(parts: &Parts, ask: DryRunAsk, lines: &Lines) -> Result<Line> {
    let doors = list_doors(&parts.gates.stages);
    let view = match &ask.view {
        None => doors.first().copied().unwrap_or_default(),
        Some(view) if doors.contains(&view.as_str()) => view.as_str(),
        Some(view) => bail!(
            "policies are not asked at the door of {view}, only at that of {}",
            doors.join(", ")
        ),
    };
    let used = &parts.gates.policies;
    let folder = match ask.folder {
        Some(path) => Some(Folder {
            path,
            command: judge_command()?,
        }),
        None => used.folder().cloned(),
    };
    let settings = ask.settings.over(used.settings());
    let load = move || PolicySet::load(&settings, folder.as_ref());
    let policies = match tokio::task::spawn_blocking(load).await? {
        Ok(policies) => policies,
        Err(PolicyError::Refused(faults)) => {
            for fault in &faults {
                item(lines, format!("FAIL  {fault}"), &json!({ "fault": fault })).await;
            }
            return Ok(Line::Done {
                well: false,
                text: "these policies are refused, so nothing was judged; `granary policy test` says more".to_owned(),
                data: json!({ "faults": faults.len() }),
            });
        }
        Err(error) => return Err(error.into()),
    };
    let run = Run {
        parts,
        lines,
        dry_run: DryRun::new(parts.gates.clone(), policies, view),
    };
    Ok(run.judge_all().await?.done(view))
}

/// A dry run on its way.
struct Run<'a> {
    parts: &'a Parts,
    lines: &'a Lines,
    dry_run: DryRun,
}

/// What became of one version: nothing where its zip is not here, or why it cannot be judged.
type Outcome = Result<Option<Tried>, String>;

impl Run<'_> {
    /// Judges what is stored by now; what comes in meanwhile is left out.
    async fn judge_all(&self) -> Result<Tally> {
        let catalog = &self.parts.catalog;
        let end = catalog.last_seq().await?;
        let total = catalog.count_versions().await?;
        let mut tally = Tally::default();
        let mut told_at = Instant::now();
        progress(self.lines, 0, total, &"the first version").await;
        let mut after = 0;
        loop {
            let mut page = catalog.list_as_found(after, PAGE).await?;
            page.retain(|listed| listed.seq <= end);
            let Some(last) = page.last() else {
                return Ok(tally);
            };
            after = last.seq;
            let asked = page.iter().map(|listed| self.judge(listed).boxed());
            let asked: Vec<BoxFuture<'_, (&str, Outcome)>> = asked.collect();
            let mut judged = futures_util::stream::iter(asked).buffered(AT_ONCE);
            while let Some((of, outcome)) = judged.next().await {
                tally.count(&outcome);
                self.tell(of, &outcome).await;
                if told_at.elapsed() >= PROGRESS_EVERY {
                    told_at = Instant::now();
                    progress(self.lines, tally.versions, total, &of).await;
                }
                // It changes nothing, so nobody misses the rest.
                if self.lines.is_closed() {
                    bail!("nobody listens any more");
                }
            }
        }
    }

    async fn judge<'a>(&self, listed: &'a Listed) -> (&'a str, Outcome) {
        let outcome = match &listed.version {
            Ok(stored) => self.dry_run.judge(stored).await.map_err(|no| no.text),
            Err(cause) => Err(cause.to_string()),
        };
        (&listed.of, outcome)
    }

    async fn tell(&self, of: &str, outcome: &Outcome) {
        match outcome {
            Err(why) => finding(self.lines, "not judged", &of, why).await,
            Ok(Some(tried)) if !tried.verdict.reasons.is_empty() || tried.differs() => {
                item(self.lines, in_words(tried), &in_json(tried)).await;
            }
            Ok(_) => {}
        }
    }
}

/// `refused`, `warned` or `admitted`.
fn end_of(tried: &Tried) -> &'static str {
    match (tried.verdict.admitted, tried.verdict.reasons.is_empty()) {
        (false, _) => "refused",
        (true, false) => "warned",
        (true, true) => "admitted",
    }
}

fn in_words(tried: &Tried) -> String {
    let verdict = &tried.verdict;
    let so_far = match tried.stands {
        Stands::Unjudged => " (not judged so far)",
        Stands::Admitted if tried.differs() => " (so far admitted)",
        Stands::Refused if tried.differs() => " (so far refused)",
        _ => "",
    };
    let mut text = format!("{}{so_far}: {}", end_of(tried), verdict.module);
    for Reason {
        rule,
        level,
        text: why,
        ..
    } in verdict.reasons.iter().take(REASONS_MAX)
    {
        // What is let in says its level by that; what is refused may have warnings too.
        let warns = match level {
            Level::Warn if !verdict.admitted => " warns",
            _ => "",
        };
        let why = why.replace('\n', "\n        ");
        text.push_str(&format!("\n    {rule}{warns}: {why}"));
    }
    if verdict.reasons.len() > REASONS_MAX {
        let more = verdict.reasons.len() - REASONS_MAX;
        text.push_str(&format!("\n    and {more} more findings"));
    }
    if tried.is_member && !verdict.admitted {
        text.push_str(&format!("\n    it is in {} and stays there", verdict.view));
    }
    text
}

fn in_json(tried: &Tried) -> serde_json::Value {
    let verdict = &tried.verdict;
    let told = verdict.reasons.len().min(REASONS_MAX);
    json!({
        "module": verdict.module,
        "view": verdict.view,
        "end": end_of(tried),
        "stands": tried.stands,
        "differs": tried.differs(),
        "is_member": tried.is_member,
        "findings": verdict.reasons.len(),
        "reasons": verdict.reasons[..told],
    })
}

/// What the run found, in numbers of versions.
#[derive(Default)]
struct Tally {
    versions: u64,
    refused: u64,
    warned: u64,
    admitted: u64,
    /// Refused that are admitted so far.
    newly_refused: u64,
    /// Admitted that are refused so far.
    newly_admitted: u64,
    never_judged: u64,
    without_zip: u64,
    unreadable: u64,
    /// By rule: refused, warned.
    rules: BTreeMap<String, (u64, u64)>,
}

impl Tally {
    fn count(&mut self, outcome: &Outcome) {
        self.versions += 1;
        let tried = match outcome {
            Err(_) => {
                self.unreadable += 1;
                return;
            }
            Ok(None) => {
                self.without_zip += 1;
                return;
            }
            Ok(Some(tried)) => tried,
        };
        let differs = u64::from(tried.differs());
        if tried.verdict.admitted {
            self.newly_admitted += differs;
        } else {
            self.newly_refused += differs;
        }
        self.never_judged += u64::from(tried.stands == Stands::Unjudged);
        match end_of(tried) {
            "refused" => self.refused += 1,
            "warned" => self.warned += 1,
            _ => self.admitted += 1,
        }
        let found = tried.verdict.reasons.iter();
        let found: BTreeSet<(&str, bool)> = found
            .map(|reason| (reason.rule.as_str(), reason.level == Level::Deny))
            .collect();
        for (rule, denies) in found {
            let (refused, warned) = self.rules.entry(rule.to_owned()).or_default();
            *(if denies { refused } else { warned }) += 1;
        }
    }

    fn done(self, view: &str) -> Line {
        let mut text = format!(
            "{} versions, for {view}: {} refused, {} warned of, {} admitted",
            self.versions, self.refused, self.warned, self.admitted
        );
        if self.without_zip + self.unreadable > 0 {
            text.push_str(&format!(
                "; not judged: {} without a zip, {} that cannot be read",
                self.without_zip, self.unreadable
            ));
        }
        text.push_str(&format!(
            "\nother than so far: {} refused that are admitted, {} admitted that are refused",
            self.newly_refused, self.newly_admitted
        ));
        if self.never_judged > 0 {
            text.push_str(&format!("; {} were never judged", self.never_judged));
        }
        for (rule, (refused, warned)) in &self.rules {
            text.push_str(&format!(
                "\n  {rule}: {refused} refused, {warned} warned of"
            ));
        }
        text.push_str("\nnothing was changed");
        let rules = self.rules.iter().map(|(rule, (refused, warned))| {
            let counts = json!({ "refused": refused, "warned": warned });
            (rule.clone(), counts)
        });
        let rules: serde_json::Map<String, serde_json::Value> = rules.collect();
        Line::Done {
            well: self.unreadable == 0,
            text,
            data: json!({
                "view": view,
                "versions": self.versions,
                "refused": self.refused,
                "warned": self.warned,
                "admitted": self.admitted,
                "newly_refused": self.newly_refused,
                "newly_admitted": self.newly_admitted,
                "never_judged": self.never_judged,
                "without_zip": self.without_zip,
                "unreadable": self.unreadable,
                "rules": rules,
            }),
        }
    }
}

#[cfg(test)]
mod tests;
