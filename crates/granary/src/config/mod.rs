//! Configuration: what the layers say, as values that can be used without looking twice.
//!
//! This room alone reads the environment. Every error names the key and who gave the value.

pub mod goenv;

pub mod gates;
pub mod keys;
pub mod layers;
pub mod reader;
pub mod upstream;
pub mod vcs;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use gates::GatesConfig;
use gomod::private::PrivatePatterns;
use layers::Layers;
use origin::guard::AllowList;
use origin::upstream::UpstreamList;
use reader::Reader;
use store::space::{Reserve, Space};
use tlog::database::DatabaseKey;
use vcs::VcsConfig;
use web::PrivateRead;
use web::config::Network;

/// What the operator lets in when the checksum database has no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SumdbAbsent {
    /// 403 that names the setting.
    Refuse,
    /// Served, with a row that says so.
    Allow,
}

/// Configuration with every value parsed. Addresses are resolved, durations are positive, sizes are in bytes.
#[derive(Clone, Debug)]
pub struct Config {
    /// Addresses to listen on; never empty.
    pub listen: Vec<SocketAddr>,
    /// The data folder.
    pub data: PathBuf,
    /// `private` or `public`.
    pub profile: String,
    /// Address for links, without a slash at its end.
    pub public_url: Option<url::Url>,
    /// Networks whose forwarding headers are believed.
    pub trusted_proxies: Vec<String>,
    /// `postgres://…`, or none for SQLite in the data folder.
    pub database: Option<String>,
    /// Folder of the artifacts when it is not the data folder.
    pub store: Option<PathBuf>,
    /// The GOPROXY list given to Granary itself, if one was.
    pub upstream: Option<String>,
    /// GOPRIVATE, GONOPROXY and GONOSUMDB given to Granary itself.
    pub private: PrivateSettings,
    /// Who may read private modules.
    pub private_read: PrivateRead,
    /// Stages before the last one that are open to everyone.
    pub public_stages: Vec<String>,
    /// GOSUMDB-like text.
    pub sumdb: String,
    /// What to do where the database has no record.
    pub sumdb_absent: SumdbAbsent,
    /// Further databases for clients.
    pub sumdb_also: Vec<String>,
    /// Whether zips follow by themselves.
    pub zips_all: bool,
    /// Captures at once.
    pub capture_workers: usize,
    /// See the key `disk.reserve`.
    pub disk_reserve: Reserve,
    /// See the key `list.fresh`.
    pub list_fresh: Duration,
    /// See the key `list.stale_max`.
    pub list_stale_max: Duration,
    /// See the key `client_wait`.
    pub client_wait: Duration,
    /// See the key `scrub.period`.
    pub scrub_period: Duration,
    /// Hosts and networks past the guard.
    pub origin_allow: Vec<String>,
    /// Requests in flight to one host.
    pub origin_per_host: usize,
    /// Bound on one small request.
    pub origin_timeout: Duration,
    /// Stages, gates and policies.
    pub gates: GatesConfig,
    /// What version control may do.
    pub vcs: VcsConfig,
    /// Certificate and key files.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Bytes of memory for hot answers.
    pub cache_memory: u64,
    /// Connections at once.
    pub connections_max: usize,
    /// Threads that answer clients.
    pub threads: usize,
    /// Time between unready and closed.
    pub drain: Duration,
    /// Filter for the log.
    pub log_level: String,
    /// `auto`, `text` or `json`.
    pub log_format: String,
}

/// Private patterns as given; `None` means that go's own setting holds.
#[derive(Clone, Debug, Default)]
pub struct PrivateSettings {
    /// GOPRIVATE.
    pub goprivate: Option<String>,
    /// GONOPROXY.
    pub gonoproxy: Option<String>,
    /// GONOSUMDB.
    pub gonosumdb: Option<String>,
}

/// Flags of the command line that lie over everything else.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--config`.
    pub file: Option<PathBuf>,
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `--listen`.
    pub listen: Option<String>,
    /// `--set key=value`, in order.
    pub set: Vec<String>,
}

