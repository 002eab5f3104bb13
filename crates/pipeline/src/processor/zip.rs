//! Second act: the zip of one version, streamed to disk, checked, hashed, compared, and only then kept.

use std::future::Future;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use catalog::work::{self, CaptureAnswer, HealFile, Refusal, RefusalClass};
use catalog::{StoredVersion, StoredZip, Verification, ZipLanding};
use gomod::hash::H1;
use gomod::info::Info;
use gomod::version::ModuleVersion;
use gomod::zip::{Limits, ZipError};
use origin::upstream::{Made, SinkError, UpstreamClass, ZipSink};
use store::{Staged, Store, StoreError};
use tracing::{error, info};

use super::Processor;
use super::evidence::Mismatch;
use crate::low_water::LowWater;
use crate::refusal;

/// A zip that came: on disk, checked and hashed, not yet compared with anything.
struct Downloaded {
    staged: Staged,
    h1: H1,
    source: String,
    /// The revision, where the zip was made here.
    made_from: Option<String>,
}

impl Processor {
    /// Captures the zip of a version. `first_act` gives `.info` and `.mod`; it runs while the zip is on its way. `told`
    /// hears how many bytes came and how many there will be (0: not known), about once a second.
    pub async fn capture_zip<F>(
        &self,
        of: &ModuleVersion,
        first_act: F,
        told: &(dyn Fn(u64, u64) + Sync),
    ) -> CaptureAnswer
    where
        F: Future<Output = CaptureAnswer>,
    {
        match self.catalog.find_stored(of).await {
            Ok(Some(stored)) if stored.zip.is_some() => return CaptureAnswer::Landed,
            Ok(_) if self.trust.find_fork().is_some() => {
                return CaptureAnswer::Refused(refusal::forked(of));
            }
            Ok(_) => {}
            Err(cause) => return CaptureAnswer::Refused(refusal::of_catalog(of, &cause)),
        }
        if let Err(refusal) = self.low_water.check(of).await {
            return CaptureAnswer::Refused(refusal);
        }
        let (first, zip) = futures_util::join!(first_act, self.download_zip(of, told));
        match first {
            CaptureAnswer::Landed => {}
            CaptureAnswer::Passed { refusal, .. } => return CaptureAnswer::Refused(refusal),
            refused @ CaptureAnswer::Refused(_) => return refused,
        }
        match zip {
            Ok(downloaded) => self.land_zip(of, downloaded).await,
            Err(refusal) => CaptureAnswer::Refused(refusal),
        }
    }

