//! `/<module>/@v/list`: which versions there are: the view's members and, where it is not about those alone, those that the
//! upstream last told of.
//!
//! Retracted versions stay in it (the client reads retractions from go.mod), pseudo-versions never are.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::work::{self, ListAnswer, ListAsk};
use gomod::hash::ContentDigest;
use gomod::path::ModulePath;
use gomod::version::Version;
use jiff::Timestamp;
use queue::{Durability, Priority};

use crate::answer::{Error, TEXT};
use crate::entry::{Draft, Entry, Keep};
use crate::front::{Front, Work, catalog_trouble};
use crate::hot::Mark;
use crate::metrics::Class;
use crate::negatives::Negative;
use crate::proxy::freshness::{Freshness, RETRY_AFTER, judge};
use crate::proxy::shown::{hide, list_shown, list_stored};
use crate::target::hot_path;
use crate::view::View;

/// What is known of a module's versions without asking anybody.
#[derive(Debug)]
struct Known {
    versions: BTreeSet<Version>,
    stored: bool,
    seen_at: Option<Timestamp>,
}

/// Answers from what is known where that is good enough, else asks the upstream first.
pub(crate) async fn list_versions(
    front: &Front,
    view: View<'_>,
    module: &ModulePath,
    may_fetch: bool,
) -> Result<Arc<Entry>, Error> {
    let path = hot_path(module, "@v/list");
    if let Some(entry) = front.find_kept(view, &path) {
        return Ok(entry);
    }
    if front.shows_members_only(view) {
        return list_members(front, view, module).await;
    }
    let mut mark = front.hot.mark_changing(module);
    let ask = ListAsk {
        module: module.clone(),
    };
    let job_id = ask.job_id();
    if let Some(Negative::Refused(refusal)) = front.negatives.find(&job_id, Instant::now()) {
        return Err(Error::Refused(refusal));
    }
    let known = match find_known(front, module).await {
        // While the catalog is away the list that was told last is better than none.
        Err(error @ Error::Unavailable { .. }) => return front.hot.find_last(&path).ok_or(error),
        known => known?,
    };
    let what = format!("the list of {module}");
    if !may_fetch {
        return match known.seen_at {
            None if !known.stored => Err(Error::FetchForbidden { what }),
            _ => {
                let mut versions = known.versions;
                hide(front, view, module, &mut versions).await?;
                Ok(Arc::new(render_list(&versions, RETRY_AFTER)))
            }
        };
    }
    let work = Work {
        what,
        kind: work::LIST,
        job_id,
        payload: &ask,
        durability: Durability::Fleeting,
    };
    let freshness = known.seen_at.map_or(Freshness::Old, |seen_at| {
        judge(&front.config, seen_at, Timestamp::now())
    });
    let (mut versions, keep) = match freshness {
        Freshness::Fresh(left) => (known.versions, left),
        Freshness::Stale => {
            // A refresh that cannot even be submitted is no reason to refuse what is known.
            let _ = front.submit(&work, Priority::Behind);
            (known.versions, RETRY_AFTER)
        }
        Freshness::Old => {
            let (mut versions, keep) = refresh(front, module, &work, known).await?;
            mark = catch_up(front, module, mark, &mut versions).await?;
            (versions, keep)
        }
    };
    // One of many who waited for the same answer has made it already.
    if let Some(entry) = front.find_kept(view, &path) {
        return Ok(entry);
    }
    hide(front, view, module, &mut versions).await?;
    let entry = Arc::new(render_list(&versions, keep));
    front.keep(view, mark, &path, &entry);
    Ok(entry)
}

/// Adds what has landed since a moment, while the upstream was waited for; gives the moment up to which all is in.
async fn catch_up(
    front: &Front,
    module: &ModulePath,
    since: Mark,
    versions: &mut BTreeSet<Version>,
) -> Result<Mark, Error> {
    if !front.hot.is_overtaken(since) {
        return Ok(since);
    }
    let mark = front.hot.mark_changing(module);
    let stored = list_stored(front, module).await?;
    versions.extend(stored.into_iter().filter(|version| !version.is_pseudo()));
    Ok(mark)
}

