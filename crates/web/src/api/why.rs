//! `/v1/why/<module@version>`: everything that decides whether a version is served, in one answer.
//!
//! A refusal on the proxy links to it, so who may read the module there may read this too, without a token. What everyone
//! reads has no names and no words of people in it, but the reason of a withdrawal or quarantine, which every client is
//! told; the rest is for who has the verb `read`.

use catalog::{Catalog, CatalogError, Gate, Landing, Level, Quarantined, Stages, Verdict};
use gomod::version::ModuleVersion;
use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;

use super::call::{Call, takes_token};
use super::problem::Problem;
use super::reply::Reply;
use super::shape::{LandingShape, WaiverShape};
use crate::front::catalog_trouble;
use crate::identity::{Principal, Verb};

/// A view that an explanation is asked about.
#[derive(Clone, Debug)]
pub struct AskedView {
    /// Its name.
    pub view: String,
    /// Whether the reader is told who did what and why, and which waivers there are.
    pub in_full: bool,
}

/// Where a version stands, and why.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The version.
    pub module: ModuleVersion,
    /// One sentence about each view, first to last.
    pub summary: Vec<String>,
    /// When its first verified bytes came in; none where nothing of it is stored.
    pub first_seen_at: Option<Timestamp>,
    /// Whether its zip is here.
    pub has_zip: bool,
    /// Bytes of it that were refused because a checksum database vouches for others.
    pub mismatch: Option<String>,
    /// Each view, first to last.
    pub views: Vec<ViewStanding>,
    /// Exceptions that hold for it now; none for readers who are told of no view in full.
    pub waivers: Vec<WaiverShape>,
}

/// Where a version stands in a view.
#[derive(Clone, Debug, Serialize)]
pub struct ViewStanding {
    /// The view.
    pub view: String,
    /// Whether it is served there.
    pub member: bool,
    /// What happened to it there last.
    pub landing: Option<LandingShape>,
    /// What the policies said last about its entering, or about its entering an earlier view that it has to pass.
    pub verdict: Option<Verdict>,
}

/// What is known of a version beside what the views say.
struct Known<'a> {
    has_zip: bool,
    /// The view that it may enter once a person has approved of it.
    awaits: Option<&'a str>,
}

impl Explanation {
    /// Whether anything is known of the version.
    fn is_known(&self) -> bool {
        let is_seen =
            |standing: &ViewStanding| standing.landing.is_some() || standing.verdict.is_some();
        self.first_seen_at.is_some() || self.mismatch.is_some() || self.views.iter().any(is_seen)
    }
}

/// Explains where a version stands in some of the stages; `None` where nothing is known of it.
///
/// # Errors
/// See [`CatalogError`].
pub async fn explain(
    catalog: &Catalog,
    stages: &Stages,
    asked: &[AskedView],
    of: &ModuleVersion,
    now: Timestamp,
) -> Result<Option<Explanation>, CatalogError> {
    let stored = catalog.find_stored(of).await?;
    let mismatch = catalog.find_refusal(of).await?;
    let landings = catalog.list_standings(of).await?;
    let waivers = match asked.iter().any(|asked| asked.in_full) {
        true => catalog.waivers_for(of, now).await?,
        false => Vec::new(),
    };
    let mut views = Vec::with_capacity(asked.len());
    for one in asked {
        let landing = landings.iter().find(|landing| landing.view == one.view);
        let verdict = match find_verdict(catalog, stages, asked, one, of).await? {
            Some(verdict) if !one.in_full => Some(without_names(verdict)),
            verdict => verdict,
        };
        views.push(ViewStanding {
            view: one.view.clone(),
            member: landing.is_some_and(|landing| landing.act.joins()),
            landing: landing.map(|landing| match one.in_full {
                true => LandingShape::from(landing),
                false => LandingShape::for_everyone(landing),
            }),
            verdict,
        });
    }
    let has_zip = stored.as_ref().is_some_and(|stored| stored.zip.is_some());
    let awaits = find_awaited(stages, &landings).filter(|_| has_zip);
    let known = Known { has_zip, awaits };
    let explanation = Explanation {
        module: of.clone(),
        summary: views.iter().map(|view| summarize(view, &known)).collect(),
        first_seen_at: stored.map(|stored| stored.first_seen_at),
        has_zip,
        mismatch: mismatch.as_ref().map(tell_mismatch),
        views,
        waivers: waivers
            .iter()
            .map(|waiver| WaiverShape::of(waiver, now))
            .collect(),
    };
    Ok(Some(explanation).filter(Explanation::is_known))
}

