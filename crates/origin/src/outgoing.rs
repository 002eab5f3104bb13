//! The operator's outgoing proxies: which request goes through which (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`).
//!
//! The values are given by the caller; the environment is not read here. The rules are those of Go's own client,
//! because the people who set these variables set them for `go`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::{Host, Url};

use crate::address;

/// A proxy setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} is not the URL of an http or https proxy: {why}")]
pub struct BadOutgoingProxy {
    variable: &'static str,
    why: String,
}

/// Which outgoing proxy a URL is asked through.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct OutgoingProxies {
    for_https: Option<Url>,
    for_http: Option<Url>,
    exceptions: Vec<Exception>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Exception {
    Everything,
    Network(IpAddr, u8),
    Address(IpAddr, Option<u16>),
    /// A domain (without its leading dot), whether the domain itself counts, and a port if only that one counts.
    Domain(String, bool, Option<u16>),
}

impl OutgoingProxies {
    /// Reads the three settings; an empty one is none. A proxy without a scheme is an `http` one.
    ///
    /// # Errors
    /// [`BadOutgoingProxy`] for anything but an `http` or `https` URL with a host. Password and path are never shown.
    pub fn new(
        https_proxy: &str,
        http_proxy: &str,
        no_proxy: &str,
    ) -> Result<Self, BadOutgoingProxy> {
        Ok(Self {
            for_https: parse_proxy("HTTPS_PROXY", https_proxy)?,
            for_http: parse_proxy("HTTP_PROXY", http_proxy)?,
            exceptions: no_proxy.split(',').filter_map(parse_exception).collect(),
        })
    }

    /// Whether no proxy is set at all.
    pub fn is_empty(&self) -> bool {
        self.for_https.is_none() && self.for_http.is_none()
    }

    /// Hosts of the proxies.
    pub fn hosts(&self) -> impl Iterator<Item = String> {
        [&self.for_https, &self.for_http]
            .into_iter()
            .filter_map(|proxy| proxy.as_ref()?.host_str().map(str::to_owned))
    }

    /// The proxy for `url`, `None` where it is asked directly. Loopback is always asked directly, as Go does.
    pub fn find(&self, url: &Url) -> Option<&Url> {
        let proxy = match url.scheme() {
            "https" => self.for_https.as_ref()?,
            "http" => self.for_http.as_ref()?,
            _ => return None,
        };
        (!self.is_excepted(url)).then_some(proxy)
    }

    fn is_excepted(&self, url: &Url) -> bool {
        let port = url.port_or_known_default();
        match url.host() {
            Some(Host::Ipv4(address)) => self.is_address_excepted(IpAddr::V4(address), port),
            Some(Host::Ipv6(address)) => self.is_address_excepted(IpAddr::V6(address), port),
            Some(Host::Domain(domain)) => {
                let domain = domain.trim_end_matches('.').to_ascii_lowercase();
                domain == "localhost"
                    || self
                        .exceptions
                        .iter()
                        .any(|exception| exception.is_domain(&domain, port))
            }
            None => true,
        }
    }

    fn is_address_excepted(&self, address: IpAddr, port: Option<u16>) -> bool {
        address.to_canonical().is_loopback()
            || self
                .exceptions
                .iter()
                .any(|exception| exception.is_address(address, port))
    }
}

impl fmt::Debug for OutgoingProxies {
    /// Shows hosts only: the URLs may carry passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.hosts()).finish()
    }
}

impl Exception {
    fn is_address(&self, address: IpAddr, port: Option<u16>) -> bool {
        match self {
            Self::Everything => true,
            Self::Network(network, prefix) => address::is_within(address, *network, *prefix),
            Self::Address(excepted, only) => {
                *excepted == address && (only.is_none() || *only == port)
            }
            Self::Domain(..) => false,
        }
    }

    fn is_domain(&self, host: &str, port: Option<u16>) -> bool {
        match self {
            Self::Everything => true,
            Self::Network(..) | Self::Address(..) => false,
            Self::Domain(domain, itself, only) => {
                let below = host
                    .strip_suffix(domain.as_str())
                    .is_some_and(|rest| rest.ends_with('.'));
                (below || (*itself && host == domain)) && (only.is_none() || *only == port)
            }
        }
    }
}

