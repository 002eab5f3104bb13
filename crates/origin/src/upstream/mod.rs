//! Upstream proxies: module files from a list that is walked as the go command walks `GOPROXY`.
//!
//! Every file is a walk of its own. What comes is bounded and checked as far as it can be without other files; whether
//! bytes are the right ones is not decided here.

mod answer;
mod asked;
mod bounds;
mod direct;
mod error;
mod fetch;
mod list;
mod sink;
mod tree;
mod versions;
mod walk;

use std::sync::Arc;

use bytes::Bytes;
use gomod::path::ModulePath;
use gomod::version::{ModuleVersion, Version};
use url::Url;

use self::fetch::Fetcher;
use self::walk::{Stop, Walk};
use crate::outside::Outside;
use crate::privacy::Privacy;

pub use self::asked::ModuleFile;
pub use self::bounds::UpstreamBounds;
pub use self::direct::Direct;
pub use self::error::{UpstreamClass, UpstreamError};
pub use self::list::{Entry, ListError, Next, Remote, Tree, UpstreamList};
pub use self::sink::{Made, SinkError, ZIP_BYTES_MAX, ZipSink};
pub use self::versions::{LIST_BYTES_MAX, parse_list};

/// Longest body of `supported` that is read away.
const SUPPORTED_BODY_MAX: u64 = 4 * 1024;

/// A small file as it came, and the entry that it came from (without user and password).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The bytes, unchanged.
    pub bytes: Bytes,
    /// The entry's name for logs and rows.
    pub entry: String,
}

/// The list of upstreams, ready to be asked. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Upstreams {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    fetcher: Fetcher,
    privacy: Privacy,
    stops: Vec<Stop>,
    /// Asked for private modules: `direct` alone, whatever the list says.
    private_stops: Vec<Stop>,
    /// Asked instead where every entry of `stops` turned out to be ourselves.
    spare: Vec<Stop>,
}

impl Upstreams {
    /// Makes the list ready: its proxies are trusted wherever they are. `spare` stands in when every entry turns out to
    /// lead back to this server. `direct` is what that word stands for; private modules are asked of nobody else.
    pub fn new(
        outside: Outside,
        list: &UpstreamList,
        spare: Option<&UpstreamList>,
        privacy: Privacy,
        bounds: UpstreamBounds,
        direct: Option<Arc<dyn Direct>>,
    ) -> Self {
        for (entry, _) in list
            .entries()
            .iter()
            .chain(spare.into_iter().flat_map(UpstreamList::entries))
        {
            if let Entry::Remote(remote) = entry {
                outside.trust(remote.base());
            }
        }
        Self {
            inner: Arc::new(Inner {
                stops: Stop::list(list),
                spare: spare.map(Stop::list).unwrap_or_default(),
                private_stops: vec![Stop::new(Entry::Direct, Next::AfterAbsence)],
                fetcher: Fetcher {
                    outside,
                    bounds,
                    direct,
                },
                privacy,
            }),
        }
    }

    /// A list that a stranger named, such as a module's page: its proxies are guarded like any other address.
    pub fn of_stranger(outside: Outside, list: &UpstreamList, bounds: UpstreamBounds) -> Self {
        Self {
            inner: Arc::new(Inner {
                stops: Stop::list(list),
                private_stops: Vec::new(),
                spare: Vec::new(),
                fetcher: Fetcher {
                    outside,
                    bounds,
                    direct: None,
                },
                privacy: Privacy::default(),
            }),
        }
    }

    /// The way out that is used.
    pub fn outside(&self) -> &Outside {
        &self.inner.fetcher.outside
    }

    /// Gets a small file, at most `limit_bytes`. `.info` answers are checked: see the crate's rules for them.
    ///
    /// Where a proxy has no `@latest`, the newest line of its list is taken, as the go command does.
    ///
    /// # Errors
    /// [`UpstreamError`]: the answer that the go command would report for this list.
    pub async fn get_small(
        &self,
        module: &ModulePath,
        file: &ModuleFile,
        limit_bytes: u64,
    ) -> Result<Fetched, UpstreamError> {
        let words = file.describe(module);
        let mut walk = Walk::over(self.inner.stops_for(module));
        while let Some(stop) = walk.next() {
            let asked = match file {
                ModuleFile::Latest => self.inner.fetcher.latest(stop, module, limit_bytes).await,
                file => {
                    self.inner
                        .fetcher
                        .small(stop, module, file, limit_bytes)
                        .await
                }
            };
            match asked {
                Ok(bytes) => {
                    let entry = stop.entry.shown().to_owned();
                    return Ok(Fetched { bytes, entry });
                }
                Err(error) => walk.failed(stop, error),
            }
        }
        Err(walk.end(&words))
    }

