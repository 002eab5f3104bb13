//! The scrubber: reads every blob and every row again, slowly and for ever, because rot is quiet.
//!
//! One pass takes one period. Where it stands is kept in the catalog, so a restart goes on and does not begin again. What it
//! finds is set aside at once and healed through the queue, like everything else.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use catalog::work::{self, HealAsk, HealFile};
use catalog::{Listed, RowState, StoredVersion};
use gomod::version::ModuleVersion;
use jiff::{SignedDuration, Timestamp};
use queue::{Durability, Job, JobId, Priority, Queue};
use store::StoreError;
use tracing::{error, info, warn};

use crate::processor::Processor;
use crate::refusal::with_causes;

/// Name of the setting row with the position.
const POSITION: &str = "scrub_position";

/// Versions read from the catalog at a time.
const PAGE: u64 = 100;

/// Bytes read in a second at most: a tenth of what a plain disk gives, and still 38 TB in a week.
const BYTES_PER_SECOND: u64 = 64 << 20;

/// Time between two versions at least, also for a pass that is late: each takes some seeks of the disk, whatever its size.
/// A week has room for 60 million versions nevertheless.
const PAUSE_MIN: Duration = Duration::from_millis(10);

/// The position is written at most this often, and at most twenty times a pass: each time is a sync of the disk.
const SAVE_EVERY: Duration = Duration::from_secs(10);

/// Time after trouble with the catalog before the next try; also between two tries to heal what could not be healed.
const RETRY_AFTER: Duration = Duration::from_secs(600);

/// A shorter period is taken for this one: a pass over nothing must not spin.
const PERIOD_MIN: Duration = Duration::from_secs(1);

/// A pass is done in nine tenths of the period, so that its end does not slip past it.
const HURRY: f64 = 0.9;

/// Loose ends of the catalog that are told in one pass.
const LOOSE_ENDS_MAX: u64 = 100;

/// What the scrubber has done since the start.
#[derive(Clone, Debug, Default)]
pub struct ScrubCounts {
    /// Blobs read.
    pub blobs: Arc<AtomicU64>,
    /// Passes ended.
    pub passes: Arc<AtomicU64>,
}

/// See the module.
pub struct Scrubber {
    /// Knows the keepers, and heals.
    pub processor: Processor,
    /// Where healing is asked for.
    pub queue: Queue,
    /// Every blob is read once in this time.
    pub period: Duration,
    /// What was done.
    pub counts: ScrubCounts,
}

/// Where a pass stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    began_at: Timestamp,
    after_seq: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.began_at, self.after_seq)
    }
}

impl Position {
    /// Reads what [`fmt::Display`] writes.
    fn parse(text: &str) -> Option<Self> {
        let (began_at, after_seq) = text.split_once(' ')?;
        Some(Self {
            began_at: began_at.parse().ok()?,
            after_seq: after_seq.parse().ok()?,
        })
    }
}

impl Scrubber {
    /// Starts scrubbing, and asking again for what could not be healed, for as long as the process lives.
    pub fn start(self) {
        let (processor, queue) = (self.processor.clone(), self.queue.clone());
        tokio::spawn(self.run());
        tokio::spawn(retry(processor, queue));
    }

    async fn run(mut self) {
        self.period = self.period.max(PERIOD_MIN);
        let mut position = self.load().await;
        loop {
            position = match self.pass(position).await {
                Ok(next) => next,
                Err(cause) => {
                    warn!(error = %cause, "the scrubber cannot read the catalog now; it tries again");
                    tokio::time::sleep(RETRY_AFTER.min(self.period)).await;
                    self.load().await
                }
            };
        }
    }

    async fn load(&self) -> Position {
        let kept = self.processor.catalog.get_setting(POSITION).await;
        let kept = kept.ok().flatten();
        kept.and_then(|text| Position::parse(&text))
            .unwrap_or_else(|| Position {
                began_at: Timestamp::now(),
                after_seq: 0,
            })
    }

    async fn save(&self, position: &Position) {
        let text = position.to_string();
        if let Err(cause) = self.processor.catalog.set_setting(POSITION, &text).await {
            // The next save may do better; at worst some blobs are read twice.
            warn!(error = %cause, "the scrubber's position could not be written");
        }
    }

