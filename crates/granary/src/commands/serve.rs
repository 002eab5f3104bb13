//! `granary serve`: one process on a data folder, until it is told to stop.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anyhow::{Context, Result, bail};
use pipeline::scrub::{ScrubCounts, Scrubber};
use tracing::{info, warn};
use web::config::{FrontConfig, ListenerConfig};
use web::metrics::{Counter, Gauge};

use super::gate_figures::{gate_counters, gate_gauge};
use super::rot_counters::rot_counters;
use super::show::client_url;
use super::signals::ending_signal;
use crate::admin_token;
use crate::config::Config;
use crate::config::layers::Layers;
use crate::control::Control;
use crate::descriptors::{self, Descriptors};
use crate::lock::{FolderLock, Taken};
use crate::logging;
use crate::parts::Parts;
use crate::server_socket::OPERATIONS;

/// Serves until SIGTERM or Ctrl-C, drains, and ends well.
pub fn run(layers: &Layers, config: Config) -> Result<bool> {
    logging::start(&config.log_level, &config.log_format)?;
    if !layers.unknown_variables.is_empty() {
        warn!(
            variables = layers.unknown_variables.join(" "),
            "these variables name no setting and do nothing; `granary config show` lists the settings"
        );
    }
    let descriptors = descriptors::raise(&config);
    if descriptors.is_short() {
        warn!(
            limit = descriptors.limit,
            connections_max = descriptors.connections_max,
            "connections_max does not fit: {}",
            descriptors.advice()
        );
    }
    let _lock = match FolderLock::take_over(&config.data, "granary serve")? {
        Taken::Ours(lock) => lock,
        Taken::Theirs(holder) => bail!(
            "the data folder {} is in use by {holder}: stop it, or name another folder with --data",
            config.data.display()
        ),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("granary")
        .build()?;
    runtime.block_on(serve(config, descriptors))?;
    Ok(true)
}

async fn serve(config: Config, descriptors: Descriptors) -> Result<()> {
    let ending = ending_signal()?;
    let shutdown = async move {
        // Not within the macro: what is not logged is not waited for either.
        let signal = ending.await;
        info!("{signal}: draining");
    };
    let parts = Arc::new(Parts::open(&config).await?);
    admin_token::ensure(&config.data, &parts.catalog).await;
    parts.start().await;
    let scrubbed = ScrubCounts::default();
    Scrubber {
        processor: parts.processor.clone(),
        queue: parts.queue.clone(),
        period: config.scrub_period,
        counts: scrubbed.clone(),
    }
    .start();
    let front = web::Front::new(
        parts.catalog.clone(),
        parts.store.clone(),
        parts.queue.clone(),
        front_config(&config, &parts, &descriptors, &scrubbed)?,
    );
    let control = Arc::new(Control {
        parts: parts.clone(),
        runtime: tokio::runtime::Handle::current(),
    });
    let control = web::control::router(OPERATIONS, control);
    let url = client_url(&config);
    info!(
        url,
        profile = config.profile,
        data = %config.data.display(),
        upstream = parts.upstream.shown,
        "serving Go modules; in any Go project: GOPROXY={url} go mod download"
    );
    web::serve(listeners(&config), front, control, shutdown)
        .await
        .context("serving ended early")?;
    parts.close().await;
    info!("stopped");
    Ok(())
}

fn listeners(config: &Config) -> Vec<ListenerConfig> {
    let public = config.listen.iter().map(|address| match &config.tls {
        Some((certificate, key)) => ListenerConfig::Tls {
            address: *address,
            certificate: certificate.clone(),
            key: key.clone(),
        },
        None => ListenerConfig::Tcp(*address),
    });
    public
        .chain([ListenerConfig::Unix(config.socket())])
        .collect()
}

fn front_config(
    config: &Config,
    parts: &Parts,
    descriptors: &Descriptors,
    scrubbed: &ScrubCounts,
) -> Result<FrontConfig> {
    let prefix = config
        .public_url
        .as_ref()
        .map(|url| url.path().trim_end_matches('/').to_owned());
    let trusted: Result<Vec<_>, _> = config
        .trusted_proxies
        .iter()
        .map(|network| network.parse())
        .collect();
    Ok(FrontConfig {
        instance_id: parts.instance_id.clone(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        counters: [counters(parts), rot_counters(parts, scrubbed)].concat(),
        counter_families: gate_counters(parts),
        gauges: gauges(parts),
        captures_stopped: parts.processor.low_water.figures().is_stopped,
        public_url: Some(client_url(config)),
        public_prefix: prefix.unwrap_or_default(),
        databases: parts.databases.clone(),
        private: parts.privacy.database_patterns().clone(),
        read: web::ReadRules {
            private: parts.privacy.patterns().clone(),
            private_read: config.private_read,
            public_stages: config.public_stages.clone(),
        },
        listen: config.listen.clone(),
        trusted_proxies: trusted
            .context("`trusted_proxies`: write addresses or networks such as 10.0.0.0/8")?,
        threads: config.threads,
        cache_bytes: config.cache_memory,
        list_fresh: config.list_fresh,
        list_stale_max: config.list_stale_max,
        client_wait: config.client_wait,
        connections_max: descriptors.connections_max,
        open_files_max: descriptors.open_files_max,
        descriptors_max: descriptors.limit.unwrap_or(0),
        drain_delay: config.drain,
        stages: config.gates.stages.clone(),
        on_miss: config.gates.on_miss,
        refusal: config.gates.refusal,
        gate_mods: config.gates.gate_mods,
        ..FrontConfig::default()
    })
}

/// What the rooms behind the front count.
fn counters(parts: &Parts) -> Vec<Counter> {
    let troubles = parts.catalog.troubles();
    vec![
        Counter {
            name: "granary_git_fallbacks",
            help: "Questions to git servers that only the program git could ask",
            value: parts.git_fallbacks.clone(),
        },
        Counter {
            name: "granary_backups_failed",
            help: "Backups that failed or had to leave files out",
            value: parts.backups.failed.clone(),
        },
        Counter {
            name: "granary_database_lost",
            help: "Times the database server was found to be away",
            value: troubles.lost.clone(),
        },
        Counter {
            name: "granary_catalog_unreachable",
            help: "Calls on the catalog that failed because its database was away",
            value: troubles.unreachable.clone(),
        },
        Counter {
            name: "granary_catalog_busy",
            help: "Calls on the catalog that failed because others held it for too long",
            value: troubles.busy.clone(),
        },
        Counter {
            name: "granary_catalog_retries",
            help: "Calls on the catalog that were tried again after a broken connection or a conflict",
            value: troubles.retries.clone(),
        },
        Counter {
            name: "granary_guard_refusals",
            help: "Questions not asked because they led to an address that is not public",
            value: parts.guard_refusals.clone(),
        },
        Counter {
            name: "granary_database_lies",
            help: "Different answers of checksum databases that could not be proven, and forks",
            value: parts.database_lies.clone(),
        },
        Counter {
            name: "granary_keeper_failures",
            help: "Captures that ended because the disk or the database failed",
            value: pipeline::refusal::keeper_failures(),
        },
        Counter {
            name: "granary_disk_refusals",
            help: "Captures refused for want of room on the disk, or that could not be stored",
            value: parts.processor.low_water.figures().refused,
        },
    ]
}

/// What the rooms behind the front know at the moment.
fn gauges(parts: &Parts) -> Vec<Gauge> {
    let disk = parts.processor.low_water.figures();
    let gauge = |name, help, value: &Arc<AtomicU64>| Gauge {
        name,
        help,
        value: value.clone(),
    };
    vec![
        gate_gauge(parts),
        gauge(
            "granary_last_backup_timestamp_seconds",
            "When the last whole backup was made; 0 for never",
            &parts.backups.last_seconds,
        ),
        gauge(
            "granary_disk_free_bytes",
            "Free bytes on the file system of the data folder or of the store, whichever is nearer to its reserve",
            &disk.free_bytes,
        ),
        gauge(
            "granary_disk_reserve_bytes",
            "Captures stop while fewer bytes are free there",
            &disk.reserve_bytes,
        ),
        gauge(
            "granary_disk_free_files",
            "Files that may still be created there; 0 where there is no bound",
            &disk.free_files,
        ),
        gauge(
            "granary_disk_captures_stopped",
            "1 while captures are stopped for want of room, or of the right to write",
            &disk.is_stopped,
        ),
    ]
}
