//! `/<module>/@v/<version>.info|.mod|.zip`: the files of one canonical version. Immutable once they are there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use catalog::work::{self, CaptureAnswer, CaptureAsk, Refusal, RefusalClass};
use catalog::{Act, CatalogError, StoredVersion};
use gomod::hash::ContentDigest;
use gomod::info::Info;
use gomod::version::ModuleVersion;
use queue::Durability;
use store::StoreError;

use crate::answer::{Error, TEXT};
use crate::entry::{Draft, Entry, Keep};
use crate::front::{Front, VIEW, Work, catalog_trouble, store_trouble};
use crate::metrics::{CaptureEnd, Class};
use crate::negatives::Negative;
use crate::open_file::{OPEN_BYTES, OpenFile};
use crate::proxy::heal::heal;
use crate::target::{FileKind, hot_file_path};

/// `Content-Type` of `.info` and `@latest`.
pub(crate) const JSON: &str = "application/json";

/// How long others may keep an `.info` whose other files are not to be had.
const PASSED_SECONDS: u64 = 60;

/// Finds a file, has it captured where it is missing, waits for that.
pub(crate) async fn get_file(
    front: &Front,
    of: &ModuleVersion,
    kind: FileKind,
    may_fetch: bool,
) -> Result<Arc<Entry>, Error> {
    if let Some(entry) = front
        .hot
        .find_kept(&hot_file_path(of, kind), Instant::now())
    {
        return Ok(entry);
    }
    if let Some(entry) = find_stored(front, of, kind, may_fetch).await? {
        return Ok(entry);
    }
    check_standing(front, of).await?;
    let what = format!("{of}{}", kind.ending());
    if !may_fetch {
        return Err(Error::FetchForbidden { what });
    }
    let ask = CaptureAsk { of: of.clone() };
    let (job, job_id) = match kind {
        FileKind::Zip => (work::ZIP, ask.zip_job_id()),
        FileKind::Info | FileKind::GoMod => (work::CAPTURE, ask.job_id()),
    };
    if let Some(negative) = find_negative(front, &ask, &job_id) {
        return answer_negative(of, kind, negative);
    }
    let work = Work {
        what: what.clone(),
        kind: job,
        job_id,
        payload: &ask,
        durability: Durability::Durable,
    };
    if let Some(negative) = capture(front, &work).await? {
        let now = Instant::now();
        front
            .negatives
            .remember(&work.job_id, of.path(), negative.clone(), now);
        return answer_negative(of, kind, negative);
    }
    front.note_landing(of.path());
    // One of many who waited for the same capture has made the answer already.
    if let Some(entry) = front
        .hot
        .find_kept(&hot_file_path(of, kind), Instant::now())
    {
        return Ok(entry);
    }
    find_stored(front, of, kind, may_fetch)
        .await?
        .ok_or_else(|| Error::Broken {
            what,
            cause: "the capture says landed and the catalog has no row".into(),
        })
}

/// Has a version captured; gives nothing when it landed, else why it did not.
async fn capture(front: &Front, work: &Work<'_, CaptureAsk>) -> Result<Option<Negative>, Error> {
    let answer = match front.ask(work, front.config.client_wait).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(progress)) => {
            front.metrics.count_capture(CaptureEnd::TooLate);
            return Err(Error::NotHereYet {
                what: work.what.clone(),
                progress,
            });
        }
        Err(error) => {
            front.metrics.count_capture(CaptureEnd::Trouble);
            return Err(error);
        }
    };
    let (end, negative) = match answer {
        CaptureAnswer::Landed => (CaptureEnd::Landed, None),
        CaptureAnswer::Passed { info, refusal } => {
            (CaptureEnd::Passed, Some(Negative::Passed { info, refusal }))
        }
        CaptureAnswer::Refused(refusal) => (end_of(&refusal), Some(Negative::Refused(refusal))),
    };
    front.metrics.count_capture(end);
    Ok(negative)
}

/// What was taken out on purpose is not fetched again: the answer is why it was taken out.
async fn check_standing(front: &Front, of: &ModuleVersion) -> Result<(), Error> {
    let landing = front
        .catalog
        .find_landing(VIEW, of)
        .await
        .map_err(|cause| catalog_trouble(of, cause))?;
    let (class, done) = match landing.as_ref().map(|landing| landing.act) {
        Some(Act::Withdraw) => (RefusalClass::Gone, "was withdrawn"),
        Some(Act::Quarantine) => (RefusalClass::Forbidden, "is in quarantine"),
        Some(Act::Land | Act::Release | Act::Lift) | None => return Ok(()),
    };
    let why = landing.map(|landing| landing.why).unwrap_or_default();
    Err(Error::Refused(Refusal::new(
        class,
        format!("{of} {done}: {why}"),
    )))
}

