//! All cached repositories: opened once each, bounded on disk together.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use git::pack::PackLimits;
use sha2::{Digest, Sha256};
use tracing::{info, warn};

use super::cached::{Cached, SCRATCH};
use super::conversation::Conversations;
use super::forms::Forms;
use super::git_code::GitCode;
use super::load::Load;
use super::memory::Memory;
use crate::vcs::code::CodeError;
use crate::vcs::transport::Remotes;

/// Repositories that are kept open; what is open holds a few mapped files and the list of refs.
const OPEN_MAX: usize = 256;

/// How the caches of repositories are kept.
#[derive(Clone, Debug)]
pub struct RepositorySettings {
    /// The folder of all caches.
    pub folder: PathBuf,
    /// Bytes of all caches together; those used longest ago go first.
    pub disk_bytes_max: u64,
    /// Bytes of memory for compressed contents that several versions share.
    pub forms_bytes_max: u64,
    /// How long a list of refs is believed.
    pub refs_fresh: Duration,
    /// What a pack may cost.
    pub pack: PackLimits,
}

/// All git repositories.
#[derive(Debug)]
pub struct Repositories {
    settings: RepositorySettings,
    remotes: Remotes,
    forms: Arc<Forms>,
    load: Arc<Load>,
    memory: Arc<Memory>,
    open: Mutex<HashMap<String, Arc<Cached>>>,
    fallbacks: Arc<AtomicU64>,
}

impl Repositories {
    /// Repositories cached below the settings' folder. What a crash left half
    /// deleted or half fetched is deleted.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn new(settings: RepositorySettings, remotes: Remotes) -> std::io::Result<Self> {
        std::fs::create_dir_all(&settings.folder)?;
        for entry in std::fs::read_dir(&settings.folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(GOING) {
                std::fs::remove_dir_all(entry.path())?;
            } else if entry.file_type()?.is_dir() {
                sweep(&entry.path())?;
            }
        }
        Ok(Self {
            forms: Arc::new(Forms::new(settings.forms_bytes_max)),
            load: Arc::new(Load::new()),
            memory: Arc::new(Memory::new()),
            settings,
            remotes,
            open: Mutex::default(),
            fallbacks: Arc::default(),
        })
    }

    /// How often a server could only be asked through the program git.
    pub fn fallbacks(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.fallbacks)
    }

    /// The repository at a URL. Its server is not asked yet. `is_insecure`: the operator lets it be asked over http.
    ///
    /// # Errors
    /// Class `Storage`.
    pub fn open(&self, url: &str, is_insecure: bool) -> Result<GitCode, CodeError> {
        let cached = self.cached(url, is_insecure)?;
        let (forms, load) = (Arc::clone(&self.forms), Arc::clone(&self.load));
        Ok(GitCode::new(cached, forms, load))
    }

    /// The cache of the repository at a URL.
    ///
    /// # Errors
    /// Class `Storage`.
    pub fn cached(&self, url: &str, is_insecure: bool) -> Result<Arc<Cached>, CodeError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cached) = open.get(url).map(Arc::clone) {
            // What came since may be more than there is room for; it is measured once for all of them.
            if open.values().filter(|one| one.take_growth()).count() > 0 {
                self.make_room(&mut open, self.settings.disk_bytes_max);
            }
            return Ok(cached);
        }
        if open.len() >= OPEN_MAX {
            open.retain(|_, cached| Arc::strong_count(cached) > 1);
        }
        self.make_room(&mut open, self.settings.disk_bytes_max);
        let folder = self.settings.folder.join(name_of(url));
        let remotes = if is_insecure {
            self.remotes.with_http()
        } else {
            self.remotes.clone()
        };
        let conversations = Conversations::new(remotes, url);
        let cached = Cached::open(
            conversations,
            &folder,
            self.settings.pack,
            self.settings.refs_fresh,
            Arc::clone(&self.memory),
            Arc::clone(&self.fallbacks),
        )?;
        let cached = Arc::new(cached);
        open.insert(url.to_owned(), Arc::clone(&cached));
        Ok(cached)
    }

    /// Deletes caches, those used longest ago first, until so many bytes are free or all that is left is in use. Gives how
    /// many bytes that were. Blocks.
    pub fn shrink(&self, by_bytes: u64) -> u64 {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let total = list_caches(&self.settings.folder).map_or(0, |caches| {
            caches.iter().map(|cache| cache.size_bytes).sum()
        });
        self.make_room(&mut open, u64::saturating_sub(total, by_bytes))
    }

    /// Deletes the caches that were used longest ago and that nobody uses now, until no more than `keep_bytes` are held.
    /// Gives how many bytes went.
    fn make_room(&self, open: &mut HashMap<String, Arc<Cached>>, keep_bytes: u64) -> u64 {
        let mut caches = match list_caches(&self.settings.folder) {
            Ok(caches) => caches,
            Err(cause) => {
                warn!(error = %cause, "the caches of repositories cannot be measured");
                return 0;
            }
        };
        let mut total: u64 = caches.iter().map(|cache| cache.size_bytes).sum();
        let before = total;
        caches.sort_by_key(|cache| cache.used_at);
        for cache in caches {
            if total <= keep_bytes {
                break;
            }
            let in_use = open
                .iter()
                .any(|(url, cached)| name_of(url) == cache.name && Arc::strong_count(cached) > 1);
            if in_use {
                continue;
            }
            open.retain(|url, _| name_of(url) != cache.name);
            match self.delete(&cache.name) {
                Ok(()) => {
                    total -= cache.size_bytes;
                    info!(
                        cache = cache.name,
                        size_bytes = cache.size_bytes,
                        "the cache of a repository made room for others"
                    );
                }
                Err(cause) => {
                    warn!(cache = cache.name, error = %cause, "the cache of a repository could not be deleted")
                }
            }
        }
        before - total
    }

    /// Renamed first: half a cache is never taken for one.
    fn delete(&self, name: &str) -> std::io::Result<()> {
        let going = self.settings.folder.join(format!("{GOING}{name}"));
        std::fs::rename(self.settings.folder.join(name), &going)?;
        std::fs::remove_dir_all(going)
    }
}