    /// Goes on with a pass to its end and waits for the next one; gives where that begins.
    async fn pass(&self, mut position: Position) -> Result<Position, catalog::CatalogError> {
        let catalog = &self.processor.catalog;
        // A pass that lies in the future waits for its time; nobody's clock makes it wait longer than a period.
        let early = position.began_at.duration_since(Timestamp::now());
        let early = Duration::try_from(early).unwrap_or_default();
        tokio::time::sleep(early.min(self.period)).await;
        position.began_at = begun(position.began_at, Timestamp::now());
        let mut saved = Instant::now();
        self.save(&position).await;
        loop {
            let page = catalog.list_as_found(position.after_seq, PAGE).await?;
            if page.is_empty() {
                break;
            }
            let left = catalog.last_seq().await?.saturating_sub(position.after_seq);
            for (done, listed) in page.into_iter().enumerate() {
                let elapsed = Timestamp::now().duration_since(position.began_at);
                tokio::time::sleep(pause(
                    self.period,
                    elapsed,
                    left.saturating_sub(done as u64),
                ))
                .await;
                position.after_seq = listed.seq;
                self.scrub(listed).await;
                if saved.elapsed() >= SAVE_EVERY.min(self.period / 20) {
                    self.save(&position).await;
                    saved = Instant::now();
                }
            }
        }
        self.check_catalog().await;
        self.counts.passes.fetch_add(1, Ordering::Relaxed);
        let period = SignedDuration::try_from(self.period).unwrap_or(SignedDuration::MAX);
        let next = position.began_at.checked_add(period);
        let next = Position {
            began_at: next.map_or(Timestamp::now(), |next| next.max(Timestamp::now())),
            after_seq: 0,
        };
        info!(up_to = position.after_seq, next_at = %next.began_at, "every stored version was read again");
        self.save(&next).await;
        Ok(next)
    }

    async fn scrub(&self, listed: Listed) {
        let stored = match listed.version {
            Ok(stored) => stored,
            Err(cause) => {
                error!(of = listed.of, error = %cause, "the scrubber found a rotten row");
                match listed.of.parse::<ModuleVersion>() {
                    Ok(of) => {
                        let file = HealFile::Info;
                        self.processor
                            .note_catalog(&HealAsk { of, file }, &cause)
                            .await;
                    }
                    // Not even its name can be read.
                    Err(_) => {
                        self.processor.wounds.rows.fetch_add(1, Ordering::Relaxed);
                    }
                }
                return;
            }
        };
        let mut is_well = true;
        for file in HealFile::ALL {
            is_well &= self.scrub_file(&stored, file).await;
        }
        let must_seal = match stored.rows {
            RowState::Sound => false,
            RowState::Unsealed => is_well,
            RowState::Mended => true,
        };
        if must_seal && let Err(cause) = self.processor.mend_rows(&stored).await {
            warn!(module = %stored.module, error = %cause, "its rows could not be sealed; the next pass tries again");
        }
    }

    /// Whether a file is well; has it healed where it is not.
    async fn scrub_file(&self, stored: &StoredVersion, file: HealFile) -> bool {
        let Some((digest, _)) = stored.find_blob(file) else {
            return true;
        };
        let store = &self.processor.store;
        let outcome = store.verify_slowly(&digest, BYTES_PER_SECOND).await;
        self.counts.blobs.fetch_add(1, Ordering::Relaxed);
        match outcome {
            Ok(_) => return true,
            Err(cause) if cause.is_rot() => {
                // At once, before anything waits in a queue: nobody must get it any more.
                if let Err(cause) = store.set_aside(&digest).await {
                    error!(blob = %digest, error = %cause, "a rotten blob could not be set aside: look at the disk");
                }
            }
            Err(StoreError::NotFound { .. }) => {}
            Err(cause) => {
                error!(module = %stored.module, %file, error = %cause, "the scrubber cannot read a blob: look at the disk");
                return false;
            }
        }
        let of = stored.module.clone();
        drop(
            self.queue
                .submit(heal_job(&HealAsk { of, file }, Priority::Behind)),
        );
        false
    }

    /// What the rows of single versions do not tell: malformed pages, and rows that have lost each other. Each of the two
    /// is told although the other cannot be looked at, and neither holds up the next pass.
    async fn check_catalog(&self) {
        let catalog = &self.processor.catalog;
        self.tell_found(catalog.check_pages().await);
        self.tell_found(catalog.list_loose_ends(LOOSE_ENDS_MAX).await);
    }

