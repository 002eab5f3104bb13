//! Many clients, one version that is not there yet.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Instant;

use anyhow::Result;

use crate::client::Client;

/// Asks with all clients at once and prints when the first and the last one had its answer.
pub async fn run(proxy: SocketAddr, version: String, clients: usize) -> Result<()> {
    let mut connected = Vec::new();
    for _ in 0..clients {
        connected.push(Client::connect(proxy).await?);
    }
    let start = Instant::now();
    let asked: Vec<_> = connected
        .into_iter()
        .zip(["info", "mod", "zip"].into_iter().cycle())
        .map(|(mut client, ending)| {
            let path = format!("{version}.{ending}");
            tokio::spawn(async move { client.get(&path).await.map(|_| start.elapsed()) })
        })
        .collect();
    let mut times = Vec::new();
    for one in asked {
        times.push(one.await??);
    }
    times.sort();
    let ms = |at: usize| {
        times
            .get(at)
            .map_or(0.0, |time| time.as_secs_f64() * 1000.0)
    };
    writeln!(
        std::io::stdout(),
        "first {:.1} ms\nlast {:.1} ms",
        ms(0),
        ms(times.len() - 1)
    )?;
    Ok(())
}
