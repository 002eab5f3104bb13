//! The parts of a process, wired: keepers, queue, the way out, the pipeline.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use catalog::Catalog;
use origin::guard::AllowList;
use origin::outgoing::OutgoingProxies;
use origin::outside::{ExtraRoots, Outside, OutsideConfig};
use origin::privacy::Privacy;
use origin::upstream::{UpstreamBounds, UpstreamList, Upstreams};
use origin::vcs::VersionControl;
use pipeline::distrust::Distrust;
use pipeline::gates::Gates;
use pipeline::low_water::LowWater;
use pipeline::passing::Passing;
use pipeline::processor::Processor;
use pipeline::settings::Settings;
use pipeline::trust::Trust;
use pipeline::{Parts as PipelineParts, Pipeline};
use queue::Queue;
use store::{Store, StoreError};
use tracing::{info, warn};

use crate::config::Config;
use crate::config::goenv::GoEnv;
use crate::config::upstream::{Own, choose};
use crate::databases::{Databases, absent};
use crate::elsewhere;
use crate::file_limit;
use crate::gates;
use crate::private_file::write_private;
use crate::version_control;

/// Setting row with the id of this installation.
const INSTANCE_ID: &str = "instance_id";
/// Setting row with the time of the last whole backup, in seconds since 1970.
pub const LAST_BACKUP: &str = "last_backup_seconds";
/// File in the data folder with the list of upstreams last used. It may hold credentials, so only its owner reads it.
const LAST_UPSTREAM: &str = "upstream.last";

/// Time for running jobs to end when the process stops.
const DRAIN_WAIT: Duration = Duration::from_secs(20);

/// Where operators of other servers find out what asks them.
const ABOUT: &str = "a repository of Go modules";

/// The upstreams in use.
#[derive(Clone, Debug)]
pub struct ChosenUpstream {
    /// The list with credentials.
    pub list: String,
    /// The list without credentials.
    pub shown: String,
    /// The list last used here, for the case that every entry turns out to lead back to this server.
    spare: Option<String>,
    /// Who named it.
    pub source: String,
}

/// What is known of backups of this catalog.
#[derive(Clone, Debug, Default)]
pub struct Backups {
    /// When the last whole one was made, in seconds since 1970; 0 for never.
    pub last_seconds: Arc<AtomicU64>,
    /// How many failed or had to leave files out, in this run.
    pub failed: Arc<AtomicU64>,
}

impl Backups {
    async fn read(catalog: &Catalog) -> Result<Self> {
        let last = catalog.get_setting(LAST_BACKUP).await?;
        let seconds = last.and_then(|text| text.parse().ok()).unwrap_or_default();
        Ok(Self {
            last_seconds: Arc::new(AtomicU64::new(seconds)),
            failed: Arc::default(),
        })
    }
}

/// Everything that runs in this process, HTTP aside.
pub struct Parts {
    /// The truth about versions.
    pub catalog: Catalog,
    /// The bytes.
    pub store: Store,
    /// The jobs.
    pub queue: Queue,
    /// Makes artifacts.
    pub processor: Processor,
    /// Moves what is stored from stage to stage.
    pub gates: Gates,
    /// The workers.
    pipeline: Pipeline,
    /// The way out.
    outside: Outside,
    /// Private patterns.
    pub privacy: Privacy,
    /// Id of this installation, made on first start.
    pub instance_id: String,
    /// The upstreams in use.
    pub upstream: ChosenUpstream,
    /// Names of the checksum databases that clients may reach.
    pub databases: Vec<String>,
    /// How often a git server could only be asked through the program git.
    pub git_fallbacks: Arc<AtomicU64>,
    /// Backups made of it.
    pub backups: Backups,
    /// How often someone led to an address that is not asked.
    pub guard_refusals: Arc<AtomicU64>,
    /// How often a checksum database said what it could not prove.
    pub database_lies: Arc<AtomicU64>,
}