    fn tell_found(&self, found: Result<Vec<String>, catalog::CatalogError>) {
        let found = match found {
            Ok(found) => found,
            Err(cause @ catalog::CatalogError::Corrupt { .. }) => vec![with_causes(&cause)],
            Err(cause) => {
                warn!(error = %cause, "the scrubber could not check the catalog; the next pass tries again");
                return;
            }
        };
        for what in found {
            error!(
                what,
                "the catalog is damaged: `granary verify` names everything, a backup has it whole"
            );
            self.processor.wounds.rows.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Asks again for what could not be healed, now and again.
async fn retry(processor: Processor, queue: Queue) {
    loop {
        tokio::time::sleep(RETRY_AFTER).await;
        for ask in processor.wounds.list() {
            drop(queue.submit(heal_job(&ask, Priority::Behind)));
        }
    }
}

impl Processor {
    /// Writes the rows of a version as they were before a bit flipped, and says so.
    pub async fn mend_rows(&self, stored: &StoredVersion) -> Result<(), catalog::CatalogError> {
        self.catalog.reseal(&stored.module).await?;
        if stored.rows == RowState::Mended {
            self.wounds.rows.fetch_add(1, Ordering::Relaxed);
            warn!(module = %stored.module, event = "row-mended", "a bit of its row in the catalog had flipped and was turned back: look at the disk");
            let detail = serde_json::json!({});
            self.catalog
                .save_event("row-mended", Some(&stored.module), &detail)
                .await?;
        }
        Ok(())
    }
}

/// The job that heals a file. Nothing is lost with it: the next request or the next pass asks again.
fn heal_job(ask: &HealAsk, priority: Priority) -> Job {
    Job {
        id: JobId::new(ask.job_id()),
        kind: work::HEAL.to_owned(),
        payload: Bytes::from(serde_json::to_vec(ask).unwrap_or_default()),
        priority,
        durability: Durability::Fleeting,
    }
}

/// When a pass began that was to begin at `planned` and goes on `now`. A plan that still lies in the future was made by a
/// clock that was ahead: kept, it would be the measure of this pass and of all that follow.
fn begun(planned: Timestamp, now: Timestamp) -> Timestamp {
    planned.min(now)
}

/// How long to wait before the next version, so that those left are spread over what is left of the period.
fn pause(period: Duration, elapsed: SignedDuration, versions_left: u64) -> Duration {
    // A clock that went back counts as a pass that has just begun.
    let elapsed = Duration::try_from(elapsed).unwrap_or_default();
    let left = period.mul_f64(HURRY).saturating_sub(elapsed);
    let pause = left.div_f64(versions_left.max(1) as f64);
    pause.max(PAUSE_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

    #[test]
    fn a_position_reads_back() {
        let position = Position {
            began_at: "2026-02-03T04:05:06.123456789Z".parse().unwrap(),
            after_seq: 42,
        };
        assert_eq!(Position::parse(&position.to_string()), Some(position));
        for text in [
            "",
            "42",
            "x 42",
            "2026-02-03T04:05:06Z",
            "2026-02-03T04:05:06Z -1",
        ] {
            assert_eq!(Position::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_pass_begins_no_later_than_now() {
        let now: Timestamp = "2026-02-03T04:05:06Z".parse().unwrap();
        let hour = SignedDuration::from_hours(1);
        assert_eq!(begun(now + hour, now), now);
        assert_eq!(begun(now - hour, now), now - hour);
    }

    #[test]
    fn versions_are_spread_over_nine_tenths_of_the_period() {
        let day = SignedDuration::from_hours(24);
        assert_eq!(pause(WEEK, SignedDuration::ZERO, 1), WEEK.mul_f64(0.9));
        assert_eq!(pause(WEEK, SignedDuration::ZERO, 9), WEEK.mul_f64(0.1));
        assert_eq!(pause(WEEK, day * 6, 100), Duration::from_secs_f64(259.2));
        // Late, or with more than fit: as fast as it may, and no faster.
        assert_eq!(pause(WEEK, day * 8, 100), PAUSE_MIN);
        assert_eq!(pause(WEEK, day, 1 << 40), PAUSE_MIN);
        // Behind the clock, and with nothing left to count.
        assert_eq!(pause(WEEK, -day, 0), WEEK.mul_f64(0.9));
    }
}
