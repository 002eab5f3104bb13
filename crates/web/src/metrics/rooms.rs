//! What other rooms count, as they hand it to the front.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;

/// A count that another room keeps.
#[derive(Clone, Debug)]
pub struct Counter {
    /// Its name without the suffix `_total`.
    pub name: &'static str,
    /// What it counts.
    pub help: &'static str,
    /// The count.
    pub value: Arc<AtomicU64>,
}

/// Counts with labels that another room keeps. Whoever keeps them bounds their number.
#[derive(Clone, Debug)]
pub struct CounterFamily {
    /// Its name without the suffix `_total`.
    pub name: &'static str,
    /// What it counts.
    pub help: &'static str,
    /// Names of the labels.
    pub labels: &'static [&'static str],
    /// The counts by the values of the labels, in the same order.
    pub values: Arc<Mutex<BTreeMap<Vec<String>, u64>>>,
}

/// A figure that another room keeps and that goes up and down.
#[derive(Clone, Debug)]
pub struct Gauge {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// The figure.
    pub value: Arc<AtomicU64>,
}

impl CounterFamily {
    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let kind = ConstCounter::new(0u64).metric_type();
        let mut family = encoder.encode_descriptor(self.name, self.help, None, kind)?;
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        for (labels, count) in values.iter() {
            let labels: Vec<(&str, &str)> = std::iter::zip(self.labels, labels)
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            ConstCounter::new(*count).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
