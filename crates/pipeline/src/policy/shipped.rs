//! The policies that come with Granary, and the settings that they read as `data.settings`.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::sources::{SourceFile, Sources};

/// Policies and their tests, by name.
const FILES: &[(&str, &str)] = &[
    (
        "shipped/allow_deny.rego",
        include_str!("../../policies/allow_deny.rego"),
    ),
    (
        "shipped/allow_deny_test.rego",
        include_str!("../../policies/allow_deny_test.rego"),
    ),
    (
        "shipped/checksum_verified.rego",
        include_str!("../../policies/checksum_verified.rego"),
    ),
    (
        "shipped/checksum_verified_test.rego",
        include_str!("../../policies/checksum_verified_test.rego"),
    ),
    (
        "shipped/cooldown.rego",
        include_str!("../../policies/cooldown.rego"),
    ),
    (
        "shipped/cooldown_test.rego",
        include_str!("../../policies/cooldown_test.rego"),
    ),
    (
        "shipped/open_source_licence.rego",
        include_str!("../../policies/open_source_licence.rego"),
    ),
    (
        "shipped/open_source_licence_test.rego",
        include_str!("../../policies/open_source_licence_test.rego"),
    ),
    (
        "shipped/size.rego",
        include_str!("../../policies/size.rego"),
    ),
    (
        "shipped/size_test.rego",
        include_str!("../../policies/size_test.rego"),
    ),
];

/// What the operator sets for the policies that come with Granary. By default they let everything in that has a record
/// in the checksum database and, in profile `public`, a licence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// How long a version must have been known before it is admitted; zero: no time. Whole seconds count.
    pub cooldown: Duration,
    /// If not empty, only what one of these patterns matches is admitted. A pattern is one of `GOPRIVATE`, which also
    /// matches everything below it; with `@version` behind it, that version only.
    pub allow: Vec<String>,
    /// What one of these patterns matches is not admitted.
    pub deny: Vec<String>,
    /// Largest zip in bytes; 0: no limit but Go's own.
    pub zip_bytes_max: u64,
    /// Most bytes of all files together, unpacked; 0: no limit but Go's own.
    pub unpacked_bytes_max: u64,
    /// Most files in a zip; 0: no limit.
    pub files_max: u64,
}

impl Settings {
    /// The settings as rules see them: `data.settings`. Lists of `data.json`'s `lists` are added by the rule itself.
    fn document(&self) -> Value {
        json!({
            "cooldown_seconds": self.cooldown.as_secs(),
            "allow": self.allow,
            "deny": self.deny,
            "zip_bytes_max": self.zip_bytes_max,
            "unpacked_bytes_max": self.unpacked_bytes_max,
            "files_max": self.files_max,
        })
    }
}

/// The texts that come with Granary, and the settings that they read.
pub(super) fn sources(settings: &Settings) -> Sources {
    let files = FILES
        .iter()
        .map(|(name, text)| SourceFile {
            name: (*name).to_owned(),
            text: (*text).to_owned(),
            shipped: true,
        })
        .collect();
    let mut data = Map::new();
    data.insert("settings".to_owned(), settings.document());
    Sources { files, data }
}
