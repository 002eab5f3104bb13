//! The binary: command line, configuration, wiring. It decides nothing about modules.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod line;

mod logging;

mod backup;

mod cli;
mod config;
mod descriptors;
mod lock;
mod private_file;
mod server_socket;

mod elsewhere;

mod databases;

mod file_limit;

mod version_control;

mod judge;

mod gates;

mod parts;

mod admin_token;

mod operations;

mod control;

mod commands;

use std::process::ExitCode;

use clap::Parser;

/// Exit code of a command that failed, or that found something wrong.
const FAILED: u8 = 1;
/// Exit code of a command line or a configuration that makes no sense. clap uses the same.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    // The one crypto provider of the process; the second installation that could fail does not exist.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    if let Some(done) = commands::run_alone(&cli) {
        return exit_code(done);
    }
    let layers = match config::read_layers(&cli.flags()) {
        Ok(layers) => layers,
        Err(cause) => return fail(USAGE, &cause),
    };
    let config = match config::Config::from_layers(&layers) {
        Ok(config) => config,
        Err(cause) => return fail(USAGE, &cause),
    };
    exit_code(commands::run(&cli, &layers, config))
}

fn exit_code(done: anyhow::Result<bool>) -> ExitCode {
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FAILED),
        Err(cause) if cause.is::<commands::Nonsense>() => fail(USAGE, &cause),
        Err(cause) => fail(FAILED, &cause),
    }
}

/// Says what happened, with every cause on the same line, on standard error.
fn fail(code: u8, cause: &anyhow::Error) -> ExitCode {
    use std::io::Write;
    writeln!(std::io::stderr(), "granary: {cause:#}").ok();
    ExitCode::from(code)
}