/// Removes what a crash left in a cache.
fn sweep(cache: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(cache)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(SCRATCH) {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    git::pack::sweep(&cache.join("objects")).map(drop)
}

/// Begins the name of a cache that is being deleted.
const GOING: &str = "going-";

struct CacheOnDisk {
    name: String,
    size_bytes: u64,
    used_at: SystemTime,
}

/// The name of a repository's cache: URLs hold what file names may not.
fn name_of(url: &str) -> String {
    let digest = Sha256::digest(url.as_bytes());
    digest[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn list_caches(folder: &Path) -> std::io::Result<Vec<CacheOnDisk>> {
    let mut caches = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if !entry.file_type()?.is_dir() || name.starts_with(GOING) {
            continue;
        }
        // Opening a cache writes this file, so its time is that of the last use.
        let used_at = std::fs::metadata(entry.path().join("url")).and_then(|url| url.modified());
        caches.push(CacheOnDisk {
            size_bytes: size_of(&entry.path().join("objects/pack")).unwrap_or_default(),
            used_at: used_at.unwrap_or(SystemTime::UNIX_EPOCH),
            name,
        });
    }
    Ok(caches)
}

fn size_of(folder: &Path) -> std::io::Result<u64> {
    std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.metadata()?.len()))
        .sum()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;
    use crate::outside::{Outside, OutsideConfig};
    use crate::vcs::code::Code;
    use crate::vcs::transport::RemoteSettings;

    fn git(folder: &Path, arguments: &[&str], input: &[u8]) -> String {
        use std::io::Write;
        let mut child = Command::new("git")
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "git {arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn repositories(folder: &Path, runtime: &tokio::runtime::Runtime) -> Repositories {
        let outside = Outside::new(&OutsideConfig::new("0.0.0", "https://example.com/", "test"));
        let settings = RemoteSettings {
            git: Some("/usr/bin/git".into()),
            is_file_open: true,
            ..RemoteSettings::default()
        };
        let remotes = Remotes::new(outside.unwrap(), runtime.handle().clone(), settings);
        let settings = RepositorySettings {
            folder: folder.to_owned(),
            disk_bytes_max: 1 << 30,
            forms_bytes_max: 1 << 20,
            refs_fresh: Duration::from_secs(600),
            pack: PackLimits::default(),
        };
        Repositories::new(settings, remotes).unwrap()
    }

    /// The refs are still fresh then, so nothing makes the repository ask its server.
    #[test]
    fn a_repository_that_was_closed_for_others_knows_its_history() {
        let room = tempfile::tempdir().unwrap();
        let place = room.path().join("r.git");
        git(
            room.path(),
            &["init", "-q", "--bare", "-b", "main", "r.git"],
            b"",
        );
        let commit = |n: u32| {
            format!(
                "commit refs/heads/main\ncommitter T <t@t> 170000000{n} +0000\ndata 1\nc\nM 100644 inline f\ndata 2\n{n}\n"
            )
        };
        let tag = "reset refs/tags/v1.0.0\nfrom refs/heads/main\n\n";
        let script = commit(1) + &commit(2) + tag + &commit(3);
        git(&place, &["fast-import", "--quiet"], script.as_bytes());
        let first = git(&place, &["rev-parse", "main~2"], b"");
        let (url, short) = (format!("file://{}", place.display()), &first[..12]);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let repositories = repositories(&room.path().join("caches"), &runtime);
        let open = || repositories.open(&url, false).unwrap();
        // What the tip descends from, which brings the history; that of the tag is not asked for.
        let tip = open().stat("main").unwrap();
        let tag = open().recent_tag(&tip, "", &mut |_| true).unwrap();
        assert_eq!(tag.as_deref(), Some("v1.0.0"));
        for n in 0..OPEN_MAX {
            drop(
                repositories
                    .open(&format!("file:///nowhere/{n}"), false)
                    .unwrap(),
            );
        }
        let is_open = repositories.open.lock().unwrap().contains_key(&url);
        assert!(!is_open, "it was not closed");
        assert_eq!(open().stat(short).unwrap().name, first.trim());
    }
}
