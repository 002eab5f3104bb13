//! The command line: names, flags and the words of `--help`. What a command does is in `commands`.

mod acts;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::backup::folder::parse_place;
use crate::config::Flags;
pub use acts::{ActCommand, End, TokenCommand, WaiversCommand};

/// Ends `granary --help`: the way in, for someone who has just built it.
const AFTER_HELP: &str = "\
First steps:
  granary serve                                    in one terminal; in any Go project:
  GOPROXY=http://127.0.0.1:3000 go mod download    one command through it
  granary env                                      how to make it go's default, and back

Modules come from the proxies that go itself is set to use (or from `upstream`)
and stay in the data folder for ever. `get`, `verify`, `export`, `import`,
`backup` and `evidence` let a running server do the work, or open the data
folder when none runs.

All settings: `granary config show`. Each can stand in granary.toml in the data
folder, in a GRANARY_ variable, or behind --set. More: docs/operating.md.
Something is not right? `granary doctor` checks and says what to do.

Exit codes: 0 done; 1 it failed or something is wrong; 2 the command line or the
configuration makes no sense.";

/// Ends `granary policy dry-run --help`.
const DRY_RUN_HELP: &str = "\
Every stored version is judged as the gates would judge it now, with the same
facts and with the waivers that hold. Named are those that would be refused or
warned of, with rule and text, and those that the verdict that stands judges
otherwise:
    refused (so far admitted)      it would not come in today. What is in the
                                   view stays there, whatever policies say
    admitted (so far refused)      it would come in once the folder is in use
Counts follow at the end, by rule too. --set tries settings in the place of
those in use: policy.cooldown, policy.allow, policy.deny, policy.zip_max.

Exit code 0: everything was judged, whatever came of it. 1: the folder is bad,
with file, line and column of what is wrong, or a version could not be read.
A version whose zip was never captured is counted and not judged.

Examples:
    granary policy dry-run ./policies
    granary policy dry-run --set policy.cooldown=7d
    granary policy dry-run ./policies --json | jq -c 'select(.data.differs?)'";

