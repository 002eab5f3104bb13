//! The tasks of the clock: jobs whose time has come, the lease of this process, rows that nobody works on, old dead rows.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use crate::engine::{Engine, now};
use crate::table::TableError;

/// Rows taken at once.
const CLAIM_MAX: u32 = 1_000;

/// How often old dead rows are pruned.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);

/// Wakes jobs when they are due, until the engine stops.
pub(crate) async fn run_timer(engine: Arc<Engine>) {
    let wake_for_ever = async {
        loop {
            let next = engine.board().next_wake();
            let sleep = async {
                match next {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = sleep => {}
                () = engine.earlier.notified() => {}
            }
            engine.decide(|board, now| ((), board.wake(now)));
        }
    };
    tokio::select! {
        () = wake_for_ever => {}
        () = engine.stopped() => {}
    }
}

/// Renews, claims and prunes, until the engine stops. `claimed` says whether the first claim has already succeeded.
pub(crate) async fn run_sweeper(engine: Arc<Engine>, claimed: bool) {
    tokio::select! {
        () = sweep_for_ever(&engine, claimed) => {}
        () = engine.stopped() => {}
    }
}

async fn sweep_for_ever(engine: &Arc<Engine>, mut claimed: bool) {
    let mut prune_at = Instant::now();
    loop {
        if Instant::now() >= prune_at {
            prune_at = Instant::now() + PRUNE_EVERY;
            prune(engine).await;
        }
        tokio::time::sleep(engine.settings.lease / 3).await;
        if engine.draining.load(Ordering::Relaxed) {
            return;
        }
        // Rows that are not shared turn up once, at the start.
        if engine.table.is_shared() || !claimed {
            let swept = sweep(engine).await;
            claimed |= swept.is_ok();
            // Good news, too: a table that is back while nothing is due would stay a sick one for ever.
            engine.note_health(swept.as_ref().map(|_| ()));
        }
    }
}

/// Renews the lease and takes every row that nobody works on; gives how many.
pub(crate) async fn sweep(engine: &Arc<Engine>) -> Result<usize, TableError> {
    within(
        engine,
        "renew the lease",
        engine.table.renew(engine.settings.lease),
    )
    .await?;
    let mut taken = 0;
    let mut after = None;
    loop {
        let claim = engine.table.claim(after.as_ref(), CLAIM_MAX);
        let rows = within(engine, "claim unfinished rows", claim).await?;
        let Some(last) = rows.last() else {
            return Ok(taken);
        };
        taken += rows.len();
        after = Some(last.id.clone());
        engine.decide(|board, now| ((), board.adopt(rows, now)));
    }
}

/// A database that hangs is one that is down.
async fn within<T>(
    engine: &Engine,
    doing: &'static str,
    act: impl Future<Output = Result<T, TableError>>,
) -> Result<T, TableError> {
    match tokio::time::timeout(engine.settings.write_budget, act).await {
        Ok(result) => result,
        Err(elapsed) => Err(TableError::new(doing, elapsed)),
    }
}

async fn prune(engine: &Engine) {
    let age_ms = i64::try_from(engine.settings.dead_kept_for.as_millis()).unwrap_or(i64::MAX);
    let since_ms = now().unix_ms.saturating_sub(age_ms);
    let prune = engine.table.prune_dead(since_ms, engine.settings.dead_max);
    match within(engine, "prune dead rows", prune).await {
        Ok(0) => {}
        Ok(rows) => tracing::info!(rows, "old dead jobs deleted"),
        // It comes round again in an hour; a table that is down is noticed by those who write.
        Err(error) => tracing::debug!(
            error = &error as &dyn std::error::Error,
            "old dead jobs stay for now"
        ),
    }
}
