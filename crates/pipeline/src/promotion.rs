//! Promotion: the one door through which anything becomes visible.
//!
//! There are no gates yet: what is verified lands straight in prod. The gates of later stages call the same function.

use catalog::{Catalog, CatalogError, ModLanding, NewMod};
use tracing::info;

/// The view that clients see when they name none.
pub const PROD: &str = "prod";

/// Lands a verified version: its row, its landing and its membership in one act of the catalog.
///
/// The first verified bytes win. A second landing of the same bytes changes nothing; other bytes come back as a conflict.
pub async fn land(catalog: &Catalog, candidate: NewMod) -> Result<ModLanding, CatalogError> {
    let module = candidate.module.to_string();
    let landed = catalog.land_mod(candidate).await?;
    if let ModLanding::Landed { seq, first: true } = &landed {
        info!(module, view = PROD, seq, "landed");
    }
    Ok(landed)
}
