//! The processor: makes artifacts of one version from an upstream, has them verified, and hands them on to be landed.
//!
//! Two acts make a version: `.info` and `.mod` together ([`version`]), then the zip ([`zip`]). Neither is visible before
//! it is durable and verified. What rots afterwards is fetched again ([`heal`]), and taken only if nothing of it changed.

pub mod evidence;
pub mod heal;
pub mod version;
pub mod zip;

use std::sync::Arc;

use catalog::Catalog;
use origin::upstream::Upstreams;
use store::Store;

use crate::distrust::Distrust;
use crate::low_water::LowWater;
use crate::trust::Trust;
use crate::wounds::Wounds;

/// What the processor works with. A clone shares everything.
#[derive(Clone)]
pub struct Processor {
    /// The truth about versions.
    pub catalog: Catalog,
    /// The bytes.
    pub store: Store,
    /// Where artifacts come from.
    pub upstreams: Arc<Upstreams>,
    /// Who vouches for them.
    pub trust: Arc<Trust>,
    /// Where it is told that one of those is not to be believed.
    pub distrust: Distrust,
    /// Whether there is room for them.
    pub low_water: LowWater,
    /// What is known to be damaged.
    pub wounds: Wounds,
    /// The view in which what is verified lands: the first stage.
    pub lands_in: Arc<str>,
}

impl Processor {
    /// The same processor with another source of artifacts, e.g. a GOPROXY tree that is imported.
    pub fn with_source(&self, upstreams: Arc<Upstreams>) -> Self {
        Self {
            upstreams,
            ..self.clone()
        }
    }
}
