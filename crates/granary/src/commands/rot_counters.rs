//! What is counted of rot and of its healing.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use pipeline::scrub::ScrubCounts;
use web::metrics::Counter;

use crate::parts::Parts;

/// Counts of the store, of the scrubber and of the healer.
pub(super) fn rot_counters(parts: &Parts, scrubbed: &ScrubCounts) -> Vec<Counter> {
    let counter = |name, help, value: &Arc<AtomicU64>| Counter {
        name,
        help,
        value: value.clone(),
    };
    let wounds = &parts.processor.wounds;
    vec![
        counter(
            "granary_rotten_blobs",
            "Blobs that held other bytes than their names promise and were set aside",
            &parts.store.set_aside_count(),
        ),
        counter(
            "granary_rotten_tiles",
            "Cached tiles that were torn or rotten and are fetched again",
            &parts.store.rotten_tiles(),
        ),
        counter(
            "granary_rotten_rows",
            "Rows and pages of the catalog that were found damaged",
            &wounds.rows,
        ),
        counter(
            "granary_healed_blobs",
            "Damaged or missing blobs that were fetched again",
            &wounds.healed,
        ),
        counter(
            "granary_heal_mismatches",
            "Attempts to heal that brought other bytes than were verified first",
            &wounds.lied_to,
        ),
        counter(
            "granary_scrubbed_blobs",
            "Blobs that the scrubber has read",
            &scrubbed.blobs,
        ),
        counter(
            "granary_scrub_passes",
            "Times that the scrubber has read everything",
            &scrubbed.passes,
        ),
    ]
}
