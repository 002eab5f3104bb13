//! The gates of this installation: its stages, its profile, and the policies that judge.

use std::sync::Arc;

use anyhow::{Context, Result};
use pipeline::gates::Gates;
use pipeline::gates::counts::VerdictCounts;
use pipeline::policy::facts::Profile;
use pipeline::policy::{Folder, Policies, Settings};
use pipeline::processor::Processor;

use crate::config::Config;
use crate::judge::judge_command;

/// Folder in the data folder with the operator's own policies.
const POLICIES: &str = "policies";

/// Opens the gates before what a processor makes.
pub fn open(config: &Config, processor: &Processor) -> Result<Gates> {
    Ok(Gates {
        processor: processor.clone(),
        stages: Arc::new(config.gates.stages.clone()),
        policies: Arc::new(start_policies(config)?),
        profile: profile_of(config),
        counts: VerdictCounts::default(),
    })
}

/// The policies of the folder over those that come with Granary. A folder that is named in the settings must be there;
/// that in the data folder may be made at any time.
fn start_policies(config: &Config) -> Result<Policies> {
    let settings = Settings {
        cooldown: config.gates.cooldown,
        allow: config.gates.allow.clone(),
        deny: config.gates.deny.clone(),
        zip_bytes_max: config.gates.zip_bytes_max,
        ..Settings::default()
    };
    let command = judge_command()?;
    let policies = match &config.gates.folder {
        Some(folder) => {
            let path = folder.clone();
            Policies::start(settings, Some(Folder { path, command }))
        }
        None => {
            let path = config.data.join(POLICIES);
            Policies::start_before(settings, Folder { path, command })
        }
    };
    policies.context("the policies cannot be used")
}

fn profile_of(config: &Config) -> Profile {
    match config.profile.as_str() {
        "public" => Profile::Public,
        _ => Profile::Private,
    }
}
