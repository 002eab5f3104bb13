//! The signals that ask a process to end.

use std::future::Future;

use anyhow::Result;

/// Completes on SIGTERM or Ctrl-C with its name. The handlers are in place when this returns, so that no early signal is
/// missed.
pub fn ending_signal() -> Result<impl Future<Output = &'static str> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "interrupted",
        }
    })
}
