//! The guard against being sent to places that only we can reach (SSRF).
//!
//! Names are judged by the addresses they resolve to, in the very answer that the connection is then made with, so a
//! name cannot change between check and use. What the operator configured is trusted as a [`Site`]: scheme, host *and*
//! port; a redirect from it to anything else is judged like any other stranger. Nothing here opens a connection.

use std::collections::HashSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::address;

/// The setting that lets a host or a network past the guard; named in every refusal.
const SETTING: &str = "origin.allow";

/// Why a place was not asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuardRefusal {
    /// Every address of the host is one that only we could reach.
    #[error(
        "{host} is at {address}, {kind}, which is not asked unless {SETTING} lists the host or its network"
    )]
    Special {
        /// The host as it was named.
        host: String,
        /// One of its addresses.
        address: IpAddr,
        /// What kind of address it is.
        kind: &'static str,
    },
    /// An address written so that it looks like something else (`2130706433`, `0x7f.1`, `0177.0.0.1`).
    #[error("{host} is written in an unusual form in `{written}`, which is not followed")]
    Disguised {
        /// The address that was meant.
        host: String,
        /// The text it came from.
        written: String,
    },
    /// A stranger named the operator's outgoing proxy.
    #[error("{host} is the outgoing proxy, which is not asked for files unless {SETTING} lists it")]
    OutgoingProxy {
        /// The proxy's host.
        host: String,
    },
    /// Neither `http` nor `https`, or no host at all.
    #[error("{scheme}: is not a scheme that is asked over the network")]
    Scheme {
        /// The scheme found.
        scheme: String,
    },
}

/// Scheme, host and port of a server: what credentials, trust and budgets are bound to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Site {
    is_https: bool,
    host: String,
    port: u16,
}

impl Site {
    /// The site of an `http` or `https` URL; `None` for any other.
    pub fn of(url: &Url) -> Option<Self> {
        let is_https = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        Some(Self {
            is_https,
            host: url.host_str()?.to_owned(),
            port: url.port_or_known_default()?,
        })
    }

    /// The host without its port.
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usual = if self.is_https { 443 } else { 80 };
        if self.port == usual {
            f.write_str(&self.host)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// What `origin.allow` lists: hosts by name, networks as `address` or `address/prefix`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList {
    hosts: HashSet<String>,
    networks: Vec<(IpAddr, u8)>,
}

/// An entry of `origin.allow` that is neither a host nor a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{entry}` in {SETTING} is neither a host name nor a network such as 10.0.0.0/8")]
pub struct BadAllowEntry {
    entry: String,
}

impl AllowList {
    /// Reads entries, blanks around them ignored.
    ///
    /// # Errors
    /// [`BadAllowEntry`] for a bad prefix length, a port, a scheme, or characters that no host name has.
    pub fn new<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, BadAllowEntry> {
        let mut list = Self::default();
        for entry in entries
            .into_iter()
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
        {
            list.add(entry).ok_or_else(|| BadAllowEntry {
                entry: entry.to_owned(),
            })?;
        }
        Ok(list)
    }

    fn add(&mut self, entry: &str) -> Option<()> {
        let bare = entry.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = IpAddr::from_str(bare) {
            self.networks
                .push((address, if address.is_ipv4() { 32 } else { 128 }));
            return Some(());
        }
        if let Some((address, prefix)) = entry.split_once('/') {
            let address = IpAddr::from_str(address).ok()?;
            let prefix: u8 = prefix.parse().ok()?;
            let longest = if address.is_ipv4() { 32 } else { 128 };
            (prefix <= longest).then(|| self.networks.push((address, prefix)))?;
            return Some(());
        }
        let is_name = entry
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '-' | '.' | '_'));
        is_name.then(|| self.hosts.insert(normal_host(entry)))?;
        Some(())
    }

    fn has_host(&self, host: &str) -> bool {
        !self.hosts.is_empty() && self.hosts.contains(&normal_host(host))
    }

    fn has_address(&self, address: IpAddr) -> bool {
        let plain = address.to_canonical();
        self.networks.iter().any(|(network, prefix)| {
            address::is_within(address, *network, *prefix)
                || address::is_within(plain, *network, *prefix)
        })
    }
}

/// What the guard found about a URL before anything is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The operator configured this site: it may be anywhere.
    Configured,
    /// A stranger: its addresses are filtered when they are resolved.
    Guarded,
}

/// Judges URLs and resolved addresses.
#[derive(Debug, Default)]
pub struct Guard {
    allow: AllowList,
    outgoing_hosts: HashSet<String>,
    configured: RwLock<HashSet<Site>>,
}

