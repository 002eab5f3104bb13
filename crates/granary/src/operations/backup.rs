//! `granary backup`: a generation more, while whoever serves goes on serving.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use tracing::{error, info};

use crate::backup::take::{Source, take};
use crate::line::{Line, Lines};
use crate::parts::{LAST_BACKUP, Parts};

/// Backs up catalog and store to `dir`.
pub async fn run(parts: &Parts, dir: &Path, keep: Option<u32>, lines: &Lines) -> Result<Line> {
    let source = Source {
        catalog: &parts.catalog,
        store: &parts.store,
        instance: &parts.instance_id,
    };
    let taken = match take(&source, dir, keep, lines).await {
        Ok(taken) => taken,
        Err(cause) => {
            parts.backups.failed.fetch_add(1, Ordering::Relaxed);
            error!(dir = %dir.display(), error = format!("{cause:#}"), "a backup failed; earlier generations are as they were. Mend what is named and run it again: it goes on where it stopped");
            return Err(cause);
        }
    };
    let is_whole = taken.manifest.is_complete();
    let well = is_whole && taken.not_forgotten.is_none();
    let text = taken.sentence(dir);
    if is_whole {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let seconds = now.map_or(0, |now| now.as_secs());
        parts.backups.last_seconds.store(seconds, Ordering::Relaxed);
        // For the next start's metric only: the backup stands without it.
        let at = seconds.to_string();
        parts.catalog.set_setting(LAST_BACKUP, &at).await.ok();
    } else {
        error!(dir = %dir.display(), "a backup had to leave out what the catalog or the store has damaged or not at all: {text}");
    }
    if !well {
        parts.backups.failed.fetch_add(1, Ordering::Relaxed);
    }
    if well {
        info!(dir = %dir.display(), "backup: {text}");
    } else if is_whole {
        error!(dir = %dir.display(), "a backup is whole, but old generations could not be forgotten: {text}");
    }
    Ok(Line::Done {
        well,
        text,
        data: taken.data(),
    })
}
