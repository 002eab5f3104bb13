//! What the objects of a written repository are called, so that questions can speak of hashes before there are any.

use std::collections::BTreeMap;

/// What the commits and annotated tags of a written repository are called: hash and, of commits, time.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// By the name of the commit, or `tag:` and the name of the tag.
    pub objects: BTreeMap<String, Named>,
}

/// An object that a question can speak of.
#[derive(Clone, Debug)]
pub struct Named {
    /// All its digits.
    pub hash: String,
    /// Committer time in Unix seconds; 0 for a tag.
    pub time: i64,
}

/// Fills in what [`super::case::Questions::ask`] describes. `None` where a name is unknown.
pub fn expand(text: &str, names: &Names) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (inside, next) = after.split_once('}')?;
        out.push_str(before);
        out.push_str(&expand_one(inside, names)?);
        rest = next;
    }
    out.push_str(rest);
    Some(out)
}

fn expand_one(inside: &str, names: &Names) -> Option<String> {
    if let Some(named) = names.objects.get(inside) {
        return Some(named.hash.clone());
    }
    let (name, what) = inside.rsplit_once(':')?;
    let named = names.objects.get(name)?;
    if let Some(later) = what.strip_prefix('+') {
        return pseudo_time(named.time + later.parse::<i64>().ok()?);
    }
    if what == "time" {
        return pseudo_time(named.time);
    }
    let digits = what.trim_end_matches('u');
    let hash = named.hash.get(..digits.parse().ok()?)?;
    Some(if digits.len() < what.len() {
        hash.to_uppercase()
    } else {
        hash.to_owned()
    })
}

/// The 14 digits of a time in a pseudo-version.
fn pseudo_time(unix_seconds: i64) -> Option<String> {
    let version = gomod::pseudo::compose("v0", None, unix_seconds, "000000000000").ok()?;
    version.split('-').nth(1).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_become_hashes_and_times() {
        let mut names = Names::default();
        let hash = "0123456789abcdef0123456789abcdef01234567".to_owned();
        let named = Named {
            hash: hash.clone(),
            time: 1_600_000_000,
        };
        names.objects.insert("a".to_owned(), named.clone());
        names.objects.insert("tag:v1.0.0".to_owned(), named);
        let check = |text: &str, want: Option<&str>| {
            assert_eq!(expand(text, &names).as_deref(), want, "{text}");
        };
        check("master", Some("master"));
        check("{a}", Some(&hash));
        check("{a:7}", Some("0123456"));
        check("{a:12u}", Some("0123456789AB"));
        check("{tag:v1.0.0:8}", Some("01234567"));
        check(
            "v0.0.0-{a:time}-{a:12}",
            Some("v0.0.0-20200913122640-0123456789ab"),
        );
        check("{a:+1}", Some("20200913122641"));
        check("{b}", None);
        check("{a", None);
    }
}
