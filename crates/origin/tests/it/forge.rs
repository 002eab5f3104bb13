//! The web as seen through an outgoing proxy: whatever host is asked for, over https or http, a script answers.
//!
//! Module paths have no ports, so their pages are always asked at port 443; a proxy lets tests answer for any host
//! without being it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use gomod::path::ModulePath;
use origin::outgoing::OutgoingProxies;
use origin::outside::{ExtraRoots, Outside, Pace};
use origin::upstream::UpstreamClass;
use origin::vcs::code::CodeError;
use origin::vcs::locate::{LocateSettings, Located, Locator, Probe, Vcs};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::asking::config;
use crate::server::{Seen, Step, answer, ok, play, read_request};
use crate::tls::certify;

type Script = dyn Fn(&str) -> Vec<Step> + Send + Sync;

/// Answers for every host; gone when dropped.
pub struct Forge {
    address: SocketAddr,
    roots: ExtraRoots,
    seen: Arc<Mutex<Vec<(String, Seen)>>>,
    outside: OnceLock<Outside>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Drop for Forge {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Forge {
    /// Starts it. The script gets whole URLs; `CONNECT host:443` before each https connection, to be answered with
    /// nothing where it shall be let through.
    pub async fn start(script: impl Fn(&str) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let (tls, roots) = certify(&[
            "a.test",
            "b.test",
            "c.test",
            "code.launchpad.net",
            "launchpad.net",
        ]);
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (script, noted): (Arc<Script>, _) = (Arc::new(script), Arc::clone(&seen));
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(
                    stream,
                    acceptor.clone(),
                    script.clone(),
                    noted.clone(),
                ));
            }
        });
        Self {
            address,
            roots,
            seen,
            outside: OnceLock::new(),
            accepting,
        }
    }

    /// One that serves pages by their URL without `https://` and `?go-get=1`; 404 for all others.
    pub async fn with_pages(pages: &[(&str, &str)]) -> Self {
        let pages: Vec<(String, String)> = pages
            .iter()
            .map(|(path, page)| (format!("https://{path}?go-get=1"), (*page).to_owned()))
            .collect();
        Self::start(move |url| match pages.iter().find(|(at, _)| at == url) {
            _ if url.starts_with("CONNECT ") => Vec::new(),
            Some((_, page)) => ok(page),
            None => answer("404 Not Found", "", "no such page"),
        })
        .await
    }

    /// URLs asked for so far.
    pub fn urls(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        let urls = seen.iter().map(|(url, _)| url.clone());
        urls.filter(|url| !url.starts_with("CONNECT ")).collect()
    }

    /// A header of the last question for a URL.
    pub fn header(&self, url: &str, name: &str) -> Option<String> {
        let seen = self.seen.lock().unwrap();
        let (_, seen) = seen.iter().rfind(|(at, _)| at == url)?;
        seen.header(name)
    }

    /// A way out through it, as patient as a busy machine needs. Made once: reading the system's roots takes a while.
    pub fn outside(&self) -> Outside {
        let make = || self.outside_of(Pace::default(), Duration::from_secs(20));
        self.outside.get_or_init(make).clone()
    }

    /// A way out through it that loses its patience within a second.
    pub fn impatient(&self) -> Outside {
        let config = config();
        self.outside_of(config.pace, config.connect_within)
    }

    fn outside_of(&self, pace: Pace, connect_within: Duration) -> Outside {
        let mut config = config();
        let proxy = format!("http://{}", self.address);
        config.outgoing = OutgoingProxies::new(&proxy, &proxy, "").unwrap();
        config.roots = vec![self.roots.clone()];
        config.pace = pace;
        config.connect_within = connect_within;
        Outside::new(&config).unwrap()
    }

    /// A locator over it that probes nothing.
    pub fn locator(&self, settings: LocateSettings) -> Locator {
        Locator::new(self.outside(), Arc::new(Probed::default()), settings)
    }

    /// What a locator with the usual settings finds.
    pub async fn find(&self, path: &str) -> Result<Located, CodeError> {
        find(&self.locator(settings()), path).await
    }
}

/// The usual settings.
pub fn settings() -> LocateSettings {
    LocateSettings::default()
}

/// What is found at that path with the locator's settings.
pub async fn find(locator: &Locator, path: &str) -> Result<Located, CodeError> {
    let path: ModulePath = path.parse().unwrap();
    locator.find(&path).await
}

/// Checks the class of a refusal and what its text says.
#[track_caller]
pub fn check_refused(found: &Result<Located, CodeError>, class: UpstreamClass, says: &str) {
    let error = found.as_ref().unwrap_err();
    assert_eq!(error.class, class, "{error}");
    assert!(error.text.contains(says), "{error} does not say {says:?}");
}

/// A page with one tag.
pub fn page(content: &str) -> String {
    format!(
        "<!DOCTYPE html><html><head><meta charset=utf-8><meta name=\"go-import\" content=\"{content}\"></head><body>hello"
    )
}

/// Repositories that are there, by URL; asking for one that is `None` is trouble.
#[derive(Debug, Default)]
pub struct Probed {
    pub there: Vec<(&'static str, Option<bool>)>,
    pub asked: Mutex<Vec<String>>,
}

#[async_trait::async_trait]
impl Probe for Probed {
    async fn is_there(&self, vcs: Vcs, url: &str) -> Result<bool, CodeError> {
        self.asked.lock().unwrap().push(format!("{vcs} {url}"));
        match self.there.iter().find(|(there, _)| *there == url) {
            Some((_, Some(is_there))) => Ok(*is_there),
            Some((_, None)) => Err(CodeError::new(
                UpstreamClass::Unreachable,
                "connection refused",
            )),
            None => Ok(false),
        }
    }
}

async fn serve(
    mut stream: TcpStream,
    acceptor: TlsAcceptor,
    script: Arc<Script>,
    seen: Arc<Mutex<Vec<(String, Seen)>>>,
) -> Option<()> {
    loop {
        let request = read_request(&mut stream).await?;
        let target = request.target.clone();
        let is_tunnel = request.head.starts_with("CONNECT ");
        let url = if is_tunnel {
            format!("CONNECT {target}")
        } else {
            target.clone()
        };
        let steps = script(&url);
        seen.lock().unwrap().push((url, request));
        if !is_tunnel || !steps.is_empty() {
            play(&mut stream, steps).await?;
            continue;
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
        let host = target.strip_suffix(":443")?.to_owned();
        let mut stream = acceptor.accept(stream).await.ok()?;
        loop {
            let request = read_request(&mut stream).await?;
            let url = format!("https://{host}{}", request.target);
            let steps = script(&url);
            seen.lock().unwrap().push((url, request));
            play(&mut stream, steps).await?;
        }
    }
}
