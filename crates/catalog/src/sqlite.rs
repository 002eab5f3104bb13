//! SQLite: one writer that commits in groups, a few readers.
//!
//! With `synchronous=FULL` each commit waits for the disk. Writes that arrive while one commit runs share the next
//! one, so a hundred writers cost one sync and not a hundred.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::command::{Command, Pending, Write};
use crate::error::CatalogError;
use crate::journal;
use crate::link::{Link, Row, Session, Sql, Value};
use crate::migrations;
use crate::place::Place;

/// Readers: more than there are cores on a small machine, because one may be at a long listing.
const READERS: usize = 3;

/// Writes waiting for the writer before callers are held back.
const WAITING_MAX: usize = 1024;

/// Writes in one transaction: bounds how long the first one waits for the last.
const GROUP_MAX: usize = 256;

/// How long SQLite itself waits for a lock, of a backup tool for example.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Tables of the catalog or of another program. Uses the schema table, which is small.
const IS_FOREIGN: &str = "
    select count(*) as tables,
           coalesce(sum(name = 'catalog_migrations'), 0) as ours
      from sqlite_schema
     where type = 'table'
     limit 1";

pub(crate) struct SqliteEngine {
    /// Number of the newest migration in the file.
    pub(crate) schema: i64,
    options: Box<SqliteConnectOptions>,
    commands: mpsc::Sender<Box<dyn Command>>,
    idle: Mutex<Vec<SqliteConnection>>,
    permits: Semaphore,
    writer: Mutex<Option<tokio::task::JoinHandle<()>>>,
    closing: Mutex<Option<oneshot::Sender<()>>>,
}

impl SqliteEngine {
    pub(crate) async fn open(path: &Path, schema: i64) -> Result<Self, CatalogError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .busy_timeout(BUSY_TIMEOUT)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // Otherwise what does not fit a statement's memory goes to a folder of the system, outside our own.
            .pragma("temp_store", "memory")
            .disable_statement_logging();
        check_writable(path)?;
        let mut writer = options.connect().await?;
        check_ours(&mut writer, path).await?;
        if let Err(error) = journal::make_sure(&mut writer, path).await {
            // Closed, it would fold in the journal that could not be made sure of.
            std::mem::forget(writer);
            return Err(error);
        }
        let migrator = migrations::of_sqlite();
        migrator
            .run_direct(Some(schema), &mut writer, false)
            .await?;
        let newest = migrator.iter().map(|migration| migration.version).max();
        let mut idle = Vec::with_capacity(READERS);
        for _ in 0..READERS {
            // The same options, so that all agree about the journal; a reader that tries to write is a bug.
            idle.push(options.clone().pragma("query_only", "on").connect().await?);
        }
        sync_folder(path)?;
        let (commands, waiting) = mpsc::channel(WAITING_MAX);
        let (closing, closed) = oneshot::channel();
        // A file that is gone is not to be made anew: it would be an empty catalog.
        let options = options.create_if_missing(false);
        let place = Place::note(path);
        let writer = Writer {
            connection: writer,
            options: options.clone(),
            place,
        };
        let writer = tokio::spawn(write_until_closed(writer, waiting, closed));
        Ok(Self {
            schema: newest.unwrap_or_default().min(schema),
            options: Box::new(options),
            commands,
            idle: Mutex::new(idle),
            permits: Semaphore::new(READERS),
            writer: Mutex::new(Some(writer)),
            closing: Mutex::new(Some(closing)),
        })
    }

    /// Begins a transaction on a connection of its own, so that neither the writer nor a reader is held for it.
    pub(crate) async fn begin_apart(&self, begin: &'static str) -> Result<Session, CatalogError> {
        let mut connection = self.options.connect().await?;
        Link::Sqlite(&mut connection).run(begin, Vec::new()).await?;
        Ok(Session::Sqlite(connection))
    }

    /// Runs one selecting statement on a free reader.
    pub(crate) async fn read(&self, sql: Sql, args: Vec<Value>) -> Result<Vec<Row>, CatalogError> {
        let _permit = self.permits.acquire().await.map_err(|_| closed())?;
        let mut lent = Lent {
            idle: &self.idle,
            connection: lock(&self.idle).pop(),
        };
        let connection = lent.connection.as_mut().ok_or_else(closed)?;
        Link::Sqlite(connection).rows(sql, args).await
    }

    /// Hands a write to the writer and waits for its commit. A caller that goes away does not stop the write.
    pub(crate) async fn write<W: Write>(&self, write: W) -> Result<W::Answer, CatalogError> {
        let (command, answer) = Pending::new(write);
        self.commands.send(command).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Lets the writer finish what waits, then closes all connections; the last one folds the journal into the file.
    pub(crate) async fn close(&self) {
        self.permits.close();
        if let Some(closing) = lock(&self.closing).take() {
            let _ = closing.send(());
        }
        let readers = std::mem::take(&mut *lock(&self.idle));
        for reader in readers {
            if let Err(error) = reader.close().await {
                tracing::warn!(%error, "a reader of the catalog did not close well");
            }
        }
        let writer = lock(&self.writer).take();
        if let Some(writer) = writer
            && let Err(error) = writer.await
        {
            tracing::warn!(%error, "the writer of the catalog did not end well");
        }
    }
}

/// A reader that goes back when the call is over, also when its caller was cancelled.
struct Lent<'e> {
    idle: &'e Mutex<Vec<SqliteConnection>>,
    connection: Option<SqliteConnection>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        lock(self.idle).extend(self.connection.take());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing panics while one of these is held, and if it did the value would still be whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn closed() -> CatalogError {
    CatalogError::unavailable("the catalog is closed")
}

