//! How the server is: alive, ready, which version, counted how often; and the page at `/`.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use http::StatusCode;
use prometheus_client::registry::Registry;

use crate::answer::Plain;
use crate::front::Front;
use crate::metrics::{Depths, Scrape};

/// A look at the keepers writes and syncs to disk, so whoever asks often gets the last one.
const HEALTH_KEEP: Duration = Duration::from_secs(1);

/// A keeper that says nothing for this long is not well.
const KEEPER_WAIT: Duration = Duration::from_secs(3);

const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `/livez`: the process answers.
pub(crate) fn get_live() -> Plain {
    Plain::text(StatusCode::OK, "ok\n")
}

/// `/readyz`: requests can be served; or what is in the way, one line each.
pub(crate) async fn get_ready(front: &Front) -> Plain {
    if front.is_draining() {
        return Plain::text(StatusCode::SERVICE_UNAVAILABLE, "going down\n");
    }
    let troubles = check_keepers(front).await;
    if troubles.is_empty() {
        return Plain::text(StatusCode::OK, "ready\n");
    }
    Plain::text(StatusCode::SERVICE_UNAVAILABLE, troubles.join("\n") + "\n")
}

async fn check_keepers(front: &Front) -> Vec<String> {
    let last = front
        .health
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    if let Some((at, troubles)) = last
        && at.elapsed() < HEALTH_KEEP
    {
        return troubles;
    }
    let (catalog, store) = tokio::join!(
        tokio::time::timeout(KEEPER_WAIT, front.catalog.check_health()),
        tokio::time::timeout(KEEPER_WAIT, front.store.probe()),
    );
    let mut troubles = Vec::new();
    match catalog {
        Ok(Ok(())) => {}
        Ok(Err(error)) => troubles.push(format!("catalog: {error}")),
        Err(_) => troubles.push("catalog: no answer within 3 s".to_owned()),
    }
    match store {
        Ok(Ok(())) => {}
        Ok(Err(error)) => troubles.push(format!("store: {error}")),
        Err(_) => troubles.push("store: no answer within 3 s".to_owned()),
    }
    if !front.queue.is_healthy() {
        troubles.push("queue: its table cannot be written".to_owned());
    }
    let seen = (Instant::now(), troubles.clone());
    *front.health.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
    troubles
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
        },
        counters: front.config.counters.clone(),
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
