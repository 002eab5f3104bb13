//! Tokens by their hashes: looked up in the catalog and remembered for a moment, so that a build of a thousand requests asks
//! it once and a revocation is felt in every process within seconds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::{Catalog, CatalogError, Token};
use gomod::hash::ContentDigest;
use jiff::Timestamp;
use quick_cache::sync::Cache;

use crate::identity::principal::Principal;
use crate::identity::scopes::Scopes;
use crate::identity::secret::Secret;

/// How long what the catalog said counts, of wrong tokens too. A revocation is promised to be felt within 10 s.
const KEEP: Duration = Duration::from_secs(3);

/// Remembered at once; a flood of wrong ones only pushes others out.
const TOKENS_MAX: usize = 4096;

#[derive(Clone, Debug)]
struct Looked {
    at: Instant,
    found: Option<Arc<Known>>,
}

#[derive(Debug)]
struct Known {
    token: Token,
    scopes: Arc<Scopes>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Tokens {
    catalog: Catalog,
    looked: Cache<ContentDigest, Looked>,
}

impl Tokens {
    pub fn new(catalog: Catalog) -> Self {
        Self {
            catalog,
            looked: Cache::new(TOKENS_MAX),
        }
    }

    /// The holder of a token; `None` where it is wrong, expired or revoked, whichever.
    pub async fn find(&self, secret: &Secret) -> Result<Option<Principal>, CatalogError> {
        let hash = secret.hash();
        let looked = self
            .looked
            .get(&hash)
            .filter(|looked| looked.at.elapsed() < KEEP);
        let found = match looked {
            Some(looked) => looked.found,
            None => self.look(hash).await?,
        };
        let now = Timestamp::now();
        let valid = found.filter(|known| known.token.is_valid_at(now));
        Ok(valid.map(|known| Principal::Token {
            name: known.token.name.clone(),
            scopes: known.scopes.clone(),
        }))
    }

    /// Forgets what was looked up: a token was made or revoked in this process.
    pub fn forget(&self) {
        self.looked.clear();
    }

    async fn look(&self, hash: ContentDigest) -> Result<Option<Arc<Known>>, CatalogError> {
        let at = Instant::now();
        let found = self.catalog.find_token(&hash).await?.and_then(|token| {
            // Scopes that a newer release wrote and this one cannot read allow nothing.
            let scopes = serde_json::from_str(&token.scopes).ok()?;
            Some(Arc::new(Known {
                token,
                scopes: Arc::new(scopes),
            }))
        });
        let looked = Looked {
            at,
            found: found.clone(),
        };
        self.looked.insert(hash, looked);
        Ok(found)
    }
}
