//! What the configuration says about stages, gates and policies.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use catalog::Stages;
use web::{OnMiss, RefusalMode};

use super::reader::Reader;

/// Settings of the gates.
#[derive(Clone, Debug)]
pub struct GatesConfig {
    /// The views that versions pass through, with what holds them back.
    pub stages: Stages,
    /// What is done about a version that is asked for and is not here.
    pub on_miss: OnMiss,
    /// How refusals look to the go command.
    pub refusal: RefusalMode,
    /// Whether gates hold back `.info` and `.mod` too.
    pub gate_mods: bool,
    /// The operator's own policies; `None`: the folder `policies` in the data folder, once it is there.
    pub folder: Option<PathBuf>,
    /// See the key `policy.cooldown`.
    pub cooldown: Duration,
    /// See the key `policy.allow`.
    pub allow: Vec<String>,
    /// See the key `policy.deny`.
    pub deny: Vec<String>,
    /// See the key `policy.zip_max`; 0 is no limit.
    pub zip_bytes_max: u64,
}

impl GatesConfig {
    pub(super) fn read(read: &Reader<'_>) -> Result<Self> {
        let stages = read.layers.get("stages").text;
        let stages: Stages = stages.parse().with_context(|| read.context("stages"))?;
        let on_miss = match read
            .one_of("on_miss", &["capture", "request", "off"])?
            .as_str()
        {
            "request" => OnMiss::Request,
            "off" => OnMiss::Off,
            _ => OnMiss::Capture,
        };
        let modes = ["redundancy", "gatekeeper", "advisory"];
        let refusal = match read.one_of("refusal", &modes)?.as_str() {
            "gatekeeper" => RefusalMode::Gatekeeper,
            "advisory" => RefusalMode::Advisory,
            _ => RefusalMode::Redundancy,
        };
        Ok(Self {
            stages,
            on_miss,
            refusal,
            gate_mods: read.one_of("gate_mods", &["no", "yes"])? == "yes",
            folder: read.optional("policy.folder").map(PathBuf::from),
            cooldown: read.duration("policy.cooldown")?,
            allow: read.list("policy.allow"),
            deny: read.list("policy.deny"),
            zip_bytes_max: read.size("policy.zip_max")?,
        })
    }
}
