//! What Mercurial is told and what it says, as text.

use crate::vcs::code::Revision;
use crate::vcs::commit_time::CommitTime;
use crate::vcs::programs::revision::{full_version, reference, shorten_sha1};

/// The name of the newest changeset.
pub const TIP: &str = "tip";

/// A name as a raw string of Mercurial's language; `None` where no revision can be called so.
pub fn quote(name: &str) -> Option<String> {
    let is_plain = !name.is_empty()
        && !name.starts_with('-')
        && !name.chars().any(|c| c == '\'' || c.is_control());
    is_plain.then(|| format!("r'{name}'"))
}

/// Whether a complaint means that there is no such revision.
pub fn is_unknown(complaint: &str) -> bool {
    [
        "unknown revision",
        "ambiguous identifier",
        "hidden revision",
    ]
    .iter()
    .any(|words| complaint.contains(words))
}

/// One name a line, whatever is in it.
pub fn parse_names(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Reads the answer to [`super::STAT_TEMPLATE`]: hash, seconds, offset, tags.
pub fn parse_stat(rev: &str, text: &str) -> Option<Revision> {
    let mut words = text.split_ascii_whitespace();
    let (hash, seconds, _offset) = (words.next()?, words.next()?, words.next()?);
    let time = CommitTime::from_unix_seconds(seconds.parse().ok()?)?;
    let mut tags: Vec<String> = words.filter(|tag| *tag != TIP).map(str::to_owned).collect();
    tags.sort();
    tags.dedup();
    Some(Revision {
        name: hash.to_owned(),
        short: shorten_sha1(hash).to_owned(),
        time,
        version: full_version(rev, hash).to_owned(),
        tags,
        reference: reference(rev, hash),
    })
}

/// The tag with the highest version behind `prefix`; of equal ones the first.
pub fn find_highest(
    lines: &[String],
    prefix: &str,
    is_allowed: &mut dyn FnMut(&str) -> bool,
) -> Option<String> {
    let mut highest = "";
    for tag in lines.iter().flat_map(|line| line.split_ascii_whitespace()) {
        let Some(version) = tag.strip_prefix(prefix) else {
            continue;
        };
        if is_allowed(tag) && gomod::semver::compare(version, highest).is_gt() {
            highest = version;
        }
    }
    (!highest.is_empty()).then(|| format!("{prefix}{highest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "3ecef3cef7685bfa1545cbf028adbd020e2932a2";

    #[track_caller]
    fn check_stat(rev: &str, rest: &str, version: &str, reference: Option<&str>, tags: &[&str]) {
        let found = parse_stat(rev, &format!("{HASH} {rest}")).unwrap();
        assert_eq!(found.name, HASH);
        assert_eq!(found.short, &HASH[..12]);
        assert_eq!(found.version, version);
        assert_eq!(found.reference.as_deref(), reference);
        assert_eq!(found.tags, tags);
    }

    #[test]
    fn stat_gives_hash_time_and_tags() {
        check_stat(
            "v1.0.0",
            "5 0 v1.0.0",
            "v1.0.0",
            Some("v1.0.0"),
            &["v1.0.0"],
        );
        check_stat("3ecef3cef768", "5 0 tip", HASH, None, &[]);
        check_stat("3ecef3c", "5 0", HASH, Some("3ecef3c"), &[]);
        check_stat(
            "tip",
            "5 0 v2 tip v1 v2\n",
            "tip",
            Some("tip"),
            &["v1", "v2"],
        );
        // Blanks inside of tags take them apart, as they do for cmd/go.
        check_stat("x", "5 0 a b", "x", Some("x"), &["a", "b"]);
        let found = parse_stat("x", &format!("{HASH} 1700000002 -7200 ")).unwrap();
        assert_eq!(found.time.to_string(), "2023-11-14T22:13:22Z");
        let found = parse_stat("x", &format!("{HASH} -1 0 ")).unwrap();
        assert_eq!(found.time.to_string(), "1969-12-31T23:59:59Z");
        for text in ["", HASH, "a 1", "a b c", "a 1.5 0", "a 99999999999999 0"] {
            assert!(parse_stat("x", text).is_none(), "{text}");
        }
    }

    #[test]
    fn names_are_quoted_or_refused() {
        for (name, want) in [
            ("v1.0.0-pre+meta", Some("r'v1.0.0-pre+meta'")),
            ("sub dir/v1", Some("r'sub dir/v1'")),
            ("remote(x, y)", Some("r'remote(x, y)'")),
            ("a\\", Some("r'a\\'")),
            ("--config=alias.log=!id", None),
            ("a') or file('b", None),
            ("a\nb", None),
            ("", None),
        ] {
            assert_eq!(quote(name).as_deref(), want, "{name:?}");
        }
    }

    #[test]
    fn highest_tag_counts_behind_the_prefix() {
        let lines = ["v1.0.0 tip", "sub/v1.9.0 v1.10.0", "v1.10.0+meta x v3"].map(str::to_owned);
        let mut all = |_: &str| true;
        assert_eq!(find_highest(&lines, "", &mut all).as_deref(), Some("v3"));
        let mut some = |tag: &str| tag != "v3";
        assert_eq!(
            find_highest(&lines, "", &mut some).as_deref(),
            Some("v1.10.0")
        );
        assert_eq!(
            find_highest(&lines, "sub/", &mut all).as_deref(),
            Some("sub/v1.9.0")
        );
        assert_eq!(find_highest(&lines, "other/", &mut all), None);
        assert_eq!(find_highest(&lines, "ti", &mut all), None);
    }
}
