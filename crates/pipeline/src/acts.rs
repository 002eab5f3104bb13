//! Acts: what people ask for. Each is carried out version by version, answered line by line, and written down with who asked
//! for it and why, also where it was refused.

mod captures;
mod checks;
mod done;

use std::collections::BTreeSet;

use catalog::work::{ActAnswer, ActAsk, ActOutcomeLine, ActVerb, MalformedAct};
use catalog::{Catalog, CatalogError, NewDeed, NewWaiver, Stages, WaiverEnding, pattern_covers};
use gomod::path::ModulePath;
use gomod::private::PrivatePatterns;
use gomod::version::{ModuleVersion, Version};
use jiff::Timestamp;
use queue::Queue;
use serde_json::json;
use tracing::{error, info};

use crate::gates::{Approves, Gates, Passage, Sender};
use captures::Captures;
use checks::{check_ask, check_pattern};
use done::{Done, of_outcome, trouble};

/// Versions that one act may be about: more would hold up whoever waits for the answer, and is rarely what was meant.
const VERSIONS_MAX: usize = 10_000;

/// Modules looked at in one go while a pattern is spelled out.
const MODULES_PAGE: u64 = 1_000;

/// Characters of what an act was about that are written down where it made no sense.
const SUBJECT_MAX: usize = 200;

/// Carries out acts.
#[derive(Clone)]
pub struct Acts {
    /// What moves versions.
    pub gates: Gates,
    /// What captures them.
    pub queue: Queue,
}

impl Acts {
    /// Carries out an act. Nothing is an error here: what cannot be done is a line that says so.
    pub async fn act(&self, ask: &ActAsk) -> ActAnswer {
        let of = match check_ask(ask, self.stages()) {
            Ok(()) => self.spell_out(ask).await,
            Err(why) => Err(why),
        };
        let mut answer = ActAnswer::default();
        match of {
            Ok(of) => {
                let captures = Captures::begin(self.catalog(), &self.queue, ask, &of).await;
                for of in of {
                    let done = self.act_on(ask, &of, &captures).await;
                    answer.outcomes.push(self.write_down(ask, of, done).await);
                }
            }
            Err(why) => {
                let of = ask.of.join(" ").chars().take(SUBJECT_MAX).collect();
                let refused = Done::refused(why);
                answer
                    .outcomes
                    .push(self.write_down(ask, of, refused).await);
            }
        }
        answer
    }

    async fn act_on(&self, ask: &ActAsk, of: &str, captures: &Captures) -> Done {
        match ask.act {
            ActVerb::Waive => self.waive(ask, of).await,
            ActVerb::EndWaiver => self.end_waiver(ask, of).await,
            _ => match of.parse::<ModuleVersion>() {
                Ok(module) => self.act_on_version(ask, &module, captures).await,
                Err(cause) => Done::refused(format!("{of} is no module@version: {cause}")),
            },
        }
    }

    async fn act_on_version(&self, ask: &ActAsk, of: &ModuleVersion, captures: &Captures) -> Done {
        match ask.act {
            ActVerb::Promote | ActVerb::Approve => self.promote(ask, of, captures).await,
            ActVerb::Release => {
                let views = ask.view.iter().cloned().collect::<Vec<_>>();
                let released = self.catalog().release(of, &views, &ask.by, &ask.why).await;
                of_outcome(of, "released", released)
            }
            ActVerb::Withdraw => {
                let views = self.views_of(ask);
                let legal = ask.legal;
                let done = self
                    .catalog()
                    .withdraw(of, &views, legal, &ask.by, &ask.why)
                    .await;
                of_outcome(of, "withdrawn", done)
            }
            _ => {
                let views = self.views_of(ask);
                let done = self
                    .catalog()
                    .quarantine(of, &views, &ask.by, &ask.why)
                    .await;
                of_outcome(of, "in quarantine", done)
            }
        }
    }