/// Reads all layers: defaults, the file (`--config`, else `GRANARY_CONFIG`, else `granary.toml` in the data folder
/// where there is one), variables, flags.
pub fn read_layers(flags: &Flags) -> Result<Layers> {
    let mut above = Layers::defaults();
    above.add_variables(
        std::env::vars_os()
            .filter_map(|(n, v)| Some((n.into_string().ok()?, v.into_string().ok()?))),
    )?;
    add_flags(&mut above, flags)?;
    let file = match (&flags.file, std::env::var_os("GRANARY_CONFIG")) {
        (Some(file), _) => Some(file.clone()),
        (None, Some(file)) => Some(PathBuf::from(file)),
        (None, None) => data_folder(&above)?
            .map(|data| data.join("granary.toml"))
            .filter(|file| file.exists()),
    };
    let Some(file) = file else { return Ok(above) };
    let mut layers = Layers::defaults();
    layers.add_file(&file)?;
    layers.add_variables(
        std::env::vars_os()
            .filter_map(|(n, v)| Some((n.into_string().ok()?, v.into_string().ok()?))),
    )?;
    add_flags(&mut layers, flags)?;
    Ok(layers)
}

fn add_flags(layers: &mut Layers, flags: &Flags) -> Result<()> {
    if let Some(data) = &flags.data {
        layers.add_flag("data", &data.display().to_string(), "--data")?;
    }
    if let Some(listen) = &flags.listen {
        layers.add_flag("listen", listen, "--listen")?;
    }
    for pair in &flags.set {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| anyhow!("--set wants KEY=VALUE, not `{pair}`"))?;
        layers.add_flag(name.trim(), value, "--set")?;
    }
    Ok(())
}

/// The data folder that the layers name, else the user's own; none where there is no home folder either.
fn data_folder(layers: &Layers) -> Result<Option<PathBuf>> {
    let given = layers.get("data");
    if !given.text.is_empty() {
        return Ok(Some(PathBuf::from(given.text)));
    }
    let base = std::env::var_os("XDG_DATA_HOME")
        .filter(|v| !v.is_empty())
        .map(PathBuf::from);
    let home = std::env::var_os("HOME")
        .filter(|v| !v.is_empty())
        .map(|home| PathBuf::from(home).join(".local/share"));
    Ok(base.or(home).map(|base| base.join("granary")))
}

impl Config {
    /// Parses what the layers say.
    ///
    /// # Errors
    /// The first value that makes no sense, by key and source.
    pub fn from_layers(layers: &Layers) -> Result<Self> {
        let read = Reader { layers };
        let data = data_folder(layers)?.ok_or_else(|| {
            anyhow!(
                "no home folder is known: say where to keep the data with --data or GRANARY_DATA"
            )
        })?;
        let tls = match (read.optional("tls.cert"), read.optional("tls.key")) {
            (Some(cert), Some(key)) => Some((PathBuf::from(cert), PathBuf::from(key))),
            (None, None) => None,
            _ => bail!("tls.cert and tls.key belong together: one of them is missing"),
        };
        let config = Self {
            listen: read.addresses("listen")?,
            data,
            profile: read.one_of("profile", &["private", "public"])?,
            public_url: read.url("public_url")?,
            trusted_proxies: read.list("trusted_proxies"),
            database: read.database()?,
            store: read.store()?,
            upstream: read.optional("upstream"),
            private: PrivateSettings {
                goprivate: read.given("goprivate"),
                gonoproxy: read.given("gonoproxy"),
                gonosumdb: read.given("gonosumdb"),
            },
            private_read: private_read(&read)?,
            public_stages: read.list("public_stages"),
            sumdb: layers.get("sumdb").text,
            sumdb_absent: if read.one_of("sumdb_absent", &["refuse", "allow"])? == "allow" {
                SumdbAbsent::Allow
            } else {
                SumdbAbsent::Refuse
            },
            sumdb_also: read.list("sumdb_also"),
            zips_all: read.one_of("capture.zips", &["all", "asked"])? == "all",
            capture_workers: read.count("capture.workers", 1, 4096)?,
            disk_reserve: read.reserve("disk.reserve")?,
            list_fresh: read.duration("list.fresh")?,
            list_stale_max: read.duration("list.stale_max")?,
            client_wait: read.duration("client_wait")?,
            scrub_period: read.duration("scrub.period")?,
            origin_allow: read.list("origin.allow"),
            origin_per_host: read.count("origin.per_host", 1, 4096)?,
            origin_timeout: read.duration("origin.timeout")?,
            gates: GatesConfig::read(&read)?,
            vcs: VcsConfig::read(&read)?,
            tls,
            cache_memory: read.size("cache.memory")?,
            connections_max: read.count("connections_max", 1, 1_000_000)?,
            threads: read.count("threads", 0, 1024)?,
            drain: read.duration("drain")?,
            log_level: layers.get("log.level").text,
            log_format: read.one_of("log.format", &["auto", "text", "json"])?,
        };
        check_meanings(&read, &config)?;
        Ok(config)
    }

