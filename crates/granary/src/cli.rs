//! The command line: names, flags and the words of `--help`. What a command does is in `commands`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::Flags;

/// A central repository of Go modules: captures a module with its dependencies once, verifies it against the checksum
/// database, keeps it unchanged for ever, and serves it to `go` over the GOPROXY protocol.
#[derive(Debug, Parser)]
#[command(
    name = "granary",
    version,
    propagate_version = true,
    after_help = "Start with `granary serve`, then in any Go project:\n\n    GOPROXY=http://127.0.0.1:3000 go mod download\n\n`granary env` prints the lines that make it the default, and the one that goes back.\n\nExit codes: 0 done, 1 it failed or something is wrong, 2 the command line or the configuration makes no sense."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Flags that every command takes.
    #[command(flatten)]
    pub common: Common,
}

/// Flags that every command takes.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// Configuration file (TOML); default: $GRANARY_CONFIG, else granary.toml in the data folder
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder for everything that is kept; default: granary in the user's data folder
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Sets one key over file and environment, e.g. --set list.fresh=10s; `granary config show` lists the keys
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Prints JSON, one object a line, for scripts
    #[arg(long, global = true)]
    pub json: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serves modules until it is told to stop (SIGTERM or Ctrl-C)
    Serve {
        /// Addresses to listen on, comma separated; default 127.0.0.1:3000
        #[arg(long, value_name = "ADDR")]
        listen: Option<String>,
    },
    /// Captures modules with everything their builds need
    #[command(after_help = "A query is module@version, module@latest, module@branch or module@commit; without @ it is the latest.\nThe go.mod of every version in the requirement graph is captured, and the zips of those that a build selects.")]
    Get {
        /// What to capture, e.g. github.com/spf13/cobra@latest
        #[arg(required = true, value_name = "MODULE@QUERY")]
        queries: Vec<String>,
        /// Leaves the zips out: only .info and go.mod files
        #[arg(long)]
        no_zips: bool,
    },
    /// Hashes everything in the store again and compares it with the catalog
    Verify,
    /// Writes a view as a static GOPROXY tree, usable as GOPROXY=file://DIR or behind any file server
    Export {
        /// The view, e.g. prod
        view: String,
        /// The folder to write to; made if missing
        dir: PathBuf,
    },
    /// Captures every version found in a GOPROXY tree or in a module cache's cache/download folder
    Import {
        /// The folder
        tree: PathBuf,
    },
    /// Checks the installation and says what to do about what is wrong
    Doctor,
    /// Shows the configuration
    Config {
        /// What to do with it.
        #[command(subcommand)]
        what: ConfigCommand,
    },
    /// Prints the h1: hash of a module zip, or of a folder as a module's zip
    H1 {
        /// A .zip file, or a folder
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// For a folder: the module and version that its file names carry in the hash, e.g. example.com/m@v1.2.3
        #[arg(long, value_name = "MODULE@VERSION")]
        of: Option<String>,
    },
    /// Prints the `go env -w` lines that make go use this server, and those that go back
    Env,
    /// Prints a completion script
    Completion {
        /// bash, zsh, fish, powershell or elvish
        shell: clap_complete::Shell,
    },
}

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Prints every key with its value, where the value comes from, and what it does
    Show,
}

impl Cli {
    /// The flags that are settings.
    pub fn flags(&self) -> Flags {
        let listen = match &self.command {
            Command::Serve { listen } => listen.clone(),
            _ => None,
        };
        Flags { file: self.common.config.clone(), data: self.common.data.clone(), listen, set: self.common.set.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
