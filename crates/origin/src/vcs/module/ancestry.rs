//! Whether a pseudo-version says the truth about its commit.
//!
//! Source: cmd/go/internal/modfetch, `codeRepo.validatePseudoVersion`.

use gomod::{pseudo, semver};
use jiff::Timestamp;

use super::inquiry::Inquiry;
use super::place::{Place, shown};
use crate::vcs::code::{CodeError, Revision};

/// Checks the parts of a pseudo-version against the revision that it names, cheap ones first.
///
/// The base must be a tag in the revision's history, so that nobody can give a commit any rank he likes. It need not
/// be the newest: tags come later than pseudo-versions do.
///
/// # Errors
/// Class `Invalid` with what is wrong; those of the repository.
pub fn check_pseudo(
    inquiry: &Inquiry<'_>,
    revision: &Revision,
    version: &str,
) -> Result<(), CodeError> {
    let place = inquiry.place;
    let refuse = |why: String| Err(place.invalid(version, why));
    let parts = pseudo::rev(version).and_then(|rev| Ok((rev, pseudo::time(version)?)));
    let (rev, time) = parts.map_err(|error| place.invalid(version, error.reason))?;
    if let Some(fault) = find_fault_of_name(rev, &revision.short) {
        return refuse(format!("{fault} (expected {})", revision.short));
    }
    if time != unix_seconds(revision.time) {
        return refuse(format!(
            "does not match version-control timestamp (expected {})",
            revision.time.strftime("%Y%m%d%H%M%S")
        ));
    }
    let plain = version.strip_suffix("+incompatible").unwrap_or(version);
    match pseudo::base(plain) {
        Err(error) => refuse(error.reason.to_string()),
        Ok(Some(base)) => check_base(inquiry, revision, version, &base),
        Ok(None) if place.major().is_empty() && semver::major(version) == Some("v1") => {
            refuse("major version without preceding tag must be v0, not v1".to_owned())
        }
        Ok(None) => Ok(()),
    }
}

/// The canonical name alone is right, else one commit would have many versions.
fn find_fault_of_name(rev: &str, short: &str) -> Option<&'static str> {
    if rev == short {
        None
    } else if rev.starts_with(short) {
        Some("revision is longer than canonical")
    } else if short.starts_with(rev) {
        Some("revision is shorter than canonical")
    } else {
        Some("does not match short name of revision")
    }
}

fn check_base(
    inquiry: &Inquiry<'_>,
    revision: &Revision,
    version: &str,
    base: &str,
) -> Result<(), CodeError> {
    let place: &Place = inquiry.place;
    let prefix = place.tag_prefix();
    let base_tag = format!("{prefix}{base}");
    // A tag with build metadata on the same commit is no name of a version, so that one may be built on it.
    if revision
        .tags
        .iter()
        .any(|tag| tag.strip_prefix(&prefix).unwrap_or(tag) == base)
    {
        return Err(place.invalid(
            version,
            format!(
                "tag {base_tag} stands on revision {} itself and is to be used instead",
                revision.short
            ),
        ));
    }
    let mut last = None;
    let mut trouble = None;
    for tag in inquiry.code.list_tags(&base_tag)? {
        let rest = tag.name.strip_prefix(&prefix).unwrap_or(&tag.name);
        if semver::compare(rest, base).is_ne() {
            continue;
        }
        match inquiry.code.descends_from(revision, &tag.name) {
            Ok(true) => return Ok(()),
            Ok(false) => trouble = None,
            Err(error) => trouble = Some(error),
        }
        last = Some(tag.name);
    }
    match (last, trouble) {
        (_, Some(error)) => Err(error),
        (Some(tag), None) => Err(place.invalid(
            version,
            format!(
                "revision {} is not a descendent of preceding tag ({})",
                revision.short,
                shown(&tag)
            ),
        )),
        (None, None) => Err(place.invalid(version, format!("preceding tag ({base}) not found"))),
    }
}

/// Whole seconds since 1970, counted down to the earlier one.
pub fn unix_seconds(time: Timestamp) -> i64 {
    let borrowed = i64::from(time.subsec_nanosecond() < 0);
    time.as_second() - borrowed
}
