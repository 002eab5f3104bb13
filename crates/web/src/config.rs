//! What the HTTP side is told: limits, waits, lists of names. Nothing here reads an environment or a file; the binary
//! fills the fields in.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use catalog::Stages;
use gomod::private::PrivatePatterns;

use crate::read_rules::ReadRules;

/// Everything that [`crate::Front`] and [`crate::server::serve`] can be told. Every field has a working default.
#[derive(Clone, Debug)]
pub struct FrontConfig {
    /// Names this installation in `Via` and `Granary-Loop`; empty switches the loop check off.
    pub instance_id: String,
    /// Version of the program, shown at `/version` and `/`.
    pub program_version: String,
    /// Counts of other rooms that `/metrics` shows.
    pub counters: Vec<crate::metrics::Counter>,
    /// Counts with labels of other rooms that `/metrics` shows.
    pub counter_families: Vec<crate::metrics::CounterFamily>,
    /// Figures of other rooms that `/metrics` shows.
    pub gauges: Vec<crate::metrics::Gauge>,
    /// 1 while captures are stopped for want of room; `/readyz` says so.
    pub captures_stopped: Arc<AtomicU64>,
    /// What links and reasons use, e.g. `https://granary.example/go`; shown at `/`.
    pub public_url: Option<String>,
    /// Path of `public_url` without a slash at its end, e.g. `/go`; every route is served with and without it.
    pub public_prefix: String,
    /// Names of the checksum databases that are passed on, e.g. `sum.golang.org`; any other is a 404.
    pub databases: Vec<String>,
    /// Module paths whose checksum lookups never leave the house (403).
    pub private: PrivatePatterns,
    /// The views and their order.
    pub stages: Stages,
    /// What is done about a version that is asked for and is not here.
    pub on_miss: OnMiss,
    /// How the gates' "no" and "not yet" look to the go command.
    pub refusal: RefusalMode,
    /// Whether gates hold back `.info` and `.mod` too, and not only zips.
    pub gate_mods: bool,
    /// What is open to everyone and what takes a token to read.
    pub read: ReadRules,
    /// Addresses that are listened on: names under which the API may be asked, beside that of `public_url`.
    pub listen: Vec<SocketAddr>,
    /// Proxies whose `X-Forwarded-For` and `X-Request-Id` are believed.
    pub trusted_proxies: Vec<Network>,

    /// Threads that hold connections; 0 takes one per core.
    pub threads: usize,
    /// Budget of the hot map in bytes of memory (mapped files count little: their pages are the kernel's).
    pub cache_bytes: u64,
    /// Answers of "no" that are remembered at once.
    pub negatives_max: usize,
    /// How long a "no" is remembered; the protocol's users must see a new tag within a minute.
    pub negative_keep: Duration,

    /// A list or `@latest` younger than this is answered without asking anybody.
    pub list_fresh: Duration,
    /// One older than `list_fresh` but younger than this is answered at once and refreshed behind.
    pub list_stale_max: Duration,
    /// How long a list of a module that is stored waits for a refresh before it answers from what is known.
    pub list_patience: Duration,
    /// How long a branch that was resolved before waits for its refresh before the old answer is given.
    pub query_patience: Duration,
    /// How long a client waits for something that is not here yet.
    pub client_wait: Duration,
    /// Versions of one module that a list shows at most.
    pub list_versions_max: u64,

    /// Requests that are looked up or waited for at once; more get a 503. Hits do not count.
    pub requests_max: usize,
    /// Connections held at once over all listeners; more wait in the kernel's backlog.
    pub connections_max: usize,
    /// Files of the store kept open for hot zips.
    pub open_files_max: usize,
    /// File descriptors that the process may have, for the counters; 0: not known.
    pub descriptors_max: u64,
    /// From the first byte of a request to the end of its header block.
    pub header_wait: Duration,
    /// How long a connection may be idle between requests.
    pub idle_wait: Duration,
    /// How long a client may take over the next 64 KiB of an answer.
    pub write_wait: Duration,
    /// Longest header block in bytes; a longer one gets a 431.
    pub header_bytes_max: usize,
    /// Bound of a TLS handshake.
    pub handshake_wait: Duration,
    /// Streams of one HTTP/2 connection at once.
    pub streams_max: u32,

    /// How long `/readyz` says 503 before the listeners close.
    pub drain_delay: Duration,
    /// How long requests in flight may take to end after that.
    pub drain_wait: Duration,
    /// How often new landings are looked for, which drop lists and remembered refusals.
    pub follow_every: Duration,
    /// How often certificate files are looked at for a change.
    pub certificate_check_every: Duration,
}

