//! The list of upstreams, in exactly the form of `GOPROXY`.
//!
//! Source: cmd/go, `modfetch`, `proxyList` and `newProxyRepo`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use url::Url;

use crate::outside::Credentials;

/// Where files come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A proxy over `http` or `https`.
    Remote(Remote),
    /// A folder laid out like a proxy (`file://`).
    Tree(Tree),
    /// Version control itself.
    Direct,
    /// Nowhere: the list ends in a refusal.
    Off,
}

/// A proxy over `http` or `https`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    base: Url,
    credentials: Option<Credentials>,
    shown: String,
    redacted: String,
}

/// A folder laid out like a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    root: PathBuf,
    shown: String,
}

/// What lets the walk go on to the next entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// `,`: 404 and 410 only. Also at the end of the list.
    AfterAbsence,
    /// `|`: anything.
    AfterAnyError,
}

/// The list of upstreams: at least one entry, in the order in which they are asked.
///
/// [`fmt::Display`] gives the text back with passwords replaced by `xxxxx`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamList {
    entries: Vec<(Entry, Next)>,
}

/// Why a text is no list of upstreams. Passwords are never in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// Nothing but separators and blanks.
    #[error("the list of upstreams contains no entries")]
    Empty,
    /// An entry that is no upstream.
    #[error("`{entry}` in the list of upstreams {why}")]
    Entry {
        /// The entry, without what may be a password.
        entry: String,
        /// What is wrong with it.
        why: String,
    },
}

impl UpstreamList {
    /// The list that holds nothing but `direct`.
    pub fn direct() -> Self {
        Self {
            entries: vec![(Entry::Direct, Next::AfterAbsence)],
        }
    }

    /// The entries and what comes between each and the next.
    pub fn entries(&self) -> &[(Entry, Next)] {
        &self.entries
    }
}

impl FromStr for UpstreamList {
    type Err = ListError;

    fn from_str(text: &str) -> Result<Self, ListError> {
        let mut entries = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find([',', '|']);
            let (entry, next) = match end {
                Some(end) if rest.as_bytes()[end] == b'|' => (&rest[..end], Next::AfterAnyError),
                Some(end) => (&rest[..end], Next::AfterAbsence),
                None => (rest, Next::AfterAbsence),
            };
            rest = end.map_or("", |end| &rest[end + 1..]);
            match entry.trim() {
                "" => {}
                // Neither goes on to what is behind it, whatever the separator says.
                "off" => {
                    entries.push((Entry::Off, Next::AfterAbsence));
                    break;
                }
                "direct" => {
                    entries.push((Entry::Direct, Next::AfterAbsence));
                    break;
                }
                entry => entries.push((parse_entry(entry)?, next)),
            }
        }
        if entries.is_empty() {
            return Err(ListError::Empty);
        }
        Ok(Self { entries })
    }
}

impl fmt::Display for UpstreamList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (entry, next)) in self.entries.iter().enumerate() {
            match entry {
                Entry::Remote(remote) => f.write_str(&remote.redacted)?,
                Entry::Tree(tree) => f.write_str(&tree.shown)?,
                Entry::Direct => f.write_str("direct")?,
                Entry::Off => f.write_str("off")?,
            }
            if at + 1 < self.entries.len() {
                f.write_str(if *next == Next::AfterAnyError {
                    "|"
                } else {
                    ","
                })?;
            }
        }
        Ok(())
    }
}

impl Entry {
    /// The entry's name in messages: no user, no password, no query.
    pub fn shown(&self) -> &str {
        match self {
            Self::Remote(remote) => &remote.shown,
            Self::Tree(tree) => &tree.shown,
            Self::Direct => "direct",
            Self::Off => "off",
        }
    }
}

impl Remote {
    /// Scheme, host, port, path and query, without user information.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// User and password, if the entry has some.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// The URL of a file below the base; `escaped_path` is already escaped for URLs and has no slash in front.
    /// The base's query, where it has one, stays.
    pub fn url_of(&self, escaped_path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!(
            "{}/{escaped_path}",
            self.base.path().trim_end_matches('/')
        ));
        url
    }
}

impl Tree {
    /// The folder.
    pub fn root(&self) -> &std::path::Path {
        &self.root
    }
}

fn parse_entry(entry: &str) -> Result<Entry, ListError> {
    // Words are kept free for meanings of their own; what looks like a host is one over https.
    let is_host =
        entry.contains(['.', ':', '/']) && !entry.contains(":/") && !entry.starts_with('/');
    let whole = if is_host {
        format!("https://{entry}")
    } else {
        entry.to_owned()
    };
    let bad = |why: &str| ListError::Entry {
        entry: hide_user(entry),
        why: why.to_owned(),
    };
    let Some((scheme, rest)) = whole.split_once(":/") else {
        return Err(bad("is missing a scheme"));
    };
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" if rest.starts_with('/') => parse_remote(&whole).map_err(|why| bad(&why)),
        "http" | "https" => Err(bad("has no host")),
        "file" => parse_tree(&whole, rest)
            .ok_or_else(|| bad("is a file: URL with more than an absolute path")),
        _ => Err(bad("has a scheme other than https, http and file")),
    }
}

