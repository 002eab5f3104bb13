//! Evidence: what is kept when the bytes that came are not the bytes that were vouched for.

use catalog::Quarantined;
use catalog::work::{Refusal, RefusalClass};
use gomod::hash::{ContentDigest, H1};
use gomod::version::ModuleVersion;
use jiff::Timestamp;
use serde_json::json;
use tracing::error;

use super::Processor;

/// Two hashes that should have been one.
pub struct Mismatch<'a> {
    /// The version.
    pub of: &'a ModuleVersion,
    /// `go.mod` or `zip`.
    pub file: &'static str,
    /// The hash of what came.
    pub found: H1,
    /// The hash that was vouched for.
    pub expected: H1,
    /// Who vouched for it.
    pub vouched_by: &'a str,
    /// The upstream that gave the bytes.
    pub source: &'a str,
    /// The bytes, which are kept.
    pub digest: Option<ContentDigest>,
}

impl Processor {
    /// Quarantines a mismatch with both hashes, raises the event, and says so to whoever asked.
    pub(crate) async fn quarantine(&self, mismatch: Mismatch<'_>) -> Refusal {
        let Mismatch {
            of,
            file,
            found,
            expected,
            vouched_by,
            source,
            digest,
        } = mismatch;
        let text = format!(
            "{of}: the {file} that {source} gave is not the one that {vouched_by} vouches for\n  came:     {found}\n  vouched:  {expected}\nit is in quarantine and will not be served; `go` would call this a SECURITY ERROR"
        );
        error!(module = %of, file, event = "hash-mismatch", found = %found, expected = %expected, vouched_by, source, "hash mismatch: quarantined");
        let row = Quarantined {
            module: of.clone(),
            kind: file.to_owned(),
            found,
            expected,
            source: source.to_owned(),
            digest,
            detail: text.clone(),
            at: Timestamp::now(),
        };
        if let Err(cause) = self.catalog.save_refusal(row).await {
            error!(module = %of, error = %cause, "the quarantine row could not be written; the version is refused all the same");
        }
        let detail = json!({ "file": file, "found": found.to_string(), "expected": expected.to_string(), "vouched_by": vouched_by, "source": source });
        if let Err(cause) = self
            .catalog
            .save_event("hash-mismatch", Some(of), &detail)
            .await
        {
            error!(module = %of, error = %cause, "the security event could not be written");
        }
        Refusal::new(RefusalClass::Mismatch, text)
    }
}