impl Guard {
    /// A guard that lets `allow` past. `outgoing_hosts` are the hosts of the operator's outgoing proxies: connections
    /// to them are made whatever their address is, but no URL that a stranger gave may name them.
    pub fn new(allow: AllowList, outgoing_hosts: impl IntoIterator<Item = String>) -> Self {
        Self {
            allow,
            outgoing_hosts: outgoing_hosts
                .into_iter()
                .map(|host| normal_host(&host))
                .collect(),
            configured: RwLock::default(),
        }
    }

    /// Marks the site of a URL as configured by the operator.
    pub fn trust(&self, url: &Url) {
        if let Some(site) = Site::of(url) {
            self.configured
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(site);
        }
    }

    /// Judges a URL by itself: its scheme, its site, an IP literal.
    ///
    /// # Errors
    /// [`GuardRefusal`]; names are judged later, by [`Guard::filter`].
    pub fn judge(&self, url: &Url) -> Result<Trust, GuardRefusal> {
        let site = Site::of(url).ok_or_else(|| GuardRefusal::Scheme {
            scheme: url.scheme().to_owned(),
        })?;
        if self
            .configured
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&site)
        {
            return Ok(Trust::Configured);
        }
        if self.outgoing_hosts.contains(&normal_host(site.host()))
            && !self.allow.has_host(site.host())
        {
            return Err(GuardRefusal::OutgoingProxy { host: site.host });
        }
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            _ => None,
        };
        match literal {
            Some(address) => self
                .check_address(site.host(), address)
                .map(|()| Trust::Guarded),
            None => Ok(Trust::Guarded),
        }
    }

    /// Keeps of a host's addresses those that may be connected to. The others are never tried.
    ///
    /// # Errors
    /// [`GuardRefusal::Special`] where none is left.
    pub fn filter(
        &self,
        host: &str,
        addresses: Vec<SocketAddr>,
    ) -> Result<Vec<SocketAddr>, GuardRefusal> {
        if self.allow.has_host(host) || self.outgoing_hosts.contains(&normal_host(host)) {
            return Ok(addresses);
        }
        let mut kept = Vec::with_capacity(addresses.len());
        let mut refusal = None;
        for address in addresses {
            match self.check_address(host, address.ip()) {
                Ok(()) => kept.push(address),
                Err(refused) => refusal = Some(refused),
            }
        }
        match refusal {
            Some(refused) if kept.is_empty() => Err(refused),
            _ => Ok(kept),
        }
    }

    fn check_address(&self, host: &str, address: IpAddr) -> Result<(), GuardRefusal> {
        match address::find_special(address) {
            Some(kind) if !self.allow.has_address(address) && !self.allow.has_host(host) => {
                Err(GuardRefusal::Special {
                    host: host.to_owned(),
                    address,
                    kind,
                })
            }
            _ => Ok(()),
        }
    }
}

/// Refuses a redirect whose text hides an IPv4 address behind decimal, octal, hexadecimal or short forms.
///
/// URL parsing has already turned such forms into the address itself, so the text is compared with what came out.
///
/// # Errors
/// [`GuardRefusal::Disguised`].
pub fn check_undisguised(written: &str, previous: &Url, target: &Url) -> Result<(), GuardRefusal> {
    match target.host() {
        Some(Host::Ipv4(address))
            if target.host_str() != previous.host_str()
                && !written.contains(&address.to_string()) =>
        {
            Err(GuardRefusal::Disguised {
                host: address.to_string(),
                written: written
                    .chars()
                    .filter(|c| !c.is_control())
                    .take(200)
                    .collect(),
            })
        }
        _ => Ok(()),
    }
}

/// Resolves names and gives only the addresses that the guard lets through: what is checked is what is dialled.
#[derive(Clone, Debug)]
pub struct GuardedResolver {
    guard: Arc<Guard>,
}

impl GuardedResolver {
    /// A resolver over the system's own.
    pub fn new(guard: Arc<Guard>) -> Self {
        Self { guard }
    }

    /// Resolves a name and filters the answers.
    ///
    /// # Errors
    /// [`GuardRefusal`] (boxed) or what the system's resolver said.
    pub async fn lookup(
        &self,
        host: &str,
    ) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
        let addresses = tokio::net::lookup_host((host, 0)).await?.collect();
        Ok(self.guard.filter(host, addresses)?)
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let addresses = resolver.lookup(name.as_str()).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

fn normal_host(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
