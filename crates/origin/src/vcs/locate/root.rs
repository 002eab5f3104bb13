//! Addresses of repositories: which are asked, and by which schemes.
//!
//! The go command takes any URL but `file:` ones from a page. A server that strangers send to places asks only what is
//! encrypted, or what the operator named as insecure; and nothing that programs could take for an option or a command.

use url::{Host, Url};

use super::kind::Vcs;
use super::settings::LocateSettings;
use super::tag::shorten;
use crate::upstream::UpstreamClass;
use crate::vcs::code::CodeError;

/// When a scheme is used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Always.
    Nothing,
    /// Where the operator called the module insecure.
    Insecure,
    /// Where there is a key to log in with.
    Ssh,
}

/// The schemes of a kind of version control, in the order in which they are tried.
///
/// `git:` is left out: it proves neither who answers nor what, and everyone who had it has moved.
/// Source of the order: cmd/go/internal/vcs, `Cmd.Scheme`, `isSecureScheme`.
fn schemes(vcs: Vcs) -> &'static [(&'static str, Need)] {
    const HTTPS: (&str, Need) = ("https", Need::Nothing);
    const HTTP: (&str, Need) = ("http", Need::Insecure);
    const SSH: (&str, Need) = ("ssh", Need::Ssh);
    match vcs {
        Vcs::Git => &[HTTPS, HTTP, ("git+ssh", Need::Ssh), SSH],
        Vcs::Mercurial => &[HTTPS, HTTP, SSH],
        Vcs::Subversion => &[HTTPS, HTTP, ("svn", Need::Insecure), ("svn+ssh", Need::Ssh)],
        Vcs::Bazaar => &[HTTPS, HTTP, ("bzr", Need::Insecure), ("bzr+ssh", Need::Ssh)],
        Vcs::Fossil | Vcs::Mod => &[HTTPS, HTTP],
    }
}

/// The schemes that may be asked for a module, in the order in which they are tried.
pub(super) fn list_schemes(
    vcs: Vcs,
    is_insecure: bool,
    settings: &LocateSettings,
) -> impl Iterator<Item = &'static str> {
    schemes(vcs)
        .iter()
        .filter(move |(scheme, need)| {
            // GIT_ALLOW_PROTOCOL says which are secure enough, in place of the usual ones.
            let listed = settings
                .git_allow_protocol
                .as_deref()
                .filter(|list| vcs == Vcs::Git && !list.is_empty())
                .map(|list| list.split(':').any(|allowed| allowed == *scheme));
            let is_reachable = *need != Need::Ssh || settings.has_ssh;
            let is_secure = *need != Need::Insecure || is_insecure;
            is_reachable && listed.unwrap_or(is_secure)
        })
        .map(|(scheme, _)| *scheme)
}

/// Checks the address of a repository that a page gave.
///
/// # Errors
/// Class `Absent` for what no go command takes, `Forbidden` for what only a server must not ask.
pub(super) fn check_address(
    address: &str,
    vcs: Vcs,
    is_insecure: bool,
    settings: &LocateSettings,
) -> Result<(), CodeError> {
    let refused = |class, why: &str| {
        CodeError::new(
            class,
            format!("invalid repository root {}: {why}", shorten(address)),
        )
    };
    let absent = |why: &str| refused(UpstreamClass::Absent, why);
    let forbidden = |why: &str| refused(UpstreamClass::Forbidden, why);
    let (scheme, rest) = split_scheme(address).ok_or_else(|| absent("no scheme"))?;
    let scheme = scheme.to_ascii_lowercase();
    if scheme == "file" {
        return Err(absent("files are not taken from pages"));
    }
    let known = schemes(vcs).iter().find(|(known, _)| *known == scheme);
    if !list_schemes(vcs, is_insecure, settings).any(|allowed| allowed == scheme) {
        return Err(forbidden(match known {
            Some((_, Need::Ssh)) if !settings.has_ssh => "there is no key to log in over ssh with",
            Some((_, Need::Insecure)) => {
                "it is not encrypted; GOINSECURE has to name the module for that"
            }
            Some(_) => "GIT_ALLOW_PROTOCOL does not list its scheme",
            None => "repositories of this kind are not asked by this scheme",
        }));
    }
    let Some(rest) = rest.strip_prefix("//") else {
        return Err(absent("no host"));
    };
    check_place(address, &scheme, rest).map_err(|problem| match problem {
        Problem::NoUrl(why) => absent(why),
        Problem::Refused(why) => forbidden(why),
    })
}

