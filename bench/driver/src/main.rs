//! Load generators and local upstreams of the benchmarks. Everything stays on loopback and ends by itself.
//!
//! The scripts beside the scenarios call it; it prints one figure a line as `name value unit`.

mod client;
mod database;
mod herd;
mod pace;
mod pull;
mod synthetic;
mod tree;
mod upstream;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "bench-driver",
    about = "Load generators and local upstreams of the benchmarks"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Writes a checksum database over a GOPROXY tree as static files below TREE/sumdb, and prints its key
    MakeDatabase {
        /// The tree
        tree: PathBuf,
    },
    /// Lists the versions of a GOPROXY tree that have all three files, one escaped `path/@v/version` a line
    List {
        /// The tree
        tree: PathBuf,
    },
    /// Writes made-up modules into a GOPROXY tree: many small versions, or one whose zip has a given size
    MakeModules {
        /// The tree
        tree: PathBuf,
        /// Small versions, twenty a module
        #[arg(long, default_value_t = 0)]
        small: usize,
        /// MiB of the zip of example.com/big@v1.0.0
        #[arg(long, default_value_t = 0)]
        big_mib: usize,
        /// Versions of that size: v1.0.0, v1.1.0, …
        #[arg(long, default_value_t = 1)]
        big_count: usize,
        /// Path before /m0, /m1, … of the small ones
        #[arg(long, default_value = "example.com/small")]
        module: String,
    },
    /// Asks for one path as few normal clients do; prints the median and 99th percentile in ms, and how many answers
    Pace {
        /// Address of the server
        address: SocketAddr,
        /// The path
        path: String,
        /// Clients
        #[arg(long, default_value_t = 4)]
        clients: usize,
        /// Pause of each client between two requests
        #[arg(long, default_value_t = 4)]
        pause_ms: u64,
        /// How long
        #[arg(long, default_value_t = 10)]
        seconds: u64,
    },
    /// Serves a folder with a delay before every answer
    Upstream {
        /// The folder
        tree: PathBuf,
        /// Where to listen, on loopback
        #[arg(long)]
        listen: SocketAddr,
        /// Time before every answer, in milliseconds
        #[arg(long, default_value_t = 0)]
        delay_ms: u64,
        /// Ends after this many seconds
        #[arg(long, default_value_t = 600)]
        seconds: u64,
    },
    /// Pulls .info, .mod and .zip of every version named on standard input
    Pull {
        /// The proxy, host:port
        proxy: SocketAddr,
        /// Clients at once
        #[arg(long, default_value_t = 16)]
        clients: usize,
    },
    /// Asks for one version with many clients at once, a third each for .info, .mod and .zip
    Herd {
        /// The proxy, host:port
        proxy: SocketAddr,
        /// Escaped `path/@v/version`
        version: String,
        /// Clients at once
        #[arg(long, default_value_t = 64)]
        clients: usize,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    match Cli::parse().command {
        Command::MakeDatabase { tree } => database::make(&tree),
        Command::List { tree } => tree::print_list(&tree),
        Command::MakeModules {
            tree,
            small,
            big_mib,
            big_count,
            module,
        } => synthetic::make(
            &tree,
            &synthetic::Wanted {
                small,
                module,
                big_mib,
                big_count,
            },
        ),
        Command::Upstream {
            tree,
            listen,
            delay_ms,
            seconds,
        } => {
            let serving = upstream::serve(tree, listen, Duration::from_millis(delay_ms));
            tokio::time::timeout(Duration::from_secs(seconds), serving)
                .await
                .unwrap_or(Ok(()))
        }
        Command::Pace {
            address,
            path,
            clients,
            pause_ms,
            seconds,
        } => pace::run(
            address,
            &path,
            clients,
            Duration::from_millis(pause_ms),
            Duration::from_secs(seconds),
        ),
        Command::Pull { proxy, clients } => pull::run(proxy, clients).await,
        Command::Herd {
            proxy,
            version,
            clients,
        } => herd::run(proxy, version, clients).await,
    }
}
