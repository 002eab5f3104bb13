//! Users and passwords for hosts, from files whose contents the caller gives.

use std::collections::HashMap;
use std::fmt;

use url::Url;

use crate::outside::Credentials;

/// Largest file of secrets: a thousand hosts with long tokens.
const FILE_BYTES_MAX: usize = 256 * 1024;

/// Users and passwords, each bound to one host. Never shown.
#[derive(Clone, Default)]
pub struct Secrets {
    /// By `host`, or `host:port` where the port is not the scheme's usual one; lower case.
    hosts: HashMap<String, (String, String)>,
    /// By host alone, for every port of it: a `.netrc` knows no ports, and git asks none.
    machines: HashMap<String, (String, String)>,
}

/// A file of secrets that cannot be read. Says nothing of what stands in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    /// The file is too large.
    #[error("a file of credentials of more than {FILE_BYTES_MAX} bytes")]
    TooLarge,
    /// The file is no text.
    #[error("a file of credentials that is not UTF-8")]
    NotText,
    /// A line is not of the three words that it must be of.
    #[error("line {line} of the credentials is not `host user password`")]
    BadLine {
        /// The line, the first being 1.
        line: usize,
    },
}

impl Secrets {
    /// Reads lines of `host user password`; empty ones and those that begin with `#` say nothing. The password is the
    /// rest of the line.
    ///
    /// # Errors
    /// [`SecretsError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, SecretsError> {
        let mut secrets = Self::default();
        for (index, line) in text(bytes)?.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut words = line.splitn(3, [' ', '\t']).map(str::trim);
            let (Some(host), Some(user), Some(password)) =
                (words.next(), words.next(), words.next())
            else {
                return Err(SecretsError::BadLine { line: index + 1 });
            };
            if user.is_empty() || password.is_empty() {
                return Err(SecretsError::BadLine { line: index + 1 });
            }
            secrets.add(host, user, password);
        }
        Ok(secrets)
    }

    /// Reads a `.netrc`: entries of `machine`, `login` and `password`. The entry `default` and what follows it is left
    /// out, since it would give a password to any host at all; cmd/go does the same. `macdef`s are skipped, and so is an
    /// entry that lacks a login or a password.
    ///
    /// # Errors
    /// [`SecretsError`].
    pub fn parse_netrc(bytes: &[u8]) -> Result<Self, SecretsError> {
        let mut secrets = Self::default();
        let mut machine = Machine::default();
        let mut is_in_macro = false;
        'lines: for line in text(bytes)?.lines() {
            if is_in_macro {
                is_in_macro = !line.trim().is_empty();
                continue;
            }
            let mut words = line.split_ascii_whitespace();
            while let Some(word) = words.next() {
                match word {
                    _ if word.starts_with('#') => break,
                    "machine" => {
                        machine.finish(&mut secrets);
                        machine.host = words.next();
                    }
                    "login" => machine.login = words.next(),
                    "password" => machine.password = words.next(),
                    "account" => drop(words.next()),
                    "default" => break 'lines,
                    "macdef" => {
                        is_in_macro = true;
                        break;
                    }
                    _ => {}
                }
            }
        }
        machine.finish(&mut secrets);
        Ok(secrets)
    }

    /// Adds what another file says about hosts that this one does not name.
    pub fn extend(&mut self, other: Self) {
        for (host, pair) in other.hosts {
            self.hosts.entry(host).or_insert(pair);
        }
        for (machine, pair) in other.machines {
            self.machines.entry(machine).or_insert(pair);
        }
    }

    /// The credentials for the host and port of a URL.
    pub(super) fn find(&self, url: &Url) -> Option<Credentials> {
        let host = url.host_str()?.to_ascii_lowercase();
        let key = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host,
        };
        let of_host = self.machines.get(url.host_str()?);
        let (user, password) = self.hosts.get(&key).or(of_host)?;
        Credentials::new(user.as_bytes(), password.as_bytes())
    }

    /// The first entry for a host counts.
    fn add(&mut self, host: &str, user: &str, password: &str) {
        self.hosts
            .entry(host.to_ascii_lowercase())
            .or_insert_with(|| (user.to_owned(), password.to_owned()));
    }

    fn add_machine(&mut self, name: &str, login: &str, password: &str) {
        self.machines
            .entry(name.to_ascii_lowercase())
            .or_insert_with(|| (login.to_owned(), password.to_owned()));
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Secrets({} hidden)",
            self.hosts.len() + self.machines.len()
        )
    }
}

