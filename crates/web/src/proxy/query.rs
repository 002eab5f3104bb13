//! `/<module>/@latest` and `/<module>/@v/<query>.info`: which version a word names at the moment.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::work::{self, Refusal, RefusalClass, ResolveAnswer, ResolveAsk};
use gomod::info::Info;
use gomod::path::ModulePath;
use gomod::version::{ModuleVersion, Version};
use jiff::Timestamp;
use queue::{Durability, Priority};

use crate::answer::Error;
use crate::config::OnMiss;
use crate::entry::Entry;
use crate::front::{Front, Work, catalog_trouble};
use crate::metrics::Class;
use crate::negatives::Negative;
use crate::proxy::file::{get_file, render_info};
use crate::proxy::freshness::{Freshness, RETRY_AFTER, judge};
use crate::proxy::latest::{choose, find_latest};
use crate::proxy::shown::{hide, list_shown};
use crate::proxy::standing;
use crate::target::{FileKind, hot_path};
use crate::view::View;

/// The query that stands for `/@latest`.
const LATEST: &str = "latest";

/// A word about a module, and where its answer is kept.
#[derive(Debug)]
struct Question<'a> {
    view: View<'a>,
    module: ModulePath,
    query: String,
    class: Class,
    path: String,
}

/// `/@latest`.
pub(crate) async fn get_latest(
    front: &Front,
    view: View<'_>,
    module: &ModulePath,
    may_fetch: bool,
) -> Result<Arc<Entry>, Error> {
    let question = Question {
        view,
        module: module.clone(),
        query: LATEST.to_owned(),
        class: Class::Latest,
        path: hot_path(module, "@latest"),
    };
    answer(front, &question, may_fetch).await
}

/// `/@v/<query>.info` of a branch, a commit, a tag that is no canonical version.
pub(crate) async fn resolve(
    front: &Front,
    view: View<'_>,
    module: &ModulePath,
    query: &str,
    may_fetch: bool,
) -> Result<Arc<Entry>, Error> {
    let escaped = gomod::escape::escape_version(query)
        .map_err(|error| Error::Unserved(format!("malformed version {query:?}: {error}")))?;
    let question = Question {
        view,
        module: module.clone(),
        query: query.to_owned(),
        class: Class::Query,
        path: hot_path(module, &format!("@v/{escaped}.info")),
    };
    answer(front, &question, may_fetch).await
}

async fn answer(
    front: &Front,
    question: &Question<'_>,
    may_fetch: bool,
) -> Result<Arc<Entry>, Error> {
    let Question {
        view,
        module,
        query,
        ..
    } = question;
    if let Some(entry) = front.find_kept(*view, &question.path) {
        return Ok(entry);
    }
    if front.shows_members_only(*view) {
        return answer_from_members(front, question, may_fetch).await;
    }
    let ask = ResolveAsk {
        module: module.clone(),
        query: query.clone(),
    };
    let job_id = ask.job_id();
    if let Some(Negative::Refused(refusal)) = front.negatives.find(&job_id, Instant::now()) {
        return Err(Error::Refused(refusal));
    }
    let what = format!("{module}@{query}");
    let known = front
        .catalog
        .find_resolution(module, query)
        .await
        .map_err(|cause| catalog_trouble(&what, cause));
    let known = match known {
        // While the catalog is away the answer that was given last is better than none.
        Err(error @ Error::Unavailable { .. }) => {
            return front.hot.find_last(&question.path).ok_or(error);
        }
        known => known?,
    };
    let seen_at = known.as_ref().map(|known| known.seen_at);
    let known = known.and_then(|known| told(question, known.version, known.info).ok());
    if !may_fetch {
        return answer_known(front, question, known, what).await;
    }
    let work = Work {
        what,
        kind: work::RESOLVE,
        job_id,
        payload: &ask,
        durability: Durability::Fleeting,
    };
    let freshness = seen_at.map_or(Freshness::Old, |seen_at| {
        judge(&front.config, seen_at, Timestamp::now())
    });
    let (info, keep) = match (known, freshness) {
        (Some(known), Freshness::Fresh(left)) => (known, left),
        (Some(known), Freshness::Stale) if !names_a_branch(query) => {
            let _ = front.submit(&work, Priority::Behind);
            (known, RETRY_AFTER)
        }
        (known, _) => refresh(front, question, &work, known).await?,
    };
    let mark = front.hot.mark_changing(module);
    let info = shown(front, question, info, true).await?;
    let entry = Arc::new(info.render(question, keep));
    front.keep(*view, mark, &question.path, &entry);
    Ok(entry)
}

