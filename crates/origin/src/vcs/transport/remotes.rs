//! From a repository's URL to the wire that reaches it.

use std::collections::HashMap;
use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use git::config::HttpSettings;
use git::protocol::Wire;
use tokio::runtime::Handle;
use url::Url;

use super::address::{Address, SshPlace, shown};
use super::http::HttpWire;
use super::program::ProgramWire;
use super::secrets::Secrets;
use super::settings::RemoteSettings;
use crate::outgoing::OutgoingProxies;
use crate::outside::{Credentials, ExtraRoots, Outside};
use crate::refusal;
use crate::upstream::UpstreamClass;
use crate::vcs::code::CodeError;

/// The ways to repositories. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Remotes {
    outside: Outside,
    /// Ways out as the configuration wants them for some servers. As many at most as it has pairs of settings.
    others: Arc<Mutex<HashMap<HttpSettings, Outside>>>,
    handle: Handle,
    settings: Arc<RemoteSettings>,
    secrets: Arc<Secrets>,
    /// Whether any repository may be asked over plain http.
    is_http_open: bool,
}

/// A repository as the program `git` asks for it.
#[derive(Clone, Debug)]
pub struct ForProgram {
    /// The program.
    pub git: PathBuf,
    /// Where it finds its own helpers, in the form of `PATH`.
    pub path: OsString,
    /// The address.
    pub url: String,
    /// The address of the network that was judged, as `http.curloptResolve` takes it: no other is connected to.
    pub pin: Option<String>,
}

impl Remotes {
    /// The ways that `settings` allow. `handle` is of the runtime that HTTP is done on; wires are used on other threads
    /// than its own, ones that may block.
    pub fn new(outside: Outside, handle: Handle, settings: RemoteSettings) -> Self {
        Self {
            outside,
            others: Arc::default(),
            handle,
            secrets: Arc::new(settings.secrets.clone()),
            settings: Arc::new(settings),
            is_http_open: false,
        }
    }

    /// The same ways for a repository of a module that the operator called insecure: plain http is one of them.
    #[must_use]
    pub fn with_http(&self) -> Self {
        Self {
            is_http_open: true,
            ..self.clone()
        }
    }

    /// A repository's URL without user and password, for people and for `.info` files. Not rewritten: what the operator
    /// put in its place is the operator's own affair.
    pub fn url_of(url: &str) -> String {
        shown(url)
    }

    /// The wire to a repository. Opens nothing yet, but for a host of ssh, whose name is looked up.
    ///
    /// # Errors
    /// [`CodeError`] where the URL is none, or of a kind that is not asked.
    pub fn open(&self, url: &str) -> Result<Box<dyn Wire + Send>, CodeError> {
        let rewritten = self.settings.config.rewrite_url(url);
        let is_configured = rewritten != url;
        let name = shown(url);
        match Address::parse(&rewritten, is_configured)? {
            Address::Http(address) => {
                let outside = self.outside_for(&rewritten, &name)?;
                self.open_http(outside, address, name, is_configured)
            }
            Address::Ssh(place) => self.open_ssh(&place, &name, is_configured),
            Address::File(path) => {
                if !is_configured && !self.settings.is_file_open {
                    return Err(forbidden(
                        &name,
                        "repositories on this machine are not read",
                    ));
                }
                let Some(git) = &self.settings.git else {
                    let what =
                        "a repository on this machine needs the program git, which was not found";
                    return Err(forbidden(&name, what));
                };
                let program = ProgramWire::local(git, &path, &name, self.settings.bounds);
                Ok(Box::new(program.wire()))
            }
        }
    }

