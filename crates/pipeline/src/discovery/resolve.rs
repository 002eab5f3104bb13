//! What a query names now: a branch, a commit, a tag that is no canonical version, or `latest`.

use async_trait::async_trait;
use bytes::Bytes;
use catalog::StoredVersion;
use catalog::work::{HealFile, Refusal, RefusalClass, ResolveAnswer, ResolveAsk};
use gomod::info::Info;
use gomod::path::ModulePath;
use gomod::version::{ModuleVersion, Version};
use jiff::Timestamp;
use origin::latest::{GoMods, choose_latest};
use origin::upstream::ModuleFile;
use tracing::{info, warn};

use crate::processor::Processor;
use crate::refusal;

/// The query that stands for `/@latest`.
pub const LATEST: &str = "latest";

/// See `processor::version`.
const INFO_BYTES_MAX: u64 = 1 << 20;

/// Versions looked at to find the latest among what is stored.
const STORED_VERSIONS_MAX: u64 = 100_000;

impl Processor {
    /// Asks the upstreams what a query names, and notes it. When they cannot be reached, what was last known is the
    /// answer: a build that worked yesterday works today.
    pub async fn resolve(&self, ask: &ResolveAsk) -> ResolveAnswer {
        match self.ask_resolve(ask).await {
            Ok((version, info)) => {
                if let Err(cause) = self
                    .catalog
                    .save_resolution(
                        &ask.module,
                        &ask.query,
                        &version,
                        info.as_bytes(),
                        Timestamp::now(),
                    )
                    .await
                {
                    warn!(module = %ask.module, query = ask.query, error = %cause, "what the query names could not be noted");
                }
                ResolveAnswer::Found { version, info }
            }
            Err(refusal) if refusal.may_pass() || ask.query == LATEST => {
                self.resolve_from_stored(ask, refusal).await
            }
            Err(refusal) => ResolveAnswer::Refused(refusal),
        }
    }

    async fn ask_resolve(&self, ask: &ResolveAsk) -> Result<(Version, String), Refusal> {
        let file = if ask.query == LATEST {
            ModuleFile::Latest
        } else {
            ModuleFile::Info(ask.query.clone())
        };
        let fetched = self
            .upstreams
            .get_small(&ask.module, &file, INFO_BYTES_MAX)
            .await;
        let fetched = fetched.map_err(|cause| refusal::of_upstream(&cause))?;
        let nonsense = |what: String| {
            Refusal::new(
                RefusalClass::Unreachable,
                format!(
                    "{}@{}: the answer of {} makes no sense: {what}",
                    ask.module, ask.query, fetched.entry
                ),
            )
        };
        let info = Info::parse(&fetched.bytes).map_err(|cause| nonsense(cause.to_string()))?;
        ModuleVersion::new(ask.module.clone(), info.version.clone())
            .map_err(|cause| nonsense(cause.to_string()))?;
        let text = String::from_utf8(fetched.bytes.to_vec())
            .map_err(|_| nonsense("it is not UTF-8".to_owned()))?;
        Ok((info.version, text))
    }

    async fn resolve_from_stored(&self, ask: &ResolveAsk, refusal: Refusal) -> ResolveAnswer {
        let noted = self.catalog.find_resolution(&ask.module, &ask.query).await;
        if let Ok(Some(noted)) = noted
            && let Ok(info) = String::from_utf8(noted.info)
        {
            info!(module = %ask.module, query = ask.query, version = %noted.version, "answered from what was last known");
            return ResolveAnswer::Found {
                version: noted.version,
                info,
            };
        }
        if ask.query == LATEST
            && let Some((version, info)) = self.latest_stored(&ask.module).await
        {
            return ResolveAnswer::Found { version, info };
        }
        ResolveAnswer::Refused(refusal)
    }

    /// The latest of what is stored, with its `.info`.
    pub async fn latest_stored(&self, module: &ModulePath) -> Option<(Version, String)> {
        let listed = self
            .catalog
            .list_stored_versions(module, STORED_VERSIONS_MAX)
            .await
            .ok()?;
        let versions: Vec<Version> = listed;
        let version = choose_latest(
            module,
            versions,
            &StoredGoMods {
                processor: self,
                module,
            },
        )
        .await?;
        let stored = self.find_stored(module, &version).await?;
        let info = self.open_whole(&stored, HealFile::Info).await.ok()?;
        Some((version, String::from_utf8(info.bytes().to_vec()).ok()?))
    }

    async fn find_stored(&self, module: &ModulePath, version: &Version) -> Option<StoredVersion> {
        let of = ModuleVersion::new(module.clone(), version.clone()).ok()?;
        self.catalog.find_stored(&of).await.ok()?
    }
}

/// The go.mod files that are stored.
struct StoredGoMods<'a> {
    processor: &'a Processor,
    module: &'a ModulePath,
}

#[async_trait]
impl GoMods for StoredGoMods<'_> {
    async fn read(&self, version: &Version) -> Option<Bytes> {
        let stored = self.processor.find_stored(self.module, version).await?;
        let go_mod = self.processor.open_whole(&stored, HealFile::GoMod).await;
        Some(go_mod.ok()?.bytes())
    }
}
