//! `granary restore` and `granary rehearse`: out of a backup, on this machine, without a server.

use std::fs::File;
use std::future::Future;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::json;
use tokio::sync::mpsc;

use super::scratch::{Scratch, sweep};
use super::signals::ending_signal;
use crate::backup::check::check;
use crate::backup::folder::BackupFolder;
use crate::backup::generations::{Generation, choose};
use crate::backup::restore::{Gaps, Target, check_store_is_empty, restore};
use crate::config::Config;
use crate::elsewhere;
use crate::line::{LINES_IN_FLIGHT, Line, Lines, Show, finding};
use crate::lock::{FolderLock, Taken, UNFINISHED};
use crate::logging;

/// Names that the folder to restore into may hold: what belongs to its operator, to its file system, or to the lock.
const ALLOWED: [&str; 4] = ["granary.toml", "policies", "lost+found", "granary.lock"];

/// What is asked of `granary restore`.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// The backup's folder.
    pub from: &'a Path,
    /// Which generation; none for the newest whole one.
    pub generation: Option<u64>,
    /// Whether a damaged backup is better than none.
    pub incomplete: bool,
}

/// Restores into the data folder of the configuration.
pub fn run(config: &Config, ask: Ask<'_>, json: bool) -> Result<bool> {
    logging::start("error", &config.log_format)?;
    let generation = choose(&BackupFolder::find(ask.from)?, ask.generation)?;
    let _lock = match FolderLock::take_unfinished(&config.data, "granary restore")? {
        Taken::Ours(lock) => lock,
        Taken::Theirs(holder) => bail!(
            "the data folder {} is in use by {holder}: stop it, or name an empty folder with --data",
            config.data.display()
        ),
    };
    let mark = config.data.join(UNFINISHED);
    let is_begun = mark.exists();
    if !is_begun {
        check_folder_is_empty(&config.data)?;
        check_store_is_empty(&config.store_folder())?;
    }
    write_mark(&mark, ask.from)?;
    let target = Target {
        catalog_url: config.catalog_url(),
        store: config.store_folder(),
        is_begun,
    };
    let gaps = if ask.incomplete {
        Gaps::Accept
    } else {
        Gaps::Refuse
    };
    show(json, async |lines| {
        let begun = Instant::now();
        let tally = restore(&generation, &target, gaps, &lines).await?;
        let with = elsewhere::note(config)?.map_or_else(String::new, |settings| {
            format!(" with the same `{settings}` as this command")
        });
        std::fs::remove_file(&mark)?;
        File::open(&config.data)?.sync_all()?;
        let manifest = &generation.manifest;
        let versions = manifest.rows.get("versions").copied().unwrap_or_default();
        let mut text = format!(
            "generation {} of {}: {versions} versions up to landing {}, {} files of {} bytes restored and verified in {:.1} s; start it with: granary serve --data {}{with}",
            manifest.generation,
            manifest.made_at,
            manifest.seq,
            tally.blobs,
            tally.size_bytes,
            begun.elapsed().as_secs_f64(),
            config.data.display()
        );
        let rows = manifest.rows_left_out.len();
        let well = tally.left_out.is_empty() && rows == 0;
        if !well {
            text += &format!(
                "; {} files and {rows} rows are missing and are named above",
                tally.left_out.len()
            );
        }
        Ok(Line::Done {
            well,
            text,
            data: json!({
                "generation": manifest.generation, "seq": manifest.seq, "versions": versions, "blobs": tally.blobs,
                "bytes": tally.size_bytes, "left_out": tally.left_out.len(), "seconds": begun.elapsed().as_secs_f64(),
            }),
        })
    })
}

