//! git's configuration as data: which URLs stand for which, and how some are reached.
//!
//! Bytes in, values out. Nothing else of a configuration is ever honoured here, and `include` and `includeIf` are not
//! followed: a file says only what stands in it.
//!
//! Source: git-config, "Syntax", `url.<base>.insteadOf` and `http.<url>.*`.

mod address;
mod syntax;

use std::fmt;

use self::address::{Address, Closeness};
use self::syntax::Entry;

pub use self::syntax::GitConfigError;

/// The settings that are taken from a configuration.
///
/// URLs in it may hold passwords, so its `Debug` shows none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct GitConfig {
    /// Beginnings of URLs and what stands in their place, in the order of the file.
    rewrites: Vec<Rewrite>,
    http: Vec<HttpEntry>,
}

#[derive(Clone, PartialEq, Eq)]
struct Rewrite {
    instead_of: String,
    base: String,
}

/// A setting of `http.*` or `http.<url>.*`.
#[derive(Clone, PartialEq, Eq)]
struct HttpEntry {
    /// For which URLs; `None` for all.
    of: Option<Address>,
    key: HttpKey,
    value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HttpKey {
    SslCaInfo,
    Proxy,
}

/// How a server is reached over HTTP, as far as a configuration says.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct HttpSettings {
    /// `sslCAInfo`: path of a file with the root certificates for it.
    pub ssl_ca_info: Option<String>,
    /// `proxy`: URL of a proxy; empty for none whatever else says.
    pub proxy: Option<String>,
}

impl GitConfig {
    /// Reads a configuration file of at most 1 MiB.
    ///
    /// # Errors
    /// [`GitConfigError`], with the line: git refuses such a file too.
    pub fn parse(bytes: &[u8]) -> Result<Self, GitConfigError> {
        let mut config = Self::default();
        for entry in syntax::parse(bytes)? {
            config.take(entry);
        }
        Ok(config)
    }

    /// Adds what a second file says, which wins where both speak.
    pub fn extend(&mut self, later: Self) {
        self.rewrites.extend(later.rewrites);
        self.http.extend(later.http);
    }

    /// The URL that stands for `url`: the longest beginning that is rewritten counts, the first of equals. The result is
    /// not rewritten again.
    pub fn rewrite_url(&self, url: &str) -> String {
        let mut best: Option<&Rewrite> = None;
        for rewrite in &self.rewrites {
            let is_longer =
                best.is_none_or(|best| best.instead_of.len() < rewrite.instead_of.len());
            if is_longer && url.starts_with(&rewrite.instead_of) {
                best = Some(rewrite);
            }
        }
        match best {
            Some(best) => format!("{}{}", best.base, &url[best.instead_of.len()..]),
            None => url.to_owned(),
        }
    }

    /// How the server of a URL is reached. Of the settings that fit, that with the closest URL counts, the last of
    /// equals.
    pub fn http_for(&self, url: &str) -> HttpSettings {
        HttpSettings {
            ssl_ca_info: self.find_http(url, HttpKey::SslCaInfo),
            proxy: self.find_http(url, HttpKey::Proxy),
        }
    }

    /// The paths of all files with root certificates that any server may need, for who reads them beforehand.
    pub fn ssl_ca_files(&self) -> impl Iterator<Item = &str> {
        self.http
            .iter()
            .filter(|entry| entry.key == HttpKey::SslCaInfo && !entry.value.is_empty())
            .map(|entry| entry.value.as_str())
    }

    fn find_http(&self, url: &str, key: HttpKey) -> Option<String> {
        let asked = Address::parse(url)?;
        let mut best: Option<(Closeness, &str)> = None;
        for entry in self.http.iter().filter(|entry| entry.key == key) {
            let closeness = match &entry.of {
                None => Some(Closeness::default()),
                Some(pattern) => pattern.closeness(&asked),
            };
            let Some(closeness) = closeness else { continue };
            if best.is_none_or(|(so_far, _)| closeness >= so_far) {
                best = Some((closeness, &entry.value));
            }
        }
        best.map(|(_, value)| value.to_owned())
    }

    fn take(&mut self, entry: Entry) {
        let Some(value) = entry.value else { return };
        match (entry.section.as_str(), entry.key.as_str()) {
            ("url", "insteadof") => {
                // Without a beginning it would stand for every URL there is, without a base for none.
                let base = entry.subsection.unwrap_or_default();
                if !value.is_empty() && !base.is_empty() {
                    self.rewrites.push(Rewrite {
                        instead_of: value,
                        base,
                    });
                }
            }
            ("http", "sslcainfo") => self.take_http(HttpKey::SslCaInfo, entry.subsection, value),
            ("http", "proxy") => self.take_http(HttpKey::Proxy, entry.subsection, value),
            _ => {}
        }
    }

    fn take_http(&mut self, key: HttpKey, url: Option<String>, value: String) {
        let of = match url {
            None => None,
            Some(url) => match Address::parse(&url) {
                Some(address) => Some(address),
                None => return,
            },
        };
        self.http.push(HttpEntry { of, key, value });
    }
}

impl fmt::Debug for GitConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rewrites, http) = (self.rewrites.len(), self.http.len());
        write!(f, "GitConfig({rewrites} of url, {http} of http)")
    }
}

impl fmt::Debug for HttpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSettings")
            .field("ssl_ca_info", &self.ssl_ca_info)
            .field("proxy", &self.proxy.as_ref().map(|_url| "hidden"))
            .finish()
    }
}

#[cfg(test)]
mod tests;
