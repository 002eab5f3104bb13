//! The gates: what moves a stored version from stage to stage, and what holds it back.
//!
//! A version goes as far as the gates let it, in one act of the catalog with the verdict that let it. What the last stage
//! holds already stays there, whatever policies say later.

pub mod counts;
pub mod dry_run;
mod known;

use std::sync::Arc;

use catalog::work::{CaptureAnswer, Refusal, RefusalClass};
use catalog::{
    Catalog, CatalogError, Gate, Level, NewVerdict, Reason, Settled, Stages, StoredVersion, Waiver,
};
use gomod::hash::ContentDigest;
use gomod::version::ModuleVersion;
use jiff::Timestamp;
use tracing::info;

use crate::policy::facts::{Facts, Profile};
use crate::policy::running::Policies;
use crate::policy::{Finding, PolicySet};
use crate::processor::Processor;
use crate::refusal;
use counts::VerdictCounts;
use known::Collector;

/// Who lands what the gates let through.
const BY: &str = "gates";

/// How far a version came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It is a member of the last stage.
    Through,
    /// Policies refuse it at the door of a view; the verdict is in the catalog.
    Refused {
        /// The view it may not enter.
        view: String,
        /// What it is refused for, a line each.
        why: String,
    },
    /// It waits for a person at the door of a view.
    Waits {
        /// The view.
        view: String,
    },
}

/// A person who sends a version on: what they let land is on the record under their name.
#[derive(Clone, Debug)]
pub struct Sender {
    /// Who it is.
    pub by: String,
    /// Why.
    pub why: String,
    /// What gates that wait for a person take for their word.
    pub approves: Approves,
}

/// Whose doors a person opens that wait for one.
#[derive(Clone, Debug)]
pub enum Approves {
    /// None: what the gates say is asked again, no more.
    Nothing,
    /// That of one view.
    View(String),
    /// Every one.
    Every,
}

impl Sender {
    fn opens(&self, door: &str) -> bool {
        match &self.approves {
            Approves::Nothing => false,
            Approves::View(view) => view == door,
            Approves::Every => true,
        }
    }
}

/// The gates of an installation.
#[derive(Clone)]
pub struct Gates {
    /// Opens what is stored.
    pub processor: Processor,
    /// The stages with their gates.
    pub stages: Arc<Stages>,
    /// The policies that hold now.
    pub policies: Arc<Policies>,
    /// The installation's profile.
    pub profile: Profile,
    /// What policies have said, in numbers.
    pub counts: VerdictCounts,
}

/// What a version brings with it to one door.
struct Crossing {
    views: Vec<String>,
    verdict: Option<NewVerdict>,
    by: String,
    why: String,
}

impl Gates {
    /// Moves a stored version as far as the gates let it. Does nothing for what the last stage holds.
    ///
    /// # Errors
    /// A refusal that is none of the gates': withdrawn, damaged, trouble with a keeper.
    pub async fn pass(
        &self,
        of: &ModuleVersion,
        sender: Option<&Sender>,
    ) -> Result<Passage, Refusal> {
        let trouble = |cause| refusal::of_catalog(of, &cause);
        let catalog = self.catalog();
        if catalog
            .find_version(self.stages.last(), of)
            .await
            .map_err(trouble)?
            .is_some()
        {
            return Ok(Passage::Through);
        }
        let stored = catalog.find_stored(of).await.map_err(trouble)?;
        let stored = stored.ok_or_else(|| {
            Refusal::new(RefusalClass::Absent, format!("{of} is not stored here"))
        })?;
        let mut at = self.find_position(of).await?;
        while at + 1 < self.stages.list().len() {
            let door = self.stages.list()[at + 1].name.clone();
            let mut crossing = Crossing {
                views: Vec::new(),
                verdict: None,
                by: sender.map_or(BY, |sender| &sender.by).to_owned(),
                why: sender.map_or_else(
                    || format!("passed the gates of {}", self.stages.list()[at].name),
                    |sender| sender.why.clone(),
                ),
            };
            let held = self
                .ask_gates(&stored, at, &door, sender, &mut crossing)
                .await?;
            if held.is_none() {
                crossing.views.push(door);
                at += 1;
                // Through stages without gates at once: it is one act.
                while at + 1 < self.stages.list().len() && self.stages.list()[at].gates.is_empty() {
                    at += 1;
                    crossing.views.push(self.stages.list()[at].name.clone());
                }
            }
            self.settle(of, crossing).await?;
            if let Some(held) = held {
                return Ok(held);
            }
        }
        Ok(Passage::Through)
    }

