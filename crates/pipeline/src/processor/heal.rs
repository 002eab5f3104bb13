//! Healing: a blob that the catalog names and the store has lost, or holds wrong, is fetched again.
//!
//! The first verified bytes win for ever, so there is no second opinion here: what comes is taken if it is, byte for byte,
//! what the catalog's digest says, and anything else is a security event that is never stored.

use std::sync::atomic::Ordering;

use catalog::work::{CaptureAnswer, HealAsk, HealFile, Refusal, RefusalClass};
use catalog::{CatalogError, StoredVersion};
use gomod::hash::ContentDigest;
use gomod::version::ModuleVersion;
use origin::upstream::{ModuleFile, UpstreamError};
use serde_json::{Value, json};
use store::{Blob, StoreError};
use tracing::{error, info};

use super::Processor;
use super::version::{GO_MOD_BYTES_MAX, INFO_BYTES_MAX};
use super::zip::StagingSink;
use crate::refusal;

impl Processor {
    /// Makes sure that a file of a stored version is there with the bytes that the catalog says, by fetching it again
    /// where it must.
    pub async fn heal(&self, ask: &HealAsk) -> CaptureAnswer {
        match self.try_heal(ask).await {
            Ok(()) => {
                self.wounds.close(ask);
                CaptureAnswer::Landed
            }
            Err(refusal) => CaptureAnswer::Refused(refusal),
        }
    }

    /// Opens a file of a stored version; a damaged one is healed first.
    pub(crate) async fn open_whole(
        &self,
        stored: &StoredVersion,
        file: HealFile,
    ) -> Result<Blob, Refusal> {
        let of = &stored.module;
        let Some((digest, _)) = stored.find_blob(file) else {
            return Err(damaged(of, &format!("its {file} was never captured")));
        };
        let blob = match self.store.open(&digest).await {
            Err(cause) if cause.is_rot() || matches!(cause, StoreError::NotFound { .. }) => {
                let of = of.clone();
                if let CaptureAnswer::Refused(refusal) = self.heal(&HealAsk { of, file }).await {
                    return Err(refusal);
                }
                self.store.open(&digest).await
            }
            opened => opened,
        };
        blob.map_err(|cause| refusal::of_store(of, &cause))
    }

    async fn try_heal(&self, ask: &HealAsk) -> Result<(), Refusal> {
        let of = &ask.of;
        let stored = match self.catalog.find_stored(of).await {
            Ok(Some(stored)) => stored,
            Ok(None) => return Err(damaged(of, "it is not in the catalog any more")),
            Err(cause) => {
                self.note_catalog(ask, &cause).await;
                return Err(refusal::of_catalog(of, &cause));
            }
        };
        let Some((digest, size_bytes)) = stored.find_blob(ask.file) else {
            return Ok(()); // never captured: nothing is lost
        };
        match self.store.verify(&digest).await {
            Ok(_) => return Ok(()),
            Err(StoreError::NotFound { .. }) => {}
            Err(cause) if cause.is_rot() => {
                let moved = self.store.set_aside(&digest).await;
                moved.map_err(|cause| refusal::of_store(of, &cause))?;
            }
            Err(cause) => return Err(refusal::of_store(of, &cause)),
        }
        self.note_wound(ask, &digest).await;
        self.low_water.check(of).await?;
        match ask.file {
            HealFile::Zip => self.fetch_zip(ask, &digest).await?,
            HealFile::Info | HealFile::GoMod => self.fetch_small(ask, &digest).await?,
        }
        self.wounds.healed.fetch_add(1, Ordering::Relaxed);
        info!(module = %of, file = %ask.file, blob = %digest, size_bytes, "healed: fetched again, the same bytes as ever");
        let detail = json!({ "file": ask.file, "blob": digest.to_string() });
        self.save_event("blob-healed", of, detail).await;
        Ok(())
    }

    async fn fetch_small(&self, ask: &HealAsk, digest: &ContentDigest) -> Result<(), Refusal> {
        let of = &ask.of;
        let (file, limit) = match ask.file {
            HealFile::GoMod => (ModuleFile::Mod(of.version().clone()), GO_MOD_BYTES_MAX),
            _ => (ModuleFile::Info(of.version().to_string()), INFO_BYTES_MAX),
        };
        let fetched = self.upstreams.get_small(of.path(), &file, limit).await;
        let fetched = fetched.map_err(|cause| unreached(ask, &cause))?;
        let found = ContentDigest::of(&fetched.bytes);
        if found != *digest {
            return Err(self.refuse_lie(ask, digest, found, &fetched.entry).await);
        }
        let kept = self.store.put_small(fetched.bytes).await;
        kept.map(drop)
            .map_err(|cause| refusal::of_store(of, &cause))
    }

