//! Distrust: what is told and kept when a checksum database says what it cannot prove.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use catalog::Catalog;
use gomod::version::ModuleVersion;
use origin::sumdb::error::DatabaseError;
use serde_json::json;
use tracing::error;

use crate::refusal::with_causes;

/// Where it is told, whoever noticed. Clones count together.
#[derive(Clone, Debug)]
pub struct Distrust {
    catalog: Catalog,
    count: Arc<AtomicU64>,
}

impl Distrust {
    /// One that has seen nothing yet.
    pub fn new(catalog: Catalog) -> Self {
        Self {
            catalog,
            count: Arc::default(),
        }
    }

    /// How often a database was not to be believed.
    pub fn count(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.count)
    }

    /// Raises the event that an answer of a checksum database deserves, if it deserves one: lies, and a log that was
    /// rewritten. Trouble on the way and missing records are no events.
    pub async fn note(&self, of: Option<&ModuleVersion>, database: &str, cause: &DatabaseError) {
        let (kind, detail) = match cause {
            DatabaseError::Fork { proof } => (
                "checksum-database-fork",
                json!({ "database": database, "proof": &**proof }),
            ),
            DatabaseError::Lying { .. } => (
                "checksum-database-lie",
                json!({ "database": database, "what": with_causes(cause) }),
            ),
            _ => return,
        };
        self.count.fetch_add(1, Ordering::Relaxed);
        let module = of.map(tracing::field::display);
        error!(module, database, event = kind, evidence = %detail, "the checksum database is not to be believed");
        if let Err(cause) = self.catalog.save_event(kind, of, &detail).await {
            error!(module, error = %cause, "the security event could not be written");
        }
    }
}
