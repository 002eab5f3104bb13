//! Settings of version control.

use std::path::PathBuf;

use anyhow::{Context, Result};
use gomod::private::PrivatePatterns;
use origin::vcs::locate::GovcsRules;

use super::reader::Reader;

/// What version control may do. `None` means that go's own setting holds.
#[derive(Clone, Debug)]
pub struct VcsConfig {
    /// Whether this user's git configuration and `.netrc` are read as data.
    pub use_git_config: bool,
    /// GOINSECURE.
    pub insecure: Option<String>,
    /// GOVCS.
    pub govcs: Option<String>,
    /// Whether ssh addresses are asked.
    pub ssh: bool,
    /// File with credentials of hosts.
    pub secrets: Option<PathBuf>,
    /// Bytes of disk for caches of repositories.
    pub cache_bytes_max: u64,
    /// Bytes of memory for shared contents.
    pub memory_bytes_max: u64,
}

impl VcsConfig {
    /// Parses what the layers say.
    pub(super) fn read(read: &Reader<'_>) -> Result<Self> {
        let is_loopback = read
            .addresses("listen")?
            .iter()
            .all(|address| address.ip().is_loopback());
        let use_git_config = read.one_of(
            "origin.use_git_config",
            &["auto", "on", "off", "true", "false"],
        )?;
        let config = Self {
            use_git_config: match use_git_config.as_str() {
                "auto" => is_loopback,
                word => matches!(word, "on" | "true"),
            },
            insecure: read.given("origin.insecure"),
            govcs: read.given("origin.govcs"),
            ssh: matches!(
                read.one_of("origin.ssh", &["off", "on", "true", "false"])?
                    .as_str(),
                "on" | "true"
            ),
            secrets: read.optional("origin.secrets").map(PathBuf::from),
            cache_bytes_max: read.size("vcs.cache_max")?,
            memory_bytes_max: read.size("vcs.memory")?,
        };
        if let Some(patterns) = &config.insecure {
            patterns
                .parse::<PrivatePatterns>()
                .with_context(|| read.context("origin.insecure"))?;
        }
        if let Some(rules) = &config.govcs {
            rules
                .parse::<GovcsRules>()
                .with_context(|| read.context("origin.govcs"))?;
        }
        Ok(config)
    }
}
