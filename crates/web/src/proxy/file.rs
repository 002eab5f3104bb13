//! `/<module>/@v/<version>.info|.mod|.zip`: the files of one canonical version. Immutable once they are there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use catalog::work::{self, CaptureAnswer, CaptureAsk, Refusal, RefusalClass};
use catalog::{CatalogError, StoredVersion};
use gomod::hash::ContentDigest;
use gomod::info::Info;
use gomod::version::ModuleVersion;
use queue::{Durability, Priority};
use store::StoreError;

use crate::answer::{Error, TEXT};
use crate::config::OnMiss;
use crate::entry::{Draft, Entry, Keep};
use crate::front::{Front, Work, catalog_trouble, store_trouble};
use crate::metrics::{CaptureEnd, Class};
use crate::negatives::Negative;
use crate::open_file::{OPEN_BYTES, OpenFile};
use crate::proxy::heal::heal;
use crate::proxy::standing;
use crate::target::{FileKind, hot_file_path};
use crate::view::View;

/// `Content-Type` of `.info` and `@latest`.
pub(crate) const JSON: &str = "application/json";

/// How long the `.info` of a version that has not come through the gates is served without another look at what they say.
const STANDING_KEPT: Duration = Duration::from_secs(5);

/// How long others may keep an `.info` whose other files are not to be had.
const PASSED_SECONDS: u64 = 60;

/// Finds a file, has it captured and sent through the gates where it is missing, waits for that.
pub(crate) async fn get_file(
    front: &Front,
    view: View<'_>,
    of: &ModuleVersion,
    kind: FileKind,
    may_fetch: bool,
) -> Result<Arc<Entry>, Error> {
    if let Some(entry) = front.find_kept(view, &hot_file_path(of, kind)) {
        return Ok(entry);
    }
    if let Some(entry) = find_served(front, view, of, kind, may_fetch).await? {
        return Ok(entry);
    }
    standing::check_withheld(front, view, of).await?;
    standing::check_refused(front, view, of).await?;
    let what = format!("{of}{}", kind.ending());
    if !may_fetch {
        return Err(Error::FetchForbidden { what });
    }
    let ask = CaptureAsk { of: of.clone() };
    // What the view lets through only as a member has to pass the gates, and those want the zip.
    let (job, job_id) = match kind {
        FileKind::Info | FileKind::GoMod if !front.config.gate_mods => {
            (work::CAPTURE, ask.job_id())
        }
        _ => (work::ZIP, ask.zip_job_id()),
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
    match front.config.on_miss {
        OnMiss::Capture => {}
        OnMiss::Request => return Err(request(front, view, of, &ask)),
        OnMiss::Off => return Err(standing::absent(front, view, of).await),
    }
    if let Some(negative) = capture(front, view, of, &work).await? {
        let now = Instant::now();
        front
            .negatives
            .remember(&work.job_id, of.path(), negative.clone(), now);
        return answer_negative(of, kind, negative);
    }
    front.note_landing(of.path());
    // One of many who waited for the same capture has made the answer already.
    if let Some(entry) = front.find_kept(view, &hot_file_path(of, kind)) {
        return Ok(entry);
    }
    match find_served(front, view, of, kind, may_fetch).await? {
        Some(entry) => Ok(entry),
        // It is stored; the gates had the last word, or have it still to say.
        None => {
            standing::check_withheld(front, view, of).await?;
            standing::check_refused(front, view, of).await?;
            Err(standing::pending(front, view, of, "it waits at a gate"))
        }
    }
}

/// Asks for a version behind, and says so.
fn request(front: &Front, view: View<'_>, of: &ModuleVersion, ask: &CaptureAsk) -> Error {
    let work = Work {
        what: of.to_string(),
        kind: work::ZIP,
        job_id: ask.zip_job_id(),
        payload: ask,
        durability: Durability::Durable,
    };
    match front.submit(&work, Priority::Request) {
        Ok(ticket) => {
            let how = format!("it is requested now, job {}", ticket.id().as_str());
            standing::pending(front, view, of, &how)
        }
        Err(error) => error,
    }
}

/// Has a version captured; gives nothing when it landed, else why it did not.
async fn capture(
    front: &Front,
    view: View<'_>,
    of: &ModuleVersion,
    work: &Work<'_, CaptureAsk>,
) -> Result<Option<Negative>, Error> {
    let answer = match front.ask(work, front.config.client_wait).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(waited)) => {
            front.metrics.count_capture(CaptureEnd::TooLate);
            // What stands still is out of reach, and "not yet" would be a lie.
            return Err(match waited.moves {
                true => {
                    let how = format!("it is on its way{}", waited.progress);
                    standing::pending(front, view, of, &how)
                }
                false => waited.into_error(&work.what),
            });
        }
        Err(error) => {
            front.metrics.count_capture(CaptureEnd::Trouble);
            return Err(error);
        }
    };
    let (end, negative) = match answer {
        CaptureAnswer::Landed => (CaptureEnd::Landed, None),
        // The verdict is in the catalog, with more to say than the job's answer.
        CaptureAnswer::Refused(refusal) if refusal.class.is_of_gates() => {
            (CaptureEnd::Refused, None)
        }
        CaptureAnswer::Passed { info, refusal } => {
            (CaptureEnd::Passed, Some(Negative::Passed { info, refusal }))
        }
        CaptureAnswer::Refused(refusal) => (end_of(&refusal), Some(Negative::Refused(refusal))),
    };
    front.metrics.count_capture(end);
    Ok(negative)
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

/// The file as the view serves it, and into the hot map with it. A damaged one is healed, where it may be fetched.
///
/// A zip is served to a member's clients alone; `.info` and `.mod` of what is stored serve the version selection of others
/// whatever the gates will say, unless the operator wants them held back too.
pub(crate) async fn find_served(
    front: &Front,
    view: View<'_>,
    of: &ModuleVersion,
    kind: FileKind,
    may_fetch: bool,
) -> Result<Option<Arc<Entry>>, Error> {
    let mark = front.hot.mark_file(of.path());
    let found = front.catalog.find_version(view.name(), of).await;
    let (found, is_member) = match found {
        Ok(None) if kind != FileKind::Zip && !front.config.gate_mods => {
            (front.catalog.find_stored(of).await, false)
        }
        found => (found, true),
    };
    let stored = match found {
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
    if !is_member {
        standing::check_withheld(front, view, of).await?;
        if kind == FileKind::Info {
            standing::check_refused(front, view, of).await?;
        }
    }
    // What the gates say of it counts at once; its bytes are the same for ever.
    let until = match (is_member, kind) {
        (false, FileKind::Info) => Some(Instant::now() + STANDING_KEPT),
        _ => None,
    };
    let entry = render_stored(front, of, &stored, kind, until, may_fetch).await?;
    if let Some(entry) = &entry {
        front.keep(view, mark, &hot_file_path(of, kind), entry);
    }
    Ok(entry)
}

/// Opens a stored file and renders it.
async fn render_stored(
    front: &Front,
    of: &ModuleVersion,
    stored: &StoredVersion,
    kind: FileKind,
    until: Option<Instant>,
    may_fetch: bool,
) -> Result<Option<Arc<Entry>>, Error> {
    let Some(digest) = digest_of(stored, kind) else {
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
        until,
    });
    Ok(Some(Arc::new(entry.with_file(file))))
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