/// A central repository of Go modules: captures a module with its dependencies once, verifies it against the checksum
/// database, keeps it unchanged for ever, and serves it to `go` over the GOPROXY protocol.
#[derive(Debug, Parser)]
#[command(
    name = "granary",
    version,
    propagate_version = true,
    after_help = AFTER_HELP
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
    /// Serves modules to go until it is told to stop (SIGTERM or Ctrl-C)
    #[command(
        after_help = "Only this machine can reach it unless told otherwise: --listen 0.0.0.0:3000 opens it to the network.\n\nExample: granary serve --listen 127.0.0.1:8080 --data /srv/granary"
    )]
    Serve {
        /// Addresses to listen on, comma separated; default 127.0.0.1:3000
        #[arg(long, value_name = "ADDR")]
        listen: Option<String>,
    },
    /// Captures modules with everything their builds need
    #[command(
        after_help = "A query is module@version, module@latest, module@branch or module@commit; without @ it is the latest.\nmodule@all is every version that the module lists, without what they depend on.\nThe go.mod of every version in the requirement graph is captured, and the zips of those that a build selects.\nWhat cannot be had is named, the rest is kept, and the exit code is 1.\n\nExamples:\n    granary get github.com/spf13/cobra@latest\n    granary get golang.org/x/text@v0.14.0 golang.org/x/mod@master"
    )]
    Get {
        /// What to capture, e.g. github.com/spf13/cobra@latest
        #[arg(required = true, value_name = "MODULE@QUERY")]
        queries: Vec<String>,
        /// Leaves the zips out: only .info and go.mod files
        #[arg(long)]
        no_zips: bool,
    },
    /// Hashes everything in the store again and compares it with the catalog
    #[command(
        after_help = "Names every file that is missing or wrong (exit code 1), and every extra one that no version needs (harmless);\nrows of the catalog that are damaged too. Without --repair it changes nothing; a server may go on serving."
    )]
    Verify {
        /// Sets wrong files aside and fetches them and missing ones again, if the bytes are the same as ever
        #[arg(long)]
        repair: bool,
    },
    /// Writes a view as a static GOPROXY tree, usable as GOPROXY=file://DIR or behind any file server
    #[command(
        after_help = "Files are hard links into the store where the file system allows it, so a tree costs no room; never write into them.\n\nExample: granary export prod /srv/www/goproxy"
    )]
    Export {
        /// The view; `prod` is what clients are served
        view: String,
        /// The folder to write to; made if missing
        dir: PathBuf,
    },
    /// Captures every version found in a GOPROXY tree or in a module cache's cache/download folder
    #[command(
        after_help = "Everything is verified against the checksum database as if it came from the network; what does not match is refused.\n\nExample: granary import \"$(go env GOMODCACHE)/cache/download\""
    )]
    Import {
        /// The folder
        tree: PathBuf,
    },
    /// Adds a backup of everything to a folder, while the server goes on
    #[command(
        after_help = "The first backup copies everything, each later one only what is new: artifacts never change, so\nall generations share them. A generation counts when all of it is on disk; after kill -9 or a full\ndisk the next run goes on. Every file is hashed while it is copied; a damaged one is named and left\nout, and the exit code is 1.\n\nSettings are not in it (they may hold passwords): keep granary.toml and the variables elsewhere.\nPut the folder on another disk. Object stores (s3://) are not supported yet: copy the folder there.\n\nExamples:\n    granary backup /mnt/backup/granary\n    granary backup file:///mnt/backup/granary --keep 30"
    )]
    Backup {
        /// The folder, or its file:// address; made if missing
        #[arg(value_parser = parse_place)]
        dir: PathBuf,
        /// Keeps this many generations and removes older ones, with the files that only those name; default: all
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        keep: Option<u32>,
    },
    /// Restores a backup into an empty data folder
    #[command(
        after_help = "Takes the newest whole generation, hashes every file on its way, and compares the restored catalog\nwith the backup row by row. Cut off in the midst it goes on when it is run again; until it is done\nno server starts on the folder. A backup made on SQLite restores into PostgreSQL (--database) and\nthe other way round.\n\nExamples:\n    granary restore /mnt/backup/granary --data /srv/granary\n    granary restore /mnt/backup/granary --database postgres://granary@db/granary"
    )]
    Restore {
        /// The backup's folder, or its file:// address
        #[arg(value_parser = parse_place)]
        dir: PathBuf,
        /// Another generation than the newest whole one
        #[arg(long, value_name = "N")]
        generation: Option<u64>,
        /// An empty PostgreSQL database instead of SQLite in the data folder; as the setting `database`
        #[arg(long, value_name = "URL")]
        database: Option<String>,
        /// Restores what is whole even if files are missing or damaged in the backup; they are named, the exit code is 1
        #[arg(long)]
        incomplete: bool,
    },
    /// Proves that a backup can be restored: does it in a scratch folder, checks everything, says how long it took
    #[command(
        after_help = "Hashes every file again after restoring, makes the h1: of every go.mod and zip anew, compares them\nwith the rows, and removes what it made. Needs as much free room as the backup has.\nExit code 0: this backup restores.\n\nExample: granary rehearse /mnt/backup/granary --into /var/tmp"
    )]
    Rehearse {
        /// The backup's folder, or its file:// address
        #[arg(value_parser = parse_place)]
        dir: PathBuf,
        /// Another generation than the newest whole one
        #[arg(long, value_name = "N")]
        generation: Option<u64>,
        /// Folder for the scratch folder; default: beside the backup
        #[arg(long, value_name = "DIR")]
        into: Option<PathBuf>,
    },
    /// Writes the evidence of security events to a folder that people without Granary can read
    #[command(
        after_help = "Events, refused files with both hashes, signed heads and records of the checksum database, proofs\nof forks: as JSON and plain files, with a README and SHA256SUMS. User names and passwords in\naddresses are blacked out.\n\nExamples:\n    granary evidence ./evidence\n    granary evidence ./event-17 --event 17"
    )]
    Evidence {
        /// An empty or new folder
        dir: PathBuf,
        /// Only this event and what belongs to its module; default: all
        #[arg(long, value_name = "ID")]
        event: Option<u64>,
    },
    /// Acts, tokens, the record.
    #[command(flatten)]
    Act(ActCommand),
    /// Checks the installation and says what to do about what is wrong
    Doctor,
    /// Shows the configuration
    Config {
        /// What to do with it.
        #[command(subcommand)]
        what: ConfigCommand,
    },
    /// Prints the h1: hash of a module zip, or of a folder as a module's zip
    #[command(
        after_help = "It is the hash that stands in go.sum and in the checksum database.\n\nExamples:\n    granary h1 v1.2.3.zip\n    granary h1 --of example.com/m@v1.2.3 ./m"
    )]
    H1 {
        /// A .zip file, or a folder
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// For a folder: the module and version that its file names carry in the hash, e.g. example.com/m@v1.2.3
        #[arg(long, value_name = "MODULE@VERSION")]
        of: Option<String>,
    },
    /// Makes the module zip of one revision of a repository, without a server and without a Go toolchain
    #[command(
        after_help = "The zip holds the very files that go would put there; its h1: is the one of go.sum and of the checksum database.\n\nExamples:\n    granary build-zip . v1.2.3\n    granary build-zip https://github.com/spf13/cobra v1.8.1\n    granary build-zip . sub/v0.3.0 --module example.com/m/sub -o sub.zip"
    )]
    BuildZip {
        /// A folder that holds a repository, or its URL
        #[arg(value_name = "REPO")]
        repository: String,
        /// A version, tag, branch or commit
        rev: String,
        /// The module, where it is not the one that the go.mod at the root names
        #[arg(long, value_name = "PATH")]
        module: Option<String>,
        /// Where to write the zip; default: <module>@<version>.zip in this folder
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Tests the policies that decide what is admitted, and tries them on what is stored
    Policy {
        /// What to do with them.
        #[command(subcommand)]
        what: PolicyCommand,
    },
    /// Evaluates policies for the process that started it
    #[command(hide = true)]
    EvaluatePolicies,
    /// Prints the `go env -w` line that makes go use this server, and the one that goes back
    Env,
    /// Prints a completion script
    #[command(after_help = "Example, for this shell only: source <(granary completion bash)")]
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

/// What to do with policies.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Runs the tests of a folder of policies and of those that come with Granary; needs no server
    #[command(
        after_help = "A folder that passes is one that a server takes over. What tests print stands below them.\nHow to write policies and their tests: docs/policies.md.\n\nExamples:\n    granary policy test ./policies\n    granary policy test"
    )]
    Test {
        /// The folder; default: only what comes with Granary
        folder: Option<PathBuf>,
    },
    /// Shows what policies would say of everything that is stored, and changes nothing
    #[command(after_help = DRY_RUN_HELP)]
    DryRun {
        /// The folder, as it would be taken over; default: the one in use
        folder: Option<PathBuf>,
        /// The view that versions would enter; default: the first one at whose door policies are asked
        #[arg(long, value_name = "VIEW")]
        view: Option<String>,
    },
}

impl Cli {
    /// The flags that are settings.
    pub fn flags(&self) -> Flags {
        let mut set = self.common.set.clone();
        if let Command::Restore {
            database: Some(database),
            ..
        } = &self.command
        {
            set.push(format!("database={database}"));
        }
        let listen = match &self.command {
            Command::Serve { listen } => listen.clone(),
            _ => None,
        };
        Flags {
            file: self.common.config.clone(),
            data: self.common.data.clone(),
            listen,
            set,
        }
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