/// What is remembered of this version. A zip is not to be had when the version is not.
fn find_negative(front: &Front, ask: &CaptureAsk, job_id: &str) -> Option<Negative> {
    let now = Instant::now();
    front
        .negatives
        .find(job_id, now)
        .or_else(|| front.negatives.find(&ask.job_id(), now))
}

fn answer_negative(
    of: &ModuleVersion,
    kind: FileKind,
    negative: Negative,
) -> Result<Arc<Entry>, Error> {
    match negative {
        Negative::Passed { info, .. } if kind == FileKind::Info => pass_info(of, info),
        Negative::Passed { refusal, .. } | Negative::Refused(refusal) => {
            Err(Error::Refused(refusal))
        }
    }
}

/// Hands on an `.info` that is not stored. It must name the version that was asked for, else the client fails hard.
fn pass_info(of: &ModuleVersion, info: String) -> Result<Arc<Entry>, Error> {
    match Info::parse(info.as_bytes()) {
        Ok(parsed) if parsed.version == *of.version() => {
            let keep = Duration::from_secs(PASSED_SECONDS);
            let time = parsed.time;
            Ok(Arc::new(render_info(Class::Info, info.into(), time, keep)))
        }
        _ => Err(Error::Refused(Refusal::new(
            RefusalClass::Unreachable,
            format!("{of}: the upstream's .info names another version"),
        ))),
    }
}

/// An `.info` that may change: handed on, of a query, or `@latest`.
pub(crate) fn render_info(
    class: Class,
    info: Bytes,
    time: Option<jiff::Timestamp>,
    keep: Duration,
) -> Entry {
    Entry::render(Draft {
        class,
        content_type: JSON,
        keep: Keep::Seconds(keep.as_secs()),
        tag: ContentDigest::of(&info).to_string(),
        last_modified: time,
        body: info,
        mapped: false,
        gzip: true,
        until: Some(Instant::now() + keep),
    })
}

/// The file as the catalog knows it, and into the hot map with it. A damaged one is healed, where it may be fetched.
pub(crate) async fn find_stored(
    front: &Front,
    of: &ModuleVersion,
    kind: FileKind,
    may_fetch: bool,
) -> Result<Option<Arc<Entry>>, Error> {
    let stored = match front.catalog.find_version(VIEW, of).await {
        Ok(Some(stored)) => stored,
        Ok(None) => return Ok(None),
        Err(cause) => {
            // Said to whoever watches, which is not this room's business.
            if let CatalogError::Rotten { .. } = &cause {
                heal(front, of, kind, may_fetch).await?;
            }
            return Err(catalog_trouble(of, cause));
        }
    };
    let Some(digest) = digest_of(&stored, kind) else {
        return Ok(None);
    };
    let what = || format!("{of}{}", kind.ending());
    let blob = match front.store.open(&digest).await {
        Err(cause) if cause.is_rot() || matches!(cause, StoreError::NotFound { .. }) => {
            heal(front, of, kind, may_fetch).await?;
            front.store.open(&digest).await
        }
        opened => opened,
    };
    let blob = blob.map_err(|cause| store_trouble(what(), cause))?;
    let (class, content_type) = match kind {
        FileKind::Info => (Class::Info, JSON),
        FileKind::GoMod => (Class::GoMod, TEXT),
        FileKind::Zip => (Class::Zip, "application/zip"),
    };
    let file = match front.store.local_path(&digest) {
        Some(path) if kind == FileKind::Zip && OPEN_BYTES.contains(&blob.len()) => {
            OpenFile::open(&path, blob.len(), front.config.open_files_max)
        }
        _ => None,
    };
    let entry = Entry::render(Draft {
        class,
        content_type,
        keep: Keep::Immutable,
        tag: digest.to_string(),
        last_modified: stored.time,
        body: blob.bytes(),
        mapped: blob.is_mapped(),
        gzip: kind != FileKind::Zip,
        until: None,
    });
    let entry = Arc::new(entry.with_file(file));
    front.hot.insert(&hot_file_path(of, kind), entry.clone());
    Ok(Some(entry))
}

fn digest_of(stored: &StoredVersion, kind: FileKind) -> Option<ContentDigest> {
    match kind {
        FileKind::Info => Some(stored.info),
        FileKind::GoMod => Some(stored.go_mod),
        FileKind::Zip => stored.zip.as_ref().map(|zip| zip.digest),
    }
}

fn end_of(refusal: &Refusal) -> CaptureEnd {
    match refusal.class {
        RefusalClass::Mismatch => CaptureEnd::Mismatch,
        _ if refusal.may_pass() => CaptureEnd::Trouble,
        _ => CaptureEnd::Refused,
    }
}
