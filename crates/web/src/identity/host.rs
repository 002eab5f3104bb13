//! Under which names this server may be asked where a browser could be led to it: a page of somebody else whose name is
//! made to point here (DNS rebinding) asks under that name, and is refused.

use std::net::{IpAddr, SocketAddr};

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, Uri};

/// The names. A number is no name that could be made to point elsewhere, but only listeners' own are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostRules {
    public: Option<String>,
    /// As users of go write it: with its port.
    shown: Option<String>,
    addresses: Vec<IpAddr>,
}

impl HostRules {
    /// Of `public_url` and of the addresses that are listened on; one that stands for all addresses of the machine lets
    /// every number in.
    pub fn new(public_url: Option<&str>, listen: &[SocketAddr]) -> Self {
        let url = public_url.and_then(|url| url.parse::<Uri>().ok());
        let authority = url.as_ref().and_then(Uri::authority);
        Self {
            public: authority.map(|authority| plain(authority.host())),
            shown: authority.map(ToString::to_string),
            addresses: listen.iter().map(SocketAddr::ip).collect(),
        }
    }

    /// What go calls this server: host and, where the address has one, port.
    pub fn shown(&self) -> &str {
        self.shown.as_deref().unwrap_or("<this server>")
    }

    /// Whether a request asks under one of them; its port does not matter, and every name that it gives counts.
    pub fn is_met(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let given = headers.get_all(HOST).iter().map(|value| {
            let text = value.to_str().ok().filter(|text| !text.contains('@'))?;
            let authority: Authority = text.parse().ok()?;
            Some(authority.host().to_owned())
        });
        let mut hosts: Vec<Option<String>> = given.collect();
        hosts.extend(uri.host().map(|host| Some(host.to_owned())));
        !hosts.is_empty()
            && hosts
                .iter()
                .all(|host| host.as_ref().is_some_and(|host| self.is_own(host)))
    }

    fn is_own(&self, host: &str) -> bool {
        let host = plain(host);
        if let Ok(address) = host.parse::<IpAddr>() {
            let address = address.to_canonical();
            return address.is_loopback()
                || self.public.as_deref() == Some(host.as_str())
                || self
                    .addresses
                    .iter()
                    .any(|own| own.is_unspecified() || own.to_canonical() == address);
        }
        host == "localhost" || self.public.as_deref() == Some(host.as_str())
    }
}

/// In small letters, without the brackets of a number and the dot of an absolute name.
fn plain(host: &str) -> String {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(public_url: Option<&str>, listen: &str) -> HostRules {
        HostRules::new(public_url, &[listen.parse().unwrap()])
    }

    #[track_caller]
    fn check(rules: &HostRules, host: &str, want: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        let path: Uri = "/v1/tokens".parse().unwrap();
        assert_eq!(rules.is_met(&path, &headers), want, "{host}");
    }

    #[test]
    fn only_own_names_and_numbers_are_taken() {
        let own = rules(Some("https://Granary.Example/go"), "10.0.0.5:3000");
        for host in [
            "granary.example",
            "GRANARY.example:8443",
            "granary.example.",
            "10.0.0.5:3000",
            "127.0.0.1",
            "localhost:3000",
            "[::1]:3000",
        ] {
            check(&own, host, true);
        }
        for host in [
            "evil.example",
            "granary.example.evil.example",
            "xgranary.example",
            "10.0.0.6:3000",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "",
            "granary.example/x",
            "evil.example@granary.example:3000",
        ] {
            check(&own, host, false);
        }
        let everywhere = rules(None, "0.0.0.0:3000");
        check(&everywhere, "192.0.2.7:3000", true);
        check(&everywhere, "granary.example", false);
        check(
            &rules(Some("http://[2001:db8::1]:3000"), "[::1]:3000"),
            "[2001:db8::1]:3000",
            true,
        );
    }

    #[test]
    fn every_name_that_is_given_counts() {
        let own = rules(Some("https://granary.example"), "127.0.0.1:3000");
        let mut headers = HeaderMap::new();
        let full: Uri = "http://evil.example/v1/tokens".parse().unwrap();
        assert!(
            !own.is_met(&"/v1/tokens".parse().unwrap(), &headers),
            "no name"
        );
        headers.insert(HOST, "granary.example".parse().unwrap());
        assert!(!own.is_met(&full, &headers));
        let full: Uri = "https://granary.example/v1/tokens".parse().unwrap();
        assert!(own.is_met(&full, &headers));
        headers.append(HOST, "evil.example".parse().unwrap());
        assert!(!own.is_met(&full, &headers));
    }
}
