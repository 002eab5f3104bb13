//! Which upstreams to capture from, when the operator names none: those that go itself is set to use, without ourselves.

use std::net::{IpAddr, SocketAddr};

use url::Url;

/// What stands in for a list when nothing else is known: build from version control.
const DIRECT: &str = "direct";

/// A GOPROXY list and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The list, in GOPROXY's form.
    pub list: String,
    /// Who said so, for logs and `doctor`.
    pub source: String,
    /// Entries that lead to ourselves and were dropped.
    pub dropped: Vec<String>,
}

/// Where this server can be reached, to notice entries that lead to it.
#[derive(Clone, Debug)]
pub struct Own {
    /// Its listeners.
    pub listen: Vec<SocketAddr>,
    /// Its public address.
    pub public_url: Option<Url>,
}

/// Chooses the list: `given` to Granary itself, else go's own, else the one `last_used` here, else `direct`.
/// Entries that lead to ourselves are dropped; a list of which nothing remains counts as not there.
pub fn choose(
    given: Option<&str>,
    go: Option<(&str, &str)>,
    last_used: Option<&str>,
    own: &Own,
) -> Choice {
    let mut dropped = Vec::new();
    let candidates = [
        given.map(|list| (list, "the configuration".to_owned())),
        go.map(|(list, source)| (list, format!("GOPROXY of {source}"))),
        last_used.map(|list| (list, "the list last used on this data folder".to_owned())),
    ];
    for (list, source) in candidates.into_iter().flatten() {
        let remaining = without_own(list, own, &mut dropped);
        // `direct` that stood behind ourselves is no list of its own: it was the way around us.
        let only_leftovers =
            !dropped.is_empty() && !remaining.contains("://") && remaining != list.trim();
        if !remaining.is_empty() && !only_leftovers {
            return Choice {
                list: remaining,
                source,
                dropped,
            };
        }
    }
    Choice {
        list: DIRECT.to_owned(),
        source: "no list is set anywhere".to_owned(),
        dropped,
    }
}

/// Leaves out the entries that lead to ourselves, keeping the separators between those that stay.
fn without_own(list: &str, own: &Own, dropped: &mut Vec<String>) -> String {
    let mut kept = String::new();
    let mut rest = list.trim();
    while !rest.is_empty() {
        let end = rest.find([',', '|']).unwrap_or(rest.len());
        let (entry, separator) = (rest[..end].trim(), rest.get(end..end + 1).unwrap_or(""));
        rest = rest.get(end + 1..).unwrap_or("");
        if is_own(entry, own) {
            dropped.push(entry.to_owned());
        } else if !entry.is_empty() {
            kept.push_str(entry);
            kept.push_str(separator);
        }
    }
    kept.trim_end_matches([',', '|']).to_owned()
}

fn is_own(entry: &str, own: &Own) -> bool {
    let Ok(url) = Url::parse(entry) else {
        return false;
    };
    if !matches!(url.scheme(), "http" | "https") {
        return false;
    }
    let same_server = |other: &Url| {
        url.host_str() == other.host_str()
            && url.port_or_known_default() == other.port_or_known_default()
    };
    if own
        .public_url
        .as_ref()
        .is_some_and(|public| same_server(public) && url.path().starts_with(public.path()))
    {
        return true;
    }
    let port = url.port_or_known_default();
    own.listen
        .iter()
        .any(|address| Some(address.port()) == port && leads_to(&url, address.ip()))
}

/// Whether a host that is written as an address or as localhost is the listener's.
fn leads_to(url: &Url, listener: IpAddr) -> bool {
    let host = match url.host() {
        Some(url::Host::Ipv4(address)) => IpAddr::V4(address),
        Some(url::Host::Ipv6(address)) => IpAddr::V6(address),
        Some(url::Host::Domain(name)) => {
            return name == "localhost" && (listener.is_loopback() || listener.is_unspecified());
        }
        None => return false,
    };
    host == listener
        || (listener.is_unspecified() && (host.is_loopback() || host.is_unspecified()))
        || (host.is_unspecified() && listener.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Own {
        Own {
            listen: vec!["127.0.0.1:3000".parse().unwrap()],
            public_url: Some(Url::parse("https://granary.example/go").unwrap()),
        }
    }

    #[track_caller]
    fn check(given: Option<&str>, go: Option<&str>, last: Option<&str>, want: &str) {
        let choice = choose(given, go.map(|list| (list, "go env")), last, &own());
        assert_eq!(choice.list, want, "{choice:?}");
    }

    #[test]
    fn the_operators_list_comes_first() {
        check(
            Some("https://a.example"),
            Some("https://b.example"),
            None,
            "https://a.example",
        );
        check(
            None,
            Some("https://b.example,direct"),
            Some("https://c.example"),
            "https://b.example,direct",
        );
        check(None, None, Some("https://c.example"), "https://c.example");
        check(None, None, None, "direct");
    }

    #[test]
    fn entries_that_lead_to_ourselves_are_dropped() {
        check(
            None,
            Some("http://127.0.0.1:3000,https://b.example|direct"),
            None,
            "https://b.example|direct",
        );
        check(
            None,
            Some("http://localhost:3000/,https://b.example"),
            None,
            "https://b.example",
        );
        check(
            None,
            Some("https://granary.example/go|https://b.example"),
            None,
            "https://b.example",
        );
        check(
            None,
            Some("http://127.0.0.1:3001"),
            None,
            "http://127.0.0.1:3001",
        );
    }

    #[test]
    fn when_only_ourselves_remain_the_list_last_used_holds() {
        check(
            None,
            Some("http://127.0.0.1:3000"),
            Some("https://c.example,direct"),
            "https://c.example,direct",
        );
        check(
            None,
            Some("http://127.0.0.1:3000,direct"),
            Some("https://c.example"),
            "https://c.example",
        );
        check(None, Some("http://127.0.0.1:3000,direct"), None, "direct");
        check(None, Some("direct"), Some("https://c.example"), "direct");
        check(None, Some("off"), Some("https://c.example"), "off");
    }
}
