//! Which checksum database to trust: the forms of the `GOSUMDB` variable.
//!
//! Source: cmd/go, `internal/modfetch`, `dbDial`.

use std::str::FromStr;

use crate::note::{KeyError, Verifier};

/// The public database's key: what `GOSUMDB=sum.golang.org` stands for in every `go` command.
pub const PUBLIC_KEY: &str = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";

/// The public database's name.
pub const PUBLIC_NAME: &str = "sum.golang.org";

/// Another host of the public database, with the same name in its notes and the same key.
const PUBLIC_ALIAS: &str = "sum.golang.google.cn";

/// Longest database name: it becomes part of addresses and of names in storage.
const NAME_BYTES_MAX: usize = 255;

/// Which checksum database to trust, in the forms of the `GOSUMDB` variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseKey {
    verifier: Verifier,
    url: Option<String>,
}

impl DatabaseKey {
    /// Name of the database, `host` or `host/path`: in its notes, in `<proxy>/sumdb/<name>/`, and behind `https://`
    /// where it is reached directly.
    pub fn name(&self) -> &str {
        self.verifier.name()
    }

    /// Checks the database's notes.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The address that was given with the key, without a slash at its end. Where there is one, proxies are bypassed.
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// Where the database itself answers: the address given with the key, else its name behind `https://`.
    pub fn direct_url(&self) -> String {
        self.url
            .clone()
            .unwrap_or_else(|| format!("https://{}", self.name()))
    }
}

/// Reads `sum.golang.org`, `NAME+HASH+KEY`, and either of them with an address after a space. `off` is not a key: the
/// caller sees to it.
impl FromStr for DatabaseKey {
    type Err = DatabaseKeyError;

    fn from_str(text: &str) -> Result<Self, DatabaseKeyError> {
        let mut fields = text.split_whitespace();
        let (Some(key), url, None) = (fields.next(), fields.next(), fields.next()) else {
            return Err(DatabaseKeyError::Form);
        };
        let alias = format!("https://{PUBLIC_ALIAS}");
        let (key, url) = match (key, url) {
            (PUBLIC_ALIAS, None) => (PUBLIC_KEY, Some(alias.as_str())),
            (PUBLIC_NAME, url) => (PUBLIC_KEY, url),
            other => other,
        };
        if !key.contains('+') {
            return Err(DatabaseKeyError::UnknownName {
                name: key.to_owned(),
            });
        }
        let verifier = Verifier::from_vkey(key).map_err(DatabaseKeyError::Key)?;
        if !is_database_name(verifier.name()) {
            return Err(DatabaseKeyError::Name);
        }
        let url = match url {
            Some(url) if !is_url(url) => return Err(DatabaseKeyError::Url),
            Some(url) => Some(url.trim_end_matches('/').to_owned()),
            None => None,
        };
        Ok(Self { verifier, url })
    }
}

/// Why a `GOSUMDB` value was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseKeyError {
    /// Empty, or more than a key and an address.
    #[error("a checksum database is given as a key, or as a key and an address")]
    Form,
    /// A bare name whose key is not known here.
    #[error("no key is known for checksum database {name}: write name+hash+key")]
    UnknownName {
        /// The name.
        name: String,
    },
    /// The key.
    #[error("bad key of a checksum database")]
    Key(#[source] KeyError),
    /// Not `host` or `host/path`.
    #[error("a checksum database's name must be host or host/path")]
    Name,
    /// Not an address to fetch from.
    #[error("a checksum database's address must begin with https:// or http://")]
    Url,
}

/// Whether a name is `host` or `host/path`, in the characters that need no quoting in an address.
fn is_database_name(name: &str) -> bool {
    let mut elements = name.split('/');
    let host = elements.next().unwrap_or_default();
    let is_host = !host.is_empty()
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte));
    name.len() <= NAME_BYTES_MAX && is_host && elements.all(is_path_element)
}

fn is_path_element(element: &str) -> bool {
    let plain = element
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b".-_~".contains(&byte));
    plain && !element.bytes().all(|byte| byte == b'.')
}

/// Whether an address can be fetched from with a path behind it. `origin` parses it in full.
fn is_url(url: &str) -> bool {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with('/') && !rest.contains(['?', '#', '\\'])
    })
}

#[cfg(test)]
mod tests;
