//! Pseudo-versions: names for commits that carry no tag, ordered among the tagged versions.
//!
//! `vX.0.0-TIME-REV` has no base; `vX.Y.(Z+1)-0.TIME-REV` follows `vX.Y.Z`; `vX.Y.Z-PRE.0.TIME-REV` follows
//! `vX.Y.Z-PRE`; the last two may end in `+incompatible`. TIME is the commit time in UTC, `yyyymmddhhmmss`.
//! Not here: whether commit, time and base are true, for which one needs the repository; for that REV of a git
//! commit must be its first [`REV_HEX_DIGITS`] digits exactly, which [`check_git_rev`] tells.
//!
//! Source: golang.org/x/mod, `module`, pseudo-versions.

use jiff::SignedDuration;
use jiff::civil::{DateTime, date};

use crate::path::shorten;
use crate::semver;

/// Hex digits of a git commit hash that a pseudo-version carries: no more, no less.
pub const REV_HEX_DIGITS: usize = 12;

/// Digits of the time, `yyyymmddhhmmss`.
const TIME_DIGITS: usize = 14;

/// Why something is not a pseudo-version, or cannot be made one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("pseudo-version {shown:?} invalid: {reason}")]
pub struct PseudoError {
    /// The refused text, cut to a length fit for messages.
    pub shown: String,
    /// What is wrong with it.
    pub reason: PseudoReason,
}

/// What is wrong with a pseudo-version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PseudoReason {
    /// Not of the form.
    #[error("syntax error")]
    Syntax,
    /// The fourteen digits are no date and time.
    #[error("malformed time {0:?}")]
    Time(String),
    /// `vX.0.0-TIME-REV+incompatible`: no base tag, and yet one of another major.
    #[error("lacks base version, but has build metadata {0:?}")]
    BuildWithoutBase(String),
    /// `vX.Y.0-0.TIME-REV`.
    #[error("version before {0} would have negative patch number")]
    NegativePatch(String),
    /// The revision is not the canonical short form of the commit.
    #[error("revision must be {REV_HEX_DIGITS} lower-case hex digits")]
    Rev,
    /// The time lies outside the years 0 to 9999.
    #[error("time out of range")]
    TimeRange,
}

/// The parts of a pseudo-version; all borrow from its text.
struct Parts<'a> {
    /// `vX.0.0`, `vX.Y.(Z+1)-0` or `vX.Y.Z-PRE.0`.
    base: &'a str,
    time: &'a str,
    rev: &'a str,
    /// With its plus sign, or empty.
    build: &'a str,
}

/// Is `version` of the form of a pseudo-version. The revision may be any letters and digits: other version
/// control systems have other ones.
pub fn is_pseudo(version: &str) -> bool {
    split(version).is_some()
}

/// Makes the pseudo-version of a commit.
///
/// `major` (`v0`, `v2`) counts only when there is no `older` version to follow. `older` may carry build metadata;
/// of that only `+incompatible` lives on.
///
/// # Errors
/// [`PseudoError`] when the parts do not make a pseudo-version.
pub fn compose(
    major: &str,
    older: Option<&str>,
    unix_seconds: i64,
    rev: &str,
) -> Result<String, PseudoError> {
    let time = format_time(unix_seconds).ok_or_else(|| PseudoError {
        shown: unix_seconds.to_string(),
        reason: PseudoReason::TimeRange,
    })?;
    let version = match older {
        None => format!("{major}.0.0-{time}-{rev}"),
        Some(older) => {
            let build = semver::build(older)
                .filter(|build| *build == "+incompatible")
                .unwrap_or_default();
            let base =
                semver::canonical(older).ok_or_else(|| fault(older, PseudoReason::Syntax))?;
            match (semver::prerelease(&base), base.rsplit_once('.')) {
                (Some(""), Some((head, patch))) => {
                    format!("{head}.{}-0.{time}-{rev}{build}", increment(patch))
                }
                _ => format!("{base}.0.{time}-{rev}{build}"),
            }
        }
    };
    if !is_pseudo(&version) {
        return Err(fault(&version, PseudoReason::Syntax));
    }
    Ok(version)
}

/// Gives the version that a pseudo-version follows; `None` when it has no base.
///
/// # Errors
/// [`PseudoError`] when `version` is no pseudo-version, or names a base that cannot be.
pub fn base(version: &str) -> Result<Option<String>, PseudoError> {
    let parts = split(version).ok_or_else(|| fault(version, PseudoReason::Syntax))?;
    let Some((core, prerelease)) = parts.base.split_once('-') else {
        if parts.build.is_empty() {
            return Ok(None);
        }
        return Err(fault(
            version,
            PseudoReason::BuildWithoutBase(shorten(parts.build)),
        ));
    };
    if let Some(prerelease) = prerelease.strip_suffix(".0") {
        return Ok(Some(format!("{core}-{prerelease}{}", parts.build)));
    }
    // What is left is exactly "-0".
    let (head, patch) = core.rsplit_once('.').unwrap_or((core, ""));
    match decrement(patch) {
        Some(patch) => Ok(Some(format!("{head}.{patch}{}", parts.build))),
        None => Err(fault(version, PseudoReason::NegativePatch(shorten(core)))),
    }
}

