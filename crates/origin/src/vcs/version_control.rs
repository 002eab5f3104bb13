//! What stands behind `direct`: module files made from the repositories of their authors.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use gomod::path::ModulePath;
use gomod::version::{ModuleVersion, Version, canonical_version};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;
use tracing::{debug, info};

use super::code::{Code, CodeError};
use super::locate::{Located, Locator, Vcs};
use super::module::{Module, Stated};
use super::pour::pour;
use super::programs::Programs;
use super::repository::Repositories;
use super::words::{ended_early, in_words};
use crate::latest::{GoMods, choose_latest};
use crate::outside::Outside;
use crate::upstream::{
    Direct, Made, ModuleFile, UpstreamBounds, UpstreamClass, UpstreamError, UpstreamList,
    Upstreams, ZipSink,
};

/// Bytes of `.info` and go.mod files that were just made: the second of a version's files does not ask again.
const RECENT_BYTES_MAX: u64 = 16 << 20;

/// How long they are believed. Long enough for both files of a capture, too short for a moved tag to matter.
const RECENT: Duration = Duration::from_secs(60);

/// Makes modules from version control. Cheap to clone.
#[derive(Clone)]
pub struct VersionControl {
    inner: Arc<Inner>,
}

struct Inner {
    outside: Outside,
    bounds: UpstreamBounds,
    locator: Locator,
    repositories: Arc<Repositories>,
    programs: Arc<Programs>,
    /// Zips that are made at once: it is all work of processors.
    makers: Semaphore,
    recent: Cache<ModuleVersion, Arc<VersionFiles>, ByBytes>,
}

/// The small files of a version, made together from one revision.
struct VersionFiles {
    info: Bytes,
    go_mod: Bytes,
    made_at: Instant,
}

#[derive(Clone, Debug)]
struct ByBytes;

impl Weighter<ModuleVersion, Arc<VersionFiles>> for ByBytes {
    fn weight(&self, _of: &ModuleVersion, files: &Arc<VersionFiles>) -> u64 {
        (files.info.len() + files.go_mod.len()) as u64 + 300
    }
}

/// What version control works with.
pub struct Sources {
    /// The way out, for modules whose pages name a proxy.
    pub outside: Outside,
    /// Bounds of such proxies.
    pub bounds: UpstreamBounds,
    /// Finds repositories.
    pub locator: Locator,
    /// git's.
    pub repositories: Arc<Repositories>,
    /// All others'.
    pub programs: Arc<Programs>,
    /// Zips made at once.
    pub makers: usize,
}

impl VersionControl {
    /// Ready to make modules.
    pub fn new(sources: Sources) -> Self {
        Self {
            inner: Arc::new(Inner {
                outside: sources.outside,
                bounds: sources.bounds,
                locator: sources.locator,
                repositories: sources.repositories,
                programs: sources.programs,
                makers: Semaphore::new(sources.makers.max(1)),
                recent: Cache::with_weighter(10_000, RECENT_BYTES_MAX, ByBytes),
            }),
        }
    }

    /// How often a git server could only be asked through the program git.
    pub fn git_fallbacks(&self) -> Arc<AtomicU64> {
        self.inner.repositories.fallbacks()
    }

    /// Deletes caches of git repositories, those used longest ago first, until so many bytes are free. Gives how many that
    /// were. Blocks.
    pub fn shrink_caches(&self, by_bytes: u64) -> u64 {
        self.inner.repositories.shrink(by_bytes)
    }

    async fn located(&self, module: &ModulePath, words: &str) -> Result<Located, UpstreamError> {
        let located = self.inner.locator.find(module).await;
        located.map_err(|error| in_words(words, error))
    }