    /// Versions whose refusal is to be judged again by now; at most `limit`.
    ///
    /// # Errors
    /// What the catalog says.
    pub async fn list_due(&self, limit: u64) -> Result<Vec<ModuleVersion>, CatalogError> {
        let due = self
            .catalog()
            .list_due_verdicts(Timestamp::now(), limit)
            .await?;
        Ok(due.into_iter().map(|verdict| verdict.module).collect())
    }

    /// Versions that are stored whole and have not come through the gates, refused or not, in the order in which they
    /// landed, each with the cursor for the next call; at most `limit`.
    ///
    /// # Errors
    /// What the catalog says.
    pub async fn list_held(
        &self,
        after: u64,
        limit: u64,
    ) -> Result<Vec<(ModuleVersion, u64)>, CatalogError> {
        let (first, last) = (self.stages.first(), self.stages.last());
        if first == last {
            return Ok(Vec::new());
        }
        self.catalog().list_held(first, last, after, limit).await
    }

    /// Asks the gates of one stage in their order; gives what holds the version there.
    async fn ask_gates(
        &self,
        stored: &StoredVersion,
        at: usize,
        door: &str,
        sender: Option<&Sender>,
        crossing: &mut Crossing,
    ) -> Result<Option<Passage>, Refusal> {
        for gate in &self.stages.list()[at].gates {
            match gate {
                Gate::Policy => {
                    let verdict = self.judge(self.policies.current(), stored, door).await?;
                    self.counts.count(&verdict);
                    let denied = denials(&verdict);
                    crossing.verdict = Some(verdict);
                    if let Some(why) = denied {
                        let view = door.to_owned();
                        return Ok(Some(Passage::Refused { view, why }));
                    }
                }
                Gate::Approval if sender.is_some_and(|sender| sender.opens(door)) => {}
                Gate::Approval => {
                    let view = door.to_owned();
                    return Ok(Some(Passage::Waits { view }));
                }
            }
        }
        Ok(None)
    }

    /// What policies and waivers say of a version now.
    async fn judge(
        &self,
        policies: Arc<PolicySet>,
        stored: &StoredVersion,
        door: &str,
    ) -> Result<NewVerdict, Refusal> {
        let of = &stored.module;
        let now = Timestamp::now();
        let collector = Collector {
            processor: &self.processor,
            profile: self.profile,
        };
        let facts = Facts::new(collector.collect(stored, door, now).await?);
        let waivers = self.catalog().waivers_for(of, now).await;
        let waivers = waivers.map_err(|cause| refusal::of_catalog(of, &cause))?;
        let judgement = policies.judge_aside(facts).await;
        let reasons: Vec<Reason> = judgement
            .findings
            .into_iter()
            .map(|finding| waived(finding, &waivers))
            .collect();
        let admitted = reasons.iter().all(|reason| reason.level != Level::Deny);
        let until = reasons.iter().filter_map(|reason| reason.until).min();
        Ok(NewVerdict {
            module: of.clone(),
            view: door.to_owned(),
            admitted,
            facts: judgement.facts,
            policies: with_waivers(judgement.policies, &reasons),
            reasons,
            until,
        })
    }

