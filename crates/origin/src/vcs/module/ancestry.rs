//! Whether a pseudo-version says the truth about its commit.
//!
//! Source: cmd/go/internal/modfetch, `codeRepo.validatePseudoVersion`.

use std::collections::HashSet;

use gomod::{pseudo, semver};

use super::inquiry::Inquiry;
use super::place::Place;
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
    // The canonical name alone is right, else one commit would have many versions.
    if rev != revision.short {
        return refuse(format!("its revision is to be written {}", revision.short));
    }
    if time != revision.time.unix_seconds() {
        return refuse(format!("its commit was made at {}", revision.time.digits()));
    }
    let plain = version.strip_suffix("+incompatible").unwrap_or(version);
    match pseudo::base(plain) {
        Err(error) => refuse(error.reason.to_string()),
        Ok(Some(base)) => check_base(inquiry, revision, version, &base),
        Ok(None) if place.major().is_empty() && semver::major(version) == Some("v1") => {
            refuse("without a tag to follow it begins with v0, not v1".to_owned())
        }
        Ok(None) => Ok(()),
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
    let equal: HashSet<String> = inquiry
        .code
        .list_tags(&base_tag)?
        .into_iter()
        .map(|tag| tag.name)
        .filter(|tag| {
            let rest = tag.strip_prefix(&prefix).unwrap_or(tag);
            semver::compare(rest, base).is_eq()
        })
        .collect();
    let follows = match equal.iter().next() {
        None => {
            return Err(place.invalid(version, format!("there is no tag {base_tag} to follow")));
        }
        Some(tag) if equal.len() == 1 => inquiry.code.descends_from(revision, tag)?,
        // Tags that differ in build metadata alone: however many, the history is looked through once.
        Some(_) => inquiry
            .code
            .recent_tag(revision, &prefix, &mut |tag| equal.contains(tag))?
            .is_some(),
    };
    if follows {
        return Ok(());
    }
    Err(place.invalid(
        version,
        format!(
            "revision {} does not follow the tag {base_tag}",
            revision.short
        ),
    ))
}