/// Restores into a folder that is removed afterwards, and checks everything there.
pub fn rehearse(from: &Path, number: Option<u64>, into: Option<&Path>, json: bool) -> Result<bool> {
    logging::start("error", "auto")?;
    let folder = BackupFolder::find(from)?;
    let generation = choose(&folder, number)?;
    let absolute = std::path::absolute(from)?;
    let beside = into.or(absolute.parent()).unwrap_or(Path::new("."));
    let mut scratch = None;
    let well = show(json, async |lines| {
        let ending = ending_signal()?;
        for (path, what) in sweep(beside) {
            finding(&lines, "left over", &path.display(), &what).await;
        }
        let path = scratch.insert(Scratch::make(beside)?).path();
        let target = Target {
            catalog_url: format!("sqlite:{}", path.join("catalog.db").display()),
            store: path.join("store"),
            is_begun: false,
        };
        tokio::select! {
            done = rehearsal(&generation, &target, &lines) => done,
            signal = ending => bail!("{signal}: the rehearsal was not done to its end, and nothing of it is left"),
        }
    });
    // Here no thread of it is at work any more.
    scratch.map_or(Ok(()), Scratch::remove)?;
    well
}

async fn rehearsal(generation: &Generation, target: &Target, lines: &Lines) -> Result<Line> {
    let begun = Instant::now();
    let tally = restore(generation, target, Gaps::Accept, lines).await?;
    let restored = begun.elapsed().as_secs_f64();
    let checked = check(generation, target, &tally.left_out, lines).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let manifest = &generation.manifest;
    let versions = manifest.rows.get("versions").copied().unwrap_or_default();
    let rate = tally.size_bytes as f64 / restored.max(0.001) / f64::from(1 << 20);
    let rows = manifest.rows_left_out.len();
    let well = tally.left_out.is_empty() && rows == 0 && checked.wrong == 0;
    let verdict = if well {
        "everything is there and right"
    } else {
        "NOT whole, see above"
    };
    Ok(Line::Done {
        well,
        text: format!(
            "generation {} of {}: {versions} versions up to landing {}, {} files of {} bytes restored in {restored:.1} s ({rate:.1} MiB/s), {} hashed again with {} h1: in {:.1} s; {verdict}",
            manifest.generation,
            manifest.made_at,
            manifest.seq,
            tally.blobs,
            tally.size_bytes,
            checked.files,
            checked.h1s,
            seconds - restored
        ),
        data: json!({
            "generation": manifest.generation, "seq": manifest.seq, "versions": versions, "members": checked.members,
            "blobs": tally.blobs, "bytes": tally.size_bytes, "files_checked": checked.files, "h1s": checked.h1s,
            "missing": tally.left_out.len(), "rows_missing": rows, "wrong": checked.wrong, "restore_seconds": restored, "seconds": seconds,
        }),
    })
}

/// Runs work that speaks in lines, on a runtime of its own, and shows what it says.
fn show<F: Future<Output = Result<Line>>>(
    json: bool,
    work: impl FnOnce(Lines) -> F,
) -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let mut show = Show::new(json);
    let (send, mut receive) = mpsc::channel(LINES_IN_FLIGHT);
    let done = runtime.block_on(async {
        let showing = async {
            while let Some(line) = receive.recv().await {
                show.line(&line);
            }
        };
        futures_util::join!(work(send), showing).0
    })?;
    show.line(&done);
    show.well
        .ok_or_else(|| anyhow!("it ended without an outcome"))
}

fn check_folder_is_empty(data: &Path) -> Result<()> {
    for entry in std::fs::read_dir(data)? {
        let name = entry?.file_name();
        if !ALLOWED.iter().any(|allowed| name == *allowed) {
            bail!(
                "{} is not empty, it holds {name:?}: a restore fills an empty folder; name one with --data",
                data.display()
            );
        }
    }
    Ok(())
}

/// From here on the folder is a restore that was not finished: nothing serves it before it is.
fn write_mark(mark: &Path, from: &Path) -> Result<()> {
    let write = || -> std::io::Result<()> {
        std::fs::write(mark, format!("{}\n", from.display()))?;
        File::open(mark)?.sync_all()?;
        File::open(mark.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    write().with_context(|| format!("cannot write {}", mark.display()))
}
