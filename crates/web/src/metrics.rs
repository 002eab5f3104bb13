//! Counts of what was answered. Plain relaxed atomics, because the hot loop touches them; they are turned into the
//! Prometheus text when somebody asks. Module names are never labels.

mod rooms;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

pub use rooms::{Counter, CounterFamily, Gauge};

/// Kinds of requests, as labels show them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// `.info` of a version.
    Info,
    /// `.mod` of a version.
    GoMod,
    /// `.zip` of a version.
    Zip,
    /// `@v/list`.
    List,
    /// `@latest`.
    Latest,
    /// `.info` of a branch or commit.
    Query,
    /// Below `/sumdb/`.
    Sumdb,
    /// Everything else, malformed requests included.
    Other,
}

const CLASSES: [(Class, &str); 8] = [
    (Class::Info, "info"),
    (Class::GoMod, "mod"),
    (Class::Zip, "zip"),
    (Class::List, "list"),
    (Class::Latest, "latest"),
    (Class::Query, "query"),
    (Class::Sumdb, "sumdb"),
    (Class::Other, "other"),
];

/// Statuses that are counted apart; any other counts as 0, shown as `other`.
const STATUSES: [u16; 22] = [
    200, 206, 304, 400, 401, 403, 404, 405, 410, 416, 431, 451, 500, 501, 502, 503, 504, 507, 508,
    414, 421, 0,
];

/// How a capture that a client waited for came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureEnd {
    /// Stored and verified.
    Landed,
    /// Only the `.info` was to be had.
    Passed,
    /// A "no".
    Refused,
    /// The bytes are not what the checksum database says.
    Mismatch,
    /// Trouble, here or outside.
    Trouble,
    /// The client's wait ended first.
    TooLate,
}

const CAPTURE_ENDS: [(CaptureEnd, &str); 6] = [
    (CaptureEnd::Landed, "landed"),
    (CaptureEnd::Passed, "passed"),
    (CaptureEnd::Refused, "refused"),
    (CaptureEnd::Mismatch, "mismatch"),
    (CaptureEnd::Trouble, "trouble"),
    (CaptureEnd::TooLate, "too_late"),
];

/// Why a connection was ended against its client's will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// A request's header block took too long.
    SlowHeader,
    /// The client took too little of its answers.
    Stalled,
    /// The client said much and asked for nothing.
    Flood,
}

const CUTS: [(Cut, &str); 3] = [
    (Cut::SlowHeader, "slow_header"),
    (Cut::Stalled, "stalled"),
    (Cut::Flood, "flood"),
];

/// What there was too much of when a request was refused with 503.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overload {
    /// Requests that are looked up or waited for.
    Requests,
    /// Jobs in line.
    Jobs,
}

const OVERLOADS: [(Overload, &str); 2] =
    [(Overload::Requests, "requests"), (Overload::Jobs, "jobs")];

/// The counters of one server.
#[derive(Debug, Default)]
pub struct Metrics {
    requests: [[AtomicU64; STATUSES.len()]; CLASSES.len()],
    hits: [AtomicU64; CLASSES.len()],
    bytes: [AtomicU64; CLASSES.len()],
    captures: [AtomicU64; CAPTURE_ENDS.len()],
    cuts: [AtomicU64; CUTS.len()],
    overloads: [AtomicU64; OVERLOADS.len()],
    /// Times that no connection could be taken because the process or the system had no descriptor or memory for it.
    pub accepts_failed: AtomicU64,
    /// Times that new connections had to wait because as many as may were open.
    pub accepts_held_up: AtomicU64,
    /// Connections that are open now.
    pub connections: AtomicU64,
    /// Connections that ended with bytes that are no request.
    pub malformed: AtomicU64,
}

