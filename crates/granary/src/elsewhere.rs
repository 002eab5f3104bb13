//! A restore whose catalog or store does not lie in the data folder leaves a note there, so that nobody who forgets the
//! setting starts on a fresh catalog beside the restored store, or on a fresh store below the restored catalog.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::config::Config;

/// File in a data folder that names what a restore put elsewhere: a setting and a place in each line.
const NOTE: &str = "restored.elsewhere";

/// What lies elsewhere: settings with their places, which never hold a password.
fn list_elsewhere(config: &Config) -> Vec<(&'static str, String)> {
    let database = config.database.as_deref().map(|text| {
        let url = url::Url::parse(text).ok();
        let place = url.map(|url| format!("{}{}", url.host_str().unwrap_or_default(), url.path()));
        ("database", place.unwrap_or_default())
    });
    let store = config
        .store
        .as_ref()
        .map(|path| ("store", path.display().to_string()));
    database.into_iter().chain(store).collect()
}

/// Leaves the note, durably, if there is anything to note; gives what a server needs to be told, in words.
pub fn note(config: &Config) -> Result<Option<String>> {
    let elsewhere = list_elsewhere(config);
    if elsewhere.is_empty() {
        return Ok(None);
    }
    let path = config.data.join(NOTE);
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&path)?;
        for (setting, place) in &elsewhere {
            writeln!(file, "{setting} {place}")?;
        }
        file.sync_all()?;
        File::open(&config.data)?.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))?;
    let settings: Vec<&str> = elsewhere.iter().map(|(setting, _)| *setting).collect();
    Ok(Some(settings.join("` and `")))
}

/// Refuses to go on without a setting that leads to what was restored.
pub fn check(config: &Config) -> Result<()> {
    let path = config.data.join(NOTE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(cause).with_context(|| format!("cannot read {}", path.display())),
    };
    let given = list_elsewhere(config);
    for line in text.lines() {
        let (setting, place) = line.split_once(' ').unwrap_or((line, ""));
        if !given.iter().any(|(name, _)| *name == setting) {
            bail!("{}", missing(&config.data, setting, place));
        }
    }
    Ok(())
}

fn missing(data: &Path, setting: &str, place: &str) -> String {
    format!(
        "what was restored into {} has its {setting} in {place}, and `{setting}` is not set: set it (granary.toml in that folder, GRANARY_{}, or --set), or, to begin anew here, remove {NOTE} in that folder",
        data.display(),
        setting.to_uppercase()
    )
}
