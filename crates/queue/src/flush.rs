//! The task that writes what is due: gathers for some milliseconds, writes one batch, goes on trying while the table is down.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::changes::Taken;
use crate::engine::Engine;
use crate::job::JobId;
use crate::table::{Batch, TableError};

/// Rows per statement: some milliseconds of work, so that an acknowledgement behind it does not wait long.
const ROWS_MAX: usize = 1_000;

/// Payload bytes per statement; the text built from them is about twice that.
const PAYLOAD_BYTES_MAX: usize = 4 * 1024 * 1024;

/// First and longest pause after a write that failed.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Runs until the engine stops.
pub(crate) async fn run(engine: Arc<Engine>) {
    tokio::select! {
        () = write_for_ever(&engine) => {}
        () = engine.stopped() => {}
    }
}

async fn write_for_ever(engine: &Arc<Engine>) {
    let mut pause = BACK_OFF.0;
    loop {
        engine.due.notified().await;
        if !engine.board().changes.is_urgent() {
            tokio::select! {
                () = tokio::time::sleep(engine.settings.flush_every) => {}
                () = engine.urgent.notified() => {}
            }
        }
        match write_due(engine).await {
            Ok(()) => pause = BACK_OFF.0,
            Err(_) => {
                // Somebody who waits for an acknowledgement is told after a short pause, not after a long one.
                tokio::time::sleep(BACK_OFF.0).await;
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = engine.urgent.notified() => {}
                }
                pause = (pause * 2).min(BACK_OFF.1);
                engine.due.notify_one();
            }
        }
    }
}

/// Writes everything that is due now; what fails is due again.
async fn write_due(engine: &Arc<Engine>) -> Result<(), TableError> {
    let Taken {
        batch,
        acknowledges,
    } = engine.board().changes.take();
    let mut parts = split(batch);
    let mut result = Ok(());
    while let Some(part) = parts.pop_front() {
        match write(engine, &part).await {
            Ok(elsewhere) => settle(engine, &part, &elsewhere),
            Err(error) => {
                parts.push_front(part);
                parts.drain(..).for_each(|part| put_back(engine, part));
                result = Err(error);
            }
        }
    }
    engine.note_health(result.as_ref().copied());
    for acknowledge in acknowledges {
        // Who asked may have gone away.
        let _ = acknowledge.send(result.as_ref().copied().map_err(chain));
    }
    result
}

async fn write(engine: &Engine, part: &Batch) -> Result<Vec<JobId>, TableError> {
    match tokio::time::timeout(engine.settings.write_budget, engine.table.apply(part)).await {
        Ok(result) => result,
        Err(elapsed) => Err(TableError::new("write rows", elapsed)),
    }
}

fn settle(engine: &Arc<Engine>, part: &Batch, elsewhere: &[JobId]) {
    engine.decide(|board, now| {
        board.park(elsewhere, now);
        for dead in part.saves.iter().filter(|row| row.died_at_ms.is_some()) {
            board.changes.forget(&dead.id);
        }
        ((), board.claimed(part.saves.iter().map(|row| &row.id)))
    });
}

fn put_back(engine: &Arc<Engine>, part: Batch) {
    let ids: Vec<JobId> = part.saves.iter().map(|row| row.id.clone()).collect();
    engine.decide(|board, _| {
        board.changes.put_back(part);
        // What waited for its row runs without: a table that is down stops no work.
        ((), board.claimed(ids.iter()))
    });
}

/// Splits a batch into parts of bounded size; the deletes go with the first ones.
fn split(batch: Batch) -> VecDeque<Batch> {
    let mut parts: VecDeque<Batch> = VecDeque::new();
    let acknowledged = batch.acknowledged;
    let part = || Batch {
        acknowledged,
        ..Batch::default()
    };
    for ids in batch.deletes.chunks(ROWS_MAX) {
        parts.push_back(Batch {
            deletes: ids.to_vec(),
            ..part()
        });
    }
    let mut size_bytes = 0;
    for row in batch.saves {
        let fits = |part: &Batch| {
            part.saves.len() < ROWS_MAX && size_bytes + row.payload.len() <= PAYLOAD_BYTES_MAX
        };
        if parts.back().is_none_or(|part| !fits(part)) {
            parts.push_back(part());
            size_bytes = 0;
        }
        size_bytes += row.payload.len();
        if let Some(part) = parts.back_mut() {
            part.saves.push(row);
        }
    }
    parts
}

fn chain(error: &TableError) -> String {
    let source = std::error::Error::source(error);
    source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Priority;
    use crate::table::Row;

    fn row(number: usize, payload_bytes: usize) -> Row {
        Row {
            id: format!("{number}").into(),
            kind: "k".to_owned(),
            payload: vec![0; payload_bytes].into(),
            priority: Priority::Client,
            acknowledged: false,
            attempts: 0,
            run_at_ms: 0,
            died_at_ms: None,
            message: String::new(),
        }
    }

    #[track_caller]
    fn check_split(rows: usize, payload_bytes: usize, deletes: usize, want: &[(usize, usize)]) {
        let saves = (0..rows).map(|number| row(number, payload_bytes)).collect();
        let deletes = (0..deletes)
            .map(|number| format!("d{number}").into())
            .collect();
        let parts = split(Batch {
            saves,
            deletes,
            acknowledged: true,
        });
        assert!(parts.iter().all(|part| part.acknowledged));
        let sizes: Vec<_> = parts
            .iter()
            .map(|part| (part.saves.len(), part.deletes.len()))
            .collect();
        assert_eq!(sizes, want);
    }

    #[test]
    fn batches_are_split_by_rows_and_by_bytes() {
        check_split(0, 0, 0, &[]);
        check_split(1, 10, 1, &[(1, 1)]);
        check_split(ROWS_MAX, 0, 0, &[(ROWS_MAX, 0)]);
        check_split(ROWS_MAX + 1, 0, 0, &[(ROWS_MAX, 0), (1, 0)]);
        check_split(5, 1024 * 1024, 0, &[(4, 0), (1, 0)]);
        check_split(2, 0, ROWS_MAX + 1, &[(0, ROWS_MAX), (2, 1)]);
    }
}