/// Gives the commit time that a pseudo-version carries, in seconds since 1970.
///
/// # Errors
/// [`PseudoError`] when `version` is no pseudo-version or its digits are no time.
pub fn time(version: &str) -> Result<i64, PseudoError> {
    let parts = split(version).ok_or_else(|| fault(version, PseudoReason::Syntax))?;
    parse_time(parts.time).ok_or_else(|| fault(version, PseudoReason::Time(parts.time.to_owned())))
}

/// Gives the revision that a pseudo-version carries.
///
/// # Errors
/// [`PseudoError`] when `version` is no pseudo-version.
pub fn rev(version: &str) -> Result<&str, PseudoError> {
    split(version)
        .map(|parts| parts.rev)
        .ok_or_else(|| fault(version, PseudoReason::Syntax))
}

/// Checks that the revision is the canonical short form of a git commit: exactly [`REV_HEX_DIGITS`] lower-case
/// hex digits. Another length would give one commit many names.
///
/// # Errors
/// [`PseudoError`].
pub fn check_git_rev(version: &str) -> Result<(), PseudoError> {
    let rev = rev(version)?;
    if rev.len() == REV_HEX_DIGITS && rev.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Ok(());
    }
    Err(fault(version, PseudoReason::Rev))
}

fn fault(version: &str, reason: PseudoReason) -> PseudoError {
    PseudoError {
        shown: shorten(version),
        reason,
    }
}

fn split(version: &str) -> Option<Parts<'_>> {
    let build = semver::build(version)?;
    let plain = &version[..version.len() - build.len()];
    let (rest, rev) = plain.rsplit_once('-')?;
    if rev.is_empty() || !rev.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let time_start = rest.len().checked_sub(TIME_DIGITS)?;
    let (head, time) = (rest.get(..time_start)?, rest.get(time_start..)?);
    if !time.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let base = match head.strip_suffix('-') {
        // The first form: three numbers, the last two zero.
        Some(base) => {
            let major = base.strip_suffix(".0.0")?.strip_prefix('v')?;
            major.bytes().all(|b| b.is_ascii_digit()).then_some(base)?
        }
        // The others: the time is an identifier of a pre-release, after one that is "0".
        None => {
            let base = head.strip_suffix('.')?;
            let (_, prerelease) = base.split_once('-')?;
            (prerelease == "0" || prerelease.ends_with(".0")).then_some(base)?
        }
    };
    Some(Parts {
        base,
        time,
        rev,
        build,
    })
}

/// Where seconds are counted from, in UTC, which is the only time zone here.
fn epoch() -> DateTime {
    date(1970, 1, 1).at(0, 0, 0, 0)
}

fn format_time(unix_seconds: i64) -> Option<String> {
    let time = epoch()
        .checked_add(SignedDuration::from_secs(unix_seconds))
        .ok()?;
    (0..=9999).contains(&time.year()).then(|| {
        format!(
            "{:04}{:02}{:02}{:02}{:02}{:02}",
            time.year(),
            time.month(),
            time.day(),
            time.hour(),
            time.minute(),
            time.second()
        )
    })
}

fn parse_time(digits: &str) -> Option<i64> {
    let year: i16 = digits.get(..4)?.parse().ok()?;
    let two = |at: usize| digits.get(at..at + 2)?.parse::<i8>().ok();
    let time = DateTime::new(year, two(4)?, two(6)?, two(8)?, two(10)?, two(12)?, 0).ok()?;
    Some(time.duration_since(epoch()).as_secs())
}

/// Adds one to a decimal number of any length.
fn increment(decimal: &str) -> String {
    let nines = decimal.len() - decimal.trim_end_matches('9').len();
    let (head, zeros) = (&decimal[..decimal.len() - nines], "0".repeat(nines));
    match head.as_bytes().split_last() {
        Some((last, _)) => format!("{}{}{zeros}", &head[..head.len() - 1], char::from(last + 1)),
        None => format!("1{zeros}"),
    }
}

/// Takes one from a decimal number of any length; `None` when it is zero.
fn decrement(decimal: &str) -> Option<String> {
    let head = decimal.trim_end_matches('0');
    let nines = "9".repeat(decimal.len() - head.len());
    let (last, _) = head.as_bytes().split_last()?;
    let kept = &head[..head.len() - 1];
    if kept.is_empty() && *last == b'1' && !nines.is_empty() {
        return Some(nines); // 100 becomes 99, not 099
    }
    Some(format!("{kept}{}{nines}", char::from(last - 1)))
}

#[cfg(test)]
mod tests;