/// Checks an address that the operator typed: any scheme of its kind will do.
///
/// # Errors
/// Class `Invalid`. The text does not repeat the address, which may hold a password.
pub(super) fn check_typed(address: &str, vcs: Vcs) -> Result<(), CodeError> {
    let invalid = |why: &str| CodeError::invalid(format!("this is no URL of a repository: {why}"));
    let (scheme, rest) = split_scheme(address).ok_or_else(|| invalid("no scheme"))?;
    let scheme = scheme.to_ascii_lowercase();
    if !schemes(vcs).iter().any(|(known, _)| *known == scheme) {
        return Err(invalid(
            "repositories of this kind are not asked by this scheme",
        ));
    }
    let rest = rest.strip_prefix("//").ok_or_else(|| invalid("no host"))?;
    check_place(address, &scheme, rest).map_err(|problem| match problem {
        Problem::NoUrl(why) | Problem::Refused(why) => invalid(why),
    })
}

/// Whether the scheme of an address is one that proves who answers.
pub(super) fn is_encrypted(address: &str) -> bool {
    split_scheme(address)
        .map(|(scheme, _)| scheme.to_ascii_lowercase())
        .is_some_and(|scheme| scheme == "https" || scheme.ends_with("ssh"))
}

/// What is wrong with what stands behind a scheme.
enum Problem {
    /// It is no URL.
    NoUrl(&'static str),
    /// It is one that is not asked.
    Refused(&'static str),
}

/// Checks user, host, port and path of an address; `rest` is what follows the `//`.
fn check_place(address: &str, scheme: &str, rest: &str) -> Result<(), Problem> {
    // Programs and libraries disagree about everything else, so nothing else is handed to them.
    if !address
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b"\\\"'`<>{}|^".contains(&byte))
    {
        return Err(Problem::Refused("it has characters that are in no address"));
    }
    if address.contains(['?', '#']) {
        return Err(Problem::Refused(
            "repositories have neither ? nor # in their address",
        ));
    }
    if !has_whole_escapes(address) {
        return Err(Problem::NoUrl("a % without two digits"));
    }
    let url = Url::parse(address).map_err(|_bad| Problem::NoUrl("it is no URL"))?;
    let authority = rest.split('/').next().unwrap_or_default();
    let (user, place) = match authority.rsplit_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, authority),
    };
    if let Some(user) = user {
        let is_plain = user
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        // Over ssh everyone logs in, usually as `git`; a password never stands in an address.
        if !scheme.ends_with("ssh") || !is_plain || user.is_empty() || user.starts_with('-') {
            return Err(Problem::Refused(
                "user and password are not taken from addresses",
            ));
        }
    }
    let host = url.host_str().unwrap_or_default();
    if host.is_empty() || place.is_empty() {
        return Err(Problem::NoUrl("no host"));
    }
    if host.starts_with('-') || host.contains('%') {
        return Err(Problem::Refused("its host is no name of a host"));
    }
    if is_disguised(host, place) {
        return Err(Problem::Refused("its host is written in an unusual form"));
    }
    Ok(())
}

/// Whether a host is not what it is written as: what reads `2130706433` as `127.0.0.1` and what does not is not known
/// beforehand.
fn is_disguised(host: &str, place: &str) -> bool {
    let written = match place.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => place,
    };
    match Host::parse(host) {
        Ok(Host::Ipv4(address)) => address.to_string() != written,
        Ok(Host::Ipv6(_)) => !written.starts_with('['),
        Ok(Host::Domain(_)) => !written.eq_ignore_ascii_case(host),
        Err(_bad) => true,
    }
}

/// Scheme and rest. As with Go, a scheme begins with a letter and is taken in small letters.
fn split_scheme(address: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = address.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme.then_some((scheme, rest))
}

fn has_whole_escapes(address: &str) -> bool {
    address.split('%').skip(1).all(|after| {
        after
            .as_bytes()
            .get(..2)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

#[cfg(test)]
mod tests;