    /// Folder of the artifacts.
    pub fn store_folder(&self) -> PathBuf {
        self.store
            .clone()
            .unwrap_or_else(|| self.data.join("store"))
    }

    /// The file systems that things are kept on: first the data folder's, last the store's.
    pub fn space(&self) -> Space {
        Space::new(
            vec![self.data.clone(), self.store_folder()],
            self.disk_reserve,
        )
    }

    /// The catalog's database, as `catalog` wants it.
    pub fn catalog_url(&self) -> String {
        self.database
            .clone()
            .unwrap_or_else(|| format!("sqlite:{}", self.data.join("catalog.db").display()))
    }

    /// The queue's database, as `queue` wants it.
    pub fn queue_url(&self) -> String {
        self.database
            .clone()
            .unwrap_or_else(|| format!("sqlite:{}", self.data.join("queue.db").display()))
    }

    /// The socket on which commands talk to a running server.
    pub fn socket(&self) -> PathBuf {
        self.data.join("granary.sock")
    }
}

/// Who may read private modules: what is said, else what suits the profile.
fn private_read(read: &Reader<'_>) -> Result<PrivateRead> {
    let said = read.one_of("private_read", &["", "open", "token"])?;
    let is_closed = match said.as_str() {
        "" => read.one_of("profile", &["private", "public"])? == "public",
        said => said == "token",
    };
    Ok(if is_closed {
        PrivateRead::Token
    } else {
        PrivateRead::Open
    })
}

/// Parses what other rooms will parse again, so that nonsense is told by its key before anything is opened.
fn check_meanings(read: &Reader<'_>, config: &Config) -> Result<()> {
    if let Some(list) = &config.upstream {
        list.parse::<UpstreamList>()
            .with_context(|| read.context("upstream"))?;
    }
    let database = |name: &str, text: &str| {
        let wanted = || {
            format!(
                "{}: `{text}` must be name, name+key or 'name+key url'",
                read.context(name)
            )
        };
        text.parse::<DatabaseKey>().map(drop).with_context(wanted)
    };
    if config.sumdb.trim() != "off" {
        database("sumdb", &config.sumdb)?;
    }
    config
        .sumdb_also
        .iter()
        .try_for_each(|text| database("sumdb_also", text))?;
    AllowList::new(config.origin_allow.iter().map(String::as_str))
        .with_context(|| read.context("origin.allow"))?;
    for network in &config.trusted_proxies {
        let wanted = || {
            format!(
                "{}: write addresses or networks such as 10.0.0.0/8",
                read.context("trusted_proxies")
            )
        };
        network.parse::<Network>().with_context(wanted)?;
    }
    check_public_stages(read, config)?;
    for name in ["goprivate", "gonoproxy", "gonosumdb"] {
        read.layers
            .get(name)
            .text
            .parse::<PrivatePatterns>()
            .with_context(|| read.context(name))?;
    }
    crate::logging::filter(&config.log_level)
        .map(drop)
        .with_context(|| read.context("log.level"))
}