impl Metrics {
    /// Counts an answer of the hot map. `bytes` is the body that was sent.
    pub fn count_hit(&self, class: Class, bytes: usize) {
        self.hits[class as usize].fetch_add(1, Ordering::Relaxed);
        self.requests[class as usize][0].fetch_add(1, Ordering::Relaxed);
        self.bytes[class as usize].fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts any other answer.
    pub fn count(&self, class: Class, status: u16, bytes: u64) {
        let at = STATUSES
            .iter()
            .position(|known| *known == status)
            .unwrap_or(STATUSES.len() - 1);
        self.requests[class as usize][at].fetch_add(1, Ordering::Relaxed);
        self.bytes[class as usize].fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts how a capture ended for a waiting client.
    pub fn count_capture(&self, end: CaptureEnd) {
        self.captures[end as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection that was cut.
    pub fn count_cut(&self, why: Cut) {
        self.cuts[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request that was refused for lack of room.
    pub fn count_overload(&self, of: Overload) {
        self.overloads[of as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Answers of a class out of the hot map so far.
    pub fn hits(&self, class: Class) -> u64 {
        self.hits[class as usize].load(Ordering::Relaxed)
    }
}

/// What the keepers say about themselves at the moment of a scrape.
#[derive(Clone, Debug, Default)]
pub struct Depths {
    /// Versions in the catalog; `None` when it cannot be asked.
    pub versions: Option<u64>,
    /// Kind, queued and running jobs.
    pub jobs: Vec<(String, u64, u64)>,
    /// Bytes that the hot map weighs.
    pub hot_bytes: u64,
    /// Connections that may be open.
    pub connections_max: u64,
    /// File descriptors that are open, where the system tells.
    pub descriptors: Option<u64>,
    /// File descriptors that may be open, where that is known.
    pub descriptors_max: Option<u64>,
}

/// Renders [`Metrics`] for one scrape.
#[derive(Debug)]
pub(crate) struct Scrape {
    pub metrics: Arc<crate::metrics::Metrics>,
    pub depths: Depths,
    pub counters: Vec<Counter>,
    pub families: Vec<CounterFamily>,
    pub gauges: Vec<Gauge>,
    pub program_version: String,
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        self.encode_requests(&mut encoder)?;
        self.encode_counters(&mut encoder)?;
        self.encode_keepers(&mut encoder)
    }
}

impl Scrape {
    fn encode_requests(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let of = &self.metrics;
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let kind = ConstCounter::new(0u64).metric_type();
        let mut family = encoder.encode_descriptor(
            "granary_requests",
            "Answers by class and status",
            None,
            kind,
        )?;
        for (class, name) in CLASSES {
            for (at, status) in STATUSES.into_iter().enumerate() {
                let count = load(&of.requests[class as usize][at]);
                if count == 0 {
                    continue;
                }
                let status = if status == 0 {
                    "other".to_owned()
                } else {
                    status.to_string()
                };
                let labels = [("class", name), ("status", status.as_str())];
                ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
            }
        }
        for (metric, help, values) in [
            (
                "granary_hits",
                "Answers out of memory, without any keeper",
                &of.hits,
            ),
            ("granary_sent_bytes", "Bytes of bodies sent", &of.bytes),
        ] {
            let mut family = encoder.encode_descriptor(metric, help, None, kind)?;
            for (class, name) in CLASSES {
                let count = ConstCounter::new(load(&values[class as usize]));
                count.encode(family.encode_family(&[("class", name)])?)?;
            }
        }
        let help = "Captures that a client waited for, by how they ended";
        let mut family = encoder.encode_descriptor("granary_captures", help, None, kind)?;
        for (end, name) in CAPTURE_ENDS {
            let count = ConstCounter::new(load(&of.captures[end as usize]));
            count.encode(family.encode_family(&[("end", name)])?)?;
        }
        self.encode_limits(encoder)
    }

    /// What was refused or ended because a bound was reached.
    fn encode_limits(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let of = &self.metrics;
        let count = |counter: &AtomicU64| ConstCounter::new(counter.load(Ordering::Relaxed));
        let kind = ConstCounter::new(0u64).metric_type();
        let help = "Connections ended against their client's will";
        let mut family = encoder.encode_descriptor("granary_connections_cut", help, None, kind)?;
        for (cut, name) in CUTS {
            count(&of.cuts[cut as usize]).encode(family.encode_family(&[("why", name)])?)?;
        }
        let help = "Requests refused with 503 because there was too much to do";
        let mut family = encoder.encode_descriptor("granary_overloads", help, None, kind)?;
        for (overload, name) in OVERLOADS {
            let count = count(&of.overloads[overload as usize]);
            count.encode(family.encode_family(&[("of", name)])?)?;
        }
        for (name, help, counter) in [
            (
                "granary_accepts_failed",
                "Times that a connection could not be taken for want of descriptors or memory",
                &of.accepts_failed,
            ),
            (
                "granary_accepts_held_up",
                "Times that new connections waited because connections_max were open",
                &of.accepts_held_up,
            ),
        ] {
            count(counter).encode(encoder.encode_descriptor(name, help, None, kind)?)?;
        }
        Ok(())
    }

    fn encode_counters(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let malformed = Counter {
            name: "granary_malformed_requests",
            help: "Connections ended because what came is no request of HTTP",
            value: Arc::new(AtomicU64::new(
                self.metrics.malformed.load(Ordering::Relaxed),
            )),
        };
        for counter in self.counters.iter().chain([&malformed]) {
            let count = ConstCounter::new(counter.value.load(Ordering::Relaxed));
            let kind = count.metric_type();
            count.encode(encoder.encode_descriptor(counter.name, counter.help, None, kind)?)?;
        }
        self.families
            .iter()
            .try_for_each(|family| family.encode(encoder))
    }

    fn encode_keepers(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let kind = ConstGauge::new(0i64).metric_type();
        let mut family =
            encoder.encode_descriptor("granary_jobs", "Jobs by kind and state", None, kind)?;
        for (name, queued, running) in &self.depths.jobs {
            for (state, count) in [("queued", *queued), ("running", *running)] {
                let labels = [("kind", name.as_str()), ("state", state)];
                ConstGauge::new(signed(count)).encode(family.encode_family(&labels)?)?;
            }
        }
        let gauges = [
            (
                "granary_versions",
                "Versions in the catalog",
                self.depths.versions,
            ),
            (
                "granary_hot_bytes",
                "Weight of the hot map",
                Some(self.depths.hot_bytes),
            ),
            (
                "granary_connections",
                "Connections open now",
                Some(self.metrics.connections.load(Ordering::Relaxed)),
            ),
            (
                "granary_connections_max",
                "Connections that may be open",
                Some(self.depths.connections_max),
            ),
            (
                "granary_descriptors",
                "File descriptors open now",
                self.depths.descriptors,
            ),
            (
                "granary_descriptors_max",
                "File descriptors that may be open",
                self.depths.descriptors_max,
            ),
        ];
        for (name, help, value) in gauges {
            if let Some(value) = value {
                let gauge = ConstGauge::new(signed(value));
                gauge.encode(encoder.encode_descriptor(name, help, None, kind)?)?;
            }
        }
        for Gauge { name, help, value } in &self.gauges {
            let gauge = ConstGauge::new(signed(value.load(Ordering::Relaxed)));
            gauge.encode(encoder.encode_descriptor(name, help, None, kind)?)?;
        }
        let mut family = encoder.encode_descriptor("granary_build", "The program", None, kind)?;
        let labels = [("version", self.program_version.as_str())];
        ConstGauge::new(1i64).encode(family.encode_family(&labels)?)
    }
}
