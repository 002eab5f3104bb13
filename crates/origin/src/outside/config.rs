//! How the way out is set up: identity, roots, outgoing proxies, bounds.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use reqwest::Client;
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue, USER_AGENT, VIA};

use super::body::Pace;
use super::tls::{ExtraRoots, TlsError};
use crate::guard::AllowList;
use crate::outgoing::OutgoingProxies;

/// Most bytes of header lists over HTTP/2, and most header lines over HTTP/1.1: what any proxy sends, ten times over.
const HEADER_BYTES_MAX: u32 = 64 * 1024;
const HEADER_LINES_MAX: usize = 128;

/// Receive windows of HTTP/2. One stream fills a fast line, all together stay bounded.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 16 * 1024 * 1024;

/// How the way out is made. Times and numbers have defaults; the identity has none.
#[derive(Clone, Debug)]
pub struct OutsideConfig {
    /// Version of Granary, for `User-Agent`.
    pub version: String,
    /// Where operators of other servers find out what this is, for `User-Agent`.
    pub about: String,
    /// Id of this installation: letters, digits and dashes. Sent in `Via`.
    pub instance: String,
    /// Root certificates besides the system's.
    pub roots: Vec<ExtraRoots>,
    /// The operator's outgoing proxies.
    pub outgoing: OutgoingProxies,
    /// Hosts and networks let past the guard (`origin.allow`).
    pub allow: AllowList,
    /// Calls to one host at once.
    pub places_per_host: usize,
    /// Longest time for a connection, TLS included.
    pub connect_within: Duration,
    /// How slow bodies may be.
    pub pace: Pace,
    /// Counts what the guard refused, here and on every other way out that is made of this one.
    pub refusals: Arc<AtomicU64>,
}

impl OutsideConfig {
    /// The usual bounds for an installation.
    pub fn new(
        version: impl Into<String>,
        about: impl Into<String>,
        instance: impl Into<String>,
    ) -> Self {
        Self {
            version: version.into(),
            about: about.into(),
            instance: instance.into(),
            roots: Vec::new(),
            outgoing: OutgoingProxies::default(),
            allow: AllowList::default(),
            places_per_host: 64,
            connect_within: Duration::from_secs(10),
            pace: Pace::default(),
            refusals: Arc::default(),
        }
    }
}

/// Why the way out could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Root certificates or TLS itself.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Version, about or instance id cannot stand in a header.
    #[error("{what} cannot be sent in a header")]
    Header {
        /// Which of them.
        what: &'static str,
    },
    /// The HTTP client refused its settings.
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
}

/// What is sent as `User-Agent`.
pub(super) fn agent(config: &OutsideConfig) -> String {
    format!("granary/{} (+{})", config.version, config.about)
}

/// A client with everything but TLS and names.
pub(super) fn builder(config: &OutsideConfig) -> Result<reqwest::ClientBuilder, SetupError> {
    let header = |what: &'static str, text: String| {
        HeaderValue::try_from(text).map_err(|_bad| SetupError::Header { what })
    };
    let user_agent = header("the version", agent(config))?;
    let via = header(
        "the instance id",
        format!("1.1 granary-{}", config.instance),
    )?;
    // Identity: what arrives must be the file's own bytes, and its length the file's own length.
    let plain = HeaderValue::from_static("identity");
    let mut builder = Client::builder()
        .default_headers(HeaderMap::from_iter([
            (USER_AGENT, user_agent),
            (VIA, via),
            (ACCEPT_ENCODING, plain),
        ]))
        .no_proxy()
        .referer(false)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(config.connect_within)
        .pool_max_idle_per_host(config.places_per_host)
        .http1_max_headers(HEADER_LINES_MAX)
        .http2_max_header_list_size(HEADER_BYTES_MAX)
        .http2_initial_stream_window_size(STREAM_WINDOW_BYTES)
        .http2_initial_connection_window_size(CONNECTION_WINDOW_BYTES);
    if !config.outgoing.is_empty() {
        let outgoing = config.outgoing.clone();
        builder = builder.proxy(reqwest::Proxy::custom(move |url| {
            outgoing.find(url).cloned()
        }));
    }
    Ok(builder)
}
