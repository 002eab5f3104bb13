//! What each command does. A command answers whether all is well; an error means that it could not be done at all.

mod build_zip;
mod doctor;
mod h1;
mod on_folder;
mod serve;
mod show;

use anyhow::Result;

use crate::cli::{Cli, Command, ConfigCommand};
use crate::config::Config;
use crate::config::layers::Layers;
use crate::operations::Operation;

/// Runs a command that needs neither configuration nor data folder, so that neither can stand in its way; none for the
/// other commands.
pub fn run_alone(cli: &Cli) -> Option<Result<bool>> {
    match &cli.command {
        Command::H1 { paths, of } => Some(h1::run(paths, of.as_deref(), cli.common.json)),
        Command::Completion { shell } => Some(show::completion(*shell)),
        _ => None,
    }
}

/// Runs the command; `Ok(false)` is exit code 1 with nothing more to say.
pub fn run(cli: &Cli, layers: &Layers, config: Config) -> Result<bool> {
    let json = cli.common.json;
    if !matches!(cli.command, Command::Serve { .. }) {
        show::unknown_variables(layers);
    }
    match &cli.command {
        Command::Serve { .. } => serve::run(layers, config),
        Command::Get { queries, no_zips } => on_folder::run(
            config,
            Operation::Get {
                queries: queries.clone(),
                zips: !no_zips,
            },
            json,
        ),
        Command::Verify => on_folder::run(config, Operation::Verify, json),
        Command::Export { view, dir } => on_folder::run(
            config,
            Operation::Export {
                view: view.clone(),
                dir: std::path::absolute(dir)?,
            },
            json,
        ),
        Command::Import { tree } => on_folder::run(
            config,
            Operation::Import {
                tree: std::path::absolute(tree)?,
            },
            json,
        ),
        Command::Doctor => doctor::run(config, json),
        Command::Config {
            what: ConfigCommand::Show,
        } => show::config(layers, &config, json),
        Command::BuildZip {
            repository,
            rev,
            module,
            output,
        } => {
            let ask = build_zip::Ask {
                repository,
                rev,
                module: module.as_deref(),
                output: output.as_deref(),
            };
            build_zip::run(&config, &ask, json)
        }
        Command::Env => show::env(&config, json),
        // Done before by `run_alone`.
        Command::H1 { .. } | Command::Completion { .. } => Ok(true),
    }
}