    /// Streams a zip into `sink`, which is reset before each entry's first byte. At most [`UpstreamBounds::zip_bytes_max`]. Gives the
    /// name of the entry that it came from.
    ///
    /// # Errors
    /// [`UpstreamError`]; what the sink holds then is worth nothing. Of class `Storage` if the sink could not take it.
    pub async fn get_zip(
        &self,
        of: &ModuleVersion,
        sink: &mut dyn ZipSink,
    ) -> Result<String, UpstreamError> {
        let file = ModuleFile::Zip(of.version().clone());
        let words = file.describe(of.path());
        let mut walk = Walk::over(self.inner.stops_for(of.path()));
        while let Some(stop) = walk.next() {
            match self.inner.fetcher.zip(stop, of, &file, sink).await {
                Ok(()) => return Ok(stop.entry.shown().to_owned()),
                Err(error) => walk.failed(stop, error),
            }
        }
        Err(walk.end(&words))
    }

    /// Says that many versions of a module will be asked for, where version control is the first that will be.
    pub async fn expect(&self, module: &ModulePath, versions: &[Version]) {
        let first = self.inner.stops_for(module).first();
        if let (Some(Entry::Direct), Some(direct)) =
            (first.map(|stop| &stop.entry), &self.inner.fetcher.direct)
        {
            direct.expect(module, versions).await;
        }
    }

    /// Finds out where a checksum database is asked: the first entry whose `sumdb/<name>/supported` says so, its URL
    /// for the database given back. `None` where every entry says no: then the database itself is asked.
    ///
    /// # Errors
    /// [`UpstreamError`] where an entry neither says yes nor no; such a database counts as unreachable.
    /// Source: cmd/go, `modfetch`, `dbClient.initBase`.
    pub async fn find_database(&self, name: &str) -> Result<Option<DatabaseRoute>, UpstreamError> {
        let mut walk = Walk::over(self.inner.stops());
        while let Some(stop) = walk.next() {
            // Folders hold modules; a database behind one would have nobody to keep it.
            let Entry::Remote(remote) = &stop.entry else {
                continue;
            };
            let words = format!("checksum database {name}");
            let url = remote.url_of(&format!("sumdb/{name}/supported"));
            match self
                .inner
                .fetcher
                .open(stop, remote, &url, &words, None)
                .await
            {
                Ok(answer) => {
                    // The body says nothing; reading it keeps the connection usable.
                    let _ = answer.read(SUPPORTED_BODY_MAX).await;
                    return Ok(Some(DatabaseRoute {
                        remote: remote.clone(),
                        name: name.to_owned(),
                    }));
                }
                Err(error) => walk.failed(stop, error),
            }
        }
        if walk.reached_direct() || !walk.has_trouble() {
            return Ok(None);
        }
        Err(walk.end(name))
    }
}

/// A checksum database as one upstream passes it through.
#[derive(Clone, Debug)]
pub struct DatabaseRoute {
    remote: Remote,
    name: String,
}

impl DatabaseRoute {
    /// The URL of one of the database's files; `path` is already escaped.
    pub fn url_of(&self, path: &str) -> Url {
        self.remote.url_of(&format!("sumdb/{}/{path}", self.name))
    }

    /// The upstream, for its credentials.
    pub fn remote(&self) -> &Remote {
        &self.remote
    }
}

impl Inner {
    /// Source: cmd/go/internal/modfetch, `proxyList`: what matches `GONOPROXY` is asked of its origin, even where the
    /// list says `off`.
    fn stops_for(&self, module: &ModulePath) -> &[Stop] {
        if self.privacy.is_direct_only(module) {
            &self.private_stops
        } else {
            self.stops()
        }
    }

    fn stops(&self) -> &[Stop] {
        let led_back = !self.spare.is_empty() && self.stops.iter().any(Stop::is_dropped);
        let is_over = led_back
            && !self
                .stops
                .iter()
                .any(|stop| stop.is_live() || stop.entry == Entry::Off);
        if is_over { &self.spare } else { &self.stops }
    }
}
