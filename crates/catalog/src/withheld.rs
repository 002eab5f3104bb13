//! What must not be shown because some view withholds it.

use gomod::path::ModulePath;
use gomod::version::Version;

use crate::REALM;
use crate::error::CatalogError;
use crate::keeper::{Catalog, ROWS_MAX};
use crate::link::{Sql, args};

macro_rules! list_withheld {
    ($landings:literal, $later:literal) => {
        concat!(
            "
    select distinct l.version
      from ",
            $landings,
            "
     where l.realm = $1
       and l.module = $3
       and l.act in ('withdraw', 'quarantine')
       and not exists (
           select 1
             from ",
            $later,
            "
            where o.realm = l.realm and o.module = l.module and o.version = l.version
              and o.view = l.view and o.seq > l.seq)
       and not exists (
           select 1
             from members m
            where m.realm = l.realm and m.view = $2 and m.module = l.module and m.version = l.version)
     order by l.version
     limit $4"
        )
    };
}

/// By version, as text. Uses index `withholdings_by_module`, which holds little; then for each version the index
/// `landings_by_version` and the primary key of `members`.
pub(crate) const LIST_WITHHELD: Sql = Sql {
    sqlite: list_withheld!(
        "landings l indexed by withholdings_by_module",
        "landings o indexed by landings_by_version"
    ),
    postgres: list_withheld!("landings l", "landings o"),
};

impl Catalog {
    /// The versions of a module that a view does not hold because it or another one withholds them, by version as text.
    /// One indexed query, whose cost grows with what was ever withheld of the module.
    ///
    /// # Errors
    /// See [`CatalogError`].
    pub async fn list_withheld(
        &self,
        view: &str,
        module: &ModulePath,
    ) -> Result<Vec<Version>, CatalogError> {
        let rows = self
            .read(LIST_WITHHELD, args![REALM, view, module.as_str(), ROWS_MAX])
            .await?;
        rows.iter().map(|row| row.parsed("version")).collect()
    }
}
