//! `/<module>/@latest` and `/<module>/@v/<query>.info`: which version a word names at the moment.

use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::work::{self, Refusal, RefusalClass, ResolveAnswer, ResolveAsk};
use gomod::info::Info;
use gomod::path::ModulePath;
use gomod::version::{ModuleVersion, Version};
use jiff::Timestamp;
use queue::{Durability, Priority};

use crate::answer::Error;
use crate::entry::Entry;
use crate::front::{Front, Work, catalog_trouble};
use crate::metrics::Class;
use crate::negatives::Negative;
use crate::proxy::file::render_info;
use crate::proxy::freshness::{Freshness, RETRY_AFTER, judge};
use crate::proxy::latest::find_latest;
use crate::target::hot_path;

/// The query that stands for `/@latest`.
const LATEST: &str = "latest";

/// A word about a module, and where its answer is kept.
#[derive(Debug)]
struct Question {
    module: ModulePath,
    query: String,
    class: Class,
    path: String,
}

/// `/@latest`.
pub(crate) async fn get_latest(
    front: &Front,
    module: &ModulePath,
    may_fetch: bool,
) -> Result<Arc<Entry>, Error> {
    let question = Question {
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
    module: &ModulePath,
    query: &str,
    may_fetch: bool,
) -> Result<Arc<Entry>, Error> {
    let escaped = gomod::escape::escape_version(query)
        .map_err(|error| Error::Unserved(format!("malformed version {query:?}: {error}")))?;
    let question = Question {
        module: module.clone(),
        query: query.to_owned(),
        class: Class::Query,
        path: hot_path(module, &format!("@v/{escaped}.info")),
    };
    answer(front, &question, may_fetch).await
}

async fn answer(front: &Front, question: &Question, may_fetch: bool) -> Result<Arc<Entry>, Error> {
    if let Some(entry) = front.hot.find_kept(&question.path, Instant::now()) {
        return Ok(entry);
    }
    let Question { module, query, .. } = question;
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
        let known = match known {
            Some(known) => Some(known),
            None => find_stored_latest(front, question, false).await?,
        };
        return match known {
            Some(info) => Ok(Arc::new(info.render(question, RETRY_AFTER))),
            None => Err(Error::FetchForbidden { what }),
        };
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
    let entry = Arc::new(info.render(question, keep));
    front.hot.insert(&question.path, entry.clone());
    Ok(entry)
}

/// Who asks for a branch wants its tip, so a known answer waits for the refresh. A commit stays what it is.
fn names_a_branch(query: &str) -> bool {
    query != LATEST && !(query.len() >= 7 && query.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

async fn refresh(
    front: &Front,
    question: &Question,
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
        Ok(Err(progress)) => Err(Error::NotHereYet {
            what: work.what.clone(),
            progress,
        }),
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
    info: Vec<u8>,
    time: Option<Timestamp>,
}

impl Told {
    fn render(self, question: &Question, keep: Duration) -> Entry {
        render_info(question.class, self.info.into(), self.time, keep)
    }
}

/// Holds an answer to the protocol: it names a canonical version that fits the path, and says so itself.
fn told(question: &Question, version: Version, info: Vec<u8>) -> Result<Told, Error> {
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
        info,
        time: parsed.time,
    })
}

/// `@latest` out of what is stored; nothing for other questions.
async fn find_stored_latest(
    front: &Front,
    question: &Question,
    may_fetch: bool,
) -> Result<Option<Told>, Error> {
    if question.query != LATEST {
        return Ok(None);
    }
    let entry = find_latest(front, &question.module, may_fetch).await?;
    Ok(entry.map(|entry| Told {
        info: entry.plain.body.to_vec(),
        time: entry.last_modified.as_ref().map(|(at, _)| *at),
    }))
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
