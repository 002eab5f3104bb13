//! Which versions there are, and which of them are taken back.
//!
//! Source: cmd/go/internal/modfetch, `codeRepo.Versions`, `appendIncompatibleVersions`, `retractedVersions`.

use gomod::modfile::{self, Retract};
use gomod::path::check_path_major;
use gomod::version::Version;
use gomod::{pseudo, semver};

use super::directory::find_home;
use super::inquiry::{Inquiry, is_answer};
use super::place::Place;
use crate::vcs::code::{CodeError, Tag};

/// The versions that tags name, sorted.
#[derive(Debug, Default)]
struct Tagged {
    /// Those whose major version fits the path.
    fitting: Vec<Version>,
    /// Those that could be `+incompatible`, without that suffix.
    later: Vec<Version>,
}

/// Lists the versions of a module, sorted.
///
/// # Errors
/// Those of the repository; class `Invalid` where a tag that must be looked into names nothing that has files.
pub fn list(inquiry: &mut Inquiry<'_>) -> Result<Vec<Version>, CodeError> {
    if is_unstable(inquiry.place) {
        return Ok(Vec::new());
    }
    let Tagged { mut fitting, later } = sort_tags(inquiry.place, &inquiry.tags()?);
    if later.is_empty() {
        return Ok(fitting);
    }
    // Once the v0 and v1 line has a go.mod, nobody is meant to use later majors without a suffix.
    if let Some(last) = fitting.last()
        && has_go_mod(inquiry, last)?
    {
        return Ok(fitting);
    }
    for same_major in later.chunk_by(|a, b| a.major() == b.major()) {
        let Some(newest) = same_major.last() else {
            continue;
        };
        if !has_go_mod(inquiry, newest)? {
            fitting.extend(same_major.iter().filter_map(suffixed));
        }
    }
    Ok(fitting)
}

/// gopkg.in keeps the tags for the stable path; the other one has none at all.
fn is_unstable(place: &Place) -> bool {
    let path = place.path.as_str();
    path.starts_with("gopkg.in/") && path.ends_with("-unstable")
}

fn sort_tags(place: &Place, tags: &[Tag]) -> Tagged {
    let prefix = place.tag_prefix();
    let mut tagged = Tagged::default();
    for tag in tags {
        let Some(text) = tag.name.strip_prefix(&prefix) else {
            continue;
        };
        if semver::canonical(text).as_deref() != Some(text) || pseudo::is_pseudo(text) {
            continue;
        }
        // Longer than any version that can be stored, or asked for.
        let Ok(version) = text.parse::<Version>() else {
            continue;
        };
        if check_path_major(text, place.major()).is_ok() {
            tagged.fitting.push(version);
        } else if place.directory.is_empty() && place.major().is_empty() {
            tagged.later.push(version);
        }
    }
    tagged.fitting.sort();
    tagged.later.sort();
    tagged
}

fn suffixed(version: &Version) -> Option<Version> {
    format!("{version}+incompatible").parse().ok()
}

/// Whether the tree of a tag at the repository's root has a `go.mod` there, whatever it says.
fn has_go_mod(inquiry: &mut Inquiry<'_>, version: &Version) -> Result<bool, CodeError> {
    let place = inquiry.place;
    let revision = inquiry.stat(version.as_str()).map_err(|error| {
        // cmd/go gives up here, and does not say that the module is not there.
        if error.class.is_absence() {
            place.invalid(version.as_str(), &error.text)
        } else {
            error
        }
    })?;
    inquiry.has_file(&revision, "go.mod")
}

/// The versions that a module has taken back. Its intervals can be a hundred thousand and its tags too, so that looking
/// through them all for each is out of the question.
#[derive(Debug, Default)]
pub struct Retractions {
    /// Sorted by their lower ends; the upper end is the highest up to here.
    intervals: Vec<(String, String)>,
}

impl Retractions {
    /// Sorts the intervals of a `go.mod`.
    pub fn new(retract: Vec<Retract>) -> Self {
        let mut intervals: Vec<(String, String)> = retract
            .into_iter()
            .map(|interval| (interval.low, interval.high))
            .collect();
        intervals.sort_by(|(a, _), (b, _)| semver::compare(a, b));
        for at in 1..intervals.len() {
            if semver::compare(&intervals[at - 1].1, &intervals[at].1).is_gt() {
                intervals[at].1 = intervals[at - 1].1.clone();
            }
        }
        Self { intervals }
    }

    /// Whether `version` lies in one of the intervals.
    pub fn cover(&self, version: &str) -> bool {
        let begun = self
            .intervals
            .partition_point(|(low, _)| semver::compare(low, version).is_le());
        begun > 0 && semver::compare(version, &self.intervals[begun - 1].1).is_le()
    }
}

/// Reads what the newest release takes back; the newest pre-release where there is no release, never a version with
/// `+incompatible`. What cannot be read takes nothing back.
///
/// # Errors
/// Trouble with the repository: with it the answer would be another one each time.
pub fn read_retractions(inquiry: &mut Inquiry<'_>) -> Result<Retractions, CodeError> {
    if is_unstable(inquiry.place) {
        return Ok(Retractions::default());
    }
    let tagged = sort_tags(inquiry.place, &inquiry.tags()?);
    let newest = tagged
        .fitting
        .iter()
        .rfind(|version| !version.is_prerelease())
        .or(tagged.fitting.last());
    let Some(newest) = newest else {
        return Ok(Retractions::default());
    };
    let tag = inquiry.place.revision_of(newest.as_str());
    let home = inquiry
        .stat(&tag)
        .and_then(|revision| find_home(inquiry, &revision, newest.as_str()));
    match home {
        Ok(home) => Ok(home
            .go_mod
            .and_then(|text| modfile::parse_lax("go.mod", &text).ok())
            .map(|file| Retractions::new(file.retract))
            .unwrap_or_default()),
        Err(error) if is_answer(&error) => Ok(Retractions::default()),
        Err(error) => Err(error),
    }
}
