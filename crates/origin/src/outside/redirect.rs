//! Which redirects are followed.

use reqwest::header::{HeaderMap, LOCATION};
use url::Url;

use crate::guard::{self, GuardRefusal};

/// Most redirects of one call; Go's client stops there too.
pub(super) const REDIRECTS_MAX: usize = 10;

/// Why a redirect is not followed.
#[derive(Debug)]
pub(super) enum NotFollowed {
    /// In words that continue "redirects".
    Because(String),
    /// The guard's own refusal.
    Refused(GuardRefusal),
}

/// The target of a redirect, `None` where the answer is none.
///
/// User and password in a `Location` are dropped: credentials come from the operator, never from a stranger.
///
/// # Errors
/// [`NotFollowed`] for a bad or missing target, a fall from https to http, a circle, too many, a disguised address.
pub(super) fn find_target(
    status: u16,
    headers: &HeaderMap,
    asked: &[Url],
) -> Result<Option<Url>, NotFollowed> {
    if !matches!(status, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let because = |why: &str| NotFollowed::Because(why.to_owned());
    let (Some(current), Some(location)) = (asked.last(), headers.get(LOCATION)) else {
        return Err(because("without saying where to"));
    };
    let written = std::str::from_utf8(location.as_bytes())
        .map_err(|_utf8| because("to something that is not text"))?;
    let mut target = current
        .join(written)
        .map_err(|parse| NotFollowed::Because(format!("to a bad URL ({parse})")))?;
    target.set_fragment(None);
    // Fails only for URLs without a host, which the guard refuses by their scheme.
    let _ = target.set_username("");
    let _ = target.set_password(None);
    guard::check_undisguised(written, current, &target).map_err(NotFollowed::Refused)?;
    if current.scheme() == "https" && target.scheme() == "http" {
        return Err(because("from https to http"));
    }
    if asked.contains(&target) {
        return Err(because("in a circle"));
    }
    if asked.len() > REDIRECTS_MAX {
        return Err(NotFollowed::Because(format!(
            "more than {REDIRECTS_MAX} times"
        )));
    }
    Ok(Some(target))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(asked: &[&str], location: &str) -> Result<Option<Url>, NotFollowed> {
        let asked: Vec<Url> = asked.iter().map(|url| Url::parse(url).unwrap()).collect();
        let headers = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
        find_target(302, &headers, &asked)
    }

    #[track_caller]
    fn check_refused(asked: &[&str], location: &str, want: &str) {
        let found = format!("{:?}", follow(asked, location).unwrap_err());
        assert!(found.contains(want), "{found}");
    }

    #[test]
    fn targets_are_resolved_and_lose_their_userinfo() {
        for (location, want) in [
            ("/b", "https://h.test/b"),
            ("b", "https://h.test/a/b"),
            ("//other.test/c", "https://other.test/c"),
            (
                "https://user:pass@other.test/d#part",
                "https://other.test/d",
            ),
        ] {
            assert_eq!(
                follow(&["https://h.test/a/x"], location)
                    .unwrap()
                    .unwrap()
                    .as_str(),
                want
            );
        }
    }

    #[test]
    fn only_redirect_statuses_redirect() {
        let headers = HeaderMap::from_iter([(LOCATION, "/b".parse().unwrap())]);
        let asked = [Url::parse("https://h.test/").unwrap()];
        for status in [200, 201, 300, 304, 305, 404] {
            assert!(
                find_target(status, &headers, &asked).unwrap().is_none(),
                "{status}"
            );
        }
    }

    #[test]
    fn bad_redirects_are_refused() {
        check_refused(&["https://h.test/"], "http://h.test/x", "https to http");
        check_refused(&["http://h.test/a", "http://h.test/b"], "/a", "circle");
        check_refused(&["http://h.test/a"], "/a#x", "circle");
        check_refused(&["http://h.test/"], "http://[::1", "bad URL");
        check_refused(&["http://h.test/"], "http://0x7f000001/", "Disguised");
        let many: Vec<String> = (0..11).map(|n| format!("http://h.test/{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        check_refused(&many, "/11", "more than 10");
        assert!(follow(&many[..10], "/11").is_ok());
    }
}