/// An entry of a `.netrc` while it is read.
#[derive(Default)]
struct Machine<'a> {
    host: Option<&'a str>,
    login: Option<&'a str>,
    password: Option<&'a str>,
}

impl Machine<'_> {
    fn finish(&mut self, secrets: &mut Secrets) {
        let whole = std::mem::take(self);
        if let (Some(host), Some(login), Some(password)) = (whole.host, whole.login, whole.password)
        {
            secrets.add_machine(host, login, password);
        }
    }
}

fn text(bytes: &[u8]) -> Result<&str, SecretsError> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(SecretsError::TooLarge);
    }
    std::str::from_utf8(bytes).map_err(|_utf8| SecretsError::NotText)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(secrets: &Secrets, url: &str, want: Option<(&str, &str)>) {
        let want = want
            .and_then(|(user, password)| Credentials::new(user.as_bytes(), password.as_bytes()));
        assert!(secrets.find(&Url::parse(url).unwrap()) == want, "{url}");
    }

    #[test]
    fn lines_name_a_host_a_user_and_a_password() {
        let text =
            b"# ours\n\nExample.com me  a b\n h.test:8443\tyou\tsecret \nexample.com no no\n";
        let secrets = Secrets::parse(text).unwrap();
        check(&secrets, "https://example.com/x", Some(("me", "a b")));
        check(&secrets, "https://example.com:443/x", Some(("me", "a b")));
        check(&secrets, "https://example.com:8443/x", None);
        check(&secrets, "https://h.test:8443/", Some(("you", "secret")));
        check(&secrets, "https://h.test/", None);
        check(&secrets, "https://sub.example.com/", None);
        assert_eq!(format!("{secrets:?}"), "Secrets(2 hidden)");
        for bad in [
            "host",
            "host user",
            "host user ",
            "ok a b\n\nhost  password",
        ] {
            let error = Secrets::parse(bad.as_bytes()).unwrap_err();
            assert!(error.to_string().contains("is not `host user"), "{error}");
        }
        assert_eq!(Secrets::parse(b"\xff").unwrap_err(), SecretsError::NotText);
        let large = vec![b'\n'; FILE_BYTES_MAX + 1];
        assert_eq!(Secrets::parse(&large).unwrap_err(), SecretsError::TooLarge);
    }

    #[test]
    fn a_netrc_names_machines() {
        let text = b"machine a.test login me password pw\n\
            macdef init\n machine evil.test login x password x\n\n\
            machine b.test\n\tlogin you\n\taccount z\n\tpassword p#w # comment\n\
            machine c.test login only\nmachine a.test login second password x\n\
            default login any password any\nmachine d.test login x password x\n";
        let secrets = Secrets::parse_netrc(text).unwrap();
        check(&secrets, "https://a.test/", Some(("me", "pw")));
        check(&secrets, "https://b.test/", Some(("you", "p#w")));
        check(&secrets, "https://b.test:8443/", Some(("you", "p#w")));
        for other in ["c.test", "d.test", "evil.test", "e.test"] {
            check(&secrets, &format!("https://{other}/"), None);
        }
        let mut own = Secrets::parse(b"a.test x y\nc.test u p").unwrap();
        own.extend(secrets);
        check(&own, "https://a.test/", Some(("x", "y")));
        check(&own, "https://a.test:8443/", Some(("me", "pw")));
        check(&own, "https://c.test/", Some(("u", "p")));
        check(&own, "https://c.test:8443/", None);
    }
}
