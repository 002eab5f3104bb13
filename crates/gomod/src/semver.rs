//! Semantic versions as the `go` command reads them: text with a leading `v`, compared without number types.
//!
//! `vMAJOR[.MINOR[.PATCH[-PRE][+BUILD]]]`. Numbers have no upper bound, so they stay strings and are compared
//! by length, then text. All functions take one pass and allocate only what they return.
//! Not here: which version fits which module path (`version`), pseudo-versions (`pseudo`).
//!
//! Source: golang.org/x/mod, `semver`.

use std::cmp::Ordering;

/// A version taken apart; every field borrows from the text.
struct Parsed<'a> {
    major: &'a str,
    minor: &'a str,
    patch: &'a str,
    /// What is missing to a full three-number version: `""`, `".0"` or `".0.0"`.
    missing: &'static str,
    /// With its leading `-`, or empty.
    prerelease: &'a str,
    /// With its leading `+`, or empty.
    build: &'a str,
}

/// Is `v` a semantic version: `v1`, `v1.2`, `v1.2.3`, `v1.2.3-pre.1+meta`.
pub fn is_valid(v: &str) -> bool {
    parse(v).is_some()
}

/// Gives `v` with missing numbers filled in and without build metadata; `None` when `v` is not valid.
pub fn canonical(v: &str) -> Option<String> {
    let parsed = parse(v)?;
    let mut text = v[..v.len() - parsed.build.len()].to_owned();
    text.push_str(parsed.missing);
    Some(text)
}

/// Gives the `v2` of `v2.1.0`; `None` when `v` is not valid.
pub fn major(v: &str) -> Option<&str> {
    let parsed = parse(v)?;
    Some(&v[..1 + parsed.major.len()])
}

/// Gives the `v2.1` of `v2.1.0`, and `v2.0` of `v2`; `None` when `v` is not valid.
pub fn major_minor(v: &str) -> Option<String> {
    let parsed = parse(v)?;
    Some(format!("v{}.{}", parsed.major, parsed.minor))
}

/// Gives the pre-release part with its dash, `-pre.1`, empty when there is none; `None` when `v` is not valid.
pub fn prerelease(v: &str) -> Option<&str> {
    Some(parse(v)?.prerelease)
}

/// Gives the build metadata with its plus sign, `+meta`, empty when there is none; `None` when `v` is not valid.
pub fn build(v: &str) -> Option<&str> {
    Some(parse(v)?.build)
}

/// Compares by precedence. Build metadata does not count.
///
/// An invalid version sorts below every valid one, and all invalid ones are equal: this is an order of
/// precedence, not of texts (see [`compare_for_sort`]).
pub fn compare(v: &str, w: &str) -> Ordering {
    match (parse(v), parse(w)) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (Some(v), Some(w)) => compare_numbers(v.major, w.major)
            .then_with(|| compare_numbers(v.minor, w.minor))
            .then_with(|| compare_numbers(v.patch, w.patch))
            .then_with(|| compare_prereleases(v.prerelease, w.prerelease)),
    }
}

/// Compares by precedence, and where that is equal by the bytes of the text: a total order for lists.
pub fn compare_for_sort(v: &str, w: &str) -> Ordering {
    compare(v, w).then_with(|| v.cmp(w))
}

fn parse(v: &str) -> Option<Parsed<'_>> {
    let mut parsed = Parsed {
        major: "",
        minor: "0",
        patch: "0",
        missing: "",
        prerelease: "",
        build: "",
    };
    let rest;
    (parsed.major, rest) = split_number(v.strip_prefix('v')?)?;
    if rest.is_empty() {
        parsed.missing = ".0.0";
        return Some(parsed);
    }
    let rest2;
    (parsed.minor, rest2) = split_number(rest.strip_prefix('.')?)?;
    if rest2.is_empty() {
        parsed.missing = ".0";
        return Some(parsed);
    }
    let tail;
    (parsed.patch, tail) = split_number(rest2.strip_prefix('.')?)?;
    let plus = tail.find('+').unwrap_or(tail.len());
    (parsed.prerelease, parsed.build) = tail.split_at(plus);
    let prerelease_ok = parsed.prerelease.is_empty()
        || parsed.prerelease.strip_prefix('-').is_some_and(|list| {
            list.split('.').all(|id| {
                is_identifier(id) && !(is_number(id) && id.len() > 1 && id.starts_with('0'))
            })
        });
    let build_ok = parsed.build.is_empty()
        || parsed
            .build
            .strip_prefix('+')
            .is_some_and(|list| list.split('.').all(is_identifier));
    (prerelease_ok && build_ok).then_some(parsed)
}

/// Splits a decimal number without leading zeros off the front.
fn split_number(s: &str) -> Option<(&str, &str)> {
    let end = s
        .bytes()
        .position(|b| !b.is_ascii_digit())
        .unwrap_or(s.len());
    let (number, rest) = s.split_at(end);
    (!number.is_empty() && (number.len() == 1 || !number.starts_with('0')))
        .then_some((number, rest))
}

fn is_identifier(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn is_number(id: &str) -> bool {
    id.bytes().all(|b| b.is_ascii_digit())
}

/// Compares two decimal numbers without leading zeros.
fn compare_numbers(x: &str, y: &str) -> Ordering {
    x.len().cmp(&y.len()).then_with(|| x.cmp(y))
}

/// Compares two pre-release parts, each empty or with its leading dash.
fn compare_prereleases(x: &str, y: &str) -> Ordering {
    let (x, y) = match (x.strip_prefix('-'), y.strip_prefix('-')) {
        (None, None) => return Ordering::Equal,
        (None, Some(_)) => return Ordering::Greater, // a release is above its pre-releases
        (Some(_), None) => return Ordering::Less,
        (Some(x), Some(y)) => (x, y),
    };
    let (mut xs, mut ys) = (x.split('.'), y.split('.'));
    loop {
        let (x, y) = match (xs.next(), ys.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) => (x, y),
        };
        let order = match (is_number(x), is_number(y)) {
            (true, true) => compare_numbers(x, y),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => x.cmp(y),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

#[cfg(test)]
mod tests;
