//! The gates of this installation: its stages, its profile, and the policies that judge.

use std::sync::Arc;

use anyhow::{Context, Result};
use pipeline::gates::Gates;
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
    })
}

/// The policies of the folder over those that come with Granary.
fn start_policies(config: &Config) -> Result<Policies> {
    let own = config.data.join(POLICIES);
    let folder = match &config.gates.folder {
        Some(folder) => Some(folder.clone()),
        None => own.is_dir().then_some(own),
    };
    let settings = Settings {
        cooldown: config.gates.cooldown,
        allow: config.gates.allow.clone(),
        deny: config.gates.deny.clone(),
        zip_bytes_max: config.gates.zip_bytes_max,
        ..Settings::default()
    };
    let command = judge_command()?;
    let folder = folder.map(|path| Folder { path, command });
    Policies::start(settings, folder).context("the policies cannot be used")
}

fn profile_of(config: &Config) -> Profile {
    match config.profile.as_str() {
        "public" => Profile::Public,
        _ => Profile::Private,
    }
}
