//! Commands on the data folder: over the socket when a server holds the folder, else on the folder itself.

use anyhow::{Result, anyhow, bail};
use tokio::sync::mpsc;
use web::identity::Principal;

use crate::config::Config;
use crate::elsewhere;
use crate::line::{LINES_IN_FLIGHT, Show};
use crate::lock::{FolderLock, Taken};
use crate::logging;
use crate::operations::{Operation, run as run_operation};
use crate::parts::Parts;
use crate::server_socket;

/// Runs one operation and shows its lines.
pub fn run(config: Config, operation: Operation, json: bool) -> Result<bool> {
    // A command speaks through its lines; its log only speaks up when something is wrong.
    let level = if config.log_level == "info" {
        "error"
    } else {
        config.log_level.as_str()
    };
    logging::start(level, &config.log_format)?;
    // What is about what is there must not make a folder out of a mistyped name and then call it well.
    let makes = matches!(operation, Operation::Get { .. } | Operation::Import { .. });
    let lacks = |name: &str| !config.data.join(name).exists();
    let has_no_catalog = !makes && config.database.is_none() && lacks("catalog.db");
    let no_granary = format!(
        "there is no Granary in {}: name its data folder with --data or GRANARY_DATA",
        config.data.display()
    );
    if has_no_catalog && lacks("granary.lock") {
        bail!(no_granary);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let mut show = Show::new(json);
    match FolderLock::take(&config.data, "a command")? {
        Taken::Theirs(_) => {
            let operation = serde_json::to_vec(&operation)?;
            runtime.block_on(server_socket::run(&config.socket(), operation, |line| {
                show.line(line)
            }))?;
        }
        // A server whose file was taken away still knows what was in it; nobody else does.
        Taken::Ours(_) if has_no_catalog => {
            elsewhere::check(&config)?;
            bail!(no_granary)
        }
        Taken::Ours(_lock) => runtime.block_on(async {
            // Without a server only what was asked for is done: zips that follow behind are for the next server, and
            // only `get` and acts are made of jobs.
            let parts = Parts::open(&Config {
                zips_all: false,
                ..config
            })
            .await?;
            if matches!(operation, Operation::Get { .. } | Operation::Act { .. }) {
                parts.start().await;
            }
            let (send, mut receive) = mpsc::channel(LINES_IN_FLIGHT);
            let by = Principal::of_user(rustix::process::getuid().as_raw());
            let work = async {
                run_operation(&parts, &by, operation, send).await;
                parts.close().await;
            };
            let showing = async {
                while let Some(line) = receive.recv().await {
                    show.line(&line);
                }
            };
            futures_util::join!(work, showing);
            anyhow::Ok(())
        })?,
    }
    show.well.ok_or_else(|| {
        anyhow!("the server went away before it was done; what it did is kept, ask again")
    })
}
