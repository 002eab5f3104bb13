//! Pulls versions as a go client does: `.info`, `.mod`, `.zip`, several clients at once.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Result, bail};

use crate::client::Client;

/// Pulls every version named on standard input and prints time, files and bytes.
pub async fn run(proxy: SocketAddr, clients: usize) -> Result<()> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let versions: Arc<Vec<String>> = Arc::new(text.lines().map(str::to_owned).collect());
    if versions.is_empty() {
        bail!("no versions on standard input");
    }
    let next = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let workers: Vec<_> = (0..clients)
        .map(|_| tokio::spawn(pull_some(proxy, versions.clone(), next.clone())))
        .collect();
    let mut bytes = 0;
    for worker in workers {
        bytes += worker.await??;
    }
    let seconds = start.elapsed().as_secs_f64();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "seconds {seconds:.3} s\nversions {} 1\nbytes {bytes} B",
        versions.len()
    )?;
    Ok(())
}

async fn pull_some(
    proxy: SocketAddr,
    versions: Arc<Vec<String>>,
    next: Arc<AtomicUsize>,
) -> Result<u64> {
    let mut client = Client::connect(proxy).await?;
    let mut bytes = 0;
    while let Some(version) = versions.get(next.fetch_add(1, Ordering::Relaxed)) {
        for ending in ["info", "mod", "zip"] {
            bytes += client.get(&format!("{version}.{ending}")).await?;
        }
    }
    Ok(bytes)
}
