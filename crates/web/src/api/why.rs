//! `/v1/why/<module@version>`: everything that decides whether a version is served, in one answer.

use catalog::{Catalog, CatalogError, Level, Quarantined, Verdict};
use gomod::version::ModuleVersion;
use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;

use super::call::Call;
use super::problem::Problem;
use super::reply::Reply;
use super::shape::{LandingShape, WaiverShape};
use crate::front::catalog_trouble;

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
    /// Exceptions that hold for it now.
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
    /// What the policies said last about its entering.
    pub verdict: Option<Verdict>,
}

impl Explanation {
    /// Whether anything is known of the version.
    fn is_known(&self) -> bool {
        let is_seen =
            |standing: &ViewStanding| standing.landing.is_some() || standing.verdict.is_some();
        self.first_seen_at.is_some() || self.mismatch.is_some() || self.views.iter().any(is_seen)
    }
}

/// Explains where a version stands in these views; `None` where nothing is known of it.
///
/// # Errors
/// See [`CatalogError`].
pub async fn explain(
    catalog: &Catalog,
    views: &[String],
    of: &ModuleVersion,
    now: Timestamp,
) -> Result<Option<Explanation>, CatalogError> {
    let stored = catalog.find_stored(of).await?;
    let mismatch = catalog.find_refusal(of).await?;
    let waivers = catalog.waivers_for(of, now).await?;
    let mut standings = Vec::with_capacity(views.len());
    for view in views {
        let landing = catalog.find_landing(view, of).await?;
        let verdict = catalog.find_verdict(view, of).await?;
        standings.push(ViewStanding {
            view: view.clone(),
            member: landing.as_ref().is_some_and(|landing| landing.act.joins()),
            landing: landing.as_ref().map(LandingShape::from),
            verdict,
        });
    }
    let explanation = Explanation {
        module: of.clone(),
        summary: standings.iter().map(summarize).collect(),
        first_seen_at: stored.as_ref().map(|stored| stored.first_seen_at),
        has_zip: stored.is_some_and(|stored| stored.zip.is_some()),
        mismatch: mismatch.as_ref().map(tell_mismatch),
        views: standings,
        waivers: waivers
            .iter()
            .map(|waiver| WaiverShape::of(waiver, now))
            .collect(),
    };
    Ok(Some(explanation).filter(Explanation::is_known))
}

fn tell_mismatch(refused: &Quarantined) -> String {
    format!(
        "{} of {} refused at {}: its hash is {}, vouched for is {}",
        refused.kind, refused.source, refused.at, refused.found, refused.expected
    )
}

/// One sentence: whether a view serves it, and if not, what stands in the way.
fn summarize(standing: &ViewStanding) -> String {
    let view = &standing.view;
    if let Some(landing) = &standing.landing {
        let LandingShape {
            act, by, why, at, ..
        } = landing;
        return match standing.member {
            true => format!("{view}: served since {at} ({by}: {why})"),
            false => format!("{view}: not served, {act} at {at} ({by}: {why})"),
        };
    }
    match &standing.verdict {
        Some(verdict) if !verdict.admitted => {
            let denied = verdict
                .reasons
                .iter()
                .filter(|reason| reason.waiver.is_none());
            let denied = denied.filter(|reason| reason.level == Level::Deny);
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
        Some(verdict) => format!("{view}: admitted at {}, not landed yet", verdict.at),
        None => format!("{view}: never came here"),
    }
}

/// `GET /v1/why/<module@version>[?view=]`.
pub(super) async fn get(call: &Call, of: &str) -> Result<Reply, Problem> {
    let of: ModuleVersion = of
        .parse()
        .map_err(|error| Problem::bad(format!("{of:?} is no module@version: {error}")))?;
    let views: Vec<String> = match call.query.get("view") {
        Some(view) => call
            .front
            .views()
            .into_iter()
            .filter(|known| known == view)
            .collect(),
        None => call.front.views(),
    };
    let seen: Vec<String> = views
        .into_iter()
        .filter(|view| call.may_see(view, &of))
        .collect();
    // The same whether there is nothing or nothing for this caller.
    let absent = || Problem::absent(format!("nothing is known of {of} here"));
    if seen.is_empty() {
        return Err(absent());
    }
    let explained = explain(&call.front.catalog, &seen, &of, Timestamp::now()).await;
    match explained.map_err(|cause| catalog_trouble(&of, cause))? {
        Some(explanation) => Ok(Reply::json(StatusCode::OK, &explanation)),
        None => Err(absent()),
    }
}
