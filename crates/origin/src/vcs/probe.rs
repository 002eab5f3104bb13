//! Whether a repository is there, for module paths that leave the scheme open.

use std::sync::Arc;

use async_trait::async_trait;

use super::code::CodeError;
use super::locate::{Probe, Vcs};
use super::programs::Programs;
use super::repository::Repositories;
use crate::upstream::UpstreamClass;

/// Asks repositories for their refs; what was asked is not asked again for the module itself.
#[derive(Debug)]
pub struct RepositoryProbe {
    /// git's.
    pub repositories: Arc<Repositories>,
    /// All others'.
    pub programs: Arc<Programs>,
}

#[async_trait]
impl Probe for RepositoryProbe {
    async fn is_there(&self, vcs: Vcs, url: &str) -> Result<bool, CodeError> {
        let (repositories, programs) = (Arc::clone(&self.repositories), Arc::clone(&self.programs));
        let is_insecure = url.starts_with("http://");
        let url = url.to_owned();
        let ask = move || match vcs {
            Vcs::Git => repositories.cached(&url, is_insecure)?.refs().map(drop),
            vcs => programs.open(vcs.name(), &url)?.list_tags("").map(drop),
        };
        let asked = tokio::task::spawn_blocking(ask).await;
        let asked = asked.map_err(|cause| {
            CodeError::new(
                UpstreamClass::Storage,
                format!("the question ended early: {cause}"),
            )
        })?;
        match asked {
            Ok(()) => Ok(true),
            Err(error) if error.class.is_absence() || error.class == UpstreamClass::Forbidden => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}