    async fn download_zip(
        &self,
        of: &ModuleVersion,
        told: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<Downloaded, Refusal> {
        let mut sink = StagingSink::new(self, told);
        let fetched = self.upstreams.get_zip(of, &mut sink).await;
        let StagingSink {
            staged,
            made,
            trouble,
            ..
        } = sink;
        let source = fetched.map_err(|cause| match trouble {
            Some(trouble) if cause.class == UpstreamClass::Storage => {
                refusal::of_store(of, &trouble)
            }
            _ => refusal::of_upstream(&cause),
        })?;
        let Some(staged) = staged else {
            return Err(Refusal::new(
                RefusalClass::Unreachable,
                format!("{of}: {source} gave an empty zip"),
            ));
        };
        match made {
            // Its hash was computed and the rules were kept while it was written: reading it again would tell nothing.
            Some(made) => Ok(Downloaded {
                staged,
                h1: made.h1,
                source,
                made_from: Some(made.revision),
            }),
            None => check_staged(of, staged, source).await,
        }
    }

    /// Refuses a zip that was made from another revision than the `.info` that is already stored: the tag moved between
    /// the two, and one version must not be two commits.
    async fn check_revision(
        &self,
        of: &ModuleVersion,
        stored: &StoredVersion,
        made_from: &str,
    ) -> Result<(), Refusal> {
        let info = self.open_whole(stored, HealFile::Info).await?;
        let stored_from = Info::parse(&info.bytes())
            .ok()
            .and_then(|info| info.origin?.get("Hash")?.as_str().map(str::to_owned));
        match stored_from {
            Some(stored_from) if stored_from != made_from => Err(Refusal::new(
                RefusalClass::Mismatch,
                format!(
                    "{of}: the tag moved: it was captured from {stored_from} and is {made_from} now; no zip is made of a second revision"
                ),
            )),
            _ => Ok(()),
        }
    }

    async fn land_zip(&self, of: &ModuleVersion, downloaded: Downloaded) -> CaptureAnswer {
        let Downloaded {
            staged,
            h1,
            source,
            made_from,
        } = downloaded;
        let stored = match self.catalog.find_stored(of).await {
            Ok(Some(stored)) => stored,
            Ok(None) => {
                return CaptureAnswer::Refused(Refusal::new(
                    RefusalClass::Absent,
                    format!("{of}: withdrawn while its zip was on its way"),
                ));
            }
            Err(cause) => return CaptureAnswer::Refused(refusal::of_catalog(of, &cause)),
        };
        if let Some(made_from) = &made_from
            && let Err(refusal) = self.check_revision(of, &stored, made_from).await
        {
            return CaptureAnswer::Refused(refusal);
        }
        let size = staged.len();
        let digest = match self.store.publish(staged).await {
            Ok(digest) => digest,
            Err(cause) => return CaptureAnswer::Refused(refusal::of_store(of, &cause)),
        };
        let differs = |expected, vouched_by| Mismatch {
            of,
            file: "zip",
            found: h1,
            expected,
            vouched_by,
            source: &source,
            digest: Some(digest),
        };
        let expected = stored.zip_h1_expected;
        if let Some(expected) = expected.filter(|expected| *expected != h1) {
            let mismatch = differs(expected, vouched_by(&stored));
            return CaptureAnswer::Refused(self.quarantine(mismatch).await);
        }
        let zip = StoredZip { digest, size, h1 };
        match self.catalog.land_zip(of, zip).await {
            Ok(ZipLanding::Landed { .. }) => {
                self.low_water.note_stored(work::ZIP);
                info!(module = %of, size_bytes = size, %h1, "zip landed");
                CaptureAnswer::Landed
            }
            Ok(ZipLanding::Conflict { stored }) => {
                let first = stored.zip.as_ref().map_or(h1, |zip| zip.h1);
                self.quarantine(differs(first, FIRST)).await;
                CaptureAnswer::Landed
            }
            Err(cause) => {
                error!(module = %of, error = %cause, "could not land the zip");
                CaptureAnswer::Refused(refusal::of_catalog(of, &cause))
            }
        }
    }
}

/// Who vouches where no database does.
const FIRST: &str = "what was stored first";

fn vouched_by(stored: &StoredVersion) -> &str {
    match &stored.verified {
        Verification::Record { database, .. } => database,
        Verification::Private { .. } | Verification::Absent { .. } | Verification::Off => FIRST,
    }
}

/// Checks the rules of module zips and hashes the contents, on a thread for blocking work: it is all CPU and disk.
async fn check_staged(
    of: &ModuleVersion,
    mut staged: Staged,
    source: String,
) -> Result<Downloaded, Refusal> {
    let mut file = staged
        .reader()
        .await
        .map_err(|cause| refusal::of_store(of, &cause))?;
    let (module, size) = (of.clone(), staged.len());
    let work = tokio::task::spawn_blocking(move || {
        gomod::zip::check(&mut file, size, &module, &Limits::default())
    });
    match work.await {
        Ok(Ok(checked)) => Ok(Downloaded {
            staged,
            h1: checked.h1,
            source,
            made_from: None,
        }),
        // A login page or half a file is the upstream's trouble. It must not look like a version that does not exist: the
        // go command would go on to the next entry of its list, past the operator's own upstream.
        Ok(Err(cause @ ZipError::BadArchive { .. })) => Err(Refusal::new(
            RefusalClass::Unreachable,
            format!("{of}: what {source} gave is no zip: {cause}"),
        )),
        Ok(Err(cause)) => Err(Refusal::new(
            RefusalClass::Invalid,
            format!("{of}: the zip that {source} gave breaks the rules of module zips: {cause}"),
        )),
        Err(cause) => Err(Refusal::new(
            RefusalClass::Storage,
            format!("{of}: checking the zip ended early: {cause}"),
        )),
    }
}

/// Writes what an upstream gives into the staging folder; another upstream starts over.
pub(super) struct StagingSink<'a> {
    store: &'a Store,
    low_water: &'a LowWater,
    staged: Option<Staged>,
    made: Option<Made>,
    /// What the store said last when it could not take the bytes.
    trouble: Option<StoreError>,
    /// What the upstream says the zip will have, until it was compared with the room there is.
    expected_bytes: Option<u64>,
    /// Written since the last look at the disk.
    unchecked_bytes: u64,
    /// Hears how far it is.
    told: &'a (dyn Fn(u64, u64) + Sync),
    told_at: Instant,
    written_bytes: u64,
    announced_bytes: u64,
}