    /// Sends a version through the gates, and captures it before where it is not here; at a gate that waits for a person,
    /// whoever approves is that person.
    async fn promote(&self, ask: &ActAsk, of: &ModuleVersion, captures: &Captures) -> Done {
        let last = self.stages().last().to_owned();
        let target = ask.view.clone().unwrap_or_else(|| last.clone());
        // What was captured for this act may have come through already, by this act.
        if !captures.has(of) && self.find_landing(&target, of).await.is_some() {
            return Done::already(format!("{of} is in {target}"));
        }
        if let Err(why) = captures.wait_for(of).await {
            return Done::refused(why);
        }
        let approves = match (ask.act, &ask.view) {
            (ActVerb::Approve, Some(view)) => Approves::View(view.clone()),
            (ActVerb::Approve, None) => Approves::Every,
            _ => Approves::Nothing,
        };
        let sender = Sender {
            by: ask.by.clone(),
            why: ask.why.clone(),
            approves,
        };
        let passage = self.gates.pass(of, Some(&sender)).await;
        let landed: Vec<u64> = self.find_landing(&target, of).await.into_iter().collect();
        match passage {
            Ok(Passage::Through) => Done::now(format!("{of} is in {last} now"), landed),
            Ok(Passage::Refused { view, why }) if landed.is_empty() => {
                Done::refused(format!("{of} is refused in {view}: {why}"))
            }
            Ok(Passage::Refused { view, why }) => {
                let text = format!("{of} is in {target} now, and is refused in {view}: {why}");
                Done::now(text, landed)
            }
            Ok(Passage::Waits { view }) if landed.is_empty() => Done::refused(format!(
                "{of} waits for an approval for {view}: granary approve {of} --view {view} --why …"
            )),
            Ok(Passage::Waits { view }) => {
                let text = format!("{of} is in {target} now, and waits for an approval for {view}");
                Done::now(text, landed)
            }
            Err(refusal) => Done::refused(refusal.text),
        }
    }

    /// Number of the landing that made a version a member of a view, if it is one.
    async fn find_landing(&self, view: &str, of: &ModuleVersion) -> Option<u64> {
        let landing = self.catalog().find_landing(view, of).await.ok()??;
        landing.act.joins().then_some(landing.seq)
    }

    async fn waive(&self, ask: &ActAsk, of: &str) -> Done {
        let (Some(rule), Some(owner), Some(until)) = (&ask.rule, &ask.owner, ask.until) else {
            return Done::refused(MalformedAct::HalfAWaiver.to_string());
        };
        if until <= Timestamp::now() {
            return Done::refused(format!("{until} is over: a waiver ends in the future"));
        }
        if let Err(why) = self.check_rule(rule).and_then(|()| check_pattern(of)) {
            return Done::refused(why);
        }
        let new = NewWaiver {
            pattern: of.to_owned(),
            rule: rule.clone(),
            owner: owner.clone(),
            why: ask.why.clone(),
            by: ask.by.clone(),
            until,
        };
        match self.catalog().save_waiver(new).await {
            Ok(saved) if saved.first => {
                let again = self.judge_again(of).await;
                Done::now(
                    format!(
                        "waiver {}: {rule} for {of} until {until}; {again} versions let through",
                        saved.id
                    ),
                    Vec::new(),
                )
            }
            Ok(saved) => Done::already(format!("waiver {} says so", saved.id)),
            Err(cause) => trouble(of, &cause),
        }
    }

    /// Refuses a rule that nobody has: a waiver of it would let nothing pass, and nobody would see why.
    fn check_rule(&self, rule: &str) -> Result<(), String> {
        let policies = self.gates.policies.current();
        let mut names: Vec<&str> = policies
            .rules()
            .iter()
            .map(|rule| rule.name.as_str())
            .collect();
        // Where the operator's policies could not be read, nobody knows their rules.
        if names.is_empty() || names.contains(&rule) {
            return Ok(());
        }
        names.sort_unstable();
        Err(format!(
            "there is no rule {rule}; there are {}",
            names.join(", ")
        ))
    }

    async fn end_waiver(&self, ask: &ActAsk, of: &str) -> Done {
        let Ok(id) = of.parse::<u64>() else {
            return Done::refused(format!(
                "{of} is no number of a waiver; granary waivers lists them"
            ));
        };
        match self.catalog().end_waiver(id, &ask.by, &ask.why).await {
            Ok(WaiverEnding::Ended) => Done::now(
                format!("waiver {id} ended: it covers no new version, what it let in stays"),
                Vec::new(),
            ),
            Ok(WaiverEnding::Already) => Done::already(format!("waiver {id} has ended before")),
            Ok(WaiverEnding::NoWaiver) => Done::refused(format!("there is no waiver {id}")),
            Err(cause) => trouble(of, &cause),
        }
    }