fn parse_proxy(variable: &'static str, text: &str) -> Result<Option<Url>, BadOutgoingProxy> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let whole = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let bad = |why: String| BadOutgoingProxy { variable, why };
    let url = Url::parse(&whole).map_err(|parse| bad(parse.to_string()))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(Some(url)),
        scheme => Err(bad(format!("{scheme}: is not supported"))),
    }
}

fn parse_exception(text: &str) -> Option<Exception> {
    let text = text.trim().to_ascii_lowercase();
    if text.is_empty() {
        return None;
    }
    if text == "*" {
        return Some(Exception::Everything);
    }
    if let Some((address, prefix)) = text.split_once('/') {
        return Some(Exception::Network(
            IpAddr::from_str(address).ok()?,
            prefix.parse().ok()?,
        ));
    }
    if let Ok(address) = IpAddr::from_str(text.trim_start_matches('[').trim_end_matches(']')) {
        return Some(Exception::Address(address, None));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host.to_owned(), Some(port.parse().ok()?)),
        None => (text, None),
    };
    if let Ok(address) = IpAddr::from_str(host.trim_start_matches('[').trim_end_matches(']')) {
        return Some(Exception::Address(address, port));
    }
    let bare = host.strip_prefix('*').unwrap_or(&host);
    Some(match bare.strip_prefix('.') {
        Some(below) => Exception::Domain(below.to_owned(), false, port),
        None => Exception::Domain(bare.to_owned(), true, port),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_find(no_proxy: &str, url: &str, want: Option<&str>) {
        let proxies =
            OutgoingProxies::new("http://secure.test:1", "plain.test:2", no_proxy).unwrap();
        let found = proxies
            .find(&Url::parse(url).unwrap())
            .and_then(Url::host_str);
        assert_eq!(found, want, "NO_PROXY={no_proxy} {url}");
    }

    #[test]
    fn the_scheme_chooses_the_proxy() {
        check_find("", "https://example.com/", Some("secure.test"));
        check_find("", "http://example.com/", Some("plain.test"));
        check_find("", "http://localhost:3000/", None);
        check_find("", "http://127.0.0.1:3000/", None);
        check_find("", "http://[::1]:3000/", None);
    }

    #[test]
    fn exceptions_are_those_of_go() {
        for (no_proxy, url, excepted) in [
            ("*", "https://example.com/", true),
            ("example.com", "https://example.com/", true),
            ("example.com", "https://a.example.com/", true),
            ("example.com", "https://notexample.com/", false),
            (".example.com", "https://example.com/", false),
            (".example.com", "https://a.example.com/", true),
            ("*.example.com", "https://a.example.com/", true),
            ("example.com:8443", "https://example.com/", false),
            ("example.com:8443", "https://example.com:8443/", true),
            ("10.0.0.0/8", "http://10.1.1.1/", true),
            ("10.0.0.0/8", "http://11.1.1.1/", false),
            ("10.1.1.1", "http://10.1.1.1:81/", true),
            ("10.1.1.1:80", "http://10.1.1.1:81/", false),
            ("10.1.1.1:81", "http://10.1.1.1:81/", true),
            (" x.test , EXAMPLE.com ", "https://example.com/", true),
            ("com", "https://example.com/", true),
        ] {
            check_find(
                no_proxy,
                url,
                (!excepted).then_some(if url.starts_with("https") {
                    "secure.test"
                } else {
                    "plain.test"
                }),
            );
        }
    }

    #[test]
    fn bad_proxies_are_said_without_their_password() {
        let bad = OutgoingProxies::new("socks5://user:secret@x.test", "", "")
            .unwrap_err()
            .to_string();
        assert!(
            bad.contains("HTTPS_PROXY") && !bad.contains("secret"),
            "{bad}"
        );
        assert!(OutgoingProxies::new("", "http://", "").is_err());
        let shown = format!(
            "{:?}",
            OutgoingProxies::new("http://user:secret@x.test", "", "").unwrap()
        );
        assert!(!shown.contains("secret"), "{shown}");
    }
}