    /// Runs work over a module's repository on a thread for blocking work.
    async fn over<T: Send + 'static>(
        &self,
        located: Located,
        path: &ModulePath,
        words: &str,
        work: impl FnOnce(&Module) -> Result<T, CodeError> + Send + 'static,
    ) -> Result<T, UpstreamError> {
        let (inner, path) = (Arc::clone(&self.inner), path.clone());
        let run = move || {
            let module = Module::new(
                inner.open(&located)?,
                &located.root,
                located.subdirectory.as_deref(),
                path,
            )?;
            work(&module)
        };
        match tokio::task::spawn_blocking(run).await {
            Ok(done) => done.map_err(|error| in_words(words, error)),
            Err(cause) => Err(ended_early(words, &cause)),
        }
    }

    /// The `.info` and the go.mod of a version, from one revision.
    async fn version_files(
        &self,
        of: &ModuleVersion,
        words: &str,
    ) -> Result<Arc<VersionFiles>, UpstreamError> {
        if let Some(files) = self.inner.recent.get(of)
            && files.made_at.elapsed() > RECENT
        {
            self.inner.recent.remove(of);
        }
        let make = async {
            let located = self.located(of.path(), words).await?;
            let version = of.version().clone();
            self.over(located, of.path(), words, move |module| {
                let stated = module.stat(version.as_str())?;
                check_version(&stated, &version)?;
                Ok(Arc::new(VersionFiles {
                    info: Bytes::from(module.info(&stated)),
                    go_mod: stated.go_mod,
                    made_at: Instant::now(),
                }))
            })
            .await
        };
        self.inner.recent.get_or_insert_async(of, make).await
    }

    /// The `.info` of the version that `latest` names among the tagged ones; `None` where there is no such version. What
    /// a revision without a tag would be called counts only then.
    async fn latest_of_list(
        &self,
        located: &Located,
        path: &ModulePath,
        words: &str,
    ) -> Result<Option<Bytes>, UpstreamError> {
        let list = self.over(located.clone(), path, words, Module::list_versions);
        let go_mods = MadeGoMods {
            version_control: self,
            path,
        };
        let Some(version) = choose_latest(path, list.await?, &go_mods).await else {
            return Ok(None);
        };
        let Ok(of) = ModuleVersion::new(path.clone(), version) else {
            return Ok(None);
        };
        let files = self.version_files(&of, words).await?;
        Ok(Some(files.info.clone()))
    }

    /// The proxy that a module's page names. It is a stranger: its address is guarded like any other.
    fn proxy(&self, located: &Located, words: &str) -> Result<Upstreams, UpstreamError> {
        let list: Result<UpstreamList, _> = located.url.parse();
        let list = list.map_err(|cause| {
            in_words(
                words,
                CodeError::invalid(format!("{}: {cause}", located.url)),
            )
        })?;
        Ok(Upstreams::of_stranger(
            self.inner.outside.clone(),
            &list,
            self.inner.bounds,
        ))
    }
}

/// The go.mod files of a module's versions, made when they are read.
struct MadeGoMods<'a> {
    version_control: &'a VersionControl,
    path: &'a ModulePath,
}

#[async_trait]
impl GoMods for MadeGoMods<'_> {
    async fn read(&self, version: &Version) -> Option<Bytes> {
        let of = ModuleVersion::new(self.path.clone(), version.clone()).ok()?;
        let files = self.version_control.version_files(&of, "").await.ok()?;
        Some(files.go_mod.clone())
    }
}

impl Inner {
    fn open(&self, located: &Located) -> Result<Arc<dyn Code>, CodeError> {
        match located.vcs {
            Vcs::Git => Ok(Arc::new(
                self.repositories.open(&located.url, located.is_insecure)?,
            )),
            vcs => self.programs.open(vcs.name(), &located.url),
        }
    }
}

impl std::fmt::Debug for VersionControl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VersionControl")
    }
}