    /// Asks the gates again about what they refused and a new waiver may let through; gives how many came through.
    async fn judge_again(&self, pattern: &str) -> usize {
        let (mut through, mut after) = (0, 0);
        loop {
            // Where it cannot be read now, the sweep finds it later.
            let page = self
                .gates
                .list_held(after, MODULES_PAGE)
                .await
                .unwrap_or_default();
            let Some((_, last)) = page.last() else {
                return through;
            };
            after = *last;
            for (of, _) in page.iter().filter(|(of, _)| pattern_covers(pattern, of)) {
                if let Ok(Passage::Through) = self.gates.pass(of, None).await {
                    through += 1;
                }
            }
        }
    }

    /// The things that an act is about, one by one. Only quarantines and releases are taken in bulk.
    async fn spell_out(&self, ask: &ActAsk) -> Result<Vec<String>, String> {
        let mut of = Vec::new();
        for text in &ask.of {
            let is_bulk = matches!(ask.act, ActVerb::Quarantine | ActVerb::Release);
            if !is_bulk || text.contains('@') {
                of.push(text.clone());
                continue;
            }
            let patterns: PrivatePatterns =
                text.parse().map_err(|cause| format!("{text}: {cause}"))?;
            self.list_matching(ask, &patterns, &mut of).await?;
        }
        match of.len() {
            0 => {
                let is_release = ask.act == ActVerb::Release;
                let state = if is_release { "withheld" } else { "stored" };
                Err(format!(
                    "nothing that is {state} matches {}",
                    ask.of.join(" ")
                ))
            }
            count if count > VERSIONS_MAX => Err(format!(
                "that is about more than {VERSIONS_MAX} versions: narrow the patterns"
            )),
            _ => Ok(of),
        }
    }

    /// Every stored version of the modules that match; for a release, every one that is withheld.
    async fn list_matching(
        &self,
        ask: &ActAsk,
        patterns: &PrivatePatterns,
        of: &mut Vec<String>,
    ) -> Result<(), String> {
        let trouble = |cause: CatalogError| cause.for_clients().to_owned();
        let mut after = None;
        loop {
            let page = self
                .catalog()
                .list_stored_modules(after.as_ref(), MODULES_PAGE)
                .await;
            let page = page.map_err(trouble)?;
            let Some(last) = page.last().cloned() else {
                return Ok(());
            };
            after = Some(last);
            for module in page
                .iter()
                .filter(|module| patterns.is_match(module.as_str()))
            {
                let versions = self.list_concerned(ask, module).await.map_err(trouble)?;
                of.extend(versions.iter().map(|version| format!("{module}@{version}")));
                if of.len() > VERSIONS_MAX {
                    return Ok(());
                }
            }
        }
    }

    /// The versions of a module that a pattern stands for.
    async fn list_concerned(
        &self,
        ask: &ActAsk,
        module: &ModulePath,
    ) -> Result<BTreeSet<Version>, CatalogError> {
        let mut versions = BTreeSet::new();
        if ask.act == ActVerb::Release {
            for view in self.views_of(ask) {
                versions.extend(self.catalog().list_withheld(&view, module).await?);
            }
        } else {
            let limit = VERSIONS_MAX as u64;
            versions.extend(self.catalog().list_stored_versions(module, limit).await?);
        }
        Ok(versions)
    }

    /// Writes down what came of one thing, before the next is begun and before it is told.
    async fn write_down(&self, ask: &ActAsk, of: String, done: Done) -> ActOutcomeLine {
        let Done {
            outcome,
            text,
            seqs,
        } = done;
        info!(act = %ask.act, of, by = ask.by, why = ask.why, %outcome, "{text}");
        let deed = NewDeed {
            verb: ask.act.to_string(),
            subject: of.clone(),
            view: ask.view.clone(),
            by: ask.by.clone(),
            why: ask.why.clone(),
            outcome,
            detail: json!({
                "text": text, "seqs": seqs, "legal": ask.legal, "rule": ask.rule,
                "owner": ask.owner, "until": ask.until,
            }),
        };
        if let Err(cause) = self.catalog().save_deed(deed).await {
            error!(act = %ask.act, of, error = %cause, "an act could not be written into the audit log");
        }
        ActOutcomeLine {
            of,
            outcome,
            text,
            seqs,
        }
    }

    fn views_of(&self, ask: &ActAsk) -> Vec<String> {
        match &ask.view {
            Some(view) => vec![view.clone()],
            None => self.stages().names(),
        }
    }

    fn stages(&self) -> &Stages {
        &self.gates.stages
    }

    fn catalog(&self) -> &Catalog {
        &self.gates.processor.catalog
    }
}
