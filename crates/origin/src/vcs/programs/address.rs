//! Where a repository is: which URLs are handed to a program, and whether its host may be asked.
//!
//! The programs resolve names and dial by themselves, so the guard can only judge what a name resolves to right before:
//! every address must be one that may be asked. What a program does later, such as following a redirect or asking its
//! resolver again, is out of our hands; options that forbid it are passed where a program has them.

use std::fmt;
use std::net::ToSocketAddrs;
use std::sync::Arc;

use url::Url;

use crate::guard::{Guard, Trust};
use crate::upstream::UpstreamClass;
use crate::vcs::code::CodeError;

/// Longest URL that is handed on; the longest that browsers and servers agree on.
const URL_BYTES_MAX: usize = 2000;

/// A repository's URL, safe to stand in a command line.
#[derive(Clone, Debug)]
pub struct Address {
    text: String,
    url: Url,
    guard: Arc<Guard>,
}

impl Address {
    /// Takes a URL as it was written. `schemes` are those that the kind of repository knows; it must be in `allowed` too.
    ///
    /// # Errors
    /// Class `Forbidden`: another scheme, user information, a fragment, characters or forms of a host that two
    /// programs could read in two ways.
    pub fn new(
        text: &str,
        schemes: &[&str],
        allowed: &[String],
        guard: &Arc<Guard>,
    ) -> Result<Self, CodeError> {
        let refuse = |why: &str| {
            let shown: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
            // What stands before an @ may be a password.
            let shown = match (shown.find("://"), shown.rfind('@')) {
                (Some(scheme), Some(at)) if at > scheme => {
                    format!("{}://…{}", &shown[..scheme], &shown[at..])
                }
                _ => shown,
            };
            CodeError::new(
                UpstreamClass::Forbidden,
                format!("{shown} is no address of a repository that is asked: {why}"),
            )
        };
        let url = Url::parse(text).map_err(|_| refuse("it is no URL"))?;
        if !schemes.contains(&url.scheme()) || !allowed.iter().any(|it| it == url.scheme()) {
            return Err(refuse(&format!(
                "its scheme is {}, and allowed are {}",
                url.scheme(),
                allowed.join(", ")
            )));
        }
        if !url.username().is_empty() || url.password().is_some() || text.contains('@') {
            return Err(refuse("it holds an @, which could be a user name"));
        }
        if text.len() > URL_BYTES_MAX || !text.bytes().all(is_plain) {
            return Err(refuse("it is too long or holds unusual characters"));
        }
        if !is_host_as_written(text, &url) {
            return Err(refuse("its host is written in an unusual form"));
        }
        Ok(Self {
            text: text.to_owned(),
            url,
            guard: Arc::clone(guard),
        })
    }

    /// The URL as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Judges the host: to be called right before a program that dials is started.
    ///
    /// # Errors
    /// Class `Unreachable`: the guard refuses the host, or one of its addresses, or it has none.
    pub fn check_host(&self) -> Result<(), CodeError> {
        let Some(host) = self.url.host_str() else {
            return Ok(()); // a folder, which only the operator can have allowed
        };
        let refuse = |why: &dyn fmt::Display| {
            CodeError::new(
                UpstreamClass::Unreachable,
                format!("{} is not asked: {why}", self.text),
            )
        };
        if matches!(self.url.scheme(), "http" | "https")
            && self.guard.judge(&self.url).map_err(|why| refuse(&why))? == Trust::Configured
        {
            return Ok(());
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let addresses: Vec<_> = (bare, 0)
            .to_socket_addrs()
            .map_err(|why| refuse(&format_args!("{host}: {why}")))?
            .collect();
        // One by one: the program may dial any of them.
        for address in addresses {
            self.guard
                .filter(bare, vec![address])
                .map_err(|why| refuse(&why))?;
        }
        Ok(())
    }
}

/// What URLs are made of (RFC 3986) but for `@` and `#`; programs read backslashes, blanks and quotes in other ways.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?[]!$&()*+,;=%".contains(&byte)
}

/// Whether the text begins with the very scheme, host and port that came out of it.
fn is_host_as_written(text: &str, url: &Url) -> bool {
    let Some(rest) = text
        .get(..url.scheme().len())
        .filter(|scheme| scheme.eq_ignore_ascii_case(url.scheme()))
        .and_then(|scheme| text[scheme.len()..].strip_prefix("://"))
    else {
        return false;
    };
    let written = rest.split(['/', '?']).next().unwrap_or_default();
    let host = url.host_str().unwrap_or_default();
    if written.starts_with('-') || (host.is_empty() && url.scheme() != "file") {
        return false;
    }
    let with_port = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let usual = url
        .port_or_known_default()
        .map(|port| format!("{host}:{port}"));
    written.eq_ignore_ascii_case(&with_port)
        || usual.is_some_and(|usual| written.eq_ignore_ascii_case(&usual))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::AllowList;

    fn address(text: &str) -> Result<Address, CodeError> {
        let allowed = ["https", "http", "svn", "file"].map(str::to_owned);
        let allow = AllowList::new(["good.test"]).unwrap();
        let guard = Arc::new(Guard::new(allow, []));
        Address::new(text, &["https", "svn", "file"], &allowed, &guard)
    }

    #[test]
    fn plain_urls_are_taken_as_written() {
        for (text, want) in [
            ("https://example.com/a/b", "https://example.com/a/b"),
            ("https://example.com/a/b/", "https://example.com/a/b/"),
            ("https://Example.com:8443", "https://Example.com:8443"),
            ("https://example.com:443/x", "https://example.com:443/x"),
            ("svn://[::1]:3690/r/~u/a%20b", "svn://[::1]:3690/r/~u/a%20b"),
            ("file:///srv/svn/r", "file:///srv/svn/r"),
        ] {
            assert_eq!(address(text).unwrap().text(), want);
        }
    }

    #[test]
    fn doubtful_urls_are_refused() {
        for text in [
            "",
            "/srv/svn",
            "http://example.com/kind/does/not/know/it",
            "ssh://example.com/r",
            "svn+ssh://example.com/r",
            "ext::sh -c id",
            "git://example.com/r",
            "https://user:secret@example.com/r",
            "https://example.com/r@5",
            "https://example.com/r#branch",
            "https://example.com\\@evil.test/r",
            "https://example.com/a b",
            "https://example.com/a\nb",
            "https://exämple.com/r",
            "https://2130706433/r",
            "https://0x7f.1/r",
            "https://-oProxyCommand=x/r",
            "https:example.com/r",
            "--config=alias.pull=!id",
            "https://example.com:99999/r",
        ] {
            let error = address(text).unwrap_err();
            assert_eq!(error.class, UpstreamClass::Forbidden, "{text}");
            assert!(!error.text.contains("secret"), "{error}");
        }
        assert!(address(&format!("https://example.com/{}", "a".repeat(1981))).is_err());
        assert!(address(&format!("https://example.com/{}", "a".repeat(1980))).is_ok());
    }

    #[test]
    fn private_hosts_are_not_asked() {
        for text in [
            "https://127.0.0.1/r",
            "svn://127.0.0.1:3690/r",
            "https://[::1]/r",
            "https://[::ffff:a00:1]/r",
            "svn://169.254.169.254/r",
            "https://localhost/r",
        ] {
            let error = address(text).unwrap().check_host().unwrap_err();
            assert_eq!(error.class, UpstreamClass::Unreachable, "{text}");
        }
        assert!(address("file:///srv/r").unwrap().check_host().is_ok());
    }
}
