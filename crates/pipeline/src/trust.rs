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
            return self
                .database
                .as_ref()
                .or(self.toolchains.as_ref())
                .ok_or(Verification::Off);
        }
        if let Some(pattern) = self.privacy.skips_database(module) {
            return Err(Verification::Private { pattern });
        }
        self.database.as_ref().ok_or(Verification::Off)
    }

    /// The proof that a database signed two trees that do not agree, once that was seen. Nothing is captured from then
    /// on: whoever rewrites a log may be handing out rewritten modules too.
    pub fn find_fork(&self) -> Option<Arc<str>> {
        [&self.database, &self.toolchains]
            .into_iter()
            .flatten()
            .find_map(|database| database.find_fork())
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
                by: Verification::Record {
                    database: name.clone(),
                    record_id: found.record_id,
                    tree_size: found.tree_size,
                },
                record: Some(Record {
                    database: name,
                    zip: found.zip_h1,
                    go_mod: found.mod_h1,
                    id: found.record_id,
                    body: found.body,
                }),
            }),
            Err(DatabaseError::NoRecord { .. }) if self.absent == Absent::Allow => Ok(Vouched {
                by: Verification::Absent { database: name },
                record: None,
            }),
            Err(error) => Err((name, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use origin::sumdb::keeper::MemoryKeeper;
    use origin::sumdb::transport::{DatabaseTransport, TransportError};
    use tlog::memory_log::MemoryLog;
    use tlog::note::Signer;
    use tlog::record::RecordHashes;

    use super::*;

    /// A database in memory; `None` cannot be reached.
    struct Transport(Option<MemoryLog>);

    #[async_trait]
    impl DatabaseTransport for Transport {
        async fn get(&self, path: &str, _limit_bytes: u64) -> Result<Bytes, TransportError> {
            let Some(log) = &self.0 else {
                return Err(TransportError::Unreachable {
                    text: "nobody there".to_owned(),
                });
            };
            let answer = log.answer(path).map(Bytes::from);
            answer.ok_or_else(|| TransportError::NotFound {
                text: "no such record".to_owned(),
            })
        }
    }

    fn hashes() -> RecordHashes {
        RecordHashes {
            zip: H1::from_bytes([1; 32]),
            go_mod: H1::from_bytes([2; 32]),
        }
    }

    /// A database that knows `example.com/known@v1.0.0` and the toolchain.
    fn database(name: &str, is_reachable: bool) -> Arc<ChecksumDatabase> {
        let mut log = MemoryLog::new(Signer::from_seed(name, [3; 32]).unwrap());
        let key = log.signer().vkey().parse().unwrap();
        for of in [
            "example.com/known@v1.0.0",
            "golang.org/toolchain@v0.0.1-go1.22.0.linux-amd64",
        ] {
            log.append_module(&of.parse().unwrap(), &hashes()).unwrap();
        }
        let transport = Arc::new(Transport(is_reachable.then_some(log)));
        let keeper = Arc::new(MemoryKeeper::default());
        Arc::new(ChecksumDatabase::new(
            key,
            transport,
            keeper.clone(),
            keeper,
        ))
    }

    fn trust(database: Option<Arc<ChecksumDatabase>>, absent: Absent) -> Trust {
        let privacy = Privacy::new("*.corp.example,golang.org/*", None, None).unwrap();
        Trust {
            database,
            toolchains: Some(self::database("toolchains.example", true)),
            privacy: Arc::new(privacy),
            absent,
        }
    }

    fn vouch(trust: &Trust, of: &str) -> Result<Vouched, (String, DatabaseError)> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(trust.vouch(&of.parse().unwrap()))
    }

    #[test]
    fn a_record_gives_both_hashes_and_says_where_it_stands() {
        let trust = trust(Some(database("sums.example", true)), Absent::Refuse);
        let vouched = vouch(&trust, "example.com/known@v1.0.0").unwrap();
        assert_eq!(
            vouched.by,
            Verification::Record {
                database: "sums.example".to_owned(),
                record_id: 0,
                tree_size: 2
            }
        );
        let record = vouched.record.unwrap();
        assert_eq!((record.zip, record.go_mod), (hashes().zip, hashes().go_mod));
    }

    #[test]
    fn a_private_path_is_asked_of_nobody() {
        let trust = trust(Some(database("sums.example", false)), Absent::Refuse);
        let vouched = vouch(&trust, "git.corp.example/x@v1.0.0").unwrap();
        assert_eq!(
            vouched.by,
            Verification::Private {
                pattern: "*.corp.example".to_owned()
            }
        );
        assert!(vouched.record.is_none());
    }

    #[test]
    fn without_a_record_the_operator_decides() {
        let of = "example.com/unknown@v1.0.0";
        let (name, refused) = vouch(
            &trust(Some(database("sums.example", true)), Absent::Refuse),
            of,
        )
        .unwrap_err();
        assert_eq!(name, "sums.example");
        assert!(
            matches!(refused, DatabaseError::NoRecord { .. }),
            "{refused}"
        );
        let allowed = vouch(
            &trust(Some(database("sums.example", true)), Absent::Allow),
            of,
        )
        .unwrap();
        assert_eq!(
            allowed.by,
            Verification::Absent {
                database: "sums.example".to_owned()
            }
        );
    }

    /// "Could not be asked" is never "has no record".
    #[test]
    fn an_unreachable_database_lets_nothing_in_whatever_is_allowed() {
        for absent in [Absent::Refuse, Absent::Allow] {
            let trust = trust(Some(database("sums.example", false)), absent);
            let (_, refused) = vouch(&trust, "example.com/known@v1.0.0").unwrap_err();
            assert!(
                matches!(refused, DatabaseError::Unreachable { .. }),
                "{refused}"
            );
        }
    }

    #[test]
    fn switched_off_means_everything_but_toolchains() {
        let trust = trust(None, Absent::Refuse);
        assert_eq!(
            vouch(&trust, "example.com/known@v1.0.0").unwrap().by,
            Verification::Off
        );
        // Verified by the other database, also where a private pattern covers its path.
        let toolchain = vouch(&trust, "golang.org/toolchain@v0.0.1-go1.22.0.linux-amd64").unwrap();
        assert!(
            matches!(toolchain.by, Verification::Record { database, .. } if database == "toolchains.example")
        );
    }
}