fn parse_remote(text: &str) -> Result<Entry, String> {
    let mut base = Url::parse(text).map_err(|parse| format!("is not a URL: {parse}"))?;
    base.set_fragment(None);
    let mut hidden = base.clone();
    if hidden.password().is_some() {
        // Fails only for URLs without a host; these have one.
        let _ = hidden.set_password(Some("xxxxx"));
    }
    hidden.set_query(None);
    let credentials = Credentials::take_from(&mut base);
    let mut shown = base.clone();
    shown.set_query(None);
    let text_of = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
    Ok(Entry::Remote(Remote {
        shown: text_of(&shown),
        redacted: text_of(&hidden),
        base,
        credentials,
    }))
}

fn parse_tree(whole: &str, rest: &str) -> Option<Entry> {
    let has_host = rest.starts_with('/') && !rest.starts_with("//");
    if has_host || rest.contains(['?', '#']) {
        return None;
    }
    let url = Url::parse(whole).ok()?;
    let root = url.to_file_path().ok()?;
    Some(Entry::Tree(Tree {
        root,
        shown: url.as_str().to_owned(),
    }))
}

/// Cuts user and password out of a text that may be a URL.
fn hide_user(entry: &str) -> String {
    match (entry.find("://"), entry.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            format!("{}://xxxxx{}", &entry[..scheme], &entry[at..])
        }
        (None, Some(at)) => format!("xxxxx{}", &entry[at..]),
        _ => entry.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_list(text: &str, want: &str) {
        let list: UpstreamList = text.parse().unwrap();
        assert_eq!(list.to_string(), want, "{text}");
    }

    #[track_caller]
    fn check_refused(text: &str, want: &str) {
        let refused = UpstreamList::from_str(text).unwrap_err().to_string();
        assert!(refused.contains(want), "{text}: {refused}");
        assert!(!refused.contains("secret"), "{refused}");
    }

    #[test]
    fn lists_are_read_as_go_reads_them() {
        for (text, want) in [
            ("https://a.test", "https://a.test"),
            (
                "https://a.test/,https://b.test|direct",
                "https://a.test,https://b.test|direct",
            ),
            (" https://a.test , direct ", "https://a.test,direct"),
            (",,https://a.test||direct", "https://a.test|direct"),
            ("a.test", "https://a.test"),
            ("a.test/base/", "https://a.test/base"),
            ("localhost:8080", "https://localhost:8080"),
            ("host/path", "https://host/path"),
            ("direct,https://a.test", "direct"),
            ("off|https://a.test", "off"),
            ("https://a.test|off", "https://a.test|off"),
            ("HTTP://A.test", "http://a.test"),
            ("file:///srv/tree,direct", "file:///srv/tree,direct"),
            (
                "https://user:secret@a.test/base,direct",
                "https://user:xxxxx@a.test/base,direct",
            ),
            ("https://user@a.test", "https://user@a.test"),
            ("https://a.test?token=secret", "https://a.test"),
        ] {
            check_list(text, want);
        }
    }

    #[test]
    fn bad_lists_are_refused() {
        for text in ["", " ", ",", "|,| "] {
            assert_eq!(
                UpstreamList::from_str(text),
                Err(ListError::Empty),
                "{text:?}"
            );
        }
        check_refused("noproxy", "missing a scheme");
        check_refused("/srv/tree", "missing a scheme");
        check_refused("ftp://user:secret@a.test", "scheme other than");
        check_refused("https:/a.test", "no host");
        check_refused("https://", "not a URL");
        check_refused("https://user:secret@a.test:99999", "not a URL");
        check_refused("user:secret@a.test:99999", "not a URL");
        for text in [
            "file://host/srv",
            "file://localhost/srv",
            "file:///srv?x=1",
            "file:///srv#x",
            "file://user@/srv",
        ] {
            check_refused(text, "more than an absolute path");
        }
    }

    #[test]
    fn separators_say_what_lets_the_walk_go_on() {
        let list: UpstreamList = "https://a.test|,https://b.test,https://c.test|direct"
            .parse()
            .unwrap();
        let next: Vec<Next> = list.entries().iter().map(|(_, next)| *next).collect();
        assert_eq!(
            next,
            [
                Next::AfterAnyError,
                Next::AfterAbsence,
                Next::AfterAnyError,
                Next::AfterAbsence
            ]
        );
    }

    #[test]
    fn credentials_and_queries_stay_where_they_belong() {
        let list: UpstreamList = "https://user:secret@a.test/base/?token=1".parse().unwrap();
        let Entry::Remote(remote) = &list.entries()[0].0 else {
            panic!("not a remote")
        };
        assert!(remote.credentials().is_some());
        assert_eq!(list.entries()[0].0.shown(), "https://a.test/base");
        assert_eq!(
            remote.url_of("m/@v/list").as_str(),
            "https://a.test/base/m/@v/list?token=1"
        );
        assert!(!format!("{list:?}").contains("secret"));
    }
}
