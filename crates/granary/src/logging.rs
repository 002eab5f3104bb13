//! The log: for people on a terminal, JSON otherwise. It goes to standard error, so that a command's output stays clean.

use std::io::IsTerminal;

use anyhow::{Context, Result};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

/// Starts the log for the process.
///
/// `level` is a level's name, which holds for Granary's own rooms while libraries stay at `warn`, or a whole filter.
pub fn start(level: &str, format: &str) -> Result<()> {
    let text = match format {
        "text" => true,
        "json" => false,
        _ => std::io::stderr().is_terminal(),
    };
    // At a terminal a line for every request would bury what matters; a log that is collected wants them.
    let mut filter = filter(level)?;
    if text && level == "info" {
        filter = filter.add_directive("web::access=warn".parse()?);
    }
    // A log on a full disk cannot be written, and to say so on the same standard error would panic whoever logs.
    let builder = fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    let started = if text {
        builder
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .try_init()
    } else {
        builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .try_init()
    };
    started.map_err(|cause| anyhow::anyhow!("the log cannot be started: {cause}"))
}

/// The filter that a level's name, or a whole filter, stands for.
pub fn filter(level: &str) -> Result<EnvFilter> {
    let filter = if level.contains(['=', ',']) {
        level.to_owned()
    } else {
        own_rooms_at(level)
    };
    EnvFilter::try_new(&filter).with_context(|| format!("log.level `{level}` makes no sense"))
}

fn own_rooms_at(level: &str) -> String {
    let rooms = [
        "granary", "web", "pipeline", "origin", "queue", "catalog", "store", "tlog",
    ];
    let own: Vec<String> = rooms.iter().map(|room| format!("{room}={level}")).collect();
    format!("warn,{}", own.join(","))
}
