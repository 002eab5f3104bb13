//! The catalog's handle: opens an engine, runs reads and writes on it, checks its health.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use gomod::path::ModulePath;
use tokio::sync::broadcast;

use crate::REALM;
use crate::command::Write;
use crate::error::CatalogError;
use crate::link::{Link, Row, Session, Sql, Value, args};
use crate::postgres::PostgresEngine;
use crate::sqlite::SqliteEngine;
use crate::troubles::Troubles;

/// Most rows that one listing gives, whatever its caller asks for.
pub(crate) const ROWS_MAX: u64 = 100_000;

/// Writes a row that stays as it is: finds a full disk and a read-only file. Uses the primary key of `realms`.
const TOUCH_REALM: &str = "
    update realms
       set seq = seq
     where realm = $1";

/// Uses the primary key of `realms`.
const FIND_REALM: &str = "
    select seq
      from realms
     where realm = $1
     limit 1";

/// SQLite's own check of every page, row order and index.
const CHECK_PAGES: &str = "pragma integrity_check(100)";

/// Handle to a catalog; cheap to clone, all clones are the same catalog.
#[derive(Clone)]
pub struct Catalog {
    engine: Arc<Engine>,
    troubles: Arc<Troubles>,
    judged: broadcast::Sender<ModulePath>,
}

/// Modules that were judged and that a listener may be behind; one that is further behind is told so.
const JUDGED_MAX: usize = 1024;

enum Engine {
    Sqlite(SqliteEngine),
    Postgres(PostgresEngine),
}

impl Catalog {
    /// Opens the catalog at `url`, which is `sqlite:<path of a file>` (made where it is missing) or `postgres://…`, and
    /// brings its tables up to date.
    ///
    /// # Errors
    /// [`CatalogError::Newer`], [`CatalogError::Corrupt`], [`CatalogError::Foreign`] say that this database cannot be
    /// used; [`CatalogError::Address`] that `url` is none; [`CatalogError::ReadOnly`], [`CatalogError::Full`],
    /// [`CatalogError::Busy`] and [`CatalogError::Unavailable`] what stands in the way.
    pub async fn open(url: &str) -> Result<Self, CatalogError> {
        Self::open_at(url, i64::MAX).await
    }