    /// Writes down what became of a version at a door.
    async fn settle(&self, of: &ModuleVersion, crossing: Crossing) -> Result<(), Refusal> {
        if crossing.views.is_empty() && crossing.verdict.is_none() {
            return Ok(());
        }
        let Crossing {
            views,
            verdict,
            by,
            why,
        } = crossing;
        let refused = verdict.as_ref().and_then(denials);
        let settled = self.catalog().settle(verdict, &views, of, &by, &why).await;
        match settled.map_err(|cause| refusal::of_catalog(of, &cause))? {
            Settled::Withheld { landing } => Err(refusal::of_withheld(&landing)),
            Settled::Landed { first, .. } => {
                if first {
                    info!(module = %of, views = views.join(","), by, "through the gates");
                }
                Ok(())
            }
            Settled::Judged => {
                if let Some(why) = refused {
                    info!(module = %of, why, "refused by the gates");
                }
                Ok(())
            }
        }
    }

    /// The last stage, by position, that holds the version; the first one if none does.
    async fn find_position(&self, of: &ModuleVersion) -> Result<usize, Refusal> {
        let standings = self.catalog().list_standings(of).await;
        let standings = standings.map_err(|cause| refusal::of_catalog(of, &cause))?;
        if let Some(landing) = standings.iter().find(|landing| landing.act.withholds()) {
            return Err(refusal::of_withheld(landing));
        }
        let held = standings.iter().filter(|landing| landing.act.joins());
        let positions = held.filter_map(|landing| self.stages.position(&landing.view));
        Ok(positions.max().unwrap_or(0))
    }

    fn catalog(&self) -> &Catalog {
        &self.processor.catalog
    }
}

/// What a verdict refuses for, a line each; nothing if it admits.
fn denials(verdict: &NewVerdict) -> Option<String> {
    if verdict.admitted {
        return None;
    }
    let denied = verdict
        .reasons
        .iter()
        .filter(|reason| reason.level == Level::Deny);
    let lines: Vec<String> = denied
        .map(|reason| format!("{}: {}", reason.rule, reason.text))
        .collect();
    Some(lines.join("\n"))
}

/// A finding as a reason; a waiver of its rule turns a refusal into a warning for as long as it lasts.
fn waived(finding: Finding, waivers: &[Waiver]) -> Reason {
    let waiver = waivers.iter().find(|waiver| waiver.rule == finding.rule);
    match waiver {
        Some(waiver) if finding.level == Level::Deny => Reason {
            rule: finding.rule,
            level: Level::Warn,
            text: format!(
                "{} (waived by {} until {}: {})",
                finding.text, waiver.owner, waiver.until, waiver.why
            ),
            waiver: Some(waiver.id),
            until: Some(waiver.until),
        },
        _ => finding.into(),
    }
}

/// Names the policies together with the waivers that changed what they said.
fn with_waivers(policies: ContentDigest, reasons: &[Reason]) -> ContentDigest {
    let waivers: Vec<u64> = reasons.iter().filter_map(|reason| reason.waiver).collect();
    if waivers.is_empty() {
        return policies;
    }
    ContentDigest::of(format!("{policies} {waivers:?}").as_bytes())
}

/// What the gates say, as the answer of a capture.
pub(crate) async fn pass_gates(gates: &Gates, of: &ModuleVersion) -> CaptureAnswer {
    match gates.pass(of, None).await {
        Ok(Passage::Through) => CaptureAnswer::Landed,
        Ok(Passage::Refused { view, why }) => CaptureAnswer::Refused(Refusal::new(
            RefusalClass::Policy,
            format!("{of} is refused in {view}: {why}"),
        )),
        Ok(Passage::Waits { view }) => CaptureAnswer::Refused(Refusal::new(
            RefusalClass::Pending,
            format!("{of} waits for an approval for {view}"),
        )),
        Err(refusal) => CaptureAnswer::Refused(refusal),
    }
}
