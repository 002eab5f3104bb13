//! A repository that someone names by its URL, not by a module path.

use super::Located;
use super::hosts;
use super::kind::Vcs;
use super::root;
use crate::vcs::code::CodeError;

/// What a URL typed by the operator names. Without a scheme it is taken for an `https` one.
///
/// The kind is `vcs`, else that of the URL's ending (`.git`, `.hg` …) or of a known host, else git. The root is host and
/// path without port and ending: what its module is called unless its `go.mod` says otherwise. Nothing is asked, and any
/// scheme that the kind has is taken, encrypted or not.
///
/// # Errors
/// Class `Invalid`: the text is no URL of a repository; user and password do not belong into it.
pub fn locate_url(text: &str, vcs: Option<Vcs>) -> Result<Located, CodeError> {
    let text = text.trim().trim_end_matches('/');
    let url = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let place = url.split_once("://").map_or("", |(_, place)| place);
    let (authority, path) = place.split_once('/').unwrap_or((place, ""));
    if path.is_empty() {
        let why = "this is no URL of a repository: nothing follows its host";
        return Err(CodeError::invalid(why));
    }
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_user, host)| host);
    let host = host.rsplit_once(':').map_or(host, |(name, _port)| name);
    let whole = format!("{host}/{path}");
    let ending = hosts::find_suffix(&whole);
    let (root, known) = match ending {
        Some(ending) => {
            let root = whole[..whole.len() - ending.name().len() - 1].to_owned();
            (root, Some(ending))
        }
        None => {
            let known = hosts::find_named(&whole).ok().flatten();
            (
                whole.trim_end_matches('/').to_owned(),
                known.map(|named| named.vcs),
            )
        }
    };
    let vcs = vcs.or(known).unwrap_or(Vcs::Git);
    root::check_typed(&url, vcs)?;
    let is_insecure = !root::is_encrypted(&url);
    Ok(Located {
        root,
        vcs,
        url,
        subdirectory: None,
        is_insecure,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::UpstreamClass;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let found = locate_url(text, None).unwrap();
        assert_eq!(
            format!("{} {} {}", found.root, found.vcs, found.url),
            want,
            "{text}"
        );
    }

    #[test]
    fn urls_name_repositories() {
        check(
            "https://github.com/o/r",
            "github.com/o/r git https://github.com/o/r",
        );
        check(
            "github.com/o/r/",
            "github.com/o/r git https://github.com/o/r",
        );
        check(
            "https://github.com/o/r.git",
            "github.com/o/r git https://github.com/o/r.git",
        );
        check(
            "https://h.test:8443/a/b.hg",
            "h.test/a/b hg https://h.test:8443/a/b.hg",
        );
        check("http://h.test/a", "h.test/a git http://h.test/a");
        check(
            "ssh://git@h.test:22/a.git",
            "h.test/a git ssh://git@h.test:22/a.git",
        );
        check(
            "chiselapp.com/user/u/repository/r",
            "chiselapp.com/user/u/repository/r fossil https://chiselapp.com/user/u/repository/r",
        );
        let hg = locate_url("https://h.test/a", Some(Vcs::Mercurial)).unwrap();
        assert_eq!(hg.vcs, Vcs::Mercurial);
        assert!(!hg.is_insecure && locate_url("http://h.test/a", None).unwrap().is_insecure);
    }

    #[test]
    fn what_is_no_repository_is_refused() {
        for text in [
            "",
            "https://",
            "https://user:s3cret@h.test/a",
            "https://user@h.test/a",
            "ssh://-oProxyCommand=x/a",
            "ext::sh -c id",
            "ext://h.test/a",
            "file:///etc",
            "git://h.test/a",
            "svn://h.test/a",
            "https://h.test/a b",
            "https://h.test/a?b",
            "git@h.test:a/b",
        ] {
            let error = locate_url(text, None).unwrap_err();
            assert_eq!(error.class, UpstreamClass::Invalid, "{text}: {error}");
            assert!(!error.text.contains("s3cret"), "{error}");
        }
    }
}
