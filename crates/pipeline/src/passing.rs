//! What clients ask of a checksum database through us: passed on, verified as far as its kind allows, and kept.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use catalog::Catalog;
use catalog::work::{Refusal, RefusalClass, SumdbAnswer, SumdbAsk};
use gomod::version::ModuleVersion;
use origin::sumdb::ChecksumDatabase;
use origin::sumdb::error::DatabaseError;
use tracing::warn;

use crate::distrust::Distrust;

/// The databases that clients may reach, by name.
pub struct Passing {
    /// Where lookup answers are kept.
    pub catalog: Catalog,
    /// The allow-list.
    pub databases: HashMap<String, Arc<ChecksumDatabase>>,
    /// Where it is told that one of them is not to be believed.
    pub distrust: Distrust,
}

impl Passing {
    /// Answers one request of a client to a database.
    pub async fn ask(&self, ask: &SumdbAsk) -> SumdbAnswer {
        let Some(database) = self.databases.get(&ask.database) else {
            return SumdbAnswer::Refused(Refusal::new(
                RefusalClass::Absent,
                format!("no checksum database {} here", ask.database),
            ));
        };
        let looked_up = ask.path.strip_prefix("lookup/").and_then(parse_lookup);
        let answer = match &looked_up {
            Some(of) => self.look_up(database, of).await,
            None => database.raw(&ask.path).await.map(|bytes| bytes.to_vec()),
        };
        match answer {
            Ok(body) => SumdbAnswer::Body {
                base64: STANDARD.encode(body),
            },
            Err(cause) => {
                let of = looked_up.as_ref();
                self.distrust.note(of, &ask.database, &cause).await;
                SumdbAnswer::Refused(refusal_of(ask, &cause))
            }
        }
    }

    async fn look_up(
        &self,
        database: &ChecksumDatabase,
        of: &ModuleVersion,
    ) -> Result<Vec<u8>, DatabaseError> {
        let found = database.lookup(of).await?;
        if let Err(cause) = self
            .catalog
            .save_record(database.name(), of, found.record_id, &found.body)
            .await
        {
            warn!(module = %of, error = %cause, "the lookup answer could not be kept");
        }
        Ok(found.body.to_vec())
    }
}

/// `<escaped path>@<escaped version>`, as `go` sends it.
fn parse_lookup(text: &str) -> Option<ModuleVersion> {
    let (path, version) = text.rsplit_once('@')?;
    let path = gomod::path::ModulePath::from_escaped(path).ok()?;
    let version = gomod::version::Version::from_escaped(version).ok()?;
    ModuleVersion::new(path, version).ok()
}

fn refusal_of(ask: &SumdbAsk, cause: &DatabaseError) -> Refusal {
    let class = match cause {
        DatabaseError::NoRecord { .. } | DatabaseError::BadPath => RefusalClass::Absent,
        DatabaseError::Unreachable { .. } => RefusalClass::Unreachable,
        _ => RefusalClass::Unverifiable,
    };
    Refusal::new(
        class,
        format!("checksum database {}, {}: {cause}", ask.database, ask.path),
    )
}