    /// As [`Catalog::open`], but with tables as the first `schema` migrations made them: for taking in what an older
    /// Granary wrote. [`Catalog::open`] then brings it up to date.
    ///
    /// # Errors
    /// As [`Catalog::open`].
    pub async fn open_at(url: &str, schema: i64) -> Result<Self, CatalogError> {
        let troubles = Arc::new(Troubles::default());
        let engine = if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() {
                return Err(CatalogError::Address {
                    reason: "sqlite: without a path".to_owned(),
                });
            }
            Engine::Sqlite(SqliteEngine::open(Path::new(path), schema).await?)
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Engine::Postgres(PostgresEngine::open(url, schema, &troubles).await?)
        } else {
            return Err(CatalogError::Address {
                reason: "it begins neither with sqlite: nor with postgres://".to_owned(),
            });
        };
        Ok(Self {
            engine: Arc::new(engine),
            troubles,
            judged: broadcast::Sender::new(JUDGED_MAX),
        })
    }

    /// Checks that the catalog can be read and written now, by doing both. For readiness.
    ///
    /// # Errors
    /// What stands in the way, see [`Catalog::open`].
    pub async fn check_health(&self) -> Result<(), CatalogError> {
        if self.read(FIND_REALM, args![REALM]).await?.is_empty() {
            return Err(CatalogError::damaged(format!("realm {REALM} has no row")));
        }
        self.write(Touch).await
    }

    /// The modules of which a version is judged from now on, by this process; for whoever keeps lists of them.
    pub fn follow_judged(&self) -> broadcast::Receiver<ModulePath> {
        self.judged.subscribe()
    }

    pub(crate) fn note_judged(&self, module: &ModulePath) {
        // Nobody may be listening.
        _ = self.judged.send(module.clone());
    }

    /// How often the engine made trouble, for whoever counts.
    pub fn troubles(&self) -> &Troubles {
        &self.troubles
    }

    /// What the engine itself finds wrong with its pages and indexes, in its words; at most a hundred. Reads everything.
    /// PostgreSQL has no such statement: its pages are checked by the server where they carry checksums.
    ///
    /// # Errors
    /// See [`Catalog::open`].
    pub async fn check_pages(&self) -> Result<Vec<String>, CatalogError> {
        let rows = match &*self.engine {
            Engine::Sqlite(engine) => engine.read(CHECK_PAGES.into(), Vec::new()).await?,
            Engine::Postgres(_) => return Ok(Vec::new()),
        };
        let found: Result<Vec<String>, _> =
            rows.iter().map(|row| row.text("integrity_check")).collect();
        Ok(found?.into_iter().filter(|found| found != "ok").collect())
    }

    /// Number of the last landing: what a map in memory was built from is current as long as this stays the same.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn last_seq(&self) -> Result<u64, CatalogError> {
        let rows = self.read(FIND_REALM, args![REALM]).await?;
        rows.first().map_or(Ok(0), |row| row.count("seq"))
    }

    /// Commits what waits and closes all connections. Calls after it, on any clone, fail.
    pub async fn close(&self) {
        match &*self.engine {
            Engine::Sqlite(engine) => engine.close().await,
            Engine::Postgres(engine) => engine.close().await,
        }
    }

    /// Number of the newest migration that this catalog has seen.
    pub fn schema(&self) -> i64 {
        match &*self.engine {
            Engine::Sqlite(engine) => engine.schema,
            Engine::Postgres(engine) => engine.schema,
        }
    }

    /// A transaction of its own connection that reads everything as of one moment.
    pub(crate) async fn begin_snapshot(&self) -> Result<Session, CatalogError> {
        match &*self.engine {
            Engine::Sqlite(engine) => engine.begin_apart("begin").await,
            Engine::Postgres(engine) => {
                engine
                    .begin_long("begin isolation level repeatable read read only")
                    .await
            }
        }
    }

    /// A transaction of its own connection that writes more than a group of writes should hold.
    pub(crate) async fn begin_load(&self) -> Result<Session, CatalogError> {
        match &*self.engine {
            Engine::Sqlite(engine) => engine.begin_apart("begin immediate").await,
            Engine::Postgres(engine) => engine.begin_long("begin").await,
        }
    }

    pub(crate) async fn read(
        &self,
        sql: impl Into<Sql>,
        args: Vec<Value>,
    ) -> Result<Vec<Row>, CatalogError> {
        let outcome = match &*self.engine {
            Engine::Sqlite(engine) => engine.read(sql.into(), args).await,
            Engine::Postgres(engine) => engine.read(sql.into(), args).await,
        };
        self.troubles.note(outcome.as_ref().err());
        outcome
    }

    pub(crate) async fn write<W: Write>(&self, write: W) -> Result<W::Answer, CatalogError> {
        let outcome = match &*self.engine {
            Engine::Sqlite(engine) => engine.write(write).await,
            Engine::Postgres(engine) => engine.write(write).await,
        };
        self.troubles.note(outcome.as_ref().err());
        outcome
    }
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let engine = match &*self.engine {
            Engine::Sqlite(_) => "sqlite",
            Engine::Postgres(_) => "postgres",
        };
        f.debug_struct("Catalog")
            .field("engine", &engine)
            .finish_non_exhaustive()
    }
}

/// A write that changes nothing.
struct Touch;

#[async_trait]
impl Write for Touch {
    type Answer = ();

    async fn apply(&self, link: &mut Link<'_>) -> Result<(), CatalogError> {
        link.run(TOUCH_REALM, args![REALM]).await
    }
}
