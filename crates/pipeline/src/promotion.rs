//! Landing: the one door through which what is verified comes into the catalog.
//!
//! It comes into the first stage; what moves it on are the gates.

use catalog::{Catalog, CatalogError, ModLanding, NewMod};
use tracing::info;

/// Lands a verified version: its row, its landing and its membership in one act of the catalog.
///
/// The first verified bytes win. A second landing of the same bytes changes nothing; other bytes come back as a conflict.
pub async fn land(catalog: &Catalog, candidate: NewMod) -> Result<ModLanding, CatalogError> {
    let (module, view) = (candidate.module.to_string(), candidate.view.clone());
    let landed = catalog.land_mod(candidate).await?;
    if let ModLanding::Landed { seq, first: true } = &landed {
        info!(module, view, seq, "landed");
    }
    Ok(landed)
}
