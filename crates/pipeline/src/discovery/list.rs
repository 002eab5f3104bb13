//! The versions that the upstreams list, and the note of it that outlives a restart.

use catalog::work::{ListAnswer, Refusal};
use gomod::path::ModulePath;
use gomod::version::{ModuleVersion, Version};
use jiff::Timestamp;
use origin::upstream::{LIST_BYTES_MAX, ModuleFile, parse_list};
use tracing::warn;

use crate::processor::Processor;
use crate::refusal;

impl Processor {
    /// Asks the upstreams for a module's versions and notes the answer, so that it can be given when they are gone.
    pub async fn list_versions(&self, module: &ModulePath) -> ListAnswer {
        match self.ask_list(module).await {
            Ok(versions) => {
                let lines: Vec<String> = versions.iter().map(Version::to_string).collect();
                if let Err(cause) = self
                    .catalog
                    .save_list(module, &lines, Timestamp::now())
                    .await
                {
                    warn!(module = %module, error = %cause, "the list could not be noted");
                }
                ListAnswer::Versions(versions)
            }
            Err(refusal) => ListAnswer::Refused(refusal),
        }
    }

    async fn ask_list(&self, module: &ModulePath) -> Result<Vec<Version>, Refusal> {
        let fetched = self
            .upstreams
            .get_small(module, &ModuleFile::List, LIST_BYTES_MAX)
            .await;
        let fetched = fetched.map_err(|cause| refusal::of_upstream(&cause))?;
        let mut versions = parse_list(&fetched.bytes);
        // A version whose major does not fit the path can never be had.
        versions.retain(|version| ModuleVersion::new(module.clone(), version.clone()).is_ok());
        Ok(versions)
    }
}
