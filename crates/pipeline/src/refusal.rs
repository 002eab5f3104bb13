//! Turns the errors of the rooms below into refusals: a class, and words for the person who reads them in `go`'s output.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use catalog::work::{Refusal, RefusalClass};
use catalog::{Act, CatalogError, Landing};
use gomod::version::ModuleVersion;
use origin::sumdb::error::DatabaseError;
use origin::upstream::{UpstreamClass, UpstreamError};
use store::StoreError;
use tracing::error;

/// See [`keeper_failures`]. One for the process, because the errors of all captures come through here.
static KEEPER_FAILURES: LazyLock<Arc<AtomicU64>> = LazyLock::new(Arc::default);

/// How many captures ended because the disk or the database failed; full and read-only ones are not counted.
pub fn keeper_failures() -> Arc<AtomicU64> {
    Arc::clone(&KEEPER_FAILURES)
}

/// What an upstream's answer means for whoever asked.
pub fn of_upstream(error: &UpstreamError) -> Refusal {
    let class = match error.class {
        UpstreamClass::Absent => RefusalClass::Absent,
        UpstreamClass::Gone => RefusalClass::Gone,
        UpstreamClass::Forbidden => RefusalClass::Forbidden,
        UpstreamClass::Legal => RefusalClass::Legal,
        UpstreamClass::Unreachable => RefusalClass::Unreachable,
        UpstreamClass::TooSlow => RefusalClass::TooSlow,
        UpstreamClass::Overloaded { .. } => RefusalClass::Overloaded,
        UpstreamClass::Loop => RefusalClass::Loop,
        UpstreamClass::Invalid => RefusalClass::Unreachable,
        UpstreamClass::Storage => RefusalClass::Storage,
    };
    Refusal::new(class, error.text.clone())
}

/// What the checksum database's answer means for a capture.
pub fn of_database(of: &ModuleVersion, database: &str, error: &DatabaseError) -> Refusal {
    match error {
        DatabaseError::NoRecord { text } => Refusal::new(
            RefusalClass::NoRecord,
            format!(
                "{of}: the checksum database {database} has no record of it, so nobody vouches for its bytes\n{text}\nthe operator may let such modules in with sumdb_absent = \"allow\", or name private ones in goprivate"
            ),
        ),
        DatabaseError::Unreachable { text } => Refusal::new(
            RefusalClass::Unverifiable,
            format!(
                "{of}: the checksum database {database} cannot be asked now, so nothing can be verified: {text}"
            ),
        ),
        DatabaseError::Fork { .. } => forked(of),
        DatabaseError::Keeper(cause) => match cause.downcast_ref::<CatalogError>() {
            Some(cause) => of_catalog(of, cause),
            None => Refusal::new(
                RefusalClass::Unverifiable,
                format!("{of}: {database}: {error}, so nothing can be verified now"),
            ),
        },
        other => Refusal::new(
            RefusalClass::Unverifiable,
            format!("{of}: {database}: {}", with_causes(other)),
        ),
    }
}

/// What was taken out on purpose is not let in again but by a release.
pub fn of_withheld(landing: &Landing) -> Refusal {
    let class = match landing.act {
        Act::Quarantine => RefusalClass::Quarantined,
        _ if landing.legal => RefusalClass::Legal,
        _ => RefusalClass::Gone,
    };
    Refusal::new(class, landing.tell_withheld())
}

/// What every capture gets once a checksum database was seen to have rewritten its log.
pub fn forked(of: &ModuleVersion) -> Refusal {
    Refusal::new(
        RefusalClass::Unverifiable,
        format!(
            "{of}: captures are stopped: the checksum database signed two trees that do not agree\nthe operator finds the proof among the events and in the log; what is stored is still served"
        ),
    )
}

/// An error with its causes, on one line.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// What trouble with the store means: no room or no right is a matter for the operator, anything else may pass.
pub fn of_store(of: &ModuleVersion, error: &StoreError) -> Refusal {
    if let StoreError::Unavailable { .. } = error {
        note_failure(of, error);
    }
    let class = match error {
        StoreError::Unavailable { .. } => RefusalClass::Overloaded,
        _ => RefusalClass::Storage,
    };
    let text = format!("{of}: it cannot be stored here now: {}", with_causes(error));
    Refusal::new(class, text)
}

/// What trouble with the catalog means: damage is no want of room. What the engine said is for the log: to a client it
/// tells nothing.
pub fn of_catalog(of: &ModuleVersion, error: &CatalogError) -> Refusal {
    if let CatalogError::Unavailable { .. } = error {
        note_failure(of, error);
    }
    let class = match error {
        CatalogError::Rotten { .. } | CatalogError::Corrupt { .. } => RefusalClass::Damaged,
        _ if error.may_pass() => RefusalClass::Overloaded,
        _ => RefusalClass::Storage,
    };
    let text = format!(
        "{of}: the catalog cannot be used for it now: {}",
        error.for_clients()
    );
    Refusal::new(class, text)
}

fn note_failure(of: &ModuleVersion, cause: &(dyn std::error::Error + 'static)) {
    KEEPER_FAILURES.fetch_add(1, Ordering::Relaxed);
    error!(
        module = %of,
        error = cause,
        "a capture could not be kept and is not shown: if the cause is an I/O error, see what the kernel's log says about \
         the disk, and run `granary verify` once it is mended; if the database is away, bring it back"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_catalog(error: &CatalogError, class: RefusalClass) {
        let refusal = of_catalog(&"example.com/m@v1.0.0".parse().unwrap(), error);
        assert_eq!(refusal.class, class);
        assert!(!refusal.text.contains("/srv"), "{}", refusal.text);
    }

    #[test]
    fn damage_is_no_want_of_room_and_no_client_hears_of_files() {
        let rotten = CatalogError::Rotten {
            table: "versions",
            of: "example.com/m@v1.0.0".to_owned(),
        };
        check_catalog(&rotten, RefusalClass::Damaged);
        let corrupt = CatalogError::Corrupt {
            what: "/srv/catalog.db: malformed".to_owned(),
            cause: None,
        };
        check_catalog(&corrupt, RefusalClass::Damaged);
        let replaced = CatalogError::Replaced {
            place: "/srv/catalog.db".to_owned(),
        };
        check_catalog(&replaced, RefusalClass::Overloaded);
    }
}
