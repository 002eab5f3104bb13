//! What each command does. A command answers whether all is well; an error means that it could not be done at all.

mod acts;
mod build_zip;
mod doctor;
mod gate_figures;
mod h1;
mod on_folder;
mod policy;
mod restore;
mod rot_counters;
mod scratch;
mod serve;
mod show;
mod signals;

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::cli::{Cli, Command, ConfigCommand, PolicyCommand};
use crate::config::Config;
use crate::config::layers::Layers;
use crate::operations::Operation;

/// What was given makes no sense whatever is in the data folder: exit code 2.
#[derive(Clone, Copy, Debug)]
pub struct Nonsense;

impl fmt::Display for Nonsense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the command line makes no sense")
    }
}

/// Runs a command that needs neither configuration nor data folder, so that neither can stand in its way; none for the
/// other commands.
pub fn run_alone(cli: &Cli) -> Option<Result<bool>> {
    match &cli.command {
        Command::H1 { paths, of } => Some(h1::run(paths, of.as_deref(), cli.common.json)),
        Command::Completion { shell } => Some(show::completion(*shell)),
        Command::Policy {
            what: PolicyCommand::Test { folder },
        } => Some(policy::test(folder.as_deref(), cli.common.json)),
        Command::EvaluatePolicies => Some(policy::evaluate()),
        Command::Rehearse {
            dir,
            generation,
            into,
        } => Some(restore::rehearse(
            dir,
            *generation,
            into.as_deref(),
            cli.common.json,
        )),
        _ => None,
    }
}

/// Runs the command; `Ok(false)` is exit code 1 with nothing more to say.
pub fn run(cli: &Cli, layers: &Layers, config: Config) -> Result<bool> {
    let json = cli.common.json;
    if !matches!(cli.command, Command::Serve { .. }) {
        show::unknown_variables(layers);
    }
    if let Some(operation) = operation(&cli.command, layers, &config)? {
        return on_folder::run(config, operation, json);
    }
    match &cli.command {
        Command::Serve { .. } => serve::run(layers, config),
        Command::Restore {
            dir,
            generation,
            incomplete,
            ..
        } => {
            let ask = restore::Ask {
                from: dir,
                generation: *generation,
                incomplete: *incomplete,
            };
            restore::run(&config, ask, json)
        }
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
        // An operation, or done before by `run_alone`.
        _ => Ok(true),
    }
}

/// The operation that a command is, if it is one.
fn operation(command: &Command, layers: &Layers, config: &Config) -> Result<Option<Operation>> {
    Ok(Some(match command {
        Command::Get { queries, no_zips } => Operation::Get {
            queries: queries.clone(),
            zips: !no_zips,
        },
        Command::Verify { repair } => Operation::Verify { repair: *repair },
        Command::Export { view, dir } => Operation::Export {
            view: view.clone(),
            dir: std::path::absolute(dir)?,
        },
        Command::Act(command) => acts::operation(command).context(Nonsense)?,
        Command::Policy {
            what: PolicyCommand::DryRun { folder, view },
        } => Operation::PolicyDryRun {
            ask: policy::dry_run(folder.as_deref(), view.as_deref(), layers, config)?,
        },
        Command::Import { tree } => Operation::Import {
            tree: std::path::absolute(tree)?,
        },
        Command::Backup { dir, keep } => {
            check_apart(dir, config)?;
            Operation::Backup {
                dir: dir.clone(),
                keep: *keep,
            }
        }
        Command::Evidence { dir, event } => Operation::Evidence {
            dir: std::path::absolute(dir)?,
            event: *event,
        },
        _ => return Ok(None),
    }))
}

/// A backup inside of what it backs up would be lost with it, and would be in the way there.
fn check_apart(backup: &Path, config: &Config) -> Result<()> {
    let real = |path: &Path| {
        let there = path.ancestors().find_map(|above| {
            let below = path.strip_prefix(above).ok()?;
            Some(above.canonicalize().ok()?.join(below))
        });
        there.unwrap_or_else(|| path.to_owned())
    };
    let backup = real(backup);
    for kept in [config.data.clone(), config.store_folder()] {
        let kept = real(&kept);
        if backup.starts_with(&kept) || kept.starts_with(&backup) {
            bail!(
                "the backup in {} and the data in {} must lie apart, best on another disk",
                backup.display(),
                kept.display()
            );
        }
    }
    Ok(())
}
