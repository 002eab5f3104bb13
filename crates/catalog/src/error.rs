//! Why the catalog could not answer.

use std::fmt;
use std::sync::Arc;

use gomod::version::ModuleVersion;
use sqlx::migrate::MigrateError;

/// What the engine said. Shared, because one failed commit is the answer to everyone whose write was in it.
#[derive(Clone, Debug)]
pub struct Cause(Arc<sqlx::Error>);

impl Cause {
    /// The engine's code, if it was the engine that spoke.
    fn code(&self) -> Option<String> {
        let database = self.0.as_database_error()?;
        database.code().map(std::borrow::Cow::into_owned)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// What the catalog says when it cannot give an answer; one variant for each thing a caller does differently.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CatalogError {
    /// Others held what was needed for too long; the same call may succeed soon.
    #[error("the catalog is busy: {what}")]
    Busy {
        /// What was held, in words that a client may read.
        what: &'static str,
        /// What the engine said.
        #[source]
        cause: Cause,
    },
    /// The disk or the quota is full. Reading goes on.
    #[error("no room left for the catalog")]
    Full {
        /// What the engine said.
        #[source]
        cause: Cause,
    },
    /// The file, its folder or the database server does not accept writes.
    #[error("the catalog cannot be written: its file, folder or server is read-only")]
    ReadOnly {
        /// What the engine said.
        #[source]
        cause: Cause,
    },
    /// The database is damaged, or what it holds is nothing that Granary wrote.
    #[error("the catalog is damaged: {what}")]
    Corrupt {
        /// What is wrong with it.
        what: String,
        /// What the engine said, if it was the engine that found it.
        #[source]
        cause: Option<Cause>,
    },
    /// A row is not what was written: bits have flipped in it, more than could be turned back.
    #[error(
        "the catalog's row of {of} ({table}) has rotted: `granary verify` names it, a backup has it whole"
    )]
    Rotten {
        /// The table.
        table: &'static str,
        /// What the row is about, as far as it can be read.
        of: String,
    },
    /// A sound database, but some other program's.
    #[error("{place} is another program's database, not a catalog of Granary")]
    Foreign {
        /// The file or database.
        place: String,
    },
    /// A later Granary has written here; this one would not understand what it reads.
    #[error(
        "the catalog was written by a newer Granary: its migration {migration} is unknown here; \
         start that version again, or restore the backup from before the upgrade"
    )]
    Newer {
        /// Number of the first unknown migration.
        migration: i64,
    },
    /// The address of the database is none.
    #[error("not the address of a catalog: {reason}")]
    Address {
        /// What is wrong with it; never the address itself, which may hold a password.
        reason: String,
    },
    /// The act needs a version that has not landed.
    #[error("{module} is not in the catalog")]
    NoVersion {
        /// The version in question.
        module: ModuleVersion,
    },
    /// The file was taken away under the running server: what is written now would be lost with the process.
    #[error(
        "{place} was deleted or replaced while the server runs: put the same file back, or stop the server and restore \
         a backup"
    )]
    Replaced {
        /// The file.
        place: String,
    },
    /// The database cannot be reached, or failed in a way that says nothing about its contents.
    #[error("the catalog cannot be reached")]
    Unavailable {
        /// What the engine said.
        #[source]
        cause: Cause,
    },
}

impl CatalogError {
    /// What stands in the way, in words for clients: the cause without paths, addresses or the engine's own words.
    pub fn for_clients(&self) -> String {
        match self {
            Self::Busy { .. }
            | Self::Full { .. }
            | Self::NoVersion { .. }
            | Self::Rotten { .. } => self.to_string(),
            Self::ReadOnly { .. } => "the catalog is read-only".to_owned(),
            Self::Replaced { .. } => "the catalog's file was taken away".to_owned(),
            Self::Unavailable { .. } => "the catalog's database cannot be reached".to_owned(),
            Self::Corrupt { .. }
            | Self::Foreign { .. }
            | Self::Newer { .. }
            | Self::Address { .. } => "the catalog cannot be used".to_owned(),
        }
    }