/// The list of a view that shows its members alone. Nobody is asked, so there is nothing to wait for.
async fn list_members(
    front: &Front,
    view: View<'_>,
    module: &ModulePath,
) -> Result<Arc<Entry>, Error> {
    let mark = front.hot.mark_changing(module);
    let versions = list_shown(front, view, module).await?;
    // Where members are hidden the list is empty, and go stays where it is; a "no" would end its whole upgrade.
    if versions.is_empty() && !has_members(front, view, module).await? {
        return Err(Error::Unserved(format!(
            "no version of {module} is in {view}"
        )));
    }
    let entry = Arc::new(render_list(&versions, front.config.list_fresh));
    front.keep(view, mark, &hot_path(module, "@v/list"), &entry);
    Ok(entry)
}

async fn has_members(front: &Front, view: View<'_>, module: &ModulePath) -> Result<bool, Error> {
    let members = front.catalog.list_versions(view.name(), module, 1).await;
    let members = members.map_err(|cause| catalog_trouble(module, cause))?;
    Ok(!members.is_empty())
}

async fn refresh(
    front: &Front,
    module: &ModulePath,
    work: &Work<'_, ListAsk>,
    known: Known,
) -> Result<(BTreeSet<Version>, Duration), Error> {
    let wait = if known.stored {
        front.config.list_patience
    } else {
        front.config.client_wait
    };
    let has_answer = known.stored || known.seen_at.is_some();
    match front.ask::<ListAnswer>(work, wait).await {
        Ok(Ok(ListAnswer::Versions(told))) => {
            // Two sorted sets are merged in one go; inserting one by one compares twenty times as often.
            let told = told.into_iter().filter(|version| !version.is_pseudo());
            let mut versions = known.versions;
            versions.append(&mut told.collect());
            Ok((versions, front.config.list_fresh))
        }
        // A "no" of the upstream counts where nothing is stored; what is stored is listed for ever.
        Ok(Ok(ListAnswer::Refused(refusal)))
            if !has_answer || !(known.stored || refusal.may_pass()) =>
        {
            let negative = Negative::Refused(refusal.clone());
            front
                .negatives
                .remember(&work.job_id, module, negative, Instant::now());
            Err(Error::Refused(refusal))
        }
        Ok(Err(waited)) if !has_answer => Err(waited.into_error(&work.what)),
        Err(error) if !has_answer => Err(error),
        _ => Ok((known.versions, RETRY_AFTER)),
    }
}

async fn find_known(front: &Front, module: &ModulePath) -> Result<Known, Error> {
    let trouble = |cause| catalog_trouble(module, cause);
    let stored = list_stored(front, module).await?;
    let told = front.catalog.find_list(module).await.map_err(trouble)?;
    let seen_at = told.as_ref().map(|told| told.seen_at);
    let told = told.map(|told| told.versions).unwrap_or_default();
    let is_stored = !stored.is_empty();
    let versions = stored
        .into_iter()
        .chain(told.iter().filter_map(|text| text.parse().ok()))
        .filter(|version: &Version| !version.is_pseudo())
        .collect();
    Ok(Known {
        versions,
        stored: is_stored,
        seen_at,
    })
}

/// One version a line in semantic order.
fn render_list(versions: &BTreeSet<Version>, keep: Duration) -> Entry {
    let mut text = String::with_capacity(versions.len() * 16);
    for version in versions {
        text.push_str(version.as_str());
        text.push('\n');
    }
    Entry::render(Draft {
        class: Class::List,
        content_type: TEXT,
        keep: Keep::Seconds(keep.as_secs().max(1)),
        tag: ContentDigest::of(text.as_bytes()).to_string(),
        last_modified: None,
        body: text.into(),
        mapped: false,
        gzip: true,
        until: Some(Instant::now() + keep),
    })
}