    async fn fetch_zip(&self, ask: &HealAsk, digest: &ContentDigest) -> Result<(), Refusal> {
        let of = &ask.of;
        let mut sink = StagingSink::new(self, &|_, _| {});
        let fetched = self.upstreams.get_zip(of, &mut sink).await;
        let source = fetched.map_err(|cause| unreached(ask, &cause))?;
        let Some(mut staged) = sink.into_staged() else {
            return Err(damaged(of, &format!("{source} gave an empty zip")));
        };
        let of_store = |cause: StoreError| refusal::of_store(of, &cause);
        let found = staged.digest().await.map_err(of_store)?;
        if found != *digest {
            return Err(self.refuse_lie(ask, digest, found, &source).await);
        }
        self.store.publish(staged).await.map(drop).map_err(of_store)
    }

    /// Says once that a blob is rotten or gone.
    async fn note_wound(&self, ask: &HealAsk, digest: &ContentDigest) {
        if !self.wounds.note(format!("{digest}"), ask.clone()) {
            return;
        }
        let kept = self.store.find_evidence(digest).await.ok().flatten();
        let kind = if kept.is_some() {
            "blob-rotten"
        } else {
            "blob-missing"
        };
        let detail = json!({ "file": ask.file, "blob": digest.to_string(), "kept": kept });
        error!(module = %ask.of, file = %ask.file, event = kind, detail = %detail, "a stored file is damaged: it is fetched again; if that fails, restore store/ from a backup and run `granary verify --repair`");
        self.save_event(kind, &ask.of, detail).await;
    }

    /// Says once that a row or page of the catalog is damaged.
    pub(crate) async fn note_catalog(&self, ask: &HealAsk, cause: &CatalogError) {
        if !matches!(
            cause,
            CatalogError::Rotten { .. } | CatalogError::Corrupt { .. }
        ) || !self.wounds.note(format!("row {}", ask.of), ask.clone())
        {
            return;
        }
        self.wounds.rows.fetch_add(1, Ordering::Relaxed);
        error!(module = %ask.of, event = "row-rotten", error = %cause, "the catalog is damaged: restore it from a backup and run `granary verify --repair`");
        let detail = json!({ "what": refusal::with_causes(cause) });
        self.save_event("row-rotten", &ask.of, detail).await;
    }

    /// Other bytes than those that were verified first: never stored, told to whoever watches.
    async fn refuse_lie(
        &self,
        ask: &HealAsk,
        digest: &ContentDigest,
        found: ContentDigest,
        source: &str,
    ) -> Refusal {
        let what = format!("{digest} {found}");
        self.wounds.lied_to.fetch_add(1, Ordering::Relaxed);
        if self.wounds.note(what, ask.clone()) {
            let detail = json!({ "file": ask.file, "expected": digest.to_string(), "found": found.to_string(), "source": source });
            error!(module = %ask.of, file = %ask.file, event = "heal-mismatch", detail = %detail, "the upstream gives other bytes now than those that were verified first: they are refused; restore the file from a backup");
            self.save_event("heal-mismatch", &ask.of, detail).await;
        }
        damaged(
            &ask.of,
            &format!(
                "its {} is lost here, and what {source} gives now is not what was verified first\n  came:  {found}\n  first: {digest}\nit is refused; the operator can restore the file from a backup",
                ask.file
            ),
        )
    }

    async fn save_event(&self, kind: &str, of: &ModuleVersion, detail: Value) {
        if let Err(cause) = self.catalog.save_event(kind, Some(of), &detail).await {
            error!(module = %of, event = kind, error = %cause, "the event could not be written");
        }
    }
}

/// Damage here is a 503 whatever the upstream says: what was served once never "does not exist".
fn damaged(of: &ModuleVersion, text: &str) -> Refusal {
    Refusal::new(RefusalClass::Damaged, format!("{of}: {text}"))
}

fn unreached(ask: &HealAsk, cause: &UpstreamError) -> Refusal {
    damaged(
        &ask.of,
        &format!(
            "its {} was damaged on this server's disk and cannot be fetched again now: {}",
            ask.file, cause.text
        ),
    )
}