/// Time between two reports of how far it is.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// Written between two looks at the disk: they cost some microseconds, this takes a hundred times as long.
const LOOK_BYTES: u64 = 1 << 20;

impl StagingSink<'_> {
    /// Many zips that were let in together could still fill the disk, so each looks again on its way.
    async fn check_room(&mut self, next_bytes: usize) -> Result<(), SinkError> {
        if let Some(size_bytes) = self.expected_bytes.take() {
            let fits = self.low_water.check_fits(size_bytes).await;
            fits.map_err(SinkError)?;
        }
        self.unchecked_bytes += next_bytes as u64;
        if self.unchecked_bytes >= LOOK_BYTES {
            self.unchecked_bytes = 0;
            self.low_water.check_again().await.map_err(SinkError)?;
        }
        Ok(())
    }

    fn fail(&mut self, cause: StoreError) -> SinkError {
        let words = SinkError(cause.to_string());
        self.trouble = Some(cause);
        words
    }
}

impl<'a> StagingSink<'a> {
    pub(super) fn new(processor: &'a Processor, told: &'a (dyn Fn(u64, u64) + Sync)) -> Self {
        Self {
            told,
            told_at: Instant::now(),
            written_bytes: 0,
            announced_bytes: 0,
            store: &processor.store,
            low_water: &processor.low_water,
            staged: None,
            made: None,
            trouble: None,
            expected_bytes: None,
            unchecked_bytes: 0,
        }
    }

    /// What came, if anything did.
    pub(super) fn into_staged(self) -> Option<Staged> {
        self.staged
    }
}

#[async_trait]
impl ZipSink for StagingSink<'_> {
    async fn reset(&mut self) -> Result<(), SinkError> {
        self.made = None;
        self.expected_bytes = None;
        (self.written_bytes, self.announced_bytes) = (0, 0);
        let staged = self.store.stage().await;
        self.staged = Some(staged.map_err(|cause| self.fail(cause))?);
        Ok(())
    }

    async fn write(&mut self, chunk: Bytes) -> Result<(), SinkError> {
        self.check_room(chunk.len()).await?;
        let Some(staged) = &mut self.staged else {
            return Err(SinkError("the staging file was not opened".to_owned()));
        };
        let length = chunk.len() as u64;
        let written = staged.write_chunk(chunk).await;
        written.map_err(|cause| self.fail(cause))?;
        self.written_bytes += length;
        if self.told_at.elapsed() >= TELL_EVERY {
            self.told_at = Instant::now();
            (self.told)(self.written_bytes, self.announced_bytes);
        }
        Ok(())
    }

    fn expect(&mut self, size_bytes: u64) {
        self.expected_bytes = Some(size_bytes);
        self.announced_bytes = size_bytes;
    }

    fn made(&mut self, made: Made) {
        self.made = Some(made);
    }
}
