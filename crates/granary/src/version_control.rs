//! Version control, wired: what of this user's and this machine's settings it gets to know.
//!
//! git's configuration, `.netrc` and go's settings are read here, once, as data. Nothing that they name is run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use git::config::GitConfig;
use git::pack::PackLimits;
use gomod::private::PrivatePatterns;
use origin::outside::Outside;
use origin::upstream::UpstreamBounds;
use origin::vcs::locate::{GovcsRules, LocateSettings, Locator};
use origin::vcs::programs::{ProgramBounds, ProgramSettings, Programs, find_program};
use origin::vcs::repository::{Repositories, RepositorySettings};
use origin::vcs::transport::{RemoteSettings, Remotes, Secrets, SshSettings};
use origin::vcs::{RepositoryProbe, Sources, VersionControl};
use tokio::runtime::Handle;

use crate::config::Config;
use crate::config::goenv::GoEnv;

/// Largest file of settings that is read. Real ones have some kilobytes.
const SETTINGS_BYTES_MAX: u64 = 1 << 20;

/// Version control as the configuration wants it.
///
/// # Errors
/// Settings that make no sense, and folders that cannot be made.
pub fn open(
    config: &Config,
    go: &GoEnv,
    outside: &Outside,
    bounds: UpstreamBounds,
) -> Result<VersionControl> {
    let folder = config.data.join("vcs");
    let repositories = open_repositories(config, outside, &folder, false)?;
    let programs = Arc::new(open_programs(outside, &folder, &["https"])?);
    let probe = RepositoryProbe {
        repositories: Arc::clone(&repositories),
        programs: Arc::clone(&programs),
    };
    let locator = Locator::new(
        outside.clone(),
        Arc::new(probe),
        locate_settings(config, go)?,
    );
    Ok(VersionControl::new(Sources {
        outside: outside.clone(),
        bounds,
        locator,
        repositories,
        programs,
        makers: std::thread::available_parallelism().map_or(2, usize::from),
    }))
}

/// git repositories, cached below `folder`. `is_file_open`: folders of this machine are read, since the operator names
/// them.
///
/// # Errors
/// See [`open`].
pub fn open_repositories(
    config: &Config,
    outside: &Outside,
    folder: &Path,
    is_file_open: bool,
) -> Result<Arc<Repositories>> {
    let settings = RepositorySettings {
        folder: folder.join("git"),
        disk_bytes_max: config.vcs.cache_bytes_max,
        forms_bytes_max: config.vcs.memory_bytes_max,
        refs_fresh: config.list_fresh,
        pack: PackLimits::default(),
    };
    let remote_settings = RemoteSettings {
        is_file_open,
        ..remote_settings(config)?
    };
    let remotes = Remotes::new(outside.clone(), Handle::current(), remote_settings);
    let repositories = Repositories::new(settings, remotes)
        .with_context(|| format!("the caches of repositories in {}", folder.display()))?;
    Ok(Arc::new(repositories))
}

/// Repositories of other kinds, cached below `folder`, whose URLs have one of these schemes.
///
/// # Errors
/// See [`open`].
pub fn open_programs(outside: &Outside, folder: &Path, schemes: &[&str]) -> Result<Programs> {
    let settings = ProgramSettings {
        work_folder: folder.join("programs"),
        path: std::env::var_os("PATH").unwrap_or_default(),
        guard: outside.guard(),
        allowed_schemes: schemes.iter().map(ToString::to_string).collect(),
        bounds: ProgramBounds::default(),
    };
    Programs::new(settings).context("the folder for programs of version control")
}