/// A mistyped name would leave a stage closed that somebody counts on.
fn check_public_stages(read: &Reader<'_>, config: &Config) -> Result<()> {
    let names = config.gates.stages.names();
    let unknown = config
        .public_stages
        .iter()
        .find(|name| !names.contains(name));
    match unknown {
        Some(name) => bail!(
            "{}: no stage is called {name}; `stages` has {}",
            read.context("public_stages"),
            names.join(", ")
        ),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(set: &[(&str, &str)]) -> Result<Config> {
        let mut layers = Layers::defaults();
        layers.add_flag("data", "/nowhere", "--data").unwrap();
        for (name, value) in set {
            layers.add_flag(name, value, "--set").unwrap();
        }
        Config::from_layers(&layers)
    }

    #[track_caller]
    fn check_refused(name: &str, value: &str) {
        let error = format!("{:#}", config(&[(name, value)]).unwrap_err());
        assert!(error.contains(name), "{error} does not name {name}");
    }

    #[test]
    fn defaults_are_valid_and_loopback() {
        let config = config(&[]).unwrap();
        assert!(
            config
                .listen
                .iter()
                .all(|address| address.ip().is_loopback())
        );
        assert_eq!(config.client_wait, Duration::from_secs(60));
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for (name, value) in [
            ("listen", "nonsense"),
            ("listen", ""),
            ("profile", "secret"),
            ("public_url", "ftp://x"),
            ("database", "mysql://x"),
            ("store", "s3:x"),
            ("sumdb_absent", "maybe"),
            ("private_read", "perhaps"),
            ("public_stages", "nowhere"),
            ("capture.zips", "some"),
            ("capture.workers", "0"),
            ("disk.reserve", "some"),
            ("disk.reserve", "5%"),
            ("list.fresh", "60"),
            ("list.fresh", "60 fortnights"),
            ("cache.memory", "lots"),
            ("upstream", "ftp://example.com"),
            ("upstream", " , "),
            ("sumdb", "name+nokey"),
            ("sumdb_also", "sum.golang.org,name+nokey"),
            ("origin.allow", "10.0.0.0/99"),
            ("trusted_proxies", "10.0.0.0/99"),
            ("goprivate", "[a-"),
            ("origin.use_git_config", "maybe"),
            ("origin.insecure", "[a-"),
            ("origin.govcs", "public"),
            ("origin.ssh", "perhaps"),
            ("vcs.cache_max", "much"),
            ("stages", ""),
            ("stages", "dev:police,prod"),
            ("on_miss", "maybe"),
            ("refusal", "no"),
            ("gate_mods", "maybe"),
            ("policy.cooldown", "7"),
            ("policy.zip_max", "much"),
            ("log.level", "=="),
        ] {
            check_refused(name, value);
        }
    }

    #[test]
    fn private_modules_are_as_open_as_the_profile_unless_it_is_said() {
        for (set, want) in [
            (vec![], PrivateRead::Open),
            (vec![("profile", "public")], PrivateRead::Token),
            (vec![("private_read", "token")], PrivateRead::Token),
            (
                vec![("profile", "public"), ("private_read", "open")],
                PrivateRead::Open,
            ),
        ] {
            assert_eq!(config(&set).unwrap().private_read, want, "{set:?}");
        }
    }

    #[test]
    fn a_certificate_without_a_key_is_refused() {
        assert!(config(&[("tls.cert", "/c.pem")]).is_err());
        assert!(config(&[("tls.cert", "/c.pem"), ("tls.key", "/k.pem")]).is_ok());
    }

    #[test]
    fn a_secret_is_not_in_the_error() {
        let error = format!(
            "{:#}",
            config(&[("database", "mysql://u:hunter2@h")]).unwrap_err()
        );
        assert!(!error.contains("hunter2"), "{error}");
        let error = format!(
            "{:#}",
            config(&[("upstream", "https://u:hunter2@host:notaport")]).unwrap_err()
        );
        assert!(!error.contains("hunter2"), "{error}");
    }
}