#[async_trait]
impl Direct for VersionControl {
    async fn get_small(
        &self,
        path: &ModulePath,
        file: &ModuleFile,
        limit_bytes: u64,
    ) -> Result<Bytes, UpstreamError> {
        let words = file.describe(path);
        let version = match file {
            ModuleFile::Info(query) => query.parse::<Version>().ok(),
            ModuleFile::Mod(version) => Some(version.clone()),
            _ => None,
        };
        let of = version.and_then(|version| ModuleVersion::new(path.clone(), version).ok());
        if let Some(of) = of {
            let located = self.located(path, &words).await?;
            if located.vcs == Vcs::Mod {
                let proxy = self.proxy(&located, &words)?;
                return Ok(proxy.get_small(path, file, limit_bytes).await?.bytes);
            }
            let files = self.version_files(&of, &words).await?;
            return Ok(match file {
                ModuleFile::Mod(_) => files.go_mod.clone(),
                _ => files.info.clone(),
            });
        }
        let located = self.located(path, &words).await?;
        if located.vcs == Vcs::Mod {
            let proxy = self.proxy(&located, &words)?;
            return Ok(proxy.get_small(path, file, limit_bytes).await?.bytes);
        }
        if *file == ModuleFile::Latest
            && let Some(latest) = self.latest_of_list(&located, path, &words).await?
        {
            return Ok(latest);
        }
        let file = file.clone();
        self.over(located, path, &words, move |module| match file {
            ModuleFile::List => {
                let versions = module.list_versions_of_module()?;
                let lines: Vec<String> = versions.iter().map(|v| format!("{v}\n")).collect();
                Ok(Bytes::from(lines.concat()))
            }
            ModuleFile::Latest => Ok(Bytes::from(module.info(&module.latest()?))),
            ModuleFile::Info(query) => Ok(Bytes::from(module.info(&stat_query(module, &query)?))),
            ModuleFile::Mod(version) => module.go_mod(&version),
            ModuleFile::Zip(_) => Err(CodeError::invalid("a zip is no small file")),
        })
        .await
    }

    async fn expect(&self, path: &ModulePath, versions: &[Version]) {
        let words = format!("all versions of {path}");
        let versions = versions.to_vec();
        let expected = async {
            let located = self.located(path, &words).await?;
            if located.vcs == Vcs::Mod {
                return Ok(());
            }
            self.over(located, path, &words, move |module| {
                module.fetch_many(&versions)
            })
            .await
        };
        if let Err(error) = expected.await {
            debug!(module = %path, error = %error, "the versions could not be fetched together");
        }
    }

    async fn get_zip(
        &self,
        of: &ModuleVersion,
        sink: &mut dyn ZipSink,
    ) -> Result<(), UpstreamError> {
        let begun = Instant::now();
        let words = ModuleFile::Zip(of.version().clone()).describe(of.path());
        let located = self.located(of.path(), &words).await?;
        if located.vcs == Vcs::Mod {
            self.proxy(&located, &words)?.get_zip(of, sink).await?;
            return Ok(());
        }
        let version = of.version().clone();
        let opened = self.over(located, of.path(), &words, move |module| {
            let stated = module.stat(version.as_str())?;
            check_version(&stated, &version)?;
            Ok((module.open_tree(&stated)?, stated.revision.name))
        });
        let (tree, revision) = opened.await?;
        let Ok(_maker) = self.inner.makers.acquire().await else {
            return Err(in_words(
                &words,
                CodeError::new(UpstreamClass::Storage, "the server stops"),
            ));
        };
        let created = pour(of, tree, sink, &words).await?;
        info!(module = %of, files = created.files, size_bytes = created.zip_bytes, duration_ms = begun.elapsed().as_millis() as u64, h1 = %created.h1, "zip made from version control");
        sink.made(Made {
            h1: created.h1,
            files: created.files,
            unpacked_bytes: created.unpacked_bytes,
            revision,
        });
        Ok(())
    }
}

/// A version in another than its canonical form is looked for in the canonical one first.
/// Source: cmd/go/internal/modload, `queryProxy`.
fn stat_query(module: &Module, query: &str) -> Result<Stated, CodeError> {
    if let Some(canonical) = canonical_version(query).filter(|canonical| canonical != query) {
        match module.stat(&canonical) {
            Err(error) if error.class.is_absence() => {}
            found => return found,
        }
    }
    module.stat(query)
}

/// A canonical version names itself, or it is not there.
fn check_version(stated: &Stated, asked: &Version) -> Result<(), CodeError> {
    if stated.version == *asked {
        return Ok(());
    }
    Err(CodeError::absent(format!(
        "it is called {}",
        stated.version
    )))
}
