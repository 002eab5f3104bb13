//! First act: `.info`, `.mod` and the checksum record of one version, fetched at once, verified, landed together.

use bytes::Bytes;
use catalog::work::{self, CaptureAnswer, Refusal, RefusalClass};
use catalog::{CatalogError, ModLanding, NewMod};
use gomod::hash::{ContentDigest, hash_go_mod};
use gomod::info::Info;
use gomod::version::ModuleVersion;
use origin::upstream::{Fetched, ModuleFile, UpstreamError};
use tracing::{debug, error, warn};

use super::Processor;
use super::evidence::Mismatch;
use crate::promotion;
use crate::refusal;
use crate::trust::Vouched;

/// Go reads no go.mod larger than this. Source: cmd/go/internal/modfetch/codehost, `MaxGoMod`.
pub(super) const GO_MOD_BYTES_MAX: u64 = 16 << 20;

/// An `.info` is a version, a time and an origin; a mebibyte is far more than any real one.
pub(super) const INFO_BYTES_MAX: u64 = 1 << 20;

/// A small file that came, already in the store.
struct Kept {
    bytes: Bytes,
    digest: ContentDigest,
    source: String,
}

impl Processor {
    /// Captures `.info` and `.mod` of a version. What the catalog already has is not asked for again.
    pub async fn capture_version(&self, of: &ModuleVersion) -> CaptureAnswer {
        match self.catalog.find_stored(of).await {
            Ok(Some(_)) => return CaptureAnswer::Landed,
            Ok(None) if self.trust.find_fork().is_some() => {
                return CaptureAnswer::Refused(refusal::forked(of));
            }
            Ok(None) => {}
            Err(cause) => return CaptureAnswer::Refused(refusal::of_catalog(of, &cause)),
        }
        if let Err(refusal) = self.low_water.check(of).await {
            return CaptureAnswer::Refused(refusal);
        }
        let info = self.keep_small(
            of,
            ModuleFile::Info(of.version().to_string()),
            INFO_BYTES_MAX,
        );
        let go_mod = self.keep_small(of, ModuleFile::Mod(of.version().clone()), GO_MOD_BYTES_MAX);
        let (info, go_mod, vouched) = futures_util::join!(info, go_mod, self.trust.vouch(of));
        let info = match info {
            Ok(info) => info,
            Err(refusal) => return CaptureAnswer::Refused(refusal),
        };
        let go_mod = match go_mod {
            Ok(go_mod) => go_mod,
            Err(refusal) if refusal.may_pass() => return CaptureAnswer::Refused(refusal),
            Err(refusal) => return pass_on(&info, refusal),
        };
        match vouched {
            Ok(vouched) => self.land(of, info, go_mod, vouched).await,
            Err((database, cause)) => {
                self.distrust.note(Some(of), &database, &cause).await;
                CaptureAnswer::Refused(refusal::of_database(of, &database, &cause))
            }
        }
    }

    /// Fetches a small file and puts it into the store at once: a blob without a row is harmless, and the wait for the
    /// checksum database is not added to the wait for the disk.
    async fn keep_small(
        &self,
        of: &ModuleVersion,
        file: ModuleFile,
        limit: u64,
    ) -> Result<Kept, Refusal> {
        let fetched: Result<Fetched, UpstreamError> =
            self.upstreams.get_small(of.path(), &file, limit).await;
        let Fetched { bytes, entry } = fetched.map_err(|cause| refusal::of_upstream(&cause))?;
        let digest = self
            .store
            .put_small(bytes.clone())
            .await
            .map_err(|cause| refusal::of_store(of, &cause))?;
        Ok(Kept {
            bytes,
            digest,
            source: entry,
        })
    }

    async fn land(
        &self,
        of: &ModuleVersion,
        info: Kept,
        go_mod: Kept,
        vouched: Vouched,
    ) -> CaptureAnswer {
        let mod_h1 = hash_go_mod(&go_mod.bytes);
        if let Some(record) = vouched
            .record
            .as_ref()
            .filter(|record| record.go_mod != mod_h1)
        {
            let mismatch = Mismatch {
                of,
                file: "go.mod",
                found: mod_h1,
                expected: record.go_mod,
                vouched_by: &record.database,
                source: &go_mod.source,
                digest: Some(go_mod.digest),
            };
            return CaptureAnswer::Refused(self.quarantine(mismatch).await);
        }
        let time = match Info::parse(&info.bytes) {
            Ok(parsed) => parsed.time,
            Err(cause) => {
                return CaptureAnswer::Refused(Refusal::new(
                    RefusalClass::Unreachable,
                    format!("{of}: the .info of {} makes no sense: {cause}", info.source),
                ));
            }
        };
        let candidate = NewMod {
            module: of.clone(),
            info: info.digest,
            info_size: info.bytes.len() as u64,
            go_mod: go_mod.digest,
            mod_size: go_mod.bytes.len() as u64,
            mod_h1,
            zip_h1_expected: vouched.record.as_ref().map(|record| record.zip),
            time,
            verified: vouched.by,
            view: self.lands_in.to_string(),
            by: "processor".to_owned(),
            why: format!("captured from {}", info.source),
        };
        // Both in flight at once share one commit. A record without a landing is harmless: it is the database's word.
        let keep_record = async {
            match &vouched.record {
                Some(record) => {
                    self.catalog
                        .save_record(&record.database, of, record.id, &record.body)
                        .await
                }
                None => Ok(()),
            }
        };
        let (kept, landed) =
            futures_util::join!(keep_record, promotion::land(&self.catalog, candidate));
        if let Err(cause) = kept {
            warn!(module = %of, error = %cause, "the lookup answer could not be kept");
        }
        if let Ok(ModLanding::Landed { first: true, .. }) = &landed {
            self.low_water.note_stored(work::CAPTURE);
        }
        answer_of(of, landed)
    }
}

/// What the catalog's answer means for whoever asked for the capture.
fn answer_of(of: &ModuleVersion, landed: Result<ModLanding, CatalogError>) -> CaptureAnswer {
    match landed {
        Ok(ModLanding::Landed { .. }) => CaptureAnswer::Landed,
        Ok(ModLanding::Withheld { landing }) => {
            CaptureAnswer::Refused(refusal::of_withheld(&landing))
        }
        Ok(ModLanding::Conflict { stored }) => {
            // Another capture landed other bytes in the meantime. First ones win; ours had the same standing, so the
            // stored ones are served and the difference is worth a line.
            debug!(module = %of, stored_mod = %stored.mod_h1, "another capture was first");
            CaptureAnswer::Landed
        }
        Err(cause) => {
            error!(module = %of, error = %cause, "could not land");
            CaptureAnswer::Refused(refusal::of_catalog(of, &cause))
        }
    }
}

/// The upstream has the `.info` and lacks the rest: the client gets to see that answer, but nothing is kept of it.
fn pass_on(info: &Kept, refusal: Refusal) -> CaptureAnswer {
    match std::str::from_utf8(&info.bytes) {
        Ok(text) => CaptureAnswer::Passed {
            info: text.to_owned(),
            refusal,
        },
        Err(_) => CaptureAnswer::Refused(refusal),
    }
}
