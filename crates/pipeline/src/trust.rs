//! Whom a version's hashes are checked against: the checksum database, or nobody because the operator said so.

use std::sync::Arc;

use bytes::Bytes;
use catalog::Verification;
use gomod::hash::H1;
use gomod::path::ModulePath;
use gomod::version::ModuleVersion;
use origin::privacy::Privacy;
use origin::sumdb::ChecksumDatabase;
use origin::sumdb::error::DatabaseError;

use crate::settings::Absent;

/// The module whose versions are Go toolchains. They are verified even where the database is switched off for everything
/// else. Source: cmd/go/internal/modfetch, `useSumDB`.
const TOOLCHAIN: &str = "golang.org/toolchain";

/// What is known about the hashes of one version.
#[derive(Clone, Debug)]
pub struct Vouched {
    /// Who vouches, or why nobody does.
    pub by: Verification,
    /// The hashes and the lookup answer, where a database vouches.
    pub record: Option<Record>,
}

/// What a checksum database says about one version, with its inclusion proven.
#[derive(Clone, Debug)]
pub struct Record {
    /// Name of the database.
    pub database: String,
    /// `h1:` of the zip.
    pub zip: H1,
    /// `h1:` of the go.mod.
    pub go_mod: H1,
    /// Number of the record.
    pub id: u64,
    /// The lookup answer as the database signed it.
    pub body: Bytes,
}

/// Whom to ask, and what to do when there is no answer.
pub struct Trust {
    /// The database for everything; none when switched off.
    pub database: Option<Arc<ChecksumDatabase>>,
    /// The database for toolchains when the other one is switched off.
    pub toolchains: Option<Arc<ChecksumDatabase>>,
    /// Private patterns.
    pub privacy: Arc<Privacy>,
    /// What holds when the database has no record.
    pub absent: Absent,
}

impl Trust {
    /// The database that vouches for a module, or the reason why none is asked.
    pub fn database_of(&self, module: &ModulePath) -> Result<&Arc<ChecksumDatabase>, Verification> {
        if module.as_str() == TOOLCHAIN {
            return self.database.as_ref().or(self.toolchains.as_ref()).ok_or(Verification::Off);
        }
        if let Some(pattern) = self.privacy.skips_database(module) {
            return Err(Verification::Private { pattern });
        }
        self.database.as_ref().ok_or(Verification::Off)
    }

    /// The proof that a database signed two trees that do not agree, once that was seen. Nothing is captured from then
    /// on: whoever rewrites a log may be handing out rewritten modules too.
    pub fn find_fork(&self) -> Option<Arc<str>> {
        [&self.database, &self.toolchains].into_iter().flatten().find_map(|database| database.find_fork())
    }

    /// Asks who vouches for a version. One lookup serves go.mod and zip.
    ///
    /// # Errors
    /// No record (unless the operator allows that), no answer, or an answer that does not hold.
    pub async fn vouch(&self, of: &ModuleVersion) -> Result<Vouched, (String, DatabaseError)> {
        let database = match self.database_of(of.path()) {
            Ok(database) => database,
            Err(by) => return Ok(Vouched { by, record: None }),
        };
        let name = database.name().to_owned();
        match database.lookup(of).await {
            Ok(found) => Ok(Vouched {
                by: Verification::Record { database: name.clone(), record_id: found.record_id, tree_size: found.tree_size },
                record: Some(Record { database: name, zip: found.zip_h1, go_mod: found.mod_h1, id: found.record_id, body: found.body }),
            }),
            Err(DatabaseError::NoRecord { .. }) if self.absent == Absent::Allow => {
                Ok(Vouched { by: Verification::Absent { database: name }, record: None })
            }
            Err(error) => Err((name, error)),
        }
    }
}