/// Asks the file system before SQLite does: of a read-only or full disk SQLite only tells that the file cannot be
/// opened, because its journal and index want to be files beside it.
fn check_writable(path: &Path) -> Result<(), CatalogError> {
    let mut name = path.as_os_str().to_owned();
    name.push("-probe");
    match std::fs::File::create(&name).and_then(|_| std::fs::remove_file(&name)) {
        // A folder that is not there, or is none: SQLite's words are good enough.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        outcome => outcome.map_err(CatalogError::from_io),
    }
}

/// Makes the names of the database and of its journal durable, once both are open. SQLite does that too but ignores a
/// failure, and a journal whose name is lost takes every commit in it along. The folder is changed before, so that the
/// sync has something to write even where an earlier one failed.
fn sync_folder(path: &Path) -> Result<(), CatalogError> {
    check_writable(path)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(CatalogError::from_io)
}

/// Refuses a database that holds tables but not ours, before anything is written to it.
async fn check_ours(writer: &mut SqliteConnection, path: &Path) -> Result<(), CatalogError> {
    let rows = Link::Sqlite(writer).rows(IS_FOREIGN, Vec::new()).await?;
    for row in rows {
        if row.count("tables")? > 0 && row.count("ours")? == 0 {
            return Err(CatalogError::Foreign {
                place: path.display().to_string(),
            });
        }
    }
    Ok(())
}

/// The one connection that writes, and what it takes to replace it.
struct Writer {
    connection: SqliteConnection,
    options: SqliteConnectOptions,
    place: Place,
}

async fn write_until_closed(
    mut writer: Writer,
    mut waiting: mpsc::Receiver<Box<dyn Command>>,
    mut closed: oneshot::Receiver<()>,
) {
    let mut group = Vec::with_capacity(GROUP_MAX);
    loop {
        tokio::select! {
            biased;
            count = waiting.recv_many(&mut group, GROUP_MAX) => {
                if count == 0 {
                    break;
                }
                commit_group(&mut writer, &mut group).await;
            }
            // Also when the engine was dropped without closing it.
            _ = &mut closed => waiting.close(),
        }
        if waiting.is_closed() && waiting.is_empty() {
            break;
        }
    }
    if let Err(error) = writer.connection.close().await {
        tracing::warn!(%error, "the writer of the catalog did not close well");
    }
}

/// Commits a group at once. Only if one of its commands failed for a reason of its own is the group done again with a
/// savepoint around each: savepoints cost two round trips, and failures are rare.
///
/// Nothing is written to files that were taken away, and nothing counts as written that went to such.
async fn commit_group(writer: &mut Writer, group: &mut Vec<Box<dyn Command>>) {
    let settle = |group: &mut Vec<Box<dyn Command>>, outcome: &Result<(), CatalogError>| {
        group
            .drain(..)
            .for_each(|command| command.settle(outcome.clone()));
    };
    let here = writer.place.check();
    if here.is_err() {
        return settle(group, &here);
    }
    let first = commit_together(&mut writer.connection, group).await;
    let Err(error) = &first else {
        return settle(group, &writer.place.check());
    };
    roll_back(writer).await;
    if group.len() == 1 || !error.is_local() {
        return settle(group, &first);
    }
    let mut outcomes = Vec::with_capacity(group.len());
    let apart = commit_apart(&mut writer.connection, group, &mut outcomes).await;
    if apart.is_err() {
        roll_back(writer).await;
        return settle(group, &apart);
    }
    group
        .drain(..)
        .zip(outcomes)
        .for_each(|(command, outcome)| command.settle(outcome));
}

async fn commit_together(
    writer: &mut SqliteConnection,
    group: &mut [Box<dyn Command>],
) -> Result<(), CatalogError> {
    let mut link = Link::Sqlite(writer);
    link.run("begin immediate", Vec::new()).await?;
    for command in group {
        command.apply(&mut link).await?;
    }
    link.run("commit", Vec::new()).await
}

async fn commit_apart(
    writer: &mut SqliteConnection,
    group: &mut [Box<dyn Command>],
    outcomes: &mut Vec<Result<(), CatalogError>>,
) -> Result<(), CatalogError> {
    let mut link = Link::Sqlite(writer);
    link.run("begin immediate", Vec::new()).await?;
    for command in group {
        link.run("savepoint one", Vec::new()).await?;
        let outcome = command.apply(&mut link).await;
        if outcome.is_err() {
            link.run("rollback to savepoint one", Vec::new()).await?;
        }
        link.run("release savepoint one", Vec::new()).await?;
        outcomes.push(outcome);
    }
    link.run("commit", Vec::new()).await
}

/// Ends a failed transaction. SQLite has often ended it already (full disk, I/O error), and says so; if the connection
/// cannot begin a new one afterwards, it is replaced.
async fn roll_back(writer: &mut Writer) {
    let mut link = Link::Sqlite(&mut writer.connection);
    let _ = link.run("rollback", Vec::new()).await;
    if link.run("begin", Vec::new()).await.is_ok() && link.run("rollback", Vec::new()).await.is_ok()
    {
        return;
    }
    match writer.options.connect().await {
        Ok(fresh) => writer.connection = fresh,
        Err(error) => {
            tracing::error!(%error, "the writer of the catalog is broken and cannot be replaced yet")
        }
    }
}