impl Default for FrontConfig {
    fn default() -> Self {
        Self {
            instance_id: String::new(),
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            counters: Vec::new(),
            counter_families: Vec::new(),
            gauges: Vec::new(),
            captures_stopped: Arc::default(),
            public_url: None,
            public_prefix: String::new(),
            databases: Vec::new(),
            private: PrivatePatterns::default(),
            stages: Stages::default(),
            on_miss: OnMiss::Capture,
            refusal: RefusalMode::Redundancy,
            gate_mods: false,
            read: ReadRules::default(),
            listen: Vec::new(),
            trusted_proxies: Vec::new(),
            threads: 0,
            cache_bytes: 32 << 20,
            negatives_max: 20_000,
            negative_keep: Duration::from_secs(60),
            list_fresh: Duration::from_secs(60),
            list_stale_max: Duration::from_secs(3600),
            list_patience: Duration::from_millis(500),
            query_patience: Duration::from_secs(10),
            client_wait: Duration::from_secs(60),
            list_versions_max: 100_000,
            requests_max: 10_000,
            connections_max: 16_384,
            open_files_max: 256,
            descriptors_max: 0,
            header_wait: Duration::from_secs(10),
            idle_wait: Duration::from_secs(75),
            write_wait: Duration::from_secs(60),
            header_bytes_max: 32 << 10,
            handshake_wait: Duration::from_secs(10),
            streams_max: 128,
            drain_delay: Duration::from_millis(500),
            drain_wait: Duration::from_secs(25),
            follow_every: Duration::from_secs(1),
            certificate_check_every: Duration::from_secs(10),
        }
    }
}

/// What is done about a version that is asked for and is not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnMiss {
    /// It is captured and sent through the gates while the client waits.
    Capture,
    /// That happens behind; the client is told so at once.
    Request,
    /// Nothing.
    Off,
}

/// How the gates' "no" and "not yet" look to the go command, which goes on to the next entry of GOPROXY after a 404 or 410
/// and stops after anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalMode {
    /// Not yet: 404, refused: 403. Others may serve what the gates have not seen.
    Redundancy,
    /// Not yet: 503, refused: 403. Nothing gets around the gates.
    Gatekeeper,
    /// Both 404: the gates advise.
    Advisory,
}

/// One place where requests come in.
#[derive(Clone, Debug)]
pub enum ListenerConfig {
    /// Plain HTTP/1.1 (and HTTP/2 with prior knowledge).
    Tcp(SocketAddr),
    /// HTTP/1.1 and HTTP/2 over TLS.
    Tls {
        /// Where to listen.
        address: SocketAddr,
        /// PEM file of the certificate chain, leaf first.
        certificate: PathBuf,
        /// PEM file of the private key.
        key: PathBuf,
    },
    /// A unix socket, made with mode 0600; the control routes are served here and nowhere else.
    Unix(PathBuf),
}

/// A network such as `10.0.0.0/8` or a single address, IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether an address lies in the network; an IPv4 address mapped into IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(of)) => {
                let shift = 32 - u32::from(self.bits.min(32));
                net.to_bits().checked_shr(shift) == of.to_bits().checked_shr(shift)
            }
            (IpAddr::V6(net), IpAddr::V6(of)) => {
                let shift = 128 - u32::from(self.bits.min(128));
                net.to_bits().checked_shr(shift) == of.to_bits().checked_shr(shift)
            }
            _ => false,
        }
    }
}

/// A text that is not `address` or `address/bits`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an IP network such as 10.0.0.0/8")]
pub struct InvalidNetwork(String);

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let invalid = || InvalidNetwork(text.to_owned());
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().map_err(|_| invalid())?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => bits_max,
            Some(bits) => bits.trim().parse().map_err(|_| invalid())?,
        };
        if bits > bits_max {
            return Err(invalid());
        }
        Ok(Self { address, bits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_contains(network: &str, address: &str, want: bool) {
        let network: Network = network.parse().unwrap();
        assert_eq!(network.contains(address.parse().unwrap()), want);
    }

    #[test]
    fn networks_hold_their_addresses() {
        check_contains("10.0.0.0/8", "10.255.0.1", true);
        check_contains("10.0.0.0/8", "11.0.0.1", false);
        check_contains("10.0.0.0/8", "::ffff:10.0.0.1", true);
        check_contains("127.0.0.1", "127.0.0.1", true);
        check_contains("127.0.0.1", "127.0.0.2", false);
        check_contains("0.0.0.0/0", "203.0.113.9", true);
        check_contains("0.0.0.0/0", "::1", false);
        check_contains("::/0", "2001:db8::1", true);
        check_contains("2001:db8::/32", "2001:db8:1::1", true);
        check_contains("2001:db8::/32", "2001:db9::1", false);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "10.0.0.0/33",
            "::/129",
            "host/8",
            "10.0.0.0/x",
            "10.0.0.0/-1",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text:?}");
        }
    }
}