    /// The way out to a server: the usual one, or with the roots and the proxy that the configuration has for it.
    fn outside_for(&self, url: &str, shown: &str) -> Result<Outside, CodeError> {
        let settings = self.settings.config.http_for(url);
        if settings == HttpSettings::default() {
            return Ok(self.outside.clone());
        }
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outside) = others.get(&settings) {
            return Ok(outside.clone());
        }
        let broken = |what: String| {
            let text = refusal::clean(&format!("{shown}: git's configuration for it: {what}"));
            CodeError::new(UpstreamClass::Storage, text)
        };
        let roots = match &settings.ssl_ca_info {
            Some(path) if !path.is_empty() => match self.settings.roots.get(path) {
                Some(pem) => Some(ExtraRoots {
                    name: path.clone(),
                    pem: pem.clone(),
                }),
                None => return Err(broken(format!("{path} could not be read"))),
            },
            _ => None,
        };
        let outgoing = match &settings.proxy {
            Some(proxy) => match OutgoingProxies::new(proxy, proxy, "") {
                Ok(outgoing) => Some(outgoing),
                Err(cause) => return Err(broken(cause.to_string())),
            },
            None => None,
        };
        let outside = match self.outside.make_other(roots, outgoing) {
            Ok(outside) => outside,
            Err(cause) => return Err(broken(cause.to_string())),
        };
        others.insert(settings, outside.clone());
        Ok(outside)
    }

    /// What the program `git` needs to ask an HTTP server that the native way cannot: `None` where there is no such
    /// program, or the repository is not behind HTTP without credentials. Looks up and judges a stranger's host.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn for_program(&self, url: &str) -> Result<Option<ForProgram>, CodeError> {
        let rewritten = self.settings.config.rewrite_url(url);
        let is_configured = rewritten != url;
        let Address::Http(address) = Address::parse(&rewritten, is_configured)? else {
            return Ok(None);
        };
        let is_open = address.scheme() == "https" || is_configured || self.is_insecure(&address);
        let (Some(git), Some(host)) = (&self.settings.git, address.host_str()) else {
            return Ok(None);
        };
        if !is_open || !address.username().is_empty() {
            return Ok(None);
        }
        let mut pin = None;
        if !is_configured {
            let judged = self.judge(host, &shown(url))?;
            let port = address.port_or_known_default().unwrap_or(443);
            pin = Some(format!("{host}:{port}:{judged}"));
        }
        Ok(Some(ForProgram {
            git: git.clone(),
            path: self.settings.path.clone(),
            url: address.to_string(),
            pin,
        }))
    }

    fn open_http(
        &self,
        outside: Outside,
        mut url: Url,
        shown: String,
        is_configured: bool,
    ) -> Result<Box<dyn Wire + Send>, CodeError> {
        let own = Credentials::take_from(&mut url);
        if url.scheme() == "http" && !is_configured && !self.is_insecure(&url) {
            let what = "repositories are not asked over http: without an insecure pattern for them";
            return Err(forbidden(&shown, what));
        }
        if is_configured {
            outside.trust(&url);
        }
        let is_open = url.scheme() == "http" && !is_configured;
        Ok(Box::new(HttpWire {
            outside,
            handle: self.handle.clone(),
            url,
            shown,
            own,
            // What goes over plain http is read by everyone on the way, so only the operator's own address gets any.
            secrets: match is_open {
                true => Arc::default(),
                false => Arc::clone(&self.secrets),
            },
            secrets_hint: self.settings.secrets_hint.clone(),
            bounds: self.settings.bounds,
            base: None,
        }))
    }

    fn open_ssh(
        &self,
        place: &SshPlace,
        shown: &str,
        is_configured: bool,
    ) -> Result<Box<dyn Wire + Send>, CodeError> {
        let Some(ssh) = &self.settings.ssh else {
            return Err(forbidden(shown, "repositories are not asked over ssh:"));
        };
        let address = match is_configured {
            true => None,
            false => Some(self.judge(&place.host, shown)?),
        };
        let program = ProgramWire::ssh(ssh, place, address, shown, self.settings.bounds);
        Ok(Box::new(program.wire()))
    }

    /// An address of a stranger's host that may be dialled: the one that was judged and no other.
    fn judge(&self, host: &str, shown: &str) -> Result<IpAddr, CodeError> {
        let within = self.settings.bounds.answer_within;
        let looked_up = self
            .handle
            .block_on(async { tokio::time::timeout(within, self.outside.resolve(host)).await });
        let unreachable = |what: &str| {
            let text = refusal::clean(&format!("{shown}: {what}"));
            CodeError::new(UpstreamClass::Unreachable, text)
        };
        match looked_up {
            Ok(Ok(addresses)) => match addresses.first() {
                Some(address) => Ok(address.ip()),
                None => Err(unreachable(&format!("{host} has no address"))),
            },
            Ok(Err(cause)) => Err(unreachable(&cause.to_string())),
            Err(_elapsed) => Err(unreachable(&format!(
                "the address of {host} could not be found in time"
            ))),
        }
    }

    fn is_insecure(&self, url: &Url) -> bool {
        if self.is_http_open {
            return true;
        }
        let host = url.host_str().unwrap_or_default();
        let place = format!("{host}{}", url.path().trim_end_matches('/'));
        self.settings.insecure.is_match(&place)
    }
}

fn forbidden(shown: &str, what: &str) -> CodeError {
    let text = refusal::clean(&format!("{shown}: {what}"));
    CodeError::new(UpstreamClass::Forbidden, text)
}
