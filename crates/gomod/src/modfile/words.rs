//! What single words of a `go.mod` line may be: strings, versions, intervals, directories.
//!
//! Errors are texts, put beside their place by `directive`.
//!
//! Source: golang.org/x/mod, `modfile/rule.go`.

use std::borrow::Cow;

use super::quote::unquote;
use crate::path::{check_path_major, shorten, split_path_version};
use crate::version::{Version, VersionError};

pub(super) fn parse_string(word: &str) -> Result<String, String> {
    if word.starts_with('"') {
        return unquote(word).ok_or_else(|| "invalid quoted string: invalid syntax".to_owned());
    }
    if word.contains(['"', '\'', '`']) {
        return Err("invalid quoted string: unquoted string cannot contain quote".to_owned());
    }
    Ok(word.to_owned())
}

pub(super) fn parse_single(directive: &str, args: &[Cow<'_, str>]) -> Result<String, String> {
    match args {
        [path] => parse_string(path),
        _ => Err(format!(
            "{directive} directive expects exactly one argument"
        )),
    }
}

pub(super) fn parse_module(
    directive: &str,
    args: &[Cow<'_, str>],
) -> Result<(String, Version), String> {
    let [path, version] = args else {
        return Err(format!("usage: {directive} module/path v1.2.3"));
    };
    let path = parse_string(path)?;
    // As with the go command a version without form is told of before a path without one.
    let major = path_major(&path);
    if major.is_err() {
        parse_version(directive, &path, version)?;
    }
    let version = parse_fitting_version(directive, &path, major?, version)?;
    Ok((path, version))
}

pub(super) fn path_major(path: &str) -> Result<&str, String> {
    split_path_version(path)
        .map(|(_, major)| major)
        .ok_or_else(|| format!("invalid module path {:?}", shorten(path)))
}

pub(super) fn parse_fitting_version(
    directive: &str,
    path: &str,
    major: &str,
    word: &str,
) -> Result<Version, String> {
    let version = parse_version(directive, path, word)?;
    check_path_major(version.as_str(), major)
        .map_err(|error| format!("{directive} {}: {error}", shorten(path)))?;
    Ok(version)
}

pub(super) fn parse_version(directive: &str, path: &str, word: &str) -> Result<Version, String> {
    let refuse = |what: &str, message: &str| {
        format!(
            "{directive} {}: version {:?} invalid: {message}",
            shorten(path),
            shorten(what)
        )
    };
    let text = parse_string(word).map_err(|message| refuse(word, &message))?;
    Version::canonicalize(&text).map_err(|error| match error {
        VersionError::NotSemver { .. } => refuse(&text, "must be of the form v1.2.3"),
        other => format!("{directive} {}: {other}", shorten(path)),
    })
}

/// Reads `v1` or `[v1, v2]`; gives both ends as written and the words after them.
pub(super) fn parse_interval<'w>(
    words: &'w [Cow<'w, str>],
) -> Result<(String, String, &'w [Cow<'w, str>]), String> {
    let bound = |word: Option<&Cow<'_, str>>, missing: &str| match word {
        Some(word) => parse_string(word)
            .map_err(|message| format!("retract: version {:?} invalid: {message}", shorten(word))),
        None => Err(missing.to_owned()),
    };
    let (first, rest) = match words.split_first() {
        Some((first, rest)) if first != "(" => (first, rest),
        _ => return Err("expected '[' or version".to_owned()),
    };
    if first != "[" {
        let version = bound(Some(first), "")?;
        return Ok((version.clone(), version, rest));
    }
    let low = bound(rest.first(), "expected version after '['")?;
    if rest.get(1).is_none_or(|word| word != ",") {
        return Err("expected ',' after version".to_owned());
    }
    let high = bound(rest.get(2), "expected version after ','")?;
    if rest.get(3).is_none_or(|word| word != "]") {
        return Err("expected ']' after version".to_owned());
    }
    Ok((low, high, &rest[4..]))
}

pub(super) fn check_directory(path: String) -> Result<String, String> {
    if is_directory_path(&path) {
        if path.contains('\\') {
            return Err(
                "replacement directory appears to be Windows path (on a non-windows system)"
                    .to_owned(),
            );
        }
        return Ok(path);
    }
    Err(if path.contains('@') {
        "replacement module must match format 'path version', not 'path@version'".to_owned()
    } else {
        "replacement module without version must be directory path (rooted or starting with . or ..)".to_owned()
    })
}

/// Does a replacement name a directory: rooted, or starting with `.` or `..`, in the ways of Unix or Windows.
pub(super) fn is_directory_path(path: &str) -> bool {
    let dots = path.strip_prefix("..").or_else(|| path.strip_prefix('.'));
    dots.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '\\']))
        || path.starts_with(['/', '\\'])
        || matches!(path.as_bytes(), [drive, b':', ..] if drive.is_ascii_alphabetic())
}

/// `N.N[.N]` without leading zeros, perhaps with letters and digits behind, `rc1`.
pub(super) fn is_go_version(text: &str) -> bool {
    let Some((_, rest)) = split_go_minor(text) else {
        return false;
    };
    let rest = match rest.strip_prefix('.') {
        Some(rest) => match split_number(rest) {
            Some((_, rest)) => rest,
            None => return false,
        },
        None => rest,
    };
    let digits = rest.trim_start_matches(|c: char| c.is_ascii_lowercase());
    rest.is_empty()
        || (digits.len() < rest.len()
            && !digits.is_empty()
            && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// Finds the `N.N` in a version of an unknown form, as dependencies may have: `v1.20.x`.
pub(super) fn find_go_version(text: &str) -> Option<&str> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (minor, rest) = split_go_minor(text)?;
    (!rest.is_empty() && !rest.contains('\n')).then_some(minor)
}

/// Splits `N.N` off the front; no digit follows.
fn split_go_minor(text: &str) -> Option<(&str, &str)> {
    let (major, rest) = split_number(text)?;
    let (_, rest) = split_number(rest.strip_prefix('.')?)?;
    (major != "0").then(|| text.split_at(text.len() - rest.len()))
}

fn split_number(text: &str) -> Option<(&str, &str)> {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = &text[..text.len() - rest.len()];
    (!number.is_empty() && (number.len() == 1 || !number.starts_with('0')))
        .then_some((number, rest))
}