impl Parts {
    /// Opens the keepers on the data folder and wires everything to them. Nothing runs yet.
    pub async fn open(config: &Config) -> Result<Self> {
        file_limit::make_it_an_error().context("the limit on file sizes cannot be handled")?;
        elsewhere::check(config)?;
        let go = tokio::task::spawn_blocking(GoEnv::read);
        let Keepers {
            catalog,
            store,
            queue,
        } = Keepers::open(config).await?;
        let instance_id = instance_id(&catalog).await?;
        let go = go.await?;
        let upstream = choose_upstream(config, &go)?;
        let privacy = privacy(config, &go)?;
        let outside = outside(config, &instance_id)?;
        let direct = version_control::open(config, &go, &outside, bounds(config))?;
        let (upstreams, list) = upstreams(config, &upstream, &outside, &privacy, &direct)?;
        let databases = Databases::open(config, &upstreams, &list, &catalog, &store)?;
        let names = databases.by_name.keys().cloned().collect();
        let trust = Trust {
            database: databases.trusted,
            toolchains: databases.toolchains,
            privacy: Arc::new(privacy.clone()),
            absent: absent(config),
        };
        let guard_refusals = outside.refusals();
        let distrust = Distrust::new(catalog.clone());
        let low_water = LowWater::new(config.space(), store.clone(), direct.clone());
        let processor = Processor {
            distrust: distrust.clone(),
            catalog: catalog.clone(),
            store: store.clone(),
            upstreams,
            trust: Arc::new(trust),
            low_water,
            wounds: pipeline::wounds::Wounds::default(),
            lands_in: config.gates.stages.first().into(),
        };
        let gates = gates::open(config, &processor)?;
        let pipeline = Pipeline::register(PipelineParts {
            processor: processor.clone(),
            gates: gates.clone(),
            passing: Passing {
                catalog: catalog.clone(),
                databases: databases.by_name,
                distrust: distrust.clone(),
            },
            queue: queue.clone(),
            settings: settings(config),
        });
        let backups = Backups::read(&catalog).await?;
        Ok(Self {
            catalog,
            store,
            queue,
            processor,
            gates,
            pipeline,
            outside,
            privacy,
            instance_id,
            upstream,
            databases: names,
            git_fallbacks: direct.git_fallbacks(),
            backups,
            guard_refusals,
            database_lies: distrust.count(),
        })
    }

    /// Starts the workers and the sweep.
    pub async fn start(&self) {
        let unfinished = self.queue.start().await;
        if unfinished > 0 {
            info!(unfinished, "jobs of the last run go on");
        }
        tokio::spawn(self.pipeline.clone().sweep());
        tokio::spawn(self.pipeline.clone().sweep_gates());
        tokio::spawn(self.gates.policies.clone().watch());
        tokio::spawn(self.processor.low_water.clone().watch());
    }

    /// Lets running jobs end and writes what is left to write.
    pub async fn close(&self) {
        self.queue.drain(DRAIN_WAIT).await;
        self.catalog.close().await;
    }

    /// A GOPROXY tree as the only source.
    pub fn upstreams_of_tree(&self, tree: &Path) -> Result<Upstreams> {
        let Some(tree) = tree.to_str() else {
            bail!("the path {} is not UTF-8", tree.display())
        };
        let url = url::Url::from_directory_path(tree)
            .map_err(|()| anyhow::anyhow!("{tree} is not an absolute path"))?;
        let list: UpstreamList = url.as_str().parse()?;
        Ok(Upstreams::new(
            self.outside.clone(),
            &list,
            None,
            Privacy::default(),
            UpstreamBounds::default(),
            None,
        ))
    }
}

/// What keeps things on the data folder, or where the configuration says instead.
struct Keepers {
    catalog: Catalog,
    store: Store,
    queue: Queue,
}

impl Keepers {
    async fn open(config: &Config) -> Result<Self> {
        let catalog = Catalog::open(&config.catalog_url())
            .await
            .context("the catalog cannot be opened")?;
        let folder = config.store_folder();
        let store = Store::open_local(&folder, &folder.join("incoming"))
            .with_context(|| format!("the store in {} cannot be opened", folder.display()))?;
        match store.probe().await {
            // What is stored is served all the same, and captures say for themselves that there is no room.
            Err(StoreError::Full { .. }) => {
                warn!(folder = %folder.display(), "there is no room left in the store");
            }
            probed => probed
                .with_context(|| format!("the store in {} cannot be written", folder.display()))?,
        }
        let queue = Queue::open(&config.queue_url())
            .await
            .context("the queue cannot be opened")?;
        Ok(Self {
            catalog,
            store,
            queue,
        })
    }
}