fn remote_settings(config: &Config) -> Result<RemoteSettings> {
    let (mut git_config, mut secrets) = (GitConfig::default(), Secrets::default());
    if let Some(path) = &config.vcs.secrets {
        let text = std::fs::read(path)
            .with_context(|| format!("`origin.secrets`: cannot read {}", path.display()))?;
        secrets = Secrets::parse(&text)
            .with_context(|| format!("`origin.secrets`: {}", path.display()))?;
    }
    if config.vcs.use_git_config {
        git_config = read_git_config()?;
        if let Some(path) = netrc().filter(|path| path.exists()) {
            let found = Secrets::parse_netrc(&read_settings(&path)?);
            secrets.extend(found.with_context(|| path.display().to_string())?);
        }
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let ssh = config.vcs.ssh || config.vcs.use_git_config;
    // A file that cannot be read is said where a server needs it, and not for the others.
    let roots = git_config
        .ssl_ca_files()
        .filter_map(|path| Some((path.to_owned(), read_settings(Path::new(path)).ok()?)))
        .collect();
    Ok(RemoteSettings {
        config: git_config,
        roots,
        secrets,
        secrets_hint: if config.vcs.use_git_config {
            "put them into .netrc or into the file that the setting origin.secrets names".to_owned()
        } else {
            "put them into the file that the setting origin.secrets names".to_owned()
        },
        insecure: PrivatePatterns::default(),
        git: find_program("git", &path),
        path: path.clone(),
        is_file_open: false,
        ssh: find_program("ssh", &path)
            .filter(|_| ssh)
            .map(|program| SshSettings {
                program,
                key: None,
                known_hosts: None,
            }),
        bounds: origin::vcs::transport::RemoteBounds::default(),
    })
}

fn locate_settings(config: &Config, go: &GoEnv) -> Result<LocateSettings> {
    let value = |own: &Option<String>, name: &str| {
        own.clone()
            .or_else(|| go.get(name).map(|(value, _)| value.to_owned()))
            .unwrap_or_default()
    };
    let private = value(&config.private.goprivate, "GOPRIVATE");
    let insecure = value(&config.vcs.insecure, "GOINSECURE");
    let govcs = value(&config.vcs.govcs, "GOVCS");
    Ok(LocateSettings {
        insecure: insecure
            .parse::<PrivatePatterns>()
            .context("the insecure patterns (origin.insecure)")?,
        private: private
            .parse::<PrivatePatterns>()
            .context("the private patterns (goprivate)")?,
        govcs: govcs
            .parse::<GovcsRules>()
            .context("what version control may be used for (origin.govcs)")?,
        git_allow_protocol: std::env::var("GIT_ALLOW_PROTOCOL").ok(),
        has_ssh: config.vcs.ssh,
        ..LocateSettings::default()
    })
}

/// The user's own configuration, as git finds it; the one of the system is left alone.
/// Source: git-config(1), FILES.
fn read_git_config() -> Result<GitConfig> {
    let mut config = GitConfig::default();
    for path in git_config_files() {
        if path.is_file() {
            let parsed = GitConfig::parse(&read_settings(&path)?);
            config.extend(parsed.with_context(|| path.display().to_string())?);
        }
    }
    Ok(config)
}

fn git_config_files() -> Vec<PathBuf> {
    if let Some(path) = variable("GIT_CONFIG_GLOBAL") {
        return vec![path];
    }
    let home = variable("HOME");
    let base =
        variable("XDG_CONFIG_HOME").or_else(|| home.as_ref().map(|home| home.join(".config")));
    base.map(|base| base.join("git/config"))
        .into_iter()
        .chain(home.map(|home| home.join(".gitconfig")))
        .collect()
}

/// Source: cmd/go/internal/auth, `netrcPath`.
fn netrc() -> Option<PathBuf> {
    variable("NETRC").or_else(|| variable("HOME").map(|home| home.join(".netrc")))
}

fn read_settings(path: &Path) -> Result<Vec<u8>> {
    let size_bytes = std::fs::metadata(path)
        .with_context(|| format!("cannot read {}", path.display()))?
        .len();
    if size_bytes > SETTINGS_BYTES_MAX {
        anyhow::bail!(
            "{} has more than {SETTINGS_BYTES_MAX} bytes",
            path.display()
        );
    }
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn variable(name: &str) -> Option<PathBuf> {
    let value = std::env::var_os(name)?;
    (!value.is_empty()).then(|| PathBuf::from(value))
}