    /// The error with its causes, on one line, for the log.
    pub(crate) fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }

    /// Whether the same call may succeed soon although nothing was done about it.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Busy { .. } | Self::Unavailable { .. } | Self::Replaced { .. }
        )
    }

    /// A stored value that nobody here has written.
    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        Self::Corrupt {
            what: what.into(),
            cause: None,
        }
    }

    /// Trouble that the engine did not see.
    pub(crate) fn unavailable(what: &'static str) -> Self {
        Self::Unavailable {
            cause: Cause(Arc::new(sqlx::Error::Protocol(what.to_owned()))),
        }
    }

    /// What the file system says about a file that SQLite could not open: SQLite itself says only that it could not.
    pub(crate) fn from_io(error: std::io::Error) -> Self {
        use std::io::ErrorKind as Kind;
        let kind = error.kind();
        let cause = Cause(Arc::new(sqlx::Error::Io(error)));
        match kind {
            Kind::ReadOnlyFilesystem | Kind::PermissionDenied => Self::ReadOnly { cause },
            Kind::StorageFull | Kind::QuotaExceeded => Self::Full { cause },
            _ => Self::Unavailable { cause },
        }
    }

    /// Whether this failure belongs to one command alone, so that its neighbours in a group can still succeed.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::NoVersion { .. } | Self::Rotten { .. } => true,
            Self::Corrupt { cause, .. } => cause.is_none(),
            Self::Unavailable { cause } => {
                matches!(&*cause.0, sqlx::Error::Database(database) if database.kind() != sqlx::error::ErrorKind::Other)
            }
            _ => false,
        }
    }

    /// Whether PostgreSQL gave up this transaction so that another one could go on: try again.
    pub(crate) fn is_worth_repeating(&self) -> bool {
        let Self::Busy { cause, .. } = self else {
            return false;
        };
        matches!(cause.code().as_deref(), Some("40001" | "40P01"))
    }

    /// Whether the connection broke under the call: nobody knows then what became of it, and another connection may do.
    pub(crate) fn is_cut(&self) -> bool {
        let Self::Unavailable { cause } = self else {
            return false;
        };
        match &*cause.0 {
            sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => true,
            // Class 08: connections. 25P03: idle in a transaction for too long, after a pause of this process. 57P01 to
            // 57P03: an administrator ended the session, the server crashed, stops or starts.
            _ => cause.code().is_some_and(|code| {
                code.starts_with("08")
                    || matches!(
                        code.as_str(),
                        "25P03" | "57P01" | "57P02" | "57P03" | "57P05"
                    )
            }),
        }
    }

    /// Whether it is time to ask whether the server is there at all.
    pub(crate) fn is_suspicious(&self) -> bool {
        let Self::Busy { cause, .. } = self else {
            return self.is_cut();
        };
        matches!(&*cause.0, sqlx::Error::PoolTimedOut)
    }
}

impl From<sqlx::Error> for CatalogError {
    fn from(error: sqlx::Error) -> Self {
        let is_out_of_connections = matches!(error, sqlx::Error::PoolTimedOut);
        let damaged = matches!(
            error,
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)
        );
        let cause = Cause(Arc::new(error));
        if damaged {
            return Self::Corrupt {
                what: "a column holds a value of another type".to_owned(),
                cause: Some(cause),
            };
        }
        if is_out_of_connections {
            let what = "no connection to its database became free in time";
            return Self::Busy { what, cause };
        }
        let Some(code) = cause.code() else {
            return Self::Unavailable { cause };
        };
        match code.parse::<i32>() {
            // SQLSTATEs have five characters; SQLite's extended codes, where all digits, have at most four.
            Ok(number) if code.len() < 5 => from_sqlite(number, cause),
            _ => from_postgres(&code, cause),
        }
    }
}

/// Primary result codes are the low byte of the extended ones. Source: sqlite.org/rescode.html.
fn from_sqlite(extended: i32, cause: Cause) -> CatalogError {
    match extended & 0xff {
        5 | 6 => CatalogError::Busy {
            what: "another program holds its file",
            cause,
        },
        8 => CatalogError::ReadOnly { cause },
        13 => CatalogError::Full { cause },
        11 => CatalogError::Corrupt {
            what: "a page of the database is malformed".to_owned(),
            cause: Some(cause),
        },
        26 => CatalogError::Corrupt {
            what: "the file is not a database".to_owned(),
            cause: Some(cause),
        },
        _ => CatalogError::Unavailable { cause },
    }
}

/// Source: PostgreSQL documentation, appendix A, error codes.
fn from_postgres(code: &str, cause: Cause) -> CatalogError {
    match code {
        "25006" => CatalogError::ReadOnly { cause },
        "53100" => CatalogError::Full { cause },
        "40001" | "40P01" => CatalogError::Busy {
            what: "other writers were first, again and again",
            cause,
        },
        "53200" | "53400" => CatalogError::Busy {
            what: "its database server is short of memory or locks",
            cause,
        },
        "53300" => CatalogError::Busy {
            what: "its database server has no connection to spare",
            cause,
        },
        "55P03" => CatalogError::Busy {
            what: "someone holds a lock on its tables",
            cause,
        },
        "57014" => CatalogError::Busy {
            what: "its database server took too long",
            cause,
        },
        "XX001" | "XX002" => CatalogError::Corrupt {
            what: "the server found damaged data".to_owned(),
            cause: Some(cause),
        },
        _ => CatalogError::Unavailable { cause },
    }
}

impl From<MigrateError> for CatalogError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::VersionMissing(migration) | MigrateError::VersionTooNew(migration, _) => {
                Self::Newer { migration }
            }
            MigrateError::VersionMismatch(migration) => Self::damaged(format!(
                "its migration {migration} is not the one that this Granary knows"
            )),
            MigrateError::Dirty(migration) => {
                Self::damaged(format!("its migration {migration} was cut off"))
            }
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            other => Self::Unavailable {
                cause: Cause(Arc::new(sqlx::Error::Migrate(Box::new(other)))),
            },
        }
    }
}
