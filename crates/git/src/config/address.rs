//! URLs as far as settings for them are chosen by.
//!
//! Source: git-config, `http.<url>.*`.

/// The parts of a URL that are compared. Percent signs are compared as they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    scheme: String,
    user: Option<String>,
    /// Lower case, without a port.
    host: String,
    port: Option<String>,
    /// Begins and ends with a slash.
    path: String,
}

/// How closely a setting's URL fits: the order in which its parts count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Closeness {
    host_bytes: usize,
    path_bytes: usize,
    is_user: bool,
}

impl Address {
    /// The parts of `scheme://[user[:password]@]host[:port][/path]`; `None` for any other text.
    pub(super) fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (user, host_port) = match authority.rsplit_once('@') {
            Some((user, host)) => (user.split(':').next(), host),
            None => (None, authority),
        };
        let port_at = match host_port.rfind(']') {
            Some(bracket) => host_port[bracket..].find(':').map(|at| at + bracket),
            None => host_port.find(':'),
        };
        let (host, port) = match port_at {
            Some(at) => (&host_port[..at], Some(&host_port[at + 1..])),
            None => (host_port, None),
        };
        if scheme.is_empty() || host.is_empty() {
            return None;
        }
        let scheme = scheme.to_ascii_lowercase();
        let usual = match scheme.as_str() {
            "https" => "443",
            "http" => "80",
            "ssh" => "22",
            _ => "",
        };
        let path = path.split(['?', '#']).next().unwrap_or_default();
        Some(Self {
            user: user.filter(|user| !user.is_empty()).map(str::to_owned),
            host: host.to_ascii_lowercase(),
            port: port
                .filter(|port| !port.is_empty() && *port != usual)
                .map(str::to_owned),
            path: format!("/{}/", path.trim_matches('/')).replace("//", "/"),
            scheme,
        })
    }

    /// How closely this pattern fits a URL, `None` where it does not: scheme and port must be equal, the host too but for
    /// labels that are `*`, the path must be a beginning by whole names, the user equal where the pattern has one.
    pub(super) fn closeness(&self, url: &Self) -> Option<Closeness> {
        let is_user = self.user.is_some();
        let fits = self.scheme == url.scheme
            && self.port == url.port
            && (!is_user || self.user == url.user)
            && url.path.starts_with(&self.path)
            && is_host_match(&self.host, &url.host);
        fits.then_some(Closeness {
            host_bytes: self.host.len(),
            path_bytes: self.path.len(),
            is_user,
        })
    }
}

fn is_host_match(pattern: &str, host: &str) -> bool {
    let mut labels = host.split('.');
    let all = pattern
        .split('.')
        .all(|wanted| labels.next().is_some_and(|l| wanted == "*" || wanted == l));
    all && labels.next().is_none()
}
