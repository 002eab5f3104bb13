//! Acts: what people ask for. Each is carried out version by version, answered line by line, and written down with who asked
//! for it and why, also where it was refused.

mod done;

use catalog::work::{ActAnswer, ActAsk, ActOutcomeLine, ActVerb};
use catalog::{Catalog, CatalogError, NewDeed, NewWaiver, Stages, WaiverEnding, pattern_covers};
use gomod::private::PrivatePatterns;
use gomod::version::ModuleVersion;
use jiff::Timestamp;
use serde_json::json;
use tracing::{error, info};

use crate::gates::{Approval, Gates, Passage};
use done::{Done, of_outcome, trouble};

/// Versions that one act may be about: more would hold up whoever waits for the answer, and is rarely what was meant.
const VERSIONS_MAX: usize = 10_000;

/// Modules looked at in one go while a pattern is spelled out.
const MODULES_PAGE: u64 = 1_000;

/// Longest reason or name that is taken from outside, in bytes.
const TEXT_BYTES_MAX: usize = 2_000;

/// Carries out acts.
#[derive(Clone)]
pub struct Acts {
    /// What moves versions.
    pub gates: Gates,
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
                for of in of {
                    let done = self.act_on(ask, &of).await;
                    answer.outcomes.push(self.write_down(ask, of, done).await);
                }
            }
            Err(why) => {
                let of = ask.of.join(" ");
                let refused = Done::refused(why);
                answer
                    .outcomes
                    .push(self.write_down(ask, of, refused).await);
            }
        }
        answer
    }

    async fn act_on(&self, ask: &ActAsk, of: &str) -> Done {
        match ask.act {
            ActVerb::Waive => self.waive(ask, of).await,
            ActVerb::EndWaiver => self.end_waiver(ask, of).await,
            _ => match of.parse::<ModuleVersion>() {
                Ok(module) => self.act_on_version(ask, &module).await,
                Err(cause) => Done::refused(format!("{of} is no module@version: {cause}")),
            },
        }
    }

    async fn act_on_version(&self, ask: &ActAsk, of: &ModuleVersion) -> Done {
        match ask.act {
            ActVerb::Promote | ActVerb::Approve => self.promote(ask, of).await,
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

    /// Sends a version through the gates; at a gate that waits for a person, whoever asks is that person.
    async fn promote(&self, ask: &ActAsk, of: &ModuleVersion) -> Done {
        let last = self.stages().last().to_owned();
        let target = ask.view.clone().unwrap_or_else(|| last.clone());
        if let Ok(Some(_)) = self.catalog().find_version(&target, of).await {
            return Done::already(format!("{of} is in {target}"));
        }
        let approval = (ask.act == ActVerb::Approve).then(|| Approval {
            by: ask.by.clone(),
            why: ask.why.clone(),
            view: target.clone(),
        });
        match self.gates.pass(of, approval.as_ref()).await {
            Ok(Passage::Through) => Done::now(format!("{of} is in {last} now"), Vec::new()),
            Ok(Passage::Refused { view, why }) => {
                Done::refused(format!("{of} is refused in {view}: {why}"))
            }
            Ok(Passage::Waits { view }) => match self.catalog().find_version(&target, of).await {
                Ok(Some(_)) => Done::now(
                    format!("{of} is in {target} now, and waits for an approval for {view}"),
                    Vec::new(),
                ),
                _ => Done::refused(format!(
                    "{of} waits for an approval for {view}: granary approve {of} --view {view} --why …"
                )),
            },
            Err(refusal) => Done::refused(refusal.text),
        }
    }

    async fn waive(&self, ask: &ActAsk, of: &str) -> Done {
        let (Some(rule), Some(owner), Some(until)) = (&ask.rule, &ask.owner, ask.until) else {
            return Done::refused("a waiver has a rule, an owner and an end");
        };
        if until <= Timestamp::now() {
            return Done::refused(format!("{until} is over: a waiver ends in the future"));
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
            self.list_matching(&patterns, &mut of).await?;
        }
        match of.len() {
            0 => Err(format!(
                "nothing that is stored matches {}",
                ask.of.join(" ")
            )),
            count if count > VERSIONS_MAX => Err(format!(
                "that is about more than {VERSIONS_MAX} versions: narrow the patterns"
            )),
            _ => Ok(of),
        }
    }

    /// Every stored version of the modules that match.
    async fn list_matching(
        &self,
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
                let versions = self
                    .catalog()
                    .list_stored_versions(module, VERSIONS_MAX as u64)
                    .await;
                let versions = versions.map_err(trouble)?;
                of.extend(versions.iter().map(|version| format!("{module}@{version}")));
                if of.len() > VERSIONS_MAX {
                    return Ok(());
                }
            }
        }
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

/// What makes no sense whatever the catalog holds.
fn check_ask(ask: &ActAsk, stages: &Stages) -> Result<(), String> {
    if ask.of.is_empty() {
        return Err("it does not say what it is about".to_owned());
    }
    if ask.why.trim().is_empty() {
        return Err("every act has a reason: say why".to_owned());
    }
    let texts = [
        Some(&ask.why),
        Some(&ask.by),
        ask.rule.as_ref(),
        ask.owner.as_ref(),
    ];
    if texts
        .into_iter()
        .flatten()
        .chain(&ask.of)
        .any(|text| text.len() > TEXT_BYTES_MAX)
    {
        return Err(format!("a text is longer than {TEXT_BYTES_MAX} bytes"));
    }
    if let Some(view) = &ask.view
        && stages.position(view).is_none()
    {
        return Err(format!(
            "there is no view {view}; there are {}",
            stages.names().join(", ")
        ));
    }
    Ok(())
}
