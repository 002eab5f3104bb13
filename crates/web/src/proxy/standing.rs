//! What stands between a version and a view, in the catalog's words: a withdrawal, a quarantine, a verdict of the gates.

use catalog::{Act, Landing, Level, Verdict};
use gomod::version::ModuleVersion;
use jiff::Timestamp;

use crate::answer::{Barrier, Error};
use crate::front::{Front, catalog_trouble};
use crate::proxy::shown::{find_nearest, list_shown};
use crate::view::View;

/// Reasons of a refusal that are told; the rest is behind the link.
const REASONS_MAX: usize = 3;

/// Refuses what was taken out on purpose, of this view or another one: it lands in none until it is released. A member of
/// this view stays one whatever others say.
pub(crate) async fn check_withheld(
    front: &Front,
    view: View<'_>,
    of: &ModuleVersion,
) -> Result<(), Error> {
    let standings = front.catalog.list_standings(of).await;
    let standings = standings.map_err(|cause| catalog_trouble(of, cause))?;
    let own = standings.iter().find(|landing| landing.view == view.name());
    if own.is_some_and(|landing| landing.act.joins()) {
        return Ok(());
    }
    // What this view says itself comes first.
    let found = own
        .into_iter()
        .chain(&standings)
        .find(|landing| landing.act.withholds());
    found.map_or(Ok(()), |landing| Err(withheld(front, landing)))
}

/// Refuses what the gates have refused at one of the doors that lead to the view.
pub(crate) async fn check_refused(
    front: &Front,
    view: View<'_>,
    of: &ModuleVersion,
) -> Result<(), Error> {
    match find_refusal(front, view, of).await? {
        Some(verdict) => Err(refused(front, view, of, &verdict).await),
        None => Ok(()),
    }
}

/// What says that the version is not through the gates yet.
pub(crate) fn pending(front: &Front, view: View<'_>, of: &ModuleVersion, how: &str) -> Error {
    Error::Barred {
        by: Barrier::Pending,
        mode: front.config.refusal,
        text: format!(
            "{of} is not in {view} yet: {how}\n{}",
            why_line(front, view, of)
        ),
    }
}

/// What says that the version is no member and that nothing is done about it; of what is stored whole, that a gate has it.
pub(crate) async fn absent(front: &Front, view: View<'_>, of: &ModuleVersion) -> Error {
    match front.catalog.find_stored(of).await {
        Ok(Some(stored)) if stored.zip.is_some() => pending(front, view, of, "it waits at a gate"),
        Ok(_) => Error::Barred {
            by: Barrier::Absent,
            mode: front.config.refusal,
            text: format!(
                "{of} was not captured, and nothing is captured on request here (on_miss = off)\n\
                 whoever runs this server can: granary get {of}"
            ),
        },
        Err(cause) => catalog_trouble(of, cause),
    }
}

async fn find_refusal(
    front: &Front,
    view: View<'_>,
    of: &ModuleVersion,
) -> Result<Option<Verdict>, Error> {
    for door in view.doors() {
        let verdict = front
            .catalog
            .find_verdict(door, of)
            .await
            .map_err(|cause| catalog_trouble(of, cause))?;
        // One whose time is over is asked again, not told.
        let now = Timestamp::now();
        let holds =
            |verdict: &Verdict| !verdict.admitted && verdict.until.is_none_or(|until| now < until);
        if let Some(verdict) = verdict.filter(holds) {
            return Ok(Some(verdict));
        }
    }
    Ok(None)
}

fn withheld(front: &Front, landing: &Landing) -> Error {
    let by = match landing.act {
        Act::Quarantine => Barrier::Quarantined,
        _ if landing.legal => Barrier::Legal,
        _ => Barrier::Withdrawn,
    };
    Error::Barred {
        by,
        mode: front.config.refusal,
        text: landing.tell_withheld(),
    }
}

/// A refusal in words: rule, reason, until when, where to read more, how to ask for a waiver, what else there is.
async fn refused(front: &Front, view: View<'_>, of: &ModuleVersion, verdict: &Verdict) -> Error {
    let denials = verdict
        .reasons
        .iter()
        .filter(|reason| reason.level == Level::Deny);
    let rule = denials.clone().next().map_or("", |reason| &reason.rule);
    let mut text = format!("{of} is refused in {view}:");
    for reason in denials.take(REASONS_MAX) {
        let first = reason.text.lines().next().unwrap_or_default();
        text += &format!("\n{}: {}", reason.rule, shorten(first));
    }
    if let Some(until) = verdict.until {
        text += &format!(
            "\nit is judged again at {}",
            until.strftime("%Y-%m-%dT%H:%M:%SZ")
        );
    }
    text += &format!("\n{}", why_line(front, view, of));
    text += &format!("\na waiver: granary waive {of} --rule {rule} --owner … --for 30d --why …");
    if let Ok(shown) = list_shown(front, view, of.path()).await
        && let Some(nearest) = find_nearest(&shown, of.version())
    {
        text += &format!("\nnearest allowed version: {nearest}");
    }
    Error::Barred {
        by: Barrier::Refused,
        mode: front.config.refusal,
        text,
    }
}

/// Where everything that is known of it can be read.
fn why_line(front: &Front, view: View<'_>, of: &ModuleVersion) -> String {
    let base = front.config.public_url.as_deref().unwrap_or_default();
    match view.is_last() {
        true => format!("why: {base}/v1/why/{of}"),
        false => format!("why: {base}/v1/why/{of}?view={view}"),
    }
}

/// A reason's first line, short enough to leave room for the others.
fn shorten(line: &str) -> String {
    const CHARACTERS_MAX: usize = 120;
    match line.char_indices().nth(CHARACTERS_MAX) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}