/// Answers without asking anybody.
async fn answer_known(
    front: &Front,
    question: &Question<'_>,
    known: Option<Told>,
    what: String,
) -> Result<Arc<Entry>, Error> {
    let known = match known {
        Some(known) => Some(known),
        None => find_stored_latest(front, question, false).await?,
    };
    let info = known.ok_or(Error::FetchForbidden { what })?;
    let info = shown(front, question, info, false).await?;
    Ok(Arc::new(info.render(question, RETRY_AFTER)))
}

/// Holds an answer to what the view shows: another version is `@latest` where that one is hidden, and a branch whose tip is
/// refused is refused.
async fn shown(
    front: &Front,
    question: &Question<'_>,
    info: Told,
    may_fetch: bool,
) -> Result<Told, Error> {
    let Question { view, module, .. } = question;
    let Ok(of) = ModuleVersion::new(module.clone(), info.version.clone()) else {
        return Ok(info);
    };
    if question.query != LATEST {
        standing::check_withheld(front, *view, &of).await?;
        standing::check_refused(front, *view, &of).await?;
        return Ok(info);
    }
    let mut versions = BTreeSet::from([info.version.clone()]);
    hide(front, *view, module, &mut versions).await?;
    if !versions.is_empty() {
        return Ok(info);
    }
    let shown = list_shown(front, *view, module).await?;
    let dated: Vec<_> = shown.into_iter().map(|version| (version, None)).collect();
    let Some(version) = choose(&dated) else {
        return Err(Error::Unserved(format!(
            "no version of {module} is in {view}"
        )));
    };
    let of = ModuleVersion::new(module.clone(), version)
        .map_err(|error| Error::Unserved(error.to_string()))?;
    let entry = get_file(front, *view, &of, FileKind::Info, may_fetch).await?;
    Ok(Told::of_entry(of.version().clone(), &entry))
}

/// What a view that shows its members alone answers: the latest of them; for a branch or commit the version that it names,
/// if that one is a member.
async fn answer_from_members(
    front: &Front,
    question: &Question<'_>,
    may_fetch: bool,
) -> Result<Arc<Entry>, Error> {
    let Question {
        view,
        module,
        query,
        ..
    } = question;
    let keep = front.config.list_fresh;
    if query == LATEST {
        let mark = front.hot.mark_changing(module);
        let entry = find_latest(front, *view, module, may_fetch).await?;
        let entry =
            entry.ok_or_else(|| Error::Unserved(format!("no version of {module} is in {view}")))?;
        let info = entry.plain.body.clone();
        let time = entry.last_modified.as_ref().map(|(at, _)| *at);
        let entry = Arc::new(render_info(question.class, info, time, keep));
        front.keep(*view, mark, &question.path, &entry);
        return Ok(entry);
    }
    let what = format!("{module}@{query}");
    let known = front.catalog.find_resolution(module, query).await;
    let known = known.map_err(|cause| catalog_trouble(&what, cause))?;
    let version = match known {
        Some(known) => known.version,
        None if front.config.on_miss == OnMiss::Off || !may_fetch => {
            return Err(Error::Unserved(format!(
                "{what} names nothing that is in {view}"
            )));
        }
        None => ask_outside(front, question).await?.version,
    };
    let of = ModuleVersion::new(module.clone(), version)
        .map_err(|error| Error::Unserved(format!("{what}: {error}")))?;
    // Its zip decides: what is no member yet goes through the gates first, or is requested.
    get_file(front, *view, &of, FileKind::Zip, may_fetch).await?;
    let entry = get_file(front, *view, &of, FileKind::Info, may_fetch).await?;
    let told = Told::of_entry(of.version().clone(), &entry);
    Ok(Arc::new(told.render(question, RETRY_AFTER)))
}

/// Has the upstream asked what a word names, whatever was known before.
async fn ask_outside(front: &Front, question: &Question<'_>) -> Result<Told, Error> {
    let Question { module, query, .. } = question;
    let ask = ResolveAsk {
        module: module.clone(),
        query: query.clone(),
    };
    let work = Work {
        what: format!("{module}@{query}"),
        kind: work::RESOLVE,
        job_id: ask.job_id(),
        payload: &ask,
        durability: Durability::Fleeting,
    };
    match front.ask(&work, front.config.client_wait).await? {
        Ok(ResolveAnswer::Found { version, info }) => told(question, version, info.into_bytes()),
        Ok(ResolveAnswer::Refused(refusal)) => Err(Error::Refused(refusal)),
        Err(waited) => Err(waited.into_error(&work.what)),
    }
}

