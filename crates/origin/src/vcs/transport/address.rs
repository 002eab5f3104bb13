//! What a repository's URL means, and which ones are never asked.

use std::path::PathBuf;

use url::Url;

use crate::vcs::code::CodeError;

/// Longest URL: what browsers and servers take.
const URL_BYTES_MAX: usize = 2048;

/// Where a repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// On an HTTP server.
    Http(Url),
    /// Behind ssh.
    Ssh(SshPlace),
    /// On this machine.
    File(PathBuf),
}

/// A repository behind ssh. No part begins with a dash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SshPlace {
    pub(super) user: Option<String>,
    pub(super) host: String,
    pub(super) port: Option<u16>,
    /// As the other side's shell is to see it, not quoted.
    pub(super) path: String,
}

impl Address {
    /// Reads a URL. Short forms without a scheme (`user@host:path`, `/path`) are taken only where the operator wrote
    /// them (`is_configured`), and so are users and passwords, but for a user of ssh.
    pub(super) fn parse(url: &str, is_configured: bool) -> Result<Self, CodeError> {
        let refuse = |why: &str| Err(CodeError::invalid(format!("{}: {why}", shown(url))));
        if url.len() > URL_BYTES_MAX
            || url
                .chars()
                .any(|c| c.is_control() || c.is_whitespace() || c == '\\')
        {
            return refuse("is no URL of a repository");
        }
        let Some((scheme, rest)) = url.split_once("://") else {
            return match is_configured {
                true => Self::parse_short(url),
                false => refuse("a URL of a repository needs a scheme"),
            };
        };
        let parsed = match Url::parse(url) {
            Ok(parsed) => parsed,
            Err(cause) => return refuse(&format!("is no URL of a repository: {cause}")),
        };
        // Browsers take the next name for the host then; git takes none.
        if rest.starts_with('/') && parsed.scheme() != "file" {
            return refuse("names no host");
        }
        if parsed.query().is_some() || parsed.fragment().is_some() {
            return refuse("the URL of a repository has neither a query nor a fragment");
        }
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => {
                let has_user = !parsed.username().is_empty() || parsed.password().is_some();
                if has_user && !is_configured {
                    return refuse("a user or a password in a URL is not taken from strangers");
                }
                Ok(Self::Http(parsed))
            }
            "ssh" | "git+ssh" | "ssh+git" => Self::parse_ssh(url, &parsed),
            "file" if parsed.host_str().is_none_or(|host| host == "localhost") => {
                match parsed.to_file_path() {
                    Ok(path) => Ok(Self::File(path)),
                    Err(()) => refuse("names no path"),
                }
            }
            other => refuse(&format!("repositories are not asked over {other}:")),
        }
    }

    /// `host:path`, `user@host:path` or a path from the root.
    fn parse_short(text: &str) -> Result<Self, CodeError> {
        if text.starts_with('/') {
            return Ok(Self::File(PathBuf::from(text)));
        }
        let bad = || CodeError::invalid(format!("{}: is no URL of a repository", shown(text)));
        let (host, path) = text.split_once(':').ok_or_else(bad)?;
        let (user, host) = match host.rsplit_once('@') {
            Some((user, host)) => (Some(user.to_owned()), host),
            None => (None, host),
        };
        // `ext::` and the like are programs that git starts.
        if path.starts_with(':') {
            return Err(bad());
        }
        let place = SshPlace {
            user,
            host: host.to_owned(),
            port: None,
            path: path.to_owned(),
        };
        place.checked(text).map(Self::Ssh)
    }

    fn parse_ssh(url: &str, parsed: &Url) -> Result<Self, CodeError> {
        let refuse = |why: &str| Err(CodeError::invalid(format!("{}: {why}", shown(url))));
        if parsed.password().is_some() {
            return refuse("ssh takes no password from a URL");
        }
        let decoded = |text: &str| percent_decoded(text).filter(|text| !has_controls(text));
        let user = match parsed.username() {
            "" => None,
            user => match decoded(user) {
                Some(user) => Some(user),
                None => return refuse("names no user"),
            },
        };
        let Some(path) = decoded(parsed.path()) else {
            return refuse("names no path");
        };
        // `/~user/…` is below that user's home, as git reads it.
        let path = match path.strip_prefix('/') {
            Some(home) if home.starts_with('~') => home.to_owned(),
            _ => path,
        };
        let place = SshPlace {
            user,
            host: parsed.host_str().unwrap_or_default().to_owned(),
            port: parsed.port(),
            path,
        };
        place.checked(url).map(Self::Ssh)
    }
}

impl SshPlace {
    /// Refuses what ssh or the other side's git could take for an option, and hosts that are none.
    fn checked(self, url: &str) -> Result<Self, CodeError> {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        let is_host = !bare.is_empty()
            && bare
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':'));
        let is_user = |user: &String| {
            user.chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '+'))
        };
        let has_dash = |text: &str| text.starts_with('-') || text.is_empty();
        let is_sound = is_host
            && !has_dash(bare)
            && !has_dash(&self.path)
            && self.path != "/"
            && self
                .user
                .as_ref()
                .is_none_or(|user| is_user(user) && !has_dash(user));
        if !is_sound {
            return Err(CodeError::invalid(format!(
                "{}: is no repository that ssh can be asked for",
                shown(url)
            )));
        }
        Ok(Self {
            host: bare.to_owned(),
            ..self
        })
    }
}

/// A URL without user and password, for people and for `.info` files.
pub(super) fn shown(url: &str) -> String {
    let cut = |text: &str| text.chars().filter(|c| !c.is_control()).take(400).collect();
    let Some((scheme, rest)) = url.split_once("://") else {
        return cut(url);
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        // Without its password a user of ssh is part of the address.
        Some(at) if scheme.ends_with("ssh") => {
            let user = rest[..at].split(':').next().unwrap_or_default();
            cut(&format!("{scheme}://{user}{}", &rest[at..]))
        }
        Some(at) => cut(&format!("{scheme}://{}", &rest[at + 1..])),
        None => cut(url),
    }
}

fn has_controls(text: &str) -> bool {
    text.chars().any(char::is_control)
}

/// The text behind `%XX`; `None` where it is not UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        let digits = behind
            .get(..2)
            .and_then(|two| std::str::from_utf8(two).ok())
            .filter(|two| two.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match digits.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(decoded) if byte == b'%' => {
                bytes.push(decoded);
                rest = &behind[2..];
            }
            _ => {
                bytes.push(byte);
                rest = behind;
            }
        }
    }
    String::from_utf8(bytes).ok()
}
