//! How long an upstream may take and how much it may send.

use std::time::Duration;

use super::sink::ZIP_BYTES_MAX;

/// How long an upstream may take, and how much a zip may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpstreamBounds {
    /// Longest time until an answer begins. Proxies that build from version control first need most of it.
    pub answer_within: Duration,
    /// Longest time for a whole `.info`, `.mod` or list.
    pub small_within: Duration,
    /// Longest time for a whole zip; its pace is bounded by the way out.
    pub zip_within: Duration,
    /// Largest zip, in bytes.
    pub zip_bytes_max: u64,
}

impl Default for UpstreamBounds {
    fn default() -> Self {
        Self {
            answer_within: Duration::from_secs(60),
            small_within: Duration::from_secs(60),
            zip_within: Duration::from_secs(30 * 60),
            zip_bytes_max: ZIP_BYTES_MAX,
        }
    }
}
