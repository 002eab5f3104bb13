//! How the server is: alive, ready, which version, counted how often; and the page at `/`.

use std::future::Future;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use http::StatusCode;
use prometheus_client::registry::Registry;

use crate::answer::Plain;
use crate::front::{Front, Health};
use crate::metrics::{Depths, Scrape};

/// A look at the keepers writes and syncs to disk, so whoever asks often gets the last one.
const HEALTH_KEEP: Duration = Duration::from_secs(1);

/// A keeper that says nothing for this long is not well.
const KEEPER_WAIT: Duration = Duration::from_secs(3);

/// What cannot be written within this time is said; whoever asks for readiness has no more time than that.
const WRITE_WAIT: Duration = Duration::from_secs(1);

const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `/livez`: the process answers.
pub(crate) fn get_live() -> Plain {
    Plain::text(StatusCode::OK, "ok\n")
}

/// `/readyz`: what is stored can be served; or what is in the way. What keeps new versions out is said in either case.
pub(crate) async fn get_ready(front: &Front) -> Plain {
    if front.is_draining() {
        return Plain::text(StatusCode::SERVICE_UNAVAILABLE, "going down\n");
    }
    let Health { troubles, notes } = check_keepers(front).await;
    let (status, first) = if troubles.is_empty() {
        (StatusCode::OK, "ready".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, troubles.join("\n"))
    };
    let notes = notes.iter().map(|note| format!("not captured: {note}\n"));
    Plain::text(status, format!("{first}\n{}", notes.collect::<String>()))
}

async fn check_keepers(front: &Front) -> Health {
    let last = front
        .health
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    if let Some((at, health)) = last
        && at.elapsed() < HEALTH_KEEP
    {
        return health;
    }
    let (catalog, store, catalog_writes, store_writes) = tokio::join!(
        say("catalog", KEEPER_WAIT, front.catalog.last_seq()),
        say("store", KEEPER_WAIT, front.store.check_readable()),
        say("catalog", WRITE_WAIT, front.catalog.check_health()),
        say("store", WRITE_WAIT, front.store.probe()),
    );
    let queue =
        (!front.queue.is_healthy()).then(|| "queue: its table cannot be written".to_owned());
    let stopped = front.config.captures_stopped.load(Ordering::Relaxed) > 0;
    let disk = stopped.then(|| {
        "disk: captures are stopped for want of room, or of the right to write; `granary doctor` says more".to_owned()
    });
    let health = Health {
        troubles: [catalog, store].into_iter().flatten().collect(),
        notes: [catalog_writes, store_writes, queue, disk]
            .into_iter()
            .flatten()
            .collect(),
    };
    let seen = (Instant::now(), health.clone());
    *front.health.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
    health
}

/// What a keeper says that is not well, on one line.
async fn say<T, E: std::fmt::Display>(
    who: &str,
    wait: Duration,
    asked: impl Future<Output = Result<T, E>>,
) -> Option<String> {
    match tokio::time::timeout(wait, asked).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(format!("{who}: {error}")),
        Err(_) => Some(format!("{who}: no answer within {} s", wait.as_secs())),
    }
}

/// `/version`: which program this is, as JSON.
pub(crate) fn get_version(front: &Front) -> Plain {
    let body = serde_json::json!({
        "name": "granary",
        "version": front.config.program_version,
        "instance": front.config.instance_id,
    });
    Plain::of_type(StatusCode::OK, "application/json", format!("{body}\n"))
}

/// `/metrics`: the OpenMetrics text.
pub(crate) async fn get_metrics(front: &Front) -> Plain {
    let versions = tokio::time::timeout(KEEPER_WAIT, front.catalog.count_versions()).await;
    let count = |number: usize| number as u64;
    let scrape = Scrape {
        metrics: front.metrics.clone(),
        depths: Depths {
            versions: versions.ok().and_then(Result::ok),
            jobs: front
                .queue
                .depths()
                .into_iter()
                .map(|(kind, queued, running)| (kind, count(queued), count(running)))
                .collect(),
            hot_bytes: front.hot.weight(),
            connections_max: front.config.connections_max as u64,
            descriptors: count_descriptors(),
            descriptors_max: Some(front.config.descriptors_max).filter(|max| *max > 0),
        },
        counters: front.config.counters.clone(),
        families: front.config.counter_families.clone(),
        gauges: front.config.gauges.clone(),
        program_version: front.config.program_version.clone(),
    };
    let mut registry = Registry::default();
    registry.register_collector(Box::new(scrape));
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &registry) {
        Ok(()) => Plain::of_type(StatusCode::OK, METRICS_TYPE, text),
        Err(_) => Plain::text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the counters cannot be written\n",
        ),
    }
}

/// Descriptors that this process has open, the one for looking left out; `None` where the system does not tell.
fn count_descriptors() -> Option<u64> {
    let open = std::fs::read_dir("/proc/self/fd").ok()?.count() as u64;
    open.checked_sub(1)
}

/// `/`: what this is and how to use it.
pub(crate) fn get_root(front: &Front) -> Plain {
    let address = front
        .config
        .public_url
        .as_deref()
        .unwrap_or("http://127.0.0.1:3000");
    let version = &front.config.program_version;
    Plain::text(
        StatusCode::OK,
        format!(
            "Granary {version}: a repository of Go modules. Every version is verified, kept for ever and served from here.\n\
             \n\
             Use it:      go env -w GOPROXY={address}\n\
             Back again:  go env -u GOPROXY\n\
             \n\
             Health: /livez /readyz   Version: /version   Counters: /metrics\n"
        ),
    )
}

/// The few files at the root that are no modules. Robots have no business with artifacts.
pub(crate) fn get_fixed(name: &str) -> Plain {
    match name {
        "robots.txt" => Plain::text(StatusCode::OK, "User-agent: *\nDisallow: /\n"),
        _ => Plain::text(StatusCode::NOT_FOUND, format!("there is no {name} here\n")),
    }
}