/// Who asks for a branch wants its tip, so a known answer waits for the refresh. A commit stays what it is.
fn names_a_branch(query: &str) -> bool {
    query != LATEST && !(query.len() >= 7 && query.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

async fn refresh(
    front: &Front,
    question: &Question<'_>,
    work: &Work<'_, ResolveAsk>,
    known: Option<Told>,
) -> Result<(Told, Duration), Error> {
    // What is stored and damaged does not keep the upstream from answering; whoever found the damage has told the log.
    let (known, trouble) = match known {
        Some(known) => (Some(known), None),
        None => match find_stored_latest(front, question, true).await {
            Ok(known) => (known, None),
            Err(trouble) => (None, Some(trouble)),
        },
    };
    let wait = match &known {
        None => front.config.client_wait,
        Some(_) if names_a_branch(&question.query) => front.config.query_patience,
        Some(_) => front.config.list_patience,
    };
    let outcome = match front.ask(work, wait).await {
        Ok(Ok(ResolveAnswer::Found { version, info })) => {
            told(question, version, info.into_bytes()).map(|info| (info, front.config.list_fresh))
        }
        Ok(Ok(ResolveAnswer::Refused(refusal))) => Err(Error::Refused(refusal)),
        Ok(Err(waited)) => Err(waited.into_error(&work.what)),
        Err(error) => Err(error),
    };
    let outcome = match (outcome, trouble) {
        (Err(error), Some(trouble)) => {
            tracing::debug!(what = work.what, %error, "the upstream could not answer for what is damaged here");
            // Something is stored, and what is stored never "does not exist".
            return Err(trouble);
        }
        (outcome, _) => outcome,
    };
    match (outcome, known) {
        (Ok(found), _) => Ok(found),
        // A branch that the upstream says is gone is gone; `@latest` of what is stored is not.
        (Err(Error::Refused(refusal)), known)
            if known.is_none() || (names_a_branch(&question.query) && !refusal.may_pass()) =>
        {
            let negative = Negative::Refused(refusal.clone());
            front
                .negatives
                .remember(&work.job_id, &question.module, negative, Instant::now());
            Err(Error::Refused(refusal))
        }
        (Err(_), Some(known)) => Ok((known, RETRY_AFTER)),
        (Err(error), None) => Err(error),
    }
}

/// An `.info` that answers a question.
#[derive(Debug)]
struct Told {
    version: Version,
    info: Vec<u8>,
    time: Option<Timestamp>,
}

impl Told {
    /// A stored `.info` that is to be sent.
    fn of_entry(version: Version, entry: &Entry) -> Self {
        Self {
            version,
            info: entry.plain.body.to_vec(),
            time: entry.last_modified.as_ref().map(|(at, _)| *at),
        }
    }

    fn render(self, question: &Question<'_>, keep: Duration) -> Entry {
        render_info(question.class, self.info.into(), self.time, keep)
    }
}

/// Holds an answer to the protocol: it names a canonical version that fits the path, and says so itself.
fn told(question: &Question<'_>, version: Version, info: Vec<u8>) -> Result<Told, Error> {
    let Question { module, query, .. } = question;
    let wrong = |why: String| {
        let text = format!("{module}@{query}: the upstream's answer cannot be used: {why}");
        Error::Refused(Refusal::new(RefusalClass::Unreachable, text))
    };
    ModuleVersion::new(module.clone(), version.clone())
        .map_err(|error| wrong(error.to_string()))?;
    let parsed = Info::parse(&info).map_err(|error| wrong(error.to_string()))?;
    if parsed.version != version {
        return Err(wrong(format!("it names {} and {version}", parsed.version)));
    }
    Ok(Told {
        version,
        info,
        time: parsed.time,
    })
}

/// `@latest` out of what is stored; nothing for other questions.
async fn find_stored_latest(
    front: &Front,
    question: &Question<'_>,
    may_fetch: bool,
) -> Result<Option<Told>, Error> {
    if question.query != LATEST {
        return Ok(None);
    }
    let entry = find_latest(front, question.view, &question.module, may_fetch).await?;
    let entry = entry.and_then(|entry| {
        let version = Info::parse(&entry.plain.body).ok()?.version;
        Some(Told::of_entry(version, &entry))
    });
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_are_no_branches() {
        for query in ["master", "v1", "abc", "feature", "Latest", "v2.0.0"] {
            assert!(names_a_branch(query), "{query}");
        }
        for query in [
            "latest",
            "abcdef0",
            "0123456789abcdef0123456789abcdef01234567",
        ] {
            assert!(!names_a_branch(query), "{query}");
        }
    }
}