fn upstreams(
    config: &Config,
    chosen: &ChosenUpstream,
    outside: &Outside,
    privacy: &Privacy,
    direct: &VersionControl,
) -> Result<(Arc<Upstreams>, UpstreamList)> {
    let list: UpstreamList = chosen.list.parse().with_context(|| {
        format!(
            "the upstream list {} (from {})",
            chosen.shown, chosen.source
        )
    })?;
    let spare = chosen
        .spare
        .as_deref()
        .and_then(|list| list.parse::<UpstreamList>().ok());
    let upstreams = Upstreams::new(
        outside.clone(),
        &list,
        spare.as_ref(),
        privacy.clone(),
        bounds(config),
        Some(Arc::new(direct.clone())),
    );
    Ok((Arc::new(upstreams), list))
}

fn bounds(config: &Config) -> UpstreamBounds {
    UpstreamBounds {
        answer_within: config.origin_timeout,
        small_within: config.origin_timeout,
        ..UpstreamBounds::default()
    }
}

fn settings(config: &Config) -> Settings {
    let capture_workers = config.capture_workers;
    Settings {
        zips_all: config.zips_all,
        capture_workers,
        zip_workers: capture_workers.div_ceil(2),
    }
}

async fn instance_id(catalog: &Catalog) -> Result<String> {
    if let Some(id) = catalog.get_setting(INSTANCE_ID).await? {
        return Ok(id);
    }
    let id = uuid::Uuid::now_v7().to_string();
    catalog.set_setting(INSTANCE_ID, &id).await?;
    Ok(id)
}

fn choose_upstream(config: &Config, go: &GoEnv) -> Result<ChosenUpstream> {
    let kept = config.data.join(LAST_UPSTREAM);
    let last_used = std::fs::read_to_string(&kept).ok();
    let own = Own {
        listen: config.listen.clone(),
        public_url: config.public_url.clone(),
    };
    let choice = choose(
        config.upstream.as_deref(),
        go.get("GOPROXY"),
        last_used.as_deref(),
        &own,
    );
    if !choice.dropped.is_empty() {
        warn!(
            dropped = choice.dropped.join(" "),
            kept = shown(&choice.list),
            source = choice.source,
            "upstream entries that lead to this server itself are left out"
        );
    }
    if last_used.as_deref() != Some(choice.list.as_str()) {
        write_private(&kept, &choice.list)
            .with_context(|| format!("cannot write {}", kept.display()))?;
    }
    let spare = last_used.filter(|last| *last != choice.list);
    Ok(ChosenUpstream {
        shown: shown(&choice.list),
        list: choice.list,
        spare,
        source: choice.source,
    })
}

/// A list without its passwords, for people.
fn shown(list: &str) -> String {
    list.parse::<UpstreamList>()
        .map_or_else(|_| "(not a list)".to_owned(), |list| list.to_string())
}

/// Private patterns: Granary's own settings, else go's; GONOPROXY and GONOSUMDB default to GOPRIVATE, as in go.
fn privacy(config: &Config, go: &GoEnv) -> Result<Privacy> {
    let value = |own: &Option<String>, name: &str| {
        own.clone()
            .or_else(|| go.get(name).map(|(value, _)| value.to_owned()))
    };
    let privacy = Privacy::new(
        value(&config.private.goprivate, "GOPRIVATE")
            .unwrap_or_default()
            .as_str(),
        value(&config.private.gonoproxy, "GONOPROXY").as_deref(),
        value(&config.private.gonosumdb, "GONOSUMDB").as_deref(),
    );
    privacy.context("the private patterns (goprivate, gonoproxy, gonosumdb)")
}

/// The way out. `instance_id` is told to other servers, so that a circle of them is noticed.
pub fn outside(config: &Config, instance_id: &str) -> Result<Outside> {
    let variable = |upper: &str| {
        let lower = upper.to_lowercase();
        std::env::var(upper)
            .or_else(|_| std::env::var(lower))
            .unwrap_or_default()
    };
    let mut outside = OutsideConfig::new(env!("CARGO_PKG_VERSION"), ABOUT, instance_id);
    outside.outgoing = OutgoingProxies::new(
        &variable("HTTPS_PROXY"),
        &variable("HTTP_PROXY"),
        &variable("NO_PROXY"),
    )?;
    outside.allow =
        AllowList::new(config.origin_allow.iter().map(String::as_str)).context("`origin.allow`")?;
    outside.places_per_host = config.origin_per_host;
    if let Ok(path) = std::env::var("SSL_CERT_FILE")
        && !path.is_empty()
    {
        let pem = std::fs::read(&path).with_context(|| {
            format!("cannot read the certificates that SSL_CERT_FILE names: {path}")
        })?;
        outside.roots.push(ExtraRoots { name: path, pem });
    }
    Ok(Outside::new(&outside)?)
}