/// What the policies said about entering a view. Where they said nothing, it may be that they refuse the version at an
/// earlier door, which whoever asks about this view alone would not see.
async fn find_verdict(
    catalog: &Catalog,
    stages: &Stages,
    asked: &[AskedView],
    of_view: &AskedView,
    of: &ModuleVersion,
) -> Result<Option<Verdict>, CatalogError> {
    let own = catalog.find_verdict(&of_view.view, of).await?;
    if own.is_some() {
        return Ok(own);
    }
    let position = stages.position(&of_view.view).unwrap_or_default();
    for door in stages.list().iter().take(position).skip(1) {
        if asked.iter().any(|asked| asked.view == door.name) {
            continue;
        }
        let verdict = catalog.find_verdict(&door.name, of).await?;
        if let Some(verdict) = verdict.filter(|verdict| !verdict.admitted) {
            return Ok(Some(verdict));
        }
    }
    Ok(None)
}

/// The view behind the gate at which a person is waited for, if the version stands before one.
fn find_awaited<'a>(stages: &'a Stages, landings: &[Landing]) -> Option<&'a str> {
    let joined = landings.iter().filter(|landing| landing.act.joins());
    let position = joined
        .filter_map(|landing| stages.position(&landing.view))
        .max()?;
    let asks = stages.list()[position].gates.contains(&Gate::Approval);
    let next = stages.list().get(position + 1)?;
    asks.then_some(next.name.as_str())
}

/// A verdict as everyone may read it: that a rule is waived is told, not by whom and why.
fn without_names(mut verdict: Verdict) -> Verdict {
    let waived = verdict.reasons.iter_mut();
    for reason in waived.filter(|reason| reason.waiver.is_some()) {
        reason.text = match reason.until {
            Some(until) => format!("waived until {until}"),
            None => "waived".to_owned(),
        };
    }
    verdict
}

fn tell_mismatch(refused: &Quarantined) -> String {
    format!(
        "{} of {} refused at {}: its hash is {}, vouched for is {}",
        refused.kind, refused.source, refused.at, refused.found, refused.expected
    )
}

/// One sentence: whether a view serves it, and if not, what stands in the way.
fn summarize(standing: &ViewStanding, known: &Known<'_>) -> String {
    let view = &standing.view;
    if let Some(landing) = &standing.landing {
        let LandingShape { act, at, .. } = landing;
        let told = match (&landing.by, &landing.why) {
            (Some(by), Some(why)) => format!(" ({by}: {why})"),
            (None, Some(why)) => format!(" ({why})"),
            _ => String::new(),
        };
        return match standing.member {
            true => format!("{view}: served since {at}{told}"),
            false => format!("{view}: not served, {act} at {at}{told}"),
        };
    }
    match &standing.verdict {
        Some(verdict) if !verdict.admitted => summarize_refusal(view, verdict),
        _ if known.awaits == Some(view) => format!("{view}: not yet, it waits for an approval"),
        Some(verdict) => format!("{view}: admitted at {}, not landed yet", verdict.at),
        None if !known.has_zip => format!("{view}: never came here, its zip was never captured"),
        None => format!("{view}: never came here"),
    }
}

fn summarize_refusal(view: &str, verdict: &Verdict) -> String {
    let denied = verdict
        .reasons
        .iter()
        .filter(|reason| reason.waiver.is_none() && reason.level == Level::Deny);
    let rules: Vec<String> = denied
        .map(|reason| format!("{}: {}", reason.rule, reason.text))
        .collect();
    let again = verdict
        .until
        .as_ref()
        .map(|until| format!("; asked again {until}"));
    format!(
        "{view}: refused at {} by {}{}",
        verdict.at,
        rules.join("; "),
        again.unwrap_or_default()
    )
}

/// `GET /v1/why/<module@version>[?view=]`.
pub(super) async fn get(call: &Call, of: &str) -> Result<Reply, Problem> {
    let of: ModuleVersion = of
        .parse()
        .map_err(|error| Problem::bad(format!("{of:?} is no module@version: {error}")))?;
    let mut views = call.front.views();
    if let Some(wanted) = call.query.get("view") {
        views.retain(|known| known == wanted);
        if views.is_empty() {
            return Err(Problem::absent(format!("there is no view {wanted:?} here")));
        }
    }
    let asked: Vec<AskedView> = views
        .into_iter()
        .map(|view| AskedView {
            in_full: call.may_see(&view, &of),
            view,
        })
        .filter(|asked| {
            asked.in_full || call.front.gatekeeper.is_open(&asked.view, Some(of.path()))
        })
        .collect();
    // The same whether there is nothing or nothing for this caller.
    let absent = || Problem::absent(format!("nothing is known of {of} here"));
    if asked.is_empty() {
        return Err(match &call.by {
            Principal::Nobody => takes_token(),
            by if !by.has(Verb::Read) => Problem::forbidden(format!(
                "{} lacks the verb that this takes: {}",
                by.by(),
                Verb::Read
            )),
            _ => absent(),
        });
    }
    let stages = &call.front.config.stages;
    let explained = explain(&call.front.catalog, stages, &asked, &of, Timestamp::now()).await;
    match explained.map_err(|cause| catalog_trouble(&of, cause))? {
        Some(explanation) => Ok(Reply::readable(StatusCode::OK, &explanation)),
        None => Err(absent()),
    }
}
